"""What the verbs need from outside, in the verbs' own words. Adapters implement these; `wiring` joins the two.

Every port: a failed read raises (`Transient` or `Permanent`), it never looks like an empty one.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from lifecycle.core.model import AccessModel

# --- the clock -----------------------------------------------------------------------------------------------------


class Clock(Protocol):
    """Where the time comes from; read once per run, so that every decision shares one now."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""
        ...


# --- records -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One stored row: `value` is at most 60 KiB, `etag` changes at every write."""

    key: str
    value: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Insert:
    """Write a row that must not be there yet."""

    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Replace:
    """Write a row that must still have `etag`."""

    key: str
    value: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Put:
    """Write a row, whatever is there."""

    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a row; with an `etag` only while it still has it. An absent row is fine without one."""

    key: str
    etag: str | None = None


type Change = Insert | Replace | Put | Delete


class Records(Protocol):
    r"""Partitions of rows, ordered by key (code point order), each row with an ETag.

    Keys and partition names are printable text without `/ \\ # ?` and control characters, at most 500 characters.
    """

    async def read(self, partition: str, key: str) -> Row | None:
        """Return the row, or None where there is none."""
        ...

    async def rows(self, partition: str, *, after: str = "", before: str = "", limit: int = 0) -> list[Row]:
        """Return the rows with `after <= key < before` in key order; empty bounds are open, limit 0 is no limit."""
        ...

    async def write(self, partition: str, changes: Sequence[Change]) -> dict[str, str]:
        """Make all changes of one partition or none, at most 100, one per key; return the new etags by key.

        Raises `Lost` when an `Insert` finds a row, or a `Replace` or `Delete` with an etag finds another or none.
        """
        ...


# --- the bus -------------------------------------------------------------------------------------------------------


class Queue(StrEnum):
    """The queues by role; their names are settings."""

    HR = "hr"
    PROJECTS = "projects"
    DECISIONS = "decisions"
    WORK = "work"
    SWEEPS = "sweeps"
    NOTICES = "notices"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class Message:
    """A message to send: `body` is a CloudEvent as JSON; `session` is the person, on `work` alone."""

    id: str
    body: bytes
    session: str | None = None
    properties: dict[str, str] = field(default_factory=dict)


class Bus(Protocol):
    """Sends messages, now or at an instant. Sending one id twice within minutes is sending it once."""

    async def send(self, queue: Queue, messages: Sequence[Message], *, at: datetime | None = None) -> None:
        """Send, or schedule for `at`. Raises `Transient`, `Throttled` or `Permanent` (too large)."""
        ...


@dataclass(frozen=True, slots=True)
class SetAside:
    """A message that lies in a quarantine or dead-letter queue."""

    queue: Queue
    dead: bool
    number: int
    id: str
    at: datetime
    body: bytes
    reason: str
    session: str | None = None
    properties: dict[str, str] = field(default_factory=dict)


class Lectern(Protocol):
    """Reads what was set aside without taking it, and takes one message away once it was dealt with."""

    async def browse(self, queue: Queue, *, dead: bool = False) -> list[SetAside]:
        """Return the messages that lie in the queue (or in its dead-letter queue), oldest first."""
        ...

    async def take(self, message: SetAside) -> bool:
        """Remove exactly that message; False when it is already gone. Others keep their place and count."""
        ...


class Bodies(Protocol):
    """Keeps bodies that are too large for a message."""

    async def put(self, name: str, body: bytes) -> str:
        """Keep the body and return the reference to it; the same name and body twice is once."""
        ...

    async def get(self, reference: str) -> bytes:
        """Return the body. Raises `Permanent` when there is none by that reference."""
        ...


# --- the directory -------------------------------------------------------------------------------------------------


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


# --- entitlement management ----------------------------------------------------------------------------------------


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
class Wire:
    """What was on the wire, for the evidence: both request ids, the HTTP status, SHA-256 of the body sent."""

    status: int
    request_id: str = ""
    client_request_id: str = ""
    body_hash: str = ""


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


class Entitlements(Protocol):
    """Entitlement management: one read lists a person, one POST asks for a change, requests are followed by id."""

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


# --- all of them ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything a verb may need from outside, and the access model that was loaded at the start."""

    clock: Clock
    records: Records
    bus: Bus
    bodies: Bodies
    users: Users
    entitlements: Entitlements
    model: AccessModel
