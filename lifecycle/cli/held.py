"""`held` and `release`: what the guard withholds until a person approves it. Releasing is a message, never a write."""

from collections import Counter
from typing import Annotated, Any

import typer

from lifecycle import messages
from lifecycle.cli.saying import Because, reason_given
from lifecycle.cli.screen import counted, emit, heading, instant, line, note
from lifecycle.cli.world import AsJson, ReadyFile, World, inside
from lifecycle.core.work import Release, ReleaseRefused
from lifecycle.errors import OwnHold, Permanent
from lifecycle.records import holds
from lifecycle.records.holds import HeldSet

SHORT = 8
"""The fewest characters of a hash that name a held set."""

_STATED = 12


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog="Example: lifecycle held\n\nExample: lifecycle held drift:2026-03-02T02:00:00Z\n\n"
        "Example: lifecycle held --json"
    )(held)
    app.command(
        epilog="Example: lifecycle release drift:2026-03-02T02:00:00Z --hash 3f2a9c1d --because 'the ward says so'"
    )(release)


def held(
    context: typer.Context,
    run: Annotated[str | None, typer.Argument(metavar="RUN", help="One set, with everybody in it.")] = None,
    *,
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> None:
    """Show what the guard holds, by run: how many people and steps, who caused it, the arithmetic, since when.

    Whoever caused a hold cannot release it. Of one run everybody is shown, with the steps.
    """

    async def work(world: World) -> list[HeldSet]:
        if run is None:
            return await holds.runs(world.ports.records)
        one = await holds.held_set(world.ports.records, run)
        if not one.plans:
            raise Permanent(f"run {run}: nothing is held; `lifecycle held` shows what is")
        return [one]

    found = inside(context, ready, work)
    if as_json:
        plain = [_plain(one) for one in found]
        emit(plain if run is None else plain[0])
        return
    for one in found:
        _show(one, whole=run is not None)
    if not found:
        line("nothing is held")


def _plain(one: HeldSet) -> dict[str, Any]:
    return {
        "run": one.run,
        "hash": one.hash,
        "since": one.since,
        "causers": one.causers,
        "sources": one.sources,
        "steps": dict(_steps(one)),
        "plans": one.plans,
    }


def _steps(one: HeldSet) -> Counter[str]:
    """Count the steps by what they do to which package."""
    return Counter(" ".join(step.split()[:2]) for plan in one.plans for step in plan.steps)


def _show(one: HeldSet, *, whole: bool) -> None:
    steps = _steps(one)
    heading(f"run {one.run}  {counted(len(one.plans), 'person', 'people')}, {counted(steps.total(), 'step', 'steps')}")
    line(f"  hash   {one.hash}")
    line(f"  since  {instant(one.since)}")
    line(f"  steps  {', '.join(f'{count} {step}' for step, count in sorted(steps.items()))}")
    line(f"  cause  {_cause(one)}")
    for text in dict.fromkeys(plan.text for plan in one.plans):
        line(f"  why    {text}")
    for plan in one.plans if whole else ():
        line(f"  {plan.person}  {'; '.join(plan.steps)}  ({plan.cause}, since {instant(plan.at)})")
    line(f"  lifecycle release '{one.run}' --hash {one.hash[:_STATED]} --because '…'")
    line()


def _cause(one: HeldSet) -> str:
    """Say who caused it and cannot release it, or that nobody is known to."""
    what = ", ".join(one.sources)
    if one.causers:
        return f"{', '.join(one.causers)}, who cannot release it" + (f"; {what}" if what else "")
    return f"no person is known{f': {what}' if what else ''}"


def release(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run, as `lifecycle held` shows it.")],
    *,
    named: Annotated[str, typer.Option("--hash", metavar="HASH", help="The set's hash, at least 8 characters of it.")],
    because: Because,
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> None:
    """Approve what is held of a run, exactly as `lifecycle held` showed it: a set that has changed since is refused.

    Who approved it comes from the token that you are signed in with, and goes into the evidence with why. Whoever
    caused the hold cannot release it.
    """
    if len(named) < SHORT:
        raise typer.BadParameter(f"is too short: give at least {SHORT} characters", param_hint="--hash")
    reason = reason_given(because)

    async def work(world: World) -> Release:
        now = world.ports.clock.now()
        found = await holds.held_set(world.ports.records, run)
        wanted = found.hash if found.hash.startswith(named.lower()) else named
        asked = Release(run, found.hash, await world.who(), reason)
        try:
            holds.check_release(found, wanted, asked.by)
        except OwnHold:
            refused = ReleaseRefused(asked.run, asked.set_hash, asked.by, asked.because)
            await messages.ask(world.ports.bus, refused, now=now)
            raise
        await messages.ask(world.ports.bus, asked, now=now)
        return asked

    asked = inside(context, ready, work)
    if as_json:
        emit(asked)
        return
    line(f"asked to release run {asked.run} ({asked.set_hash[:_STATED]}) by {asked.by}")
    note("its people are looked at next; `lifecycle held` shows what is left")
