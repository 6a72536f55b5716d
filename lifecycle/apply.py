"""Carries out one step of a plan: intent, one request, outcome. The only module that posts assignment requests.

The intent is conditional on the person's chain; losing it means that somebody else is at it, and nothing is sent. The
outcome is recorded whatever happens; only a killed process leaves an intent without one, and `follow` settles that.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from lifecycle import measures, messages, traces
from lifecycle.actual import SETTLE
from lifecycle.core.evidence import Detail, Tag
from lifecycle.core.model import AccessModel
from lifecycle.core.plan import Assign, ChangeStep, Remove, Reschedule, takes_away
from lifecycle.errors import Ambiguous, LifecycleError, Lost, Refused, Throttled, Transient
from lifecycle.follow import INTERVALS, came_too_late, try_again
from lifecycle.follow_many import ask_to_follow
from lifecycle.ports import AlreadyOpen, Change, Ports, Request, Submitted, Wire
from lifecycle.records import following
from lifecycle.records.dossier import (
    Dossier,
    Flight,
    Stage,
    drop_flight,
    put_flight,
    token_of,
)

_FIRST_LOOK = timedelta(seconds=INTERVALS[0])
_BULK_LOOK = timedelta(minutes=15)
_OUTCOMES = {
    Tag.SUBMITTED: "submitted",
    Tag.FOUND: "open",
    Tag.UNKNOWN: "unknown",
    Tag.NOT_SENT: "not_sent",
    Tag.REFUSED: "refused",
}


async def apply(
    step: ChangeStep,
    dossier: Dossier,
    user: str,
    ports: Ports,
    cause: str,
    *,
    bulk: bool = False,
    since: datetime | None = None,
) -> None:
    """Carry out the step, when its turn has come: what takes away waits for it, what gives comes back later.

    In `bulk` the request is followed with all others of its package, and by itself only if that does not come about.
    `since` is from when a leaver's access was to be gone.

    Raises `Throttled` when its turn is not near, `Lost` when another reconciler wrote in between, `Transient` when
    Graph did not take it and it must be asked again later. A refusal is recorded and raises nothing: the other steps
    have their turn.
    """
    with traces.span(f"apply {_kind(step)}", {"lifecycle.package": step.package}):
        await _turn(step, ports)
        now = ports.clock.now()
        flight = _flight(step, dossier, ports, now, cause)
        if isinstance(step, Remove):
            flight = replace(flight, since=since)
        await _carry_out(step, flight, dossier, user, ports, bulk=bulk)


async def _turn(step: ChangeStep, ports: Ports) -> None:
    try:
        await ports.pace.turn(urgent=takes_away(step))
    except Throttled:
        measures.count(measures.PUT_OFF)
        raise


async def _carry_out(
    step: ChangeStep, flight: Flight, dossier: Dossier, user: str, ports: Ports, *, bulk: bool
) -> None:
    now, cause = flight.at, flight.cause
    traces.note("lifecycle.token", flight.token)
    request = _request(step, flight, user, ports, now)
    await dossier.append(now, Tag.INTENDED, cause, _intent(step, request), put_flight(dossier, flight))
    try:
        answer = await _sent(request, ports, now)
    except Ambiguous as error:
        unknown = replace(flight, stage=Stage.UNKNOWN, look_at=flight.at + SETTLE)
        await _outcome(dossier, flight, Tag.UNKNOWN, _fault(error), put_flight(dossier, unknown))
    except Refused as error:
        await _refused(dossier, flight, error, ports, now)
    except LifecycleError as error:
        await _outcome(dossier, flight, Tag.NOT_SENT, _fault(error), drop_flight(dossier, flight.package))
        raise
    else:
        await _taken(dossier, flight, answer, now, ports if bulk else None)
    finally:
        ports.pace.heard(ports.entitlements.throttle)


async def _sent(request: Request, ports: Ports, now: datetime) -> Submitted | AlreadyOpen:
    """Post the request and count it where it may count in the tenant: when it was taken, or nobody knows."""
    try:
        answer = await ports.entitlements.submit(request)
    except Ambiguous:
        await _count(request, ports, now)
        raise
    if isinstance(answer, Submitted):
        await _count(request, ports, now)
    return answer


async def _count(request: Request, ports: Ports, now: datetime) -> None:
    try:
        await ports.meter.count(request.token, now)
    except Transient:
        return  # the outcome is what must be recorded; the daily count of the tenant's requests has this one too


def _flight(step: ChangeStep, dossier: Dossier, ports: Ports, now: datetime, cause: str) -> Flight:
    kind = _kind(step)
    failed = dossier.flights.get(step.package)
    return Flight(
        package=step.package,
        kind=kind,
        token=token_of(dossier, kind, step.package),
        stage=Stage.INTENDED,
        at=now,
        look_at=now + SETTLE,
        cause=cause,
        assignment="" if isinstance(step, Assign) else step.assignment,
        ends=None if isinstance(step, Remove) else step.ends,
        why=step.why,
        rules=rules_of(step.why, ports.model),
        looks=failed.looks if failed is not None and failed.kind == kind else 0,
    )


def _kind(step: ChangeStep) -> str:
    match step:
        case Assign():
            return "adminAdd"
        case Reschedule():
            return "adminUpdate"
        case Remove():
            return "adminRemove"
        case _ as never:
            assert_never(never)


def rules_of(why: tuple[str, ...], model: AccessModel) -> tuple[str, ...]:
    """Return the names of the rules among the reasons, to know later which of them a new model dropped.

    Those that are dropped already, and count as grace, stay among them: their grace ends when it was going to.
    """
    present = {rule.name for rule in model.rules}
    words = [reason.split(" ", 2) for reason in why]
    named = [(word[0], word[1]) for word in words if len(word) > 1]
    return tuple(name for kind, name in named if kind == "rule" or (kind == "grace" and name not in present))


def _request(step: ChangeStep, flight: Flight, user: str, ports: Ports, now: datetime) -> Request:
    package = ports.model.packages[step.package]
    return Request(
        kind=flight.kind,
        package=package.access_package,
        token=flight.token,
        justification=f"Lifecycle, because of {flight.cause}",
        user=user,
        policy=package.policy,
        assignment=flight.assignment,
        starts=_starts(step, now),
        ends=flight.ends,
    )


def _starts(step: ChangeStep, now: datetime) -> datetime | None:
    """Return the schedule's start: now for a new row, the row's own for one that is rescheduled."""
    match step:
        case Assign():
            return now
        case Reschedule():
            return step.starts or now
        case Remove():
            return None


def _intent(step: ChangeStep, request: Request) -> Detail:
    return {
        "package": step.package,
        "kind": request.kind,
        "token": request.token,
        "user": request.user,
        "assignment": request.assignment,
        "ends": "" if request.ends is None else request.ends.isoformat(),
        "why": list(step.why),
    }


async def _taken(
    dossier: Dossier, flight: Flight, answer: Submitted | AlreadyOpen, now: datetime, bulk: Ports | None
) -> None:
    match answer:
        case Submitted(request, state, wire):
            first = _FIRST_LOOK if bulk is None else _BULK_LOOK
            follow = replace(flight, stage=Stage.SUBMITTED, request=request, look_at=now + first)
            if bulk is not None:
                one = following.Followed(flight.package, request, dossier.person, now)
                if await following.add(bulk.records, one):
                    await ask_to_follow(flight.package, bulk)
            detail = {"request": request, "state": str(state), **_wire(wire)}
            await _outcome(dossier, flight, Tag.SUBMITTED, detail, put_flight(dossier, follow))
        case AlreadyOpen(wire):
            theirs = replace(flight, stage=Stage.FOREIGN, look_at=now)
            await _outcome(dossier, flight, Tag.FOUND, {"already": "open", **_wire(wire)}, put_flight(dossier, theirs))


async def _refused(dossier: Dossier, flight: Flight, error: Refused, ports: Ports, now: datetime) -> None:
    """Record the refusal; 404 on a removal and 409 on an addition mean that it is so already: look after the lag.

    So does a new end that came after the old one had passed: the row is gone, and what is still wanted is given anew.
    """
    already = (flight.kind, error.status) in {("adminRemove", 404), ("adminAdd", 409)} or came_too_late(
        dossier, flight, now
    )
    again = now + SETTLE if already else try_again(flight.looks, now)
    failed = replace(flight, stage=Stage.FAILED, looks=flight.looks + (not already), look_at=again)
    detail = {"code": error.code, **_fault(error)}
    await _outcome(dossier, flight, Tag.REFUSED, detail, put_flight(dossier, failed))
    if not already:
        data = {"package": flight.package, "status": error.status, "code": error.code, "cause": flight.cause}
        await messages.notify(ports.bus, "access.failed", dossier.person, data, now=now, once=flight.token)


async def _outcome(dossier: Dossier, flight: Flight, tag: Tag, detail: Detail, change: Change) -> None:
    """Record what came of the request, in any case; then stop when somebody else wrote in between."""
    measures.count(measures.REQUESTS, {"kind": flight.kind, "outcome": _OUTCOMES[tag]})
    full = {"package": flight.package, "token": flight.token, **detail}
    if not await dossier.append_anyway(flight.at, tag, flight.cause, full, change):
        raise Lost(f"person {dossier.person}: another look began meanwhile; this one stops, the next goes on")


def _fault(error: LifecycleError) -> dict[str, object]:
    """Return what is known of a request that went wrong; without an answer Graph's id is empty and the status 0."""
    return {"error": str(error), **_wire(error.wire)}


def _wire(wire: Wire) -> dict[str, object]:
    return {
        "status": wire.status,
        "graph_request": wire.request_id,
        "client_request": wire.client_request_id,
        "body": wire.body_hash,
    }
