import asyncio
import importlib
from datetime import timedelta

import httpx
import msgspec
import pytest
from azure.core.exceptions import ClientAuthenticationError

from lifecycle.adapters.graph import GraphClient, ListingMode, StaticToken, permissions_for, wire
from lifecycle.adapters.graph.permissions import (
    APPROVAL,
    ASSIGNMENT,
    ASSIGNMENTS,
    AUDITS,
    CATALOG,
    CHECKED,
    DECISIONS,
    GRANTS,
    INSTANCES,
    PACKAGE,
    POLICIES,
    POLICY,
    REQUEST,
    REQUESTS,
    REVIEWS,
    TABLE,
    USER,
    USERS,
)
from lifecycle.errors import Ambiguous, Misconfigured, Permanent, Refused, Throttled, Transient
from tests.adapters.graph.script import BASE, EM, Credential, Script, assignment, created, error, page

EM_BUILDERS = "identity_governance.entitlement_management"
REVIEW_BUILDERS = "identity_governance.access_reviews.definitions"
# What the SDK calls the ids in its templates.
IDS = {
    "accessPackageAssignmentRequest%2Did": "id",
    "accessPackageAssignmentPolicy%2Did": "id",
    "accessReviewScheduleDefinition%2Did": "definition",
    "accessReviewInstance%2Did": "instance",
    "accessPackageCatalog%2Did": "id",
    "accessPackage%2Did": "id",
    "approval%2Did": "id",
    "user%2Did": "id",
    "accessPackageAssignment%2Did": "id",
}
BUILDERS = {
    ASSIGNMENT: (
        f"{EM_BUILDERS}.assignments.item.access_package_assignment_item_request_builder",
        "AccessPackageAssignmentItemRequestBuilder",
    ),
    PACKAGE: (
        f"{EM_BUILDERS}.access_packages.item.access_package_item_request_builder",
        "AccessPackageItemRequestBuilder",
    ),
    AUDITS: ("audit_logs.directory_audits.directory_audits_request_builder", "DirectoryAuditsRequestBuilder"),
    USERS: ("users.users_request_builder", "UsersRequestBuilder"),
    ASSIGNMENTS: (f"{EM_BUILDERS}.assignments.assignments_request_builder", "AssignmentsRequestBuilder"),
    POLICIES: (
        f"{EM_BUILDERS}.assignment_policies.assignment_policies_request_builder",
        "AssignmentPoliciesRequestBuilder",
    ),
    POLICY: (
        f"{EM_BUILDERS}.assignment_policies.item.access_package_assignment_policy_item_request_builder",
        "AccessPackageAssignmentPolicyItemRequestBuilder",
    ),
    REVIEWS: (f"{REVIEW_BUILDERS}.definitions_request_builder", "DefinitionsRequestBuilder"),
    INSTANCES: (f"{REVIEW_BUILDERS}.item.instances.instances_request_builder", "InstancesRequestBuilder"),
    DECISIONS: (
        f"{REVIEW_BUILDERS}.item.instances.item.decisions.decisions_request_builder",
        "DecisionsRequestBuilder",
    ),
    REQUESTS: (
        f"{EM_BUILDERS}.assignment_requests.assignment_requests_request_builder",
        "AssignmentRequestsRequestBuilder",
    ),
    REQUEST: (
        f"{EM_BUILDERS}.assignment_requests.item.access_package_assignment_request_item_request_builder",
        "AccessPackageAssignmentRequestItemRequestBuilder",
    ),
    USER: ("users.item.user_item_request_builder", "UserItemRequestBuilder"),
    CATALOG: (
        f"{EM_BUILDERS}.catalogs.item.access_package_catalog_item_request_builder",
        "AccessPackageCatalogItemRequestBuilder",
    ),
    APPROVAL: (
        f"{EM_BUILDERS}.access_package_assignment_approvals.item.approval_item_request_builder",
        "ApprovalItemRequestBuilder",
    ),
    GRANTS: (
        "role_management.entitlement_management.role_assignments.role_assignments_request_builder",
        "RoleAssignmentsRequestBuilder",
    ),
}
FAILURES_OF_A_SERVER = [500, 502, 504, 408]


async def listed(client: GraphClient) -> list[wire.Assignment]:
    return await client.rows(ASSIGNMENTS, wire.assignments)


async def test_a_read_is_repeated_with_growing_pauses_until_it_succeeds():
    """A read goes on through every passing status, waiting longer each time."""
    graph = Script(error(500), error(502), error(504), page([assignment()]))
    assert [row.id for row in await listed(graph.client())] == ["as-1"]
    assert graph.slept == sorted(graph.slept)
    assert 1 <= graph.slept[0] <= 2 < graph.slept[2] <= 6


@pytest.mark.parametrize("status", [429, 503, *FAILURES_OF_A_SERVER])
async def test_a_read_that_never_succeeds_is_transient(status):
    """A read gives up after the last attempt and never looks like an empty list."""
    graph = Script(*[error(status) for _ in range(4)])
    with pytest.raises(Transient):
        await listed(graph.client())
    assert len(graph.requests) == 4


@pytest.mark.parametrize("broken", [httpx.ReadTimeout("x"), httpx.ReadError("x"), httpx.ConnectError("x")])
async def test_a_read_without_an_answer_is_repeated_then_transient(broken):
    """A timeout, a reset and a refused connection are repeated for a read, then raised as ours."""
    with pytest.raises(Transient) as raised:
        await listed(Script(broken, broken, broken, broken).client())
    assert raised.value.__cause__ is broken
    graph = Script(broken, page([assignment()]))
    assert len(await listed(graph.client())) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7),
        ({"retry_after": "Sun, 01 Mar 2026 00:00:09 GMT", "date": "Sun, 01 Mar 2026 00:00:00 GMT"}, 9),
        ({"retry_after": "Sun, 01 Mar 2026 00:00:00 GMT", "date": "Sun, 01 Mar 2026 00:00:05 GMT"}, 0),
    ],
)
async def test_retry_after_is_honoured(headers, seconds):
    """Retry-After is slept exactly, in seconds or as a date counted from the answer's own Date."""
    graph = Script(error(429, "TooManyRequests", **headers), page())
    await listed(graph.client())
    assert graph.slept == [seconds]


@pytest.mark.parametrize(
    "text", ["soon", "-5", "1e9", "9" * 400, "Sun, 99 Mar 2026 00:00:00 GMT", "Sun, 01 Mar 2026 00:00:09 -0000"]
)
async def test_a_retry_after_that_cannot_be_read_is_no_retry_after(text):
    """A hostile Retry-After falls back to growing pauses."""
    graph = Script(error(429, retry_after=text, date="Sun, 01 Mar 2026 00:00:00 GMT"), page())
    await listed(graph.client())
    assert 1 <= graph.slept[0] <= 2


@pytest.mark.parametrize("status", [429, 503])
async def test_a_wait_beyond_patience_is_raised_instead_of_slept(status):
    """When Graph asks for more than our patience, nobody sleeps and the wait is told."""
    graph = Script(error(status, retry_after="300"))
    with pytest.raises(Throttled) as raised:
        await listed(graph.client())
    assert raised.value.retry_after == timedelta(seconds=300)
    assert graph.slept == []


@pytest.mark.parametrize(
    "step",
    [
        *FAILURES_OF_A_SERVER,
        httpx.ReadTimeout("x"),
        httpx.ReadError("x"),
        httpx.RemoteProtocolError("x"),
        httpx.WriteError("x"),
    ],
)
async def test_a_post_that_may_have_been_done_is_sent_once(step):
    """After a timeout, a reset or a server's failure a POST is ambiguous, and never repeated."""
    graph = Script(step if isinstance(step, Exception) else error(step, retry_after="1"))
    with pytest.raises(Ambiguous):
        await graph.client().post(REQUESTS, b"{}", token="op-1")
    assert len(graph.requests) == 1


@pytest.mark.parametrize("step", [error(429), error(503), httpx.ConnectError("x"), httpx.ConnectTimeout("x")])
async def test_a_post_that_was_certainly_not_done_is_repeated(step):
    """429, 503 and a connection that never came about mean that a POST was not done."""
    graph = Script(step, created())
    assert (await graph.client().post(REQUESTS, b"{}", token="op-1")).status == 201
    assert len(graph.requests) == 2


async def test_a_post_that_is_throttled_to_the_end_is_throttled():
    """A POST that meets 429 at every attempt was not done, and says how long to wait."""
    graph = Script(*[error(429, retry_after="3") for _ in range(4)])
    with pytest.raises(Throttled) as raised:
        await graph.client().post(REQUESTS, b"{}", token="op-1")
    assert (raised.value.retry_after, graph.slept) == (timedelta(seconds=3), [3, 3, 3])


async def test_no_token_means_not_sent():
    """A credential that fails is transient for a POST, since no byte was sent."""
    graph = Script()
    with pytest.raises(Transient) as raised:
        await graph.client(credential=Credential(ClientAuthenticationError("secret text"))).post(
            REQUESTS, b"{}", token="op-1"
        )
    assert not isinstance(raised.value, Ambiguous)
    assert "secret text" not in str(raised.value)
    assert graph.requests == []


async def test_the_headers_that_every_request_carries():
    """Each request has its token, asks for unknown enum members, and a POST says our operation id."""
    credential = Credential()
    graph = Script(created(), page())
    client = graph.client(credential=credential)
    await client.post(REQUESTS, b"{}", token="op-1")
    await listed(client)
    post, get = (request.headers for request in graph.requests)
    assert post["client-request-id"] == "op-1"
    assert post["content-type"] == "application/json"
    assert post["prefer"] == get["prefer"] == "include-unknown-enum-members"
    assert post["authorization"] == get["authorization"] == "Bearer secret"
    assert set(credential.scopes) == {"https://graph.microsoft.com/.default"}
    assert graph.requests[0].url == f"{BASE}/identityGovernance/entitlementManagement/assignmentRequests"


async def test_pages_are_followed_past_an_empty_one():
    """An empty page with a next link is no end; the SDK's own iterator stops there."""
    link = f"{BASE}/identityGovernance/entitlementManagement/assignments?$skiptoken=a%2Bb%3D%27"
    graph = Script(page([assignment("1")], f"{link}1"), page([], f"{link}2"), page([assignment("3")]))
    rows = await graph.client().rows(ASSIGNMENTS, wire.assignments, query={"filter": "x"})
    assert [row.id for row in rows] == ["1", "3"]
    assert [str(request.url) for request in graph.requests[1:]] == [f"{link}1", f"{link}2"]


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1.0/x",
        "http://graph.microsoft.com/v1.0/x",
        "https://graph.microsoft.com:8443/v1.0/x",
        "https://graph.microsoft.com@evil.example/x",
        "https://graph.microsoft.com.evil.example/x",
        "https://[broken/x",
        "/v1.0/x",
    ],
)
async def test_a_next_link_to_another_host_is_not_followed(link):
    """A next link that leaves Graph's host, scheme or port raises before anything is sent there."""
    graph = Script(page([assignment()], link))
    with pytest.raises(Permanent, match="another host"):
        await listed(graph.client())
    assert len(graph.requests) == 1


async def test_a_circle_of_pages_is_noticed():
    """A next link that was followed before raises instead of going round."""
    graph = Script(page([], f"{BASE}/x?1"), page([], f"{BASE}/x?2"), page([], f"{BASE}/x?1"))
    with pytest.raises(Permanent, match="read before"):
        await listed(graph.client())


async def test_pages_without_end_are_bounded():
    """More pages than the bound raise: a cut list is never returned."""
    graph = Script(*[page([], f"{BASE}/x?{number}") for number in range(3)])
    with pytest.raises(Permanent, match="more than 3 pages"):
        await listed(graph.client(max_pages=3))
    assert len(graph.requests) == 3


@pytest.mark.parametrize("body", [b"{}", b"", b"<html>gateway</html>", b'{"value": null}', b'{"value": [{}]}', b"\xff"])
async def test_a_page_that_cannot_be_read_is_no_empty_page(body):
    """A page without `value`, or of something else than JSON, raises."""
    graph = Script(httpx.Response(200, content=body))
    with pytest.raises(Transient, match="cannot be read"):
        await listed(graph.client())


@pytest.mark.parametrize("status", [301, 302, 304, 307])
async def test_a_redirect_is_neither_followed_nor_a_list(status):
    """What stands in the body of a redirect or of "not modified" is no answer, and nothing goes to its location."""
    graph = Script(httpx.Response(status, headers={"location": "https://evil.example/"}, json={"value": []}))
    with pytest.raises(Refused):
        await listed(graph.client())
    assert len(graph.requests) == 1


async def test_no_content_is_no_empty_list():
    """An answer without content raises."""
    with pytest.raises(Transient):
        await listed(Script(httpx.Response(204)).client())


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("mode", "needed"),
    [
        (ListingMode.DIRECTORY, "EntitlementManagement.Read.All"),
        (ListingMode.CATALOG, "Access package assignment manager"),
    ],
)
async def test_a_missing_permission_says_which_and_how_to_grant_it(status, mode, needed):
    """401 and 403 name the permission of the table for this endpoint and mode, and never Graph's own text."""
    graph = Script(error(status, "Authorization_RequestDenied"))
    with pytest.raises(Refused, match=needed) as raised:
        await listed(graph.client(mode))
    assert (raised.value.status, raised.value.code) == (status, "Authorization_RequestDenied")
    assert "principalId" in str(raised.value) or "consent" in str(raised.value)
    assert "Erika" not in str(raised.value)


async def test_a_refusal_keeps_ids_only():
    """Another 4xx is refused at once with status, innermost code and Graph's request id."""
    graph = Script(error(400, "BadRequest", "InvalidFilter"))
    with pytest.raises(Refused) as raised:
        await listed(graph.client())
    refused = raised.value
    assert (refused.status, refused.code, refused.request_id) == (400, "InvalidFilter", "rid-1")
    assert "Erika" not in str(refused)


@pytest.mark.parametrize("code", ["<script>", "a b", "x" * 101, "Erika Mustermann"])
async def test_a_code_that_is_no_code_is_dropped(code):
    """Text in the place of an error code goes into no message."""
    with pytest.raises(Refused) as raised:
        await listed(Script(error(400, code)).client())
    assert raised.value.code == ""
    assert code not in str(raised.value)


async def test_an_unmapped_endpoint_is_refused_before_a_byte_is_sent():
    """An endpoint that the table does not have never reaches the wire."""
    graph = Script()
    with pytest.raises(Misconfigured, match="GET /groups"):
        await graph.client().get("/groups", msgspec.json.Decoder(dict))
    for path in CHECKED:
        with pytest.raises(Misconfigured, match="POST"):
            await graph.client().post(path, b"{}", token="op-1")
    with pytest.raises(Misconfigured, match="POST /users"):
        await graph.client().post(USERS, b"{}", token="op-1")
    assert graph.requests == []


@pytest.mark.parametrize("id_", ["", "..", "a/b", "../users", "a?b", "x" * 101])
async def test_an_id_that_would_lead_elsewhere_is_not_sent(id_):
    """What stands in a path is an id, or nothing is sent."""
    graph = Script()
    with pytest.raises(Permanent):
        await graph.client().get(REQUEST, wire.request, ids={"id": id_})
    assert graph.requests == []


def test_the_permissions_of_each_mode():
    """Directory-wide reading needs one permission more than catalog roles; writing needs the role in both."""
    directory, catalog = ([p.name for p in permissions_for(mode)] for mode in ListingMode)
    role, reviews = "Access package assignment manager", "AccessReview.Read.All"
    assert directory == ["User.Read.All", "EntitlementManagement.Read.All", role, reviews]
    assert catalog == ["User.Read.All", role, reviews]
    for mode, needed in zip(ListingMode, (directory, catalog), strict=True):
        assert [one.name for one in permissions_for(mode, packets=True)] == [*needed, "AuditLog.Read.All"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the SDK's builders use what the SDK deprecates
@pytest.mark.parametrize("path", sorted({path for _, path in TABLE} | set(CHECKED)))
def test_our_paths_are_those_of_the_sdk(path):
    """Every path of the table is the template of the SDK's request builder for it."""
    module, name = BUILDERS[path]
    builder = getattr(importlib.import_module(f"msgraph.generated.{module}"), name)
    template = builder(object(), {}).url_template.partition("{?")[0]
    for theirs, ours in IDS.items():
        template = template.replace(theirs, ours)
    assert template == "{+baseurl}" + path


def test_a_static_token_stays_on_this_machine():
    """The sandbox's token is refused for any other host, and so is plain http with a real credential."""
    for url in [BASE, "https://127.0.0.1.evil.example", "http://localhost@evil.example"]:
        with pytest.raises(Misconfigured, match="static token"):
            GraphClient(StaticToken("t"), base_url=url)
    with pytest.raises(Misconfigured, match="https"):
        GraphClient(Credential(), base_url="http://graph.microsoft.com/v1.0")


async def test_a_static_token_is_sent_to_loopback():
    """The sandbox's Graph gets the static token over plain http."""
    graph = Script(page())
    await listed(graph.client(credential=StaticToken("sandbox"), base_url="http://127.0.0.1:7071/v1.0/"))
    assert graph.requests[0].headers["authorization"] == "Bearer sandbox"
    assert str(graph.requests[0].url) == f"http://127.0.0.1:7071{EM}/assignments"


async def test_the_throttle_share_is_kept():
    """How much of the limit is used up is known after an answer that says so, and forgotten after one that does not."""
    full = page()
    full.headers["x-ms-throttle-limit-percentage"] = "0.85"
    odd = page()
    odd.headers["x-ms-throttle-limit-percentage"] = "nan"
    client = Script(full, page(), odd).client()
    shares = []
    for _ in range(3):
        await listed(client)
        shares.append(client.throttle)
    assert shares == [0.85, 0, 0]


async def test_calls_side_by_side_do_not_share_their_retries():
    """Many calls at once, each of which fails at first, all come to their own answer."""
    graph = Script()
    failed: set[str] = set()

    async def fail_once(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        name = request.url.params["$filter"]
        if name not in failed:
            failed.add(name)
            return error(503, retry_after="1")
        return page([assignment(name)])

    graph.answer = fail_once
    client = graph.client()
    reads = [client.rows(ASSIGNMENTS, wire.assignments, query={"filter": str(number)}) for number in range(20)]
    assert [rows[0].id for rows in await asyncio.gather(*reads)] == [str(number) for number in range(20)]
    assert graph.slept == [1.0] * 20


async def test_connections_are_kept_from_call_to_call():
    """Within one event loop the connections are made once."""
    client = Script(page(), page()).client()
    await listed(client)
    kept = client._pipeline()
    await listed(client)
    assert client._pipeline() is kept


def test_each_event_loop_has_its_own_connections():
    """One client serves one event loop after another."""
    graph = Script(page(), page())
    client = graph.client()

    async def once() -> None:
        await listed(client)
        await client.close()

    asyncio.run(once())
    asyncio.run(once())
    assert len(graph.requests) == 2


async def test_a_closed_client_opens_again():
    """After `close` the next call opens new connections; closing twice is fine."""
    graph = Script(page(), page())
    client = graph.client()
    await listed(client)
    await client.close()
    await client.close()
    assert await listed(client) == []


async def test_a_429_shows_until_the_next_call():
    """A 429 that was retried inside leaves 1, whatever the answer after it says; the next call tells anew."""
    quiet, warning = page(), page()
    warning.headers["x-ms-throttle-limit-percentage"] = "0.85"
    client = Script(
        error(429), quiet, page(), warning, error(429, retry_after="300"), error(503, retry_after="300")
    ).client()
    shares = []
    for _ in range(3):
        await listed(client)
        shares.append(client.throttle)
    for _ in range(2):
        with pytest.raises(Throttled):
            await listed(client)
        shares.append(client.throttle)
    assert shares == [1.0, 0.0, 0.85, 1.0, 0.0]
