"""The adapter itself: one client and one sender a queue, made when first used and kept.

Opening a link costs half a second, and the links belong to the event loop that opened them.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Self

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusMessage, ServiceBusMessageState, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender

from lifecycle import traces
from lifecycle.adapters.servicebus import connection, looking, sending
from lifecycle.errors import Misconfigured, Transient
from lifecycle.ports import Message, Queue, SetAside

SESSIONS = frozenset({Queue.WORK})  # the queues whose messages have a session, the person


class ServiceBus:
    """Implements `Bus` and `Lectern` on the queues that `names` maps the roles to.

    Belongs to the event loop that uses it first. `close` it in the end.
    """

    def __init__(self, connect: Callable[[], ServiceBusClient], names: Mapping[Queue, str]) -> None:
        self._connect, self._names = connect, names
        self._client: ServiceBusClient | None = None
        self._senders: dict[Queue, ServiceBusSender] = {}
        self._turns = {queue: asyncio.Lock() for queue in Queue}  # a sender is not safe for two coroutines at once

    @classmethod
    def by_identity(cls, namespace: str, credential: AsyncTokenCredential, names: Mapping[Queue, str]) -> Self:
        """Use the namespace (`x.servicebus.windows.net`) as the identity, which the caller keeps and closes."""
        return cls(partial(ServiceBusClient, namespace, credential, **connection.patience()), names)

    @classmethod
    def by_connection_string(cls, text: str, names: Mapping[Queue, str]) -> Self:
        """Use a connection string of a namespace, or of a broker on this machine.

        Raises:
            Misconfigured: it is malformed, is for one queue only, or turns TLS off for another machine.

        """
        connection.check_connection_string(text)
        return cls(partial(ServiceBusClient.from_connection_string, text, **connection.patience()), names)

    async def close(self) -> None:
        """Close every link and the connection. Takes about a second, the client library's own pause."""
        client, self._client = self._client, None
        senders, self._senders = self._senders, {}
        await asyncio.gather(*(sender.close() for sender in senders.values()), return_exceptions=True)
        if client is not None:
            await client.close()

    # --- Bus ---

    async def send(self, queue: Queue, messages: Sequence[Message], *, at: datetime | None = None) -> None:
        """Send, or schedule for `at`, in as few requests as fit.

        Raises:
            Transient: nobody knows how many arrived; sending all again is safe while duplicates are detected.
            Throttled: the namespace is busy.
            Permanent: a message is too large, the queue does not exist, or the identity may not send to it.

        """
        if at is not None and at.tzinfo is None:
            raise ValueError("A message can be scheduled for an aware instant only.")
        ready = [sending.outgoing(message) for message in messages]
        if not ready:
            return
        about: dict[str, traces.Value] = {"messaging.batch.message_count": len(ready)}
        with traces.sending(queue, about):
            await self._send(queue, ready, at)

    async def _send(self, queue: Queue, ready: list[ServiceBusMessage], at: datetime | None) -> None:
        async with self._turns[queue], self._translated(queue):
            sender = self._sender(queue)
            if at is None:
                await sending.send(sender, ready)
            else:
                await sending.schedule(sender, ready, at.astimezone(UTC))

    # --- Lectern ---

    async def browse(self, queue: Queue, *, dead: bool = False) -> list[SetAside]:
        """Return what lies in the queue, oldest first, also what somebody is at; scheduled messages do not lie yet.

        One request a hundred messages; nothing is taken and no delivery counted.
        """
        async with self._translated(queue), self._peeking(queue, dead=dead) as peek:
            return [
                looking.set_aside(message, queue, dead=dead)
                async for message in looking.pages(peek)
                if message.state is ServiceBusMessageState.ACTIVE
            ]

    async def take(self, message: SetAside) -> bool:
        """Remove exactly that message; False when it is gone.

        Service Bus removes only what it has delivered, in order: every message before it is received too, and given
        back uncounted. Meanwhile nobody else gets those, and when this process dies, they wait for the queue's
        LockDuration and count a delivery. Raises `Transient` when somebody else has the message or its session.
        """
        async with (
            self._translated(message.queue),
            self._receiver(message.queue, dead=message.dead, session=message.session) as receiver,
        ):
            if not await looking.lies(receiver, message.number):
                return False
            if await looking.take(receiver, message.number):
                return True
            if not await looking.lies(receiver, message.number):
                return False
        raise Transient(
            f"Message {message.number} of {self._name(message.queue)} is with another reader; try again in a minute."
        )

    # --- links ---

    def _name(self, queue: Queue) -> str:
        if (name := self._names.get(queue)) is None:
            raise Misconfigured(f"No queue is named for the role {queue}; name it in the settings.")
        return name

    def _connected(self) -> ServiceBusClient:
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _sender(self, queue: Queue) -> ServiceBusSender:
        if queue not in self._senders:
            self._senders[queue] = self._connected().get_queue_sender(self._name(queue))
        return self._senders[queue]

    def _receiver(self, queue: Queue, *, dead: bool, session: str | None) -> ServiceBusReceiver:
        return self._connected().get_queue_receiver(
            self._name(queue),
            sub_queue=ServiceBusSubQueue.DEAD_LETTER if dead else None,
            session_id=session if queue in SESSIONS and not dead else None,
            max_wait_time=looking.GATHER.total_seconds(),
        )

    @contextlib.asynccontextmanager
    async def _peeking(self, queue: Queue, *, dead: bool) -> AsyncIterator[looking.Peek]:
        if dead or queue not in SESSIONS:
            async with self._receiver(queue, dead=dead, session=None) as receiver:
                yield partial(looking.peek, receiver)
        else:
            browser = looking.session_browser(self._connected(), self._name(queue))
            try:
                yield partial(looking.peek_over_sessions, browser)
            finally:
                await browser.close()

    @contextlib.asynccontextmanager
    async def _translated(self, queue: Queue) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(connection.WHOLE.total_seconds() + 5):
                yield
        except (AzureError, OSError, TimeoutError) as error:
            if isinstance(error, TimeoutError):
                await self._drop_sender(queue)
            raise connection.translated(error, f"{queue} ({self._names.get(queue, 'unnamed')})") from error

    async def _drop_sender(self, queue: Queue) -> None:
        """Close a sender that was cut off in the middle, for its link may be in any state; the next send opens anew."""
        if (sender := self._senders.pop(queue, None)) is not None:
            with contextlib.suppress(AzureError, OSError, TimeoutError):
                await asyncio.wait_for(sender.close(), connection.ATTEMPT.total_seconds())
