"""Tells one person's portrait for the dashboard: what they have, what is under way, and what happened, page by page.

Reads records alone, never Graph, and a bounded number of rows: the state, one page of the chain, the newest facts.
`lifecycle explain` looks at Graph as well and says why; this shows what was written down.
"""

from collections.abc import Sequence
from math import ceil

from lifecycle.contract.cloudevents import type_of
from lifecycle.core.events import Fact, Joined, Moved, key
from lifecycle.core.evidence import Record
from lifecycle.core.portrait import Going, Held, Portrait, Said, called
from lifecycle.ports import Clock, Records
from lifecycle.records import facts
from lifecycle.records.dossier import Dossier, open_dossier
from lifecycle.records.identities import Identity, identity_of

PAGE = 50
"""Records of the chain a page."""

SAID = 50
"""Facts that are shown, the newest."""

_CLOSED = 8  # dossiers that were handed over, one to the next


async def portray(
    identifier: str, records: Records, clock: Clock, *, page: int = 1, names: bool = False
) -> Portrait | None:
    """Return a person's portrait, None when nobody is known by the id; `page` 1 has the newest records.

    With `names` it has what HR calls them, if a fact among the newest says so. Raises what the records raise.
    """
    identity, dossier = await _find(key(identifier), records)
    if not (identity.workers or identity.people or dossier.head.length):
        return None
    told = await facts.latest(records, identity.ids, SAID)
    length = dossier.head.length
    pages = max(1, ceil(length / PAGE))
    page = min(max(page, 1), pages)
    known = dossier.correlation
    return Portrait(
        person=identity.person,
        workers=identity.workers,
        people=identity.people,
        user="" if known is None else known.user,
        at=clock.now(),
        next_look=dossier.wake,
        late=dossier.late,
        waits=tuple(_waits(dossier)),
        held=_held(dossier),
        going=_going(dossier),
        said=tuple(_said(one) for one in told),
        records=await _records(dossier, page),
        length=length,
        page=page,
        pages=pages,
        called=_called(told) if names else {},
    )


async def _find(identifier: str, records: Records) -> tuple[Identity, Dossier]:
    for _ in range(_CLOSED):
        identity = await identity_of(records, identifier)
        dossier = await open_dossier(records, identity.person)
        if dossier.merged is None:
            break
        identifier = dossier.merged
    return identity, dossier


async def _records(dossier: Dossier, page: int) -> tuple[Record, ...]:
    last = dossier.head.length - (page - 1) * PAGE
    first = max(0, last - PAGE)
    found = await dossier.chain(after=first, limit=last - first) if last > first else []
    return tuple(reversed(found))


def _held(dossier: Dossier) -> tuple[Held, ...]:
    rows = [Held(one.package, one.assignment, one.at, one.ends, one.taken) for one in dossier.holdings.values()]
    return tuple(sorted(rows, key=lambda row: (row.taken, row.package, row.assignment)))


def _going(dossier: Dossier) -> tuple[Going, ...]:
    return tuple(
        Going(one.package, one.kind, str(one.stage), one.at, one.look_at, one.request, one.cause)
        for _, one in sorted(dossier.flights.items())
    )


def _waits(dossier: Dossier) -> list[str]:
    """Return what the person waits for, in sentences, as far as it was written down."""
    found = []
    if dossier.patience is not None:
        found.append(f"{dossier.patience.what}, looked for {dossier.patience.attempts} times")
    if dossier.withheld is not None and not dossier.withheld.released:
        found.append(f"a release of run {dossier.withheld.run}: {'; '.join(dossier.withheld.steps)}")
    if dossier.correlation is not None and dossier.correlation.doubt:
        found.append(f"a decision which Entra user this is: {dossier.correlation.doubt}")
    return found


def _said(fact: Fact) -> Said:
    recorded = fact.recorded
    effective = getattr(fact, "effective", None) or getattr(fact, "until", None)
    about = getattr(fact, "package", "") or (recorded.subject if type_of(fact).startswith("lifecycle.project.") else "")
    return Said(
        type_of(fact), recorded.id, recorded.source, recorded.time, "" if effective is None else str(effective), about
    )


def _called(told: Sequence[Fact]) -> dict[str, str]:
    newest = next((fact for fact in told if isinstance(fact, Joined | Moved)), None)
    return {} if newest is None else called(newest.worker)
