"""Which chains there are, and which of them moved on which day, so that neither a seal nor a check reads them all.

A chain is named here by its partition, and sorted by the hash of that name, which is all that a seal says of it. Two
indexes, each in sixteen partitions by the first digit of the hash: `chains-…` names every chain, `moved-<day>-…` those
with a record of that day (UTC, by the record's own instant). Both rows are written before the record is: whoever dies
in between leaves a row too many, never one too few. The cost: one small write for each chain and day, two at its first.
"""

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

from lifecycle.ports import Delete, Put, Records

SHARDS = "0123456789abcdef"
_PAGE = 1000
_BATCH = 100


def chain_id(place: str) -> str:
    """Return the hash of a chain's name, which is its partition's."""
    return hashlib.sha256(place.encode()).hexdigest()


def day_of(at: datetime) -> str:
    """Return the day of an instant, as marks name it."""
    return f"{at.astimezone(UTC):%Y%m%d}"


async def mark(records: Records, place: str, at: datetime, *, new: bool) -> None:
    """Note that a chain is about to get a record of that instant; `new` when it may not be in the index of all."""
    name = chain_id(place)
    row = Put(name, place.encode())
    if new:
        await records.write(f"chains-{name[0]}", [row])
    await records.write(f"moved-{day_of(at)}-{name[0]}", [row])


async def all_chains(records: Records, shard: str) -> AsyncIterator[tuple[str, str]]:
    """Yield hash and name of every chain of a shard, in the order of the hashes; read page by page."""
    async for found in _pages(records, f"chains-{shard}"):
        yield found


async def moved_on(records: Records, day: date, shard: str) -> AsyncIterator[tuple[str, str]]:
    """Yield hash and name of the chains of a shard that have a record of that day, in the order of the hashes."""
    async for found in _pages(records, _day(day, shard)):
        yield found


async def forget_day(records: Records, day: date) -> None:
    """Drop a day's marks: seals say where those chains were."""
    for shard in SHARDS:
        while rows := await records.rows(_day(day, shard), limit=_BATCH):
            await records.write(_day(day, shard), [Delete(row.key) for row in rows])


async def forget(records: Records, place: str) -> None:
    """Take a chain out of the index of all; its marks go with their days."""
    name = chain_id(place)
    await records.write(f"chains-{name[0]}", [Delete(name)])


def _day(day: date, shard: str) -> str:
    return f"moved-{day:%Y%m%d}-{shard}"


async def _pages(records: Records, partition: str) -> AsyncIterator[tuple[str, str]]:
    after = ""
    while True:
        rows = await records.rows(partition, after=after, limit=_PAGE)
        for row in rows:
            yield row.key, row.value.decode()
        if len(rows) < _PAGE:
            return
        after = f"{rows[-1].key}0"
