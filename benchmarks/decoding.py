"""How fast the Graph adapter reads: against the SDK's own models, and against the least that HTTP and JSON cost.

Run as `python -m benchmarks.decoding`; prints `name value unit`, one a line. Needs loopback alone.
"""

import asyncio
import statistics
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from itertools import pairwise
from multiprocessing.connection import Connection
from uuid import NAMESPACE_URL, uuid5

import httpx
import msgspec

from benchmarks.serving import beside
from lifecycle.adapters.graph import GraphClient, StaticToken, wire
from lifecycle.adapters.graph.permissions import ASSIGNMENTS

ROWS = 100
PAGES = 20
PAIRS = 21
USER = str(uuid5(NAMESPACE_URL, "user"))
PACKAGES = [str(uuid5(NAMESPACE_URL, f"package {number}")) for number in range(ROWS)]

type Read = Callable[[], Awaitable[int]]


def figures() -> Iterator[tuple[str, float, str]]:
    """Yield both figures: how many times faster than the models, and how many times slower than the floor."""
    yield "decode_speedup_vs_sdk_models", decode_speedup(), "times"
    yield "page_read_vs_floor", asyncio.run(page_read_vs_floor()), "times"


def decode_speedup() -> float:
    """Return the median over pairs of (a page by the SDK's models / by the adapter): one process, the same bytes."""
    body = page()
    by_models = _models()
    assert by_models(body) == by_adapter(body) == ROWS  # the models' lazy imports are over before the clock runs
    return statistics.median(
        _seconds(by_models, body, times=1) / _seconds(by_adapter, body, times=200) for _ in range(5)
    )


async def page_read_vs_floor() -> float:
    """Return the median over interleaved pairs of (`PAGES` pages by the adapter / by bare httpx and msgspec).

    Both end with the same structs; the adapter's permission check, authentication, retrying and paging lie between.
    """
    with _served() as port:
        base = f"http://127.0.0.1:{port}/v1.0"
        graph = GraphClient(StaticToken("benchmark"), base_url=base)
        query = {"filter": f"target/objectId eq '{USER}'", "expand": "accessPackage,assignmentPolicy,target"}
        async with httpx.AsyncClient() as client:

            async def ours() -> int:
                return len(await graph.rows(ASSIGNMENTS, wire.assignments, query=query))

            async def floor() -> int:
                return await by_httpx(client, base + ASSIGNMENTS)

            await _ratio(ours, floor)  # connections and lazy imports
            ratios = [await _ratio(ours, floor) for _ in range(PAIRS)]
        await graph.close()
    return statistics.median(ratios)


def by_adapter(body: bytes) -> int:
    """Decode a page as the adapter does, to the values that the verbs see."""
    rows = wire.assignments.decode(body).value
    return len([wire.listed(row, user=USER, package=row.access_package.id) for row in rows if row.access_package])


async def by_httpx(client: httpx.AsyncClient, url: str) -> int:
    """Read all pages with nothing between httpx and msgspec."""
    count, link = 0, url
    while link:
        response = await client.get(link, headers={"authorization": "Bearer benchmark"})
        read = wire.assignments.decode(response.content)
        count, link = count + len(read.value), read.next_link or ""
    return count


def page(next_link: str | None = None) -> bytes:
    """Return a page of `ROWS` assignments of one user, each with its neighbours expanded as Graph expands them."""
    link = {} if next_link is None else {"@odata.nextLink": next_link}
    return msgspec.json.encode({"value": [_row(number) for number in range(ROWS)], **link})


def _row(number: int) -> dict[str, object]:
    return {
        "id": str(uuid5(NAMESPACE_URL, f"assignment {number}")),
        "state": "delivered",
        "status": "Delivered",
        "expiredDateTime": None,
        "schedule": {
            "startDateTime": "2026-01-02T00:00:00Z",
            "recurrence": None,
            "expiration": {"endDateTime": "2026-06-30T22:00:00.1234567Z", "duration": None, "type": "afterDateTime"},
        },
        "customExtensionCalloutInstances": [],
        "accessPackage": {"id": PACKAGES[number], "displayName": f"Package {number}", "isHidden": False},
        "assignmentPolicy": {"id": str(uuid5(NAMESPACE_URL, f"policy {number}")), "displayName": "Direct"},
        "target": {"id": str(uuid5(NAMESPACE_URL, "subject")), "objectId": USER, "displayName": "A person"},
    }


def _models() -> Callable[[bytes], int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the SDK's models use what the SDK deprecates
        from kiota_serialization_json.json_parse_node_factory import JsonParseNodeFactory  # noqa: PLC0415 - see above
        from msgraph.generated.models import access_package_assignment_collection_response as models  # noqa: PLC0415

    def parse(body: bytes) -> int:
        node = JsonParseNodeFactory().get_root_parse_node("application/json", body)
        response = node.get_object_value(models.AccessPackageAssignmentCollectionResponse)
        return len(response.value or [])

    return parse


def _seconds(decode: Callable[[bytes], int], body: bytes, *, times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        decode(body)
    return (time.perf_counter() - began) / times


async def _ratio(ours: Read, floor: Read) -> float:
    marks = [time.perf_counter()]
    for read in (floor, ours, ours, floor):  # mirrored, so that a machine that slows down or speeds up favours neither
        assert await read() == ROWS * PAGES
        marks.append(time.perf_counter())
    first, second, third, fourth = (after - before for before, after in pairwise(marks))
    return (second + third) / (first + fourth)


def _served() -> AbstractContextManager[int]:
    """Serve `PAGES` linked pages from a process of its own, on the port that this yields."""
    return beside(_serve)


def _serve(parent: Connection) -> None:
    asyncio.run(_serve_pages(parent))


async def _serve_pages(parent: Connection) -> None:
    answers: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            _, is_next, number = head.partition(b"skiptoken=")
            writer.write(answers[int(number.split()[0]) if is_next else 0])
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for number in range(1, PAGES + 1):
        link = f"http://127.0.0.1:{port}/v1.0{ASSIGNMENTS}?$skiptoken={number}"
        body = page(link if number < PAGES else None)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        answers.append(head.encode() + body)
    parent.send(port)
    await server.serve_forever()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


if __name__ == "__main__":
    for name, value, unit in figures():
        print(f"{name} {value:.2f} {unit}")
