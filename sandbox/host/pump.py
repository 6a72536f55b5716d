"""Feeds one function from its queue, as the Service Bus extension does: one message a call, complete or abandon.

It speaks to the broker through the unmodified azure-servicebus SDK. What the SDK makes slow is hidden, not changed:
accepting a session takes half a second (so more accept than may be served), and closing a receiver waits up to a
second for its keep-alive loop (so receivers close in the background).
"""

import asyncio
import logging
from dataclasses import dataclass, field

from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusReceivedMessage
from azure.servicebus.aio import AutoLockRenewer, ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import OperationTimeoutError

from sandbox.host import payload
from sandbox.host.hostjson import HostOptions
from sandbox.host.triggers import QueueTrigger
from sandbox.host.worker import Failure, Worker

_log = logging.getLogger(__name__)

_WAIT_SECONDS = 20.0
"""How long one wait for a session or a message lasts before it is begun again."""
_RECONNECT_SECONDS = 0.5
_ACCEPTING = 2
"""Receivers for each session that may be served at once: one is accepting while another is served."""
_SPARE = 2
"""Receivers of a queue without sessions that wait while others work; each costs a connection."""


@dataclass(slots=True)
class Pump:
    """One function's receivers, each a task that takes one message after the other."""

    trigger: QueueTrigger
    options: HostOptions
    worker: Worker
    client: ServiceBusClient
    renewer: AutoLockRenewer
    _serving: asyncio.Semaphore = field(init=False)
    _stopping: bool = False
    _waiting: int = 0
    _receivers: set[asyncio.Task[None]] = field(default_factory=set)
    _handling: set[asyncio.Task[None]] = field(default_factory=set)
    _closing: set[asyncio.Task[None]] = field(default_factory=set)

    def start(self) -> None:
        """Begin to receive; returns at once."""
        self._serving = asyncio.Semaphore(self.options.sessions)
        for _ in range(
            _ACCEPTING * self.options.sessions if self.trigger.sessions else min(_SPARE, self.options.calls)
        ):
            self._add_receiver()

    async def stop(self, grace: float) -> None:
        """Take no more messages and give running calls `grace` seconds; what is unsettled then goes back."""
        self._stopping = True
        for task in self._receivers - self._handling:
            task.cancel()
        if self._receivers:
            await asyncio.wait(self._receivers, timeout=grace)
        for task in self._receivers:
            task.cancel()
        await asyncio.gather(*self._receivers, return_exceptions=True)
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _add_receiver(self) -> None:
        task = asyncio.create_task(self._serve_sessions() if self.trigger.sessions else self._serve_queue())
        self._receivers.add(task)
        task.add_done_callback(self._receivers.discard)

    async def _serve_sessions(self) -> None:
        """Hold one session after the other, whichever is next available, until it has been idle for long enough."""
        idle = self.options.session_idle.total_seconds()
        while not self._stopping:
            receiver = self.client.get_queue_receiver(
                self.trigger.queue,
                session_id=NEXT_AVAILABLE_SESSION,
                max_wait_time=_WAIT_SECONDS,
                auto_lock_renewer=self.renewer,
            )
            try:
                await receiver.__aenter__()
                async with self._serving:
                    while not self._stopping and await self._take(receiver, idle):
                        pass
            except OperationTimeoutError:
                pass  # no session has a message
            except Exception as error:  # noqa: BLE001  a receiver may fail in many ways; the next one starts afresh
                await self._failed(error)
            finally:
                self._close(receiver)

    async def _serve_queue(self) -> None:
        """Take messages until there is nothing to do and others wait already."""
        superfluous = False
        while not (self._stopping or superfluous):
            receiver = self.client.get_queue_receiver(self.trigger.queue, auto_lock_renewer=self.renewer)
            try:
                while not (self._stopping or superfluous):
                    superfluous = not await self._take(receiver, _WAIT_SECONDS) and self._waiting >= _SPARE
            except Exception as error:  # noqa: BLE001  as above
                await self._failed(error)
            finally:
                self._close(receiver)

    async def _take(self, receiver: ServiceBusReceiver, wait: float) -> bool:
        """Handle the next message, and say whether there was one."""
        self._waiting += 1
        try:
            messages = await receiver.receive_messages(max_message_count=1, max_wait_time=wait)
        finally:
            self._waiting -= 1
        if not messages:
            return False
        if not self.trigger.sessions and self._waiting == 0 and len(self._receivers) < self.options.calls:
            self._add_receiver()
        await self._handle(receiver, messages[0])
        return True

    async def _handle(self, receiver: ServiceBusReceiver, message: ServiceBusReceivedMessage) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  a coroutine that runs has a task; mypy cannot know
        self._handling.add(task)
        try:
            if await self._call(message) is None:
                await receiver.complete_message(message)
            else:
                await receiver.abandon_message(message)
        finally:
            self._handling.discard(task)

    async def _call(self, message: ServiceBusReceivedMessage) -> Failure | None:
        try:
            data = payload.body(payload.content_of(message))
        except payload.UndecodableBodyError as error:
            _log.error("function %s, message %s: %s", self.trigger.function, message.message_id, error)
            return Failure(str(error), "")
        return await self.worker.invoke(
            self.trigger.function, self.trigger.parameter, data, payload.metadata_of(message)
        )

    async def _failed(self, error: Exception) -> None:
        _log.warning("queue %s: %s: %s; a new receiver starts", self.trigger.queue, type(error).__name__, error)
        await asyncio.sleep(_RECONNECT_SECONDS)

    def _close(self, receiver: ServiceBusReceiver) -> None:
        task = asyncio.create_task(receiver.close())
        self._closing.add(task)
        task.add_done_callback(self._closed)

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.debug("a receiver of %s closed badly: %s", self.trigger.queue, error)
