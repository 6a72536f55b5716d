"""Which people claim an Entra user; more than one is a conflict. Partition `user-…`, a row a person."""

from lifecycle.ports import Delete, Put, Records
from lifecycle.records.identities import identity_of
from lifecycle.records.keys import safe


async def claim(records: Records, user: str, person: str) -> frozenset[str]:
    """Write down that the person is this user, and return everybody who claims it (joined people count once)."""
    partition = f"user-{safe(user)}"
    people = [row.value.decode() for row in await records.rows(partition)]
    if person not in people:
        await records.write(partition, [Put(safe(person), person.encode())])
        return await claimants(records, user)
    return await _joined(records, people)


async def drop(records: Records, user: str, person: str) -> None:
    """Write down that the person is not this user."""
    await records.write(f"user-{safe(user)}", [Delete(safe(person))])


async def claimants(records: Records, user: str) -> frozenset[str]:
    """Return who claims the user, joined people once."""
    return await _joined(records, [row.value.decode() for row in await records.rows(f"user-{safe(user)}")])


async def _joined(records: Records, people: list[str]) -> frozenset[str]:
    return frozenset([(await identity_of(records, name)).person for name in people])
