"""Sees each request to its end, and finds out what became of a write whose answer was lost.

201 means submitted. A request is asked for at growing intervals until Graph says how it ended. A write without an
answer is looked for by its token, among the requests and among the rows; only when it is absent twice, a settling time
apart, is it taken as never arrived. This module never posts a request.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from lifecycle import measures, messages
from lifecycle.actual import SETTLE, taken
from lifecycle.core.evidence import Tag
from lifecycle.core.plan import TOLERANCE
from lifecycle.ports import AssignmentState, Change, Followed, Listed, Ports, RequestState
from lifecycle.records.dossier import Dossier, Flight, Holding, Stage, drop_flight, looked, put_flight, put_holding

INTERVALS = (15, 30, 60, 120, 300, 900, 3600)
"""Seconds between two looks at a request; the last repeats."""

_FAILED_AGAIN = (timedelta(hours=1), timedelta(hours=2), timedelta(hours=4), timedelta(hours=12), timedelta(days=1))
_LOOK_BACK = timedelta(minutes=2)
OPEN = frozenset({RequestState.SUBMITTED, RequestState.SCHEDULED, RequestState.DELIVERING, RequestState.UNKNOWN})
_DELIVERED = frozenset({RequestState.DELIVERED, RequestState.PARTIALLY_DELIVERED})
_WAITING = OPEN | {RequestState.PENDING_APPROVAL}
_FOREIGN_BACK = timedelta(days=90)


def next_poll(flight: Flight, now: datetime) -> datetime:
    """Return when to ask for a request again."""
    return now + timedelta(seconds=INTERVALS[min(flight.polls, len(INTERVALS) - 1)])


def try_again(tries: int, now: datetime) -> datetime:
    """Return when to try anew what was refused or not delivered `tries` times."""
    return now + _FAILED_AGAIN[min(tries, len(_FAILED_AGAIN) - 1)]


async def follow(dossier: Dossier, listed: Sequence[Listed], ports: Ports, now: datetime, cause: str) -> None:
    """Look at every request of the person that is due; state and evidence are in the dossier afterwards."""
    for flight in list(dossier.flights.values()):
        if flight.look_at > now:
            continue
        match flight.stage:
            case Stage.SUBMITTED:
                await _poll(dossier, flight, listed, ports, now, cause)
            case Stage.INTENDED | Stage.UNKNOWN:
                await _look_for(dossier, flight, listed, ports, now, cause)
            case Stage.FOREIGN:
                await _look_for_foreign(dossier, flight, ports, now, cause)
            case Stage.FAILED:
                pass  # due again: the plan may ask anew, and its next failure waits longer


async def _poll(  # noqa: PLR0917 see take_note
    dossier: Dossier, flight: Flight, listed: Sequence[Listed], ports: Ports, now: datetime, cause: str
) -> None:
    found = await ports.entitlements.request(flight.request)
    if found is None:
        await dossier.append(
            now,
            Tag.ENDED,
            cause,
            {"package": flight.package, "request": flight.request, "state": "gone"},
            drop_flight(dossier, flight.package),
        )
        return
    await take_note(dossier, flight, found, listed, ports, now, cause)


async def take_note(  # noqa: PLR0917 the request, its flight, and where it is written down
    dossier: Dossier,
    flight: Flight,
    found: Followed,
    listed: Sequence[Listed],
    ports: Ports,
    now: datetime,
    cause: str,
) -> None:
    """Write down how a request stands, or how it ended. A new end counts once the row itself shows it.

    The notice goes first: told twice it is one message, and a record without one would be a lie.
    """
    detail = {"package": flight.package, "request": flight.request, "state": str(found.state), "token": flight.token}
    delivered = found.state in _DELIVERED
    unmoved = delivered and _unmoved(flight, found, listed, now)
    match found.state:
        case state if state in _WAITING or _unplaced(flight, found) or unmoved is None:
            if state is RequestState.PENDING_APPROVAL and not flight.polls:
                await _tell(ports, "access.late", dossier, flight, "pendingApproval", now)
            polled = replace(flight, request=found.request, polls=flight.polls + 1, look_at=next_poll(flight, now))
            await dossier.remember(put_flight(dossier, polled))
        case _ if _over_before(flight, listed) and came_too_late(dossier, flight, now):
            _ended(flight, "late")
            await dossier.append(now, Tag.ENDED, cause, detail, drop_flight(dossier, flight.package))
        case _ if delivered and not unmoved:
            changes = [drop_flight(dossier, flight.package), *_delivered(dossier, flight, found, now)]
            event = "access.removed" if flight.kind == "adminRemove" else "access.assigned"
            await _tell(ports, event, dossier, flight, str(found.state), now)
            await dossier.append(now, Tag.ENDED, cause, {**detail, "assignment": found.assignment}, *changes)
            _measure(flight, found.completed_at or now)
        case _ if came_too_late(dossier, flight, now):
            _ended(flight, "late")
            await dossier.append(now, Tag.ENDED, cause, detail, drop_flight(dossier, flight.package))
        case state:
            failed = replace(
                flight, stage=Stage.FAILED, looks=flight.looks + 1, look_at=try_again(flight.looks, now), polls=0
            )
            tag = Tag.NOT_MOVED if unmoved else Tag.ENDED
            await _tell(ports, "access.failed", dossier, flight, "notMoved" if unmoved else str(state), now)
            await dossier.append(now, tag, cause, detail, put_flight(dossier, failed))
            _ended(flight, "failed")


def _ended(flight: Flight, outcome: str) -> None:
    measures.count(measures.ENDED, {"kind": flight.kind, "outcome": outcome})


def _measure(flight: Flight, at: datetime) -> None:
    """Note how long a delivery took, by Graph's own word of when it was done."""
    _ended(flight, "delivered")
    measures.took(measures.DELIVERY, at - flight.at, {"kind": flight.kind})
    if flight.since is not None:
        measures.took(measures.DEPROVISION, at - flight.since)


def came_too_late(dossier: Dossier, flight: Flight, now: datetime) -> bool:
    """Whether a new end was asked for so late that the row had come to its old end."""
    row = dossier.holdings.get(flight.assignment)
    return flight.kind == "adminUpdate" and row is not None and row.ends is not None and row.ends <= now


def _row(flight: Flight, listed: Sequence[Listed]) -> Listed | None:
    """Return the row that a request is about, when the list has it."""
    return next((row for row in listed if row.id == flight.assignment), None)


def _over_before(flight: Flight, listed: Sequence[Listed]) -> bool:
    """Whether the row has come to an end before the new one: what Graph says of the request does not matter then."""
    row = _row(flight, listed)
    return flight.kind == "adminUpdate" and row is not None and row.state is AssignmentState.EXPIRED


def _unmoved(flight: Flight, found: Followed, listed: Sequence[Listed], now: datetime) -> bool | None:
    """Whether a new end that Graph says was delivered does not show in the row; None while lists may lag.

    Source: facts on `adminUpdate`, whose place for the schedule v1.0 does not exemplify; so it is read back.
    """
    row = _row(flight, listed)
    if flight.kind != "adminUpdate" or row is None or row.state is AssignmentState.EXPIRED:
        return False
    if row.ends == flight.ends or (row.ends and flight.ends and abs(row.ends - flight.ends) < TOLERANCE):
        return False
    return None if now < (found.completed_at or flight.at) + SETTLE else True


def _unplaced(flight: Flight, found: Followed) -> bool:
    """Whether Graph says delivered but not yet which assignment: without its id we could not tell it from another."""
    return found.state in _DELIVERED and not (found.assignment or flight.assignment)


def _delivered(dossier: Dossier, flight: Flight, found: Followed, now: datetime) -> list[Change]:
    """Return the change of our view that a delivered request makes."""
    row = Holding(
        package=flight.package,
        assignment=found.assignment or flight.assignment,
        ends=flight.ends,
        at=now,
        rules=flight.rules,
        taken=flight.kind == "adminRemove",
    )
    return [put_holding(dossier, row)]


async def _look_for(  # noqa: PLR0917 see take_note
    dossier: Dossier, flight: Flight, listed: Sequence[Listed], ports: Ports, now: datetime, cause: str
) -> None:
    """Find out whether a write without an answer was done."""
    if now < flight.at + SETTLE:
        await dossier.remember(put_flight(dossier, replace(flight, look_at=flight.at + SETTLE)))
        return
    package = ports.model.packages.get(flight.package)
    if package is None:
        await _unmanaged(dossier, flight, now, cause)
        return
    requests = await ports.entitlements.requests_for(package.access_package, since=flight.at - _LOOK_BACK)
    ours = next((found for found in requests if found.token == flight.token), None)
    detail = {"package": flight.package, "token": flight.token, "kind": flight.kind}
    if ours is not None:
        submitted = replace(flight, stage=Stage.SUBMITTED, request=ours.request, polls=0, looks=0)
        await dossier.append(now, Tag.FOUND, cause, {**detail, "request": ours.request}, put_flight(dossier, submitted))
        await take_note(dossier, submitted, ours, listed, ports, now, cause)
        return
    changes = _seen_in_rows(dossier, flight, listed, package.policy, now)
    if changes is not None:
        await dossier.append(now, Tag.FOUND, cause, detail, drop_flight(dossier, flight.package), *changes)
    elif flight.looks:
        await dossier.append(now, Tag.NEVER_ARRIVED, cause, detail, drop_flight(dossier, flight.package))
    else:
        await dossier.remember(put_flight(dossier, looked(flight, look_at=now + SETTLE)))


def _seen_in_rows(
    dossier: Dossier, flight: Flight, listed: Sequence[Listed], policy: str, now: datetime
) -> list[Change] | None:
    """Return the change that the rows prove was made, or None when they do not show it."""
    rows = {row.id: row for row in listed}
    match flight.kind:
        case "adminAdd":
            new = [
                row
                for row in listed
                if row.policy == policy
                and row.state is AssignmentState.DELIVERED
                and row.starts is not None
                and row.starts >= flight.at - _LOOK_BACK
            ]
            if not new:
                return None
            row = Holding(package=flight.package, assignment=new[0].id, ends=new[0].ends, at=now, rules=flight.rules)
            return [put_holding(dossier, row)]
        case "adminRemove":
            old = rows.get(flight.assignment)
            if old is None or old.state is not AssignmentState.EXPIRED:
                return None
            theirs = Holding(package=flight.package, assignment=flight.assignment, ends=None, at=now)
            holding = dossier.holdings.get(flight.assignment, theirs)
            return [put_holding(dossier, taken(holding, now))]
        case _:
            return None


async def _look_for_foreign(dossier: Dossier, flight: Flight, ports: Ports, now: datetime, cause: str) -> None:
    """Find the request that was open already when Graph refused ours, and wait for it like for our own."""
    package = ports.model.packages.get(flight.package)
    if package is None:
        await _unmanaged(dossier, flight, now, cause)
        return
    user = "" if dossier.correlation is None else dossier.correlation.user
    requests = await ports.entitlements.requests_for(package.access_package, since=now - _FOREIGN_BACK)
    theirs = [found for found in requests if found.user == user and found.state in _WAITING]
    if theirs:
        polled = replace(flight, request=theirs[0].request, polls=flight.polls + 1, look_at=next_poll(flight, now))
        await dossier.remember(put_flight(dossier, polled))
        return
    detail = {"package": flight.package, "request": flight.request, "state": "ended, not ours"}
    await dossier.append(now, Tag.ENDED, cause, detail, drop_flight(dossier, flight.package))


async def _unmanaged(dossier: Dossier, flight: Flight, now: datetime, cause: str) -> None:
    """Give up looking for a request whose package the model has no longer: nothing is asked of it, nor for it."""
    detail = {"package": flight.package, "token": flight.token, "state": "package is not in the model"}
    await dossier.append(now, Tag.ENDED, cause, detail, drop_flight(dossier, flight.package))


async def _tell(  # noqa: PLR0917 see take_note
    ports: Ports, event: str, dossier: Dossier, flight: Flight, state: str, now: datetime
) -> None:
    data = {"package": flight.package, "request": flight.request, "state": state, "cause": flight.cause}
    await messages.notify(ports.bus, event, dossier.person, data, now=now, once=flight.token)
