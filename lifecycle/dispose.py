"""Replays or discards what was set aside, at somebody's word and on the record: intended, then done.

A replay is a new message with an id made from the old one, so sending it twice within the queue's memory is sending it
once; later it is harmless, since facts are deduplicated and looks find nothing left to do. A message has one end: what
was claimed first stands, and asking again does nothing. Cut short anywhere, it goes on where it stopped when its
request comes again.
"""

import hashlib
from dataclasses import replace
from datetime import timedelta

from lifecycle import messages, traces
from lifecycle.contract.cloudevents import message_id
from lifecycle.core.evidence import Tag
from lifecycle.core.work import Disposal, Dispose, stated
from lifecycle.errors import MalformedEvent, Permanent, Transient
from lifecycle.ports import Message, Ports, SetAside
from lifecycle.quarantine import Quarantine, about, came_from, name_of, origin_of
from lifecycle.records import disposals
from lifecycle.records.disposals import Claim

MOST = 50
"""Messages in one request: each takes a second or two, and a request has half an hour."""

_REASON = 2000
_TRIES = 8
_FIRST = timedelta(minutes=1)

_INTENDED = {Disposal.REPLAY: Tag.REPLAY_INTENDED, Disposal.DISCARD: Tag.DISCARD_INTENDED}
_DONE = {Disposal.REPLAY: Tag.REPLAYED, Disposal.DISCARD: Tag.DISCARDED}
_ENDED = "it was replayed or discarded already; `lifecycle quarantine show` says when, by whom and why"
_PAST = {Disposal.REPLAY: "replayed", Disposal.DISCARD: "discarded"}


async def dispose(work: Dispose, ports: Ports) -> None:
    """Replay or discard the messages, one after the other; one that cannot be keeps none back.

    What could not be done now is asked for again later. Raises `Permanent` in the end when some could not be done.
    """
    try:
        stated(work.because)
    except ValueError as error:
        raise MalformedEvent("$.data.because", str(error)) from None
    quarantine = Quarantine(ports.lectern, ports.bodies)
    try:
        there = await quarantine.named(work.names)
    except Transient:
        await _later(work, list(work.names), ports)
        return
    faults: list[str] = []
    later: list[str] = []
    for name in work.names:
        try:
            await _one(name, there.get(name), work, quarantine, ports)
        except Permanent as error:
            faults.append(f"{name}: {error}")
        except Transient:
            later.append(name)
    await _later(work, later, ports)
    if faults:
        raise Permanent("; ".join(faults))


async def _later(work: Dispose, names: list[str], ports: Ports) -> None:
    """Ask for these again, ever later. Raises `Permanent` when that was done often enough."""
    if names and work.attempt == _TRIES:
        raise Permanent(f"{', '.join(names)}: not done in {_TRIES} attempts; ask again when the queues answer")
    if names:
        now = ports.clock.now()
        again = replace(work, names=tuple(names), attempt=work.attempt + 1)
        await messages.ask(ports.bus, again, now=now, at=now + _FIRST * (1 << work.attempt))


async def _one(name: str, found: SetAside | None, work: Dispose, quarantine: Quarantine, ports: Ports) -> None:
    if found is None:
        await _gone(name, work, ports)
        return
    claimed = await disposals.claim(ports.records, await _claim(found, work, quarantine, ports))
    if await disposals.done(ports.records, claimed) is None:
        await _carry_out(claimed, found, quarantine, ports)
    elif claimed.request != work.request:
        raise Permanent(_ENDED)


async def _gone(name: str, work: Dispose, ports: Ports) -> None:
    """Finish what was cut short behind the taking. Raises `Permanent` for a message that others took."""
    for claimed in await disposals.of_name(ports.records, name):
        if await disposals.entered(ports.records, claimed, _INTENDED[claimed.what]) is None:
            await disposals.let_go(ports.records, claimed)
        elif await disposals.done(ports.records, claimed) is None:
            await _finish(claimed, ports)
    claims = await disposals.of_name(ports.records, name)
    if all(claimed.request != work.request for claimed in claims):
        raise Permanent(_ENDED if claims else "it is not set aside (any more)")


async def _claim(found: SetAside, work: Dispose, quarantine: Quarantine, ports: Ports) -> Claim:
    """Return the claim that this request makes. Raises `Permanent` for a replay that has no way to go."""
    if work.what is Disposal.REPLAY:
        origin_of(found)
        body = await quarantine.body_of(found)
    else:
        body = found.body
    kept = found.properties.get("body")
    mark = hashlib.sha256(f"{found.id} {found.at.isoformat()}".encode()).hexdigest()[:16]
    digest = kept or hashlib.sha256(body).hexdigest()
    return Claim(
        name=name_of(found),
        mark=mark,
        request=work.request,
        what=work.what,
        by=work.by,
        because=stated(work.because),
        at=ports.clock.now(),
        came_from=came_from(found),
        digest=digest,
        reason=found.reason[:_REASON],
        **about(body),
    )


async def _carry_out(claimed: Claim, found: SetAside, quarantine: Quarantine, ports: Ports) -> None:
    """Do what was claimed, whoever asks: written down, sent (for a replay), taken, written down."""
    await disposals.enter(ports.records, claimed, _INTENDED[claimed.what], at=ports.clock.now())
    try:
        if claimed.what is Disposal.REPLAY:
            await _send(found, quarantine, ports)
        await ports.lectern.take(found)
    except Permanent as error:
        await disposals.enter(ports.records, claimed, Tag.KEPT, at=ports.clock.now(), why=str(error))
        await disposals.let_go(ports.records, claimed)
        raise
    await _finish(claimed, ports)


async def _finish(claimed: Claim, ports: Ports) -> None:
    await disposals.enter(ports.records, claimed, _DONE[claimed.what], at=ports.clock.now())


async def _send(found: SetAside, quarantine: Quarantine, ports: Ports) -> None:
    queue, session = origin_of(found)
    body = await quarantine.body_of(found)
    name = message_id("replay", f"{found.id} {found.at.isoformat()}", found.number)
    trace = traces.travelling(found.properties)  # it goes on where it was set aside
    await ports.bus.send(queue, [Message(name, body, session=session, properties=trace)])


async def became_of(name: str, ports: Ports) -> str:
    """Say in words what became of the last message of that name that somebody disposed of; empty when nobody did."""
    claims = await disposals.of_name(ports.records, name)
    if not claims:
        return ""
    last = claims[-1]
    ended = await disposals.done(ports.records, last)
    word = _PAST[last.what]
    if ended is None:
        return f"message {name} is being {word} since {last.at:%Y-%m-%dT%H:%M:%SZ} by {last.by} because: {last.because}"
    return f"message {name} was {word} at {ended.at:%Y-%m-%dT%H:%M:%SZ} by {last.by} because: {last.because}"
