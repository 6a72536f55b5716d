"""The facts that outside systems told us, one row each, in the bytes in which they are hashed and shown.

Facts are stored once, whatever order they come in, and never changed. Partitions: `worker-…` (what was said of a worker
record), `project-…` (of a project), `member-…` (who works on what, by the person), `members-…` (who is on a project).
"""

from collections.abc import Iterable
from itertools import batched

from lifecycle.contract.cloudevents import decode, encode_fact, fact_of
from lifecycle.core.events import (
    Closed,
    DecisionFact,
    Fact,
    MembershipFact,
    Opened,
    ProjectFact,
    Released,
    Rescheduled,
    Staffed,
    WorkerFact,
)
from lifecycle.errors import Lost
from lifecycle.ports import Delete, Insert, Put, Records
from lifecycle.records.keys import instant, safe

_BATCH = 100


async def keep(records: Records, fact: Fact) -> bool:
    """Store a fact; False when it was known already (the same source and id about the same subject)."""
    try:
        await records.write(_partition(fact), [Insert(_row(fact), encode_fact(fact))])
    except Lost:
        new = False
    else:
        new = True
    if isinstance(fact, Staffed | Released):
        members = f"members-{safe(fact.recorded.subject)}"
        await records.write(members, [Put(safe(fact.person), fact.person.encode())])
    return new


async def knows(records: Records, fact: Fact) -> bool:
    """Whether the fact is stored already."""
    return await records.read(_partition(fact), _row(fact)) is not None


def _row(fact: Fact) -> str:
    return f"{instant(fact.recorded.time)}-{safe(fact.recorded.source)}-{safe(fact.recorded.id)}"


def _partition(fact: Fact) -> str:
    match fact:
        case Opened() | Rescheduled() | Closed():
            return f"project-{safe(fact.recorded.subject)}"
        case Staffed() | Released():
            return f"member-{safe(fact.person)}"
        case _:
            return f"worker-{safe(fact.recorded.subject)}"


async def of_worker(records: Records, worker: str) -> list[WorkerFact | DecisionFact]:
    """Return what was said of a worker record, decisions included."""
    facts = [fact_of(decode(row.value)) for row in await records.rows(f"worker-{safe(worker)}")]
    return [fact for fact in facts if not isinstance(fact, Opened | Rescheduled | Closed | Staffed | Released)]


async def of_project(records: Records, project: str) -> list[ProjectFact]:
    """Return what was said of a project itself."""
    facts = [fact_of(decode(row.value)) for row in await records.rows(f"project-{safe(project)}")]
    return [fact for fact in facts if isinstance(fact, Opened | Rescheduled | Closed)]


async def of_member(records: Records, person: str) -> list[MembershipFact]:
    """Return the staffings and releases in which the id (a person's or a worker's) was named."""
    facts = [fact_of(decode(row.value)) for row in await records.rows(f"member-{safe(person)}")]
    return [fact for fact in facts if isinstance(fact, Staffed | Released)]


async def members_of(records: Records, project: str, *, after: str = "", limit: int = 0) -> list[str]:
    """Return the ids that were ever staffed on a project, in key order, from the one behind `after` on."""
    start = f"{safe(after)}\x20" if after else ""
    rows = await records.rows(f"members-{safe(project)}", after=start, limit=limit)
    return [row.value.decode() for row in rows]


async def erase(records: Records, identifier: str) -> bool:
    """Forget what is stored now about a person's or worker's id; False when something was said again meanwhile."""
    for fact in await of_member(records, identifier):
        await records.write(f"members-{safe(fact.recorded.subject)}", [Delete(safe(identifier))])
    for name in _about(identifier):
        rows = await records.rows(name)
        for some in batched(rows, _BATCH, strict=False):
            await records.write(name, [Delete(row.key) for row in some])
    return not await anything(records, identifier)


async def anything(records: Records, identifier: str) -> bool:
    """Whether anything was said about a person's or worker's id."""
    return any([await records.rows(name, limit=1) for name in _about(identifier)])


def _about(identifier: str) -> tuple[str, str]:
    return f"worker-{safe(identifier)}", f"member-{safe(identifier)}"


async def latest(records: Records, names: Iterable[str], limit: int) -> list[Fact]:
    """Return the newest facts in which any of the ids was named, as HR or the project's system recorded them."""
    partitions = [f"{kind}-{safe(name)}" for name in names for kind in ("worker", "member")]
    rows = [row for partition in partitions for row in await records.rows(partition)]
    newest = sorted(rows, key=lambda row: row.key, reverse=True)[:limit]
    return [fact_of(decode(row.value)) for row in newest]
