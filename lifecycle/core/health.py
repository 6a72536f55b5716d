"""What `lifecycle check` says: one value a check, and the judgements of what is ours: clock, timers, budget, holds.

Pure: what was seen comes in, what is wrong with it goes out. What Graph and Service Bus have configured is judged in
`lifecycle.core.configured`. Nothing here looks anything up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from lifecycle.core import ncrontab
from lifecycle.core.budget import Allowance

SKEW_TOLD = timedelta(minutes=1)
SKEW_BREAKS = timedelta(minutes=5)
"""An event this far ahead of our clock is set aside, and a token as far ahead is not valid yet."""
_LATE = timedelta(minutes=2)  # a tick's own delay, and the time until it is written down


class State(StrEnum):
    """How a check ended, the mildest first."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    FINDING = "finding"


class Name(StrEnum):
    """The checks; `docs/check.md` says what each looks at."""

    SETTINGS = "settings"
    IDENTITY = "identity"
    APP_ROLES = "app-roles"
    MODEL = "model"
    CATALOG = "catalog"
    PACKAGE = "package"
    POLICY = "policy"
    CATALOG_ROLE = "catalog-role"
    READ = "read"
    USER = "user"
    QUEUE = "queue"
    RECORDS = "records"
    SEALS = "seals"
    BODIES = "bodies"
    CLOCK = "clock"
    BUDGET = "budget"
    TIMER = "timer"
    HELD = "held"
    PROBE = "probe"


class Problem(StrEnum):
    """What can be wrong, or not be known: a word for a program, without an id or a name in it."""

    # any look
    DENIED = "denied"
    ABSENT = "absent"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    THROTTLED = "throttled"
    TOO_SLOW = "too-slow"
    DEFECT = "defect-of-the-check"
    SKIPPED = "skipped"
    MISCONFIGURED = "misconfigured"
    # identity and permissions
    OPAQUE_TOKEN = "opaque-token"  # noqa: S105 - no secret: what a token is called that says nothing
    NOT_THE_APP = "not-the-app"
    ROLE_MISSING = "role-missing"
    ROLE_TOO_MUCH = "role-too-much"
    # catalogs, packages, policies
    UNPUBLISHED = "unpublished"
    OTHER_CATALOG = "other-catalog"
    OTHER_PACKAGE = "other-package"
    APPROVAL_TO_ADD = "approval-to-add"
    APPROVAL_TO_UPDATE = "approval-to-update"
    NO_CUSTOM_SCHEDULE = "no-custom-schedule"
    AUTOMATIC = "automatic"
    OPEN_TO_REQUESTS = "open-to-requests"
    TERM_TOO_SHORT = "term-too-short"
    TERM_MAY_BE_SHORT = "term-may-be-short"
    # users
    DISABLED = "disabled"
    NO_EMPLOYEE_ID = "no-employee-id"
    EMPLOYEE_ID_TWICE = "employee-id-twice"
    CLAIMED_TWICE = "claimed-twice"
    CLAIMED_BY_ANOTHER = "claimed-by-another"
    UNCORRELATED = "uncorrelated"
    # queues
    PROPERTIES_HIDDEN = "properties-hidden"
    SESSIONS_WRONG = "sessions-wrong"
    NO_DUPLICATE_DETECTION = "no-duplicate-detection"
    SHORT_WINDOW = "short-window"
    SHORT_LOCK = "short-lock"
    FEW_DELIVERIES = "few-deliveries"
    PARTITIONED = "partitioned"
    EXPIRES_UNSEEN = "expires-unseen"
    NOT_ACTIVE = "not-active"
    DEAD_LETTERS = "dead-letters"
    SET_ASIDE = "set-aside"
    # ours
    CLOCK_WRONG = "clock-wrong"
    CLOCK_DRIFTS = "clock-drifts"
    BUDGET_LOW = "budget-low"
    BUDGET_RESERVED = "budget-reserved"
    SCHEDULE_WRONG = "schedule-wrong"
    NEVER_RAN = "never-ran"
    STANDS_STILL = "stands-still"
    LAST_RUN_FAILED = "last-run-failed"
    HELD = "held"
    NOT_RUN = "not-run"


_RANK = list(State)


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that is not as it should be, or not known: how bad, what was seen, what to do next."""

    state: State
    problem: Problem
    seen: str
    next: str


def finding(problem: Problem, seen: str, next_: str) -> Note:
    """Return what breaks the app, or will."""
    return Note(State.FINDING, problem, seen, next_)


def warning(problem: Problem, seen: str, next_: str) -> Note:
    """Return what somebody should know."""
    return Note(State.WARNING, problem, seen, next_)


def unknown(problem: Problem, seen: str, next_: str) -> Note:
    """Return what could not be looked at, and how else to see it."""
    return Note(State.UNKNOWN, problem, seen, next_)


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what it is about, what was seen, and what is not as it should be (nothing: ok).

    `about` is an id of Graph, a queue's role, a timer, an endpoint's template; with `private` it stands for a person.
    `label` is what people call it; `seen` is prose for a terminal; `numbers` are counts and seconds. `url` is the read
    of Graph behind it, empty when there was none.
    """

    name: Name
    about: str = ""
    label: str = ""
    seen: str = ""
    notes: tuple[Note, ...] = ()
    numbers: tuple[tuple[str, int], ...] = ()
    url: str = ""
    private: bool = False

    @property
    def state(self) -> State:
        """Return the worst of what was noted."""
        return max((note.state for note in self.notes), key=_RANK.index, default=State.OK)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was looked at, in a fixed order."""

    checks: tuple[Check, ...]

    def count(self, state: State) -> int:
        """Return how many checks ended like that."""
        return sum(check.state is state for check in self.checks)

    @property
    def sound(self) -> bool:
        """Whether nothing was found; warnings and what is unknown are no findings."""
        return not self.count(State.FINDING)


def judge_clock(skew: timedelta | None) -> Check:
    """Judge how far our clock is ahead of Graph's; None when Graph told no time."""
    if skew is None:
        note = unknown(Problem.UNANSWERED, "Graph told no time", "Mend the reads of Graph first")
        return Check(Name.CLOCK, notes=(note,))
    seconds = round(skew.total_seconds())
    seen = f"our clock is {abs(seconds)} s {'ahead of' if seconds >= 0 else 'behind'} Graph's"
    then = "Set this machine's clock by NTP; in the app's own host that is Azure's business"
    notes: tuple[Note, ...] = ()
    if abs(skew) >= SKEW_BREAKS:
        notes = (finding(Problem.CLOCK_WRONG, seen, f"{then}. Events are set aside and tokens refused like this"),)
    elif abs(skew) >= SKEW_TOLD:
        notes = (warning(Problem.CLOCK_DRIFTS, seen, then),)
    return Check(Name.CLOCK, seen=seen, notes=notes, numbers=(("ahead_seconds", seconds),))


def judge_budget(allowance: Allowance) -> Check:
    """Judge what is left of the tenant's requests."""
    seen = str(allowance)
    notes: tuple[Note, ...] = ()
    if allowance.reserved:
        then = "Ask Microsoft Support for a higher quota; `lifecycle budget` shows who spent it. Additions wait"
        notes = (finding(Problem.BUDGET_RESERVED, seen, then),)
    elif allowance.low:
        notes = (warning(Problem.BUDGET_LOW, seen, "See `lifecycle budget`; look for whoever sends so many"),)
    return Check(Name.BUDGET, seen=seen, notes=notes, numbers=(("left", allowance.left), ("used", allowance.used)))


@dataclass(frozen=True, slots=True)
class Ran:
    """A timer's last run: when it began, its length in seconds, what went wrong (the name of an error, or nothing)."""

    at: datetime
    took: float = 0.0
    fault: str = ""


def judge_timer(timer: str, schedule: str, ran: Mapping[str, Ran], now: datetime) -> Check:
    """Judge a timer by its schedule (NCRONTAB) and the last runs of all timers, by name.

    It stands still when two of its ticks have passed without it; one that never ran stands still when another timer
    shows that the app was alive at the time.
    """
    last = ran.get(timer)
    try:
        due = ncrontab.parse(schedule)
    except ValueError as error:
        then = f"Correct {timer.upper()}_SCHEDULE: six fields, second first, in UTC"
        return Check(Name.TIMER, timer, notes=(finding(Problem.SCHEDULE_WRONG, str(error), then),))
    look = f"See the app's log for the function `{timer}`, and whether the app runs and the function is enabled"
    if last is None:
        alive = min((one.at for one in ran.values()), default=None)
        seen = f"never ran; its schedule is {schedule}"
        if alive is not None and _missed_two(due, alive, now):
            note = finding(Problem.STANDS_STILL, f"{seen}, and other timers ran since {alive:%Y-%m-%dT%H:%MZ}", look)
        else:
            note = warning(Problem.NEVER_RAN, seen, f"Right before the deployment; after it wait for a tick. {look}")
        return Check(Name.TIMER, timer, notes=(note,))
    ago = now - last.at
    seen = f"last ran {last.at:%Y-%m-%dT%H:%M:%SZ} for {last.took:.0f} s; its schedule is {schedule}"
    notes: list[Note] = []
    if _missed_two(due, last.at + timedelta(seconds=last.took), now):
        notes.append(finding(Problem.STANDS_STILL, f"{seen}: two ticks have passed since", look))
    if last.fault:
        notes.append(finding(Problem.LAST_RUN_FAILED, f"{seen}; it ended with {last.fault}", look))
    return Check(
        Name.TIMER, timer, seen=seen, notes=tuple(notes), numbers=(("seconds_ago", round(ago.total_seconds())),)
    )


def _missed_two(due: ncrontab.Schedule, since: datetime, now: datetime) -> bool:
    return due.next_after(due.next_after(since)) + _LATE < now


def judge_held(sets: int, people: int, oldest: datetime | None) -> Check:
    """Judge how much waits for a release."""
    seen = "nothing is held"
    notes: tuple[Note, ...] = ()
    if sets:
        since = "" if oldest is None else f", the oldest since {oldest:%Y-%m-%dT%H:%MZ}"
        seen = f"{sets} held sets of {people} people{since}"
        notes = (warning(Problem.HELD, seen, "See `lifecycle held`, and release what is right"),)
    return Check(Name.HELD, seen=seen, notes=notes, numbers=(("sets", sets), ("people", people)))
