"""Who is one person: worker ids and HR's person ids, joined by what HR said of them.

An id's person is the smallest person id among everything joined to it, else the smallest worker id, so the answer does
not depend on the order in which facts came. Joining two people moves the chain of each former one, so that a reconciler
that still works under the old key loses its next intent. Partition: `identity-…`, one per id.
"""

from dataclasses import dataclass
from datetime import datetime

from lifecycle.core.evidence import Tag
from lifecycle.ports import Put, Records
from lifecycle.records import holds, people
from lifecycle.records.dossier import open_dossier, put_flight, put_holding, put_refusal
from lifecycle.records.keys import safe
from lifecycle.records.wakeups import set_wake

_PERSON, _WORKER = "p", "w"


@dataclass(frozen=True, slots=True)
class Identity:
    """A person's key and the ids joined under it."""

    person: str
    workers: tuple[str, ...] = ()
    people: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """Return every id by which somebody may name this person."""
        return tuple(dict.fromkeys((self.person, *self.workers, *self.people)))


async def identity_of(records: Records, identifier: str) -> Identity:
    """Return the person that an id stands for; an unknown id stands for itself."""
    person = identifier
    for _ in range(8):
        row = await records.read(_partition(person), "is")
        if row is None or row.value.decode() == person:
            break
        person = row.value.decode()
    rows = await records.rows(_partition(person), after="m-", before="n")
    members = [(row.key[2:3], row.value.decode()) for row in rows]
    workers = tuple(sorted(name for kind, name in members if kind == _WORKER))
    people = tuple(sorted(name for kind, name in members if kind == _PERSON))
    return Identity(person, workers, people)


async def join(records: Records, now: datetime, cause: str, *, workers: set[str], people: set[str]) -> Identity:
    """Make all of these ids one person and return it. Safe to repeat, and to be cut short and repeated."""
    known = [await identity_of(records, name) for name in sorted(workers | people)]
    all_workers = {*workers, *(name for one in known for name in one.workers)}
    all_people = {*people, *(name for one in known for name in one.people)}
    person = min(all_people) if all_people else min(all_workers)
    whole = Identity(person, tuple(sorted(all_workers)), tuple(sorted(all_people)))
    if all(one == whole for one in known):
        return whole
    rows = [Put(_member(_WORKER, name), name.encode()) for name in whole.workers]
    rows += [Put(_member(_PERSON, name), name.encode()) for name in whole.people]
    await records.write(_partition(person), [Put("is", person.encode()), *rows])
    for former in sorted({*whole.ids, *(one.person for one in known)} - {person}):
        await records.write(_partition(former), [Put("is", person.encode())])
    for former in sorted({one.person for one in known} - {person}):
        await _hand_over(records, former, person, now, cause)
    return whole


async def _hand_over(records: Records, former: str, person: str, now: datetime, cause: str) -> None:
    """Close the former key's chain, then give what it held and had under way to the person.

    Closing comes first: a reconciler still at work under the former key can then start nothing new, and what it had
    started is among what is handed over.
    """
    closing = await open_dossier(records, former)
    if not closing.head.length:
        return
    await closing.append_anyway(now, Tag.MERGED, cause, {"into": person})
    old, new = await open_dossier(records, former), await open_dossier(records, person)
    changes = [put_flight(new, flight) for package, flight in old.flights.items() if package not in new.flights]
    changes += [put_holding(new, row) for name, row in old.holdings.items() if name not in new.holdings]
    changes += [put_refusal(new, one) for package, one in old.refusals.items() if package not in new.refusals]
    await new.append_anyway(now, Tag.MERGED, cause, {"from": former}, *changes)
    await set_wake(old, None)
    await people.note(records, people.Known(former))
    if old.withheld is not None:
        await holds.let_go(records, old.withheld.run, former)


def _partition(identifier: str) -> str:
    return f"identity-{safe(identifier)}"


def _member(kind: str, name: str) -> str:
    return f"m-{kind}-{safe(name)}"
