"""What waits for Graph or for a person, over everybody, and how long the like of it took: small values of the indexes.

The dashboard counts them (`core.overview`); each look keeps them. Pure.
"""

from dataclasses import dataclass
from datetime import datetime

DAYS = 30
"""How many days ahead the ends of assignments are counted."""

WITHIN = (30, 60, 120, 300, 600, 1800, 3600, 14_400, 86_400)
"""Upper bounds, in seconds, of how long a request took; what took longer is counted behind the last."""


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request that is under way, or that failed and is tried again (`failing`); `since` the intent was written."""

    person: str
    package: str
    kind: str
    since: datetime
    failing: bool = False


@dataclass(frozen=True, slots=True)
class RenewalDue:
    """A renewal that was asked for and not decided: without one, the access ends."""

    person: str
    package: str
    ends: datetime


@dataclass(frozen=True, slots=True)
class Delivered:
    """Requests delivered in a month (`2026-11`), by how long they took: one count for each of `WITHIN`, one beyond."""

    month: str
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """Return how many were delivered."""
        return sum(self.counts)

    def within(self, share: float) -> int | None:
        """Return the seconds within which that share of them was delivered, None when it took longer than a day."""
        seen = 0
        for bound, count in zip(WITHIN, self.counts, strict=False):
            seen += count
            if seen >= share * self.total:
                return bound
        return None
