"""How fast access goes: one delay for each time that access was due to go, and figures over many of them.

The clock starts at the later of two instants, the end itself and the instant at which it was recorded, and stops when
Graph has confirmed that nothing is left. Values and arithmetic only; finding delays is `lifecycle.measure`'s business.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class Class(StrEnum):
    """Why access was due to go; the first four are leavers, by how HR first told of it."""

    NOTICE = "leaver-notice"
    IMMEDIATE = "leaver-immediate"
    TOLD_LATE = "leaver-told-late"
    DERIVED = "leaver-derived"
    MOVER = "mover"
    PROJECT = "project-close"
    RELEASED = "released"
    TERM = "term"

    @property
    def is_leaver(self) -> bool:
        """Whether a person left, so that all they had was due to go."""
        return self in _LEAVERS


_LEAVERS = frozenset({Class.NOTICE, Class.IMMEDIATE, Class.TOLD_LATE, Class.DERIVED})
CLASSES = tuple(Class)


class Snag(StrEnum):
    """What kept access from going at once."""

    TOLD_LATE = "told late"
    WOKEN_LATE = "woken late"
    HELD = "held"
    REFUSED = "refused"
    FAILED = "not delivered"
    GRAPH = "waiting for Graph"
    UNCLEAR = "user not clear"
    NO_USER = "no user known"
    PROTECTED = "protected"
    AUTOMATIC = "auto-assignment policy"


@dataclass(frozen=True, slots=True)
class Hindrance:
    """One thing that kept access from going, from when until when (None: it still does, or no record says)."""

    snag: Snag
    since: datetime
    until: datetime | None = None
    detail: str = ""

    def __str__(self) -> str:
        span = f" {_at(self.since)} to {_at(self.until)}" if self.until else f" since {_at(self.since)}"
        return f"{self.snag}{span}" + (f" ({self.detail})" if self.detail else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What figures need of a delay, and nothing else: thousands of rows are read for them.

    Access to `packages` was `due` to go, `by` the deadline, and was `confirmed` to be gone (None: open). A `withdrawn`
    one never was due: the end was taken back.
    """

    kind: Class
    due: datetime
    by: datetime
    confirmed: datetime | None = None
    packages: tuple[str, ...] = ()
    withdrawn: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether access may still be there."""
        return self.confirmed is None and self.withdrawn is None

    @property
    def length(self) -> timedelta | None:
        """Return how long it took; zero when there was nothing to take, None while it is open."""
        if self.confirmed is None:
            return None
        return max(self.confirmed - self.due, timedelta()) if self.packages else timedelta()

    @property
    def in_time(self) -> bool:
        """Whether it was gone by the deadline."""
        return self.length is not None and self.length <= self.by - self.due

    def overdue(self, now: datetime) -> bool:
        """Whether it is open beyond the deadline."""
        return self.is_open and now > self.by


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay(Outcome):
    """Access of one person that was due to go at one instant.

    `told` is when the source recorded the `cause` (an event's id), `ended` from when the access is without reason,
    `due` the later of the two, `seen` when the person was first looked at since. `confirmed` is when nothing was left
    any more as far as Graph says, `expired` when the last row ended that Entra ended by itself. With `again` the access
    found a new reason before it was gone, at `confirmed`.
    """

    person: str
    cause: str
    told: datetime
    ended: datetime
    seen: datetime
    expired: datetime | None = None
    assignments: tuple[str, ...] = ()
    why: tuple[Hindrance, ...] = ()
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The figures of one class: how many (`withdrawn` ones apart), open, gone by their deadline, and how long it took.

    Percentiles are exact, by nearest rank, over all that are gone; None when none is.
    """

    kind: Class
    count: int = 0
    open: int = 0
    within: int = 0
    withdrawn: int = 0
    p50: timedelta | None = None
    p90: timedelta | None = None
    p95: timedelta | None = None
    max: timedelta | None = None

    @property
    def share(self) -> float | None:
        """Return the share that was gone by the deadline; an open one counts as not gone. None of nobody."""
        return self.within / self.count if self.count else None


def percentile(ordered: Sequence[timedelta], percent: int) -> timedelta | None:
    """Return the smallest value that at least `percent` of all do not exceed (nearest rank); None of nothing."""
    return ordered[max(0, -(-percent * len(ordered) // 100) - 1)] if ordered else None


def summarise(delays: Iterable[Outcome]) -> tuple[Summary, ...]:
    """Return the figures of each class that occurs, in the order of `Class`."""
    by_class: dict[Class, list[Outcome]] = defaultdict(list)
    for delay in delays:
        by_class[delay.kind].append(delay)
    return tuple(_summary(kind, by_class[kind]) for kind in CLASSES if kind in by_class)


def with_open(summaries: Iterable[Summary], open_ones: Iterable[Outcome]) -> tuple[Summary, ...]:
    """Return figures of what is gone, with what is open counted beside."""
    by_class = {one.kind: one for one in summaries}
    for kind, many in Counter(delay.kind for delay in open_ones).items():
        one = by_class.get(kind, Summary(kind=kind))
        by_class[kind] = replace(one, count=one.count + many, open=one.open + many)
    return tuple(by_class[kind] for kind in CLASSES if kind in by_class)


def _summary(kind: Class, delays: Sequence[Outcome]) -> Summary:
    standing = [delay for delay in delays if delay.withdrawn is None]
    lengths = sorted(length for delay in standing if (length := delay.length) is not None)
    return Summary(
        kind=kind,
        count=len(standing),
        open=len(standing) - len(lengths),
        within=sum(delay.in_time for delay in standing),
        withdrawn=len(delays) - len(standing),
        p50=percentile(lengths, 50),
        p90=percentile(lengths, 90),
        p95=percentile(lengths, 95),
        max=percentile(lengths, 100),
    )


def _at(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"
