"""What the dashboard shows of the whole tenant, as values, and what of it needs somebody.

Pure. The numbers are gathered by `lifecycle.overview` and kept by `lifecycle.records.overview`; every part says when it
was taken, because none of them is counted while somebody waits for the page. Holds ids, counts and times alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from lifecycle.core.budget import Allowance, Spent
from lifecycle.core.model import Budget
from lifecycle.core.waiting import Delivered, OpenRequest, RenewalDue

STUCK = timedelta(hours=1)
"""How long a request may be under way before somebody should look: Graph delivers nearly all within minutes."""

LISTED = 20
"""How many of what needs somebody are named; the counts are whole."""

_STALE = timedelta(minutes=20)
_NIGHTLY = timedelta(hours=26)
_OFTEN = frozenset({"wake", "overview"})
_WEEK = 7
_SOON = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class PackageCount:
    """One package as the last sweep found it: its rows, and how many of them end within 7 and 30 days."""

    package: str
    rows: int
    week: int
    month: int
    differing: int
    at: datetime


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Requests under way: how many, how many of them for longer than `STUCK`, how many failed; the oldest are named."""

    count: int = 0
    stuck: int = 0
    failing: int = 0
    oldest: tuple[OpenRequest, ...] = ()


@dataclass(frozen=True, slots=True)
class Renewals:
    """Renewals that wait for an approval, `more` when there are more than were counted; the nearest are named."""

    count: int = 0
    more: bool = False
    nearest: tuple[RenewalDue, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldRun:
    """A run of which the guard holds plans."""

    run: str
    people: int
    steps: int
    since: datetime
    hash: str


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast access ended in a month, for one kind of ending: how many, still open, within the deadline."""

    month: str
    kind: str
    count: int
    open: int
    within: int
    p50: timedelta | None
    p90: timedelta | None
    p95: timedelta | None
    max: timedelta | None


@dataclass(frozen=True, slots=True)
class Quarter:
    """Requests of the rolling quarter, and by day: everybody's, ours."""

    limit: int = 0
    warn: float = 1.0
    reserve: float = 0.0
    tenant: int = 0
    ours: int = 0
    days: tuple[tuple[date, int, int], ...] = ()

    @property
    def allowance(self) -> Allowance:
        """Return what is left."""
        return Allowance(Budget(self.limit, warn=self.warn, reserve=self.reserve), Spent(self.tenant, self.ours))


@dataclass(frozen=True, slots=True)
class Aside:
    """Messages that were set aside, as they lay in the queues at `at`, and since when the oldest does."""

    count: int
    at: datetime
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """How much there was on a day, at the last count of it."""

    day: date
    assignments: int
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The whole tenant at `at`. `ending` counts ends by day, tomorrow's 24 hours first, as the sweeps found them.

    `overdue` counts accesses that should be gone and are not, past their deadline.
    """

    at: datetime
    people: int = 0
    assignments: int = 0
    packages: tuple[PackageCount, ...] = ()
    ending: tuple[int, ...] = ()
    under_way: UnderWay = UnderWay()
    renewals: Renewals = Renewals()
    held: tuple[HeldRun, ...] = ()
    held_runs: int = 0
    held_people: int = 0
    delivered: tuple[Delivered, ...] = ()
    speeds: tuple[Speed, ...] = ()
    overdue: int = 0
    deadline: timedelta = timedelta()
    quarter: Quarter = Quarter()
    aside: Aside | None = None
    days: tuple[Day, ...] = ()

    @property
    def week(self) -> int:
        """Return how many assignments end within seven days."""
        return sum(self.ending[:_WEEK])

    @property
    def month(self) -> int:
        """Return how many assignments end within thirty days."""
        return sum(self.ending)

    @property
    def swept(self) -> datetime | None:
        """Return when the package whose sweep is longest ago was swept, None when none was."""
        return min((one.at for one in self.packages), default=None)


@dataclass(frozen=True, slots=True)
class TimerRun:
    """A timer's last run, None when it never ran: when, how long in seconds, what went wrong (empty: nothing)."""

    timer: str
    at: datetime | None
    took: float = 0.0
    fault: str = ""

    def still(self, now: datetime) -> bool:
        """Whether it should have run again by now."""
        return self.at is not None and now - self.at > (_STALE if self.timer in _OFTEN else _NIGHTLY)


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for a person: what, and what to do about it. `grave`: somebody may keep what they must not.

    `command` is a command line to begin with, empty when there is none.
    """

    what: str
    todo: str
    command: str = ""
    grave: bool = False


def needs(overview: Overview | None, timers: Iterable[TimerRun], now: datetime) -> tuple[Need, ...]:
    """Return what needs somebody now, the gravest first."""
    found = [*_of_timers(timers, now)]
    if overview is not None:
        found += [
            *_of_overdue(overview.overdue),
            *_of_requests(overview.under_way),
            *_of_holds(overview),
            *_of_aside(overview.aside),
            *_of_renewals(overview.renewals, now),
            *_of_budget(overview.quarter),
        ]
    return tuple(sorted(found, key=lambda need: not need.grave))


def _of_timers(timers: Iterable[TimerRun], now: datetime) -> Iterable[Need]:
    for one in timers:
        if one.still(now):
            todo = "Look at the function app: while it stands still, ends and follow-ups come late."
            yield Need(f"The timer {one.timer} stands still", todo, grave=True)
        elif one.fault:
            todo = f"Its last run ended with {one.fault}; the app's log says more. It is tried again at its next tick."
            yield Need(f"The timer {one.timer} failed", todo, grave=True)


def _of_overdue(overdue: int) -> Iterable[Need]:
    if overdue:
        what = f"{_many(overdue, 'access', 'accesses')} not gone by the deadline"
        todo = "Somebody keeps what they must not have; it says whose, and what each waits for."
        yield Need(what, todo, "lifecycle delays --late", grave=True)


def _of_requests(under_way: UnderWay) -> Iterable[Need]:
    if under_way.stuck:
        todo = "Graph has not ended them. Ask for one and see what Graph says; they are listed below."
        what = f"{_many(under_way.stuck, 'request')} under way for more than an hour"
        yield Need(what, todo, "lifecycle explain PERSON", grave=True)
    if under_way.failing:
        todo = "Graph refused or could not deliver them; they are tried again at growing intervals."
        yield Need(f"{_many(under_way.failing, 'request')} failing", todo, "lifecycle explain PERSON")


def _of_holds(overview: Overview) -> Iterable[Need]:
    if overview.held_runs:
        what = f"{_many(overview.held_runs, 'set')} held, of {_many(overview.held_people, 'person', 'people')}"
        todo = "The guard did not believe so much taking. See what it would take, then release it or correct the cause."
        yield Need(what, todo, "lifecycle held", grave=True)


def _of_aside(aside: Aside | None) -> Iterable[Need]:
    if aside is not None and aside.count:
        todo = "Each carries its reason. Mend the cause, then replay it."
        yield Need(f"{_many(aside.count, 'message')} set aside", todo, "lifecycle quarantine list")


def _of_renewals(renewals: Renewals, now: datetime) -> Iterable[Need]:
    soon = sum(one.ends <= now + _SOON for one in renewals.nearest)
    if soon:
        many = f"{soon} or more renewals" if soon == len(renewals.nearest) < renewals.count else _many(soon, "renewal")
        todo = "Whoever may approve was told; without an approval the access ends."
        yield Need(f"{many} undecided within three days of the end", todo, "lifecycle renew --list")


def _of_budget(quarter: Quarter) -> Iterable[Need]:
    allowance = quarter.allowance
    if quarter.limit and allowance.reserved:
        todo = "Additions are withheld; what is left is for removals. Find out who sends the others' requests."
        yield Need("The quarter's requests are nearly used up", todo, "lifecycle budget", grave=True)
    elif quarter.limit and allowance.low:
        yield Need(
            "Few requests are left in the quarter", "Find out who sends the others' requests.", "lifecycle budget"
        )


def _many(count: int, one: str, more: str = "") -> str:
    return f"{count:,} {one if count == 1 else more or one + 's'}"
