"""The unmodified msgraph-sdk, over a real connection, takes the simulator for Graph."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
import uvicorn
from azure.core.credentials import AccessToken
from graph_world import Clock, guid, small_tenant
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from kiota_http.middleware.options import RetryHandlerOption
from msgraph import GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph_core import GraphClientFactory

from sandbox.graph import Tenant, graph_app
from sandbox.graph.faults import Fault

pytestmark = [
    pytest.mark.slow,
    # The SDK's generated modules warn of themselves while they are imported.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


class Credential:
    """Hands out the simulator's token."""

    def get_token(self, *scopes: str, **kwargs: object) -> AccessToken:
        return AccessToken("secret", int(time.time()) + 3600)


@contextlib.asynccontextmanager
async def served(tenant: Tenant) -> AsyncIterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(graph_app(tenant), log_config=None, lifespan="off", ws="none", date_header=False)
    )
    server.capture_signals = contextlib.nullcontext
    task = asyncio.create_task(server.serve(sockets=[listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1.0"
    server.should_exit = True
    await task
    listener.close()


@pytest.fixture
async def sdk() -> AsyncIterator[tuple[Tenant, Clock, GraphRequestAdapter]]:
    clock = Clock()
    tenant = Tenant.from_yaml(small_tenant(), now=clock.now, token="secret")
    async with served(tenant) as base:
        provider = AzureIdentityAuthenticationProvider(Credential(), scopes=["scope"], allowed_hosts=["127.0.0.1"])
        transport = httpx.AsyncHTTPTransport()
        http = httpx.AsyncClient(transport=transport, timeout=10)
        adapter = GraphRequestAdapter(provider, GraphClientFactory.create_with_default_middleware(client=http))
        adapter.base_url = base
        GraphServiceClient(request_adapter=adapter)  # registers what reads JSON
        yield tenant, clock, adapter
        await transport.aclose()  # the SDK's wrapper around it has no aclose of its own


def post_of(body: dict) -> RequestInformation:
    info = RequestInformation(Method.POST, "{+baseurl}/identityGovernance/entitlementManagement/assignmentRequests", {})
    info.content = json.dumps(body).encode()
    info.headers.add("Content-Type", "application/json")
    info.headers.add("Accept", "application/json")
    info.add_request_options([RetryHandlerOption(max_retries=0)])
    return info


def addition(user: int) -> dict:
    ids = {"targetId": guid("d", user), "accessPackageId": guid("a", 1), "assignmentPolicyId": guid("b", 1)}
    return {"requestType": "adminAdd", "assignment": ids}


async def test_our_own_json_is_posted_and_the_assignment_read_back(sdk):
    """POST through the adapter as bytes, then the SDK's builders and models read request and assignment."""
    _, clock, adapter = sdk
    answer = json.loads(await adapter.send_primitive_async(post_of(addition(1)), "bytes", {"XXX": ODataError}))
    assert answer["state"] == "submitted"
    clock.at += timedelta(seconds=30)
    em = GraphServiceClient(request_adapter=adapter).identity_governance.entitlement_management
    request = await em.assignment_requests.by_access_package_assignment_request_id(answer["id"]).get()
    assert request.state.value == "delivered"
    listed = await em.assignments.get()
    row = await em.assignments.by_access_package_assignment_id(listed.value[0].id).get()
    assert row.state.value == "delivered"


async def test_pages_are_followed_by_hand(sdk):
    """`with_url(next_link)` works on the simulator's links, an empty page in the middle included."""
    tenant, _, adapter = sdk
    tenant.settings.page_size = 1
    tenant.faults.add([Fault(kind="emptyPage", skip=1, count=1)])
    builder = GraphServiceClient(request_adapter=adapter).users
    seen, sizes, page = [], [], await builder.get()
    while True:
        seen += [u.id for u in page.value]
        sizes.append(len(page.value))
        if page.odata_next_link is None:
            break
        page = await builder.with_url(page.odata_next_link).get()
    assert seen == [guid("d", n) for n in (1, 2, 3)]
    assert sizes == [1, 0, 1, 1]


async def test_a_refusal_arrives_as_an_odata_error(sdk):
    """Code, status and ids are where the SDK looks for them."""
    _, _, adapter = sdk
    with pytest.raises(ODataError) as caught:
        await adapter.send_primitive_async(post_of(addition(9)), "bytes", {"XXX": ODataError})
    error = caught.value
    assert (error.response_status_code, error.error.code) == (400, "SubjectNotFound")
    assert error.error.inner_error.request_id == error.response_headers["request-id"]


async def test_a_long_retry_after_is_not_waited_for(sdk):
    """The SDK gives up at once, with the header in the error."""
    tenant, _, adapter = sdk
    tenant.faults.add([Fault(kind="429", retry_after=300)])
    with pytest.raises(ODataError) as caught:
        await GraphServiceClient(request_adapter=adapter).users.get()
    assert caught.value.response_headers["retry-after"] == "300"
    assert len(tenant.log) == 1


@pytest.mark.parametrize("committed", [False, True])
async def test_a_closed_connection_is_an_httpx_error(sdk, committed):
    """No answer at all: the raw transport error, and the log knows whether the work was done."""
    tenant, _, adapter = sdk
    tenant.faults.add([Fault(kind="reset", committed=committed)])
    with pytest.raises(httpx.TransportError):
        await adapter.send_primitive_async(post_of(addition(1)), "bytes", {"XXX": ODataError})
    assert tenant.in_transit() == int(committed)


async def test_a_client_that_stops_waiting_leaves_the_server_well(sdk):
    """A read timeout on the client's side ends the silent call, and the next call is answered."""
    tenant, _, adapter = sdk
    tenant.faults.add([Fault(kind="timeout", count=1)])
    async with httpx.AsyncClient(base_url=adapter.base_url, headers={"Authorization": "Bearer secret"}) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get("/users", timeout=0.1)
        assert (await client.get("/users")).status_code == 200
