"""Answers "why does this person have it, since when, until when, and why not yet?" Gathers; prints and changes nothing.

Everything comes from where decisions come from: the same look that a reconcile begins with, the dossier, and the chain
of evidence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lifecycle.core.desired import Entitlement
from lifecycle.core.events import key
from lifecycle.core.evidence import Record
from lifecycle.core.plan import Assignment, Step
from lifecycle.core.renewal import approvers
from lifecycle.errors import Permanent
from lifecycle.look import Look, look
from lifecycle.ports import Ports, Records, RequestState
from lifecycle.records.dossier import Flight, Refusal, Stage
from lifecycle.records.identities import Identity, identity_of


@dataclass(frozen=True, slots=True)
class Access:
    """One package: why it is wanted (None: it is not), the rows that are there, what is under way, what forbids it.

    `state` is what Graph says of the request under way now, when it can still be asked for.
    """

    package: str
    wanted: Entitlement | None
    rows: tuple[Assignment, ...]
    steps: tuple[Step, ...]
    flight: Flight | None = None
    state: RequestState | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything there is to say about a person at `seen.now`; `waits` are sentences, `timeline` ends the chain."""

    seen: Look
    access: tuple[Access, ...]
    waits: tuple[str, ...]
    timeline: tuple[Record, ...]


async def known(identifier: str, records: Records) -> Identity:
    """Return whom an id (a worker's or HR's of a person) stands for. Raises `Permanent` when nobody was heard of."""
    found = await identity_of(records, key(identifier))
    if not (found.workers or found.people):
        raise Permanent(
            f"person {identifier}: nobody is known by this id; no event named it, or it was set aside "
            "(see `lifecycle quarantine list`). Ids are HR's worker or person ids, not names or addresses"
        )
    return found


async def explain(identifier: str, ports: Ports, *, last: int) -> Explanation:
    """Look at a person and say why; with the `last` records of the chain, newest last.

    Raises `Permanent` for an unknown person, `Transient` when Graph or the records could not be read.
    """
    identity = await known(identifier, ports.records)
    seen = await look(identity.person, ports, cause="explain", settle=False)
    access = [await _access(package, seen, ports) for package in _packages(seen)]
    timeline = await seen.dossier.chain(after=max(0, seen.dossier.head.length - last))
    return Explanation(seen, tuple(access), tuple(_waits(seen, access)), tuple(timeline))


def _packages(seen: Look) -> list[str]:
    names = {step.package for step in seen.plan.steps}
    names |= set(seen.desired.entitlements) | set(seen.dossier.flights)
    names |= {refusal.package for refusal in seen.dossier.refusals.values() if refusal.stands}
    return sorted(names)


async def _access(package: str, seen: Look, ports: Ports) -> Access:
    flight = seen.dossier.flights.get(package)
    asked = flight is not None and flight.request and flight.stage in {Stage.SUBMITTED, Stage.FOREIGN}
    found = await ports.entitlements.request(flight.request) if flight is not None and asked else None
    return Access(
        package=package,
        wanted=seen.desired.entitlements.get(package),
        rows=tuple(row for row in seen.actual.assignments if row.package == package),
        steps=tuple(step for step in seen.plan.steps if step.package == package),
        flight=flight,
        state=None if found is None else found.state,
        refusal=seen.dossier.refusals.get(package),
    )


def _waits(seen: Look, access: Sequence[Access]) -> list[str]:
    """Return what stands between the plan and its effect, each in a sentence."""
    return [*_for_user(seen), *_for_release(seen), *_for_thaw(seen), *_for_renewal(seen), *_for_requests(access)]


def _for_user(seen: Look) -> list[str]:
    patience = seen.dossier.patience
    since = "" if patience is None else f", since {_at(patience.since)}, looked for {patience.attempts} times"
    if seen.finding:
        return [f"one clear Entra user{since}: {seen.finding}"]
    if seen.match is None and (seen.plan.changes or patience is not None):
        return [f"an Entra user with this employeeId or user principal name{since}"]
    return []


def _for_release(seen: Look) -> list[str]:
    held = seen.dossier.withheld
    if held is None or held.released:
        return []
    what = "; ".join(held.steps)
    if held.contested:
        return [f"being linked to the other person who claims the same user, since {_at(held.at)}: {what}"]
    return [f"a release of run {held.run}, since {_at(held.at)}: {what} ({held.text})"]


def _for_thaw(seen: Look) -> list[str]:
    return ["being thawed: frozen, so nothing is added"] if seen.desired.frozen else []


def _for_renewal(seen: Look) -> list[str]:
    waiting = []
    for package, asked in sorted(seen.dossier.renewals.items()):
        wanted = seen.desired.entitlements.get(package)
        if wanted is None or wanted.end != asked.ends:
            continue
        known = seen.known
        names = approvers(known.person, known.memberships, known.projects, known.model, package, seen.now)
        who = ", ".join(sorted(names)) or "somebody; HR names no manager"
        waiting.append(f"a renewal of {package} by {who}, else it ends at {_at(asked.ends)}")
    return waiting


def _for_requests(access: Sequence[Access]) -> list[str]:
    waiting = []
    for one in access:
        if one.flight is None:
            continue
        if one.state is RequestState.PENDING_APPROVAL:
            waiting.append(f"an approval of request {one.flight.request} for {one.package}, in My Access")
        elif one.flight.stage is Stage.FAILED:
            waiting.append(f"another try for {one.package} at {_at(one.flight.look_at)}: Graph refused or failed it")
        elif one.flight.stage in {Stage.UNKNOWN, Stage.INTENDED}:
            waiting.append(f"finding out what became of a request for {one.package}, at {_at(one.flight.look_at)}")
        else:
            waiting.append(f"Graph to end the request for {one.package}, looked at again at {_at(one.flight.look_at)}")
    return waiting


def _at(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"
