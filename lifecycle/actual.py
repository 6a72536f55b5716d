"""What a person really has: Graph's list, overlaid with what is under way and what has just ended.

Graph's lists lag up to two minutes, so for `SETTLE` after we know better, what we know counts. Pure: values in, a
value out.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from lifecycle.core.model import AccessModel
from lifecycle.core.plan import TOLERANCE, Actual, Assignment, Doing, Underway
from lifecycle.ports import AssignmentState, Listed
from lifecycle.records.dossier import Dossier, Flight, Holding, Stage

SETTLE = timedelta(minutes=5)
"""How long a list may still show the past (facts: lists lag 0-120 s), and how long an unknown outcome is left alone."""

_LIVE = frozenset(
    {
        AssignmentState.DELIVERING,
        AssignmentState.DELIVERED,
        AssignmentState.PARTIALLY_DELIVERED,
        AssignmentState.UNKNOWN,
    }
)


def overlay(
    listed: Sequence[Listed], dossier: Dossier, model: AccessModel, now: datetime, *, auto: Collection[str] = ()
) -> Actual:
    """Return the person's actual access in the managed packages, by the model's names."""
    names = {package.access_package: package for package in model.packages.values()}
    found: list[Assignment] = []
    for row in listed:
        package = names.get(row.package)
        if package is None or row.state not in _LIVE:
            continue
        mine = dossier.holdings.get(row.id)
        if mine is not None and mine.taken and now - mine.at < SETTLE:
            continue  # removed; the list has not caught up
        found.append(
            Assignment(
                row.id,
                package.name,
                row.starts,
                _end(row, mine, now),
                ours=mine is not None,
                adoptable=mine is None and row.policy == package.policy,
                auto=row.policy in auto or row.status.casefold().startswith("autoassignment"),
                policy=row.policy,
            )
        )
    seen = {assignment.id for assignment in found}
    found += [
        Assignment(holding.assignment, holding.package, holding.at, holding.ends, ours=True)
        for holding in dossier.holdings.values()
        if _not_listed_yet(holding, seen, now)
    ]
    return Actual(tuple(found), _underway(dossier, listed, model, now))


def _end(row: Listed, mine: Holding | None, now: datetime) -> datetime | None:
    """Return the row's end; just after we moved it, the end that we know."""
    return mine.ends if mine is not None and now - mine.at < SETTLE else row.ends


def _not_listed_yet(holding: Holding, seen: Collection[str], now: datetime) -> bool:
    running = holding.ends is None or holding.ends > now
    return not holding.taken and running and holding.assignment not in seen and now - holding.at < SETTLE


def _underway(dossier: Dossier, listed: Sequence[Listed], model: AccessModel, now: datetime) -> dict[str, Underway]:
    """Return what must be waited for, by package: our requests, and rows in a state that we do not know."""
    found = {
        flight.package: Underway(
            flight.package,
            flight.kind != "adminRemove",
            flight.request,
            _doing(flight, dossier) if flight.stage is Stage.FAILED else None,
        )
        for flight in dossier.flights.values()
        if flight.stage is not Stage.FAILED or flight.look_at > now
    }
    names = model.names()
    for row in listed:
        if row.state is AssignmentState.UNKNOWN and row.package in names:
            package = names[row.package]
            if package not in found or found[package].failed is not None:
                found[package] = Underway(package, gives=True)
    return found


def _doing(flight: Flight, dossier: Dossier) -> Doing:
    """Return what a request was to do, by Graph's name of it and the end that its row had."""
    match flight.kind:
        case "adminAdd":
            return Doing.ADD
        case "adminRemove":
            return Doing.REMOVE
        case _:
            row = dossier.holdings.get(flight.assignment)
            was = None if row is None else row.ends
            earlier = flight.ends is not None and (was is None or flight.ends < was)
            return Doing.SHORTEN if earlier else Doing.EXTEND


def held(listed: Sequence[Listed], model: AccessModel) -> frozenset[str]:
    """Return the managed packages of which a row is live, by the model's names."""
    names = model.names()
    return frozenset(names[row.package] for row in listed if row.package in names and row.state in _LIVE)


def ended(listed: Sequence[Listed], dossier: Dossier) -> list[tuple[Holding, Listed, bool]]:
    """Return our rows that Graph says are over, and not by a request of ours; True where that was before their end.

    A removal of ours that failed may have been why, whatever Graph said of it: nobody else is held to have taken it.
    """
    by_id = {row.id: row for row in listed if row.state is AssignmentState.EXPIRED}
    found = []
    for holding in dossier.holdings.values():
        row = by_id.get(holding.assignment)
        flight = dossier.flights.get(holding.package)
        if row is None or holding.taken or (flight is not None and flight.stage is not Stage.FAILED):
            continue
        asked = flight is not None and flight.kind == "adminRemove" and flight.assignment == row.id
        early = holding.ends is None or (row.expired_at is not None and row.expired_at < holding.ends - TOLERANCE)
        found.append((holding, row, early and not asked))
    return found


def taken(holding: Holding, now: datetime) -> Holding:
    """Return our view of a row once it is known to be gone."""
    return replace(holding, taken=True, at=now)
