"""What access is without reason, since when and because of what: leavings, and packages whose last reason ended.

Pure, and computed from the whole timeline, so that it does not depend on what was looked at when.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

from lifecycle.core.calendar import begins
from lifecycle.core.delays import Class
from lifecycle.core.events import (
    Closed,
    DecisionFact,
    Joined,
    Left,
    MembershipFact,
    Moved,
    Opened,
    ProjectFact,
    Recorded,
    Rescheduled,
    WorkerFact,
)
from lifecycle.core.model import AccessModel
from lifecycle.core.person import Person, zone_of
from lifecycle.core.project import Project
from lifecycle.core.reasons import Reason, Stand, Why

_ABSENT = "derived-from-absence"


@dataclass(frozen=True, slots=True)
class Leaving:
    """A person's leaving: how and by which event it was told, when that was recorded, and when access ends."""

    kind: Class
    cause: str
    told: datetime
    ended: datetime

    @property
    def due(self) -> datetime:
        """Return from when the access is due to go."""
        return max(self.told, self.ended)


def leavings(person: Person, now: datetime) -> list[Leaving]:
    """Return the times that the person left, in order: an employment ended and no other ran by then."""
    ended = {span.end: span.left for job in person.employments for span in job.spans}
    return [
        _leaving(left, end)
        for end, left in sorted(((end, left) for end, left in ended.items() if end is not None), key=itemgetter(0))
        if end <= now and not person.employed(end)
    ]


def _leaving(left: Left | None, end: datetime) -> Leaving:
    if left is None:
        return Leaving(Class.NOTICE, "", end, end)
    said = left.recorded
    if said.origin.kind == _ABSENT:
        kind = Class.DERIVED
    elif left.immediate:
        kind = Class.IMMEDIATE
    else:
        kind = Class.TOLD_LATE if said.time > end else Class.NOTICE
    return Leaving(kind, f"event:{said.id}", said.time, end)


def last_reason(package: str, at: datetime, found: Iterable[Stand], person: Person) -> Reason | None:
    """Return the reason that was the package's last one before `at`.

    None while one stands, when there never was one, and when it ended because the person left.
    """
    reasons = [stand.reason for stand in found if stand.package == package]
    if any(reason.stands(at) for reason in reasons):
        return None
    over = [reason for reason in reasons if reason.until is not None and reason.until <= at]
    last = max(over, key=lambda reason: (reason.until or at, reason.order), default=None)
    return last if last is not None and last.until is not None and person.employed(last.until) else None


def kind_of(reason: Reason, person: Person, project: Project | None) -> Class:
    """Return why a reason of somebody who stayed ended: a move, a project's close, a release from it, or its term."""
    match reason.kind:
        case Why.GRACE:
            return Class.MOVER
        case Why.PROJECT:
            closed = project is not None and reason.until is not None and project.closed(reason.until)
            return Class.PROJECT if closed else Class.RELEASED
        case Why.EXCEPTION:
            return Class.TERM
        case Why.RULE:
            jobs = [job for job in person.employments if job.worker == reason.of]
            moved = any(snapshot.since == reason.until for job in jobs for snapshot in job.snapshots)
            return Class.MOVER if moved else Class.TERM


def of_move(reason: Reason, facts: Sequence[WorkerFact | DecisionFact], model: AccessModel) -> Recorded | None:
    """Return the fact that ended a rule's reason: the last recorded that holds from that instant on."""
    ended = reason.since if reason.kind is Why.GRACE else reason.until
    return _newest(
        fact.recorded
        for fact in facts
        if isinstance(fact, Joined | Moved) and begins(fact.effective, zone_of(fact.worker, model)) == ended
    )


def of_close(facts: Sequence[ProjectFact]) -> Recorded | None:
    """Return the fact that said when the project ends: the last recorded one of those that do."""
    return _newest(fact.recorded for fact in facts if isinstance(fact, Closed) or _plans(fact))


def of_release(reason: Reason, facts: Sequence[MembershipFact], now: datetime) -> Recorded | None:
    """Return the fact that ended the work on a project: the last recorded one about the role."""
    mine = [fact for fact in facts if fact.recorded.subject == reason.of and fact.role == reason.name]
    return _newest(fact.recorded for fact in mine if fact.recorded.time <= (reason.until or now))


def _plans(fact: ProjectFact) -> bool:
    return isinstance(fact, Opened | Rescheduled) and fact.planned_close is not None


def _newest(found: Iterable[Recorded]) -> Recorded | None:
    return max(found, key=lambda recorded: recorded.order, default=None)
