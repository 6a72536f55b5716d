"""What a person is entitled to at an instant: packages, each with its reasons and its end.

Reasons come from walking the person's timeline (`reasons`), so they do not depend on when anything arrived. Access goes
only when its last reason is gone.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from lifecycle.core.calendar import earliest
from lifecycle.core.model import AccessModel
from lifecycle.core.person import Person
from lifecycle.core.project import Membership, Project
from lifecycle.core.reasons import Dropped, Reason, Stand, stands


@dataclass(frozen=True, slots=True)
class Denial:
    """A package was taken away by a review, in My Access or by hand: reasons older than `at` count no more."""

    package: str
    at: datetime
    by: str


class Entitlement(NamedTuple):
    """A package that is justified now; `end` is when the last of its reasons ends (None: never).

    `opens` is from when that end may be renewed, None when it may not. A tuple, as `reasons.Stand` is.
    """

    package: str
    reasons: tuple[Reason, ...]
    end: datetime | None
    opens: datetime | None = None


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


def entitled(
    person: Person,
    memberships: Iterable[Membership],
    projects: Mapping[str, Project],
    model: AccessModel,
    now: datetime,
    *,
    denials: Iterable[Denial] = (),
    dropped: Dropped | None = None,
) -> Desired:
    """Return what the person is entitled to at `now`.

    `dropped` names, by package, a rule that gave it and that the model no longer has, with the instant from which the
    present model counts: grace runs from there.
    """
    found = stands(person, memberships, projects, model, dropped or {}, now)
    standing = _standing(person, now)
    known, denied = _split(found, tuple(denials), now)
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
        next_change=_next_change(found, person, projects, now),
    )


def _standing(person: Person, now: datetime) -> Standing:
    if person.employed(now):
        return Standing.EMPLOYED
    if person.last_end(now) is not None:
        return Standing.LEFT
    return Standing.UNKNOWN if person.first_day(now) is None else Standing.EXPECTED


def _split(
    found: list[Stand], denials: tuple[Denial, ...], now: datetime
) -> tuple[dict[str, Entitlement], frozenset[str]]:
    """Gather the reasons that stand now by package, and the packages whose reasons were all denied."""
    refused_at: dict[str, datetime] = {}
    for denial in denials:
        refused_at[denial.package] = max(denial.at, refused_at.get(denial.package, denial.at))
    reasons: dict[str, list[Stand]] = defaultdict(list)
    denied = set()
    for stand in found:
        refused = refused_at.get(stand.package) if refused_at else None
        if refused is None or stand.begun > refused:
            reasons[stand.package].append(stand)
        elif stand.reason.stands(now):
            denied.add(stand.package)
    known = [_entitlement(package, stands, now) for package, stands in sorted(reasons.items())]
    return {one.package: one for one in known if one is not None}, frozenset(denied)


def _entitlement(package: str, known: list[Stand], now: datetime) -> Entitlement | None:
    """Return what the reasons for one package amount to, None when none of them stands."""
    standing = [stand for stand in known if stand.reason.stands(now)]
    if not standing:
        return None
    if len(known) == 1:  # nothing to put in order, and most packages have one reason
        return Entitlement(package, (known[0].reason,), known[0].reason.until, known[0].opens)
    ordered = sorted({stand.reason for stand in standing}, key=lambda reason: reason.order)
    end = _end([stand.reason for stand in known], now)
    return Entitlement(package, tuple(ordered), end, _opens(standing, end))


def _opens(standing: list[Stand], end: datetime | None) -> datetime | None:
    """Return when the window to renew the end opens: that of a reason which stands and ends there."""
    return None if end is None else earliest([stand.opens for stand in standing if stand.reason.until == end])


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


def _next_change(found: list[Stand], person: Person, projects: Mapping[str, Project], now: datetime) -> datetime | None:
    edges = [edge for stand in found for edge in (stand.reason.since, stand.reason.until, stand.opens)]
    edges += [edge for job in person.employments for span in job.spans for edge in (span.start, span.end)]
    stretches = [stretch for project in projects.values() for stretch in project.bounded()]
    edges += [edge for stretch in stretches for edge in (stretch.start, stretch.end)]
    return earliest([edge for edge in edges if edge is not None and edge > now])
