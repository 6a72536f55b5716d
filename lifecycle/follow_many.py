"""Sees the requests of bulk work to their ends: one list of a package's requests instead of a read for each.

What ended is written into the dossiers of those concerned, conditional on their chains like everything there; then they
are looked at, by trickle. Posts nothing.
"""

from datetime import datetime, timedelta

from lifecycle import messages
from lifecycle.core.work import Sweep, SweepSlice
from lifecycle.errors import Lost
from lifecycle.follow import OPEN, take_note
from lifecycle.ports import Followed, Ports
from lifecycle.records import following, underway
from lifecycle.records.dossier import Stage, open_dossier
from lifecycle.records.runs import Run
from lifecycle.trickle import enqueue

RUN = "follow"
"""The run of the looks that follow; it holds nothing together."""

_GRID = timedelta(seconds=30)
_LOOK_BACK = timedelta(minutes=2)
_GIVEN_UP = timedelta(hours=1)


async def ask_to_follow(package: str, ports: Ports) -> None:
    """Ask for the next reading of a package's requests, on a grid of half minutes."""
    await messages.ask_on_grid(ports.bus, SweepSlice(RUN, Sweep.FOLLOW, package), now=ports.clock.now(), every=_GRID)


async def follow_package(package: str, ports: Ports) -> None:
    """Read a package's requests once and write down which ended. Raises as `Entitlements.requests_for` does."""
    now = ports.clock.now()
    waiting = await following.of_package(ports.records, package)
    if not waiting or package not in ports.model.packages:
        await following.close(ports.records, package)
        return
    since = min(one.at for one in waiting) - _LOOK_BACK
    known = ports.model.packages[package].access_package
    found = {one.request: one for one in await ports.entitlements.requests_for(known, since=since)}
    ended, people = [], []
    for one in waiting:
        told = found.get(one.request)
        if told is not None and told.state not in OPEN:
            await _note(one, told, ports, now)
        elif now < one.at + _GIVEN_UP:
            continue
        ended.append(one.request)
        people.append(one.person)
    if people:
        await enqueue(Run(RUN, "wake", now, behind=True), list(dict.fromkeys(people)), ports, whole=True)
    await following.drop(ports.records, package, ended)
    if len(ended) < len(waiting):
        await ask_to_follow(package, ports)


async def _note(one: following.Followed, told: Followed, ports: Ports, now: datetime) -> None:
    """Write down how it ended, unless somebody is at that person just now: they find out themselves."""
    dossier = await open_dossier(ports.records, one.person)
    flight = dossier.flights.get(one.package)
    if flight is None or flight.stage is not Stage.SUBMITTED or flight.request != one.request:
        return
    if flight.kind == "adminUpdate":
        return  # a new end counts once the row shows it, which the person's own look reads
    try:
        await take_note(dossier, flight, told, (), ports, now, flight.cause)
    except Lost:
        return
    await underway.note(dossier, now)
