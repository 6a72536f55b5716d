"""Looks at many: whoever is due or was forgotten, everybody on a project.

Only asks for checks; each person is then looked at by the same path as after any event. What is more than a handful
goes by `trickle`. What differs from the directory is `drift`'s business.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from lifecycle import measures, messages, traces
from lifecycle.core.project import memberships, project
from lifecycle.core.work import Check, FanOut
from lifecycle.errors import Permanent
from lifecycle.follow_many import ask_to_follow
from lifecycle.oversee import tell_of_finished, tell_of_stalled
from lifecycle.ports import Ports
from lifecycle.records import annals, facts, following, heartbeats, holders, holds, people, runs, told, wakeups
from lifecycle.records.dossier import open_dossier
from lifecycle.records.heartbeats import Beat
from lifecycle.records.identities import identity_of
from lifecycle.records.runs import Queued, Run
from lifecycle.records.wakeups import WakeUp
from lifecycle.replan import begin_replan
from lifecycle.trickle import BACKLOG, ask_for, enqueue

_BETWEEN = timedelta(seconds=1)
TICK = timedelta(minutes=5)
"""How often the wake timer looks, and how far ahead."""

WOKEN = "wake"
"""The cause of a look that was due."""

_AGAIN = "wake:again:"
"""How runs are named that ask once more for looks which were due before the last tick."""

SHOWN_AFTER = 8
"""Attempts, about two hours, after which a check that keeps failing is set aside once for a person to see."""

FORGOTTEN = timedelta(minutes=10)
"""How long something told may wait for its look before the timer asks again: its message was lost."""

LOST = timedelta(minutes=20)
"""How long a check of a run may lie on the queue, which holds a backlog's worth at most, before it counts as lost."""

ORPHANED = timedelta(hours=1)
"""How long a project may be spoken of before somebody opens it; events overtake each other, but not by that much."""


async def timed(timer: str, work: Callable[[Ports], Awaitable[object]], ports: Ports) -> None:
    """Do a timer's work and write down that it ran, how long it took and what went wrong. Raises what the work raises.

    A fault stays visible until the timer's next run; without a run for long, the app itself stands still.
    """
    begun = ports.clock.now()
    fault = "cut short"
    try:
        with traces.span(f"timer {timer}"):
            await work(ports)
        fault = ""
    except Exception as error:
        fault = type(error).__name__
        raise
    finally:
        took = (ports.clock.now() - begun).total_seconds()
        measures.took(measures.TIMERS, took, {"timer": timer, "outcome": fault or "done"})
        before = await heartbeats.last(ports.records, timer)
        every = 0.0 if before is None else (begun - before.at).total_seconds()
        await heartbeats.beat(ports.records, Beat(timer, begun, took, fault, every))
    await tell_of_stalled(timer, ports, begun)


async def due_within(ports: Ports, span: timedelta = TICK) -> tuple[list[WakeUp], list[WakeUp]]:
    """Return who is due within the span (before the next tick), and entries that their dossier no longer holds.

    Writes nothing.
    """
    now = ports.clock.now()
    found: list[WakeUp] = []
    stale: list[WakeUp] = []
    for due in await wakeups.due(ports.records, now + span):
        late = due.at < now - TICK
        gone = late and (await open_dossier(ports.records, due.person)).wake != due.at
        (stale if gone else found).append(due)
    return found, stale


async def wake(ports: Ports, *, asked: bool = False) -> int:
    """Ask for a check, at its exact instant, of everybody who is due before the next tick; return how many.

    Beyond a backlog's worth, whoever is due already goes by trickle, and the others have the next tick. What was told
    and never looked at, and runs that stopped, are taken up again; `asked` by a person, also what was told and put off.

    A look that fails comes again by itself at growing intervals, and is set aside once; those that a tick asks for
    beside it, because the message may be lost, begin no such series of their own.
    """
    now = ports.clock.now()
    found, stale = await due_within(ports)
    for entry in stale:
        await wakeups.forget(ports.records, entry)
    for due in found[:BACKLOG]:
        late = int(max(timedelta(), now - due.at) / TICK)
        measures.took(measures.WAKE_LATE, now - due.at)
        mark = f"late {late}" if late else ""
        woken = Check(due.person, WOKEN, attempt=SHOWN_AFTER if due.at < now else 0)  # asked for at the last tick
        await messages.ask(ports.bus, woken, now=due.at, at=max(due.at, now), mark=mark, apart=True)
    await _ask_by_trickle([due for due in found[BACKLOG:] if due.at <= now], ports, now)
    for found_mark in await told.forgotten(ports.records, now - FORGOTTEN, put_off=asked):
        await _ask_again(found_mark, ports, now)
    for check in await runs.lost(ports.records, now - LOST):
        await _take_up_again(check, ports, now)
    for name in await runs.unfinished(ports.records):
        await ask_for(name, ports)
    for package in await following.packages(ports.records):
        await ask_to_follow(package, ports)
    await begin_replan(ports)
    await tell_of_finished(ports, now)
    return len(found)


async def _ask_by_trickle(late: list[WakeUp], ports: Ports, now: datetime) -> None:
    """Ask for the rest of those who are due: for the first time, or, unless that is still under way, once more."""
    fresh = [due.person for due in late if due.at > now - TICK]
    if fresh:
        await enqueue(Run(f"wake:{now:%Y-%m-%dT%H:%M:%SZ}", WOKEN, now), fresh, ports, whole=True)
    again = [due.person for due in late if due.at <= now - TICK]
    going = any(name.startswith(_AGAIN) for name in await runs.unfinished(ports.records))
    if again and not going:
        run = Run(f"{_AGAIN}{now:%Y-%m-%dT%H:%M:%SZ}", WOKEN, now, attempt=SHOWN_AFTER)
        await enqueue(run, again, ports, whole=True)


async def _take_up_again(check: Queued, ports: Ports, now: datetime) -> None:
    """Give a check of a run whose message was lost its turn once more."""
    run = await runs.find(ports.records, check.run)
    await enqueue(run or Run(check.run, WOKEN, now), [check.person], ports, whole=True)
    await runs.taken_up(ports.records, check.run, check.person)


async def _ask_again(found: told.Read, ports: Ports, now: datetime) -> None:
    """Ask once more, and wait twice as long: a queue that stands still must not fill with one person's checks."""
    mark = found.mark
    if mark.project:
        again = FanOut(mark.name, mark.cause, mark.run)
        await messages.ask(ports.bus, again, now=now, mark=f"again {now.isoformat()}", apart=True)
    else:
        check = Check(mark.name, mark.cause, run=mark.run)
        await messages.ask(ports.bus, check, now=now, mark=f"again {now.isoformat()}", apart=True)
        await told.put_off(ports.records, found, now + (now - mark.at) - FORGOTTEN)


async def fan_out(work: FanOut, ports: Ports) -> None:
    """Add the next of a project's people to its run. Raises `Permanent` for a project that nobody opened."""
    now = ports.clock.now()
    said = await facts.of_project(ports.records, work.project)
    mark = await told.read(ports.records, work.project, project=True)
    known = project(work.project, said, ports.model)
    if not known.open:
        await _orphaned(work, min((fact.recorded.time for fact in said), default=now), ports, now)
        return
    if not work.after:
        begun = Run(work.run, work.cause, now)
        await annals.begun(ports.records, begun, "project", now, project=work.project)
        await runs.begin(ports.records, begun)
        if known.open[-1].end is not None:  # closed by somebody, today or on a day to come
            await _doubt_the_whole(work, max(known.open[-1].end, now), ports, now)
        await _ask_other_holders(work, ports, now)
    names = await facts.members_of(ports.records, work.project, after=work.after, limit=BACKLOG)
    persons = dict.fromkeys([(await identity_of(ports.records, name)).person for name in names])
    whole = len(names) < BACKLOG
    await enqueue(Run(work.run, work.cause, now), list(persons), ports, whole=whole)
    if not whole:
        following = replace(work, after=names[-1])
        await messages.ask(ports.bus, following, now=now, at=now + _BETWEEN, mark=now.isoformat())
    elif mark is not None and mark.mark.cause == work.cause:
        await told.done(ports.records, mark)


async def _ask_other_holders(work: FanOut, ports: Ports, now: datetime) -> None:
    """Add whoever holds a package of the project's own and is not on it: requested in My Access, it goes as well."""
    for package in sorted(ports.model.projects.own_packages(work.project) & ports.model.packages.keys()):
        async for rows in holders.raw(ports.records, package):
            found = [one.person for one in map(holders.parse, rows) if one.mark is holders.Mark.UNEXPLAINED]
            if found:
                await enqueue(Run(work.run, work.cause, now), list(dict.fromkeys(found)), ports)


async def _orphaned(work: FanOut, since: datetime, ports: Ports, now: datetime) -> None:
    """Leave the project to the wake timer, which asks again, until it is opened; raise `Permanent` when it is not."""
    waited = await told.read(ports.records, work.project, project=True)
    if waited is not None and now < waited.mark.at + ORPHANED:
        return
    await told.done(ports.records, waited)
    raise Permanent(
        f"project {work.project}: {work.cause} speaks of it since {since:%Y-%m-%dT%H:%MZ}, and nobody has opened it; "
        "check the id, or send lifecycle.project.opened: what was said is kept and counts from then on"
    )


async def _doubt_the_whole(work: FanOut, end: datetime, ports: Ports, now: datetime) -> None:
    """Hold a close as one set when it takes from more people than the guard allows: none of it goes before the rest.

    It takes from who works on the project now and would beyond `end`; who was released before, or left, has nothing.
    """
    limit = ports.model.guard.removals.of((await people.population(ports.records)).assignments)
    count, after = 0, ""
    while names := await facts.members_of(ports.records, work.project, after=after, limit=BACKLOG):
        for name in names:
            working = memberships(await facts.of_member(ports.records, name), ports.model)
            stretches = [time for one in working if one.project == work.project for time in one.stretches]
            goes = any(time.start <= now and (time.end is None or time.end > end) for time in stretches)
            count += goes and await _has_anything(name, ports)
            if count > limit:
                text = f"project {work.project} is closed for more than {limit} people, who are held as one set"
                await annals.held_whole(ports.records, work.run, text, now, work.cause)
                await holds.doubt(ports.records, work.run, text)
                return
        after = names[-1]


async def _has_anything(name: str, ports: Ports) -> bool:
    """Whether a worker's person is employed or still has access of ours, as of their last look."""
    known = await people.one(ports.records, (await identity_of(ports.records, name)).person)
    return known.employed or known.assignments > 0
