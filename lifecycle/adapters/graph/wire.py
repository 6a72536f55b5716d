"""What crosses the wire: the JSON Graph sends, decoded to structs, and the JSON bytes we post.

The shapes are those of Graph v1.0 entitlement management. The SDK's model of an assignment lacks `targetId`,
`accessPackageId` and `assignmentPolicyId`, so bodies are written here and tested to the byte. No I/O.

A row that cannot be told safely raises `ValueError`; nothing here guesses.
"""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec

from lifecycle.ports import AssignmentState, Followed, Listed, Request, RequestState, Sighting

_TOKEN = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_AT_END = re.compile(rf"\[({_TOKEN.pattern})\]\s*\Z")
LONGEST_JUSTIFICATION = 500
"""Characters of ours before the token. Graph documents no bound, so we keep to a small one of our own."""


class Reference(msgspec.Struct, gc=False):
    """An expanded neighbour, of which the id is enough."""

    id: str


class Subject(msgspec.Struct, rename="camel", gc=False):
    """Whom an assignment is for; `object_id` is the user's id, null while the user is not in the tenant."""

    object_id: str | None = None


class Expiration(msgspec.Struct, rename="camel", gc=False):
    """When a schedule ends. Times stay text here: Graph sends seven decimals, and 9999-12-31 for never."""

    type: str | None = None
    end_date_time: str | None = None
    duration: str | None = None


class Schedule(msgspec.Struct, rename="camel", gc=False):
    """From when to when."""

    start_date_time: str | None = None
    expiration: Expiration | None = None


class Assignment(msgspec.Struct, rename="camel", gc=False):
    """An accessPackageAssignment; the three neighbours are absent unless expanded."""

    id: str
    state: str | None = None
    status: str | None = None
    expired_date_time: str | None = None
    schedule: Schedule | None = None
    access_package: Reference | None = None
    assignment_policy: Reference | None = None
    target: Subject | None = None


class Sighted(msgspec.Struct, rename="camel", gc=False):
    """An accessPackageAssignment in the list of its package: the least of it that a sweep needs, as rows are many."""

    id: str
    state: str | None = None
    status: str | None = None
    schedule: Schedule | None = None
    assignment_policy: Reference | None = None
    target: Subject | None = None


class AssignmentRequest(msgspec.Struct, rename="camel", gc=False):
    """An accessPackageAssignmentRequest. The requestor of a direct assignment is the user it was assigned to."""

    id: str
    request_type: str | None = None
    state: str | None = None
    status: str | None = None
    created_date_time: str | None = None
    completed_date_time: str | None = None
    justification: str | None = None
    requestor: Subject | None = None
    assignment: Assignment | None = None


class Created(msgspec.Struct, rename="camel", gc=False):
    """An accessPackageAssignmentRequest of which only the time of its creation counts."""

    created_date_time: str | None = None


class DirectoryUser(msgspec.Struct, rename="camel", gc=False):
    """A user, as selected; every property is there, employeeId may be null."""

    id: str
    user_principal_name: str
    account_enabled: bool
    employee_id: str | None


class Automatic(msgspec.Struct, rename="camel", gc=False):
    """What makes a policy assign by itself."""

    request_access_for_allowed_targets: bool | None = None


class Policy(msgspec.Struct, rename="camel", gc=False):
    """An accessPackageAssignmentPolicy, of which only this is asked: whether it assigns by itself."""

    id: str
    automatic_request_settings: Automatic | None = None


class Page[T](msgspec.Struct):
    """One page of a list. A page without `value` is no page: decoding it fails."""

    value: list[T]
    next_link: str | None = msgspec.field(name="@odata.nextLink", default=None)


assignments = msgspec.json.Decoder(Page[Assignment])
sighted = msgspec.json.Decoder(Page[Sighted])
requests = msgspec.json.Decoder(Page[AssignmentRequest])
created = msgspec.json.Decoder(Page[Created])
request = msgspec.json.Decoder(AssignmentRequest)
users = msgspec.json.Decoder(Page[DirectoryUser])
policies = msgspec.json.Decoder(Page[Policy])


def quoted(text: str) -> str:
    """Return an OData string literal: in single quotes, each quote inside doubled (OData 4.01, section 5.1.1.6.1)."""
    return "'" + text.replace("'", "''") + "'"


def instant(at: datetime) -> str:
    """Return an aware instant as Graph takes it, in UTC with a `Z`. Raises `ValueError` for a naive one."""
    if at.tzinfo is None:
        raise ValueError("an instant without a time zone may not be sent")
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def at(text: str | None) -> datetime | None:
    """Return the instant in UTC, cut to microseconds. Raises `ValueError` for one that has no offset."""
    if text is None:
        return None
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is UTC:  # what Graph sends; a person's list has hundreds of instants
        return parsed
    if parsed.tzinfo is None:
        raise ValueError("Graph sent an instant without an offset")
    return parsed.astimezone(UTC)


def justification_of(text: str, token: str) -> str:
    """Return the justification that carries our token at its end, the only field of a request that is ours to fill.

    Raises `ValueError` for a token that could not be read back: at most 100 letters, digits and `._:-`.
    """
    if not _TOKEN.fullmatch(token):
        raise ValueError("a token is 1 to 100 letters, digits and ._:-")
    return f"{text[:LONGEST_JUSTIFICATION].strip()} [{token}]".strip()


def token_in(justification: str | None) -> str:
    """Return the token at the end of a justification, empty when there is none."""
    found = _AT_END.search(justification or "")
    return found[1] if found else ""


def body_of(request: Request) -> bytes:
    """Return the JSON to post. Raises `ValueError` for another kind than adminAdd, adminUpdate and adminRemove.

    The schedule of an update stands at the request, not inside the assignment (v1.0 reference of
    accessPackageAssignmentRequest).
    """
    body: dict[str, Any] = {
        "requestType": request.kind,
        "assignment": _assignment(request),
        "justification": justification_of(request.justification, request.token),
    }
    if request.kind != "adminRemove":
        body["schedule"] = _schedule(request)
    return msgspec.json.encode(body)


def listed(row: Assignment, *, user: str, package: str) -> Listed:
    """Return the port's view of an assignment, under the caller's own spelling of user and package."""
    starts, ends = _bounds(row.schedule)
    return Listed(
        id=row.id,
        package=package,
        policy=row.assignment_policy.id if row.assignment_policy else "",
        user=user,
        state=_ASSIGNMENT_STATES.get((row.state or "").casefold(), AssignmentState.UNKNOWN),
        status=row.status or "",
        starts=starts,
        ends=ends,
        expired_at=at(row.expired_date_time),
    )


def sighting(row: Sighted) -> Sighting | None:
    """Return the port's view of a row, None when it says that it is not delivered (a list may lag behind its filter).

    Raises `ValueError` for a row that does not say whether, to whom, by which policy or until when.
    """
    if not _is_delivered(row.state):
        return None
    if row.target is None or row.assignment_policy is None:
        raise ValueError("it does not say to whom and by which policy it was assigned")
    return Sighting(
        row.id, row.target.object_id or "", row.assignment_policy.id, _ends(row.schedule), _is_automatic(row.status)
    )


@lru_cache(maxsize=100)
def _is_delivered(state: str | None) -> bool:
    known = _ASSIGNMENT_STATES.get((state or "").casefold(), AssignmentState.UNKNOWN)
    if known is AssignmentState.UNKNOWN:
        raise ValueError("its state is not one that we know")
    return known is AssignmentState.DELIVERED


@lru_cache(maxsize=100)
def _is_automatic(status: str | None) -> bool:
    return status is not None and status.casefold().startswith("autoassignment")


def followed(row: AssignmentRequest) -> Followed:
    """Return the port's view of a request."""
    kind = row.request_type or ""
    target = row.assignment.target if row.assignment else None
    user = (target and target.object_id) or (row.requestor and row.requestor.object_id) or ""
    return Followed(
        request=row.id,
        kind=kind[:1].lower() + kind[1:],
        state=state_of(row),
        status=row.status or "",
        token=token_in(row.justification),
        user=user,
        assignment=row.assignment.id if row.assignment else "",
        created_at=at(row.created_date_time),
        completed_at=at(row.completed_date_time),
    )


def state_of(row: AssignmentRequest) -> RequestState:
    """Return the state, `unknown` for one that Graph has and we do not know."""
    return _REQUEST_STATES.get((row.state or "").casefold(), RequestState.UNKNOWN)


def _by_name[E: StrEnum](states: type[E]) -> dict[str, E]:
    return {state.value.casefold(): state for state in states}


# Graph spells a state `delivered` here and `Delivered` there.
_ASSIGNMENT_STATES = _by_name(AssignmentState)
_REQUEST_STATES = _by_name(RequestState)


def _assignment(request: Request) -> dict[str, str]:
    match request.kind:
        case "adminAdd":
            ids = {
                "targetId": request.user,
                "assignmentPolicyId": request.policy,
                "accessPackageId": request.package,
            }
        case "adminUpdate" | "adminRemove":
            ids = {"id": request.assignment}
        case _:
            raise ValueError(f"{request.kind} is not a request that this app posts")
    if missing := [name for name, value in ids.items() if not value]:
        raise ValueError(f"{request.kind} needs {', '.join(missing)}")
    return ids


def _schedule(request: Request) -> dict[str, Any]:
    schedule: dict[str, Any] = {}
    if request.starts is not None:
        schedule["startDateTime"] = instant(request.starts)
    if request.ends is None:
        schedule["expiration"] = {"type": "noExpiration"}
    else:
        schedule["expiration"] = {"type": "afterDateTime", "endDateTime": instant(request.ends)}
    return schedule


def _ends(schedule: Schedule | None) -> datetime | None:
    expiration = schedule.expiration if schedule is not None else None
    if expiration is not None and expiration.type == "afterDateTime" and expiration.end_date_time is not None:
        return _end_at(expiration.end_date_time)
    if expiration is None or (kind := (expiration.type or "").casefold()) == "noexpiration":
        return None
    if expiration.end_date_time is not None:
        return at(expiration.end_date_time)
    _, ends = _bounds(schedule)
    if ends is None and kind.startswith("after"):
        raise ValueError("it ends, but does not say when")
    return ends


@lru_cache(maxsize=10_000)
def _end_at(text: str) -> datetime | None:
    """Return the instant of an end; many rows end together, at a midnight, and a sweep reads a million."""
    return at(text)


def _bounds(schedule: Schedule | None) -> tuple[datetime | None, datetime | None]:
    if schedule is None:
        return None, None
    starts = at(schedule.start_date_time)
    expiration = schedule.expiration
    if expiration is None or (expiration.type or "").casefold() == "noexpiration":
        return starts, None
    if expiration.end_date_time is None and expiration.duration is not None and starts is not None:
        return starts, starts + msgspec.convert(expiration.duration, timedelta)
    return starts, at(expiration.end_date_time)
