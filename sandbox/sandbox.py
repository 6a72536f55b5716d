"""The whole sandbox: started in one order, stopped in the other, and what it leaves behind is nothing.

One event loop holds the broker, the Graph simulator, the clock and the control API; the Functions host is a process
beside it. Everything listens on the loopback address, on ports the system chooses.
"""

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Self

import msgspec
from starlette.applications import Starlette

from sandbox.broker import Broker
from sandbox.clock import MovableClock
from sandbox.control import Control
from sandbox.errors import SandboxError
from sandbox.functions import FunctionsHost, functions_host
from sandbox.graph import Tenant, app_token, control_routes, graph_app
from sandbox.queues import NAMES, QUEUES
from sandbox.serving import LOOPBACK, listen, serving, url
from sandbox.timeline import Timeline

_ROOT = Path(__file__).resolve().parents[1]
_LIMIT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """How to start a sandbox."""

    ready_file: Path | None = None
    """Written when everything answers, removed when the sandbox stops."""
    records: Path | None = None
    """Folder for the app's state, kept afterwards; without it the state is temporary. Its clock goes on there."""
    model: Path = _ROOT / "examples" / "model.yaml"
    tenant: Path = _ROOT / "examples" / "tenant.yaml"
    app: Path = _ROOT
    """The folder that holds function_app.py and host.json."""
    settings: Mapping[str, str] = MappingProxyType({})
    """App settings beside, or instead of, the sandbox's own."""
    verbose: bool = False
    """Whether the app's log goes to standard error; otherwise it goes to a file in the records."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What the ready file says: all that a program needs to talk to the sandbox or to join in."""

    servicebus: str
    """Connection string."""
    graph: str
    """Base URL, ending in /v1.0."""
    control: str
    functions: str
    queues: Mapping[str, str]
    """Queue names by role."""
    token: str
    """The bearer token that the Graph simulator takes."""
    records: str
    """Path of the app's SQLite file."""
    model: str
    clock_file: str
    settings: Mapping[str, str]
    """The app's settings as its environment has them: with these a CLI sees what the app sees."""


@dataclass(slots=True)
class Sandbox:
    """A running sandbox, inside `async with Sandbox(options) as sandbox`; `ready` says where everything is."""

    options: SandboxOptions
    ready: Ready = field(init=False)
    timeline: Timeline = field(init=False)
    host: FunctionsHost = field(init=False)
    broker: Broker = field(init=False)
    tenant: Tenant = field(init=False)
    _flow: asyncio.Task[None] = field(init=False)
    _stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._stack.aclose()

    async def advance(self, by: timedelta, limit: timedelta = _LIMIT) -> None:
        """Live through `by`: see `Timeline.advance`."""
        await self.timeline.advance(by, limit)

    async def jump(self, by: timedelta) -> None:
        """Lose `by`: see `Timeline.jump`."""
        await self.timeline.jump(by)

    async def idle(self, limit: timedelta = _LIMIT) -> None:
        """Wait until nothing is queued, running or in transit; raise `StillBusyError` after `limit` of real time."""
        await self.timeline.idle(limit)

    async def broken(self) -> SandboxError:
        """Wait until the sandbox can no longer go on, and return why."""
        host = asyncio.create_task(self.host.ended())
        try:
            await asyncio.wait({host, self._flow}, return_when=asyncio.FIRST_COMPLETED)
            if self._flow.done() and isinstance(error := self._flow.exception(), SandboxError):
                return error
            if self._flow.done():
                return SandboxError(f"The sandbox's clock stopped: {self._flow.exception()!r}")
            return host.result()
        finally:
            host.cancel()

    async def _start(self) -> None:
        _clear(self.options.ready_file)
        scratch = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="lifecycle-sandbox-")))
        folder = _folder(self.options.records or scratch / "records")
        clock_file = folder / "clock"
        clock, token = MovableClock(clock_file), app_token()

        try:
            self.tenant = Tenant.from_yaml(self.options.tenant, now=clock.now, token=token)
        except (OSError, ValueError) as error:
            raise SandboxError(f"The tenant cannot be read from {self.options.tenant}: {error}") from error
        self.broker = Broker(QUEUES, host=LOOPBACK, now=clock.timestamp)
        await self.broker.start()
        self._stack.push_async_callback(self.broker.stop)
        graph = listen()
        await self._stack.enter_async_context(serving(graph_app(self.tenant), graph))

        settings = _settings(self.options, folder, self.broker.connection_string, f"{url(graph)}/v1.0", token)
        log = None if self.options.verbose else folder / "functions.log"
        app, environment = self.options.app.resolve(), {"TMPDIR": str(scratch), **settings}
        self.host = await self._stack.enter_async_context(functions_host(app, environment, log))

        self.timeline = Timeline(clock, self.broker, self.tenant, self.host)
        self._flow = await self._stack.enter_async_context(self.timeline.flowing())
        control, server = Control(self.timeline, self.broker, self.host), listen()
        routes = [*control.routes(), *control_routes(self.tenant)]
        await self._stack.enter_async_context(serving(Starlette(routes=routes), server))

        self.ready = _ready(settings, control=url(server), functions=self.host.url)
        self._stack.enter_context(_announced(self.ready, self.options.ready_file))


async def run(options: SandboxOptions) -> None:
    """Run a sandbox until Ctrl-C or SIGTERM; raise `SandboxError` when it cannot start or go on."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    running, told = asyncio.create_task(_run_until_broken(options)), asyncio.create_task(stop.wait())
    await asyncio.wait({running, told}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if stop.is_set():
        running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.remove_signal_handler(number)


async def _run_until_broken(options: SandboxOptions) -> None:
    async with Sandbox(options) as sandbox:
        raise await sandbox.broken()


def _clear(ready_file: Path | None) -> None:
    """Remove what a killed sandbox left, so that nobody takes it for this one's."""
    if ready_file is None:
        return
    if not ready_file.parent.is_dir():
        raise SandboxError(f"The ready file cannot be written: {ready_file.parent} is no folder. Create it first.")
    ready_file.unlink(missing_ok=True)


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


def _settings(options: SandboxOptions, folder: Path, servicebus: str, graph: str, token: str) -> dict[str, str]:
    """Return the app settings, as an Azure deployment would set them, with the sandbox's addresses."""
    return {
        "ServiceBus": servicebus,
        **{f"{role.upper()}_QUEUE": name for role, name in NAMES.items()},
        "LIFECYCLE_WRITES_PER_SECOND": "200",  # the simulator keeps to the story's clock, the worker to the real one
        "WAKE_SCHEDULE": "0 */5 * * * *",
        "DRIFT_SCHEDULE": "0 0 2 * * *",
        "LIFECYCLE_RECORDS": f"sqlite:///{folder / 'records.db'}",
        "LIFECYCLE_MODEL": str(options.model.resolve()),
        "LIFECYCLE_BODIES": str(_folder(folder / "bodies")),
        "SEAL_SCHEDULE": "0 30 3 * * *",
        "LIFECYCLE_SEALS": str(_folder(folder / "seals")),
        "LIFECYCLE_CLOCK_FILE": str(folder / "clock"),
        "LIFECYCLE_DASHBOARD_OPEN": "loopback",
        "GRAPH_URL": graph,
        "GRAPH_TOKEN": token,
        # One instance serves everybody here, so it may not hold a session that has nothing more to do.
        "AzureFunctionsJobHost__extensions__serviceBus__sessionIdleTimeout": "00:00:00.1",
        **options.settings,
    }


def _ready(settings: Mapping[str, str], *, control: str, functions: str) -> Ready:
    return Ready(
        servicebus=settings["ServiceBus"],
        graph=settings["GRAPH_URL"],
        control=control,
        functions=functions,
        queues=dict(NAMES),
        token=settings["GRAPH_TOKEN"],
        records=settings["LIFECYCLE_RECORDS"].removeprefix("sqlite:///"),
        model=settings["LIFECYCLE_MODEL"],
        clock_file=settings["LIFECYCLE_CLOCK_FILE"],
        settings=settings,
    )


@contextlib.contextmanager
def _announced(ready: Ready, path: Path | None) -> Iterator[None]:
    """Keep the ready file in place inside the block; it appears whole or not at all."""
    if path is None:
        yield
        return
    scratch = path.with_name(f".{path.name}.new")
    scratch.write_bytes(msgspec.json.format(msgspec.json.encode(ready), indent=2) + b"\n")
    scratch.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
