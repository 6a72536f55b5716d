"""Looks at many: whoever is due, everybody, everybody on a project, everybody in a released set.

Only asks for checks; each person is then looked at by the same path as after any event. Bulk work trickles: one slice
of checks at a time, the next slice scheduled behind it.
"""

from datetime import datetime, timedelta

from lifecycle import messages
from lifecycle.core.work import Check, FanOut, Release, SweepSlice
from lifecycle.ports import Ports
from lifecycle.records import facts, holds, people, wakeups
from lifecycle.records.dossier import open_dossier
from lifecycle.records.identities import identity_of

BACKLOG = 200
"""Checks in one slice: as many as may wait on `work` before an urgent leaver's."""

_BETWEEN = timedelta(seconds=20)
_TICK = timedelta(minutes=5)


async def wake(ports: Ports) -> int:
    """Ask for a check, at its exact instant, of everybody who is due before the next tick; return how many."""
    now = ports.clock.now()
    asked = 0
    for due in await wakeups.due(ports.records, now + _TICK):
        if due.at < now - _TICK and (await open_dossier(ports.records, due.person)).wake != due.at:
            await wakeups.forget(ports.records, due)
            continue
        late = int(max(timedelta(), now - due.at) / _TICK)
        await messages.ask(
            ports.bus, Check(due.person, "wake"), now=due.at, at=max(due.at, now), mark=f"late {late}" if late else ""
        )
        asked += 1
    return asked


async def drift(ports: Ports) -> str:
    """Begin a sweep over everybody and return its run."""
    now = ports.clock.now()
    run = f"drift:{now:%Y-%m-%dT%H:%M:%SZ}"
    await messages.ask(ports.bus, SweepSlice(run, "people"), now=now)
    return run


async def slice_of_people(work: SweepSlice, ports: Ports) -> None:
    """Ask for checks of the next slice of everybody."""
    now = ports.clock.now()
    names = await people.everybody(ports.records, after=work.after, limit=BACKLOG)
    checks = [Check(name, f"sweep:{work.run}", run=work.run) for name in names]
    await messages.ask_all(ports.bus, list(checks), now=now, mark=work.run)
    if len(names) == BACKLOG:
        following = SweepSlice(work.run, work.kind, names[-1])
        await messages.ask(ports.bus, following, now=now, at=now + _BETWEEN)


async def fan_out(work: FanOut, ports: Ports) -> None:
    """Ask for checks of the next slice of a project's people."""
    now = ports.clock.now()
    names = await facts.members_of(ports.records, work.project, after=work.after, limit=BACKLOG)
    persons = dict.fromkeys([(await identity_of(ports.records, name)).person for name in names])
    checks = [Check(person, work.cause, run=work.run) for person in persons]
    await messages.ask_all(ports.bus, list(checks), now=now, mark=_mark(work, now))
    if len(names) == BACKLOG:
        following = FanOut(work.project, work.cause, work.run, names[-1])
        await messages.ask(ports.bus, following, now=now, at=now + _BETWEEN, mark=now.isoformat())


def _mark(work: FanOut, now: datetime) -> str:
    return f"{work.run} {now.isoformat()}"


async def approve_release(work: Release, ports: Ports) -> None:
    """Write down the approval of a held set and ask for checks of its people. Raises `Permanent` if it changed."""
    now = ports.clock.now()
    held = await holds.held_set(ports.records, work.run)
    await holds.approve(ports.records, work.run, work.set_hash, work.by, now)
    checks = [Check(plan.person, f"release:{work.run}", run=work.run, released=work.set_hash) for plan in held.plans]
    await messages.ask_all(ports.bus, list(checks), now=now, mark=work.set_hash)
