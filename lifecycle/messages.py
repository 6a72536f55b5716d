"""The messages the app sends: checks and other work to itself, notices to whoever listens.

A message's id is made from what it is about and the instant it is for, so sending it twice is sending it once, and a
later look is always a new message.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from lifecycle.contract.cloudevents import TYPES, encode_work, message_id, message_of, type_of
from lifecycle.core.work import Check, Dispose, Erase, FanOut, Release, ReleaseRefused, SweepSlice, Undo, Work
from lifecycle.ports import Bus, Message, Queue

SOURCE = "/lifecycle"
UNDO = "/lifecycle/undo"
"""The source of exceptions that `lifecycle.undo` grants; nothing with it is ever taken from a queue."""

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


async def ask(bus: Bus, work: Work, *, now: datetime, at: datetime | None = None, mark: str = "") -> None:
    """Send one piece of work, now or for `at`; `mark` tells apart two that are about the same thing."""
    await ask_all(bus, [work], now=now, at=at, mark=mark)


async def ask_all(bus: Bus, works: list[Work], *, now: datetime, at: datetime | None = None, mark: str = "") -> None:
    """Send several pieces of work of one kind at once."""
    if not works:
        return
    when = at if at is not None else now
    messages = [_message(work, when, mark) for work in works]
    await bus.send(TYPES[type_of(works[0])].queue, messages, at=at)


async def ask_on_grid(bus: Bus, work: Work, *, now: datetime, every: timedelta) -> None:
    """Ask for work at the next point of a grid of time: asked for by several, it is one message."""
    await ask(bus, work, now=now, at=_EPOCH + ((now - _EPOCH) // every + 1) * every)


def _message(work: Work, when: datetime, mark: str) -> Message:
    name = message_id(SOURCE, f"{type_of(work)} {_about(work)} {when.isoformat()} {mark}")
    body = encode_work(work, id=name, source=SOURCE, time=when)
    return Message(name, body, session=work.person if isinstance(work, Check | Erase) else None)


def _about(work: Work) -> str:  # noqa: PLR0911 - one for each kind of work
    match work:
        case Check():
            return f"{work.person} {work.attempt}"
        case Release() | ReleaseRefused():
            return f"{work.run} {work.set_hash} {work.by}"
        case Dispose():
            return f"{work.request} {work.attempt} {' '.join(work.names)}"
        case FanOut():
            return f"{work.project} {work.run} {work.after}"
        case SweepSlice():
            return f"{work.run} {work.kind} {work.about} {work.after}"
        case Undo():
            return f"{work.run} {work.by} {work.at.isoformat()}"
        case Erase():
            return work.person


async def notify(
    bus: Bus, event: str, subject: str, data: Mapping[str, object], *, now: datetime, once: str = ""
) -> None:
    """Tell whoever listens on `notices`; `event` is the type behind `lifecycle.`, data holds ids only.

    With `once` the same news told again is the same message, however much later.
    """
    name = message_id(SOURCE, f"{event} {subject} {once or now.isoformat()} {sorted(data.items())}")
    body = message_of(f"lifecycle.{event}", subject, dict(data), id=name, source=SOURCE, time=now)
    await bus.send(Queue.NOTICES, [Message(name, body)])
