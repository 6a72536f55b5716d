"""The fixture that every test of the simulator begins with."""

from collections.abc import AsyncIterator

import httpx
import pytest
from graph_world import Clock, World, small_tenant
from starlette.applications import Starlette

from sandbox.graph import Tenant, control_routes, graph_app


@pytest.fixture
async def world() -> AsyncIterator[World]:
    clock = Clock()
    tenant = Tenant.from_yaml(small_tenant(), now=clock.now, token="secret", seed=1)
    headers = {"Authorization": "Bearer secret"}
    graph_transport = httpx.ASGITransport(graph_app(tenant))
    control_transport = httpx.ASGITransport(Starlette(routes=control_routes(tenant)))
    async with (
        httpx.AsyncClient(transport=graph_transport, base_url="http://127.0.0.1", headers=headers) as graph,
        httpx.AsyncClient(transport=control_transport, base_url="http://127.0.0.1") as control,
    ):
        yield World(graph, control, tenant, clock)
