"""`held` and `release`: what the guard withholds until a person approves it. Releasing is a message, never a write."""

from typing import Annotated

import typer

from lifecycle import messages
from lifecycle.cli.screen import counted, emit, heading, instant, line, note
from lifecycle.cli.world import AsJson, ReadyFile, World, inside
from lifecycle.core.work import Release
from lifecycle.errors import Permanent
from lifecycle.records import holds
from lifecycle.records.holds import HeldSet

SHORT = 8
"""The fewest characters of a hash that name a held set."""

_STATED = 12


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: lifecycle held\n\nExample: lifecycle held --json")(held)
    app.command(epilog="Example: lifecycle release drift:2026-03-02T02:00:00Z --hash 3f2a9c1d")(release)


def held(context: typer.Context, *, as_json: AsJson = False, ready: ReadyFile = None) -> None:
    """Show the plans that the guard holds, by run: whose, which steps, and the arithmetic that held them."""

    async def work(world: World) -> list[HeldSet]:
        return await holds.runs(world.ports.records)

    found = inside(context, ready, work)
    if as_json:
        emit([{"run": one.run, "hash": one.hash, "plans": one.plans} for one in found])
        return
    for one in found:
        _show(one)
    if not found:
        line("nothing is held")


def _show(one: HeldSet) -> None:
    steps = sum(len(plan.steps) for plan in one.plans)
    heading(f"run {one.run}  {counted(len(one.plans), 'person', 'people')}, {counted(steps, 'step', 'steps')}")
    line(f"  hash {one.hash}")
    for text in dict.fromkeys(plan.text for plan in one.plans):
        line(f"  why  {text}")
    for plan in one.plans:
        line(f"  {plan.person}  {'; '.join(plan.steps)}  ({plan.cause}, since {instant(plan.at)})")
    line(f"  lifecycle release '{one.run}' --hash {one.hash[:_STATED]}")
    line()


def release(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run, as `lifecycle held` shows it.")],
    *,
    named: Annotated[str, typer.Option("--hash", metavar="HASH", help="The set's hash, at least 8 characters of it.")],
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> None:
    """Approve what is held of a run, exactly as `lifecycle held` showed it: a set that has changed since is refused.

    Who approved it comes from the token that you are signed in with, and goes into the evidence.
    """
    if len(named) < SHORT:
        raise typer.BadParameter(f"is too short: give at least {SHORT} characters", param_hint="--hash")

    async def work(world: World) -> Release:
        found = await holds.held_set(world.ports.records, run)
        _check(found, named)
        asked = Release(run, found.hash, await world.who())
        await messages.ask(world.ports.bus, asked, now=world.ports.clock.now())
        return asked

    asked = inside(context, ready, work)
    if as_json:
        emit(asked)
        return
    line(f"asked to release run {asked.run} ({asked.set_hash[:_STATED]}) by {asked.by}")
    note("its people are looked at next; `lifecycle held` shows what is left")


def _check(found: HeldSet, named: str) -> None:
    if not found.plans:
        raise Permanent(f"run {found.run}: nothing is held; `lifecycle held` shows what is")
    if not found.hash.startswith(named.lower()):
        raise Permanent(
            f"run {found.run}: the held set is now {found.hash[:_STATED]}, not {named[:_STATED]}; nothing was released."
            " Look again with `lifecycle held` and approve what it shows"
        )
