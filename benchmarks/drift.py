"""How fast and how lean a drift sweep over a package is, from a thousand rows to a million: read, compare, list.

What is measured is `lifecycle.compare.compare` as the sweep calls it, each page kept in its checkpoint, over the real
adapters: `GraphEntitlements` with the SDK's pipeline against a server on loopback, and `SqliteRecords`. The tenant is
one package with all of the rows, which is the hardest for memory: packages are compared one after the other, each by
itself. One row in a thousand differs, and the run fails unless exactly those are found.

Pages come over HTTP/2, as Graph sends them, and once, for comparison, over HTTP/1.1, where reading a page costs so
little that what is done with its hundred rows shows most.

The floor is bare httpx and msgspec reading the same pages from the same server over the same version of HTTP, to the
same structs, compared with nothing. The sizes below a million are each measured `ROUNDS` times, floor and sweep in
turn; of a million there is one of each. The sweep runs in a process of its own, so that its memory is its own: its
peak is that process's largest resident set, imports included. The index is built outside of the time.
"""

import asyncio
import multiprocessing
import resource
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from benchmarks import tenant_pages as tenant
from benchmarks.measurement import Figure, Measurement
from lifecycle.adapters.graph import GraphClient, GraphEntitlements, StaticToken, wire
from lifecycle.adapters.graph.permissions import ASSIGNMENTS
from lifecycle.adapters.sqlite import PUT, SqliteRecords
from lifecycle.compare import Found, compare
from lifecycle.core.model import AccessModel, Package
from lifecycle.ports import Ports
from lifecycle.records import checkpoints

SIZES = (10_000, 100_000, 1_000_000)
ROUNDS = {10_000: 5, 100_000: 3}
_SUFFIXES = {10_000: "_10k", 100_000: "_100k", 1_000_000: ""}
_NAME = "everything"


@dataclass(frozen=True, slots=True)
class _Run:
    """Seconds of the sweep and of the floor, and the largest resident set of the process, in MB."""

    sweep: float
    floor: float
    peak: float

    @property
    def ratio(self) -> float:
        """The sweep over the floor."""
        return self.sweep / self.floor


def figures(sizes: tuple[int, ...] = SIZES) -> Iterator[Figure]:
    """Yield the figures of each size, the smallest first."""
    with TemporaryDirectory(prefix="lifecycle-benchmark-") as folder, tenant.served() as (http2, http1):
        for rows in sizes:
            path = Path(folder) / f"{rows}.db"
            index(path, rows)
            found = _apart(path, http2, rows, http2=True)
            if rows == sizes[0]:
                yield "drift_vs_floor_http1", _apart(path, http1, rows, http2=False).ratio, "times"
            path.unlink()
            suffix = _SUFFIXES.get(rows, f"_{rows}")
            yield f"drift_pages_per_second{suffix}", rows / tenant.ROWS / found.sweep, "pages/s"
            yield f"drift_microseconds_per_row{suffix}", found.sweep / rows * 1e6, "us"
            yield f"drift_vs_floor{suffix}", found.ratio, "times"
            yield f"drift_peak_mb{suffix}", found.peak, "MB"


def index(path: Path, rows: int) -> None:
    """Write the index of holders of the package into a new file of Records."""
    asyncio.run(_made(path))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("pragma synchronous = off")
        database.executemany(PUT, (_expected(number) for number in range(rows)))


async def _made(path: Path) -> None:
    records = SqliteRecords(path)
    await records.read("warm", "up")
    await records.close()


def _expected(number: int) -> tuple[bytes, str, str, str]:
    key = f"{tenant.user(number)}|{tenant.assignment(number)}".replace("-", "~2d")
    return f"j{tenant.expected_end(number)}|E{number:07d}".encode(), "0", f"holders-{_NAME}", key


def _apart(path: Path, port: int, rows: int, *, http2: bool) -> _Run:
    """Measure in a process of its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    child = context.Process(target=_measure, args=(there, path, port, rows, http2), daemon=True)
    child.start()
    there.close()
    try:
        run: _Run = here.recv()
    except EOFError:
        raise RuntimeError(f"the process that compared {rows} rows failed; what it said is above") from None
    finally:
        child.join()
    return run


def _measure(parent: Connection, path: Path, port: int, rows: int, http2: bool) -> None:  # noqa: FBT001 - pickled
    parent.send(asyncio.run(measured(path, port, rows, rounds=ROUNDS.get(rows, 1), http2=http2)))


async def measured(path: Path, port: int, rows: int, *, rounds: int, http2: bool) -> _Run:
    """Compare the package in that file with the tenant at that port."""
    base = f"http://127.0.0.1:{port}/v1.0"
    ports = _ports(path, base, rows, _transport(http2=http2))
    sweeps, floors = [], []
    async with httpx.AsyncClient(transport=_transport(http2=http2)) as client:
        await _floor(client, base, min(rows, SIZES[0]))  # connections and lazy imports
        await ports.entitlements.assignments_in(tenant.package(tenant.ROWS))
        for number in range(rounds):
            began = time.perf_counter()
            await _sweep(ports, rows, number)
            swept = time.perf_counter()
            await _floor(client, base, rows)
            sweeps.append(swept - began)
            floors.append(time.perf_counter() - swept)
    await ports.entitlements.close()  # type: ignore[attr-defined]  # the port has no such method, the adapter does
    await ports.records.close()  # type: ignore[attr-defined]  # likewise
    return _Run(median(sweeps), median(floors), peak_mb())


async def _sweep(ports: Ports, rows: int, number: int) -> Found:
    at = await checkpoints.open_checkpoint(ports.records, f"run-{number}", _NAME)
    found = await compare(_NAME, at, ports, keep=True)
    assert found is not None
    rows_read, strays = at.rows, len(at.strays)
    await at.drop()  # as the sweep does
    different = sum(map(tenant.differs, range(rows)))
    assert (rows_read, found.expected, strays, len(found.people)) == (rows, rows, different, different)
    return found


async def _floor(client: httpx.AsyncClient, base: str, rows: int) -> None:
    """Read all pages with nothing between httpx and msgspec."""
    count, link = 0, f"{base}{ASSIGNMENTS}?$filter=accessPackage/id eq '{tenant.package(rows)}'"
    while link:
        response = await client.get(link, headers={"authorization": "Bearer benchmark"})
        read = wire.sighted.decode(response.content)
        count, link = count + len(read.value), read.next_link or ""
    assert count == rows


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def _transport(*, http2: bool) -> httpx.AsyncHTTPTransport:
    return httpx.AsyncHTTPTransport(http1=not http2, http2=http2)


def _ports(path: Path, base: str, rows: int, transport: httpx.AsyncHTTPTransport) -> Ports:
    package = Package(_NAME, tenant.package(rows), "policy", "catalog")
    unused: Any = None
    return Ports(
        clock=_Clock(),
        records=SqliteRecords(path),
        entitlements=GraphEntitlements(GraphClient(StaticToken("benchmark"), base_url=base, transport=transport)),
        model=AccessModel(hash="benchmark", time_zone="Europe/Berlin", packages={_NAME: package}),
        bus=unused,
        bodies=unused,
        seals=unused,
        users=unused,
        reviews=unused,
        pace=unused,
        meter=unused,
        lectern=unused,
    )


def peak_mb() -> float:
    """Return the largest resident set that this process had.

    Linux is asked for that of its memory: `getrusage` counts what the process was forked from, before it became this.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / (1 << 10)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / (1 << 10)


def _about() -> dict[str, str]:
    few = f"of a sweep over {SIZES[0]} rows, over HTTP/1.1"
    about = {"drift_vs_floor_http1": f"Its time over bare httpx and msgspec reading the same pages, {few}."}
    for rows in SIZES:
        suffix, of = _SUFFIXES[rows], f"of a sweep over {rows} rows"
        about |= {
            f"drift_pages_per_second{suffix}": f"Pages of {tenant.ROWS} a second, {of}, all of it included.",
            f"drift_microseconds_per_row{suffix}": f"The same, by row: level, but for the depth of a search, {of}.",
            f"drift_vs_floor{suffix}": f"That time over bare httpx and msgspec reading the same pages, {of}.",
            f"drift_peak_mb{suffix}": f"Largest resident set {of}; at most 250: nine bytes a row beside the process.",
        }
    return about


MEASUREMENTS = (Measurement(_about(), figures),)
