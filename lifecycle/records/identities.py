"""Who is one person: worker ids and HR's person ids, joined by what HR said of them.

An id's person is the smallest person id among everything joined to it, else the smallest worker id, so the answer does
not depend on the order in which facts came. Joining two people closes the chain of each former one, so that a
reconciler that still works under the old key loses its next intent, or finds the chain closed. Partition: `identity-…`,
one per id.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from lifecycle.core.evidence import Tag
from lifecycle.ports import Delete, Put, Records
from lifecycle.records import holds, people
from lifecycle.records.dossier import (
    Flight,
    Refusal,
    Stage,
    close_dossier,
    open_dossier,
    put_delay,
    put_flight,
    put_holding,
    put_refusal,
)
from lifecycle.records.keys import safe
from lifecycle.records.wakeups import set_wake

_PERSON, _WORKER = "p", "w"


@dataclass(frozen=True, slots=True)
class Identity:
    """A person's key and the ids joined under it; `formers` are keys whose dossiers were not handed over yet."""

    person: str
    workers: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    formers: tuple[str, ...] = ()

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
    rows = [(row.key[:3], row.value.decode()) for row in await records.rows(_partition(person), after="h-", before="n")]
    return Identity(
        person,
        tuple(sorted(name for kind, name in rows if kind == f"m-{_WORKER}")),
        tuple(sorted(name for kind, name in rows if kind == f"m-{_PERSON}")),
        tuple(sorted(name for kind, name in rows if kind.startswith("h-"))),
    )


async def join(records: Records, now: datetime, cause: str, *, workers: set[str], people: set[str]) -> Identity:
    """Make all of these ids one person and return it. Safe to repeat, and to be cut short and repeated."""
    known = [await identity_of(records, name) for name in sorted(workers | people)]
    all_workers = {*workers, *(name for one in known for name in one.workers)}
    all_people = {*people, *(name for one in known for name in one.people)}
    person = min(all_people) if all_people else min(all_workers)
    formers = {name for one in known for name in (one.person, *one.formers)} - {person}
    whole = Identity(person, tuple(sorted(all_workers)), tuple(sorted(all_people)), tuple(sorted(formers)))
    if all(one == whole for one in known) and not formers:
        return whole
    rows = [Put(_member(_WORKER, name), name.encode()) for name in whole.workers]
    rows += [Put(_member(_PERSON, name), name.encode()) for name in whole.people]
    rows += [Put(_former(name), name.encode()) for name in whole.formers]
    await records.write(_partition(person), [Put("is", person.encode()), *rows])
    return await complete(records, whole, now, cause)


async def complete(records: Records, identity: Identity, now: datetime, cause: str) -> Identity:
    """Finish a join that was begun: every id leads to the person, and the formers' dossiers are handed over."""
    for name in sorted({*identity.ids, *identity.formers} - {identity.person}):
        await records.write(_partition(name), [Put("is", identity.person.encode())])
    for name in identity.formers:
        await _hand_over(records, name, identity.person, now, cause)
        await records.write(_partition(identity.person), [Delete(_former(name))])
    return replace(identity, formers=())


async def _hand_over(records: Records, former: str, person: str, now: datetime, cause: str) -> None:
    """Close the former key's chain, then give what it held and had under way to the person.

    Closing comes first, also of a chain that has no record yet: a reconciler still at work under the former key can
    then start nothing new, and what it had started is among what is handed over.
    """
    old = await open_dossier(records, former)
    if old.merged is None:
        await old.append_anyway(now, Tag.MERGED, cause, {"into": person}, close_dossier(old, person))
        old = await open_dossier(records, former)
    if old.flights or old.holdings or old.refusals or old.delays:
        new = await open_dossier(records, person)
        changes = [put_flight(new, one) for package, one in old.flights.items() if _goes_on(new.flights.get(package))]
        changes += [put_holding(new, row) for name, row in old.holdings.items() if name not in new.holdings]
        stricter = [one for package, one in old.refusals.items() if _outweighs(one, new.refusals.get(package))]
        changes += [put_refusal(new, one) for one in stricter]
        changes += [change for one in old.delays.values() for change in put_delay(new, None, one)]
        await new.append_anyway(now, Tag.MERGED, cause, {"from": former}, *changes)
    await set_wake(old, None)
    await people.forget(records, former)
    if old.withheld is not None:
        await holds.let_go(records, old.withheld.run, former)


def _goes_on(known: Flight | None) -> bool:
    """Whether there is no request of the person's own to be followed: one that failed has nothing to be followed."""
    return known is None or known.stage is Stage.FAILED


def _outweighs(one: Refusal, known: Refusal | None) -> bool:
    """Whether a denial reaches farther than the one that is known: what was denied to either is denied to both."""
    return known is None or (one.stands, one.at) > (known.stands, known.at)


async def erase(records: Records, identity: Identity) -> None:
    """Forget who an identity is: each of its ids stands for itself again. The person, who has the others, goes last."""
    for name in reversed(identity.ids):
        rows = await records.rows(_partition(name))
        await records.write(_partition(name), [Delete(row.key) for row in rows])


def _partition(identifier: str) -> str:
    return f"identity-{safe(identifier)}"


def _member(kind: str, name: str) -> str:
    return f"m-{kind}-{safe(name)}"


def _former(name: str) -> str:
    return f"h-{safe(name)}"
