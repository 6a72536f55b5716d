"""`adopt --dry-run`: what Lifecycle would do in a tenant that has history, before its first change."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from lifecycle.cli.exits import Code
from lifecycle.cli.plan import as_plain, show_plan
from lifecycle.cli.rehearsal import Rehearsed, imagined, rehearse
from lifecycle.cli.screen import counted, emit, failure, heading, line, note, progress
from lifecycle.cli.world import AsJson, ReadyFile, World, inside
from lifecycle.core.plan import Assign, Remove, Reschedule
from lifecycle.core.work import Check
from lifecycle.errors import LifecycleError
from lifecycle.look import Look
from lifecycle.records.people import everybody

_RUN = "dry-run:adopt"
_KINDS = ("adopted", "unexplained", "elsewhere", "given", "moved", "taken", "held")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: lifecycle adopt --dry-run\n\nExample: lifecycle adopt --dry-run --first 100 --json")(
        adopt
    )


@dataclass(slots=True)
class Found:
    """What the first looks would come to, by package and kind; the first people whose access would change."""

    looked_at: int = 0
    changing: int = 0
    without_user: int = 0
    packages: dict[str, Counter[str]] = field(default_factory=dict)
    first: list[Look] = field(default_factory=list)
    why: dict[str, None] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def adopt(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="What the first look at everybody would do.")] = False,
    first: Annotated[int, typer.Option(metavar="N", min=0, help="Show the plans of so many people.")] = 20,
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> None:
    """Show what Lifecycle would do with the access that is there already; run it once after the first feed.

    Adopting happens by itself: each look takes a justified row of our own policy into the ledger, with its reason.

    Exit code 0 is nothing to change, 2 changes, 1 somebody could not be looked at.
    """
    if not dry_run:
        raise typer.BadParameter(
            "is needed: adopting happens by itself, at each look, for every row in our own policy that is justified. "
            "This command only shows what that would come to",
            param_hint="--dry-run",
        )

    async def work(world: World) -> Found:
        ports = imagined(world.ports)
        names = await everybody(ports.records)
        found = Found(packages={name: Counter() for name in ports.model.packages})
        with progress("looking", len(names)) as bar:
            async for person, one in rehearse([Check(name, "adopt", run=_RUN) for name in names], ports):
                _note(found, person, one, first)
                bar.step()
        return found

    found = inside(context, ready, work)
    if as_json:
        emit(_plain(found))
    else:
        _show(found)
    if found.failed:
        raise typer.Exit(Code.FAILED)
    raise typer.Exit(Code.CHANGES if found.changing else Code.DONE)


def _note(found: Found, person: str, one: Rehearsed | LifecycleError, first: int) -> None:
    if isinstance(one, LifecycleError):
        found.failed[person] = str(one)
        return
    seen = one.seen
    found.looked_at += 1
    found.without_user += seen.match is None and bool(seen.plan.changes)
    for row in seen.actual.assignments:
        if row.package in (seen.actual.underway or {}):
            continue  # what a request under way brings is no history
        wanted = row.package in seen.desired.entitlements
        if row.adoptable:
            found.packages[row.package]["adopted" if wanted else "unexplained"] += 1
        elif wanted and not row.ours:
            found.packages[row.package]["elsewhere"] += 1
    for step in seen.plan.changes:
        found.packages[step.package][_kind(step)] += 1
    for step in one.held:
        found.packages[step.package]["held"] += 1
    if one.why:
        found.why[one.why] = None
    found.changing += bool(seen.plan.changes)
    if seen.plan.changes and len(found.first) < first:
        found.first.append(seen)


def _kind(step: Assign | Reschedule | Remove) -> str:
    return {Assign: "given", Reschedule: "moved", Remove: "taken"}[type(step)]


def _show(found: Found) -> None:
    for seen in found.first:
        show_plan(seen)
        line()
    for name, counts in found.packages.items():
        heading(f"package {name}")
        line(
            f"  = {counts['adopted']} adopted, {counts['elsewhere']} held through other ways, "
            f"{counts['unexplained']} in our policy without a reason (reported, left alone)"
        )
        line(f"  {counts['given']} to give, {counts['moved']} to move, {counts['taken']} to take")
        if counts["held"]:
            line(f"  ! the guard would hold {counted(counts['held'], 'step', 'steps')}")
    for text in found.why:
        line(f"! {text}", style=None)
    for person, why in found.failed.items():
        failure(f"{person}: {why}")
    more = found.changing - len(found.first)
    line(f"{counted(found.looked_at, 'person', 'people')} looked at, {found.changing} with changes")
    if more > 0:
        note(f"the plans of {more} more people are not shown; --first N shows more of them")
    if found.without_user:
        note(f"{counted(found.without_user, 'person has', 'people have')} no Entra user yet and would wait for one")
    note("a dry run: nothing was sent, nothing written")


def _plain(found: Found) -> dict[str, Any]:
    return {
        "looked_at": found.looked_at,
        "changing": found.changing,
        "without_user": found.without_user,
        "packages": {name: {kind: counts[kind] for kind in _KINDS} for name, counts in found.packages.items()},
        "why_held": list(found.why),
        "plans": [as_plain(seen) for seen in found.first],
        "failed": found.failed,
    }
