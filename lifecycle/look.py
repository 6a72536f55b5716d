"""Looks at one person: reads facts and Graph, and decides. Applies nothing; `reconcile` does.

With `settle` it also follows requests under way and writes down what it found out; without, it changes nothing at all,
which is what a preview needs. The chain's head is read before anything else, so that it guards all that follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lifecycle import traces
from lifecycle.actual import ended, held, overlay, taken
from lifecycle.core.desired import Desired
from lifecycle.core.evidence import Tag
from lifecycle.core.model import Drift
from lifecycle.core.person import Person
from lifecycle.core.plan import Actual, Plan, plan
from lifecycle.correlate import Match, correlate, peek
from lifecycle.errors import Mismatch
from lifecycle.follow import follow
from lifecycle.gather import Known, gather, with_owners
from lifecycle.ports import Change, Listed, Ports
from lifecycle.records import adoption
from lifecycle.records.adoption import Adoption
from lifecycle.records.dossier import Dossier, Refusal, open_dossier, put_holding, put_refusal
from lifecycle.records.identities import Identity, complete, identity_of

_REVIEWED = timedelta(days=35)

REPAIRS = 2
"""How often a removal by hand is put back under `drift: repair` before it is left alone and reported."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of a person at one instant: everything a plan and an explanation need."""

    known: Known
    desired: Desired
    dossier: Dossier
    match: Match | None
    actual: Actual
    plan: Plan
    now: datetime
    finding: str = ""

    @property
    def identity(self) -> Identity:
        """Return the person's key and the ids joined under it."""
        return self.known.identity

    @property
    def person(self) -> Person:
        """Return the person as HR's facts describe them."""
        return self.known.person


async def look(identifier: str, ports: Ports, *, cause: str, settle: bool, recheck: bool = False) -> Look:
    """Read and decide.

    Raises `Lost` when another look wrote in between, `Transient` when something could not be read now.
    """
    with traces.span("look", {"lifecycle.person": identifier, "lifecycle.cause": cause}):
        return await _look(identifier, ports, cause=cause, settle=settle, recheck=recheck)


async def _look(identifier: str, ports: Ports, *, cause: str, settle: bool, recheck: bool) -> Look:
    now = ports.clock.now()
    identity, dossier = await _open(identifier, ports, now, cause, settle=settle)
    present = await adoption.adopt(ports.records, ports.model, now, keep=settle)
    known = await gather(identity, ports)
    desired = known.entitled(dossier, now, present=present)
    match, finding, listed = None, "", list[Listed]()
    try:
        match = await _match(dossier, known.person, desired, ports, now, cause, settle=settle, recheck=recheck)
    except Mismatch as error:
        finding = str(error)
    if match is not None:
        wanted = [package.access_package for package in ports.model.packages.values()]
        listed = await ports.entitlements.assignments_of(match.user, wanted)
        whole = await with_owners(known, held(listed, ports.model), ports)
        if whole is not known:
            known, desired = whole, whole.entitled(dossier, now, present=present)
    if settle:
        await _rename(dossier, listed, ports)
        await follow(dossier, listed, ports, now, cause)
        if await _notice_ended(dossier, listed, known, present, ports, now, cause):
            desired = known.entitled(dossier, now, present=present)
    actual = overlay(listed, dossier, ports.model, now, auto=await _auto(listed, dossier, ports))
    protected = match is not None and match.user in ports.model.protected
    planned = plan(desired, actual, ports.model, now, protected=protected)
    return Look(known, desired, dossier, match, actual, planned, now, finding)


async def _open(identifier: str, ports: Ports, now: datetime, cause: str, *, settle: bool) -> tuple[Identity, Dossier]:
    """Find out who it is and open their dossier; a join under way is finished first, and a closed dossier passed on."""
    identity = await identity_of(ports.records, identifier)
    if identity.formers and settle:
        identity = await complete(ports.records, identity, now, cause)
    dossier = await open_dossier(ports.records, identity.person)
    if dossier.merged is None:
        return identity, dossier
    return await _open(dossier.merged, ports, now, cause, settle=settle)


async def _match(  # noqa: PLR0917 who, what is wanted, and where it is written down
    dossier: Dossier,
    whole: Person,
    desired: Desired,
    ports: Ports,
    now: datetime,
    cause: str,
    *,
    settle: bool,
    recheck: bool,
) -> Match | None:
    """Find the user when somebody must have one: something is wanted, or something may have to be taken.

    Whoever was found once is always looked at: what they hold, or have under way, may have lost its reason meanwhile.
    """
    wanting = desired.entitlements or desired.denied or desired.sweep_out
    if dossier.correlation is None and not (wanting or dossier.holdings or dossier.flights):
        return None
    if not settle:
        return await peek(dossier, whole, ports, recheck=recheck)
    return await correlate(dossier, whole, ports, now, cause, recheck=recheck)


async def _rename(dossier: Dossier, listed: Sequence[Listed], ports: Ports) -> None:
    """Call our rows what the model calls their package now: renamed, it is the same access."""
    names = ports.model.names()
    for row in listed:
        mine, name = dossier.holdings.get(row.id), names.get(row.package)
        if mine is not None and name is not None and mine.package != name:
            await dossier.remember(put_holding(dossier, replace(mine, package=name)))


async def _auto(listed: Sequence[Listed], dossier: Dossier, ports: Ports) -> frozenset[str]:
    """Ask which policies assign by themselves, only when a row is there that could be theirs."""
    ours = {package.policy for package in ports.model.packages.values()}
    if all(row.policy in ours or row.id in dossier.holdings for row in listed):
        return frozenset()
    return await ports.entitlements.auto_policies()


async def _notice_ended(  # noqa: PLR0917 the rows, and where it is written down
    dossier: Dossier,
    listed: Sequence[Listed],
    known: Known,
    present: Adoption,
    ports: Ports,
    now: datetime,
    cause: str,
) -> bool:
    """Write down our rows that ended; one that others took away while it was wanted becomes a denial.

    What counts is what was wanted when they took it: it may be looked at only when a leave has begun meanwhile.
    """
    found = False
    for holding, row, early in ended(listed, dossier):
        at = row.expired_at or now
        changes: list[Change] = [put_holding(dossier, taken(holding, now))]
        detail = {"package": holding.package, "assignment": holding.assignment, "ended": at.isoformat()}
        if not early or holding.package not in known.entitled(dossier, min(at, now), present=present).entitlements:
            await dossier.append(now, Tag.EXPIRED, cause, {**detail, "early": early}, *changes)
            continue
        changes.append(put_refusal(dossier, await _refusal(dossier, holding.package, at, row, ports)))
        await dossier.append(now, Tag.DENIED, cause, detail, *changes)
        found = True
    return found


async def _refusal(dossier: Dossier, package: str, at: datetime, row: Listed, ports: Ports) -> Refusal:
    """Return the denial that a taking by others is; `drift: repair` puts back one by hand, never a review's."""
    before = dossier.refusals.get(package)
    times = 1 if before is None else before.times + 1
    if ports.model.drift is Drift.REPORT or times > REPAIRS or (before is not None and before.stands):
        return Refusal(package, at, "by hand", stands=True, times=times, access_package=row.package)
    reviewed = await ports.reviews.denied([row.package], since=at - _REVIEWED)
    by = next((f"review {one.instance}" for one in reviewed if one.user == row.user), "by hand")
    return Refusal(package, at, by, stands=by != "by hand", times=times, access_package=row.package)
