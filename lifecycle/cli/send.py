"""`send`: puts events on the queue of their type, as HR's and the project office's systems do."""

import hashlib
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from lifecycle.cli.screen import counted, emit, line, note
from lifecycle.cli.world import AsJson, ReadyFile, World, inside
from lifecycle.contract.cloudevents import TYPES, Group, decode, fact_of, message_id
from lifecycle.errors import MalformedEvent, Misconfigured, Permanent
from lifecycle.ports import Message, Queue

_SHOWN = 20
_INBOXES = (Queue.HR, Queue.PROJECTS, Queue.DECISIONS)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One event ready to go; what could not be read of an unchecked one is empty."""

    queue: Queue
    body: bytes
    id: str
    type: str
    source: str
    subject: str


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Example: lifecycle send examples/events/worker.joined.json\n\n"
        "Example: cat examples/events/*.json | lifecycle send -"
    )(send)


def send(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE|-", help="One event, a JSON array, or several events one behind the other; - reads input."
        ),
    ],
    *,
    again: Annotated[bool, typer.Option(help="Send as new messages, which duplicate detection lets pass.")] = False,
    unchecked: Annotated[bool, typer.Option(help="Send what does not fit too, to see it set aside.")] = False,
    queue: Annotated[
        Queue, typer.Option(help="With --unchecked: where to put what has no type that we read.")
    ] = Queue.HR,
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> None:
    """Send CloudEvents to the queue of their type, checked first: either all of them go or none.

    Sending an event twice is harmless: its fact counts once and the person is looked at again.
    """
    if queue not in _INBOXES:
        raise typer.BadParameter(f"is one of {', '.join(_INBOXES)}", param_hint="--queue")
    bodies = split(_read(file))
    outgoing = [unread(body, queue) for body in bodies] if unchecked else checked(bodies)

    async def work(world: World) -> str:
        who = await world.who()
        await _send([replace(one, body=signed(one.body, who)) for one in outgoing], world, again=again)
        return world.where

    where = inside(context, ready, work)
    if as_json:
        emit([{"id": one.id, "type": one.type, "subject": one.subject, "queue": one.queue} for one in outgoing])
        return
    for one in outgoing if len(outgoing) <= _SHOWN else ():
        line(f"sent {one.id or '(no id)'} {one.type or '(no type)'} of {one.subject or '(no subject)'} to {one.queue}")
    counts = ", ".join(f"{count} to {name}" for name, count in Counter(one.queue for one in outgoing).items())
    note(f"{counted(len(outgoing), 'event', 'events')} sent to {where}: {counts}")
    if outgoing[0].subject and outgoing[0].queue is Queue.HR:
        note(f"next: lifecycle plan {outgoing[0].subject}, lifecycle explain {outgoing[0].subject}")


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Misconfigured(f"{file} cannot be read: {error.strerror}") from error


def split(content: bytes) -> list[bytes]:
    """Return the events of a file, each as its own bytes: an array's, those one behind the other, or the one it is.

    What is no JSON is returned as it is: the check says so. Raises `Misconfigured` for an empty file.
    """
    content = content.removeprefix(b"\xef\xbb\xbf").strip()
    if not content or content == b"[]":
        raise Misconfigured("there is no event in it; an event is a CloudEvent as JSON, see examples/events/")
    if content.startswith(b"["):
        try:
            return [bytes(raw) for raw in msgspec.json.decode(content, type=list[msgspec.Raw])]
        except (msgspec.MsgspecError, RecursionError):
            return [content]
    try:
        return list(_documents(content.decode()))
    except (ValueError, RecursionError):
        lines = [one for one in content.splitlines() if one.strip()]
        return lines if all(one.startswith(b"{") for one in lines) else [content]


def _documents(text: str) -> Iterator[bytes]:
    """Yield JSON documents that stand one behind the other, on lines of their own or not. Raises `ValueError`."""
    decoder, start = json.JSONDecoder(), 0
    while start < len(text):
        _, end = decoder.raw_decode(text, start)
        yield text[start:end].encode()
        start = end + len(text[end:]) - len(text[end:].lstrip())


def checked(bodies: list[bytes]) -> list[Outgoing]:
    """Return the events when every one of them fits. Raises `Permanent` that names each fault by event and path."""
    found, faults = [], []
    for number, body in enumerate(bodies, start=1):
        try:
            envelope = decode(body)
            if TYPES[envelope.type].group is Group.INTERNAL:
                raise MalformedEvent("$.type", f"{envelope.type} is the app's own; nobody else may send it")  # noqa: TRY301
            fact_of(envelope)
        except MalformedEvent as error:
            faults.append(f"event {number}: {error}")
            continue
        queue = TYPES[envelope.type].queue
        found.append(Outgoing(queue, body, envelope.id, envelope.type, envelope.source, envelope.subject))
    if faults:
        more = f"\n  and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        text = "\n  ".join(faults[:_SHOWN])
        raise Permanent(f"nothing was sent, {len(faults)} of {len(bodies)} events do not fit:\n  {text}{more}")
    return found


def unread(body: bytes, otherwise: Queue) -> Outgoing:
    """Return whatever it is, as far as it can be read, for the queue of its type if it has one of ours."""
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    text = {name: one for name, one in value.items() if isinstance(one, str)} if isinstance(value, dict) else {}
    info = TYPES.get(text.get("type", ""))
    queue = otherwise if info is None or info.group is Group.INTERNAL else info.queue
    about = [text.get(name, "") for name in ("id", "type", "source", "subject")]
    return Outgoing(queue, body, *about)


def signed(body: bytes, who: str) -> bytes:
    """Return the event with who sent it as its `actor`, whatever it said itself; its other bytes stay as they are.

    What cannot be read is returned as it is: nothing will come of it.
    """
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return body
    if not isinstance(value, dict) or not value:
        return body
    if "actor" in value:
        return msgspec.json.encode(value | {"actor": who})
    return b'{"actor":' + msgspec.json.encode(who) + b"," + body.lstrip().removeprefix(b"{")


async def _send(outgoing: list[Outgoing], world: World, *, again: bool) -> None:
    now = world.ports.clock.now()
    by_queue: dict[Queue, list[Message]] = defaultdict(list)
    for one in outgoing:
        by_queue[one.queue].append(Message(_message_id(one, now, again=again), one.body))
    for queue, messages in by_queue.items():
        await world.ports.bus.send(queue, messages)


def _message_id(one: Outgoing, now: datetime, *, again: bool) -> str:
    """Return the broker's id: of source and id when it has them, else of the bytes; the attempt is the instant."""
    name = one.id if one.id and one.source else hashlib.sha256(one.body).hexdigest()
    return message_id(one.source or "send", name, int(now.timestamp() * 1000) if again else 0)
