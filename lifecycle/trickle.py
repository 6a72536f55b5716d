"""Bulk work trickles: a run's people are asked for as the queue has room, so that an urgent leaver waits seconds.

All runs together keep at most `BACKLOG` checks on `work`, in even shares, but for runs that come behind: looks that see
to the end what was begun have a small share as long as others have something to begin. A slice fills what room there is
and asks for the next one on a grid of seconds, so that two chains of slices of one run are one again. Reads and changes
nobody's access.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from lifecycle import messages
from lifecycle.core.work import Check, Sweep, SweepSlice
from lifecycle.ports import Ports
from lifecycle.records import annals, runs
from lifecycle.records.runs import Run

BACKLOG = 200
"""Checks of bulk work on the queue at once: as many as may wait there before an urgent leaver's."""

_BEHIND = 5
_GRID = timedelta(seconds=1)


async def enqueue(run: Run, people: Sequence[str], ports: Ports, *, whole: bool = False) -> bool:
    """Add people to a run and see to it that they are asked for; `whole` when these were the last.

    Returns whether the run is new.
    """
    new = await runs.add(ports.records, run, people, whole=whole)
    await ask_for(run.name, ports)
    return new


async def ask_for(name: str, ports: Ports) -> None:
    """Ask for a slice of a run, at the next point of the grid."""
    await messages.ask_on_grid(ports.bus, SweepSlice(name, Sweep.TRICKLE), now=ports.clock.now(), every=_GRID)


async def trickle(name: str, ports: Ports) -> None:
    """Send checks of the run's next people, as many as there is room for."""
    now = ports.clock.now()
    while (found := await runs.next_of(ports.records, name, BACKLOG)) is not None:
        run, people = found
        if not people:
            await _over(run, ports)
            return
        chosen = await runs.reserve(ports.records, name, people, BACKLOG, now, share=await _share(run, ports))
        if not chosen:
            await ask_for(name, ports)
            return
        like = Check(
            "",
            run.cause,
            run=name,
            attempt=run.attempt,
            released=run.released,
            recheck=run.recheck,
            undoes=run.undoes,
        )
        checks = [replace(like, person=person) for person in chosen]
        await messages.ask_all(ports.bus, list(checks), now=now, mark=f"{name} {run.begun.isoformat()}")
        if not await runs.asked(ports.records, run, chosen):
            await _over(run, ports)
            return


async def _over(run: Run, ports: Ports) -> None:
    """Take a run that has nobody waiting from the list, and write down that all of it was asked for, if that is so."""
    now = ports.clock.now()
    latest = await runs.find(ports.records, run.name)
    if latest is not None and run.name in await runs.unfinished(ports.records):
        await annals.all_asked(ports.records, latest, now)
    await runs.close(ports.records, run, now)


async def _share(run: Run, ports: Ports) -> int:
    """Return how much of the backlog is for this run, when others have people to ask for as well."""
    others = sum(name != run.name for name in await runs.unfinished(ports.records))
    if others and run.behind:
        return BACKLOG // _BEHIND
    return max(1, BACKLOG // (1 + others))
