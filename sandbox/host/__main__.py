"""`python -m sandbox.host FOLDER FD`: run the app in FOLDER and answer HTTP on the listening socket FD.

Only the sandbox starts it. It ends on SIGTERM, or when its standard input closes: then whoever started it is gone.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from azure.servicebus.aio import AutoLockRenewer, ServiceBusClient
from starlette.applications import Starlette

from lifecycle.adapters.clock import OffsetClock
from sandbox.host import hostjson, triggers, worker
from sandbox.host.admin import Admin
from sandbox.host.errors import HostError
from sandbox.host.hostjson import HostOptions
from sandbox.host.http import http_routes
from sandbox.host.pump import Pump
from sandbox.host.timers import Timers
from sandbox.host.triggers import QueueTrigger, TimerTrigger
from sandbox.serving import serving

_GRACE_SECONDS = 5.0
"""How long running calls may go on after the host was told to stop."""


async def run(app: Path, listener: socket.socket) -> None:
    """Load the app and serve it until told to stop; raise `HostError` when it cannot run."""
    options = hostjson.read(app, os.environ)
    loaded = await worker.load(app)
    found = triggers.read(loaded.functions.values(), os.environ)
    clock = OffsetClock(Path(os.environ["LIFECYCLE_CLOCK_FILE"]))
    timers = Timers.starting(loaded, (one for one in found if isinstance(one, TimerTrigger)), clock.now())
    routes = [*Admin(loaded, found, timers, clock).routes(), *http_routes(found, loaded, options.route_prefix)]
    queues = [one for one in found if isinstance(one, QueueTrigger)]
    async with pumping(queues, options, loaded), serving(Starlette(routes=routes), listener):
        await _told_to_stop()


@contextlib.asynccontextmanager
async def pumping(queues: Iterable[QueueTrigger], options: HostOptions, loaded: worker.Worker) -> AsyncIterator[None]:
    """Feed the queue functions inside the block."""
    async with contextlib.AsyncExitStack() as stack:
        clients = {one.connection: await stack.enter_async_context(_client(one.connection)) for one in queues}
        renewer = AutoLockRenewer(max_lock_renewal_duration=options.lock_renewal.total_seconds())
        stack.push_async_callback(renewer.close)
        pumps = [Pump(one, options, loaded, clients[one.connection], renewer) for one in queues]
        for pump in pumps:
            pump.start()
        try:
            yield
        finally:
            await asyncio.gather(*(pump.stop(_GRACE_SECONDS) for pump in pumps))


def _client(connection: str) -> ServiceBusClient:
    """Return a client that suits many short-lived receivers on loopback.

    With the default three retries a wait for a session lasts 23 s where none comes, and a pump begins anew by itself.
    Without a context of ours the SDK reads the whole CA bundle (22 ms) for every receiver, TLS or not.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return ServiceBusClient.from_connection_string(connection, retry_total=0, ssl_context=context)


async def _told_to_stop() -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(sys.stdin.fileno(), stop.set)  # nobody writes to it: readable means closed
    await stop.wait()
    loop.remove_reader(sys.stdin.fileno())


def main() -> int:
    """Run the host; the exit code is 1, with the reason on standard error, when the app cannot run."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("azure", "azure.functions", "azure.servicebus", "httpx", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    _, folder, descriptor = sys.argv
    try:
        asyncio.run(run(Path(folder), socket.socket(fileno=int(descriptor))))
    except HostError as error:
        sys.stderr.write(f"The function app cannot run: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
