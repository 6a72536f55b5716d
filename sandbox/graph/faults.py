"""What can be made to go wrong, one request at a time: which fault, for which requests, how often.

A fault fires for requests whose method and path match, after `skip` of them, `count` times, each with `probability`.
"""

import re
from collections.abc import Sequence
from random import Random
from typing import Annotated, Literal, get_args

import msgspec

type FaultKind = Literal[
    "429",
    "503",
    "500",
    "504",
    "403",
    "reset",
    "timeout",
    "partiallyDelivered",
    "deliveryFailed",
    "pendingApproval",
    "unknownState",
    "mixedCaseState",
    "emptyPage",
    "expiredPageToken",
    "unmovedEnd",
    "neverExpires",
    "throttleLimitPercentage",
    "clockSkew",
]

KINDS: tuple[FaultKind, ...] = get_args(FaultKind.__value__)
ANSWERS: frozenset[FaultKind] = frozenset({"429", "503", "500", "504", "403", "reset", "timeout"})
"""Faults that take the place of the answer; with `committed`, after the work was done."""
OUTCOMES: frozenset[FaultKind] = frozenset({"partiallyDelivered", "deliveryFailed", "pendingApproval"})
"""Faults that change what an accepted request comes to. So does `unmovedEnd`, for updates alone: delivered, with no
effect."""
STATES: frozenset[FaultKind] = frozenset({"unknownState", "mixedCaseState"})
"""Faults that change how a state is written in answers to reads; each state written counts as one hit."""

EXPIRY = "EXPIRE"
"""The method by which `neverExpires` sees an end that falls due; its path is that of the assignment. A row that it hits
stays delivered."""

UNKNOWN_STATE = "suspendedForMigration"
"""A state that no enum of Graph v1.0 has."""

type Positive = Annotated[int, msgspec.Meta(ge=1)]
type NotNegative = Annotated[int, msgspec.Meta(ge=0)]


class Fault(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One fault to arm. `path` is a regular expression searched in the path, `method` None is any."""

    kind: FaultKind
    method: str | None = None
    path: str = ""
    count: Positive | None = None
    """How often it fires; None is without end."""
    skip: NotNegative = 0
    """How many matching requests pass first."""
    probability: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    committed: bool = False
    """For a fault that takes the place of the answer: whether the work is done first."""
    retry_after: NotNegative | None = None
    """Seconds in `Retry-After`; None sends no header."""
    percentage: float = 0.9
    """The value of `x-ms-throttle-limit-percentage`."""
    skew: float = 600.0
    """How far `clockSkew` puts the `date` header ahead of the clock, in seconds; below 0 is behind."""
    seconds: Annotated[float, msgspec.Meta(gt=0)] = 100.0
    """How long a `timeout` says nothing before the connection closes, in real seconds."""


class _Armed:
    """A fault with what is left of it."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.matched = 0
        self.fired = 0
        self._path = re.compile(fault.path)

    def matches(self, method: str, path: str) -> bool:
        fault = self.fault
        if fault.count is not None and self.fired >= fault.count:
            return False
        return (fault.method is None or fault.method.upper() == method) and self._path.search(path) is not None


class Faults:
    """The armed faults of a tenant."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 a simulation wants repeatable numbers, not secret ones
        self._armed: list[_Armed] = []

    def add(self, faults: Sequence[Fault], *, clear: bool = False) -> None:
        """Arm faults, all or none; with `clear` in place of those that are armed.

        Raises:
            ValueError: a path is no regular expression.

        """
        try:
            armed = [_Armed(f) for f in faults]
        except re.error as error:
            raise ValueError(f"path is no regular expression: {error}") from error
        self._armed = armed if clear else self._armed + armed

    def reseed(self, seed: int) -> None:
        """Start the sequence of probabilities of a seed."""
        self._random.seed(seed)

    def fire(self, kinds: frozenset[FaultKind], method: str, path: str, *, committed: bool = False) -> Fault | None:
        """Return the first armed fault of these kinds that hits this request, counted as fired."""
        for armed in self._armed:
            fault = armed.fault
            if fault.kind not in kinds or fault.committed != committed or not armed.matches(method, path):
                continue
            armed.matched += 1
            if armed.matched > fault.skip and self._random.random() < fault.probability:
                armed.fired += 1
                return fault
        return None

    def report(self) -> list[dict[str, object]]:
        """Return every armed fault with how often it fired."""
        return [{**msgspec.structs.asdict(a.fault), "fired": a.fired} for a in self._armed]
