"""A message from outside becomes a fact and a request to look. Decides nothing about access.

Trust follows the queue: a type may arrive on one queue only, and its source must be listed in the model. What cannot be
understood or trusted is set aside with its reason; what could not be stored goes round again. The fact is deduplicated,
the look never is: a repeated message looks again.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from lifecycle import measures, messages, traces
from lifecycle.contract.cloudevents import TYPES, Envelope, Group, decode, fact_of, message_id
from lifecycle.core.calendar import begins, ends
from lifecycle.core.events import (
    Closed,
    Fact,
    Joined,
    Left,
    Linked,
    Moved,
    Opened,
    Released,
    Rescheduled,
    Staffed,
    key,
)
from lifecycle.core.model import Sources
from lifecycle.core.work import Check, FanOut
from lifecycle.errors import MalformedEvent, Permanent, Transient, Untrusted
from lifecycle.judge import judge
from lifecycle.ports import Message, Ports, Queue
from lifecycle.quarantine import set_aside
from lifecycle.records import annals, facts, identities, people, told
from lifecycle.records.runs import Run
from lifecycle.records.told import Mark
from lifecycle.trickle import enqueue

AHEAD = timedelta(minutes=5)
"""How far a fact's `time` may lie ahead of our clock; more is set aside, since it would outrank every later fact."""

_AGAIN = timedelta(minutes=1)


async def intake(queue: Queue, body: bytes, ports: Ports, carried: Mapping[str, object] = traces.NOTHING) -> None:
    """Take in one message: afterwards it is a stored fact with a look asked for, or set aside, or on its way again.

    `carried` is what it has beside its event (`lifecycle.traces`). Raises `Transient` only when it could be neither
    stored nor sent again; the broker then delivers it anew.
    """
    read = _read(body)
    if isinstance(read, Envelope):
        about = {"cloudevents.event_id": read.id, "cloudevents.event_type": read.type}
        sound, kind = read.traceparent, read.type
    else:
        about, sound, kind = {}, "", "unread"
    with traces.taking(queue, carried, sound, about) as span:
        outcome = await _take(queue, body, read, ports)
        span.set_attribute("lifecycle.outcome", outcome)
    measures.count(measures.EVENTS, {"type": kind, "outcome": outcome})


def _read(body: bytes) -> Envelope | MalformedEvent:
    try:
        return decode(body)
    except MalformedEvent as error:
        return error


async def _take(queue: Queue, body: bytes, read: Envelope | MalformedEvent, ports: Ports) -> str:
    """Store the fact and ask for a look, or do what is left to do; return which it was."""
    now = ports.clock.now()
    try:
        if isinstance(read, MalformedEvent):
            raise read
        new = await _learn(_trusted(queue, read, ports, now), ports, now)
    except Permanent as error:
        await set_aside(queue, body, str(error), ports)
        return "set_aside"
    except Transient:
        digest = hashlib.sha256(body).hexdigest()
        again = Message(message_id("intake", f"{queue} {digest} {now.isoformat()}"), body, properties=traces.carried())
        await ports.bus.send(queue, [again], at=now + _AGAIN)
        return "again"
    return "stored" if new else "repeated"


def _trusted(queue: Queue, envelope: Envelope, ports: Ports, now: datetime) -> Fact:
    """Return the fact, if it came by the right queue, from a listed source, and not from the future."""
    info = TYPES[envelope.type]
    if info.queue is not queue:
        raise Untrusted(
            f"event {envelope.id}: {envelope.type} may not arrive on the queue {queue}, only on {info.queue}; "
            "send it there, with that queue's own Sender role"
        )
    if envelope.source == messages.UNDO:
        raise Untrusted(f"event {envelope.id}: the source {envelope.source} is the app's own and sends nothing")
    if envelope.source not in _listed(info.group, ports.model.sources):
        raise Untrusted(
            f"event {envelope.id}: the source {envelope.source} is not listed under sources.{info.group} of the access "
            "model; add it there if it may say this, then replay the event"
        )
    if envelope.time > now + AHEAD:
        raise MalformedEvent("$.time", f"event {envelope.id} is recorded more than five minutes ahead of our clock")
    return _known_package(fact_of(envelope), envelope, ports)


def _listed(group: Group, sources: Sources) -> frozenset[str]:
    match group:
        case Group.WORKER:
            return sources.worker
        case Group.PROJECT:
            return sources.project
        case Group.DECISION:
            return sources.decision
        case Group.INTERNAL:
            return frozenset()


def _known_package(fact: Fact, envelope: Envelope, ports: Ports) -> Fact:
    """Refuse a decision about a package that the model does not have: nothing would ever come of it."""
    package = getattr(fact, "package", None)
    if isinstance(package, str) and package not in ports.model.packages:
        raise MalformedEvent(
            "$.data.package", f"event {envelope.id} names a package that the access model does not have"
        )
    return fact


async def _learn(fact: Fact, ports: Ports, now: datetime) -> bool:
    """Store the fact and ask for a look at whoever it concerns; return whether it is new."""
    if not await facts.knows(ports.records, fact):  # what was judged once is a fact; saying it again is no new case
        await judge(fact, ports)
        # The notice first: told twice it is one message, and after a crash the fact would be known and not told of.
        await _report_late(fact, ports, now)
    new = await facts.keep(ports.records, fact)
    cause = f"event:{fact.recorded.id}"
    match fact:
        case Opened() | Rescheduled() | Closed():
            await _look_at_project(fact.recorded.subject, cause, fact.recorded.id, ports, now)
            return new
        case Staffed() | Released():
            await _expect_project(fact.recorded.subject, cause, fact.recorded.id, ports, now)
            person = await _who(fact.person, ports, now, cause)
        case _:
            person = await _identify(fact, ports, now, cause)
    await people.meet(ports.records, person)
    await _look_at_person(person, cause, fact.recorded.run, ports, now)
    return new


async def _look_at_person(person: str, cause: str, run: str, ports: Ports, now: datetime) -> None:
    """Ask for a look: at once for what somebody said of this person, in its turn for what came in bulk."""
    if run:
        one = Run(run, cause, now)
        if await enqueue(one, [person], ports):
            await annals.begun(ports.records, one, "bulk", now)
        return
    await told.tell(ports.records, Mark(person, cause, run, now))
    await messages.ask(ports.bus, Check(person, cause), now=now, mark=f"{cause} {now.isoformat()}")


async def _look_at_project(name: str, cause: str, event: str, ports: Ports, now: datetime) -> None:
    run = f"project:{name}:{event}"
    await told.tell(ports.records, Mark(name, cause, run, now, project=True))
    await messages.ask(ports.bus, FanOut(name, cause, run), now=now, mark=now.isoformat())


async def _expect_project(name: str, cause: str, event: str, ports: Ports, now: datetime) -> None:
    """See to it that a project which is spoken of before anybody opened it is asked about (`sweep.fan_out`)."""
    if await facts.of_project(ports.records, name) or await told.read(ports.records, name, project=True):
        return
    run = f"project:{name}:{event}"
    await told.tell(ports.records, Mark(name, cause, run, now, project=True))


async def _report_late(fact: Fact, ports: Ports, now: datetime) -> None:
    """Say that a fact was heard of long after it was recorded, or after it held: it counts all the same."""
    if not (fact.recorded.origin.is_named or isinstance(fact, Left)):
        return  # a first load tells of years; a feed's own run says what it found
    zone = ports.model.time_zone
    match fact:
        case Left():
            holds, allowed = ends(fact.effective, zone), ports.model.deadlines.leaver
        case Joined() | Moved() | Closed():
            holds, allowed = begins(fact.effective, zone), ports.model.deadlines.mover
        case _:
            holds, allowed = fact.recorded.time, ports.model.deadlines.mover
    since = max(holds, fact.recorded.time) if isinstance(fact, Left) and not fact.immediate else fact.recorded.time
    retroactive = holds < fact.recorded.time - allowed
    late = now - min(since, now)
    if late <= allowed and not retroactive:
        return
    data = {"event": fact.recorded.id, "recorded": fact.recorded.time.isoformat(), "effective": holds.isoformat()}
    data |= {"late": str(int(late.total_seconds())), "retroactive": str(retroactive).lower()}
    await messages.notify(ports.bus, "event.late", fact.recorded.subject, data, now=now, once=fact.recorded.id)


async def _who(identifier: str, ports: Ports, now: datetime, cause: str) -> str:
    """Return the person an id stands for; an id never heard of before is taken for a worker's."""
    known = await identities.identity_of(ports.records, identifier)
    if known.workers:
        return known.person
    return (await identities.join(ports.records, now, cause, workers={identifier}, people=set())).person


async def _identify(fact: Fact, ports: Ports, now: datetime, cause: str) -> str:
    match fact:
        case Joined() | Moved() if fact.worker.person_id:
            names = {key(fact.worker.person_id)}
            joined = await identities.join(ports.records, now, cause, workers={fact.recorded.subject}, people=names)
            return joined.person
        case Linked():
            both = {fact.recorded.subject, fact.worker}
            return (await identities.join(ports.records, now, cause, workers=both, people=set())).person
        case _:
            return await _who(fact.recorded.subject, ports, now, cause)
