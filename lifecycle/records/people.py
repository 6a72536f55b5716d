"""Everybody we know, and how many: whom a sweep looks at, and what the guard's shares are shares of.

Sixteen partitions (`people-0` … `people-f`), each with its own count in the same transaction as its rows, so that the
sum is right after any crash and no row is hot.
"""

import hashlib
from dataclasses import dataclass

from lifecycle.core.guard import Population
from lifecycle.errors import Lost
from lifecycle.ports import Change, Delete, Insert, Records, Replace
from lifecycle.records.keys import pack, safe, unpack

SHARDS = "0123456789abcdef"
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Known:
    """What counts of a person: employed now, how many managed assignments they hold, their user and its names."""

    person: str
    employed: bool = False
    assignments: int = 0
    user: str = ""
    names: tuple[str, ...] = ()


async def note(records: Records, known: Known) -> None:
    """Write down how a person counts now; nothing is written when that has not changed."""
    partition = f"people-{_shard(known.person)}"
    row_key = f"p-{safe(known.person)}"
    for _ in range(_ATTEMPTS):
        row = await records.read(partition, row_key)
        before = Known(known.person) if row is None else unpack(Known, row.value)
        if row is not None and before == known:
            return
        count = await records.read(partition, "count")
        total = Population(0, 0) if count is None else unpack(Population, count.value)
        value = pack(
            Population(
                total.people + known.employed - before.employed,
                total.assignments + known.assignments - before.assignments,
            )
        )
        changes: list[Change] = [
            Insert("count", value) if count is None else Replace("count", value, count.etag),
            Insert(row_key, pack(known)) if row is None else Replace(row_key, pack(known), row.etag),
        ]
        try:
            await records.write(partition, changes)
        except Lost:
            continue
        return
    raise Lost(f"person {known.person}: the count of its partition kept moving; the next look writes it")


async def meet(records: Records, person: str) -> None:
    """Make sure that a person is known to the sweeps, before anything else is done about them."""
    partition = f"people-{_shard(person)}"
    try:
        await records.write(partition, [Insert(f"p-{safe(person)}", pack(Known(person)))])
    except Lost:
        return


async def forget(records: Records, person: str) -> None:
    """Let a key that no longer stands for anybody count as nobody; a key never met stays unknown."""
    if await records.read(f"people-{_shard(person)}", f"p-{safe(person)}") is not None:
        await note(records, Known(person))


async def erase(records: Records, person: str) -> None:
    """Forget a person, as if they had never been met."""
    if await records.read(f"people-{_shard(person)}", f"p-{safe(person)}") is not None:
        await note(records, Known(person))
        await records.write(f"people-{_shard(person)}", [Delete(f"p-{safe(person)}")])


async def one(records: Records, person: str) -> Known:
    """Return how one person counts; nobody knows anything of somebody who was never met."""
    row = await records.read(f"people-{_shard(person)}", f"p-{safe(person)}")
    return Known(person) if row is None else unpack(Known, row.value)


async def in_shard(records: Records, shard: str, *, after: str = "", limit: int = 0) -> list[Known]:
    """Return how the people of one of the sixteen partitions count, from the one behind `after` on."""
    behind = f"p-{safe(after)}\x20" if after else "p-"
    return [unpack(Known, row.value) for row in await records.rows(f"people-{shard}", after=behind, limit=limit)]


async def population(records: Records) -> Population:
    """Return how many people are employed and how many assignments we manage."""
    people = assignments = 0
    for shard in SHARDS:
        row = await records.read(f"people-{shard}", "count")
        if row is not None:
            part = unpack(Population, row.value)
            people, assignments = people + part.people, assignments + part.assignments
    return Population(people, assignments)


async def everybody(records: Records, *, after: str = "", limit: int = 0) -> list[str]:
    """Return people in a fixed order, from the one behind `after` on, at most `limit` of them."""
    return [one.person for one in await known(records, after=after, limit=limit)]


async def known(records: Records, *, after: str = "", limit: int = 0) -> list[Known]:
    """Return how people count, in the same order."""
    found: list[Known] = []
    start = _shard(after) if after else SHARDS[0]
    for shard in SHARDS[SHARDS.index(start) :]:
        behind = f"p-{safe(after)}\x20" if after and shard == start else "p-"
        rows = await records.rows(f"people-{shard}", after=behind, limit=limit - len(found) if limit else 0)
        found += [unpack(Known, row.value) for row in rows]
        if limit and len(found) >= limit:
            break
    return found


def _shard(person: str) -> str:
    return hashlib.sha256(person.encode()).hexdigest()[0]
