"""Attends to one check: reconciles, and when that cannot be finished now, comes back later.

Nothing is abandoned to the broker, whose redelivery is immediate and burns the delivery count: what must be repeated is
sent as a scheduled check at growing intervals, and after a while set aside once for a person to see.
"""

import logging
import traceback
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from lifecycle import measures, messages, traces
from lifecycle.contract.cloudevents import decode, encode_work, work_of
from lifecycle.core.work import Check, Dispose, Erase, FanOut, Release, ReleaseRefused, Reread, SweepSlice, Undo, Work
from lifecycle.drift import slice_of
from lifecycle.errors import Lost, Permanent, SentAway, Transient
from lifecycle.look import Look
from lifecycle.ports import Ports, Queue
from lifecycle.quarantine import set_aside
from lifecycle.reconcile import reconcile
from lifecycle.records import runs, told
from lifecycle.sweep import SHOWN_AFTER, TICK, WOKEN, fan_out

_LOG = logging.getLogger("lifecycle")
_FIRST, _MOST = timedelta(minutes=1), timedelta(days=1)
_LOST_AGAIN = timedelta(seconds=5)


async def work(
    body: bytes,
    ports: Ports,
    *,
    queue: Queue,
    session: str | None = None,
    carried: Mapping[str, object] = traces.NOTHING,
) -> None:
    """Take up one internal message, from `work` or `sweeps`. Raises only when not even a retry could be sent.

    `carried` is what it has beside its event (`lifecycle.traces`).
    """
    try:
        asked = work_of(decode(body))
    except Permanent as error:
        with traces.taking(queue, carried):
            await set_aside(queue, body, str(error), ports, session=session)
        return
    with traces.taking(queue, carried, attributes=_about(asked)):
        try:
            await _do(asked, ports)
        except Permanent as error:
            await set_aside(queue, body, str(error), ports, session=session)


def _about(asked: Work) -> dict[str, traces.Value]:  # noqa: PLR0911 - one for each kind of work
    match asked:
        case Check():
            about: dict[str, traces.Value] = {"lifecycle.person": asked.person, "lifecycle.cause": asked.cause}
            return about | {"lifecycle.run": asked.run, "lifecycle.attempt": asked.attempt}
        case FanOut():
            return {"lifecycle.project": asked.project, "lifecycle.cause": asked.cause, "lifecycle.run": asked.run}
        case Erase():
            return {"lifecycle.person": asked.person}
        case Dispose():
            return {"lifecycle.request": asked.request}
        case Reread():
            return {"lifecycle.attempt": asked.attempt}
        case Release() | ReleaseRefused() | Undo():
            return {"lifecycle.run": asked.run}
        case SweepSlice():
            return {"lifecycle.run": asked.run, "lifecycle.slice": asked.kind, "lifecycle.package": asked.about}


async def _do(asked: Work, ports: Ports) -> None:
    match asked:
        case Check():
            await attend(asked, ports)
        case FanOut():
            await fan_out(asked, ports)
        case SweepSlice():
            await slice_of(asked, ports)
        case Undo():
            await _undo(asked, ports)
        case Release() | ReleaseRefused() | Dispose() | Erase() | Reread():
            await _do_seldom(asked, ports)


async def _do_seldom(asked: Release | ReleaseRefused | Dispose | Erase | Reread, ports: Ports) -> None:
    """Do what is asked for now and then; a first message should not wait for what that needs to be loaded."""
    from lifecycle import dispose, erase, notice, release  # noqa: PLC0415 - as the docstring says

    match asked:
        case Release():
            await release.approve_release(asked, ports)
        case ReleaseRefused():
            await release.refuse_release(asked, ports)
        case Dispose():
            await dispose.dispose(asked, ports)
        case Erase():
            await erase.erase(asked, ports)
        case Reread():
            await notice.reread(asked, ports)


async def _undo(asked: Undo, ports: Ports) -> None:
    """Begin to undo a run, in a minute when it cannot be begun now: somebody was being looked at, a read failed."""
    from lifecycle.undo import begin_undo  # noqa: PLC0415 - as above

    try:
        await begin_undo(asked, ports)
    except Transient:
        now = ports.clock.now()
        await messages.ask(ports.bus, asked, now=now, at=now + _FIRST)


async def attend(check: Check, ports: Ports) -> None:
    """Reconcile a person; what cannot be finished is scheduled again. Raises `Permanent` for what cannot help."""
    if check.run:
        await runs.taken_up(ports.records, check.run, check.person)
    mark = await told.read(ports.records, check.person)  # before the facts are read: what is told later stays marked
    try:
        if check.undoes:
            await _restore(check, ports)
        seen = await reconcile(check, ports)
    except Lost:
        _came_to(check, "lost")
        await _again(check, ports, _LOST_AGAIN, mark)
    except Transient as error:
        _came_to(check, "again")
        turn = error.retry_after if isinstance(error, SentAway) else None
        await _again(check, ports, max(error.retry_after or timedelta(), _delay(check.attempt)), mark, turn=turn)
    except Permanent:
        _came_to(check, "set_aside")
        if check.cause != WOKEN:
            await told.done(ports.records, mark)
            raise
        if await _to_be_shown(check, ports, mark):
            raise
    except Exception as error:  # noqa: BLE001 a defect of ours must not burn the delivery count and lose the check
        where = "".join(traceback.format_tb(error.__traceback__)[-3:])
        _LOG.error("person %s: %s while reconciling, tried again later\n%s", check.person, type(error).__name__, where)
        _came_to(check, "defect")
        await _again(check, ports, _delay(check.attempt), mark)
    else:
        _came_to(check, "done")
        _measure_delay(seen, check, mark)
        await told.done(ports.records, mark)


async def _restore(check: Check, ports: Ports) -> None:
    from lifecycle.undo import restore  # noqa: PLC0415 - as above

    await restore(check, ports)


def _came_to(check: Check, outcome: str) -> None:
    measures.count(measures.CHECKS, {"outcome": outcome, "bulk": bool(check.run)})
    traces.note("lifecycle.outcome", outcome)


def _measure_delay(seen: Look, check: Check, mark: told.Read | None) -> None:
    """Note how long it took from what was said to the first request that this look made of it."""
    if mark is None or mark.mark.cause != check.cause or check.cause == WOKEN:
        return
    posted = [one.at for one in seen.dossier.flights.values() if one.cause == check.cause and one.at >= seen.now]
    if posted:
        measures.took(measures.EVENT_DELAY, min(posted) - mark.mark.at)


async def _again(
    check: Check, ports: Ports, delay: timedelta, mark: told.Read | None, *, turn: timedelta | None = None
) -> None:
    now = ports.clock.now()
    if mark is not None:
        await told.put_off(ports.records, mark, now + delay)
    if check.cause == WOKEN and check.attempt >= SHOWN_AFTER:
        # The wake-up stands until a look succeeds: the timer asks at each tick, and one of us is enough. But whose turn
        # to write comes before that takes it, or a backlog would be written in bursts after each tick.
        if turn is not None and turn < TICK:
            await messages.ask(ports.bus, check, now=now, at=now + turn)
        return
    later = replace(check, attempt=check.attempt + 1)
    await messages.ask(ports.bus, later, now=now, at=now + delay)
    if later.attempt == SHOWN_AFTER:
        reason = f"person {check.person}: still not reconciled after {SHOWN_AFTER} attempts; it is tried on daily"
        body = encode_work(check, id=f"stuck-{check.person}-{now.isoformat()}", source=messages.SOURCE, time=now)
        await set_aside(Queue.WORK, body, reason, ports, session=check.person)


async def _to_be_shown(check: Check, ports: Ports, mark: told.Read | None) -> bool:
    """Whether a look that was due is to be set aside: once a day, though the timer asks for it late at each tick."""
    now = ports.clock.now()
    shown = mark is not None and mark.mark.cause == WOKEN and now < mark.mark.at + _MOST
    if shown and check.attempt >= SHOWN_AFTER:
        return False
    until = told.Mark(check.person, WOKEN, check.run, now, due=now + _MOST)
    await told.keep_shown(ports.records, check.person, mark, until)
    return True


def _delay(attempt: int) -> timedelta:
    return min(_FIRST * (1 << min(attempt, 11)), _MOST)
