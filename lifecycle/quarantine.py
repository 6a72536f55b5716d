"""Keeps what could not be understood, with its reason, and sends it round again once its cause was mended.

The Functions binding cannot dead-letter with a reason, so a copy goes to the quarantine queue and the message itself
is done. A large body is kept beside the queue. A replay is a new message; replaying twice is replaying once, since
facts are deduplicated and looks find nothing left to do.
"""

import hashlib
from dataclasses import dataclass

from lifecycle import measures, messages, traces
from lifecycle.contract.cloudevents import decode, message_id
from lifecycle.errors import MalformedEvent, Permanent
from lifecycle.ports import Bodies, Bus, Lectern, Message, Ports, Queue, SetAside

LARGE = 200 * 1024
"""Bytes from which a body is kept beside the queue: the copy carries more properties than the original did."""

_REASON = 2000


async def set_aside(queue: Queue, body: bytes, reason: str, ports: Ports, *, session: str | None = None) -> None:
    """Put a message aside with its reason and say so on `notices`."""
    now = ports.clock.now()
    digest = hashlib.sha256(body).hexdigest()
    properties = {"queue": str(queue), "reason": reason[:_REASON], "at": now.isoformat(), **traces.carried()}
    if session is not None:
        properties["session"] = session
    about = _about(body)
    if len(body) > LARGE:
        properties["body"] = await ports.bodies.put(digest, body)
        body = b"{}"
    name = message_id("quarantine", f"{queue} {digest} {now.isoformat()}")
    await ports.bus.send(Queue.QUARANTINE, [Message(name, body, properties=properties)])
    measures.count(measures.SET_ASIDE, {"queue": str(queue)})
    data = {"queue": str(queue), "reason": reason[:_REASON], **about}
    await messages.notify(ports.bus, "event.setaside", str(data.get("subject") or "unknown"), data, now=now)


def _about(body: bytes) -> dict[str, str]:
    """Return what can be said of a message that may be anything: its id, type and subject when it is an event."""
    try:
        event = decode(body)
    except MalformedEvent:
        return {}
    return {"event": event.id, "type": event.type, "subject": event.subject}


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Everything that was set aside, ours and the broker's own dead letters."""

    lectern: Lectern
    bus: Bus
    bodies: Bodies

    async def everything(self) -> list[SetAside]:
        """Return the quarantined messages, then the dead letters of each queue that the app consumes."""
        found = await self.lectern.browse(Queue.QUARANTINE)
        for queue in (Queue.HR, Queue.PROJECTS, Queue.DECISIONS, Queue.WORK, Queue.SWEEPS):
            found += await self.lectern.browse(queue, dead=True)
        return found

    async def body_of(self, message: SetAside) -> bytes:
        """Return the message's body, from where large ones are kept if need be."""
        reference = message.properties.get("body")
        return await self.bodies.get(reference) if reference else message.body

    async def replay(self, message: SetAside) -> None:
        """Send the message to the queue it came from, as a new one, then take it out of the quarantine.

        Raises `Permanent` when it does not say which queue it came from.
        """
        queue, session = origin_of(message)
        body = await self.body_of(message)
        name = message_id("replay", f"{message.id} {message.at.isoformat()}", message.number)
        trace = traces.travelling(message.properties)  # it goes on where it was set aside
        await self.bus.send(queue, [Message(name, body, session=session, properties=trace)])
        await self.lectern.take(message)


def origin_of(message: SetAside) -> tuple[Queue, str | None]:
    """Return the queue a message came from and its session."""
    if message.dead:
        return message.queue, message.session
    name = message.properties.get("queue", "")
    if name not in set(Queue):
        raise Permanent(f"quarantined message {message.number} does not say which queue it came from; discard it")
    return Queue(name), message.properties.get("session")
