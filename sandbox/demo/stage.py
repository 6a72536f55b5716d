"""Drives the sandbox for the story: sends what outsiders would send, moves time, asks Graph and Lifecycle what is.

HR and the project office send through the Azure SDK alone, as their own programs would: JSON to a queue. Graph is asked
over HTTP. Only the feed, the quarantine and the explanations use Lifecycle's own parts, as its command line does.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import yaml
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from lifecycle import messages
from lifecycle.adapters import csv_feed
from lifecycle.adapters.mapping import load
from lifecycle.core.evidence import Record
from lifecycle.core.work import Disposal, Dispose, Release
from lifecycle.feed import Feed, FeedReport
from lifecycle.look import Look, look
from lifecycle.ports import SetAside
from lifecycle.quarantine import Quarantine, name_of
from lifecycle.records import holds
from lifecycle.records.dossier import open_dossier
from lifecycle.records.identities import identity_of
from lifecycle.settings import from_environment
from lifecycle.wiring import Wiring
from sandbox.demo.company import ZONE, Company, mapping, model, tenant
from sandbox.demo.verdict import Held, State
from sandbox.sandbox import Sandbox, SandboxOptions

FEEDS, RELEASES = "sandbox:hr-desk", "sandbox:engineer"
"""Two people: whoever takes the list that causes a hold cannot release it."""

_FOLLOWED = timedelta(seconds=20)
"""The first follow-up of a request comes after 15 seconds; by then this sandbox has delivered everything."""
_PATIENCE = timedelta(minutes=3)
_GOVERNANCE = "identityGovernance/entitlementManagement"


@dataclass(frozen=True, slots=True)
class Event:
    """A CloudEvent as an outsider writes it."""

    id: str
    queue: str
    content: Mapping[str, Any]


@dataclass(slots=True)
class Stage:
    """A running sandbox with this company in it; make it with `open_stage`."""

    company: Company
    folder: Path
    sandbox: Sandbox
    wiring: Wiring
    http: httpx.AsyncClient
    bus: ServiceBusClient
    _events: int = 0
    _senders: dict[str, Any] = field(default_factory=dict)

    # --- time ---

    @property
    def now(self) -> datetime:
        """The sandbox's time, in the company's zone."""
        return self.wiring.clock.now().astimezone(ZONE)

    async def settle(self, by: timedelta = _FOLLOWED) -> None:
        """Let everything that was sent be worked on, then live through the time in which Graph delivers."""
        await self.sandbox.timeline.quiet(_PATIENCE)
        await self.sandbox.advance(by, _PATIENCE)

    async def until(self, hour: int, minute: int = 0, *, days: int = 0) -> None:
        """Live until that time of day in the company's zone, `days` from today."""
        await self.sandbox.advance(self._span(hour, minute, days), _PATIENCE)

    async def sleep_until(self, hour: int, *, days: int) -> None:
        """Lose the time until then, as an outage does."""
        await self.sandbox.jump(self._span(hour, 0, days))

    def _span(self, hour: int, minute: int, days: int) -> timedelta:
        now = self.now
        target = (now + timedelta(days=days)).replace(hour=hour, minute=minute, second=0, microsecond=0)
        return target.astimezone(UTC) - now.astimezone(UTC)  # in one zone, a change of its clocks would not count

    # --- what outsiders send ---

    def event(self, kind: str, subject: str, data: Mapping[str, Any], *, source: str, ahead: timedelta) -> Event:
        """Return an event that its source records now, or `ahead` of now by a wrong clock."""
        self._events += 1
        name = f"demo-{self._events:03d}"
        recorded = self.now + ahead
        content = {
            "specversion": "1.0",
            "id": name,
            "source": source,
            "type": f"lifecycle.{kind}",
            "subject": subject,
            "time": recorded.isoformat(timespec="milliseconds"),
            "datacontenttype": "application/json",
            "data": data,
        }
        return Event(name, "projects" if kind.startswith("project.") else "hr", content)

    async def send(self, *events: Event, copy: str = "") -> None:
        """Send events in this order; `copy` makes the broker take a repeated one for a new message."""
        for event in events:
            queue = self.sandbox.ready.queues[event.queue]
            if queue not in self._senders:
                self._senders[queue] = self.bus.get_queue_sender(queue)
            message = ServiceBusMessage(json.dumps(event.content), message_id=f"{event.id}{copy}")
            await self._senders[queue].send_messages(message)

    async def feed(self, content: bytes) -> FeedReport:
        """Take a file of HR's, as of now. Raises as `Feed.take` does."""
        ports = await self.wiring.ports()
        snapshot = csv_feed.read(content, load(self.folder / "mapping.yaml"))
        return await Feed(ports.records, ports.bus, ports.clock).take(snapshot, as_of=ports.clock.now(), actor=FEEDS)

    async def release(self, held: holds.HeldSet) -> None:
        """Approve a held set by its hash: a message on the sweeps queue, as the command line sends it."""
        ports = await self.wiring.ports()
        asked = Release(held.run, held.hash, RELEASES, "the agency's contract has ended")
        await messages.ask(ports.bus, asked, now=ports.clock.now())

    async def dispose(self, what: Disposal, message: SetAside, because: str) -> None:
        """Have a message that was set aside replayed or discarded, as the command line asks for it."""
        ports = await self.wiring.ports()
        asked = Dispose(f"demo-{message.number}", what, (name_of(message),), FEEDS, because)
        await messages.ask(ports.bus, asked, now=ports.clock.now())

    # --- what the tenant does by itself, and what goes wrong in it ---

    async def change_tenant(self, change: Mapping[str, Any]) -> None:
        """Do to the directory what others do."""
        await self._post("graph/tenant", change)

    async def misbehave(self, *faults: Mapping[str, Any]) -> None:
        """Arm faults of Graph."""
        await self._post("faults", {"add": list(faults)})

    async def pace(self, *, latency: tuple[int, int], seed: int) -> None:
        """Set how many seconds Graph takes to deliver."""
        await self._post("faults", {"set": {"latency": latency, "seed": seed}})

    async def _post(self, path: str, body: Mapping[str, Any]) -> None:
        answer = await self.http.post(f"{self.sandbox.ready.control}/{path}", json=body)
        answer.raise_for_status()

    # --- what Lifecycle knows ---

    async def look(self, number: str) -> Look:
        """Return what Lifecycle would do about somebody now, and why; nothing is changed by asking."""
        return await look(number, await self.wiring.ports(), cause="demo", settle=False)

    async def evidence(self, number: str) -> list[Record]:
        """Return somebody's chain of evidence."""
        ports = await self.wiring.ports()
        person = (await identity_of(ports.records, number)).person
        return await (await open_dossier(ports.records, person)).chain()

    async def held(self) -> list[holds.HeldSet]:
        """Return what the guard holds."""
        return await holds.runs((await self.wiring.ports()).records)

    async def quarantine(self) -> list[SetAside]:
        """Return what was set aside."""
        ports = await self.wiring.ports()
        return await Quarantine(ports.lectern, ports.bodies).everything()

    # --- what Graph says ---

    async def log(self) -> list[dict[str, Any]]:
        """Return every request that Graph saw."""
        answer = await self.http.get(f"{self.sandbox.ready.control}/graph/log")
        answer.raise_for_status()
        entries: list[dict[str, Any]] = answer.json()
        return entries

    async def writes(self) -> list[dict[str, Any]]:
        """Return every request of Lifecycle's that Graph saw and that was no read."""
        return [call for call in await self.log() if call["kind"] == "write"]

    async def state(self) -> State:
        """Read accounts, assignments and requests from Graph, over HTTP, and count the calls that Lifecycle made."""
        calls, writes = len(await self.log()), len(await self.writes())
        users = await self._list("users?$select=id,employeeId,accountEnabled")
        numbers = {user["id"]: user["employeeId"] for user in users}
        rows = await self._list(f"{_GOVERNANCE}/assignments?$expand=target,accessPackage")
        requests = await self._list(f"{_GOVERNANCE}/assignmentRequests?$expand=requestor,accessPackage")
        live = tuple(_held(row, "target", numbers) for row in rows if row["state"] == "delivered")
        made = tuple((row["requestType"], _held(row, "requestor", numbers)) for row in requests)
        return State(tuple(numbers.values()), live, made, calls - writes, writes)

    async def _list(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        url = f"{self.sandbox.ready.graph}/{path}"
        while url:
            answer = await self.http.get(url, headers={"Authorization": f"Bearer {self.sandbox.ready.token}"})
            answer.raise_for_status()
            page = answer.json()
            found += page["value"]
            url = page.get("@odata.nextLink", "")
        return found

    async def close(self) -> None:
        """Close what was opened for sending."""
        for sender in self._senders.values():
            await sender.close()


def _held(row: Mapping[str, Any], who: str, numbers: Mapping[str, str]) -> Held:
    return Held(numbers[row[who]["objectId"]], row["accessPackage"]["displayName"])


@contextlib.asynccontextmanager
async def open_stage(company: Company, folder: Path) -> AsyncIterator[Stage]:
    """Start a sandbox with this company's tenant and access model, whose files are written into `folder`."""
    for name, content in (("tenant", tenant(company)), ("model", model()), ("mapping", mapping(company))):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    options = SandboxOptions(tenant=folder / "tenant.yaml", model=folder / "model.yaml", records=folder / "records")
    async with contextlib.AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox(options))
        wiring = Wiring(from_environment(sandbox.ready.settings))
        stack.push_async_callback(wiring.close)
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=60, trust_env=False))
        bus = await stack.enter_async_context(ServiceBusClient.from_connection_string(sandbox.ready.servicebus))
        stage = Stage(company, folder, sandbox, wiring, http, bus)
        stack.push_async_callback(stage.close)
        await stage.pace(latency=(1, 8), seed=7)
        yield stage
