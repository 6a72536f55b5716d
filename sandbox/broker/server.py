"""The broker: its queues, its TCP port, its two clocks, and the faults that can be switched on while it runs."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence

from sandbox.broker.config import DEAD_LETTER_SUFFIX, QueueConfig, QueueCounts
from sandbox.broker.connection import Connection
from sandbox.broker.entity import Entity
from sandbox.broker.queue import Queue

_TICK = 0.02  # seconds between looks at the clocks: `now` may be anybody's, so nothing tells when it has moved


class Broker:
    """A Service Bus namespace with these queues. Everything but the constructor belongs to one event loop.

    `now` is the virtual clock in unix seconds: schedules, time to live, enqueued times, duplicate windows. Locks and
    AMQP timeouts stay on real time, for the clients that hold them live there. A port of 0 takes a free one.
    """

    def __init__(
        self,
        queues: Sequence[QueueConfig],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._host = host
        self._port = port
        self._entities = {config.name.lower(): Entity(Queue(config, now=now)) for config in queues}
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._ticking: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The TCP port; the real one once started."""
        return self._port

    @property
    def connection_string(self) -> str:
        """What a client connects with; UseDevelopmentEmulator turns TLS off and keeps the port."""
        return (
            f"Endpoint=sb://{self._host}:{self._port};SharedAccessKeyName=local;SharedAccessKey=local;"
            "UseDevelopmentEmulator=true"
        )

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._find, self._connections), self._host, self._port
        )
        self._port = self._server.sockets[0].getsockname()[1]
        self._ticking = loop.create_task(self._tick_for_ever(), name="broker ticks")

    async def stop(self) -> None:
        """Stop listening and cut every connection; the queues keep what they have. Stopping twice is fine."""
        if self._ticking is not None:
            self._ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticking
        if self._server is not None:
            self._server.close()
            self.drop_connections()
            await self._server.wait_closed()
        self._server = self._ticking = None

    # What the sandbox asks

    def counts(self, name: str) -> QueueCounts:
        """How many messages a queue has, without looking at any. Raises KeyError for an unknown queue."""
        return self._entity(name).queue.counts()

    def next_due(self) -> float | None:
        """When the earliest scheduled message of all queues falls due (virtual unix seconds)."""
        dues = [due for entity in self._entities.values() if (due := entity.queue.next_due()) is not None]
        return min(dues, default=None)

    def wake(self) -> None:
        """Act at once on a virtual clock that was moved: release what is due, drop what has expired, deliver."""
        for entity in self._entities.values():
            entity.tick()

    # Faults

    def fail_next_sends(self, queue: str, count: int) -> None:
        """Answer the next sends (a batch is one, scheduling too) with com.microsoft:server-busy; 0 ends it."""
        self._entity(queue).queue.sends_to_refuse = count

    def drop_connections(self) -> None:
        """Close every TCP connection without a word; sessions are free at once, message locks run on."""
        for connection in list(self._connections):
            connection.abort()

    def expire_locks(self, queue: str) -> None:
        """End all locks of a queue and its dead letters as if their time had come; deliveries count."""
        self._entity(queue).tick(all_locks=True)

    def _entity(self, name: str) -> Entity:
        entity = self._find(name.lower())
        if entity is None:
            raise KeyError(f"The broker has no queue '{name}'; it has {', '.join(self._entities)}.")
        return entity

    def _find(self, node: str) -> Entity | None:
        """The entity at a lower-case address, dead-letter queues included."""
        if (entity := self._entities.get(node)) is not None:
            return entity
        parent = self._entities.get(node.removesuffix(DEAD_LETTER_SUFFIX))
        return parent.dead_letters if parent is not None else None

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            self.wake()
