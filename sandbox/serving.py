"""A web application inside a running event loop, on a socket that is already bound.

The socket comes first so that its address is known before anything answers, and can be handed to another process.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.types import ASGIApp

LOOPBACK = "127.0.0.1"


def listen(port: int = 0) -> socket.socket:
    """Return a listening socket on the loopback address; connections wait in it until somebody serves."""
    return socket.create_server((LOOPBACK, port), backlog=128)


def url(listener: socket.socket) -> str:
    """Return the base URL of a listening socket, without a final slash."""
    return f"http://{LOOPBACK}:{listener.getsockname()[1]}"


class _Server(uvicorn.Server):
    """uvicorn, leaving the process's signals to whoever owns the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(application: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Serve inside the block; then finish open requests (a second at most) and close the socket."""
    config = uvicorn.Config(
        application,
        lifespan="off",
        ws="none",
        access_log=False,
        date_header=False,  # who has a clock of its own says what time it is there
        log_config=None,
        log_level="warning",
        timeout_graceful_shutdown=1,
        timeout_keep_alive=60,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await task
        listener.close()
