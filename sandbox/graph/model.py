"""The nouns of a tenant: users, catalogs, access packages, policies, assignments, requests.

Values only: an assignment or a request that changes is replaced, so that a list may lag behind by keeping the old one.
Words and spellings are those of Graph v1.0.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

type AssignmentState = Literal["delivering", "partiallyDelivered", "delivered", "expired", "deliveryFailed"]
type RequestState = Literal[
    "submitted",
    "pendingApproval",
    "scheduled",
    "delivering",
    "delivered",
    "partiallyDelivered",
    "deliveryFailed",
    "denied",
    "canceled",
]
type RequestType = Literal[
    "adminAdd", "adminUpdate", "adminRemove", "userAdd", "userUpdate", "userRemove", "systemAdd", "systemRemove"
]
type ExpirationType = Literal["notSpecified", "noExpiration", "afterDateTime", "afterDuration"]

LIVE: frozenset[AssignmentState] = frozenset({"delivering", "delivered", "partiallyDelivered"})
"""States in which a row gives access, or is about to."""
OPEN: frozenset[RequestState] = frozenset({"submitted", "pendingApproval", "scheduled", "delivering"})
"""States of a request that has not ended; one of them per user and package, else `ExistingOpenRequest`."""
IN_TRANSIT: frozenset[RequestState] = frozenset({"submitted", "delivering"})
"""Open states that end by themselves, soon."""

# status is an open string; these are the values seen together with each state.
STATUS: dict[str, str] = {
    "submitted": "Accepted",
    "pendingApproval": "PendingApproval",
    "scheduled": "PendingNotBefore",
    "delivering": "Delivering",
    "delivered": "Delivered",
    "partiallyDelivered": "PartiallyDelivered",
    "deliveryFailed": "DeliveryFailed",
    "denied": "Denied",
    "canceled": "Canceled",
    "expired": "ExpiredNotificationTriggered",
}


class GraphError(Exception):
    """An answer that is not a success, in Graph's terms.

    `code` is what a client may branch on. The codes that Microsoft documents nowhere are chosen here and marked so
    where they are raised.
    """

    def __init__(self, status: int, code: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after
        """Seconds, for the `Retry-After` header; None sends none."""


@dataclass(frozen=True, slots=True)
class User:
    """An Entra user; `deleted` means in the recycle bin, where assignments may outlive the account by 30 days."""

    id: str
    user_principal_name: str
    employee_id: str | None = None
    display_name: str | None = None
    mail: str | None = None
    account_enabled: bool = True
    user_type: str = "Member"
    department: str | None = None
    job_title: str | None = None
    employee_hire_date: datetime | None = None
    on_premises_sync_enabled: bool | None = None
    deleted: bool = False

    @property
    def subject_id(self) -> str:
        """The id of the user's accessPackageSubject, which is never the user's own."""
        return str(uuid5(NAMESPACE_URL, f"subject:{self.id}"))


@dataclass(frozen=True, slots=True)
class Catalog:
    """A container of access packages."""

    id: str
    display_name: str
    state: str = "published"


@dataclass(frozen=True, slots=True)
class CatalogRole:
    """A role in entitlement management: whose, in which catalog (None: in every one), which definition."""

    principal_id: str
    catalog_id: str | None
    role_id: str


@dataclass(frozen=True, slots=True)
class Package:
    """An access package."""

    id: str
    display_name: str
    catalog_id: str
    groups: tuple[str, ...] = ()
    """The groups whose member role the package gives."""


@dataclass(frozen=True, slots=True)
class Policy:
    """An assignment policy, reduced to what changes how a request is treated.

    `expiration` is an ISO 8601 duration that bounds every assignment, None for no expiration.
    """

    id: str
    display_name: str
    package_id: str
    approval_for_add: bool = False
    approval_for_update: bool = False
    custom_schedule: bool = True
    automatic: bool = False
    expiration: str | None = None
    allowed_target_scope: str = "notSpecified"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When an assignment begins and ends. A row's schedule has an `end` or none; a request's is as it was sent."""

    start: datetime | None = None
    type: ExpirationType = "notSpecified"
    end: datetime | None = None
    duration: str | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """One row of `/assignments`: that a user holds, or held, a package by a policy."""

    id: str
    user_id: str
    package_id: str
    policy_id: str
    state: AssignmentState
    schedule: Schedule
    expired: datetime | None = None
    status: str | None = None

    @property
    def live(self) -> bool:
        """Whether the row gives access, or is about to."""
        return self.state in LIVE


@dataclass(frozen=True, slots=True)
class Request:
    """One row of `/assignmentRequests`. `assignment_id` is None until the assignment exists.

    `decided` is when `approver` (a user) approved or denied it.
    """

    id: str
    type: RequestType
    state: RequestState
    user_id: str
    package_id: str
    policy_id: str
    created: datetime
    assignment_id: str | None = None
    completed: datetime | None = None
    justification: str | None = None
    schedule: Schedule | None = None
    decided: datetime | None = None
    approver: str | None = None
    outcome: Literal["delivered", "partiallyDelivered", "deliveryFailed"] = field(default="delivered", repr=False)
    """What its delivery will come to; known to the simulator only."""
    unmoved: bool = field(default=False, repr=False)
    """Whether the delivery of an update leaves the end where it was; likewise."""


def instant(at: datetime | None) -> str | None:
    """Return an instant as Graph writes it, in UTC with a Z."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def guid(text: str | None, what: str) -> str:
    """Return a GUID in lower case; raise 400 `GraphError` for anything else."""
    try:
        return str(UUID(text or ""))
    except ValueError as error:
        raise GraphError(400, "BadRequest", f"{what} must be a GUID.") from error
