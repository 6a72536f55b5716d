"""The messages the app sends: checks and other work to itself, notices to whoever listens.

A message's id is made from what it is about and the instant it is for, so sending it twice is sending it once, and a
later look is always a new message. Each goes on with the trace under way, beside its event (`lifecycle.traces`); bulk
work begins traces of its own, linked to what began it.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from lifecycle import measures, traces
from lifecycle.contract.cloudevents import TYPES, encode_work, message_id, message_of, type_of
from lifecycle.core.work import Check, Dispose, Erase, FanOut, Release, ReleaseRefused, Reread, SweepSlice, Undo, Work
from lifecycle.ports import Bus, Message, Queue

_LOG = logging.getLogger("lifecycle")
SOURCE = "/lifecycle"
UNDO = "/lifecycle/undo"
"""The source of exceptions that `lifecycle.undo` grants; nothing with it is ever taken from a queue."""

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


async def ask(
    bus: Bus, work: Work, *, now: datetime, at: datetime | None = None, mark: str = "", apart: bool = False
) -> None:
    """Send one piece of work, now or for `at`; `mark` tells apart two that are about the same thing.

    With `apart` it begins a trace of its own, as bulk work does in any case.
    """
    await ask_all(bus, [work], now=now, at=at, mark=mark, apart=apart)


async def ask_all(
    bus: Bus, works: list[Work], *, now: datetime, at: datetime | None = None, mark: str = "", apart: bool = False
) -> None:
    """Send several pieces of work of one kind at once."""
    if not works:
        return
    when = at if at is not None else now
    trace = traces.linked() if apart or _is_bulk(works[0]) else traces.carried()
    messages = [_message(work, when, mark, trace) for work in works]
    await bus.send(TYPES[type_of(works[0])].queue, messages, at=at)


async def ask_on_grid(bus: Bus, work: Work, *, now: datetime, every: timedelta) -> None:
    """Ask for work at the next point of a grid of time: asked for by several, it is one message."""
    await ask(bus, work, now=now, at=_EPOCH + ((now - _EPOCH) // every + 1) * every)


def _is_bulk(work: Work) -> bool:
    """Whether it is one of many that one thing led to; a second attempt goes on with what the first began."""
    return isinstance(work, SweepSlice) or (isinstance(work, Check) and bool(work.run) and not work.attempt)


def _message(work: Work, when: datetime, mark: str, trace: dict[str, str]) -> Message:
    name = message_id(SOURCE, f"{type_of(work)} {_about(work)} {when.isoformat()} {mark}")
    body = encode_work(work, id=name, source=SOURCE, time=when)
    session = work.person if isinstance(work, Check | Erase) else work.reference if isinstance(work, Reread) else None
    return Message(name, body, session=session, properties=dict(trace))


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
        case Reread():
            return f"{work.reference} {work.attempt}"


async def notify(
    bus: Bus, event: str, subject: str, data: Mapping[str, object], *, now: datetime, once: str = ""
) -> None:
    """Tell whoever listens on `notices`; `event` is the type behind `lifecycle.`, data holds ids only.

    With `once` the same news told again is the same message, however much later. What each says is in
    `lifecycle.contract.notices`.
    """
    name = message_id(SOURCE, f"{event} {subject} {once or now.isoformat()} {sorted(data.items())}")
    trace = traces.carried()  # in the event too: who listens may be far from the queue
    body = message_of(f"lifecycle.{event}", subject, dict(data), id=name, source=SOURCE, time=now, extensions=trace)
    await bus.send(Queue.NOTICES, [Message(name, body, properties=trace)])
    measures.count(measures.NOTICES, {"type": event})
    _LOG.info("notice %s about %s", event, subject)
