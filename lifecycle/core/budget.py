"""How many requests are left of what Graph grants a tenant, and which of ours may still be sent.

Graph counts every assignment request of a tenant, whoever makes it, in a rolling quarter, and grants 200,000 of them
(Entra docs, "ID Governance service limits"). Nobody asks Graph before a request whether it is the last one, so we
count: `lifecycle.records.budget` keeps the numbers, this module only judges them.

The quarter is 90 days, counted in whole UTC days: today so far, the 89 days before it, and all of the day into which
the instant 90 days ago falls. The count is at most a day's worth too high, never too low.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import ceil, floor
from typing import assert_never

from lifecycle.core.model import Budget
from lifecycle.core.plan import Assign, ChangeStep, Remove, Reschedule

QUARTER = timedelta(days=90)

_EXACT = 1e-6  # 0.07 * 100 is a little more than 7


def first_day(now: datetime) -> date:
    """Return the oldest UTC day that still counts."""
    return (now.astimezone(UTC) - QUARTER).date()


@dataclass(frozen=True, slots=True)
class Spent:
    """Requests in the rolling quarter: everybody's in the tenant as far as we know, ours among them; and ours."""

    tenant: int = 0
    ours: int = 0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the budget allows after what was spent."""

    budget: Budget
    spent: Spent

    @property
    def used(self) -> int:
        """Return the requests that count: what the tenant is known to have made, and never less than ours."""
        return max(self.spent.tenant, self.spent.ours)

    @property
    def left(self) -> int:
        """Return how many requests are left; 0 also when the limit was passed."""
        return max(0, self.budget.requests - self.used)

    @property
    def low(self) -> bool:
        """Whether somebody should be told."""
        return self.used >= ceil(self.budget.warn * self.budget.requests - _EXACT)

    @property
    def reserved(self) -> bool:
        """Whether only the reserve is left, which is not for additions."""
        return self.left <= floor(self.budget.reserve * self.budget.requests + _EXACT)

    def allows(self, step: ChangeStep) -> bool:
        """Whether the step may be sent.

        The reserve is kept for what ends access and for what moves an end of access that is justified. Those may
        always be sent: what would be gained by holding them is less than what a leaver may do meanwhile.
        """
        match step:
            case Assign():
                return not self.reserved
            case Remove() | Reschedule():
                return True
            case _ as never:
                assert_never(never)

    def __str__(self) -> str:
        return (
            f"{self.used} of {self.budget.requests} requests of this tenant's quarter are used ({self.spent.ours} by "
            f"Lifecycle), {self.left} are left"
        )
