"""Reads the body of `POST assignmentRequests` and accepts or refuses it; changes nothing.

Bodies are read strictly: an unknown property is refused, as Graph does, because a snake_case key that is quietly
ignored would grant nothing. Documented or seen are `ExistingOpenRequest`, 404 for the removal of a missing assignment
and 409 for a duplicate (the last with low confidence); the other codes are this simulator's choice.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from sandbox.graph import schedule
from sandbox.graph.model import Assignment, GraphError, Policy, Request, Schedule, guid
from sandbox.graph.rows import State
from sandbox.graph.schedule import ScheduleBody

DELEGATED = {"userAdd", "userUpdate", "userRemove"}


class AssignmentBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The assignment that a request names: three ids to add, its own id to update or remove."""

    id: str | None = None
    target_id: str | None = None
    assignment_policy_id: str | None = None
    access_package_id: str | None = None
    odata_type: str | None = msgspec.field(default=None, name="@odata.type")


class ParametersBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Graph's accessPackageAssignmentRequestParameters."""

    bypass_approval: bool | None = None
    odata_type: str | None = msgspec.field(default=None, name="@odata.type")


class RequestBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """An assignment request as an application may post it."""

    request_type: str
    assignment: AssignmentBody
    justification: str | None = None
    schedule: ScheduleBody | None = None
    parameters: ParametersBody | None = None
    answers: list[Mapping[str, Any]] | None = None
    odata_type: str | None = msgspec.field(default=None, name="@odata.type")


def read(content: bytes) -> RequestBody:
    """Return the body of a request.

    Raises:
        GraphError: 400 `InvalidModel`, with the path of what does not fit.

    """
    try:
        return msgspec.json.decode(content, type=RequestBody)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise GraphError(400, "InvalidModel", f"The request body does not fit: {error}") from error


def accept(body: RequestBody, state: State, *, request_id: str, now: datetime) -> tuple[Request, bool]:
    """Return the request, submitted, and whether the policy wants an approval first.

    Raises:
        GraphError: the answer of Graph to what cannot be accepted.

    """
    asked = schedule.read(body.schedule)
    match body.request_type:
        case "adminAdd":
            request = _add(body, asked, state, request_id=request_id, now=now)
            approval = state.directory.policies[request.policy_id].approval_for_add
        case "adminUpdate":
            request = _update(body, asked, state, request_id=request_id, now=now)
            approval = state.directory.policies[request.policy_id].approval_for_update
        case "adminRemove":
            row = _row(body.assignment.id, state, missing=404)
            request = _on(row, body, asked, request_id=request_id, now=now)
            approval = False
        case other if other in DELEGATED:
            raise GraphError(403, "accessDenied", f"{other} is not supported with application permissions.")
        case other:
            raise GraphError(400, "BadRequest", f"The requestType '{other}' cannot be posted.")
    return request, approval and not (body.parameters is not None and body.parameters.bypass_approval)


def refuse_second(state: State, user_id: str, package_id: str) -> None:
    """Raise 400 `ExistingOpenRequest` when a request for this user and access package has not ended."""
    if (before := state.requests.open_of(user_id, package_id)) is not None:
        raise GraphError(
            400, "ExistingOpenRequest", f"The user has an open request for the access package: {before.id}."
        )


def _add(body: RequestBody, asked: Schedule | None, state: State, *, request_id: str, now: datetime) -> Request:
    ids = body.assignment
    user = state.directory.user(guid(ids.target_id, "assignment.targetId"))
    package = state.directory.packages.get(guid(ids.access_package_id, "assignment.accessPackageId"))
    policy = state.directory.policies.get(guid(ids.assignment_policy_id, "assignment.assignmentPolicyId"))
    if user is None:
        raise GraphError(400, "SubjectNotFound", f"No user has the id {ids.target_id}.")
    if package is None:
        raise GraphError(400, "AccessPackageNotFound", f"No access package has the id {ids.access_package_id}.")
    if policy is None:
        raise GraphError(400, "AssignmentPolicyNotFound", f"No policy has the id {ids.assignment_policy_id}.")
    if policy.package_id != package.id or policy.automatic:
        raise GraphError(400, "InvalidPolicy", "You don't meet policy requirements to request this entitlement.")
    refuse_second(state, user.id, package.id)
    for row in state.assignments.of(user.id):
        if row.policy_id == policy.id and row.state in {"delivered", "partiallyDelivered"}:
            raise GraphError(409, "Conflict", f"The user already has the assignment {row.id} by this policy.")
    schedule.check(asked, policy, start=now, now=now)
    return Request(
        request_id,
        "adminAdd",
        "submitted",
        user.id,
        package.id,
        policy.id,
        created=now,
        justification=body.justification,
        schedule=asked,
    )


def _update(body: RequestBody, asked: Schedule | None, state: State, *, request_id: str, now: datetime) -> Request:
    row = _row(body.assignment.id, state, missing=400)
    if asked is None:
        raise GraphError(400, "BadRequest", "An adminUpdate needs a schedule.")
    policy: Policy = state.directory.policies[row.policy_id]
    schedule.check(asked, policy, start=row.schedule.start or now, now=now)
    return _on(row, body, asked, request_id=request_id, now=now)


def _on(row: Assignment, body: RequestBody, asked: Schedule | None, *, request_id: str, now: datetime) -> Request:
    return Request(
        request_id,
        "adminRemove" if body.request_type == "adminRemove" else "adminUpdate",
        "submitted",
        row.user_id,
        row.package_id,
        row.policy_id,
        created=now,
        assignment_id=row.id,
        justification=body.justification,
        schedule=asked,
    )


def _row(id_: str | None, state: State, *, missing: int) -> Assignment:
    row = state.assignments.get(guid(id_, "assignment.id"))
    if row is None:
        raise GraphError(missing, "AssignmentNotFound", f"No assignment has the id {id_}.")
    if not row.live:
        raise GraphError(400, "InvalidAssignmentState", f"The assignment {id_} is {row.state}.")
    refuse_second(state, row.user_id, row.package_id)
    return row
