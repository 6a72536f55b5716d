"""Keeps what could not be understood, with its reason, and finds it again beside the broker's own dead letters.

The Functions binding cannot dead-letter with a reason, so a copy goes to the quarantine queue and the message itself
is done. A large body is kept beside the queue. What becomes of a message in the end is `lifecycle.dispose`'s business.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lifecycle import measures, messages, traces
from lifecycle.contract.cloudevents import decode, message_id
from lifecycle.errors import MalformedEvent, Permanent
from lifecycle.ports import Bodies, Lectern, Message, Ports, Queue, SetAside

LARGE = 200 * 1024
"""Bytes from which a body is kept beside the queue: the copy carries more properties than the original did."""

CONSUMED = (Queue.HR, Queue.PROJECTS, Queue.DECISIONS, Queue.WORK, Queue.SWEEPS)
"""The queues that the app reads: where a message may have come from, and where the broker may give one up."""

_REASON = 2000


async def set_aside(queue: Queue, body: bytes, reason: str, ports: Ports, *, session: str | None = None) -> None:
    """Put a message aside with its reason and say so on `notices`."""
    now = ports.clock.now()
    digest = hashlib.sha256(body).hexdigest()
    properties = {"queue": str(queue), "reason": reason[:_REASON], "at": now.isoformat(), **traces.carried()}
    if session is not None:
        properties["session"] = session
    event = about(body)
    if len(body) > LARGE:
        properties["body"] = await ports.bodies.put(digest, body)
        body = b"{}"
    name = message_id("quarantine", f"{queue} {digest} {now.isoformat()}")
    await ports.bus.send(Queue.QUARANTINE, [Message(name, body, properties=properties)])
    measures.count(measures.SET_ASIDE, {"queue": str(queue)})
    data = {"queue": str(queue), "reason": reason[:_REASON], **event}
    await messages.notify(ports.bus, "event.setaside", str(data.get("subject") or "unknown"), data, now=now)


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Everything that was set aside, ours and the broker's own dead letters."""

    lectern: Lectern
    bodies: Bodies

    async def everything(self, queues: Sequence[Queue] = CONSUMED) -> list[SetAside]:
        """Return what was set aside from the queues, and the dead letters of each, oldest first."""
        found = await self._lying((Queue.QUARANTINE, *queues))
        if queues is not CONSUMED:  # else also what does not say where it came from
            found = [message for message in found if came_from(message) in queues]
        return sorted(found, key=lambda message: (message.at, message.dead, message.number))

    async def named(self, names: Iterable[str]) -> dict[str, SetAside]:
        """Return those of the named messages that are there, by name; only the queues that are named are looked into.

        Raises `Permanent` for a name that cannot be one.
        """
        wanted = set(names)
        queues = {_queue_of(name) for name in wanted}
        return {name: found for found in await self._lying(sorted(queues)) if (name := name_of(found)) in wanted}

    async def _lying(self, queues: Sequence[Queue]) -> list[SetAside]:
        """Look into the queues side by side: each costs the opening of a link."""
        looks = [self.lectern.browse(queue, dead=queue is not Queue.QUARANTINE) for queue in queues]
        return [message for found in await asyncio.gather(*looks) for message in found]

    async def body_of(self, message: SetAside) -> bytes:
        """Return the message's body, from where large ones are kept if need be."""
        reference = message.properties.get("body")
        return await self.bodies.get(reference) if reference else message.body


def name_of(message: SetAside) -> str:
    """Return how people name a message: its number, for a dead letter with its queue before it."""
    return f"{message.queue}:{message.number}" if message.dead else str(message.number)


def came_from(message: SetAside) -> str:
    """Return the queue that a message was set aside from, or given up on; empty when it does not say."""
    return str(message.queue) if message.dead else message.properties.get("queue", "")


def _queue_of(name: str) -> Queue:
    """Return the queue in which a message of that name would lie. Raises `Permanent` when it can be no name."""
    queue, _, number = name.rpartition(":")
    if number.isascii() and number.isdigit() and (not queue or queue in set(CONSUMED)):
        return Queue(queue) if queue else Queue.QUARANTINE
    shown = ascii(name)[1:-1][:40]
    raise Permanent(f"{shown} is no name of a message: it is a number, or a queue and a number as in hr:3")


def origin_of(message: SetAside) -> tuple[Queue, str | None]:
    """Return the queue a message came from and its session. Raises `Permanent` when it does not say."""
    if message.dead:
        return message.queue, message.session
    name = message.properties.get("queue", "")
    if name not in set(CONSUMED):
        raise Permanent(f"quarantined message {message.number} does not say which queue it came from; discard it")
    return Queue(name), message.properties.get("session")


def about(body: bytes) -> dict[str, str]:
    """Return what can be said of a message that may be anything: its id, type and subject when it is an event."""
    try:
        event = decode(body)
    except MalformedEvent:
        return {}
    return {"event": event.id, "type": event.type, "subject": event.subject}
