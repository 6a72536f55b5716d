"""`model impact`: what an access model would change for whom, before it is in force. Reads records alone.

What it counts is what adopting the model would have looked at and plan then, the guard included (`lifecycle.forecast`).
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, assert_never

import typer

from lifecycle.cli.exits import Code
from lifecycle.cli.rehearsal import Imagined, Rehearsed, guarded, imagined
from lifecycle.cli.screen import counted, emit, failure, heading, line, note, progress, rest
from lifecycle.cli.world import AsJson, ReadyFile, World, inside
from lifecycle.core.budget import Allowance, Spent
from lifecycle.core.example import Example, tried
from lifecycle.core.guard import Population
from lifecycle.core.model import AccessModel, GuardLimits
from lifecycle.core.plan import Assign, ChangeStep, Remove, Reschedule
from lifecycle.core.work import Check
from lifecycle.errors import LifecycleError
from lifecycle.forecast import Foreseen, forecast, is_adopted
from lifecycle.look import Look
from lifecycle.ports import Ports
from lifecycle.records import adoption, people, reservations
from lifecycle.replan import run_of

_SHOWN = 20  # people who cannot be planned: a rule without an answer may concern everybody
_SIGNS = {"given": "+", "taken": "-", "shortened": "~", "extended": "~"}
_WORDS = {"given": "to give", "taken": "to take", "shortened": "to end earlier", "extended": "to end later"}


@dataclass(slots=True)
class Touched:
    """What happens to one package: how many steps by kind, the first people of each kind, how many would be held."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    held: int = 0


@dataclass(slots=True)
class Impact:
    """What a model would come to, in people: `looks` would be looked at, `changing` have their access changed.

    `underway` have a request open that the model's change waits for, `later` are changed at a time to come.
    """

    model: AccessModel
    in_force: str = ""
    adopted: bool = False
    people: int = 0
    looks: int = 0
    changing: int = 0
    later: int = 0
    without_user: int = 0
    underway: int = 0
    packages: dict[str, Touched] = field(default_factory=dict)
    unmanaged: Counter[str] = field(default_factory=Counter)
    held_people: int = 0
    why: dict[str, None] = field(default_factory=dict)
    population: Population = field(default_factory=lambda: Population(0, 0))
    before: Spent = field(default_factory=Spent)
    failed: dict[str, str] = field(default_factory=dict)

    def total(self, *kinds: str) -> int:
        """Return how many steps of these kinds there are; of all, when none is named."""
        return sum(one.counts[kind] for one in self.packages.values() for kind in kinds or _SIGNS)

    @property
    def held(self) -> int:
        """Return how many steps the guard would hold."""
        return sum(one.held for one in self.packages.values())

    @property
    def allowance(self) -> Allowance:
        """Return the budget as it is now."""
        return Allowance(self.model.budget, self.before)

    @property
    def afterwards(self) -> Allowance:
        """Return the budget once every step, held ones included, was sent."""
        spent = Spent(self.allowance.used + self.total(), self.before.ours + self.total())
        return Allowance(self.model.budget, spent)


def impact(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The access model (YAML) as it is to become.")],
    *,
    first: Annotated[int, typer.Option(metavar="N", min=0, help="Name so many people by package and kind.")] = 5,
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> None:
    """Show what a new access model would do to everybody, against what the model in force did.

    By package: what would be given, taken, and end at another time; what of it the guard would hold, with its
    arithmetic; what it costs of the budget. Nothing is read from Microsoft Graph, sent or written.

    Exit code 0 is nobody's access changes, 2 somebody's does, 1 somebody could not be planned.
    """
    from lifecycle.adapters.rules import examine, text_of  # noqa: PLC0415 - compiling rules loads the CEL library

    written = examine(text_of(file), where=file.name)
    model = written.require()

    async def work(world: World) -> Impact:
        return await measured(replace(imagined(world.ports), model=model), first=first)

    found = inside(context, ready, work)
    broken = sum(not _holds(one, model) for one in written.examples)
    if as_json:
        emit({**_plain(found), "examples": {"tried": len(written.examples), "broken": broken}})
    else:
        _show(found)
        if broken:
            of, verb = counted(len(written.examples), "example", "examples"), "does" if broken == 1 else "do"
            line(f"! {broken} of the model's own {of} {verb} not hold: `lifecycle model test {file}`")
    if found.failed:
        raise typer.Exit(Code.FAILED)
    raise typer.Exit(Code.CHANGES if found.changing else Code.DONE)


def _holds(example: Example, model: AccessModel) -> bool:
    try:
        return tried(example, model).holds
    except LifecycleError:  # a rule that has no answer for this worker
        return False


async def measured(ports: Ports, *, first: int = 0) -> Impact:
    """Plan everybody under the model of `ports`, which are `imagined` ones, and count.

    What one person's hold comes to is forgotten before the next is planned; the room that the guard gave is not.
    """
    imagining = Imagined(ports.records)
    ports = replace(ports, records=imagining)
    model, run = ports.model, run_of(ports.model)
    found = Impact(model, packages={name: Touched() for name in model.packages})
    under = await adoption.replanned(ports.records)
    found.in_force = "" if under is None else under.hash
    found.population = await people.population(ports.records)
    found.before = await ports.meter.spent(ports.clock.now())
    if await is_adopted(ports):
        found.adopted = True
        return found
    names = await people.everybody(ports.records)
    with progress("planning", len(names)) as bar:
        async for person, one in forecast(names, ports):
            found.people += 1
            if isinstance(one, LifecycleError):
                found.failed[person] = str(one)
            else:
                await _note(found, one, Check(one.person, run, run=run), ports, first)
                imagining.forget(but=reservations.PARTITIONS)
            bar.step()
    return found


async def _note(found: Impact, one: Foreseen, check: Check, ports: Ports, first: int) -> None:
    found.later += one.later is not None
    found.unmanaged.update(one.unmanaged)
    if one.look is None:
        return
    found.looks += 1
    found.underway += bool(one.look.actual.underway)
    if not one.look.plan.changes:
        return
    if one.look.match is None:
        found.without_user += 1
        return
    done = await guarded(one.look, check, ports)
    if isinstance(done, LifecycleError):
        found.failed[one.person] = str(done)
        return
    _count(found, one.look, done, first)


def _count(found: Impact, look: Look, done: Rehearsed, first: int) -> None:
    found.changing += 1
    found.held_people += bool(done.held)
    if done.why:
        found.why[done.why] = None
    for step in look.plan.changes:
        touched, kind = found.packages[step.package], _kind(step)
        touched.counts[kind] += 1
        touched.held += step in done.held
        if len(touched.first[kind]) < first:
            touched.first[kind].append(look.dossier.person)


def _kind(step: ChangeStep) -> str:
    match step:
        case Assign():
            return "given"
        case Remove():
            return "taken"
        case Reschedule():
            return "shortened" if step.shortens else "extended"
        case _ as never:
            assert_never(never)


def _guard(found: Impact) -> list[dict[str, Any]]:
    """Return, for each limit that the changes touch, how much is wanted and how much is allowed in a window."""
    limits: GuardLimits = found.model.guard
    taking, population = found.total("taken", "shortened"), found.population
    rows = [{"counter": "removals", "wanted": taking, "allowed": limits.removals.of(population.assignments)}]
    allowed = limits.additions.of(population.people)
    rows += [
        {"counter": f"additions:{name}", "wanted": one.counts["given"], "allowed": allowed}
        for name, one in found.packages.items()
    ]
    return [row for row in rows if row["wanted"]]


# --- shown -----------------------------------------------------------------------------------------------------------


def _show(found: Impact) -> None:
    before = f"what {found.in_force[:12]} came to" if found.in_force else "the last looks"
    line(f"model {found.model.hash[:12]}, against {before}")
    if found.adopted:
        note("it is in force: everybody was planned under it")
        return
    for name, one in found.packages.items():
        _show_package(name, one)
    for name, count in sorted(found.unmanaged.items()):
        heading(f"package {name}")
        gone = counted(count, "assignment of ours stays", "assignments of ours stay")
        line(f"  ! no longer in the model: {gone} as they are, and nobody ends them")
    if found.total():
        _show_guard(found)
        _show_budget(found)
    for person, why in islice(found.failed.items(), _SHOWN):
        failure(f"{person}: {why}")
    if found.failed:
        rest(len(found.failed), _SHOWN, "--json has all of them")
    everybody = counted(found.people, "person", "people")
    line(f"{everybody} planned, {found.looks} to be looked at, {found.changing} with changes")
    if found.later:
        note(f"for {counted(found.later, 'person', 'people')} it changes something at a time to come")
    if found.without_user:
        note(f"{counted(found.without_user, 'person has', 'people have')} no Entra user yet and would wait for one")
    if found.underway:
        note(f"of {counted(found.underway, 'person', 'people')} a request is under way; what follows it is not counted")
    note("from records alone: nothing was read from Graph, sent or written")


def _show_package(name: str, one: Touched) -> None:
    if not one.counts:
        return
    heading(f"package {name}")
    for kind, sign in _SIGNS.items():
        if not one.counts[kind]:
            continue
        names, more = ", ".join(one.first[kind]), one.counts[kind] - len(one.first[kind])
        who = f"{names} and {more} more" if names and more else names
        line(f"  {sign} {one.counts[kind]} {_WORDS[kind]}{f': {who}' if who else ''}")
    if one.held:
        line(f"  ! the guard would hold {counted(one.held, 'step', 'steps')}")


def _show_guard(found: Impact) -> None:
    heading(f"guard, in any {found.model.guard.window / timedelta(hours=1):g} hours")
    for row in _guard(found):
        sign = "=" if row["wanted"] <= row["allowed"] else "!"
        line(f"  {sign} {row['counter']}: {row['wanted']} wanted, {row['allowed']} allowed")
    for text in found.why:
        line(f"  ! held: {text}")
    if found.held:
        whose = counted(found.held_people, "person", "people")
        line(f"  ! {counted(found.held, 'step', 'steps')} of {whose} would be held, until somebody releases them")


def _show_budget(found: Impact) -> None:
    heading("requests")
    line(f"  {found.total()} needed, {found.allowance.left} of {found.model.budget.requests} left in this quarter")
    if found.total() > found.allowance.left:
        line("  ! more than are left")
    elif found.afterwards.reserved and found.total("given"):
        line("  ! reaches the reserve: the last additions would wait")


def _plain(found: Impact) -> dict[str, Any]:
    return {
        "model": found.model.hash,
        "in_force": found.in_force,
        "adopted": found.adopted,
        "people": found.people,
        "looks": found.looks,
        "changing": found.changing,
        "later": found.later,
        "without_user": found.without_user,
        "underway": found.underway,
        "packages": {
            name: {**{kind: one.counts[kind] for kind in _SIGNS}, "held": one.held, "first": dict(one.first)}
            for name, one in found.packages.items()
        },
        "unmanaged": dict(sorted(found.unmanaged.items())),
        "guard": {
            "held": found.held,
            "held_people": found.held_people,
            "limits": _guard(found),
            "why": list(found.why),
        },
        "requests": {
            "needed": found.total(),
            "left": found.allowance.left,
            "limit": found.model.budget.requests,
            "reaches_reserve": found.afterwards.reserved,
        },
        "failed": found.failed,
    }
