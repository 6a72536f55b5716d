"""Why somebody holds a package: every reason there is, over all of the person's timeline.

Reasons come from rules (bounded by employment, contract end, `for` and its renewals, followed by grace after a move),
from work on projects (bounded by employment and contract end), and from exceptions (by employment). Which of them stand
now, and what follows, is `desired`'s business.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from lifecycle.core.calendar import day_over, earliest
from lifecycle.core.events import Status, Worker
from lifecycle.core.model import AccessModel, RenewalMode, Rule
from lifecycle.core.person import Employment, Exemption, Person, Span, zone_of
from lifecycle.core.project import Membership, Project, Stretch, overlap
from lifecycle.core.renewal import lapse_of

type Dropped = Mapping[str, tuple[str, datetime]]
"""By package: a rule that gave it and that the present model no longer has, and since when that model counts."""


class Why(StrEnum):
    """The kinds of reasons."""

    RULE = "rule"
    PROJECT = "project"
    EXCEPTION = "exception"
    GRACE = "grace"


class Reason(NamedTuple):
    """Why somebody holds a package: the rule, project role or exception, since when and (None: open) until when.

    `of` is the worker record, the project or the exception's event id.
    """

    kind: Why
    name: str
    of: str
    since: datetime
    until: datetime | None = None

    def stands(self, now: datetime) -> bool:
        """Whether the reason counts at that instant."""
        return self.since <= now and (self.until is None or now < self.until)

    @property
    def order(self) -> tuple[str, str, str, datetime, datetime]:
        """Where the reason comes among others: by what it is, then by when; the open ones first."""
        return (self.kind, self.name, self.of, self.since, self.until or self.since)

    def __str__(self) -> str:
        until = "" if self.until is None else f" until {_written(self.until)}"
        return f"{self.kind} {self.name} ({self.of}) since {_written(self.since)}{until}"


@lru_cache(maxsize=65536)
def _written(at: datetime) -> str:
    """Write an instant (UTC) to the second; every plan writes many, and many are the same midnights."""
    return f"{at.isoformat()[:19]}Z"


class Stand(NamedTuple):
    """A reason for one package, over all of its time; a tuple, since planning everybody makes millions of them.

    `begun` is when what it follows from began (grace: its rule); `opens` is when its renewal window opens, None for a
    reason that nobody renews.
    """

    package: str
    reason: Reason
    begun: datetime
    opens: datetime | None = None


def stands(  # noqa: PLR0917 all that reasons come from
    person: Person,
    memberships: Iterable[Membership],
    projects: Mapping[str, Project],
    model: AccessModel,
    dropped: Dropped,
    now: datetime,
) -> list[Stand]:
    """Return every reason of the person, past, present and known to come, as extended by `now`."""
    return [
        *_by_rules(person, model, now),
        *_by_projects(person, memberships, projects, model, now),
        *_by_exceptions(person.exemptions, person, model),
        *_by_dropped(dropped, person, model),
    ]


_ALWAYS = (True,)


class _Segment(NamedTuple):
    """A stretch of employment during which nothing a rule may read changes."""

    start: datetime
    end: datetime | None
    worker: Worker


class _Walk(NamedTuple):
    """One span of one employment, with all that bounds what a rule gives in it."""

    person: Person
    model: AccessModel
    worker: str
    span: Span
    segments: list[_Segment]
    now: datetime


def _by_rules(person: Person, model: AccessModel, now: datetime) -> Iterator[Stand]:
    if not model.rules:
        return
    for job in person.employments:
        for span in job.spans:
            segments, answers = _answered(_segments(job, span), model)
            if not segments:
                continue
            walk = _Walk(person, model, job.worker, span, segments, now)
            for rule, truths in zip(model.rules, zip(*answers, strict=True), strict=True):
                if True in truths:
                    for package in rule.grant:
                        yield from _rule_stands(walk, rule, truths, package)


def _answered(segments: Iterable[_Segment], model: AccessModel) -> tuple[list[_Segment], list[tuple[bool, ...]]]:
    """Return the segments with what each rule says in them, joined where nothing changes that a reason depends on.

    Most changes are of that kind: a new title, a new manager.
    """
    joined: list[_Segment] = []
    answers: list[tuple[bool, ...]] = []
    for segment in segments:
        answer = model.matches(segment.worker)
        if joined and answer == answers[-1] and _is_alike(joined[-1].worker, segment.worker):
            joined[-1] = _Segment(joined[-1].start, segment.end, segment.worker)
        else:
            joined.append(segment)
            answers.append(answer)
    return joined, answers


def _is_alike(before: Worker, after: Worker) -> bool:
    """Whether leave and the contract bound reasons in the same way; a contract's end may make one begin anew."""
    return before.status is after.status and before.contract_end is None and after.contract_end is None


def _segments(job: Employment, span: Span) -> Iterator[_Segment]:
    if span.start is None or (span.end is not None and span.end <= span.start):
        return
    inside = [
        snapshot.since
        for snapshot in job.snapshots
        if snapshot.since > span.start and (span.end is None or snapshot.since < span.end)
    ]
    edges = [span.start, *sorted(set(inside))]
    for start, end in zip(edges, [*edges[1:], span.end], strict=True):
        worker = job.as_of(start)
        if worker is not None:
            yield _Segment(start, end, worker)


def _rule_stands(walk: _Walk, rule: Rule, truths: tuple[bool, ...], package: str) -> list[Stand]:
    """Return the rule's reasons for one package: its unbroken stretches, and the grace after those a move ended.

    `truths` says of each segment whether the rule holds in it.

    Leave suspends a reason; it does not end it, so its age (`root`) runs on for `for` and for denials.
    """
    if truths == _ALWAYS:  # nothing changed, as for most people and rules; the walk below would say the same
        (only,) = walk.segments
        bound = _contract_bound(only, walk.model)
        if _suspended(only.worker, package, walk.model) or bound == only.start:
            return []
        first = only.start - rule.lead
        return _stand(walk, rule, package, first, bound, first, graced=False)
    found: list[Stand] = []
    root: datetime | None = None
    begun: datetime | None = None
    reached: datetime | None = None
    for segment, truth in zip(walk.segments, truths, strict=True):
        suspended = _suspended(segment.worker, package, walk.model)
        if begun is not None and root is not None and (suspended or not truth):
            found += _stand(walk, rule, package, begun, reached, root, graced=not suspended)
            begun = None
        if not truth:
            root = None
            continue
        start = segment.start - rule.lead if segment.start == walk.span.start else segment.start
        root = start if root is None else root
        reached = _contract_bound(segment, walk.model)
        if suspended or (begun is None and reached == segment.start):
            continue
        begun = start if begun is None else begun
        if reached != segment.end:
            found += _stand(walk, rule, package, begun, reached, root, graced=False)
            begun = root = None
    if begun is not None and root is not None:
        found += _stand(walk, rule, package, begun, reached, root, graced=False)
    return found


def _suspended(worker: Worker, package: str, model: AccessModel) -> bool:
    return worker.status is Status.LEAVE and model.leave_keep is not None and package not in model.leave_keep


def _contract_bound(segment: _Segment, model: AccessModel) -> datetime | None:
    """Return where the segment ends: at the contract's last day, when that is over before."""
    contract = segment.worker.contract_end
    if contract is None:
        return segment.end
    over = max(day_over(contract, zone_of(segment.worker, model)), segment.start)
    return earliest([segment.end, over])


def _stand(  # noqa: PLR0917 when it stood, and what bounds that
    walk: _Walk, rule: Rule, package: str, start: datetime, end: datetime | None, root: datetime, *, graced: bool
) -> list[Stand]:
    """Return the reason, bounded by `for` and its renewals, and the grace after it when a move ended it."""
    if end is not None and end <= start:
        return []
    until, opens = (end, None) if rule.lasts is None else _lapse(walk, rule.lasts, package, end, root)
    if until is not None and until <= start:
        return []
    found = [Stand(package, Reason(Why.RULE, rule.name, walk.worker, start, until), root, opens)]
    if graced and walk.model.grace and end is not None and until == end:
        over = earliest([end + walk.model.grace, walk.span.end])
        if over is not None and over > end:
            found.append(Stand(package, Reason(Why.GRACE, rule.name, walk.worker, end, over), root))
    return found


def _lapse(
    walk: _Walk, lasts: timedelta, package: str, end: datetime | None, root: datetime
) -> tuple[datetime | None, datetime | None]:
    """Return when the reason ends, by itself or by its `for`, and when the window to renew that opens."""
    lapse, opens = lapse_of(root, root + lasts, walk.model.packages[package], walk.person.extensions, walk.now)
    return (lapse, opens) if end is None or lapse < end else (end, None)


def _by_dropped(dropped: Dropped, person: Person, model: AccessModel) -> Iterator[Stand]:
    """Grace for what a rule gave that the present model no longer has."""
    if model.grace:
        for package, (rule, adopted) in dropped.items():
            reason = Reason(Why.GRACE, rule, person.key, adopted, adopted + model.grace)
            yield from _while_working(package, reason, person, model)


# --- projects and exceptions ---------------------------------------------------------------------------------------


def _by_projects(
    person: Person,
    memberships: Iterable[Membership],
    projects: Mapping[str, Project],
    model: AccessModel,
    now: datetime,
) -> Iterator[Stand]:
    for membership in memberships:
        project = projects.get(membership.project)
        if project is None:
            continue
        for package in model.projects.packages_of(membership.project, membership.role):
            for stretch in membership.stretches:
                longer, opens = _staffed(stretch, package, person, model, now)
                for open_time in project.bounded():
                    both = overlap(open_time, longer)
                    if both is not None:
                        reason = Reason(Why.PROJECT, membership.role, membership.project, both.start, both.end)
                        renews = opens if both.end == longer.end else None
                        yield from _while_working(package, reason, person, model, opens=renews, contract=True)


def _staffed(
    stretch: Stretch, package: str, person: Person, model: AccessModel, now: datetime
) -> tuple[Stretch, datetime | None]:
    """Return the stretch as renewed: only an approval moves an end that the project office stated."""
    terms = model.packages[package]
    if stretch.end is None or not stretch.renewable or terms.renewal.mode is not RenewalMode.APPROVAL:
        return stretch, None
    lapse, opens = lapse_of(stretch.start, stretch.end, terms, person.extensions, now)
    return Stretch(stretch.start, lapse), opens


def _by_exceptions(exemptions: tuple[Exemption, ...], person: Person, model: AccessModel) -> Iterator[Stand]:
    for item in exemptions:
        if item.package in model.packages and item.until > item.since:
            reason = Reason(Why.EXCEPTION, item.id, person.key, item.since, item.until)
            yield from _while_working(item.package, reason, person, model)


def _while_working(
    package: str,
    reason: Reason,
    person: Person,
    model: AccessModel,
    *,
    opens: datetime | None = None,
    contract: bool = False,
) -> Iterator[Stand]:
    """Yield the reason for the time in which an employment runs and is not on leave from this package.

    With `contract` an employment runs no longer than its contract. Leave suspends the reason and does not make it
    anew: it has begun when the work did.
    """
    whole = Stretch(reason.since, reason.until)
    employed = _working(person, None, model, contract=contract)
    working = employed if model.leave_keep is None else _working(person, package, model, contract=contract)
    for one in working:
        both = overlap(whole, one)
        if both is not None:
            begun = next(max(whole.start, time.start) for time in employed if time.holds(both.start))
            found = Reason(reason.kind, reason.name, reason.of, both.start, both.end)
            yield Stand(package, found, begun, opens if both.end == reason.until else None)


def _working(person: Person, package: str | None, model: AccessModel, *, contract: bool) -> list[Stretch]:
    """Return the union, in order, of the times in which some employment runs, and is not on leave from the package."""
    pieces = [
        Stretch(segment.start, _contract_bound(segment, model) if contract else segment.end)
        for job in person.employments
        for span in job.spans
        for segment in _segments(job, span)
        if package is None or not _suspended(segment.worker, package, model)
    ]
    pieces = [piece for piece in pieces if piece.end is None or piece.end > piece.start]
    merged: list[Stretch] = []
    for piece in sorted(pieces, key=lambda piece: piece.start):
        last = merged[-1] if merged else None
        if last is not None and (last.end is None or piece.start <= last.end):
            end = None if last.end is None or piece.end is None else max(last.end, piece.end)
            merged[-1] = Stretch(last.start, end)
        else:
            merged.append(piece)
    return merged
