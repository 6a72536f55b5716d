"""`due`: who is looked at when, what waits for its look, and how far bulk work is. Reads records alone."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from lifecycle.cli.screen import counted, emit, heading, instant, line, note, rest
from lifecycle.cli.world import AsJson, ReadyFile, World, inside
from lifecycle.records import runs, told
from lifecycle.records.runs import Progress
from lifecycle.records.told import Mark
from lifecycle.records.wakeups import WakeUp
from lifecycle.sweep import FORGOTTEN, due_within

_MORE = "--json has all of them"
_SHOWN = 50
_EVER = datetime.max.replace(tzinfo=UTC)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: lifecycle due\n\nExample: lifecycle due --within P7D --json")(due)


@dataclass(frozen=True, slots=True)
class Due:
    """What is due: looks, things told and not looked at yet, and runs under way."""

    now: datetime
    looks: list[WakeUp]
    told: list[Mark]
    runs: list[Progress]


def due(
    context: typer.Context,
    *,
    within: Annotated[str, typer.Option(metavar="DURATION", help="How far ahead, as in PT1H or P7D.")] = "PT1H",
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> None:
    """Show who is looked at next and how late that is, what was told and waits for its look, and runs under way.

    Somebody late by more than a few minutes means that the wake timer does not run. Renewals that nobody answered yet
    are shown by `lifecycle renew --list`.
    """
    from lifecycle.adapters.rules.shape import Duration  # noqa: PLC0415 - its package loads the CEL library

    try:
        span = Duration.read(within.strip().upper()).value
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--within") from None

    async def work(world: World) -> Due:
        records, now = world.ports.records, world.ports.clock.now()
        looks, _ = await due_within(world.ports, span)
        waiting = [one.mark for one in await told.forgotten(records, _EVER)]
        marks = sorted(waiting, key=lambda mark: (mark.at, mark.name))
        names = [*await runs.unfinished(records), *(one.run for one in await runs.lost(records, _EVER))]
        found = [await runs.progress(records, name) for name in sorted(set(names))]
        return Due(now, looks, marks, [one for one in found if one is not None])

    found = inside(context, ready, work)
    if as_json:
        emit(_plain(found))
    else:
        _show(found, within)


def _show(found: Due, within: str) -> None:
    heading(f"looks due within {within} of {instant(found.now)}")
    for one in found.looks[:_SHOWN]:
        late = found.now - one.at
        line(f"  {instant(one.at)}  {one.person}" + (f"  ! late by {_span(late)}" if late > timedelta() else ""))
    rest(len(found.looks), _SHOWN, _MORE)
    heading("told, and not looked at yet")
    for mark in found.told[:_SHOWN]:
        what = f"project {mark.name}" if mark.project else mark.name
        lost = _waits(mark, found.now)
        line(f"  {instant(mark.at)}  {what}  because of {mark.cause}{lost}")
    rest(len(found.told), _SHOWN, _MORE)
    heading("runs under way")
    for run in found.runs:
        line(f"  {run_line(run)}")
    rest(len(found.runs), len(found.runs), _MORE)
    late_ones = sum(one.at < found.now for one in found.looks)
    note(f"{counted(len(found.looks), 'look', 'looks')} due, {late_ones} late")


def _waits(mark: Mark, now: datetime) -> str:
    if mark.waits_since < now - FORGOTTEN:
        return "  ! asked again at the next tick"
    return f"  ! put off until {instant(mark.due)}" if mark.due is not None and mark.due > now else ""


def run_line(run: Progress) -> str:
    """Return how far a run is, in a line."""
    head = f"{run.run.name}  begun {instant(run.run.begun)}: {run.people} added, "
    return f"{head}{run.waiting} waiting, {run.queued} on the queue, {run.done} looked at"


def _span(late: timedelta) -> str:
    minutes, seconds = divmod(int(late.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{seconds} s"


def _plain(found: Due) -> dict[str, Any]:
    looks = [
        {"person": one.person, "at": one.at, "late_seconds": max(0, int((found.now - one.at).total_seconds()))}
        for one in found.looks
    ]
    return {"at": found.now, "looks": looks, "told": found.told, "runs": [plain_run(run) for run in found.runs]}


def plain_run(run: Progress) -> dict[str, Any]:
    """Return how far a run is, as JSON values."""
    about = {"run": run.run.name, "cause": run.run.cause, "begun": run.run.begun, "added": run.people}
    return about | {"waiting": run.waiting, "queued": run.queued, "looked_at": run.done}
