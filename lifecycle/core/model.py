"""The access model: which packages exist, which rules grant them, and how much may change at once.

Values only. The adapter `lifecycle.adapters.rules` reads the YAML, checks it and compiles the rules; the core only
calls what it is given. The model's `hash` names the version in every plan and record.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from math import floor

from lifecycle.core.events import Worker

type Matches = Callable[[Worker], tuple[bool, ...]]
"""Says of each rule, in the model's order, whether it holds for a snapshot. Pure, and the same for equal snapshots."""


_EXACT = 1e-9  # 0.29 * 100 is a little less than 29


class RenewalMode(StrEnum):
    """How a package that ends may be extended."""

    AUTO = "auto"
    APPROVAL = "approval"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Renewal:
    """A package's renewal: asked for `window` before the end, extends by `extend`."""

    mode: RenewalMode = RenewalMode.NEVER
    window: timedelta = timedelta(days=14)
    extend: timedelta = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Package:
    """A managed access package: Graph's ids of it, of our own direct-assignment policy, and of its catalog."""

    name: str
    access_package: str
    policy: str
    catalog: str
    renewal: Renewal = field(default_factory=Renewal)


@dataclass(frozen=True, slots=True)
class Rule:
    """A birthright rule: whoever it holds for is entitled to `grant`.

    `lead` is how long before the first day; `lasts` is how long from the instant the reason began (YAML: `for`).
    """

    name: str
    when: str
    grant: tuple[str, ...]
    lead: timedelta = timedelta()
    lasts: timedelta | None = None


@dataclass(frozen=True, slots=True)
class ProjectRules:
    """What a role on any project grants (`roles`), and what exists for one project alone (`own`: project, role)."""

    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    def packages_of(self, project: str, role: str) -> tuple[str, ...]:
        """Return what the role on that project grants."""
        return self.roles.get(role, ()) + tuple(self.own.get(project, {}).get(role, ()))

    def own_packages(self, project: str) -> frozenset[str]:
        """Return the packages that belong to that project alone."""
        return frozenset(name for names in self.own.get(project, {}).values() for name in names)


class Drift(StrEnum):
    """What to do about a removal by hand: leave and report it, or put it back (at most twice)."""

    REPORT = "report"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` or `share` of a population, whichever is reached first.

    A share of a small population says nothing, so up to `floor` it does not bind; `count` always does.
    """

    count: int
    share: float = 1.0
    floor: int = 1

    def of(self, population: int) -> int:
        """Return how many are allowed when the population has that size."""
        return min(self.count, max(self.floor, floor(self.share * population + _EXACT)))


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """How much may change in a rolling window; `additions` are counted per package."""

    window: timedelta = timedelta(hours=24)
    removals: Limit = Limit(50, 0.1, floor=5)
    additions: Limit = Limit(500, 0.2, floor=50)
    leavers: Limit = Limit(100, 0.05, floor=3)


@dataclass(frozen=True, slots=True)
class Sources:
    """Which `source` may say what; an unlisted one is set aside."""

    worker: frozenset[str] = frozenset()
    project: frozenset[str] = frozenset()
    decision: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Deadlines:
    """By when access must follow, counted from HR's clock."""

    leaver: timedelta = timedelta(hours=1)
    mover: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Budget:
    """How many assignment requests everybody in the tenant may make in a rolling quarter, and what we do near the end.

    `warn` and `reserve` are shares of `requests`: from `warn` used on, notices go out; the last `reserve` is not for
    additions. The default is Graph's quota for a tenant (Entra docs, "ID Governance service limits").
    """

    requests: int = 200_000
    warn: float = 0.8
    reserve: float = 0.05


def _match_nothing(_: Worker) -> tuple[bool, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessModel:
    """The whole model, checked and compiled."""

    hash: str
    time_zone: str
    packages: Mapping[str, Package] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    matches: Matches = field(default=_match_nothing, compare=False)
    locations: Mapping[str, str] = field(default_factory=dict)
    sources: Sources = field(default_factory=Sources)
    projects: ProjectRules = field(default_factory=ProjectRules)
    leave_keep: frozenset[str] | None = None
    grace: timedelta = timedelta()
    drift: Drift = Drift.REPORT
    guard: GuardLimits = field(default_factory=GuardLimits)
    protected: frozenset[str] = frozenset()
    deadlines: Deadlines = field(default_factory=Deadlines)
    budget: Budget = field(default_factory=Budget)

    def names(self) -> dict[str, str]:
        """Return what the model calls each package, by Graph's id of it."""
        return {package.access_package: package.name for package in self.packages.values()}
