"""What was taken from whom, and under which run or cause, so that it can be undone.

Written before the intent of each removal, so a row may name what was never taken (whoever reads it asks the dossier),
but none is missing. Partitions `takings-…`, one a person: a row an assignment, with what must be known to give it back;
`took-…`, one a run or cause: whose assignments it took.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import batched

from lifecycle.ports import Delete, Put, Records
from lifecycle.records.keys import pack, safe, unpack

_BATCH = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """An assignment as it was when it was taken away, or (`shortened`) its end moved to an earlier one.

    `ours` says whose it was: ours, or requested or given otherwise, through `policy`. `starts` and `ends` are its own
    (None: no end); `after` is how long the person's chain was; `names` are those under which somebody may ask for it.
    """

    person: str
    package: str
    assignment: str
    user: str
    policy: str
    ours: bool
    shortened: bool
    starts: datetime | None
    ends: datetime | None
    at: datetime
    cause: str
    after: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Took:
    """That a run took this assignment from this person."""

    person: str
    assignment: str


async def note(records: Records, takings: Sequence[Taking]) -> None:
    """Write down one person's takings, under every name by which somebody may ask for them."""
    if not takings:
        return
    before = await of_person(records, takings[0].person, {one.assignment for one in takings})
    earlier = {one.assignment: one.names for one in before}
    takings = [
        replace(one, names=tuple(dict.fromkeys((*earlier.get(one.assignment, ()), *one.names)))) for one in takings
    ]
    rows = [(_key(one), pack(Took(one.person, one.assignment))) for one in takings]
    for some in batched(takings, _BATCH, strict=False):
        whole = [Put(safe(one.assignment), pack(one)) for one in some]
        await records.write(f"takings-{safe(some[0].person)}", whole)
    for name in sorted({name for one in takings for name in one.names}):
        for some_rows in batched(rows, _BATCH, strict=False):
            await records.write(f"took-{safe(name)}", [Put(*row) for row in some_rows])


async def forget(records: Records, person: str) -> None:
    """Forget everything that was ever taken from a person; their own rows go last, as they say where the others are."""
    own = f"takings-{safe(person)}"
    for row in await records.rows(own):
        taking = unpack(Taking, row.value)
        for name in taking.names:
            await records.write(f"took-{safe(name)}", [Delete(_key(taking))])
        await records.write(own, [Delete(row.key)])


def _key(taking: Taking) -> str:
    return f"t-{safe(taking.person)}|{safe(taking.assignment)}"


async def of_run(records: Records, name: str, *, person: str | None = None) -> dict[str, list[str]]:
    """Return the assignments that a run or cause took, by person, in order; of one person only, when asked so."""
    after, before = ("t-", "u") if person is None else (f"t-{safe(person)}|", f"t-{safe(person)}}}")
    rows = await records.rows(f"took-{safe(name)}", after=after, before=before)
    found: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        took = unpack(Took, row.value)
        found[took.person].append(took.assignment)
    return dict(found)


async def of_person(records: Records, person: str, assignments: Collection[str]) -> list[Taking]:
    """Return those takings of a person, the earliest first."""
    wanted = set(assignments)
    rows = [unpack(Taking, row.value) for row in await records.rows(f"takings-{safe(person)}")]
    return sorted((one for one in rows if one.assignment in wanted), key=lambda one: (one.at, one.assignment))
