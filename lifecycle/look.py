"""Looks at one person: reads facts and Graph, and decides. Applies nothing; `reconcile` does.

With `settle` it also follows requests under way and writes down what it found out; without, it changes nothing at all,
which is what a preview needs. The chain's head is read before anything else, so that it guards all that follows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lifecycle.actual import ended, overlay, taken
from lifecycle.core.desired import Denial, Desired, entitled
from lifecycle.core.evidence import Tag
from lifecycle.core.model import Drift
from lifecycle.core.person import Person, person
from lifecycle.core.plan import Actual, Plan, plan
from lifecycle.core.project import Project, memberships, project
from lifecycle.correlate import Match, correlate, peek
from lifecycle.errors import Mismatch
from lifecycle.follow import follow
from lifecycle.ports import Change, Listed, Ports
from lifecycle.records import adoption, facts
from lifecycle.records.dossier import Dossier, Refusal, open_dossier, put_holding, put_refusal
from lifecycle.records.identities import Identity, complete, identity_of

REPAIRS = 2
"""How often a removal by hand is put back under `drift: repair` before it is left alone and reported."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of a person at one instant: everything a plan and an explanation need."""

    identity: Identity
    person: Person
    projects: Mapping[str, Project]
    desired: Desired
    dossier: Dossier
    match: Match | None
    actual: Actual
    plan: Plan
    now: datetime
    finding: str = ""


async def look(identifier: str, ports: Ports, *, cause: str, settle: bool) -> Look:
    """Read and decide.

    Raises `Lost` when another look wrote in between, `Transient` when something could not be read now.
    """
    now = ports.clock.now()
    identity, dossier = await _open(identifier, ports, now, cause, settle=settle)
    since = await adoption.adopt(ports.records, ports.model.hash, now, keep=settle)
    whole, projects, desired = await _desired(identity, dossier, ports, now, since)
    match, finding, listed = None, "", list[Listed]()
    try:
        match = await _match(dossier, whole, desired, ports, now, cause, settle=settle)
    except Mismatch as error:
        finding = str(error)
    if match is not None:
        wanted = [package.access_package for package in ports.model.packages.values()]
        listed = await ports.entitlements.assignments_of(match.user, wanted)
    if settle:
        await follow(dossier, listed, ports, now, cause)
        if await _notice_ended(dossier, listed, desired, ports, now, cause):
            whole, projects, desired = await _desired(identity, dossier, ports, now, since)
    actual = overlay(listed, dossier, ports.model, now, auto=await _auto(listed, dossier, ports))
    protected = match is not None and match.user in ports.model.protected
    planned = plan(desired, actual, ports.model, now, protected=protected)
    return Look(identity, whole, projects, desired, dossier, match, actual, planned, now, finding)


async def _open(identifier: str, ports: Ports, now: datetime, cause: str, *, settle: bool) -> tuple[Identity, Dossier]:
    """Find out who it is and open their dossier; a join under way is finished first, and a closed dossier passed on."""
    identity = await identity_of(ports.records, identifier)
    if identity.formers and settle:
        identity = await complete(ports.records, identity, now, cause)
    dossier = await open_dossier(ports.records, identity.person)
    if dossier.merged is None:
        return identity, dossier
    return await _open(dossier.merged, ports, now, cause, settle=settle)


async def _desired(
    identity: Identity, dossier: Dossier, ports: Ports, now: datetime, since: datetime
) -> tuple[Person, dict[str, Project], Desired]:
    model, records = ports.model, ports.records
    said = [fact for worker in identity.ids for fact in await facts.of_worker(records, worker)]
    whole = person(identity.person, said, model)
    staffed = [fact for name in identity.ids for fact in await facts.of_member(records, name)]
    working = memberships(staffed, model)
    projects = {
        name: project(name, await facts.of_project(records, name), model)
        for name in sorted({membership.project for membership in working})
    }
    denials = [Denial(one.package, one.at, one.by) for one in dossier.refusals.values() if one.stands]
    dropped = _dropped(dossier, ports, since)
    desired = entitled(whole, working, projects, model, now, denials=denials, dropped=dropped)
    return whole, projects, desired


def _dropped(dossier: Dossier, ports: Ports, since: datetime) -> dict[str, tuple[str, datetime]]:
    """Return the packages that a rule gave which the present model, in force `since`, no longer has."""
    present = {rule.name for rule in ports.model.rules}
    return {
        holding.package: (gone[0], since)
        for holding in dossier.holdings.values()
        if not holding.taken
        and holding.package in ports.model.packages
        and (gone := [rule for rule in holding.rules if rule not in present])
    }


async def _match(  # noqa: PLR0917 who, what is wanted, and where it is written down
    dossier: Dossier, whole: Person, desired: Desired, ports: Ports, now: datetime, cause: str, *, settle: bool
) -> Match | None:
    """Find the user when somebody must have one: something is wanted, or something may have to be taken.

    Whoever was found once is always looked at: what they hold, or have under way, may have lost its reason meanwhile.
    """
    wanting = desired.entitlements or desired.denied or desired.sweep_out
    if dossier.correlation is None and not (wanting or dossier.holdings or dossier.flights):
        return None
    if not settle:
        return await peek(dossier, whole, ports)
    return await correlate(dossier, whole, ports, now, cause)


async def _auto(listed: Sequence[Listed], dossier: Dossier, ports: Ports) -> frozenset[str]:
    """Ask which policies assign by themselves, only when a row is there that could be theirs."""
    ours = {package.policy for package in ports.model.packages.values()}
    if all(row.policy in ours or row.id in dossier.holdings for row in listed):
        return frozenset()
    return await ports.entitlements.auto_policies()


async def _notice_ended(  # noqa: PLR0917 the rows, and where it is written down
    dossier: Dossier, listed: Sequence[Listed], desired: Desired, ports: Ports, now: datetime, cause: str
) -> bool:
    """Write down our rows that ended; one that others took away while it was wanted becomes a denial."""
    found = False
    for holding, row, early in ended(listed, dossier):
        at = row.expired_at or now
        changes: list[Change] = [put_holding(dossier, taken(holding, now))]
        if not early or holding.package not in desired.entitlements:
            await dossier.remember(*changes)
            continue
        before = dossier.refusals.get(holding.package)
        times = 1 if before is None else before.times + 1
        stands = ports.model.drift is Drift.REPORT or times > REPAIRS
        changes.append(put_refusal(dossier, Refusal(holding.package, at, "by hand", stands=stands, times=times)))
        detail = {"package": holding.package, "assignment": holding.assignment, "ended": at.isoformat()}
        await dossier.append(now, Tag.DENIED, cause, detail, *changes)
        found = True
    return found
