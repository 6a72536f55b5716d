"""Seals the ledger: writes down, once and for good, where every chain that moved since the last seal ended.

Reads what was marked as moved and the ends of those chains, never every chain. What moves while a seal is made is in
this one or in the next. A record is written at most `_LATE` after the instant that it states (an invocation lasts half
an hour at most, `host.json`), so a seal looks that much further back than the one before was made.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import batched

from lifecycle.core import seal as body_of
from lifecycle.core.evidence import GENESIS, Tag
from lifecycle.core.seal import Entry, Seal, name_of, number_of
from lifecycle.errors import Lost, Permanent
from lifecycle.ports import Ports, Records
from lifecycle.records import ledger, moved

CHAIN = "seals"
"""The chain that names every seal, so that one that vanished is missed."""

NEAR = timedelta(hours=1)
"""Two seals nearer than this are one: a timer that ran twice, or in two instances."""

_LATE = timedelta(days=1)
_KEPT = timedelta(days=7)
_AT_ONCE = 32
_DAY = timedelta(days=1)


@dataclass(slots=True)
class _Known:
    """What the last seals say: the newest, its hash, and where the chains were that they list."""

    newest: Seal | None = None
    hash: str = GENESIS
    listed: dict[str, bytes] = field(default_factory=dict)


async def seal(ports: Ports) -> Seal:
    """Make the next seal and return it; the last one when it is less than an hour old.

    Raises `Permanent` when the last seal cannot be read as one or lies in the future, and what records and seals raise:
    nothing was sealed then, and the next run seals it all.
    """
    now = ports.clock.now()
    known = await _known(ports)
    last = known.newest
    if last is not None:
        await _noted(ports, last, known.hash)
        if now < last.at - NEAR:
            raise Permanent(
                f"{last.name} was made at {last.at.isoformat()}, which is yet to come: a clock is wrong; nothing was "
                "sealed. See to the clock; the next run seals everything since"
            )
        if now < last.at + NEAR:
            return last
    entries = [entry async for entry in _moved(ports.records, known, now)]
    made, body = body_of.written(1 if last is None else last.number + 1, now, known.hash, entries)
    try:
        await ports.seals.put(made.name, body)
    except Lost:  # another instance's, or this very one, of which the answer was lost
        taken = await ports.seals.get(made.name)
        if taken is None:
            raise
        made, body = _read(made.number, taken)[0], taken
    await _noted(ports, made, body_of.hash_of(body))
    for day in _settled(last, made):
        await moved.forget_day(ports.records, day)
    return made


async def _known(ports: Ports) -> _Known:
    """Read the seals that list what may be marked still, the newest first."""
    known = _Known()
    numbers = sorted(filter(None, map(number_of, await ports.seals.names())), reverse=True)
    for number in numbers:
        body = await ports.seals.get(name_of(number))
        if body is None:
            raise Permanent(f"{name_of(number)} is listed and not there; nothing was sealed. Run `lifecycle verify`")
        found, lines = _read(number, body)
        if known.newest is None:
            known.newest, known.hash = found, body_of.hash_of(body)
        for line in lines:
            known.listed.setdefault(line[:64].decode(), line)
        if found.at < known.newest.at - _LATE - _DAY:
            break
    return known


def _read(number: int, body: bytes) -> tuple[Seal, list[bytes]]:
    try:
        return body_of.read(number, body)
    except ValueError as error:
        raise Permanent(
            f"{name_of(number)} is no seal any more: {error}; nothing was sealed. Run `lifecycle verify`"
        ) from None


async def _moved(records: Records, known: _Known, now: datetime) -> AsyncIterator[Entry]:
    """Yield the chains that ended elsewhere when they were last sealed, in the order of their hashes."""
    for shard in moved.SHARDS:
        places = await _marked(records, shard, known.newest, now)
        for some in batched(sorted(places), _AT_ONCE, strict=False):
            heads = await asyncio.gather(*(ledger.head_of(records, places[one]) for one in some))
            for one, head in zip(some, heads, strict=True):
                entry = Entry(one, head.length, head.hash)
                if head.length and known.listed.get(one) != bytes(entry):
                    yield entry


async def _marked(records: Records, shard: str, last: Seal | None, now: datetime) -> dict[str, str]:
    """Return the chains of a shard that may have moved since the last seal; all of them when there is none."""
    if last is None:
        return {name: place async for name, place in moved.all_chains(records, shard)}
    found: dict[str, str] = {}
    for day in _days(_since(last), (now + _DAY).date()):  # an instance's clock may be ahead of this one's
        found |= {name: place async for name, place in moved.moved_on(records, day, shard)}
    return found


def _since(last: Seal | None) -> date | None:
    return None if last is None else (last.at - _LATE).date()


def _days(first: date | None, last: date) -> Iterator[date]:
    while first is not None and first <= last:
        yield first
        first += _DAY


def _settled(last: Seal | None, made: Seal) -> Iterator[date]:
    """Yield the days that no later seal looks at; with some before, since a run that died left their marks."""
    next_first = (made.at - _LATE).date()
    return _days((_since(last) or next_first) - _KEPT, next_first - _DAY)


async def _noted(ports: Ports, made: Seal, digest: str) -> None:
    """Name the seal in a chain, unless it is there."""
    head = await ledger.head_of(ports.records, ledger.partition_of(CHAIN))
    newest = await ledger.chain_in(ports.records, ledger.partition_of(CHAIN), after=max(0, head.length - 1))
    if newest and newest[-1].detail["seal"] == made.number:
        return
    detail = {"seal": made.number, "hash": digest, "root": made.root, "chains": made.chains}
    await ledger.enter(ports.records, CHAIN, Tag.SEALED, detail, at=ports.clock.now(), cause=f"seal:{made.number}")
