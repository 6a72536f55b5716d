"""What becomes of each assignment that a run took: there again, on its way, to be given back, or not, and why not.

Reads one look and decides nothing but that; pure. What is ours comes back by being justified, so for it this only says
whether it is. What somebody had requested is known to no rule: that alone is given back, as an exception
(`lifecycle.undo`), and only where the look shows nothing against it.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lifecycle.core.desired import Entitlement, Standing
from lifecycle.core.person import Exemption
from lifecycle.core.plan import TOLERANCE, takes_away
from lifecycle.look import Look
from lifecycle.records.dossier import Stage
from lifecycle.records.takings import Taking

_MEND = "if that is wrong, mend the cause first"


class State(StrEnum):
    """How a taken assignment stands."""

    BACK = "back"
    WAITING = "waiting"
    OPEN = "open"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Return:
    """What becomes of one taking, and why; `until` is the end of what is, or would be, there instead."""

    taking: Taking
    state: State
    why: str
    until: datetime | None = None


def exception_of(taking: Taking) -> str:
    """Name the exception that gives an assignment back: the same for whoever gives it back, and however often."""
    return f"undo:{hashlib.sha256(f'{taking.person}|{taking.assignment}'.encode()).hexdigest()[:24]}"


def becomes(taking: Taking, seen: Look) -> Return:
    """Say what becomes of it, as far as one look shows: `OPEN` is what can be given back."""
    for question in (_unmanaged, _not_taken, _of_ours if taking.ours else _of_requested):
        answer = question(taking, seen)
        if answer is not None:
            return answer
    return Return(taking, State.OPEN, "requested: given back as an exception", taking.ends)


def _skipped(taking: Taking, why: str) -> Return:
    return Return(taking, State.SKIPPED, why)


def _unmanaged(taking: Taking, seen: Look) -> Return | None:
    """Say why it is beyond us."""
    if taking.package not in seen.known.model.packages:
        return _skipped(taking, "the access model has no such package any more")
    if seen.match is not None and seen.match.user in seen.known.model.protected:
        return _skipped(taking, "protected: never touched")
    return None


def _not_taken(taking: Taking, seen: Look) -> Return | None:
    """Say what is to be said of one that never went, or went by others."""
    if taking.shortened:
        return None
    flight = seen.dossier.flights.get(taking.package)
    if flight is not None and flight.assignment == taking.assignment and flight.stage is not Stage.FAILED:
        return Return(taking, State.WAITING, "its removal is still under way")
    if any(row.id == taking.assignment for row in seen.actual.assignments):
        return Return(taking, State.BACK, "it is there: it was not taken", taking.ends)
    holding = seen.dossier.holdings.get(taking.assignment)
    if not taking.ours and (holding is None or not holding.taken):
        return _skipped(taking, "it went otherwise, not by a request of ours")
    return None


# --- ours ------------------------------------------------------------------------------------------------------------


def _of_ours(taking: Taking, seen: Look) -> Return:
    """Ours comes back when it is justified, by the next look; else the cause is to be mended, or it has ended."""
    wanted = seen.desired.entitlements.get(taking.package)
    if wanted is None:
        return _skipped(taking, _unwanted(taking, seen))
    if taking.shortened and _earlier(wanted.end, taking.ends):
        return _skipped(taking, f"justified only until {_at(wanted.end)} now; {_MEND}")
    return _on_its_way(taking, wanted, seen, "justified again: the next look gives it back")


def _unwanted(taking: Taking, seen: Look) -> str:
    if taking.package in seen.desired.denied:
        return "denied: a review, the person or an admin took it away"
    if taking.ends is not None and taking.ends <= seen.now:
        return f"it would have ended at {_at(taking.ends)}"
    return f"not justified now ({_standing(seen)}); {_MEND}"


def _standing(seen: Look) -> str:
    return "no longer employed" if seen.desired.standing is Standing.LEFT else "no reason for it"


def _on_its_way(taking: Taking, wanted: Entitlement, seen: Look, todo: str) -> Return:
    """Say how far a package is that is justified."""
    package, held = taking.package, seen.dossier.withheld
    rows = [row for row in seen.actual.assignments if row.package == package]
    if held is not None and not held.released and {f"assign {package}", *(row.id for row in rows)} & {*held.rows}:
        return Return(taking, State.WAITING, f"held by the guard under run {held.run}", wanted.end)
    if package in (seen.actual.underway or {}):
        return Return(taking, State.WAITING, "its request is under way", wanted.end)
    if rows and not any(step.package == package and not takes_away(step) for step in seen.plan.changes):
        return Return(taking, State.BACK, "there again", wanted.end)
    if seen.match is None:
        return Return(taking, State.WAITING, seen.finding or "there is no Entra user", wanted.end)
    if seen.desired.frozen:
        return Return(taking, State.WAITING, "the person is frozen", wanted.end)
    return Return(taking, State.OPEN, todo, wanted.end)


# --- requested -------------------------------------------------------------------------------------------------------


def _of_requested(taking: Taking, seen: Look) -> Return | None:
    """Say what became of the exception that gives it back, or what is against giving it; None when nothing is."""
    given = next((one for one in seen.person.exemptions if one.id == exception_of(taking)), None)
    if given is not None:
        return _given(taking, given, seen)
    against = _by_the_facts(taking, seen) or _by_the_user(taking, seen)
    if against:
        return _skipped(taking, against)
    if any(row.package == taking.package and not (row.ours or row.auto) for row in seen.actual.assignments):
        return Return(taking, State.BACK, "they hold it again by another assignment, not ours")
    return None


def _by_the_facts(taking: Taking, seen: Look) -> str:
    """Say what HR and the projects have against it; an exception would outrank a project's close, so it is asked."""
    if taking.ends is not None and taking.ends <= seen.now + TOLERANCE:
        return f"it would have ended at {_at(taking.ends)}"
    if seen.desired.standing in {Standing.LEFT, Standing.UNKNOWN}:
        return f"not employed; {_MEND}"
    if taking.package in seen.desired.sweep_out:
        return f"the project that it belongs to is closed; {_MEND}"
    return ""


def _by_the_user(taking: Taking, seen: Look) -> str:
    """Say what speaks against it in the directory; an exception would outrank a denial, so that is asked here."""
    if seen.match is None:
        return seen.finding or "there is no Entra user"
    if seen.match.user != taking.user:
        return "the person has another Entra user now"
    refusal = seen.dossier.refusals.get(taking.package)
    if refusal is not None and refusal.stands and (taking.starts is None or refusal.at >= taking.starts):
        return f"denied {refusal.by} at {_at(refusal.at)}"
    return ""


def _given(taking: Taking, given: Exemption, seen: Look) -> Return:
    """Say how far an exception is that was granted already."""
    if given.until <= seen.now:
        return _skipped(taking, f"given back, and over since {_at(given.until)}")
    if taking.package in seen.desired.denied:
        return _skipped(taking, "given back, and denied since")
    wanted = seen.desired.entitlements.get(taking.package)
    if wanted is None:
        why = f"given back as an exception until {_at(given.until)}, which counts for nothing now ({_standing(seen)})"
        return Return(taking, State.WAITING, why, given.until)
    return _on_its_way(taking, wanted, seen, "given back as an exception: the next look carries it out")


def _earlier(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and (other is None or one < other - TOLERANCE)


def _at(when: datetime | None) -> str:
    return "" if when is None else f"{when:%Y-%m-%dT%H:%M:%SZ}"
