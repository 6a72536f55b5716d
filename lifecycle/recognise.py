"""Compares the directory's users with those that people were recognised as, to find who is no longer who they were.

One list of all users, no call a person. A user that vanished, changed its employeeId, or shares it with another, is
found; what it means is found out by looking at the person again (`correlate`). Changes nothing.
"""

from collections.abc import AsyncIterator

from lifecycle.core.events import key
from lifecycle.core.fingerprints import Fingerprints, fingerprint
from lifecycle.errors import StaleLink
from lifecycle.ports import Ports, Records, User
from lifecycle.records import people
from lifecycle.records.identities import identity_of
from lifecycle.records.people import Known

_CHUNK = 1000


async def compare_users(ports: Ports) -> list[str]:
    """Return the people whose user is not, or not alone, what it was. Raises as `Users.page` does."""
    pairs, names = Fingerprints(), Fingerprints()
    async for one in _recognised(ports.records):
        for name in one.names:
            pairs.add(_pair(one.user, name))
            names.add(name.encode())
    pairs.close()
    names.close()
    doubled = await _look_through(pairs, names, ports)
    found = {person: None for name in doubled if (person := (await identity_of(ports.records, name)).person)}
    async for one in _recognised(ports.records):
        marks = [fingerprint(_pair(one.user, name)) for name in one.names]
        if marks and not any(pairs.seen(mark) for mark in marks):
            found[one.person] = None
    return list(found)


async def _look_through(pairs: Fingerprints, names: Fingerprints, ports: Ports) -> list[str]:
    """Tick off every user that is still recognised; return the names that another user carries."""
    doubled: list[str] = []
    link = ""
    while True:
        try:
            page = await ports.users.page(link=link)
        except StaleLink:
            if not link:
                raise
            link, doubled = "", []
            continue
        for user in page.rows:
            for name in _names(user):
                known = pairs.see(fingerprint(_pair(user.id, name)))
                if not known and name == key(user.employee_id or "") and names.see(fingerprint(name.encode())):
                    doubled.append(name)
        link = page.link
        if not link:
            return doubled


def _names(user: User) -> list[str]:
    return [key(name) for name in (user.employee_id, user.user_principal_name) if name]


def _pair(user: str, name: str) -> bytes:
    return f"{user.casefold()}|{name}".encode()


async def _recognised(records: Records) -> AsyncIterator[Known]:
    after = ""
    while True:
        chunk = await people.known(records, after=after, limit=_CHUNK)
        for one in chunk:
            if one.user:
                yield one
        if len(chunk) < _CHUNK:
            return
        after = chunk[-1].person
