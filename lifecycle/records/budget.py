"""How many assignment requests were made in the rolling quarter: ours as we send them, everybody's as Graph tells.

Partition `budget`, keys that sort by UTC day:

    20260302        what Graph counted in the tenant on that day up to an instant, and ours once the day is closed
    20260302-0 … f  ours on that day by the hour, in sixteen rows, so that many senders seldom meet in one
    warned          the day on which a notice about a low budget went out

A day is closed when Graph was asked for all of it; its sixteen rows are then folded into the day's own, in one
transaction. So the whole quarter is one short read.
"""

import asyncio
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from lifecycle.core.budget import Spent, first_day
from lifecycle.errors import Lost
from lifecycle.ports import Change, Delete, Insert, Put, Records, Replace, Row
from lifecycle.records.keys import pack, unpack

SETTLED = timedelta(minutes=10)
"""How old a request must be for Graph's lists to show it surely (they lag up to two minutes) and ours to be counted."""

_PARTITION = "budget"
_BEHIND_DAYS = ":"  # sorts behind every digit
_WARNED = "warned"
_SHARDS = 16
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_FRESH = timedelta(minutes=1)
_ATTEMPTS = 20
_CHANGES = 100  # the port's limit for one write


@dataclass(frozen=True, slots=True)
class _Told:
    """A day's own row: everybody's requests created before `until`; `ours` on the whole day, once it is closed."""

    count: int
    until: datetime
    ours: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """What Graph is to be asked about: `since <= created < until`, within one UTC day."""

    since: datetime
    until: datetime


# --- counting ours -------------------------------------------------------------------------------------------------


async def count(records: Records, token: str, now: datetime) -> None:
    """Count one request of ours. Raises `Lost` only when all sixteen rows kept moving."""
    at = now.astimezone(UTC)
    shard = int(hashlib.sha256(token.encode()).hexdigest()[0], _SHARDS)
    for attempt in range(_SHARDS):  # whoever loses a row takes the next one
        key = f"{_key(at.date())}-{(shard + attempt) % _SHARDS:x}"
        row = await records.read(_PARTITION, key)
        hours = {} if row is None else unpack(dict[str, int], row.value)
        hours[_hour(at)] = hours.get(_hour(at), 0) + 1
        value = pack(hours)
        try:
            await records.write(_PARTITION, [Insert(key, value) if row is None else Replace(key, value, row.etag)])
        except Lost:
            continue
        return
    raise Lost("the counts of today's requests kept moving; the look is repeated")


# --- what Graph counted --------------------------------------------------------------------------------------------


async def uncalibrated(records: Records, now: datetime) -> list[Span]:
    """Return the days of the quarter that Graph was not asked for yet, oldest first.

    The last one ends at the latest full hour that has settled; it is asked for again until its day is over.
    """
    told = {row.key: unpack(_Told, row.value) for row in await _quarter(records, now) if "-" not in row.key}
    settled = (now.astimezone(UTC) - SETTLED).replace(minute=0, second=0, microsecond=0)
    spans = []
    day = first_day(now)
    while (since := _start(day)) < settled:
        until = min(since + _DAY, settled)
        if _key(day) not in told or told[_key(day)].until < until:
            spans.append(Span(since, until))
        day += _DAY
    return spans


async def calibrated(records: Records, span: Span, counted: int) -> None:
    """Write down what Graph counted; a whole day closes it. What was asked later stands, whoever writes it first.

    Raises `Lost` when the day's rows kept moving.
    """
    key = _key(span.since.date())
    closed = span.until == span.since + _DAY
    for _ in range(_ATTEMPTS):
        rows = await records.rows(_PARTITION, after=key, before=_key(span.since.date() + _DAY))
        own = next((row for row in rows if row.key == key), None)
        shards = [row for row in rows if row.key != key and closed]
        told = None if own is None else unpack(_Told, own.value)
        if told is not None and told.until >= span.until:
            return
        ours = sum(many for row in shards for many in unpack(dict[str, int], row.value).values())
        value = pack(_Told(counted, span.until, ours))
        change: Change = Insert(key, value) if own is None else Replace(key, value, own.etag)
        try:
            await records.write(_PARTITION, [change, *(Delete(row.key, row.etag) for row in shards)])
        except Lost:
            continue
        return
    raise Lost(f"the counts of {span.since.date()} kept moving; the next calibration closes that day")


# --- what was spent ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Day:
    """What is known of one day."""

    told: _Told | None = None
    hours: list[tuple[str, int]] = field(default_factory=list)

    @property
    def ours(self) -> int:
        return sum(many for _, many in self.hours) + (0 if self.told is None else self.told.ours)

    @property
    def tenant(self) -> int:
        """What Graph counted and ours from there on, and never less than ours."""
        if self.told is None:
            return self.ours
        told_until = _hour(self.told.until)
        return max(self.ours, self.told.count + sum(many for hour, many in self.hours if hour >= told_until))


async def spent(records: Records, now: datetime) -> Spent:
    """Return the requests of the rolling quarter: one read of some hundred short rows. `Meter` remembers it."""
    days = (await _days(records, now)).values()
    return Spent(sum(day.tenant for day in days), sum(day.ours for day in days))


@dataclass(frozen=True, slots=True)
class Day:
    """One UTC day: everybody's requests as far as we know, ours among them, and up to when Graph was asked."""

    day: date
    tenant: int
    ours: int
    told_until: datetime | None = None


async def by_day(records: Records, now: datetime) -> list[Day]:
    """Return the days of the rolling quarter of which something is known, oldest first; the same one read."""
    return [
        Day(date.fromisoformat(name), day.tenant, day.ours, None if day.told is None else day.told.until)
        for name, day in sorted((await _days(records, now)).items())
    ]


async def _days(records: Records, now: datetime) -> dict[str, _Day]:
    days: dict[str, _Day] = {}
    for row in await _quarter(records, now):
        name, _, shard = row.key.partition("-")
        day = days.setdefault(name, _Day())
        if shard:
            day.hours += unpack(dict[str, int], row.value).items()
        else:
            day.told = unpack(_Told, row.value)
    return days


class Meter:
    """What was spent, remembered for a minute, so that it can be asked before every change; one for each process.

    What this process counts shows at once, what others count within a minute.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._known = Spent()
        self._at: datetime | None = None
        self._reading = asyncio.Lock()

    async def count(self, token: str, now: datetime) -> None:
        """Count one request of ours (see `count`)."""
        await count(self._records, token, now)
        self._known = Spent(self._known.tenant + 1, self._known.ours + 1)

    async def spent(self, now: datetime) -> Spent:
        """Return the requests of the rolling quarter."""
        async with self._reading:  # so that many askers cause one read
            if self._at is None or abs(now - self._at) >= _FRESH:
                self._known = await spent(self._records, now)
                self._at = now
            return self._known


# --- keeping house -------------------------------------------------------------------------------------------------


async def prune(records: Records, now: datetime) -> None:
    """Forget the days that are older than the quarter."""
    rows = await records.rows(_PARTITION, before=_key(first_day(now)))
    for start in range(0, len(rows), _CHANGES):
        await records.write(_PARTITION, [Delete(row.key) for row in rows[start : start + _CHANGES]])


async def warned(records: Records, now: datetime) -> bool:
    """Whether a notice about a low budget went out today."""
    row = await records.read(_PARTITION, _WARNED)
    return row is not None and row.value.decode() == _key(now.astimezone(UTC).date())


async def note_warning(records: Records, now: datetime) -> None:
    """Write down that a notice about a low budget went out today."""
    await records.write(_PARTITION, [Put(_WARNED, _key(now.astimezone(UTC).date()).encode())])


async def _quarter(records: Records, now: datetime) -> list[Row]:
    return await records.rows(_PARTITION, after=_key(first_day(now)), before=_BEHIND_DAYS)


def _key(day: date) -> str:
    return day.strftime("%Y%m%d")


def _hour(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%d%H")


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
