"""HR's system says that something about somebody changed: the person is read again, whole, and becomes events.

A notice may be partial, late, repeated, or out of order, so nothing it says is used but whom it names; and that only
when its signature is right. What is read goes the way of a list of that one person (`lifecycle.feed`), so what is not
new sends nothing: a notice told twice costs a read. Whoever is not there to be read has not left by that: it is told as
a finding, and the next whole list counts.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus

from lifecycle import messages
from lifecycle.contract.cloudevents import encode_work
from lifecycle.core.snapshot import Snapshot
from lifecycle.core.work import Reread
from lifecycle.errors import Lost, MalformedEvent, Permanent, Transient, Untrusted
from lifecycle.feed import Feed
from lifecycle.ports import Fetch, Ports, Queue
from lifecycle.quarantine import set_aside

_LOG = logging.getLogger("lifecycle")
_FIRST, _MOST = timedelta(minutes=1), timedelta(days=1)
_LOST_AGAIN = timedelta(seconds=5)

SHOWN_AFTER = 8
"""Attempts, about two hours, after which a person who cannot be read is set aside once for somebody to see."""


async def hear(headers: Mapping[str, str], body: bytes, ports: Ports) -> HTTPStatus:
    """Take a notice: each person it names is asked for, and nobody is read yet, since the sender waits.

    The status says what came of it: 202 taken, 401 not signed as it should be, 400 signed and unreadable, 404 no system
    is set up to give notices, 503 it could not be passed on, so that the sender tries again.
    """
    if ports.fetch is None:
        return HTTPStatus.NOT_FOUND
    try:
        named = ports.fetch.named(headers, body)
        now = ports.clock.now()
        await messages.ask_all(ports.bus, [Reread(one) for one in named], now=now)
    except Untrusted as error:
        _LOG.warning("notice refused: %s", error)
        return HTTPStatus.UNAUTHORIZED
    except MalformedEvent as error:
        _LOG.warning("notice refused: %s", error)
        return HTTPStatus.BAD_REQUEST
    except Transient as error:
        _LOG.warning("notice not taken: %s", error)
        return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.ACCEPTED


async def reread(asked: Reread, ports: Ports) -> None:
    """Read one person and send what is new of them; later, when that cannot be done now.

    Raises `Permanent` when what was read cannot be used, or nothing may be read.
    """
    fetch = _ready(ports)
    at = ports.clock.now()  # before the read: what is read is of this instant or later
    try:
        entry = await fetch.person(asked.reference)
        if entry is None:
            data = {"source": fetch.terms.source}
            await messages.notify(ports.bus, "person.unread", asked.reference, data, now=at)
            return
        some = Snapshot(fetch.terms, (entry,), whole=False)
        await Feed(ports.records, ports.bus, ports.clock).take(some, as_of=at)
    except Lost:
        await _again(asked, ports, _LOST_AGAIN)
    except Transient as error:
        await _again(asked, ports, max(error.retry_after or timedelta(), _delay(asked.attempt)))


def _ready(ports: Ports) -> Fetch:
    if ports.fetch is None:
        raise Permanent("HR's system is not set up any more, so nobody can be read there; set it up, or discard this")
    source = ports.fetch.terms.source
    if source not in ports.model.sources.worker:
        raise Permanent(
            f"the mapping's source {source} is not listed under sources.worker of the access model, so every event "
            "would be set aside; add it there, then replay this"
        )
    return ports.fetch


async def _again(asked: Reread, ports: Ports, delay: timedelta) -> None:
    now = ports.clock.now()
    later = replace(asked, attempt=asked.attempt + 1)
    await messages.ask(ports.bus, later, now=now, at=now + delay)
    if later.attempt == SHOWN_AFTER:
        reason = f"still not read from HR's system after {SHOWN_AFTER} attempts; it is tried on daily"
        body = encode_work(
            Reread(asked.reference), id=f"unread-{asked.reference}-{now.isoformat()}", source=messages.SOURCE, time=now
        )
        await set_aside(Queue.WORK, body, reason, ports, session=asked.reference)


def _delay(attempt: int) -> timedelta:
    return min(_FIRST * (1 << min(attempt, 11)), _MOST)
