"""A Graph that answers from a script, behind the SDK's own client pipeline; it keeps every request it was sent."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Self

import httpx
from azure.core.credentials import AccessToken

from lifecycle.adapters.graph import GraphClient, ListingMode

BASE = "https://graph.microsoft.com/v1.0"
EM = "/v1.0/identityGovernance/entitlementManagement"
USER = "5b8a2a5e-0000-4000-8000-00000000000a"
PACKAGE = "aaaaaaaa-0000-4000-8000-000000000001"
OTHER = "aaaaaaaa-0000-4000-8000-000000000002"
POLICY = "bbbbbbbb-0000-4000-8000-000000000001"

type Step = httpx.Response | Exception


class Credential:
    """An Azure credential that always has a token, or fails with the given error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.scopes: list[str] = []

    async def get_token(self, *scopes: str, **_options: Any) -> AccessToken:
        self.scopes += scopes
        if self.error is not None:
            raise self.error
        return AccessToken("secret", 2**31 - 1)

    async def close(self) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...


class Script:
    """The answers to give, in turn; a request beyond the last one fails the test."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.requests: list[httpx.Request] = []
        self.slept: list[float] = []

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        assert self.steps, f"nobody expected {request.method} {request.url}"
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def client(self, mode: ListingMode = ListingMode.DIRECTORY, **options: Any) -> GraphClient:
        options = {"credential": Credential(), "patience": timedelta(seconds=20), **options}
        return GraphClient(sleep=self.sleep, transport=httpx.MockTransport(self.answer), mode=mode, **options)

    @property
    def filters(self) -> list[str | None]:
        return [request.url.params.get("$filter") for request in self.requests]


def page(rows: Sequence[dict[str, Any]] = (), next_link: str | None = None) -> httpx.Response:
    """Return a page of a list."""
    body: dict[str, Any] = {"@odata.context": "…", "value": list(rows)}
    if next_link is not None:
        body["@odata.nextLink"] = next_link
    return httpx.Response(200, json=body)


def error(status: int, code: str = "", inner: str = "", **headers: str) -> httpx.Response:
    """Return an error as Graph words it; header names are written with underscores."""
    body: dict[str, Any] = {"error": {"code": code, "message": "Erika Mustermann may not"}}
    if inner:
        body["error"]["innerError"] = {"code": inner, "date": "2026-03-01T00:00:00"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=body, headers={"request-id": "rid-1", **named})


def assignment(id_: str = "as-1", *, package: str = PACKAGE, user: str = USER, **changes: Any) -> dict[str, Any]:
    """Return an assignment with its neighbours expanded."""
    return {
        "id": id_,
        "state": "delivered",
        "status": "Delivered",
        "expiredDateTime": None,
        "schedule": {
            "startDateTime": "2026-01-02T00:00:00Z",
            "recurrence": None,
            "expiration": {"type": "afterDateTime", "endDateTime": "2026-06-30T22:00:00.1234567Z", "duration": None},
        },
        "customExtensionCalloutInstances": [],
        "accessPackage": {"id": package, "displayName": "Case management"},
        "assignmentPolicy": {"id": POLICY, "displayName": "Direct"},
        "target": {"id": "subject-1", "objectId": user, "displayName": "Erika", "email": "e@example.org"},
        **changes,
    }


def created(state: str = "submitted", **headers: str) -> httpx.Response:
    """Return the answer to a request that was taken."""
    body = {"id": "rq-1", "state": state, "status": "Accepted", "createdDateTime": None, "requestType": "adminAdd"}
    return httpx.Response(201, json=body, headers={"request-id": "rid-1", **headers})


def sent(request: httpx.Request) -> Any:
    """Return the JSON that a request carried."""
    return json.loads(request.content)
