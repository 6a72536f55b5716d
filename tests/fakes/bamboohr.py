"""A small BambooHR: employees by id, an API key, a webhook that is signed, and days on which it is not well."""

import asyncio
import base64
import hashlib
import hmac
import json
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY, WEBHOOK_KEY = "an-api-key", "a-private-key"
BASE = "http://localhost/api/v1"


class FakeBambooHR:
    """`people` are employees by id; `bad` are answers that come before a good one, a status or a whole answer."""

    def __init__(self, people: dict[str, dict[str, Any]] | None = None) -> None:
        self.people = people or {}
        self.bad: list[Response | int] = []
        self.hidden: set[str] = set()
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.silent = False

    @property
    def transport(self) -> httpx.ASGITransport:
        """What a client talks to it through."""
        route = Route("/api/v1/employees/{id}", self._employee, methods=["GET"])
        return httpx.ASGITransport(Starlette(routes=[route]))

    async def _employee(self, request: Request) -> Response:
        name, wanted = request.path_params["id"], tuple(request.query_params.get("fields", "").split(","))
        self.asked.append((name, wanted))
        if self.silent:
            await asyncio.Event().wait()
        if request.headers.get("authorization") != "Basic " + base64.b64encode(f"{KEY}:x".encode()).decode():
            return Response(status_code=401)
        if self.bad:
            bad = self.bad.pop(0)
            return Response(status_code=bad) if isinstance(bad, int) else bad
        if name not in self.people:
            return Response(status_code=404, headers={"X-BambooHR-Error-Message": "Employee not found"})
        known = {"id": name, **self.people[name]}
        seen = {each: known.get(each) for each in wanted if each not in self.hidden and each in known}
        return JSONResponse({"id": name, **seen})


def webhook(*ids: str, key: str = WEBHOOK_KEY, body: bytes | None = None) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a webhook: an event about one, a list about several."""
    event: dict[str, Any] = {"employees": [{"id": one, "changedFields": ["jobTitle"]} for one in ids]}
    if len(ids) == 1:
        event = {
            "type": "employee.updated",
            "timestamp": "2026-01-31T18:42:00+0000",
            "data": {"companyId": "12345", "employeeId": ids[0], "changedFields": ["jobTitle"]},
        }
    content = json.dumps(event).encode() if body is None else body
    stamp = "1767603600"
    signature = hmac.new(key.encode(), content + stamp.encode(), hashlib.sha256).hexdigest()
    return {"X-BambooHR-Signature": signature, "X-BambooHR-Timestamp": stamp}, content


def employee(number: str = "E1", **changes: Any) -> dict[str, Any]:
    """Return an employee as the API has them."""
    return {
        "employeeNumber": number, "status": "Active", "department": "Care", "jobTitle": "Nurse",
        "hireDate": "2019-04-01", "terminationDate": "0000-00-00", "firstName": "Ada", "ssn": "123-45-6789", **changes,
    }  # fmt: skip
