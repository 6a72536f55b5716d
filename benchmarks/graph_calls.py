"""How many Graph calls an event costs, counted in the log of the Graph simulator while the real app runs.

`PEOPLE` known people (they have joined, and are correlated and followed to the end) are told of two more events each: a
move to Care, which is `CARE` changes, and a new job title, which is none. What is called until all queues are quiet
belongs to the event; what is called in the hour after it, until every request is delivered, belongs to following up.

Once with directory-wide permission, and once with catalog roles only.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import httpx
import msgspec
from azure.servicebus.aio import ServiceBusClient

from benchmarks.hospital import CARE, PACKAGES, bus, hospital, joined, retitled, say, to_care
from benchmarks.measurement import Figure, Measurement
from lifecycle.core.events import Fact
from sandbox.sandbox import Sandbox

PEOPLE = 8
_LIMIT = timedelta(minutes=2)
_FOLLOWED = timedelta(hours=1)


class _Call(msgspec.Struct):
    kind: str


@dataclass(frozen=True, slots=True)
class _Calls:
    """Calls of a kind, per event."""

    reads: float
    writes: float

    @property
    def total(self) -> float:
        return self.reads + self.writes


def figures(mode: str) -> Iterator[Figure]:
    """Yield the figures of a permission mode, `directory` or `catalog`."""
    change, followup, noop = asyncio.run(_measured(mode))
    suffix = _suffix(mode)
    yield f"graph_calls_noop_event_reads{suffix}", noop.reads, "calls"
    yield f"graph_calls_noop_event_writes{suffix}", noop.writes, "calls"
    yield f"graph_calls_noop_event{suffix}", noop.total, "calls"
    yield f"graph_calls_change_event_reads{suffix}", change.reads, "calls"
    yield f"graph_calls_change_event_writes{suffix}", change.writes, "calls"
    yield f"graph_calls_per_change{suffix}", change.total / CARE, "calls"
    yield f"graph_calls_followup_per_change{suffix}", followup.total / CARE, "calls"


async def _measured(mode: str) -> tuple[_Calls, _Calls, _Calls]:
    """Return the calls of an event with changes, of following it up, and of an event without."""
    async with (
        hospital(PEOPLE, {"LIFECYCLE_PERMISSION": mode}) as sandbox,
        httpx.AsyncClient(base_url=sandbox.ready.control) as control,
        bus(sandbox) as client,
    ):
        permissions = "catalog" if mode == "catalog" else "full"
        (await control.post("/faults", json={"set": {"permissions": permissions}})).raise_for_status()
        await _told(sandbox, client, joined(PEOPLE))
        await sandbox.advance(_FOLLOWED)

        known = len(await _log(control))
        await _told(sandbox, client, to_care(PEOPLE))
        moved = len(await _log(control))
        await sandbox.advance(_FOLLOWED)
        followed = len(await _log(control))
        await _told(sandbox, client, retitled(PEOPLE))

        log = await _log(control)
        return _counted(log[known:moved]), _counted(log[moved:followed]), _counted(log[followed:])


async def _told(sandbox: Sandbox, client: ServiceBusClient, facts: Iterable[Fact]) -> None:
    await say(client, facts)
    await sandbox.timeline.quiet(_LIMIT)  # unlike idle, this does not wait for deliveries, which are followed up later


async def _log(control: httpx.AsyncClient) -> list[_Call]:
    answer = (await control.get("/graph/log")).raise_for_status()
    return msgspec.json.decode(answer.content, type=list[_Call])


def _counted(log: list[_Call]) -> _Calls:
    writes = sum(call.kind == "write" for call in log)
    return _Calls((len(log) - writes) / PEOPLE, writes / PEOPLE)


def _suffix(mode: str) -> str:
    return "" if mode == "directory" else f"_{mode}"


def _measurement(mode: str, lists: str) -> Measurement:
    suffix = _suffix(mode)
    about = {
        f"graph_calls_noop_event_reads{suffix}": f"Reads for an event that changes nothing: {lists}.",
        f"graph_calls_noop_event_writes{suffix}": "Writes for an event that changes nothing: none, ever.",
        f"graph_calls_noop_event{suffix}": "Both together.",
        f"graph_calls_change_event_reads{suffix}": f"Reads for an event with {CARE} changes: {lists}.",
        f"graph_calls_change_event_writes{suffix}": f"Writes for an event with {CARE} changes: one a change.",
        f"graph_calls_per_change{suffix}": f"All of those, over its {CARE} changes: one write, and a share of the "
        f"reads that shrinks with the changes of one event.",
        f"graph_calls_followup_per_change{suffix}": "Calls after that, over the changes, until each is delivered: "
        "grows with how long Graph takes (here 10 to 30 s; looked at after 15 s, then at growing intervals): one read "
        f"a request, and {lists} for each look at the person.",
    }
    return Measurement(about, partial(figures, mode))


MEASUREMENTS = (
    _measurement("directory", "one list of the person, a call more per 100 rows they ever had"),
    _measurement("catalog", f"one list a managed package, {len(PACKAGES)} here"),
)
