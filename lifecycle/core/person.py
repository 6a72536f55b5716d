"""A person as HR's facts describe them: employments over time, attributes at an instant, decisions about them.

Folding is pure and free of order: facts are sorted by their own clocks, never by arrival. Employment is a span: its
start comes from the newest-recorded `joined`, its end from the newest-recorded unrescinded `left`. Attributes at an
instant come from the fact with the greatest effective date that has come.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from lifecycle.core.calendar import begins, day_of, ends
from lifecycle.core.events import (
    DecisionFact,
    ExceptionGranted,
    ExceptionRevoked,
    Frozen,
    Joined,
    Left,
    Moved,
    Recognised,
    RenewalApproved,
    Rescinded,
    Thawed,
    Worker,
    WorkerFact,
)
from lifecycle.core.model import AccessModel


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch of employment, `[start, end)`; None is open. `left` is the fact that ended it."""

    start: datetime | None
    end: datetime | None = None
    left: Left | None = None

    def holds(self, at: datetime) -> bool:
        """Whether the employment runs at that instant; one whose beginning is unknown never does."""
        return self.start is not None and self.start <= at and (self.end is None or at < self.end)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The worker as of `since`."""

    since: datetime
    worker: Worker


@dataclass(frozen=True, slots=True)
class Employment:
    """One worker record over time: spans in order, snapshots by effective date."""

    worker: str
    spans: tuple[Span, ...]
    snapshots: tuple[Snapshot, ...]

    def as_of(self, at: datetime) -> Worker | None:
        """Return the attributes at that instant; before the first snapshot, None."""
        return next((snapshot.worker for snapshot in reversed(self.snapshots) if snapshot.since <= at), None)

    @property
    def latest(self) -> Worker | None:
        """Return the last snapshot by effective date, come or not: whom to look for in the directory."""
        return self.snapshots[-1].worker if self.snapshots else None


@dataclass(frozen=True, slots=True)
class Exemption:
    """A granted exception as it stands: `[since, until)` for one package."""

    package: str
    since: datetime
    until: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Extension:
    """An approved renewal: at `at`, to `until`, or by the model's `extend` where None."""

    package: str
    at: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Person:
    """A person: one or more employments, and what was decided about them; `recognised` is the last word on the user."""

    key: str
    employments: tuple[Employment, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    extensions: tuple[Extension, ...] = ()
    frozen: bool = False
    recognised: Recognised | None = None

    def employed(self, at: datetime) -> bool:
        """Whether any employment runs at that instant."""
        return any(span.holds(at) for job in self.employments for span in job.spans)

    def last_end(self, at: datetime) -> Span | None:
        """Return the span that ended last, when none runs and at least one has ended: the person has left."""
        if self.employed(at):
            return None
        over = [span for job in self.employments for span in job.spans if span.end is not None and span.end <= at]
        return max(over, key=lambda span: span.end or at, default=None)

    def leaving(self, at: datetime) -> Span | None:
        """Return the span whose end is the end of the last employment: past, or coming and known already."""
        spans = [span for job in self.employments for span in job.spans]
        if any(span.end is None for span in spans) or not spans:
            return None
        return max(spans, key=lambda span: span.end or at)

    def first_day(self, at: datetime) -> datetime | None:
        """Return the start of the running employment, or else of the next one."""
        starts = [
            span.start
            for job in self.employments
            for span in job.spans
            if span.start is not None and (span.end is None or span.end > max(at, span.start))
        ]
        return min(starts, default=None)


def person(identifier: str, facts: Iterable[WorkerFact | DecisionFact], model: AccessModel) -> Person:
    """Fold facts, in any order and with repeats, into the person they describe."""
    by_worker: dict[str, dict[tuple[str, str], WorkerFact]] = defaultdict(dict)
    decisions: dict[tuple[str, str], DecisionFact] = {}
    for fact in facts:
        identity = (fact.recorded.source, fact.recorded.id)
        match fact:
            case Joined() | Moved() | Left() | Rescinded():
                by_worker[fact.recorded.subject].setdefault(identity, fact)
            case _:
                decisions.setdefault(identity, fact)
    jobs = tuple(employment(worker, known.values(), model) for worker, known in sorted(by_worker.items()))
    ordered = sorted(decisions.values(), key=lambda fact: fact.recorded.order)
    return Person(
        identifier,
        jobs,
        _exemptions(ordered, model),
        _extensions(ordered, model),
        _frozen(ordered),
        next((fact for fact in reversed(ordered) if isinstance(fact, Recognised)), None),
    )


def employment(worker: str, facts: Iterable[WorkerFact], model: AccessModel) -> Employment:
    """Fold the facts of one worker record."""
    ordered = sorted(_unrescinded(facts), key=lambda fact: fact.recorded.order)
    described = [fact for fact in ordered if isinstance(fact, Joined | Moved)]
    return Employment(worker, _spans(ordered, described, model), _snapshots(described, model))


def zone_of(worker: Worker, model: AccessModel) -> str:
    """Return the zone that counts for a worker: their own, else their location's, else the model's."""
    by_location = model.locations.get(worker.location or "")
    return worker.time_zone or by_location or model.time_zone


def _unrescinded(facts: Iterable[WorkerFact]) -> list[WorkerFact]:
    """Drop what was rescinded; rescissions newest first, since one may itself be rescinded."""
    known = list(facts)
    dead: set[tuple[str, str]] = set()
    rescissions = [fact for fact in known if isinstance(fact, Rescinded)]
    if not rescissions:
        return known
    for fact in sorted(rescissions, key=lambda fact: fact.recorded.order, reverse=True):
        if (fact.recorded.source, fact.recorded.id) not in dead:
            dead.add((fact.recorded.source, fact.rescinds))
    return [fact for fact in known if (fact.recorded.source, fact.recorded.id) not in dead]


def _snapshots(described: list[Joined | Moved], model: AccessModel) -> tuple[Snapshot, ...]:
    """Order what comes as recorded by effective: dates compare as dates, in one zone, whatever zone each holds in."""
    if len(described) > 1:
        described = sorted(described, key=lambda fact: begins(fact.effective, model.time_zone))
    return tuple([Snapshot(begins(fact.effective, zone_of(fact.worker, model)), fact.worker) for fact in described])


def _end_of(left: Left, described: list[Joined | Moved], model: AccessModel) -> datetime:
    """Return when the last day is over in the zone of the snapshot that holds by then, else of the first one known.

    Whoever moves at an instant of the last day, to where that day is over already, was before in a zone where it was
    not: it is over when they move, or when it is over there, whichever comes first.
    """
    if not described:
        return ends(left.effective, model.time_zone)
    by_day = sorted(described, key=lambda fact: (day_of(fact.effective), fact.recorded.order))
    holding = [fact for fact in by_day if day_of(fact.effective) <= day_of(left.effective)] or by_day[:1]
    moved: list[datetime] = []
    for fact in reversed(holding[1:]):
        zone = zone_of(fact.worker, model)
        over, since = ends(left.effective, zone), begins(fact.effective, zone)
        if since <= over:
            return min([over, *moved])
        moved.append(since)
    return min([ends(left.effective, zone_of(holding[0].worker, model)), *moved])


def _spans(ordered: list[WorkerFact], described: list[Joined | Moved], model: AccessModel) -> tuple[Span, ...]:
    spans: list[Span] = []
    for fact in ordered:
        match fact:
            case Joined():
                _join(spans, begins(fact.effective, zone_of(fact.worker, model)))
            case Left():
                end = _end_of(fact, described, model)
                _leave(spans, min(end, fact.recorded.time) if fact.immediate else end, fact)
            case Moved() | Rescinded():
                pass
    return tuple(spans)


def _join(spans: list[Span], start: datetime) -> None:
    """Correct the start of the first span that is not over by then, or open a new one (a rehire)."""
    for index, span in enumerate(spans):
        if span.end is None or start < span.end:
            spans[index] = Span(start, span.end, span.left)
            return
    spans.append(Span(start))


def _leave(spans: list[Span], end: datetime, left: Left) -> None:
    """End the last span that began before; with none known, remember that an employment ended.

    A later last day does not undo an immediate end: only its rescission does, or a new `joined`. One that withdraws a
    rehire leaves the employment before it alone.
    """
    for index in reversed(range(len(spans))):
        span = spans[index]
        if span.start is None or span.start < end:
            if index + 1 < len(spans) and _withdraws(left, end, span, spans[index + 1]):
                spans[index + 1] = Span(spans[index + 1].start, end, left)  # never runs
                return
            stands = span.left is not None and span.left.immediate and span.end is not None and span.end <= end
            spans[index] = span if stands else Span(span.start, end, left)
            return
    # Before any first day: an employment that never runs, whose first day is kept in case the last one is corrected.
    spans[:1] = [Span(spans[0].start if spans else None, end, left)]


def _withdraws(left: Left, end: datetime, before: Span, rehire: Span) -> bool:
    """Whether a last day between two employments takes back the second one and does not correct the first.

    It does when it was recorded after the first was over, and lies ahead, or on the day before the second's first day.
    """
    said = left.recorded.time
    if before.end is None or rehire.start is None or not before.end < end <= rehire.start or said < before.end:
        return False
    return said <= end or rehire.start - end < timedelta(days=1)


def _exemptions(ordered: list[DecisionFact], model: AccessModel) -> tuple[Exemption, ...]:
    found: list[Exemption] = []
    for fact in ordered:
        at = fact.recorded.time
        if isinstance(fact, ExceptionGranted):
            found.append(Exemption(fact.package, at, ends(fact.until, model.time_zone), fact.recorded.id))
        elif isinstance(fact, ExceptionRevoked):
            found = [
                Exemption(item.package, item.since, min(item.until, at), item.id)
                if item.package == fact.package
                else item
                for item in found
            ]
    return tuple(found)


def _extensions(ordered: list[DecisionFact], model: AccessModel) -> tuple[Extension, ...]:
    """Keep what was approved; a denial takes nothing away that runs, it only lets it end."""
    found: list[Extension] = []
    for fact in ordered:
        if isinstance(fact, RenewalApproved):
            until = None if fact.until is None else ends(fact.until, model.time_zone)
            found.append(Extension(fact.package, fact.recorded.time, until))
    return tuple(found)


def _frozen(ordered: list[DecisionFact]) -> bool:
    state = False
    for fact in ordered:
        if isinstance(fact, Frozen | Thawed):
            state = isinstance(fact, Frozen)
    return state
