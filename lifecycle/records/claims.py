"""Which people claim an Entra user; more than one is a conflict. Partition `user-…`, a row a person."""

from lifecycle.ports import Put, Records
from lifecycle.records.identities import identity_of
from lifecycle.records.keys import safe


async def claim(records: Records, user: str, person: str) -> frozenset[str]:
    """Write down that the person is this user, and return everybody who claims it (joined people count once)."""
    partition = f"user-{safe(user)}"
    rows = await records.rows(partition)
    if person not in {row.value.decode() for row in rows}:
        await records.write(partition, [Put(safe(person), person.encode())])
        rows = await records.rows(partition)
    names = [(await identity_of(records, row.value.decode())).person for row in rows]
    return frozenset(names)
