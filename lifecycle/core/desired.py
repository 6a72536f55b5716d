"""What a person is entitled to at an instant: packages, each with its reasons and its end.

Reasons are derived by walking the person's timeline, so they do not depend on when anything arrived. Access goes only
when its last reason is gone. The core asks the model's compiled rules; it reads nothing itself.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from lifecycle.core.calendar import day_over, earliest
from lifecycle.core.events import Status, Worker
from lifecycle.core.model import AccessModel, RenewalMode, Rule
from lifecycle.core.person import Employment, Exemption, Extension, Person, Span, zone_of
from lifecycle.core.project import Membership, Project, Stretch, overlap


class Why(StrEnum):
    """The kinds of reasons."""

    RULE = "rule"
    PROJECT = "project"
    EXCEPTION = "exception"
    GRACE = "grace"


@dataclass(frozen=True, slots=True, order=True)
class Reason:
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

    def __str__(self) -> str:
        until = "" if self.until is None else f" until {self.until:%Y-%m-%dT%H:%M:%SZ}"
        return f"{self.kind} {self.name} ({self.of}) since {self.since:%Y-%m-%dT%H:%M:%SZ}{until}"


@dataclass(frozen=True, slots=True)
class Denial:
    """A package was taken away by a review, in My Access or by hand: reasons older than `at` count no more."""

    package: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Entitlement:
    """A package that is justified now; `end` is when the last of its reasons ends (None: never)."""

    package: str
    reasons: tuple[Reason, ...]
    end: datetime | None


class Standing(StrEnum):
    """Where a person is: nothing known that employs them yet, before the first day, employed, or gone."""

    UNKNOWN = "unknown"
    EXPECTED = "expected"
    EMPLOYED = "employed"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Desired:
    """Everything a plan needs to know of one side.

    `denied` are packages whose every reason was denied; `next_change` the next instant at which this value differs;
    `sweep_out` packages in which everything goes, ours or requested (all of them, for a leaver).
    """

    person: str
    standing: Standing
    entitlements: Mapping[str, Entitlement] = field(default_factory=dict)
    denied: frozenset[str] = frozenset()
    sweep_out: frozenset[str] = frozenset()
    frozen: bool = False
    next_change: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Stand:
    """A reason over all of its time, before it is asked whether it stands now."""

    package: str
    reason: Reason


def entitled(
    person: Person,
    memberships: Iterable[Membership],
    projects: Mapping[str, Project],
    model: AccessModel,
    now: datetime,
    *,
    denials: Iterable[Denial] = (),
    dropped: Mapping[str, tuple[str, datetime]] | None = None,
) -> Desired:
    """Return what the person is entitled to at `now`.

    `dropped` names, by package, a rule that gave it and that the model no longer has, with the instant from which the
    present model counts: grace runs from there.
    """
    stands = [
        *_by_rules(person, model),
        *_by_projects(person, memberships, projects, model),
        *_by_exceptions(person.exemptions, person, model),
        *_by_dropped(dropped or {}, person, model, now),
    ]
    standing = _standing(person, now)
    known, denied = _split(stands, tuple(denials), now)
    closed = [name for name, project in projects.items() if project.closed(now)]
    everything = frozenset(model.packages) if standing is Standing.LEFT else frozenset[str]()
    own = frozenset(package for name in closed for package in model.projects.own_packages(name))
    return Desired(
        person=person.key,
        standing=standing,
        entitlements=known,
        denied=denied - known.keys(),
        sweep_out=everything | (own - known.keys()),
        frozen=person.frozen,
        next_change=_next_change(stands, person, projects, now),
    )


def _standing(person: Person, now: datetime) -> Standing:
    if person.employed(now):
        return Standing.EMPLOYED
    if person.last_end(now) is not None:
        return Standing.LEFT
    return Standing.UNKNOWN if person.first_day(now) is None else Standing.EXPECTED


def _split(
    stands: list[_Stand], denials: tuple[Denial, ...], now: datetime
) -> tuple[dict[str, Entitlement], frozenset[str]]:
    """Gather the reasons that stand now by package, and the packages whose reasons were all denied."""
    refused_at: dict[str, datetime] = {}
    for denial in denials:
        refused_at[denial.package] = max(denial.at, refused_at.get(denial.package, denial.at))
    reasons: dict[str, list[Reason]] = defaultdict(list)
    denied = set()
    for stand in stands:
        refused = refused_at.get(stand.package)
        if refused is None or stand.reason.since > refused:
            reasons[stand.package].append(stand.reason)
        elif stand.reason.stands(now):
            denied.add(stand.package)
    found = {}
    for package, known in sorted(reasons.items()):
        standing = sorted({reason for reason in known if reason.stands(now)}, key=str)
        if standing:
            found[package] = Entitlement(package, tuple(standing), _end(known, now))
    return found, frozenset(denied)


def _end(reasons: list[Reason], now: datetime) -> datetime | None:
    """Return when the package is justified no longer: one reason that takes over from another makes no gap."""
    end = now
    for reason in sorted(reasons, key=lambda reason: reason.since):
        if reason.since > end:
            break
        if reason.until is None:
            return None
        end = max(end, reason.until)
    return end


def _next_change(
    stands: list[_Stand], person: Person, projects: Mapping[str, Project], now: datetime
) -> datetime | None:
    edges = [edge for stand in stands for edge in (stand.reason.since, stand.reason.until)]
    edges += [edge for job in person.employments for span in job.spans for edge in (span.start, span.end)]
    edges += [stretch.end for project in projects.values() for stretch in project.bounded()]
    return earliest([edge for edge in edges if edge is not None and edge > now])


# --- rules ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Segment:
    """A stretch of employment during which nothing a rule may read changes."""

    start: datetime
    end: datetime | None
    worker: Worker


@dataclass(frozen=True, slots=True)
class _Walk:
    """One span of one employment, with all that bounds what a rule gives in it."""

    person: Person
    model: AccessModel
    worker: str
    span: Span
    segments: tuple[_Segment, ...]
    truths: tuple[tuple[bool, ...], ...]


def _by_rules(person: Person, model: AccessModel) -> Iterator[_Stand]:
    if not model.rules:
        return
    for job in person.employments:
        for span in job.spans:
            segments = tuple(_segments(job, span))
            truths = tuple(model.matches(segment.worker) for segment in segments)
            walk = _Walk(person, model, job.worker, span, segments, truths)
            for index, rule in enumerate(model.rules):
                if any(truth[index] for truth in truths):
                    for package in rule.grant:
                        yield from _rule_stands(walk, rule, index, package)


def _segments(job: Employment, span: Span) -> Iterator[_Segment]:
    if span.start is None or (span.end is not None and span.end <= span.start):
        return
    inside = [
        snapshot.since
        for snapshot in job.snapshots
        if snapshot.since > span.start and (span.end is None or snapshot.since < span.end)
    ]
    edges = [span.start, *dict.fromkeys(inside)]
    for start, end in zip(edges, [*edges[1:], span.end], strict=True):
        worker = job.as_of(start)
        if worker is not None:
            yield _Segment(start, end, worker)


def _rule_stands(walk: _Walk, rule: Rule, index: int, package: str) -> Iterator[_Stand]:
    """Yield the rule's reasons for one package: its unbroken stretches, and the grace after those a move ended."""
    begun: datetime | None = None
    reached: datetime | None = None
    for segment, truth in zip(walk.segments, walk.truths, strict=True):
        holds = truth[index] and not _suspended(segment.worker, package, walk.model)
        if begun is not None and not holds:
            yield from _stand(walk, rule, package, Stretch(begun, reached), graced=not truth[index])
            begun = None
        if not holds:
            continue
        if begun is None:
            begun = segment.start - rule.lead if segment.start == walk.span.start else segment.start
        reached = _contract_bound(segment, walk.model)
        if reached != segment.end:
            yield from _stand(walk, rule, package, Stretch(begun, reached), graced=False)
            begun = None
    if begun is not None:
        yield from _stand(walk, rule, package, Stretch(begun, reached), graced=False)


def _suspended(worker: Worker, package: str, model: AccessModel) -> bool:
    return worker.status is Status.LEAVE and model.leave_keep is not None and package not in model.leave_keep


def _contract_bound(segment: _Segment, model: AccessModel) -> datetime | None:
    """Return where the segment ends: at the contract's last day, when that is over before."""
    contract = segment.worker.contract_end
    if contract is None:
        return segment.end
    over = max(day_over(contract, zone_of(segment.worker, model)), segment.start)
    return earliest([segment.end, over])


def _stand(walk: _Walk, rule: Rule, package: str, time: Stretch, *, graced: bool) -> Iterator[_Stand]:
    """Yield the reason, bounded by `for` and its renewals, and the grace after it when a move ended it."""
    if time.end is not None and time.end <= time.start:
        return
    lapse = None if rule.lasts is None else _renewed(time, rule, package, walk.person.extensions, walk.model)
    until = earliest([time.end, lapse])
    yield _Stand(package, Reason(Why.RULE, rule.name, walk.worker, time.start, until))
    if graced and walk.model.grace and time.end is not None and until == time.end:
        end = earliest([time.end + walk.model.grace, walk.span.end])
        if end is not None and end > time.end:
            yield _Stand(package, Reason(Why.GRACE, rule.name, walk.worker, time.end, end))


def _renewed(
    time: Stretch, rule: Rule, package: str, extensions: tuple[Extension, ...], model: AccessModel
) -> datetime | None:
    """Return when a reason with `for` lapses, as extended by the approvals that came while it stood."""
    renewal = model.packages[package].renewal
    if rule.lasts is None or renewal.mode is RenewalMode.AUTO:
        return None
    lapse = time.start + rule.lasts
    if renewal.mode is RenewalMode.NEVER:
        return lapse
    for extension in extensions:
        if extension.package == package and time.start <= extension.at < lapse:
            lapse = max(lapse, extension.until or lapse + renewal.extend)
    return lapse


def _by_dropped(
    dropped: Mapping[str, tuple[str, datetime]], person: Person, model: AccessModel, now: datetime
) -> Iterator[_Stand]:
    """Grace for what a rule gave that the present model no longer has."""
    if not model.grace or not person.employed(now):
        return
    for package, (rule, adopted) in dropped.items():
        yield _Stand(package, Reason(Why.GRACE, rule, person.key, adopted, adopted + model.grace))


# --- projects and exceptions ---------------------------------------------------------------------------------------


def _by_projects(
    person: Person, memberships: Iterable[Membership], projects: Mapping[str, Project], model: AccessModel
) -> Iterator[_Stand]:
    for membership in memberships:
        project = projects.get(membership.project)
        if project is None:
            continue
        for package in model.projects.packages_of(membership.project, membership.role):
            for open_time in project.bounded():
                for stretch in membership.stretches:
                    both = overlap(open_time, stretch)
                    if both is not None:
                        yield from _while_working(
                            package,
                            Reason(Why.PROJECT, membership.role, membership.project, both.start, both.end),
                            person,
                            model,
                        )


def _by_exceptions(exemptions: tuple[Exemption, ...], person: Person, model: AccessModel) -> Iterator[_Stand]:
    for item in exemptions:
        if item.package in model.packages and item.until > item.since:
            reason = Reason(Why.EXCEPTION, item.id, person.key, item.since, item.until)
            yield from _while_working(item.package, reason, person, model)


def _while_working(package: str, reason: Reason, person: Person, model: AccessModel) -> Iterator[_Stand]:
    """Yield the reason for the time in which an employment runs and is not on leave from this package."""
    whole = Stretch(reason.since, reason.until)
    for working in _working(person, package, model):
        both = overlap(whole, working)
        if both is not None:
            yield _Stand(package, Reason(reason.kind, reason.name, reason.of, both.start, both.end))


def _working(person: Person, package: str, model: AccessModel) -> list[Stretch]:
    """Return the union, in order, of the times in which some employment runs and is not suspended by leave."""
    pieces = [
        Stretch(segment.start, segment.end)
        for job in person.employments
        for span in job.spans
        for segment in _segments(job, span)
        if not _suspended(segment.worker, package, model)
    ]
    merged: list[Stretch] = []
    for piece in sorted(pieces, key=lambda piece: piece.start):
        last = merged[-1] if merged else None
        if last is not None and (last.end is None or piece.start <= last.end):
            end = None if last.end is None or piece.end is None else max(last.end, piece.end)
            merged[-1] = Stretch(last.start, end)
        else:
            merged.append(piece)
    return merged
