"""What Microsoft Graph is asked for: users, assignments and their requests, reviews; in the words of Graph."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol

from lifecycle.core.evidence import Wire


@dataclass(frozen=True, slots=True)
class Page[T]:
    """One page of a long list; `link` names the next one and is empty behind the last. An empty page is no end."""

    rows: list[T]
    link: str = ""


@dataclass(frozen=True, slots=True)
class User:
    """An Entra user: only what correlation needs."""

    id: str
    employee_id: str | None
    user_principal_name: str
    enabled: bool


class Users(Protocol):
    """Finds the Entra user of a person."""

    async def by_employee_id(self, employee_id: str) -> list[User]:
        """Return every user with that employeeId; it is not unique in Entra."""
        ...

    async def by_principal_name(self, name: str) -> User | None:
        """Return the user, or None when there is none (a deleted one counts as none)."""
        ...

    async def page(self, *, link: str = "") -> Page[User]:
        """Return one page of every user there is, at low priority.

        Raises `StaleLink` when Graph no longer knows the link: begin that list anew.
        """
        ...


class AssignmentState(StrEnum):
    """Graph's states of an assignment; `unknown` is one that we do not know, on which nothing is taken away."""

    DELIVERING = "delivering"
    PARTIALLY_DELIVERED = "partiallyDelivered"
    DELIVERED = "delivered"
    EXPIRED = "expired"
    DELIVERY_FAILED = "deliveryFailed"
    UNKNOWN = "unknown"


class RequestState(StrEnum):
    """Graph's states of an assignment request."""

    SUBMITTED = "submitted"
    PENDING_APPROVAL = "pendingApproval"
    SCHEDULED = "scheduled"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    PARTIALLY_DELIVERED = "partiallyDelivered"
    DELIVERY_FAILED = "deliveryFailed"
    DENIED = "denied"
    CANCELED = "canceled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Listed:
    """An assignment as Graph lists it, expired ones included."""

    id: str
    package: str
    policy: str
    user: str
    state: AssignmentState
    status: str = ""
    starts: datetime | None = None
    ends: datetime | None = None
    expired_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One assignment request to post: `kind` is Graph's adminAdd, adminUpdate or adminRemove.

    adminAdd needs `user`, `policy`; the other two need `assignment`. `starts` and `ends` are aware; `ends` None means
    no expiration. `token` is our operation id: it goes into the justification and the client-request-id.
    """

    kind: str
    package: str
    token: str
    justification: str
    user: str = ""
    policy: str = ""
    assignment: str = ""
    starts: datetime | None = None
    ends: datetime | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """Graph took the request; 201 means submitted, not done."""

    request: str
    state: RequestState
    wire: Wire


@dataclass(frozen=True, slots=True)
class AlreadyOpen:
    """Graph refused because a request for this user and package is open already (`ExistingOpenRequest`)."""

    wire: Wire


@dataclass(frozen=True, slots=True)
class Followed:
    """A request as Graph tells it now. `assignment` is empty until it exists; `token` is ours, when it was ours."""

    request: str
    kind: str
    state: RequestState
    status: str = ""
    token: str = ""
    user: str = ""
    assignment: str = ""
    created_at: datetime | None = None
    completed_at: datetime | None = None


class Sighting(NamedTuple):
    """A delivered assignment as a sweep over a package sees it; `auto` when its status says an auto policy's.

    A tuple, since a sweep makes a million of them.
    """

    assignment: str
    user: str
    policy: str
    ends: datetime | None = None
    auto: bool = False


@dataclass(frozen=True, slots=True)
class PolicyTerms:
    """What a policy allows of a schedule: the longest span, the last instant (None: any), whether it may be ours."""

    longest: timedelta | None = None
    last: datetime | None = None
    custom: bool = True


class Entitlements(Protocol):
    """Entitlement management: one read lists a person, one POST asks for a change, requests are followed by id."""

    @property
    def throttle(self) -> float:
        """Return the share of the limit that Graph last said is used: 0 when it said nothing, 1 after a 429."""
        ...

    async def assignments_of(self, user: str, packages: Collection[str]) -> list[Listed]:
        """Return the user's assignments in those packages (ids), expired ones included.

        One list call with directory-wide permission, one per package with catalog roles only.
        """
        ...

    async def submit(self, request: Request) -> Submitted | AlreadyOpen:
        """Post one request, once.

        Raises `Throttled` or `Transient` when it was certainly not done, `Ambiguous` when nobody knows, `Refused`
        when Graph said no.
        """
        ...

    async def request(self, request: str) -> Followed | None:
        """Return the request by its id, or None when Graph has none (they live about three months)."""
        ...

    async def auto_policies(self) -> frozenset[str]:
        """Return the ids of auto-assignment policies, whose rows are never touched; read seldom, kept for a while."""
        ...

    async def requests_for(self, package: str, *, since: datetime) -> list[Followed]:
        """Return the requests for a package created at or after `since`, with their tokens and users."""
        ...

    async def assignments_in(self, package: str, *, link: str = "") -> Page[Sighting]:
        """Return one page of a package's delivered assignments, at low priority.

        Raises `StaleLink` when Graph no longer knows the link: begin that list anew.
        """
        ...

    async def requests_created(self, since: datetime, until: datetime) -> int:
        """Count the tenant's requests, whoever made them, with `since <= created < until`; low priority."""
        ...

    async def terms_of(self, policy: str) -> PolicyTerms:
        """Return what a policy allows; read seldom, kept for a while. Raises `Refused` (404) when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Denied:
    """A reviewer's Deny of a package (id) for a user, in a review instance that is completed or applied."""

    instance: str
    package: str
    user: str
    at: datetime


class Reviews(Protocol):
    """Access reviews of packages, read as whole instances."""

    async def denied(self, packages: Collection[str], *, since: datetime) -> list[Denied]:
        """Return the denials in instances that were completed or applied at or after `since`; running ones count not.

        Raises `Refused` (403) when the app may not read reviews.
        """
        ...
