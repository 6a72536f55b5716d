"""What the verbs need from outside, in the verbs' own words. Adapters implement these; `wiring` joins the two.

What single commands need besides is in `inspection` and `witness`, which the worker does not load.

Every port: a failed read raises (`Transient` or `Permanent`), it never looks like an empty one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from lifecycle.core.budget import Spent
from lifecycle.core.evidence import Wire
from lifecycle.core.model import AccessModel
from lifecycle.ports.bus import (
    Bodies,
    Bus,
    Lectern,
    Message,
    Queue,
    SetAside,
)
from lifecycle.ports.directory import (
    AlreadyOpen,
    AssignmentState,
    Denied,
    Entitlements,
    Followed,
    Listed,
    Page,
    PolicyTerms,
    Request,
    RequestState,
    Reviews,
    Sighting,
    Submitted,
    User,
    Users,
)
from lifecycle.ports.fetch import Fetch
from lifecycle.ports.records import (
    Change,
    Delete,
    Insert,
    Put,
    Records,
    Replace,
    Row,
)
from lifecycle.ports.seals import Seals

__all__ = [
    "AlreadyOpen",
    "AssignmentState",
    "Bodies",
    "Bus",
    "Change",
    "Clock",
    "Delete",
    "Denied",
    "Entitlements",
    "Fetch",
    "Followed",
    "Insert",
    "Lectern",
    "Listed",
    "Message",
    "Meter",
    "Pace",
    "Page",
    "PolicyTerms",
    "Ports",
    "Put",
    "Queue",
    "Records",
    "Replace",
    "Request",
    "RequestState",
    "Reviews",
    "Row",
    "Seals",
    "SetAside",
    "Sighting",
    "Submitted",
    "User",
    "Users",
    "Wire",
]


class Clock(Protocol):
    """Where the time comes from; read once per run, so that every decision shares one now."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""
        ...


class Pace(Protocol):
    """Shares the rate of writes to Graph among the instances."""

    async def turn(self, *, urgent: bool) -> None:
        """Return when the next write may be sent: what is urgent waits in place.

        Raises `Throttled`, with how long to stay away, when it is not urgent and its turn is not near.
        """
        ...

    def heard(self, throttle: float) -> None:
        """Learn what Graph said of the limit after a write (see `Entitlements.throttle`)."""
        ...


class Meter(Protocol):
    """Counts our requests, and knows how many everybody's are in the rolling quarter."""

    async def count(self, token: str, now: datetime) -> None:
        """Count one request that was sent."""
        ...

    async def spent(self, now: datetime) -> Spent:
        """Return what was spent of the budget, as known within a minute."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything a verb may need from outside, and the access model that was loaded at the start.

    `retention` is how long what is known of somebody is kept after they have left. `fetch` is there when HR's system
    gives notices that are to be heard.
    """

    clock: Clock
    records: Records
    bus: Bus
    bodies: Bodies
    users: Users
    entitlements: Entitlements
    reviews: Reviews
    pace: Pace
    meter: Meter
    seals: Seals
    model: AccessModel
    lectern: Lectern
    retention: timedelta = timedelta(days=2190)
    fetch: Fetch | None = None
