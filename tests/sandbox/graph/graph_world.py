"""A small tenant on a clock that only the test moves, and clients that talk to it without a network."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from sandbox.graph import Tenant

EM = "/v1.0/identityGovernance/entitlementManagement"
START = datetime(2026, 1, 1, tzinfo=UTC)


def guid(kind: str, n: int) -> str:
    return f"{kind}0000000-0000-0000-0000-{n:012d}"


def small_tenant() -> dict[str, Any]:
    """Three packages: 1 direct only, 2 also with My Access (approval, a year), 3 also with an auto policy."""
    packages = [
        {
            "id": guid("a", n),
            "displayName": f"Package {n}",
            "catalog": guid("c", 1),
            "assignmentPolicies": [{"id": guid("b", n)}],
        }
        for n in (1, 2, 3)
    ]
    packages[1]["assignmentPolicies"].append(
        {"id": guid("b", 12), "approvalForAdd": True, "customSchedule": False, "expiration": "P365D"}
    )
    packages[2]["assignmentPolicies"].append({"id": guid("b", 13), "automatic": True})
    users = [
        {
            "id": guid("d", n),
            "userPrincipalName": f"u{n}@example.org",
            "employeeId": f"E{n}",
            "displayName": f"User {n}",
        }
        for n in (1, 2, 3)
    ]
    return {
        "catalogs": [{"id": guid("c", 1), "displayName": "Catalog"}],
        "accessPackages": packages,
        "users": users,
    }


class Clock:
    """A clock that stands still until the test moves it."""

    at = START

    def now(self) -> datetime:
        return self.at


class World:
    """A tenant, its clock, and one client for Graph and one for the control routes."""

    def __init__(self, graph: httpx.AsyncClient, control: httpx.AsyncClient, tenant: Tenant, clock: Clock) -> None:
        self.graph, self.control, self.tenant, self.clock = graph, control, tenant, clock

    def advance(self, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)

    async def get(self, path: str, **options: str) -> httpx.Response:
        return await self.graph.get(f"{EM}/{path}", params={f"${k}": v for k, v in options.items()})

    async def values(self, path: str, **options: str) -> list[dict[str, Any]]:
        response = await self.get(path, **options)
        assert response.status_code == 200, response.text
        return response.json()["value"]

    async def post(self, request_type: str, assignment: dict[str, str], **more: Any) -> httpx.Response:
        body = {"requestType": request_type, "assignment": assignment, **more}
        return await self.graph.post(f"{EM}/assignmentRequests", json=body)

    async def add(self, user: int = 1, package: int = 1, policy: int | None = None, **more: Any) -> httpx.Response:
        return await self.post(
            "adminAdd",
            {
                "targetId": guid("d", user),
                "accessPackageId": guid("a", package),
                "assignmentPolicyId": guid("b", policy or package),
            },
            **more,
        )

    async def delivered(self, user: int = 1, package: int = 1, **more: Any) -> str:
        """Assign, wait, and return the id of the assignment."""
        response = await self.add(user, package, **more)
        assert response.status_code == 201, response.text
        self.advance(30)
        (row,) = [r for r in self.tenant.live(guid("d", user)) if r.package_id == guid("a", package)]
        return row.id

    async def fault(self, kind: str, **more: Any) -> None:
        await self.faults(add=[{"kind": kind, **more}])

    async def faults(self, **body: Any) -> None:
        response = await self.control.post("/faults", json=body)
        assert response.status_code == 200, response.text

    async def change(self, **body: Any) -> dict[str, Any]:
        response = await self.control.post("/graph/tenant", content=json.dumps(body))
        assert response.status_code == 200, response.text
        return response.json()

    async def log(self, since: int = 0) -> list[dict[str, Any]]:
        return (await self.control.get("/graph/log", params={"since": since})).json()
