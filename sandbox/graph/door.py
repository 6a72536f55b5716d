"""What surrounds every call to the tenant: time, the bearer token, faults, ids, Graph's error shape, the log.

A fault that takes the place of the answer is decided here, before the work or after it. A closed connection needs
the transport, which ASGI does not show: it is taken from uvicorn, and elsewhere the call raises ConnectionResetError.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
from starlette.datastructures import Headers
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.graph.faults import ANSWERS, Fault
from sandbox.graph.model import GraphError, instant
from sandbox.graph.tenant import Tenant

CODES: Mapping[str, str] = {
    "429": "TooManyRequests",
    "503": "serviceNotAvailable",
    "500": "internalServerError",
    "504": "gatewayTimeout",
    "403": "accessDenied",
}
"""The error code of each status that a fault can answer with."""


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP call with its ids and its body."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    at: str
    request_id: str

    @property
    def client_request_id(self) -> str:
        """The caller's id of the call, or Graph's own when it sent none."""
        return self.headers.get("client-request-id", self.request_id)


class Silence(Exception):
    """The connection closes without an answer, after `seconds` of real time."""

    def __init__(self, seconds: float) -> None:
        super().__init__("no answer")
        self.seconds = seconds


class Door:
    """ASGI middleware around the routes of a tenant."""

    def __init__(self, app: ASGIApp, tenant: Tenant) -> None:
        self._app = app
        self._tenant = tenant

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one call from its arrival to its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._tenant.settle()
        call = await self._call(scope, receive)
        try:
            response = await self._answer(call, scope)
        except GraphError as error:
            response = _refusal(error, call)
        except Silence as silence:
            self._note(call, None)
            await _close(receive, silence.seconds)
            return
        self._label(response, call)
        self._note(call, response.status_code)
        await response(scope, receive, send)

    async def _call(self, scope: Scope, receive: Receive) -> Call:
        http = HttpRequest(scope, receive)
        body = await http.body()
        at = instant(self._tenant.now()) or ""
        return Call(http.method, http.url.path, http.url.query, http.headers, body, at, str(uuid4()))

    async def _answer(self, call: Call, scope: Scope) -> Response:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or token != self._tenant.token:
            raise GraphError(401, "InvalidAuthenticationToken", "Access token is absent or invalid.")
        self._misbehave(call, committed=False)
        if call.method != "GET":
            self._tenant.check_write_rate()
        response = await self._work(call, scope)
        self._misbehave(call, committed=True)
        return response

    def _misbehave(self, call: Call, *, committed: bool) -> None:
        fault = self._tenant.faults.fire(ANSWERS, call.method, call.path, committed=committed)
        match fault:
            case None:
                return
            case Fault(kind="reset"):
                raise Silence(0)
            case Fault(kind="timeout"):
                raise Silence(fault.seconds)
            case _:
                message = f"A fault of the simulator answers {fault.kind}."
                raise GraphError(int(fault.kind), CODES[fault.kind], message, retry_after=fault.retry_after)

    async def _work(self, call: Call, scope: Scope) -> Response:
        """Run the routes and return their answer."""
        status, headers, parts = 0, list[tuple[bytes, bytes]](), list[bytes]()

        async def replay() -> Message:
            return {"type": "http.request", "body": call.body, "more_body": False}

        async def collect(message: Message) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status, headers = message["status"], message["headers"]
            else:
                parts.append(message.get("body", b""))

        await self._app(scope, replay, collect)
        response = Response(b"".join(parts), status_code=status)
        response.raw_headers = headers
        return response

    def _label(self, response: Response, call: Call) -> None:
        response.headers["request-id"] = call.request_id
        response.headers["client-request-id"] = call.client_request_id
        skewed = self._tenant.faults.fire(frozenset({"clockSkew"}), call.method, call.path)
        date = self._tenant.now() + timedelta(seconds=0 if skewed is None else skewed.skew)
        response.headers["date"] = date.strftime("%a, %d %b %Y %H:%M:%S GMT")
        fault = self._tenant.faults.fire(frozenset({"throttleLimitPercentage"}), call.method, call.path)
        if fault is not None:
            response.headers["x-ms-throttle-limit-percentage"] = str(fault.percentage)

    def _note(self, call: Call, status: int | None) -> None:
        self._tenant.log.add(
            at=call.at,
            method=call.method,
            path=call.path,
            query=call.query,
            status=status,
            client_request_id=call.client_request_id,
            request_id=call.request_id,
            kind="read" if call.method == "GET" else "write",
            body=_decoded(call.body),
        )


def _refusal(error: GraphError, call: Call) -> Response:
    inner = {
        "date": call.at.partition(".")[0].removesuffix("Z"),
        "request-id": call.request_id,
        "client-request-id": call.client_request_id,
    }
    body = {"error": {"code": error.code, "message": error.message, "innerError": inner}}
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    if error.status == 401:  # noqa: PLR2004 the status that needs a challenge
        headers["WWW-Authenticate"] = "Bearer"
    content = msgspec.json.encode(body)
    return Response(content, status_code=error.status, headers=headers, media_type="application/json")


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body) if body else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


async def _close(receive: Receive, seconds: float) -> None:
    """Close the connection without an answer, at the latest after `seconds`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await _disconnected(receive)
            return
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionResetError("the simulator closed the connection")
    transport.abort()
    await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
