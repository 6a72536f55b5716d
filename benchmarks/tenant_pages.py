"""A tenant of any size on loopback: serves a package's assignments page by page, as Graph expands them. For `drift`.

Speaks HTTP/2, as Graph does (in plain text, known beforehand), and HTTP/1.1 on another port.

A million rows are more than a gigabyte, so pages are rendered while the reader is busy with the one before: each is
ready when it is asked for. What it says of row `number` and what we expect of it are the functions at the top.
"""

import asyncio
import re
import socket
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection

import msgspec
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived

from benchmarks.serving import beside
from lifecycle.adapters.graph.permissions import ASSIGNMENTS

ROWS = 100
"""Rows of a page: what Graph gives of assignments."""

_FIRST_END = datetime(2026, 6, 30, 22, tzinfo=UTC)
_ENDS = [_FIRST_END + timedelta(hours=hours) for hours in range(1000)]
_TEXTS = [at.strftime("%Y-%m-%dT%H:%M:%SZ") for at in _ENDS]
_SECONDS = [int(at.timestamp()) for at in _ENDS]

_POLICY = "3f1d1c5e-0000-4000-8000-000000000000"
_ASKED = re.compile(rb"9acc0000-0000-4000-8000-(\d{12})")
_TOKEN = re.compile(rb"skiptoken=(\d+)-(\d+)")


def package(rows: int) -> str:
    """Return the id of the access package that has that many assignments."""
    return f"9acc0000-0000-4000-8000-{rows:012d}"


def assignment(number: int) -> str:
    """Return the id of a row, in no order that the index would have."""
    return f"{number * 2_654_435_761 % (1 << 32):08x}-a551-4000-8000-{number:012x}"


def user(number: int) -> str:
    """Return the id of whom it is for."""
    return f"{number * 2_246_822_519 % (1 << 32):08x}-05e5-4000-8000-{number:012x}"


def differs(number: int) -> bool:
    """Whether the tenant has another end for the row than we expect: one in a thousand."""
    return number % 1000 == 999


def expected_end(number: int) -> int:
    """Return when we expect the row to end, in seconds since 1970."""
    return _SECONDS[number % len(_SECONDS)]


def page(rows: int, number: int, link: str) -> bytes:
    """Return a page as Graph answers it, the last one without a link."""
    first = number * ROWS
    shown = range(first, min(first + ROWS, rows))
    names = tuple(text for row in shown for text in (assignment(row), _end(row), user(row), row))
    body = ",".join([_ROW] * len(shown)) % names
    following = f'"@odata.nextLink":"{link}",' if shown.stop < rows else ""
    return f'{{"@odata.context":"{_CONTEXT}",{following}"value":[{body}]}}'.encode()


def _end(number: int) -> str:
    return _TEXTS[(number + differs(number)) % len(_TEXTS)]


_CONTEXT = "https://graph.microsoft.com/v1.0/$metadata#identityGovernance/entitlementManagement/assignments"
_ROW = msgspec.json.encode(
    {
        "id": "%s",
        "state": "delivered",
        "status": "Delivered",
        "expiredDateTime": None,
        "schedule": {
            "startDateTime": "2026-01-02T00:00:00Z",
            "recurrence": None,
            "expiration": {"endDateTime": "%s", "duration": None, "type": "afterDateTime"},
        },
        "customExtensionCalloutInstances": [],
        "target": {
            "id": "5b1ec700-0000-4000-8000-000000000000",
            "objectId": "%s",
            "displayName": "A person of the company",
            "email": "a.person@company.example",
            "principalName": "person-%012d@company.example",
            "subjectType": "user",
        },
        "assignmentPolicy": {
            "id": _POLICY,
            "displayName": "Direct assignment",
            "allowedTargetScope": "notSpecified",
            "expiration": {"type": "noExpiration", "endDateTime": None, "duration": None},
            "requestorSettings": {"allowCustomAssignmentSchedule": True},
            "requestApprovalSettings": {
                "isApprovalRequiredForAdd": False,
                "isApprovalRequiredForUpdate": False,
                "stages": [],
            },
            "automaticRequestSettings": None,
        },
    }
).decode()


def served() -> AbstractContextManager[tuple[int, int]]:
    """Serve the tenant from a process of its own; yields the port of HTTP/2 and that of HTTP/1.1."""
    return beside(_serve)


def _serve(parent: Connection) -> None:
    asyncio.run(_serve_pages(parent))


async def _serve_pages(parent: Connection) -> None:
    servers = [await asyncio.start_server(answer, "127.0.0.1", 0) for answer in (_answer_http2, _answer_http1)]
    parent.send(tuple(server.sockets[0].getsockname()[1] for server in servers))
    await asyncio.gather(*(server.serve_forever() for server in servers))


class _Pages:
    """The pages of one connection, each rendered while the reader has the one before."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        # A page goes out at once, not in the portions of a small buffer: the tenant should cost the reader no time.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self._base = f"http://127.0.0.1:{writer.get_extra_info('sockname')[1]}/v1.0{ASSIGNMENTS}"
        self._ready: dict[tuple[int, int], bytes] = {}
        self._following = (0, 0)

    def asked(self, head: bytes) -> bytes:
        """Return the page that a request's first line or path asks for; an empty one for another list (policies)."""
        found, asked = _TOKEN.search(head), _ASKED.search(head)
        rows = int(found[1]) if found else int(asked[1]) if asked else 0
        number = int(found[2]) if found else 0
        self._following = (rows, number + 1)
        return self._ready.pop((rows, number), b"") or self._page(rows, number)

    def prepare(self) -> None:
        """Render the next page."""
        rows, number = self._following
        if rows > number * ROWS and self._following not in self._ready:
            self._ready = {self._following: self._page(rows, number)}

    def _page(self, rows: int, number: int) -> bytes:
        return page(rows, number, f"{self._base}?$skiptoken={rows}-{number + 1}")


async def _answer_http1(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    pages = _Pages(writer)
    while head := await _head(reader):
        body = pages.asked(head)
        answer = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(answer.encode() + body)
        await writer.drain()
        pages.prepare()
    writer.close()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


async def _answer_http2(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    pages = _Pages(writer)
    connection = H2Connection(H2Configuration(client_side=False, header_encoding=None))
    connection.initiate_connection()
    writer.write(connection.data_to_send())
    owed: dict[int, bytes] = {}
    while data := await _some(reader):
        for event in connection.receive_data(data):
            if isinstance(event, RequestReceived):
                body = owed[event.stream_id] = pages.asked(dict(event.headers)[b":path"])
                length = ("content-length", str(len(body)))
                connection.send_headers(
                    event.stream_id, [(":status", "200"), ("content-type", "application/json"), length]
                )
        for stream in list(owed):
            owed[stream] = _sent(connection, stream, owed[stream])
            if not owed[stream]:
                del owed[stream]
        writer.write(connection.data_to_send())
        await writer.drain()
        pages.prepare()
    writer.close()


def _sent(connection: H2Connection, stream: int, body: bytes) -> bytes:
    """Send as much of a body as the reader has room for, and return the rest."""
    while body and (room := connection.local_flow_control_window(stream)) > 0:
        size = min(room, connection.max_outbound_frame_size)
        connection.send_data(stream, body[:size], end_stream=len(body) <= size)
        body = body[size:]
    return body


async def _some(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(1 << 16)
    except ConnectionError:
        return b""
