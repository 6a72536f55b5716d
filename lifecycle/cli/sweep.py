"""`sweep`: begins what the timers begin, or rehearses it. Beginning is a message, never a write."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import typer

from lifecycle import messages
from lifecycle.cli.exits import Code
from lifecycle.cli.plan import as_plain, plain_step, show_plan
from lifecycle.cli.rehearsal import Rehearsed, imagined, rehearse
from lifecycle.cli.screen import counted, emit, failure, heading, instant, line, note, progress
from lifecycle.cli.world import AsJson, ReadyFile, World, inside
from lifecycle.core.plan import Assign, Remove
from lifecycle.core.work import Check, Sweep, SweepSlice
from lifecycle.deny import read_reviews
from lifecycle.drift import differing
from lifecycle.errors import LifecycleError
from lifecycle.ports import Ports
from lifecycle.records import facts, runs, told
from lifecycle.records.identities import identity_of
from lifecycle.records.reports import Report, reports
from lifecycle.sweep import FORGOTTEN, LOST, due_within

_LISTED = 5
_DRIFT, _WAKE = "dry-run:drift", "dry-run:wake"

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show everybody's plan as the sweep would make it; send and write nothing.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command(epilog="Example: lifecycle sweep wake\n\nExample: lifecycle sweep wake --dry-run")(wake)
    group.command(
        epilog="Example: lifecycle sweep drift --dry-run; exit code 2 says that something would change\n\n"
        "Example: lifecycle sweep drift --last"
    )(drift)
    app.add_typer(
        group,
        name="sweep",
        help="Look at many at once, as the timers do: whoever is due, or everybody who differs from the directory.",
        epilog="Example: lifecycle sweep drift --dry-run",
    )


@dataclass(slots=True)
class Rehearsal:
    """What a whole sweep would come to; `found` is what the comparison says by package."""

    people: list[Rehearsed] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    found: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def wake(context: typer.Context, *, dry_run: DryRun = False, as_json: AsJson = False, ready: ReadyFile = None) -> None:
    """Have whoever is due looked at now, and whoever was forgotten: told of something, with the message lost.

    The timer does so every few minutes by itself. With --dry-run everybody is planned as of the instant of their look.
    """
    if dry_run:
        _end(inside(context, ready, rehearse_wake), as_json=as_json)
    _begin(context, ready, Sweep.WAKE, as_json=as_json)


def drift(
    context: typer.Context,
    *,
    dry_run: DryRun = False,
    last: Annotated[bool, typer.Option("--last", help="Show what the last sweep found, by package.")] = False,
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> None:
    """Compare all packages and users with the directory, and have everybody looked at who differs.

    The timer does so every night. The dry run reads the directory whole, and gives the plans that the sweep would make.
    """
    if dry_run and last:
        raise typer.BadParameter("choose --dry-run or --last")
    if last:
        _last(context, ready, as_json=as_json)
        return
    if dry_run:
        _end(inside(context, ready, rehearse_drift), as_json=as_json)
    _begin(context, ready, Sweep.DRIFT, as_json=as_json)


def _begin(context: typer.Context, ready: ReadyFile, kind: Sweep, *, as_json: bool) -> None:
    async def work(world: World) -> tuple[SweepSlice, str]:
        now = world.ports.clock.now()
        asked = SweepSlice(f"{kind}:{instant(now)}", kind, by=await world.who())
        await messages.ask(world.ports.bus, asked, now=now)
        return asked, world.where

    asked, where = inside(context, ready, work)
    if as_json:
        emit({"run": asked.run})
        return
    line(f"asked for the sweep {asked.run}")
    after = "; `lifecycle sweep drift --last` what it found" if kind is Sweep.DRIFT else ""
    note(f"sent to {where}; `lifecycle due` shows how far it is{after}")


# --- dry runs --------------------------------------------------------------------------------------------------------


async def rehearse_drift(world: World) -> Rehearsal:
    """Find who differs and what the sweep would do about them; denials of finished reviews are imagined too."""
    ports = imagined(world.ports)
    with progress("comparing with the directory"):
        found, people = await differing(ports)
        people = list(dict.fromkeys([*people, *await read_reviews(ports)]))
    checks = [Check(person, f"sweep:{_DRIFT}", run=_DRIFT, recheck=True) for person in sorted(people)]
    counts = {name: {"expected": one.expected, "checked": len(one.people), **one.counts} for name, one in found.items()}
    return await _rehearse(checks, ports, {}, counts)


async def rehearse_wake(world: World) -> Rehearsal:
    """Find who is due or was forgotten, and what their look would do."""
    ports = imagined(world.ports)
    now = ports.clock.now()
    due, _ = await due_within(ports)
    at = {one.person: one.at for one in due}
    forgotten: list[str] = []
    for mark in [one.mark for one in await told.forgotten(ports.records, now - FORGOTTEN, put_off=True)]:
        names = await facts.members_of(ports.records, mark.name) if mark.project else [mark.name]
        forgotten += [(await identity_of(ports.records, name)).person for name in names]
    forgotten += [one.person for one in await runs.lost(ports.records, now - LOST)]
    at |= dict.fromkeys(forgotten, now)
    return await _rehearse([Check(person, "wake") for person in at], ports, at, {})


async def _rehearse(
    checks: Sequence[Check], ports: Ports, at: Mapping[str, datetime], found: Mapping[str, Mapping[str, int]]
) -> Rehearsal:
    result = Rehearsal(found=found)
    with progress("looking", len(checks)) as bar:
        async for person, one in rehearse(checks, ports, at=at):
            if isinstance(one, LifecycleError):
                result.failed[person] = str(one)
            else:
                result.people.append(one)
            bar.step()
    return result


def _end(result: Rehearsal, *, as_json: bool) -> None:
    """Show it and end: 2 when changes are planned, 1 when somebody could not be looked at, else 0."""
    if as_json:
        emit(_plain(result))
    else:
        _show(result)
    if result.failed:
        raise typer.Exit(Code.FAILED)
    raise typer.Exit(Code.CHANGES if any(one.seen.plan.changes for one in result.people) else Code.DONE)


def _show(result: Rehearsal) -> None:
    for name, counts in sorted(result.found.items()):
        line(f"package {name}  " + ", ".join(f"{count} {kind}" for kind, count in counts.items()))
    for one in result.people:
        if one.seen.plan.changes:
            line()
            show_plan(one.seen)
    for person, why in result.failed.items():
        failure(f"{person}: {why}")
    line(_sum(result))
    note("a dry run: nothing was sent, nothing written")


def _totals(result: Rehearsal) -> dict[str, int]:
    steps = [step for one in result.people for step in one.seen.plan.changes]
    gives, takes = (sum(isinstance(step, kind) for step in steps) for kind in (Assign, Remove))
    return {
        "people": len(result.people),
        "changing": sum(bool(one.seen.plan.changes) for one in result.people),
        "gives": gives,
        "moves": len(steps) - gives - takes,
        "takes": takes,
        "held": sum(len(one.held) for one in result.people),
        "failed": len(result.failed),
    }


def _sum(result: Rehearsal) -> str:
    counts = _totals(result)
    text = (
        f"{counted(counts['people'], 'person', 'people')} would be looked at, {counts['changing']} with changes: "
        f"{counts['gives']} to give, {counts['moves']} to move, {counts['takes']} to take; "
        f"the guard would hold {counts['held']}"
    )
    return text + (f"; {counts['failed']} could not be looked at" if result.failed else "")


def _plain(result: Rehearsal) -> dict[str, Any]:
    plans = [as_plain(one.seen) | _would_hold(one) for one in result.people]
    return {"packages": result.found, "plans": plans, "failed": result.failed, "totals": _totals(result)}


def _would_hold(one: Rehearsed) -> dict[str, Any]:
    """Return the steps that the guard would withhold, and the hash under which `lifecycle held` would show them."""
    held = one.seen.dossier.withheld if one.held else None
    return {"would_hold": [plain_step(step) for step in one.held], "held_hash": None if held is None else held.hash}


# --- the last reports --------------------------------------------------------------------------------------------


def _last(context: typer.Context, ready: ReadyFile, *, as_json: bool) -> None:
    async def work(world: World) -> list[Report]:
        return await reports(world.ports.records)

    found = inside(context, ready, work)
    if as_json:
        emit(found)
        return
    for one in found:
        _report(one)
    if not found:
        line("no sweep has ended yet; `lifecycle sweep drift` begins one")


def _report(one: Report) -> None:
    heading(f"package {one.package}  {instant(one.at)}  run {one.run}")
    line(
        f"  {one.rows} rows in {counted(one.pages, 'page', 'pages')}, {one.expected} expected, "
        f"{counted(one.checked, 'person', 'people')} to be looked at"
    )
    rows = {
        "unexplained": one.unexplained,
        "strangers": one.strangers,
        "outlived": one.outlived,
        "missing": one.missing,
    }
    for kind, count in Counter(one.counts).items():
        ids = rows.get(kind, ())[:_LISTED]
        more = ", and more (--json)" if ids and count > len(ids) else ""
        line(f"  ! {count} {kind}" + (f": {', '.join(ids)}{more}" if ids else ""))
