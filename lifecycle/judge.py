"""Judges what people decide before it becomes a fact: whether they may, about this person, until then.

A renewal is judged once, as things stood when it was recorded, and is then the record of the approval; what is refused
is set aside with its reason and can be replayed. Reads facts and Graph; changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime

from lifecycle.core.calendar import begins, ends
from lifecycle.core.events import (
    ExceptionGranted,
    Fact,
    Opened,
    Recognised,
    RenewalApproved,
    RenewalDenied,
    Rescheduled,
    Staffed,
    key,
)
from lifecycle.core.model import RenewalMode
from lifecycle.core.renewal import approvers
from lifecycle.errors import MalformedEvent, Untrusted
from lifecycle.gather import Known, gather
from lifecycle.ports import Ports
from lifecycle.records import adoption, claims, identities
from lifecycle.records.dossier import Dossier, open_dossier


async def judge(fact: Fact, ports: Ports) -> None:
    """Raise `MalformedEvent` or `Untrusted` for a decision that cannot count; everything else passes."""
    match fact:
        case RenewalApproved() | RenewalDenied():
            await _renewal(fact, ports)
        case ExceptionGranted():
            await _exception(fact, ports)
        case Recognised():
            await _not_oneself(fact, ports, "decides which user they are")
        case Opened() | Rescheduled():
            _planned_close(fact, ports)
        case Staffed():
            _staffing(fact, ports)
        case _:
            pass


def _planned_close(fact: Opened | Rescheduled, ports: Ports) -> None:
    close = None if fact.planned_close is None else ends(fact.planned_close, ports.model.time_zone)
    if close is not None and close <= fact.recorded.time:
        raise MalformedEvent(
            "$.data.plannedClose",
            f"event {fact.recorded.id}: project {fact.recorded.subject} would close at {_at(close)}, before this was "
            "recorded; to end it now send lifecycle.project.closed",
        )


def _staffing(fact: Staffed, ports: Ports) -> None:
    if fact.starts is None or fact.until is None:
        return
    zone = ports.model.time_zone
    if ends(fact.until, zone) <= begins(fact.starts, zone):
        raise MalformedEvent("$.data.until", f"event {fact.recorded.id}: the work would end before it begins")


async def _exception(fact: ExceptionGranted, ports: Ports) -> None:
    until = ends(fact.until, ports.model.time_zone)
    if until <= fact.recorded.time:
        raise MalformedEvent(
            "$.data.until", f"event {fact.recorded.id}: the exception would end at {_at(until)}, before it was granted"
        )
    await _not_oneself(fact, ports, "grants an exception to themselves")


async def _not_oneself(fact: ExceptionGranted | Recognised, ports: Ports, what: str) -> None:
    person = await identities.identity_of(ports.records, fact.recorded.subject)
    if await _person_of(fact.approver, ports) == person.person:
        raise Untrusted(f"event {fact.recorded.id}: nobody {what}; another one must approve")


# --- renewals --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Case:
    """A renewal and what it is about, as things stood when it was recorded."""

    fact: RenewalApproved | RenewalDenied
    known: Known
    dossier: Dossier
    end: datetime
    opens: datetime


async def _renewal(fact: RenewalApproved | RenewalDenied, ports: Ports) -> None:
    case = await _case(fact, ports)
    await _may_approve(case, ports)
    if isinstance(fact, RenewalApproved):
        await _until(fact, case, ports)


async def _case(fact: RenewalApproved | RenewalDenied, ports: Ports) -> _Case:
    """Find the end that is about to be renewed. Raises `MalformedEvent` when there is none."""
    event, package = fact.recorded.id, fact.package
    mode = ports.model.packages[package].renewal.mode
    if mode is not RenewalMode.APPROVAL:
        words = "extended by itself while it is justified" if mode is RenewalMode.AUTO else "never renewed"
        raise MalformedEvent("$.data.package", f"event {event}: {package} is {words} (renewal.mode: {mode})")
    known = await gather(await identities.identity_of(ports.records, fact.recorded.subject), ports)
    dossier = await open_dossier(ports.records, known.identity.person)
    present = await adoption.adopt(ports.records, ports.model, fact.recorded.time, keep=False)
    found = known.entitled(dossier, fact.recorded.time, present=present).entitlements.get(package)
    if found is None:
        raise MalformedEvent(
            "$.data.package",
            f"event {event}: person {known.identity.person} was not entitled to {package} at "
            f"{_at(fact.recorded.time)}, so there was nothing to renew: it had ended, or was never given. "
            "An exception gives access beside the rules",
        )
    if found.end is None or found.opens is None:
        ends_at = "has no end" if found.end is None else f"ends at {_at(found.end)} for another reason than its term"
        raise MalformedEvent("$.data.package", f"event {event}: {package} {ends_at}, which no renewal moves")
    return _Case(fact, known, dossier, found.end, found.opens)


async def _may_approve(case: _Case, ports: Ports) -> None:
    event, approver = case.fact.recorded.id, key(case.fact.approver)
    whole = case.known
    who = await _person_of(approver, ports)
    if who == whole.identity.person:
        raise Untrusted(f"event {event}: {approver} is the person; nobody approves their own access")
    names = approvers(
        whole.person, whole.memberships, whole.projects, ports.model, case.fact.package, case.fact.recorded.time
    )
    allowed = {await _person_of(name, ports) for name in names}
    if who not in allowed:
        listed = ", ".join(sorted(names)) or "nobody: HR names no manager"
        raise Untrusted(
            f"event {event}: {approver} may not approve {case.fact.package} for {whole.identity.person}; "
            f"the manager, project owner and sponsor may ({listed})"
        )
    if await _has_left(who, case.fact.recorded.time, ports):
        raise Untrusted(
            f"event {event}: {approver} had left by {_at(case.fact.recorded.time)}, and may approve nothing; "
            "somebody else who is responsible must approve"
        )


async def _has_left(who: str, at: datetime, ports: Ports) -> bool:
    """Whether somebody had left by then; of who is nobody's worker nothing is known, and nothing is held against."""
    found = await gather(await identities.identity_of(ports.records, who), ports)
    return found.person.last_end(at) is not None


async def _person_of(name: str, ports: Ports) -> str:
    """Return the person that an id names: a worker's, HR's of a person, or the object id of an Entra user."""
    bare = key(name).removeprefix("entra:")
    found = await identities.identity_of(ports.records, bare)
    if found.workers or found.people:
        return found.person
    claimants = await claims.claimants(ports.records, bare)
    return next(iter(claimants)) if len(claimants) == 1 else bare


async def _until(fact: RenewalApproved, case: _Case, ports: Ports) -> None:
    event, terms = fact.recorded.id, ports.model.packages[fact.package]
    if fact.until is None:
        if fact.recorded.time < case.opens:
            raise MalformedEvent(
                "$.time",
                f"event {event}: {fact.package} can be renewed from {_at(case.opens)} on; approve it then, or say until"
                " when",
            )
        until = case.end + terms.renewal.extend
    else:
        until = ends(fact.until, ports.model.time_zone)
    if until <= fact.recorded.time:
        raise MalformedEvent("$.data.until", f"event {event}: the renewal would end at {_at(until)}, in the past")
    if until <= case.end:
        raise MalformedEvent(
            "$.data.until", f"event {event}: {fact.package} ends at {_at(case.end)} anyhow; to shorten it, deny it"
        )
    await _within_policy(until, case, ports)


async def _within_policy(until: datetime, case: _Case, ports: Ports) -> None:
    package = ports.model.packages[case.fact.package]
    allowed = await ports.entitlements.terms_of(package.policy)
    last = allowed.last
    if allowed.longest is not None:
        starts = await _began(case, ports) or case.fact.recorded.time
        longest = starts + allowed.longest
        last = longest if last is None else min(last, longest)
    if last is not None and until > last:
        raise MalformedEvent(
            "$.data.until",
            f"event {case.fact.recorded.id}: {_at(until)} is beyond what the assignment policy of {package.name} "
            f"allows ({_at(last)}); name an earlier end, or change the policy's expiration in Entra",
        )


async def _began(case: _Case, ports: Ports) -> datetime | None:
    """Return when our live row began, which is what the policy counts from."""
    if case.dossier.correlation is None:
        return None
    package = ports.model.packages[case.fact.package]
    rows = await ports.entitlements.assignments_of(case.dossier.correlation.user, [package.access_package])
    begun = [row.starts for row in rows if row.id in case.dossier.holdings and row.starts is not None]
    return max(begun, default=None)


def _at(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"
