"""Room under the guard's limits, reserved by conditional write before anything is applied.

One partition a counter (`guard-…`): a head row with counts in buckets of time, conditional on its etag, and a row a
key, so that the same step claimed again inside the window counts once, from then on. A step that was reserved and then
failed keeps its room: repeating it is free, and the count errs on the safe side.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from lifecycle.core.guard import Claim, Verdict
from lifecycle.errors import Lost
from lifecycle.ports import Change, Delete, Insert, Put, Records, Replace
from lifecycle.records.keys import pack, safe, unpack

PARTITIONS = "guard-"
"""How the names of the counters' partitions begin, and of no other."""

_BUCKET = timedelta(minutes=5)
_ATTEMPTS = 50


@dataclass(frozen=True, slots=True)
class _Count:
    """Reservations by the start of their bucket, in seconds since 1970 (as text: JSON knows no other keys)."""

    buckets: dict[str, int] = field(default_factory=dict)


async def reserve(records: Records, claims: Sequence[Claim], window: timedelta, now: datetime) -> list[Verdict]:
    """Reserve all claims or none; the verdicts say which of them did not fit."""
    verdicts: list[Verdict] = []
    taken: list[tuple[Claim, tuple[str, ...]]] = []
    for claim in claims:
        verdict, fresh = await _reserve_one(records, claim, window, now)
        verdicts.append(verdict)
        if not verdict.fits:
            for earlier, keys in taken:
                await _give_back(records, earlier, keys, now)
            return verdicts
        taken.append((claim, fresh))
    return verdicts


async def _reserve_one(
    records: Records, claim: Claim, window: timedelta, now: datetime
) -> tuple[Verdict, tuple[str, ...]]:
    partition = f"{PARTITIONS}{safe(claim.counter)}"
    for _ in range(_ATTEMPTS):
        head = await records.read(partition, "head")
        count = _Count() if head is None else unpack(_Count, head.value)
        since = (now - window).timestamp()
        live = {start: many for start, many in count.buckets.items() if int(start) + _BUCKET.total_seconds() > since}
        bucket = _bucket(now)
        reserved = {key: await _reserved_in(records, partition, key, since) for key in claim.keys}
        fresh = tuple(key for key, before in reserved.items() if before is None)
        older = {key: before for key, before in reserved.items() if before not in {None, bucket}}
        counted = sum(live.values())
        if counted + len(fresh) > claim.limit:
            return Verdict(claim, counted, fits=False), ()
        if not fresh and not older:
            return Verdict(claim, counted, fits=True), ()
        for before in older.values():  # taken again now, the row counts from now on
            live[str(before)] = max(0, live.get(str(before), 0) - 1)
        live[bucket] = live.get(bucket, 0) + len(fresh) + len(older)
        value = pack(_Count(live))
        moved: Change = Insert("head", value) if head is None else Replace("head", value, head.etag)
        rows = [Put(f"k-{safe(key)}", pack(now.timestamp())) for key in (*fresh, *older)]
        try:
            await records.write(partition, [moved, *rows])
        except Lost:
            continue
        return Verdict(claim, counted, fits=True), fresh
    raise Lost(f"{claim.counter}: the counter kept moving; the look is repeated")


async def _reserved_in(records: Records, partition: str, key: str, since: float) -> str | None:
    """Return the bucket in which the key has room, or None when it has none in the window."""
    row = await records.read(partition, f"k-{safe(key)}")
    at = 0.0 if row is None else unpack(float, row.value)
    return _bucket(datetime.fromtimestamp(at, UTC)) if at > since else None


async def _give_back(records: Records, claim: Claim, keys: tuple[str, ...], now: datetime) -> None:
    """Undo a reservation of this very call, whose sibling did not fit."""
    partition = f"{PARTITIONS}{safe(claim.counter)}"
    for _ in range(_ATTEMPTS):
        head = await records.read(partition, "head")
        if head is None or not keys:
            return
        count = unpack(_Count, head.value)
        bucket = _bucket(now)
        count.buckets[bucket] = max(0, count.buckets.get(bucket, 0) - len(keys))
        rows = [Put(f"k-{safe(key)}", pack(0.0)) for key in keys]
        try:
            await records.write(partition, [Replace("head", pack(count), head.etag), *rows])
        except Lost:
            continue
        return


def _bucket(now: datetime) -> str:
    seconds = int(_BUCKET.total_seconds())
    return str(int(now.timestamp()) // seconds * seconds)


async def forget(records: Records, counters: Sequence[str], key: str) -> None:
    """Forget that a key has room; its counts stay until their window is over."""
    for counter in counters:
        await records.write(f"{PARTITIONS}{safe(counter)}", [Delete(f"k-{safe(key)}")])
