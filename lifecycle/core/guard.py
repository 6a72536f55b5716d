"""When a change is too big to believe. Counts what takes access away, over everybody, in a rolling window.

Pure arithmetic: what counts, against which limit. `lifecycle.records.reservations` counts it atomically, before
anything is applied, because check-then-act overshoots when several instances run.
"""

from dataclasses import dataclass
from enum import StrEnum

from lifecycle.core.model import GuardLimits
from lifecycle.core.plan import Assign, Plan


class Kind(StrEnum):
    """What is counted: rows taken away, people who lose everything, rows given (per package)."""

    REMOVALS = "removals"
    LEAVERS = "leavers"
    ADDITIONS = "additions"


@dataclass(frozen=True, slots=True)
class Population:
    """What shares are shares of: people employed now, assignments that we manage."""

    people: int
    assignments: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Room to reserve in one counter: the same key claimed twice in a window counts once."""

    counter: str
    keys: tuple[str, ...]
    limit: int

    @property
    def kind(self) -> Kind:
        """Return what the counter counts."""
        return Kind(self.counter.split(":", 1)[0])


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a claim fits, and the arithmetic for the text."""

    claim: Claim
    counted: int
    fits: bool

    def __str__(self) -> str:
        return (
            f"{self.claim.counter}: {self.counted} counted in the window, {len(self.claim.keys)} more wanted, "
            f"{self.claim.limit} allowed"
        )


def taking_claims(plan: Plan, limits: GuardLimits, population: Population, *, leaver: bool, named: bool) -> list[Claim]:
    """Return what the taking part of a plan must reserve.

    Somebody who has left counts once among leavers. A leaver whom somebody named passes the removal limit; one that
    was derived from an absence or came with a bulk change does not.
    """
    claims = []
    steps = tuple(f"{plan.person}.{step.assignment}" for step in plan.taking)
    if not steps:
        return []
    if leaver:
        claims.append(Claim(Kind.LEAVERS, (plan.person,), limits.leavers.of(population.people)))
    if not (leaver and named):
        claims.append(Claim(Kind.REMOVALS, steps, limits.removals.of(population.assignments)))
    return claims


def giving_claims(plan: Plan, limits: GuardLimits, population: Population) -> dict[str, Claim]:
    """Return, by package, what each addition must reserve."""
    return {
        step.package: Claim(f"{Kind.ADDITIONS}:{step.package}", (plan.person,), limits.additions.of(population.people))
        for step in plan.changes
        if isinstance(step, Assign)
    }
