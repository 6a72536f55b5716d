"""The difference between desired and actual, as a value: it can be printed, hashed, held, approved and compared.

Desired and actual meet by package. Pure: applying a plan is `lifecycle.reconcile`'s business.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeIs, assert_never

from lifecycle.core.desired import Desired, Entitlement, Standing
from lifecycle.core.model import AccessModel

TOLERANCE = timedelta(minutes=1)
"""Two ends that differ by less are the same: a request for a second's difference would be a wasted one."""

SHOWN_WITHIN = timedelta(minutes=3)
"""How long after a row's end Graph's lists may still show it (facts: they lag up to two minutes)."""

EXPIRES_WITHIN = timedelta(minutes=15)
"""How long after a row's end Entra is left to expire it by itself; then we remove it."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A live assignment as it is: `ours` is our policy and in our ledger; `auto` an auto-assignment policy's row.

    `adoptable` is a row in our own policy that our ledger does not know; `policy` the policy that gave it.
    """

    id: str
    package: str
    starts: datetime | None = None
    ends: datetime | None = None
    ours: bool = False
    adoptable: bool = False
    auto: bool = False
    policy: str = ""


class Doing(StrEnum):
    """What a step does with a row; a request that failed rests, and only steps that do the same rest with it."""

    ADD = "add"
    EXTEND = "extend"
    SHORTEN = "shorten"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Underway:
    """A request that is open for a package: `gives` when it adds or changes, else it takes away.

    `failed` is what it was to do when it is open no longer: it failed, and is not tried again yet.
    """

    package: str
    gives: bool
    request: str = ""
    failed: Doing | None = None


@dataclass(frozen=True, slots=True)
class Actual:
    """What Graph says of a person, overlaid with what is under way and what has just ended."""

    assignments: tuple[Assignment, ...] = ()
    underway: Mapping[str, Underway] | None = None


@dataclass(frozen=True, slots=True)
class Assign:
    """Give a package now, until `ends` (None: no end)."""

    package: str
    ends: datetime | None
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reschedule:
    """Move the end of one of our rows."""

    package: str
    assignment: str
    was: datetime | None
    ends: datetime | None
    why: tuple[str, ...]
    starts: datetime | None = None

    @property
    def shortens(self) -> bool:
        """Whether it takes access away earlier than it would have ended."""
        return self.ends is not None and (self.was is None or self.ends < self.was)


@dataclass(frozen=True, slots=True)
class Remove:
    """Take a row away now."""

    package: str
    assignment: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Keep:
    """Considered, and nothing to do; `note` says what a reader would otherwise ask."""

    package: str
    assignment: str
    why: tuple[str, ...]
    note: str = ""


OVERDUE = "its end has passed and Entra has not expired it"
"""A reason of a removal: we end what should have ended by itself."""

type Step = Assign | Reschedule | Remove | Keep
type ChangeStep = Assign | Reschedule | Remove


@dataclass(frozen=True, slots=True)
class Plan:
    """One person's steps, removals first, additions last; `look_again` is when it should be made anew."""

    person: str
    model: str
    steps: tuple[Step, ...]
    look_again: datetime | None = None

    @property
    def changes(self) -> tuple[ChangeStep, ...]:
        """Return the steps that do something."""
        return tuple(step for step in self.steps if not isinstance(step, Keep))

    @property
    def taking(self) -> tuple[Remove | Reschedule, ...]:
        """Return the steps that take access away: removals, and reschedules to an earlier end."""
        return tuple(step for step in self.steps if takes_away(step))

    @property
    def hash(self) -> str:
        """Name the plan by its changes and the model's version alone: no clock, no read, no text goes in."""
        content = [self.person, self.model, sorted(_identity(step) for step in self.changes)]
        return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()


def takes_away(step: Step) -> TypeIs[Remove | Reschedule]:
    """Whether the guard must count the step."""
    return isinstance(step, Remove) or (isinstance(step, Reschedule) and step.shortens)


def _identity(step: ChangeStep) -> list[str]:
    match step:
        case Assign():
            return ["assign", step.package, "", _instant(step.ends)]
        case Reschedule():
            return ["reschedule", step.package, step.assignment, _instant(step.ends)]
        case Remove():
            return ["remove", step.package, step.assignment, ""]


def _instant(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat()


def set_hash(hashes: Iterable[str]) -> str:
    """Name a set of held plans by the sorted hashes of its members; this is what a person approves."""
    return hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()


def plan(desired: Desired, actual: Actual, model: AccessModel, now: datetime, *, protected: bool = False) -> Plan:
    """Return what makes actual equal desired. A protected person's plan changes nothing."""
    rows: dict[str, list[Assignment]] = defaultdict(list)
    for row in actual.assignments:
        rows[row.package].append(row)
    underway = actual.underway or {}
    steps: list[Step] = []
    for package in sorted(desired.entitlements.keys() | rows.keys() | desired.denied | underway.keys()):
        wanted = desired.entitlements.get(package)
        waiting = underway.get(package)
        if waiting is not None and waiting.failed is None:
            steps.append(_wait(waiting, wanted))
            continue
        if wanted is not None:
            found = _justified(wanted, rows[package], desired, now)
        else:
            found = _unjustified(package, rows[package], desired, now)
        steps.extend(found if waiting is None else [_rest(step, waiting) for step in found])
    if protected:
        steps = [_spare(step) for step in steps]
    steps.sort(key=_order)
    return Plan(desired.person, model.hash, tuple(steps), _look_again(desired, actual, now))


def _order(step: Step) -> tuple[int, str, str]:
    match step:
        case Keep():  # nearly all are
            return (4, step.package, step.assignment)
        case Remove():
            return (0, step.package, step.assignment)
        case Reschedule():
            return (1 if step.shortens else 2, step.package, step.assignment)
        case Assign():
            return (3, step.package, "")


def _wait(open_request: Underway, wanted: Entitlement | None) -> Keep:
    what = "being delivered" if open_request.gives else "being removed"
    return Keep(open_request.package, "", _why(wanted), f"{what}; looked at again when that has ended")


def doing(step: ChangeStep) -> Doing:
    """Return what the step does."""
    match step:
        case Assign():
            return Doing.ADD
        case Reschedule():
            return Doing.SHORTEN if step.shortens else Doing.EXTEND
        case Remove():
            return Doing.REMOVE
        case _ as never:
            assert_never(never)


def _rest(step: Step, failed: Underway) -> Step:
    """Let a step rest that would do again what has just failed; any other has its turn, a removal above all."""
    if isinstance(step, Keep) or doing(step) is not failed.failed:
        return step
    row = "" if isinstance(step, Assign) else step.assignment
    return Keep(step.package, row, step.why, f"failed to {failed.failed}; tried again later")


def _why(wanted: Entitlement | None) -> tuple[str, ...]:
    return () if wanted is None else tuple([str(reason) for reason in wanted.reasons])


def _justified(wanted: Entitlement, rows: list[Assignment], desired: Desired, now: datetime) -> Iterable[Step]:
    """Any live row satisfies a reason; of several we keep the end right on our own."""
    why = _why(wanted)
    if len(rows) == 1 and rows[0].ours and _same_end(rows[0].ends, wanted.end):  # nearly all are
        yield Keep(wanted.package, rows[0].id, why)
        return
    ours = [row for row in rows if row.ours]
    others = [row for row in rows if not row.ours]
    if not rows:
        if desired.frozen:
            yield Keep(wanted.package, "", why, "wanted, but the person is frozen")
        elif wanted.end is None or wanted.end > now + TOLERANCE:
            yield Assign(wanted.package, wanted.end, why)
        return
    for row in ours:
        if _same_end(row.ends, wanted.end):
            yield Keep(wanted.package, row.id, why)
        elif _expiring(row, now):
            yield Keep(wanted.package, row.id, why, "its end has come; ours follows once Entra has expired it")
        elif desired.frozen and not _earlier(wanted.end, row.ends):
            yield Keep(wanted.package, row.id, why, "would be extended, but the person is frozen")
        else:
            yield Reschedule(wanted.package, row.id, row.ends, wanted.end, why, row.starts)
    for row in others:
        yield Keep(wanted.package, row.id, why, _held_by(row))


def _held_by(row: Assignment) -> str:
    if row.auto:
        return "held through an auto-assignment policy"
    return "found in our policy; adopted" if row.adoptable else "held already, not ours; ours follows when it ends"


def _same_end(one: datetime | None, other: datetime | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) < TOLERANCE


def _earlier(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and (other is None or one < other)


def _unjustified(package: str, rows: list[Assignment], desired: Desired, now: datetime) -> Iterable[Step]:
    why = (_gone(desired),)
    if package in desired.denied:
        why = ("denied: taken away by a review, a person or by hand",)
    if not rows:
        yield Keep(package, "", why, "wanted by rules, but denied")
    for row in rows:
        if row.auto:
            yield Keep(package, row.id, why, "auto-assignment policy: never touched, outlives its reason")
        elif _expiring(row, now):
            yield Keep(package, row.id, why, "its end has come; Entra is given a while to expire it")
        elif package in desired.sweep_out or row.ours:
            yield Remove(package, row.id, (*why, OVERDUE) if overdue(row, now) else why)
        elif row.adoptable:
            yield Keep(package, row.id, why, "in our policy but not in our ledger; reported")
        else:
            yield Keep(package, row.id, why, "not ours, left alone")


def _expiring(row: Assignment, now: datetime) -> bool:
    return row.ends is not None and row.ends <= now < row.ends + EXPIRES_WITHIN


def overdue(row: Assignment, now: datetime) -> bool:
    """Whether a row should have been expired by Entra long ago."""
    return row.ends is not None and row.ends + EXPIRES_WITHIN <= now


def _gone(desired: Desired) -> str:
    match desired.standing:
        case Standing.LEFT:
            return "no longer employed"
        case Standing.EMPLOYED:
            return "no reason left"
        case Standing.EXPECTED:
            return "before the first day"
        case Standing.UNKNOWN:
            return "no employment known"


def _spare(step: Step) -> Step:
    """Turn every change into a note: a protected account is never touched, neither given nor taken from."""
    match step:
        case Keep():
            return step
        case Assign():
            return Keep(step.package, "", step.why, "protected: never touched")
        case Reschedule() | Remove():
            return Keep(step.package, step.assignment, step.why, "protected: never touched")


def _look_again(desired: Desired, actual: Actual, now: datetime) -> datetime | None:
    """Return the next instant that matters: a reason begins or ends, or a row that satisfies one runs out."""
    ends = [row.ends for row in actual.assignments if row.ends is not None]
    edges = [edge for end in ends for edge in (end, end + SHOWN_WITHIN, end + EXPIRES_WITHIN) if edge > now]
    edges += [] if desired.next_change is None else [desired.next_change]
    return min(edges, default=None)
