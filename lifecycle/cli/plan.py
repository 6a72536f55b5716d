"""`plan`: what would be done about people, with reasons. Changes nothing."""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import batched
from typing import Annotated, Any, assert_never

import typer

from lifecycle.cli.exits import Code
from lifecycle.cli.rehearsal import imagined
from lifecycle.cli.screen import counted, emit, failure, heading, instant, line, note, progress, until
from lifecycle.cli.world import AsJson, ReadyFile, World, inside
from lifecycle.core.plan import Assign, Keep, Plan, Remove, Reschedule, Step
from lifecycle.errors import LifecycleError
from lifecycle.explain import known
from lifecycle.look import Look, look
from lifecycle.records.people import everybody

_AT_ONCE = 8  # looks side by side: Graph answers each in a fifth of a second

type _Seen = tuple[str, Look | LifecycleError]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Example: lifecycle plan E1001\n\n"
        "Example: lifecycle plan --all --json > plan.json; exit code 2 says that something would change"
    )(plan)


def plan(
    context: typer.Context,
    people: Annotated[list[str] | None, typer.Argument(metavar="PERSON", help="Worker or person ids.")] = None,
    *,
    everyone: Annotated[bool, typer.Option("--all", help="Everybody known; shows whose access would change.")] = False,
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> None:
    """Show what the next look would do about people, and why. Changes nothing.

    A plan's lines begin with + (gives a package), - (takes it), ~ (moves its end) or = (leaves it).

    Exit code 0 is nothing to do, 2 changes planned, 1 somebody could not be looked at.
    """
    if bool(people) == everyone:
        raise typer.BadParameter("name people, or give --all")

    async def work(world: World) -> list[_Seen]:
        names = await everybody(world.ports.records) if everyone else list(people or [])
        return await _look_at(names, world)

    seen = inside(context, ready, work)
    looks = [one for _, one in seen if isinstance(one, Look)]
    failed = {name: str(one) for name, one in seen if isinstance(one, LifecycleError)}
    if as_json:
        emit({"plans": [as_plain(one) for one in looks], "failed": failed})
    else:
        _show(looks, failed, changed_only=everyone)
    if failed:
        raise typer.Exit(Code.FAILED)
    raise typer.Exit(Code.CHANGES if any(one.plan.changes for one in looks) else Code.DONE)


async def _look_at(names: Sequence[str], world: World) -> list[_Seen]:
    """Look at everybody; one who cannot be looked at does not hide the others."""
    found: list[_Seen] = []
    with progress("looking", len(names)) as bar:
        for some in batched(names, _AT_ONCE, strict=False):
            looks = await asyncio.gather(*(_one(name, world) for name in some))
            found += zip(some, looks, strict=True)
            bar.step(len(some))
    return found


async def _one(name: str, world: World) -> Look | LifecycleError:
    try:
        identity = await known(name, world.ports.records)
        return await look(identity.person, imagined(world.ports), cause="plan", settle=True)
    except LifecycleError as error:
        return error


def _show(looks: Sequence[Look], failed: dict[str, str], *, changed_only: bool) -> None:
    shown = [one for one in looks if one.plan.changes or not changed_only]
    for number, one in enumerate(shown):
        if number:
            line()
        show_plan(one)
    for text in failed.values():
        failure(text)
    if len(looks) + len(failed) != 1:
        changed = sum(bool(one.plan.changes) for one in looks)
        not_seen = f", {len(failed)} could not be looked at" if failed else ""
        note(f"{counted(len(looks), 'person', 'people')} looked at, {changed} with changes{not_seen}")


def show_plan(seen: Look) -> None:
    """Print a person's plan."""
    user = "no Entra user yet" if seen.match is None else f"user {seen.match.user}"
    heading(f"{seen.plan.person}  {seen.desired.standing}  {user}  {instant(seen.now)}")
    for text in step_lines(seen.plan.steps):
        line(f"  {text}")
    if not seen.plan.steps:
        line("  = nothing wanted, nothing there")
    for text in _cautions(seen):
        line(f"  ! {text}")
    line(f"  {totals(seen.plan)}", style="")


def step_lines(steps: Iterable[Step]) -> list[str]:
    """Return a line a step: sign, package, what, why."""
    steps = list(steps)
    width = max((len(step.package) for step in steps), default=0)
    return [f"{_sign(step)} {step.package:<{width}}  {_what(step)}" for step in steps]


def totals(plan: Plan) -> str:
    """Return the plan's name and how much it changes."""
    gives = sum(isinstance(step, Assign) for step in plan.steps)
    moves = sum(isinstance(step, Reschedule) for step in plan.steps)
    takes = sum(isinstance(step, Remove) for step in plan.steps)
    return f"plan {plan.hash}: {gives} to give, {moves} to move, {takes} to take (model {plan.model[:12]})"


def _sign(step: Step) -> str:
    match step:
        case Assign():
            return "+"
        case Reschedule():
            return "~"
        case Remove():
            return "-"
        case Keep():
            return "="
        case _:
            assert_never(step)


def _what(step: Step) -> str:
    why = "; ".join(step.why)
    because = f"because {why}" if why else ""
    match step:
        case Assign():
            parts = [until(step.ends), because]
        case Reschedule():
            parts = [f"{step.assignment} {until(step.ends)} (was {until(step.was)})", because]
        case Remove():
            parts = [step.assignment, because]
        case Keep():
            parts = [step.note, f"({why})"] if step.note and why else [step.note, because]
        case _:
            assert_never(step)
    return " ".join(filter(None, parts))


def _cautions(seen: Look) -> list[str]:
    """Return why the plan would not be carried out as it stands."""
    found = []
    if seen.finding:
        found.append(seen.finding)
    elif seen.match is None and seen.plan.changes:
        found.append("waits for an Entra user with this employeeId or user principal name")
    held = seen.dossier.withheld
    if held is not None and not held.released:
        found.append(f"held under run {held.run} since {instant(held.at)}: {held.text}")
    return found


def as_plain(seen: Look) -> dict[str, Any]:
    """Return the plan as JSON values."""
    held = seen.dossier.withheld
    return {
        "person": seen.plan.person,
        "standing": seen.desired.standing,
        "user": None if seen.match is None else seen.match.user,
        "at": seen.now,
        "model": seen.plan.model,
        "hash": seen.plan.hash,
        "changes": len(seen.plan.changes),
        "steps": [plain_step(step) for step in seen.plan.steps],
        "cautions": _cautions(seen),
        "held": None if held is None or held.released else held.run,
        "look_again": seen.plan.look_again,
    }


def plain_step(step: Step) -> dict[str, Any]:
    """Return a step as JSON values; `do` is assign, reschedule, remove or keep."""
    plain: dict[str, Any] = {"do": type(step).__name__.lower(), "package": step.package, "why": list(step.why)}
    match step:
        case Assign():
            return plain | {"ends": step.ends}
        case Reschedule():
            return plain | {"assignment": step.assignment, "was": step.was, "ends": step.ends}
        case Remove():
            return plain | {"assignment": step.assignment}
        case Keep():
            return plain | {"assignment": step.assignment or None, "note": step.note}
        case _:
            assert_never(step)
