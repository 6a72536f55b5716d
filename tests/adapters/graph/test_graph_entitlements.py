import hashlib
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.adapters.graph import GraphEntitlements, GraphUsers, ListingMode
from lifecycle.errors import Ambiguous, LifecycleError, Refused, Transient
from lifecycle.ports import AlreadyOpen, AssignmentState, Followed, Listed, Request, RequestState, Submitted, User, Wire
from tests.adapters.graph.script import (
    BASE,
    EM,
    OTHER,
    PACKAGE,
    POLICY,
    USER,
    Script,
    assignment,
    created,
    error,
    page,
    sent,
)

SINCE = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADD = Request(kind="adminAdd", package=PACKAGE, token="op-1", justification="joined", user=USER, policy=POLICY)


def request_row(id_: str = "rq-1", **changes):
    return {
        "id": id_,
        "requestType": "AdminAdd",
        "state": "Delivering",
        "status": "Accepted",
        "createdDateTime": "2026-03-01T12:00:00Z",
        "completedDateTime": None,
        "justification": "joined [op-1]",
        "requestor": {"id": "s", "objectId": USER},
        "assignment": {"id": "as-1", "target": {"id": "s", "objectId": USER}},
        **changes,
    }


async def test_an_assignment_as_the_verbs_see_it():
    """One list tells package, policy, user, state and both ends, in the caller's spelling."""
    graph = Script(page([assignment(package=PACKAGE.upper(), user=USER.upper(), state="Delivered")]))
    found = await GraphEntitlements(graph.client()).assignments_of(USER, [PACKAGE])
    assert found == [
        Listed(
            id="as-1",
            package=PACKAGE,
            policy=POLICY,
            user=USER,
            state=AssignmentState.DELIVERED,
            status="Delivered",
            starts=datetime(2026, 1, 2, tzinfo=UTC),
            ends=datetime(2026, 6, 30, 22, 0, 0, 123456, tzinfo=UTC),
        )
    ]
    assert graph.requests[0].url.path == f"{EM}/assignments"
    assert dict(graph.requests[0].url.params) == {
        "$expand": "accessPackage,assignmentPolicy,target",
        "$filter": f"target/objectId eq '{USER}'",
    }


async def test_directory_mode_lists_a_person_once():
    """With a permission on the directory one list serves all packages, and other packages are left out."""
    graph = Script(page([assignment("1"), assignment("2", package=OTHER), assignment("3", package="unmanaged")]))
    found = await GraphEntitlements(graph.client()).assignments_of(USER, {PACKAGE, OTHER})
    assert [row.id for row in found] == ["1", "2"]
    assert len(graph.requests) == 1


async def test_catalog_mode_lists_each_package():
    """With catalog roles alone every list names its package, as Graph demands of them."""
    graph = Script(page([assignment("1")]), page([assignment("2", package=OTHER)]))
    found = await GraphEntitlements(graph.client(ListingMode.CATALOG)).assignments_of(USER, [PACKAGE, OTHER])
    assert [row.id for row in found] == ["1", "2"]
    assert graph.filters == [
        f"accessPackage/id eq '{PACKAGE}' and target/objectId eq '{USER}'",
        f"accessPackage/id eq '{OTHER}' and target/objectId eq '{USER}'",
    ]


@pytest.mark.parametrize("mode", ListingMode)
async def test_no_packages_need_no_call(mode):
    """Who is interested in no package asks Graph nothing."""
    assert await GraphEntitlements(Script().client(mode)).assignments_of(USER, []) == []


async def test_expired_and_odd_assignments_are_told():
    """Expired rows come along, an unknown state is `unknown`, and what never ends has no end."""
    never = {
        "startDateTime": None,
        "expiration": {"type": "NoExpiration", "endDateTime": "9999-12-31T23:59:59.9999999Z"},
    }
    ninety = {"startDateTime": "2026-01-01T00:00:00Z", "expiration": {"type": "afterDuration", "duration": "P90D"}}
    rows = [
        assignment("1", state="expired", expiredDateTime="2026-02-01T00:00:00Z", schedule=None),
        assignment("2", state="suspended", schedule=never),
        assignment("3", state=None, schedule=ninety, assignmentPolicy=None, status=None),
        assignment("4", state="Expired", accessPackage=None),
    ]
    one, two, three = await GraphEntitlements(Script(page(rows)).client()).assignments_of(USER, [PACKAGE])
    assert (one.state, one.expired_at) == (AssignmentState.EXPIRED, datetime(2026, 2, 1, tzinfo=UTC))
    assert (two.state, two.starts, two.ends) == (AssignmentState.UNKNOWN, None, None)
    assert (three.state, three.ends) == (AssignmentState.UNKNOWN, datetime(2026, 4, 1, tzinfo=UTC))
    assert (three.policy, three.status) == ("", "")


@pytest.mark.parametrize(
    "row",
    [
        assignment(user=OTHER),
        assignment(target=None),
        assignment(target={"id": "s", "objectId": None}),
        assignment(accessPackage=None),
        assignment(expiredDateTime="yesterday"),
        assignment(expiredDateTime="2026-01-01T00:00:00"),
    ],
)
async def test_a_row_that_cannot_be_told_safely_is_no_row_left_out(row):
    """Another person's row, a row without its package or an unreadable time raises; the list is not cut short."""
    with pytest.raises(Transient):
        await GraphEntitlements(Script(page([assignment(), row])).client()).assignments_of(USER, [PACKAGE])


async def test_a_request_taken():
    """201 gives the request's id and state, and what the evidence keeps of the wire."""
    graph = Script(created())
    submitted = await GraphEntitlements(graph.client()).submit(ADD)
    digest = hashlib.sha256(graph.requests[0].content).hexdigest()
    assert submitted == Submitted("rq-1", RequestState.SUBMITTED, Wire(201, "rid-1", "op-1", digest))
    assert sent(graph.requests[0])["assignment"]["targetId"] == USER


@pytest.mark.parametrize(("code", "inner"), [("ExistingOpenRequest", ""), ("BadRequest", "ExistingOpenRequest")])
async def test_an_open_request_counts_as_found(code, inner):
    """ExistingOpenRequest, outside or inside, is an outcome and no error."""
    outcome = await GraphEntitlements(Script(error(400, code, inner)).client()).submit(ADD)
    assert isinstance(outcome, AlreadyOpen)
    assert (outcome.wire.status, outcome.wire.request_id, outcome.wire.client_request_id) == (400, "rid-1", "op-1")


@pytest.mark.parametrize(
    ("steps", "status", "request_id"),
    [
        ([httpx.ReadTimeout("slow")], 0, ""),
        ([error(504, "GatewayTimeout")], 504, "rid-1"),
        ([error(429, "TooManyRequests")] * 9, 429, "rid-1"),
        ([error(400, "BadRequest")], 400, "rid-1"),
        ([error(403, "Forbidden")], 403, "rid-1"),
        ([httpx.ConnectError("nobody")] * 9, 0, ""),
        ([httpx.Response(201, content=b"{}", headers={"request-id": "rid-2"})], 201, "rid-2"),
    ],
    ids=["no answer", "gateway", "throttled", "refused", "forbidden", "no connection", "unreadable"],
)
async def test_whatever_goes_wrong_says_what_was_on_the_wire(steps, status, request_id):
    """The evidence of a failure has both ids, the status and the hash of the body, as far as they are known."""
    graph = Script(*steps)
    with pytest.raises(LifecycleError) as raised:
        await GraphEntitlements(graph.client()).submit(ADD)
    digest = hashlib.sha256(graph.requests[0].content).hexdigest()
    assert raised.value.wire == Wire(status, request_id, "op-1", digest)


async def test_a_conflict_keeps_its_code():
    """409 on an add is refused with Graph's code; the verb reads again."""
    with pytest.raises(Refused) as raised:
        await GraphEntitlements(Script(error(409, "DuplicateKey")).client()).submit(ADD)
    assert (raised.value.status, raised.value.code) == (409, "DuplicateKey")


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b'{"id": ""}', b'{"id": null}'])
async def test_a_taken_request_without_an_id_is_ambiguous(body):
    """When Graph took a request but its answer cannot be read, nobody may post it again."""
    with pytest.raises(Ambiguous):
        await GraphEntitlements(Script(httpx.Response(201, content=body)).client()).submit(ADD)


async def test_a_request_is_followed_by_its_id():
    """A request tells kind, state, token, user and assignment."""
    graph = Script(httpx.Response(200, json=request_row()))
    found = await GraphEntitlements(graph.client()).request("rq-1")
    assert found == Followed(
        request="rq-1",
        kind="adminAdd",
        state=RequestState.DELIVERING,
        status="Accepted",
        token="op-1",
        user=USER,
        assignment="as-1",
        created_at=SINCE,
    )
    assert graph.requests[0].url.path == f"{EM}/assignmentRequests/rq-1"
    assert graph.requests[0].url.params["$expand"] == "requestor,assignment($expand=target)"


async def test_a_request_of_which_little_is_there_yet():
    """Before its assignment exists, a request tells the user by its requestor and nobody by nothing."""
    bare = request_row(assignment=None, createdDateTime=None, justification=None, state=None)
    found = await GraphEntitlements(Script(httpx.Response(200, json=bare)).client()).request("rq-1")
    assert found is not None
    assert (found.user, found.assignment, found.token, found.state) == (USER, "", "", RequestState.UNKNOWN)
    nobody = request_row(assignment=None, requestor=None)
    found = await GraphEntitlements(Script(httpx.Response(200, json=nobody)).client()).request("rq-1")
    assert found is not None
    assert found.user == ""


async def test_a_request_that_graph_does_not_have():
    """Graph's own 404 is None; a gateway's is an error."""
    graph = GraphEntitlements(Script(error(404, "ResourceNotFound"), httpx.Response(404, text="no such site")).client())
    assert await graph.request("rq-1") is None
    with pytest.raises(Refused):
        await graph.request("rq-1")


async def test_requests_for_a_package_since_an_instant():
    """The filter is the documented `gt`, a second early; what came before is left out, what has no time is kept."""
    rows = [
        request_row("old", createdDateTime="2026-03-01T11:59:59.5Z"),
        request_row("now"),
        request_row("new", createdDateTime=None),
    ]
    graph = Script(page(rows))
    found = await GraphEntitlements(graph.client()).requests_for(PACKAGE, since=SINCE)
    assert [(row.request, row.token) for row in found] == [("now", "op-1"), ("new", "op-1")]
    assert graph.filters == [f"accessPackage/id eq '{PACKAGE}' and createdDateTime gt 2026-03-01T11:59:59Z"]


async def test_a_tenant_that_refuses_the_joint_filter_is_asked_by_package():
    """After InvalidFilter the package alone is asked for, and the joint filter not tried again."""
    graph = Script(error(400, "InvalidFilter"), page([request_row()]), page())
    entitlements = GraphEntitlements(graph.client())
    assert len(await entitlements.requests_for(PACKAGE, since=SINCE)) == 1
    assert await entitlements.requests_for(PACKAGE, since=SINCE) == []
    assert graph.filters[1:] == [f"accessPackage/id eq '{PACKAGE}'"] * 2


async def test_another_refusal_of_requests_is_raised():
    """Only InvalidFilter leads to the wider list."""
    graph = Script(error(403, "AccessDenied"))
    with pytest.raises(Refused):
        await GraphEntitlements(graph.client()).requests_for(PACKAGE, since=SINCE)
    assert len(graph.requests) == 1


async def test_the_policies_that_assign_by_themselves():
    """A policy assigns by itself when its settings say so or leave it open; the list is read once and kept."""
    rows = [
        {"id": "direct", "automaticRequestSettings": None},
        {"id": "absent"},
        {"id": "off", "automaticRequestSettings": {"requestAccessForAllowedTargets": False}},
        {"id": "on", "automaticRequestSettings": {"requestAccessForAllowedTargets": True}},
        {"id": "open", "automaticRequestSettings": {}},
    ]
    graph = Script(page(rows))
    entitlements = GraphEntitlements(graph.client())
    assert await entitlements.auto_policies() == {"on", "open"}
    assert await entitlements.auto_policies() == {"on", "open"}
    assert graph.requests[0].url.path == f"{EM}/assignmentPolicies"


def user_row(**changes):
    row = {"id": USER, "employeeId": "O'Brien", "userPrincipalName": "o'b@example.org", "accountEnabled": False}
    return {**row, **changes}


async def test_users_of_an_employee_id():
    """Every user of an employeeId is returned; a quote in it cannot leave the filter."""
    graph = Script(page([user_row(), user_row(id="2")], f"{BASE}/users?$skiptoken=x"), page([user_row(id="3")]))
    found = await GraphUsers(graph.client()).by_employee_id("O'Brien")
    assert [user.id for user in found] == [USER, "2", "3"]
    assert found[0] == User(USER, "O'Brien", "o'b@example.org", enabled=False)
    assert dict(graph.requests[0].url.params) == {
        "$filter": "employeeId eq 'O''Brien'",
        "$select": "id,employeeId,userPrincipalName,accountEnabled",
    }


async def test_the_user_of_a_principal_name():
    """A principal name has one user or none; its case does not matter."""
    graph = Script(page([user_row(employeeId=None)]), page())
    users = GraphUsers(graph.client())
    found = await users.by_principal_name("O'B@example.org")
    assert found is not None
    assert (found.id, found.employee_id) == (USER, None)
    assert await users.by_principal_name("a_b#EXT#@example.org") is None
    assert graph.filters == ["userPrincipalName eq 'O''B@example.org'", "userPrincipalName eq 'a_b#EXT#@example.org'"]


@pytest.mark.parametrize("rows", [[user_row(userPrincipalName="eve@example.org")], [user_row(), user_row(id="2")]])
async def test_another_persons_user_is_no_answer(rows):
    """A user who is not the one asked for, or two of one name, raise."""
    with pytest.raises(Transient):
        await GraphUsers(Script(page(rows)).client()).by_principal_name("o'b@example.org")


async def test_nobody_is_asked_for_without_a_key():
    """An empty employee id or name finds nobody and asks nothing."""
    users = GraphUsers(Script().client())
    assert await users.by_employee_id("") == []
    assert await users.by_principal_name("") is None


@given(st.text(min_size=1, max_size=40))
async def test_any_employee_id_arrives_as_it_was_given(employee_id):
    """Whatever HR calls somebody, Graph reads one literal that says exactly that, and no other option."""
    graph = Script(page())
    await GraphUsers(graph.client()).by_employee_id(employee_id)
    params = dict(graph.requests[0].url.params)
    assert set(params) == {"$filter", "$select"}
    assert params["$filter"] == "employeeId eq '" + employee_id.replace("'", "''") + "'"
