"""A project as its facts describe it: when it is open, and when a person works on it. Free of order, like `person`."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from lifecycle.core.calendar import begins, earliest, ends
from lifecycle.core.events import Closed, MembershipFact, Opened, ProjectFact, Released, Rescheduled, Staffed
from lifecycle.core.model import AccessModel


@dataclass(frozen=True, slots=True)
class Stretch:
    """`[start, end)`, None is open; `renewable` when somebody stated the end in advance, so that it can be renewed."""

    start: datetime
    end: datetime | None = None
    renewable: bool = False

    def holds(self, at: datetime) -> bool:
        """Whether it runs at that instant."""
        return self.start <= at and (self.end is None or at < self.end)


@dataclass(frozen=True, slots=True)
class Project:
    """A project: when it was open, when it is planned to close, who answers for it."""

    id: str
    open: tuple[Stretch, ...] = ()
    planned_close: datetime | None = None
    owner: str = ""
    sponsor: str | None = None

    def closed(self, at: datetime) -> bool:
        """Whether it was once open and is no longer: closed, or past its planned close."""
        begun = [stretch for stretch in self.open if stretch.start <= at]
        return bool(begun) and not any(stretch.holds(at) for stretch in self.bounded())

    def bounded(self) -> tuple[Stretch, ...]:
        """Return the open stretches, the last one ending at the planned close unless it was closed before."""
        if not self.open:
            return ()
        last = self.open[-1]
        return (*self.open[:-1], replace(last, end=earliest([last.end, self.planned_close])))


@dataclass(frozen=True, slots=True)
class Membership:
    """A person's stretches on one project in one role."""

    project: str
    role: str
    stretches: tuple[Stretch, ...]


def project(identifier: str, facts: Iterable[ProjectFact], model: AccessModel) -> Project:
    """Fold a project's facts in the order in which they were recorded."""
    known = {(fact.recorded.source, fact.recorded.id): fact for fact in facts}
    found = Project(identifier)
    for fact in sorted(known.values(), key=lambda fact: fact.recorded.order):
        found = _learn(found, fact, model)
    return found


def _learn(known: Project, fact: ProjectFact, model: AccessModel) -> Project:
    match fact:
        case Opened():
            planned = None if fact.planned_close is None else ends(fact.planned_close, model.time_zone)
            return Project(known.id, _opened(known.open, fact.recorded.time), planned, fact.owner, fact.sponsor)
        case Rescheduled():
            planned = None if fact.planned_close is None else ends(fact.planned_close, model.time_zone)
            return replace(known, planned_close=planned)
        case Closed():
            return replace(known, open=_closed(known.open, begins(fact.effective, model.time_zone)))


def _opened(stretches: tuple[Stretch, ...], at: datetime) -> tuple[Stretch, ...]:
    """Open anew after a close; opened again while open (or before the close has come) it just runs on."""
    if stretches and (stretches[-1].end is None or stretches[-1].end > at):
        return (*stretches[:-1], replace(stretches[-1], end=None))
    return (*stretches, Stretch(at))


def _closed(stretches: tuple[Stretch, ...], at: datetime) -> tuple[Stretch, ...]:
    if not stretches:
        return ()
    last = stretches[-1]
    return (*stretches[:-1], replace(last, end=max(at, last.start)))


def memberships(facts: Iterable[MembershipFact], model: AccessModel) -> tuple[Membership, ...]:
    """Fold one person's staffings and releases, over all projects, into stretches by project and role."""
    known = {(fact.recorded.source, fact.recorded.id): fact for fact in facts}
    grouped: dict[tuple[str, str], list[MembershipFact]] = defaultdict(list)
    for fact in sorted(known.values(), key=lambda fact: fact.recorded.order):
        grouped[fact.recorded.subject, fact.role].append(fact)
    return tuple(
        Membership(name, role, _stretches(ordered, model)) for (name, role), ordered in sorted(grouped.items())
    )


def _stretches(ordered: list[MembershipFact], model: AccessModel) -> tuple[Stretch, ...]:
    found: list[Stretch] = []
    for fact in ordered:
        at = fact.recorded.time
        match fact:
            case Staffed():
                start = None if fact.starts is None else begins(fact.starts, model.time_zone)
                end = None if fact.until is None else ends(fact.until, model.time_zone)
                begun = _restaffed(found, start, at)
                if end is None or end > begun:
                    found.append(Stretch(begun, end, renewable=end is not None))
            case Released():
                found = [_cut(stretch, at) for stretch in found if stretch.start < at]
    return tuple(found)


def _cut(stretch: Stretch, at: datetime) -> Stretch:
    return stretch if stretch.end is not None and stretch.end <= at else Stretch(stretch.start, at)


def _restaffed(found: list[Stretch], start: datetime | None, at: datetime) -> datetime:
    """Return when a staffing begins; one that corrects the running stretch replaces it and keeps its beginning."""
    last = found[-1] if found else None
    over = last is None or (last.end is not None and (last.end <= at or (start is not None and start >= last.end)))
    if last is None or over:
        return start or at
    found.pop()
    if last.start <= at:
        return last.start if start is None else min(start, last.start)
    return start or at


def overlap(one: Stretch, other: Stretch) -> Stretch | None:
    """Return the time in both, if any."""
    start = max(one.start, other.start)
    end = earliest([one.end, other.end])
    return Stretch(start, end) if end is None or end > start else None
