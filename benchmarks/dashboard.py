"""How long the dashboard's pages take where there is much: 1,000,000 assignments and five years of records.

The store is SQLite with `ROWS` rows of holders in `PACKAGES` packages, and for each of 60 months whatever grows with
time: evidence of `PEOPLE` people, one of them with a chain of `CHAIN` records and `FACTS` facts, requests by the day,
durations, runs that once held something, renewals. It is written straight into the file. The overview is gathered by
the verb that the timer calls; the pages are asked of the HTTP functions of `function_app.py`, in a process that serves
nothing else.

The figures are what the function takes, from the call to the answer; the network and a cold start are not in them.
"""

import asyncio
import os
import sqlite3
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import azure.functions as func

from benchmarks.measurement import Figure, Measurement
from lifecycle.adapters import sqlite as adapter
from lifecycle.adapters.sqlite import SqliteRecords
from lifecycle.contract.cloudevents import encode_fact
from lifecycle.core.events import Joined, Recorded, Worker, key
from lifecycle.core.evidence import GENESIS, Record, Tag
from lifecycle.core.model import AccessModel
from lifecycle.core.waiting import DAYS, OpenRequest, RenewalDue
from lifecycle.overview import gather
from lifecycle.ports import Ports
from lifecycle.records import heartbeats, people, renewals, reports
from lifecycle.records.heartbeats import Beat
from lifecycle.records.identities import join
from lifecycle.records.keys import instant, pack
from lifecycle.records.reports import Report

ROWS = 1_000_000
PACKAGES = 200
PEOPLE = 20_000
MONTHS = 60
CHAIN = 5_000
FACTS = 1_000
ASKED = 40
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)

_SETTINGS = {
    "ServiceBus": "Endpoint=sb://localhost;SharedAccessKeyName=k;SharedAccessKey=k;UseDevelopmentEmulator=true",
    "LIFECYCLE_MODEL": "model.yaml",
    "LIFECYCLE_BODIES": "bodies",
    "LIFECYCLE_SEALS": "https://example.blob.core.windows.net/seals",
    "LIFECYCLE_DASHBOARD_OPEN": "loopback",
}

type _Row = tuple[bytes, str, str, str]
"""Value, etag, partition, key: as the adapter's own statement takes them."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is in the store, and how often each page is asked for."""

    rows: int = ROWS
    people: int = PEOPLE
    chain: int = CHAIN
    facts: int = FACTS
    asked: int = ASKED


def figures(size: Size | None = None) -> Iterator[Figure]:
    """Yield all figures, of one store of that size."""
    with TemporaryDirectory(prefix="lifecycle-benchmark-") as folder:
        yield from asyncio.run(_measured(Path(folder) / "records.db", size or Size()))


async def _measured(path: Path, size: Size) -> list[Figure]:
    records = SqliteRecords(path)
    await records.read("warm", "up")
    _fill(path, size)
    await _fill_rest(records)
    began = time.perf_counter()
    await gather(_ports(records))
    gathered = time.perf_counter() - began
    await records.close()
    overview = await _asked(path, "dashboard", {}, size.asked)
    middle = str(max(1, size.chain // 100))
    person = await _asked(path, "dashboard_person", {"id": "long", "page": middle}, size.asked)
    return [
        ("dashboard_first_ms", overview[0], "ms"),
        ("dashboard_ms", statistics.median(overview), "ms"),
        ("dashboard_worst_ms", max(overview[1:]), "ms"),
        ("dashboard_person_ms", statistics.median(person), "ms"),
        ("dashboard_person_worst_ms", max(person[1:]), "ms"),
        ("dashboard_gather_ms", gathered * 1000, "ms"),
    ]


def _function(name: str) -> Any:
    """Return one of the app's functions, as it stands behind its trigger."""
    import function_app  # noqa: PLC0415 - it reads the environment at its first call

    return getattr(function_app, name).build().get_user_function()


async def _asked(path: Path, name: str, named: dict[str, str], times: int) -> list[float]:
    """Ask one page that often through the function, the first time included; return how long each took, in ms."""
    import function_app  # noqa: PLC0415 - as above

    os.environ |= {**_SETTINGS, "LIFECYCLE_RECORDS": f"sqlite:///{path}"}
    function_app.wiring.cache_clear()
    took = []
    try:
        for _ in range(times):
            url = f"http://127.0.0.1:1/{name.replace('_', '/')}"
            request = func.HttpRequest("GET", url, headers={}, params=named, route_params={}, body=b"")
            began = time.perf_counter()
            told = await _function(name)(request)
            took.append((time.perf_counter() - began) * 1000)
            assert told.status_code == 200, told.get_body()[:500]
        return took
    finally:
        await function_app.wiring().close()
        function_app.wiring.cache_clear()


def _ports(records: SqliteRecords) -> Ports:
    unused: Any = None
    model = AccessModel(hash="model-1", time_zone="Europe/Berlin", packages={}, rules=())

    class Clock:
        def now(self) -> datetime:
            return NOW

    return Ports(
        clock=Clock(),
        records=records,
        bus=unused,
        bodies=unused,
        users=unused,
        entitlements=unused,
        reviews=unused,
        pace=unused,
        meter=unused,
        seals=unused,
        lectern=unused,
        model=model,
    )


def _fill(path: Path, size: Size) -> None:
    """Write what is much straight into the file."""
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute("pragma synchronous = off")
        database.execute("begin")
        for part in _parts(size):
            database.executemany(adapter.PUT, part)
        database.execute("commit")
    finally:
        database.close()


def _parts(size: Size) -> tuple[Iterator[_Row], ...]:
    long = "long"
    return _holders(size.rows), _evidence(size.people), _chain(long, size.chain), _facts(long, size.facts), _years()


def _holders(rows: int) -> Iterator[_Row]:
    ends = int(NOW.timestamp())
    for number in range(rows):
        name = f"user{number // 8:08d}|row{number:09d}"
        yield f"j{ends + number % 7_776_000}|e{number // 8}".encode(), "1", f"holders-package{number % PACKAGES}", name


def _evidence(some: int) -> Iterator[_Row]:
    for number in range(some):
        for at in range(MONTHS // 4):
            yield _entry(f"e{number}", at + 1, {"package": "package1"})


def _chain(person: str, length: int) -> Iterator[_Row]:
    detail: dict[str, object] = {
        "package": "package1",
        "kind": "adminAdd",
        "token": "3f" * 16,
        "why": ["rule everyone since ever"] * 3,
    }
    for number in range(1, length + 1):
        yield _entry(person, number, detail)
    yield pack({"length": length, "hash": GENESIS}), "1", f"person-{person}", "d"


def _entry(person: str, number: int, detail: dict[str, object]) -> _Row:
    at = NOW - timedelta(hours=number)
    record = Record(person, number, GENESIS, at, Tag.INTENDED, f"event:{number}", detail)
    return record.canonical(), "1", f"person-{person}", f"c-{number:010d}"


def _facts(person: str, many: int) -> Iterator[_Row]:
    worker = Worker(id=person, department="Care", job_title="Nurse", attributes={"displayName": "Ada Lovelace"})
    for number in range(many):
        at = NOW - timedelta(days=number)
        fact = Joined(Recorded(f"event-{number}", "/hr", key(person), at), at.date(), worker)
        yield encode_fact(fact), "1", f"worker-{person}", f"{instant(at)}-hr-{number}"


def _years() -> Iterator[_Row]:
    """Yield what grows by the day or the month: requests, durations, runs, held runs that are over."""
    for day in range(MONTHS * 30):
        name = f"{NOW - timedelta(days=day):%Y%m%d}"
        value = pack({"count": 900, "until": NOW - timedelta(days=day), "ours": 500})
        yield value, "1", "budget", name
        run = f"drift:{name}"
        yield pack({"name": run, "cause": "sweep", "begun": NOW}), "1", f"run-{run}", "head"
        if day % 14 == 0:
            yield run.encode(), "1", "held", run
    for month in range(MONTHS):
        at = NOW - timedelta(days=30 * month)
        for shard in "0123456789abcdef":
            yield pack([9] * 10), "1", f"underway-{shard}", f"m-{at:%Y%m}"
    for number in range(2_000):
        one = OpenRequest(f"e{number}", "package1", "adminAdd", NOW - timedelta(minutes=number % 50))
        yield pack([one]), "1", f"underway-{number % 16:x}", f"p-e{number}"


async def _fill_rest(records: SqliteRecords) -> None:
    """Write what is little by its own module."""
    await join(records, NOW, "seed", workers={key("long")}, people=set())
    for number in range(400):
        await people.note(records, people.Known(f"e{number}", employed=True, assignments=50))
        await renewals.wait(records, RenewalDue(f"e{number}", "package1", NOW + timedelta(hours=number)))
    listed = tuple(f"row{number:09d}" for number in range(reports.LISTED))
    for number in range(PACKAGES):
        report = Report(
            package=f"package{number}", run="drift:1", at=NOW, rows=ROWS // PACKAGES, pages=50, expected=5_000,
            checked=9, counts={"differing": 9}, unexplained=listed, strangers=listed, missing=listed,
            ending=tuple(range(DAYS)),
        )  # fmt: skip
        await reports.keep(records, report)
    for name in ("wake", "overview", "drift"):
        await heartbeats.beat(records, Beat(name, NOW, 1.0))


MEASUREMENTS = (
    Measurement(
        {
            "dashboard_ms": f"The overview page, median of {ASKED} calls of the HTTP function, with {ROWS:,} "
            "assignments and five years of records: a few short rows, so it grows with the packages alone.",
            "dashboard_worst_ms": "The slowest of those calls but the first.",
            "dashboard_first_ms": "The first call of a process: it loads the modules and compiles the templates too.",
            "dashboard_person_ms": f"A page in the middle of a chain of {CHAIN:,} records, of a person with {FACTS:,} "
            "facts: one page of records, whatever the chain's length; grows with the person's facts.",
            "dashboard_person_worst_ms": "The slowest of those calls but the first.",
            "dashboard_gather_ms": "Gathering the overview, which the timer does and no viewer waits for: grows with "
            "the packages and what is under way, not with assignments or years.",
        },
        figures,
    ),
)
