"""How many events go through the whole sandbox in a second, and how much of that is the SDK changing sessions.

**Events.** `PEOPLE` workers' `joined` events are sent to `hr` at once. Each is taken in and stored, and asks for a look
at its person; the look, in a session of its own, finds the user, reads Graph, writes evidence and posts one request.
The clock stops when the last request is in the simulator's log. What follows later (each request is asked for after
15 s) is no part of it, but shares the machine with the rest when the run lasts longer than that. Broker, simulator,
Functions host and app run on one machine, in two processes, and so does the sender: this is a measure of the
sandbox, not of Azure, where instances are added.

**Sessions.** The same number of messages goes through the same host, with the same host.json, to an app that does
nothing: once each in a session of its own, as above, and once in `SIDE_BY_SIDE` sessions, as many as the host serves at
once. Both keep the same number of receivers busy; they differ in how often a session is accepted and its receiver
closed. The difference, for all of the sessions, is set against the time that the events took. It is the time that
the changes take when nothing else runs, so where they wait while the app computes, the share overstates what could be
won. Each of the two is the fastest of `ROUNDS`.
"""

import asyncio
import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import batched
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from benchmarks import bare_app
from benchmarks.hospital import bus, hospital, joined, say
from benchmarks.measurement import Figure, Measurement
from sandbox.sandbox import Sandbox, SandboxOptions

PEOPLE = 200
SIDE_BY_SIDE = 16
ROUNDS = 3
_LIMIT = timedelta(minutes=3)
_HOST_JSON = Path(__file__).resolve().parents[1] / "host.json"


def figures() -> Iterator[Figure]:
    """Yield events per second, and the share of session changes in their time."""
    events = asyncio.run(events_seconds())
    yield "sandbox_events_per_second", PEOPLE / events, "events/s"
    changes = asyncio.run(session_seconds())
    yield "sandbox_session_switching_share", changes / events, "of the time"


async def events_seconds() -> float:
    """Return from when the first event is sent to when the last person's request is posted."""
    async with hospital(PEOPLE) as sandbox, bus(sandbox) as client:
        began = time.perf_counter()
        await say(client, joined(PEOPLE))
        await asyncio.wait_for(_all_posted(sandbox), _LIMIT.total_seconds())
        return time.perf_counter() - began


async def session_seconds() -> float:
    """Return what `PEOPLE` session changes take in the host, when the app does nothing."""
    with TemporaryDirectory(prefix="lifecycle-benchmark-") as name:
        folder = Path(name)
        shutil.copy(bare_app.__file__, folder / "function_app.py")
        shutil.copy(_HOST_JSON, folder)
        (folder / "tenant.yaml").write_bytes(msgspec.json.encode({"users": []}))
        async with (
            Sandbox(SandboxOptions(app=folder, tenant=folder / "tenant.yaml")) as sandbox,
            bus(sandbox) as client,
        ):
            await _through(sandbox, client, SIDE_BY_SIDE)  # connections and lazy imports
            many = [await _through(sandbox, client, PEOPLE) for _ in range(ROUNDS)]
            few = [await _through(sandbox, client, SIDE_BY_SIDE) for _ in range(ROUNDS)]
    return max(0.0, min(many) - min(few)) * PEOPLE / (PEOPLE - SIDE_BY_SIDE)


async def _through(sandbox: Sandbox, client: ServiceBusClient, sessions: int) -> float:
    """Return the time in which `PEOPLE` messages, spread over that many sessions, go through the host."""
    # Sorted, so that no session is given up while the rest of its messages is on its way.
    names = sorted(f"session-{number % sessions}" for number in range(PEOPLE))
    messages = [ServiceBusMessage(b"{}", session_id=name) for name in names]
    began = time.perf_counter()
    async with client.get_queue_sender("work") as sender:
        for batch in batched(messages, 100, strict=False):
            await sender.send_messages(list(batch))
    await sandbox.timeline.quiet(_LIMIT)
    return time.perf_counter() - began


async def _all_posted(sandbox: Sandbox) -> None:
    seen = posted = 0
    while posted < PEOPLE:
        await asyncio.sleep(0.05)  # the log is filled in this process's own loop
        calls = sandbox.tenant.log.since(seen)
        seen += len(calls)
        posted += sum(call.kind == "write" for call in calls)


MEASUREMENTS = (
    Measurement(
        {
            "sandbox_events_per_second": f"{PEOPLE} people's `joined` events sent at once, until each has their "
            "request posted. Time grows in line with the events; the rate falls with rules, facts and rows a person.",
            "sandbox_session_switching_share": "The part of that time which the SDK takes to accept and close a "
            "session for each event, measured with an app that does nothing. Grows with how many different people "
            "messages are about, not with messages; shrinks as the app takes longer.",
        },
        figures,
    ),
)
