"""Says what a model would do to people, from what is known here alone: whom it would have looked at, and their plans.

It decides by `replan`'s own `anew`, and the rows of a person are those that the last look found. Nothing is read from
Graph, and nothing is written. So it cannot know what others changed since, nor who holds a package that no model named
before: such a person is foreseen to be given what a look may find them to have.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched

from lifecycle.actual import overlay
from lifecycle.core.model import AccessModel
from lifecycle.core.plan import Actual, plan
from lifecycle.correlate import Match, peek
from lifecycle.errors import LifecycleError
from lifecycle.look import Look
from lifecycle.ports import AssignmentState, Listed, Ports
from lifecycle.records import adoption, holders
from lifecycle.records.adoption import Adoption
from lifecycle.records.dossier import Dossier
from lifecycle.replan import Anew, anew

AT_ONCE = 16
"""People side by side: each takes several reads of records, which in Azure are a network away."""

_AUTO = "auto-assignment"
"""Stands for the policy of a row that the index marks as an auto-assignment policy's."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What the model comes to for one person.

    `look` is the look that it calls for, as far as it can be told from here; None when it changes nothing now. `later`
    is when it changes something before anybody would look. `unmanaged` are assignments of ours in packages that the
    model does not have: nobody ends them any more.
    """

    person: str
    look: Look | None = None
    later: datetime | None = None
    unmanaged: tuple[str, ...] = ()


async def forecast(names: Sequence[str], ports: Ports) -> AsyncIterator[tuple[str, Foreseen | LifecycleError]]:
    """Yield, for each person in order, what the model of `ports` would come to if it were adopted now.

    One who cannot be planned does not hide the others.
    """
    present = await adoption.adopt(ports.records, ports.model, ports.clock.now(), keep=False)
    for some in batched(names, AT_ONCE, strict=False):
        found = await asyncio.gather(*(_of(name, ports, present) for name in some))
        for each in zip(some, found, strict=True):
            yield each


async def _of(name: str, ports: Ports, present: Adoption) -> Foreseen | LifecycleError:
    try:
        return await _foreseen(await anew(name, ports, present), ports)
    except LifecycleError as error:
        return error


async def is_adopted(ports: Ports) -> bool:
    """Whether everybody was planned under this very model already."""
    under = await adoption.replanned(ports.records)
    return under is not None and under.done and under.hash == ports.model.hash


async def _foreseen(found: Anew, ports: Ports) -> Foreseen:
    person = found.dossier.person
    gone = sorted(
        holding.package
        for holding in found.dossier.holdings.values()
        if not holding.taken and holding.package not in ports.model.packages and _runs(holding.ends, found.now)
    )
    if not found.differs:
        return Foreseen(person, later=found.comes, unmanaged=tuple(gone))
    match = await _match(found, ports)
    actual = _actual(found.dossier, ports.model, found.now)
    protected = match is not None and match.user in ports.model.protected
    planned = plan(found.desired, actual, ports.model, found.now, protected=protected)
    look = Look(found.known, found.desired, found.dossier, match, actual, planned, found.now)
    return Foreseen(person, look, unmanaged=tuple(gone))


async def _match(found: Anew, ports: Ports) -> Match | None:
    """Return the person's user when no directory has to be asked for it; None is one who would wait, or be doubted."""
    whole, known = found.known.person, found.dossier.correlation
    doubted = known is not None and bool(known.doubt) and whole.last_end(found.now) is None
    if whole.recognised is None and (known is None or doubted):
        return None
    return await peek(found.dossier, whole, ports)


def _actual(dossier: Dossier, model: AccessModel, now: datetime) -> Actual:
    """Return what the person had when last looked at, less what has ended by itself, with what is under way."""
    policies = {package.name: package for package in model.packages.values()}
    rows = [
        (holding.package, holding.assignment, holding.ends, policies[holding.package].policy)
        for holding in dossier.holdings.values()
        if not holding.taken and holding.package in policies
    ]
    rows += [
        (package, row.assignment, row.ends, _AUTO if row.mark is holders.Mark.AUTOMATIC else "")
        for package, row in holders.remembered(dossier)
        if row.mark is not holders.Mark.MISSING and row.assignment not in dossier.holdings and package in policies
    ]
    user = "" if dossier.correlation is None else dossier.correlation.user
    listed = [
        Listed(assignment, policies[package].access_package, policy, user, AssignmentState.DELIVERED, "", None, ends)
        for package, assignment, ends, policy in rows
        if _runs(ends, now)
    ]
    return overlay(listed, dossier, model, now, auto={_AUTO})


def _runs(ends: datetime | None, now: datetime) -> bool:
    return ends is None or ends > now
