"""`undo`: what a bad run took, what of it comes back and what does not. Undoing is a message, never a write."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import batched
from typing import Annotated, Any

import typer

from lifecycle import messages
from lifecycle.cli.due import plain_run, run_line
from lifecycle.cli.exits import Code
from lifecycle.cli.rehearsal import AT_ONCE, Rehearsed, imagined, rehearse
from lifecycle.cli.screen import counted, emit, failure, heading, line, note, progress, until
from lifecycle.cli.world import AsJson, ReadyFile, World, inside
from lifecycle.core.work import Check, Undo
from lifecycle.errors import LifecycleError, Permanent
from lifecycle.look import Look
from lifecycle.ports import Ports
from lifecycle.records import holds, runs, takings
from lifecycle.records.runs import Progress
from lifecycle.returns import Return, State
from lifecycle.undo import begin_undo, check_of, name_of, restore
from lifecycle.withhold import describe

_SIGNS = {State.OPEN: "+", State.WAITING: "~", State.BACK: "=", State.SKIPPED: "!"}
_WORDS = {State.OPEN: "to give back", State.WAITING: "on the way", State.BACK: "back", State.SKIPPED: "skipped"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Example: lifecycle undo event:l-1001\n\n"
        "Example: lifecycle undo project:p-100:c-1 --apply --because 'closed by mistake, INC-42'"
    )(undo)


@dataclass(frozen=True, slots=True)
class Person:
    """One person's part: each assignment and what becomes of it, and what the guard would hold of giving it back."""

    person: str
    returns: list[Return]
    held: tuple[str, ...] = ()
    why: str = ""


@dataclass(slots=True)
class Undoing:
    """What undoing a run would come to; `under_way` is how far an earlier request is."""

    run: str
    by: str
    people: list[Person] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    under_way: Progress | None = None
    sent: bool = False

    @property
    def totals(self) -> Counter[State]:
        """Return how many assignments stand how."""
        return Counter(one.state for person in self.people for one in person.returns)


def undo(
    context: typer.Context,
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A run or cause, as `lifecycle held` and `lifecycle explain` show it.")
    ],
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Ask for it; else only show.")] = False,
    because: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why; required with --apply, and part of the evidence.")
    ] = None,
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> None:
    """Show what a bad run took and what of it would come back, or with --apply have it brought back.

    Mend the cause first (take the event back, correct the feed or the model, reopen the project): what is justified
    again comes back by that. What people had requested in My Access comes back as exceptions with the ends it had.
    """
    reason = (because or "").strip()
    if apply and not reason:
        raise typer.BadParameter("is required with --apply: say why, for the evidence", param_hint="--because")

    async def work(world: World) -> Undoing:
        name = run.strip().removeprefix("sweep:").removeprefix("release:")
        now = world.ports.clock.now()
        asked = Undo(name, await world.who(), reason, now)
        found = await _rehearse(asked, world.ports)
        if apply and found.totals[State.OPEN]:
            await messages.ask(world.ports.bus, asked, now=now)
            found.sent = True
        return found

    found = inside(context, ready, work)
    if as_json:
        emit(_plain(found))
    else:
        _show(found, apply=apply)
    if found.failed:
        raise typer.Exit(Code.FAILED)
    if found.totals[State.OPEN] and not apply:
        raise typer.Exit(Code.CHANGES)


# --- a rehearsal -----------------------------------------------------------------------------------------------------


async def _rehearse(asked: Undo, real: Ports) -> Undoing:
    """Do what the app would do, on records that forget it; nothing known to have been taken is no error of a run."""
    found = Undoing(asked.run, asked.by, under_way=await runs.progress(real.records, name_of(asked.run)))
    if not await takings.of_run(real.records, asked.run):
        await _must_be_known(asked.run, real)
        return found
    asked_already = await runs.pending(real.records, name_of(asked.run))
    ports = imagined(real)
    people = await begin_undo(asked, ports)
    looks: list[Check] = []
    with progress("looking", len(people)) as bar:
        for some in batched(people, AT_ONCE, strict=False):
            answers = await asyncio.gather(*(_restore(asked, person, ports) for person in some))
            for person, one in zip(some, answers, strict=True):
                if isinstance(one, LifecycleError):
                    found.failed[person] = str(one)
                    continue
                returns = _in_turn(one[1]) if person in asked_already else one[1]
                found.people.append(Person(person, returns))
                if any(each.state is State.OPEN for each in returns):
                    looks.append(check_of(asked.run, person))
            bar.step(len(some))
    await _ask_the_guard(looks, found, ports)
    return found


def _in_turn(returns: list[Return]) -> list[Return]:
    """Say of what can be given back that it was asked for already, and that its turn will come."""
    why = "asked for already; its turn comes"
    return [replace(one, state=State.WAITING, why=why) if one.state is State.OPEN else one for one in returns]


async def _restore(asked: Undo, person: str, ports: Ports) -> tuple[Look, list[Return]] | LifecycleError:
    try:
        return await restore(check_of(asked.run, person), ports)
    except LifecycleError as error:
        return error


async def _ask_the_guard(looks: Sequence[Check], found: Undoing, ports: Ports) -> None:
    """Find what the guard would hold of giving back, one person after the other."""
    places = {one.person: place for place, one in enumerate(found.people)}
    with progress("asking the guard", len(looks)) as bar:
        async for person, one in rehearse(looks, ports):
            if isinstance(one, LifecycleError):
                found.failed[person] = str(one)
            else:
                found.people[places[person]] = _with(found.people[places[person]], one)
            bar.step()


def _with(person: Person, one: Rehearsed) -> Person:
    return Person(person.person, person.returns, tuple(describe(step) for step in one.held), one.why)


async def _must_be_known(name: str, ports: Ports) -> None:
    """Raise `Permanent` for a name of which nothing was ever heard."""
    if await runs.find(ports.records, name) is None and not (await holds.held_set(ports.records, name)).plans:
        raise Permanent(
            f"run {name}: nothing is known to have been taken by a run or cause of this name. `lifecycle held`, "
            "`lifecycle due` and the evidence of `lifecycle explain` name runs and causes, as in event:l-1001"
        )


# --- showing it ------------------------------------------------------------------------------------------------------


def _show(found: Undoing, *, apply: bool) -> None:
    totals = found.totals
    if not totals and not found.failed:
        line(f"run {found.run} took nothing; what is held of it is not taken (`lifecycle held`)")
        return
    rows = counted(sum(totals.values()), "assignment", "assignments")
    heading(f"run {found.run}  took {rows} from {counted(len(found.people), 'person', 'people')}")
    for person in found.people:
        line(person.person)
        for one in person.returns:
            line(f"  {_line(one)}")
        if person.held:
            line(f"  ! the guard would hold {'; '.join(person.held)}: {person.why}")
    for name, why in found.failed.items():
        failure(f"{name}: {why}")
    line(", ".join(f"{totals[state]} {word}" for state, word in _WORDS.items()))
    if found.under_way is not None:
        line(run_line(found.under_way))
    _say_what_next(found, apply=apply)


def _line(one: Return) -> str:
    kind = "ours" if one.taking.ours else "requested"
    end = f" {until(one.until)}" if one.state in {State.OPEN, State.BACK} else ""
    was = f"{one.taking.assignment} ({kind}, was {until(one.taking.ends)})"
    return f"{_SIGNS[one.state]} {one.taking.package}  {was}  {one.why}{end}"


def _say_what_next(found: Undoing, *, apply: bool) -> None:
    if found.sent:
        line(f"asked to undo run {found.run} by {found.by}")
        note(f"its people are looked at next; `lifecycle undo '{found.run}'` shows how far it is")
    elif apply:
        line("nothing to give back: nothing was sent")
    elif found.totals[State.OPEN]:
        note("nothing was sent; --apply --because TEXT asks for it")


def _plain(found: Undoing) -> dict[str, Any]:
    people = [
        {
            "person": person.person,
            "assignments": [_plain_return(one) for one in person.returns],
            "would_hold": person.held,
            "why_held": person.why,
        }
        for person in found.people
    ]
    return {
        "run": found.run,
        "by": found.by,
        "sent": found.sent,
        "people": people,
        "totals": {state: found.totals[state] for state in State},
        "under_way": None if found.under_way is None else plain_run(found.under_way),
        "failed": found.failed,
    }


def _plain_return(one: Return) -> dict[str, Any]:
    taking = one.taking
    return {
        "package": taking.package,
        "assignment": taking.assignment,
        "ours": taking.ours,
        "policy": taking.policy,
        "was_until": taking.ends,
        "shortened": taking.shortened,
        "taken_at": taking.at,
        "cause": taking.cause,
        "state": one.state,
        "why": one.why,
        "until": one.until,
    }
