"""Delays as rows: the open ones together, those that ended by the month in which they were due, figures a month.

    delays-open-0 … f       one row for each delay that is open
    delays-2026-11-0 … f    one row for each that ended (gone or withdrawn), by the month of `due` in UTC
    delays                  one row a month: the figures of what ended, or null since something changed

Sixteen partitions by person, because thousands leave at one month's end. A delay's own truth is in its person's
dossier; the rows here follow it and are written first, so that a death in between leaves them to be written again.

The figures of a month are computed when they are asked for and kept, conditional on the month's row; a delay that
ends, however late, sets its month's row to null behind its own row, so that the next reader computes them anew. A month
without a row has none.
"""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from lifecycle.core.delays import Delay, Outcome, Summary, summarise, with_open
from lifecycle.errors import Lost
from lifecycle.ports import Delete, Put, Records, Replace, Row
from lifecycle.records.keys import instant, pack, safe, unpack

_SHARDS = "0123456789abcdef"
_MONTHS = "delays"
_CHANGED = pack(None)


def month_of(at: datetime) -> str:
    """Return the month (UTC) in which a delay counts that was due then, as `2026-11`."""
    return f"{at.astimezone(UTC):%Y-%m}"


async def note(records: Records, before: Delay | None, after: Delay) -> None:
    """Write a delay where it is looked for, in place of `before`. Safe to repeat."""
    where, key = _place(after)
    await records.write(where, [Put(key, pack(after))])
    stale = {(_partition("open", after.person), key)} if not after.is_open else set()
    stale |= set() if before is None else {_place(before)}
    for partition, old in sorted(stale - {(where, key)}):
        await records.write(partition, [Delete(old)])
    ended = {month_of(one.due) for one in (before, after) if one is not None and not one.is_open}
    for month in sorted(ended):
        await records.write(_MONTHS, [Put(month, _CHANGED)])


async def forget(records: Records, known: Iterable[Delay]) -> None:
    """Forget whose delays these were; the figures of their months stay as they were with them."""
    known = list(known)
    for month in sorted({month_of(delay.due) for delay in known}):
        await _figures(records, month, await records.read(_MONTHS, month))
    for delay in known:
        where, key = _place(delay)
        await records.write(where, [Delete(key)])


# --- figures -------------------------------------------------------------------------------------------------------


async def summaries(records: Records, months: Sequence[str]) -> dict[str, tuple[Summary, ...]]:
    """Return each month's figures by class, those months as `2026-11`.

    One read for all months whose figures stand, one for the open delays, one for each month that changed.
    """
    if not months:
        return {}
    known = {row.key: row for row in await records.rows(_MONTHS, after=min(months), before=f"{max(months)}~")}
    waiting: dict[str, list[Delay]] = defaultdict(list)
    for delay in await still_open(records):
        waiting[month_of(delay.due)].append(delay)
    figures = [await _figures(records, month, known.get(month)) for month in months]
    return {month: with_open(one, waiting[month]) for month, one in zip(months, figures, strict=True)}


async def _figures(records: Records, month: str, row: Row | None) -> tuple[Summary, ...]:
    if row is None:
        return ()
    kept = unpack(tuple[Summary, ...] | None, row.value)  # type: ignore[arg-type]  # a union is no class to mypy
    return await _compute(records, month, row) if kept is None else kept


async def _compute(records: Records, month: str, row: Row) -> tuple[Summary, ...]:
    found = summarise(await _read(Outcome, records, _shards(month)))
    try:
        await records.write(_MONTHS, [Replace(month, pack(found), row.etag)])
    except Lost:
        return found  # something ended meanwhile: the next reader computes them anew
    return found


# --- delays themselves ---------------------------------------------------------------------------------------------


async def of_months(records: Records, months: Sequence[str]) -> list[Delay]:
    """Return every delay that was due in those months, open and withdrawn ones included, by when they were due."""
    found = [delay for month in dict.fromkeys(months) for delay in await _ended(records, month)]
    found += [delay for delay in await still_open(records) if month_of(delay.due) in months]
    return sorted(found, key=_order)


async def late(records: Records, months: Sequence[str]) -> list[Delay]:
    """Return those due in the months that were gone after their deadline; `still_open` has those that are not gone."""
    found = [delay for month in dict.fromkeys(months) for delay in await _ended(records, month)]
    return sorted((one for one in found if one.confirmed is not None and not one.in_time), key=_order)


async def still_open(records: Records) -> list[Delay]:
    """Return every delay that is open, by when it was due."""
    return sorted(await _read(Delay, records, _shards("open")), key=_order)


async def _ended(records: Records, month: str) -> list[Delay]:
    return await _read(Delay, records, _shards(month))


async def _read[T: Outcome](kind: type[T], records: Records, partitions: Sequence[str]) -> list[T]:
    """Read all partitions at once: one after the other they would take sixteen times the store's latency."""
    found = await asyncio.gather(*(records.rows(partition) for partition in partitions))
    return [unpack(kind, row.value) for rows in found for row in rows]


def _order(delay: Delay) -> tuple[datetime, str, str]:
    return delay.due, delay.person, delay.kind


def _place(delay: Delay) -> tuple[str, str]:
    """Return the partition and key of the row, which are the same however a delay ended."""
    where = "open" if delay.is_open else month_of(delay.due)
    return _partition(where, delay.person), f"{instant(delay.due)}-{delay.kind}-{safe(delay.person)}"


def _partition(where: str, person: str) -> str:
    return f"delays-{where}-{hashlib.sha256(person.encode()).hexdigest()[0]}"


def _shards(where: str) -> list[str]:
    return [f"delays-{where}-{shard}" for shard in _SHARDS]
