"""`project show` and `project close`: a project as it stands, and its end with what that takes from whom."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import typer

from lifecycle.cli.due import plain_run, run_line
from lifecycle.cli.exits import Code
from lifecycle.cli.rehearsal import Rehearsed, imagined, rehearse
from lifecycle.cli.saying import check_source, moment, recorded, say, sound
from lifecycle.cli.screen import counted, emit, failure, heading, instant, line, note, progress, until
from lifecycle.cli.world import AsJson, ReadyFile, World, inside
from lifecycle.core.events import Closed, Effective, ProjectFact, key
from lifecycle.core.plan import takes_away
from lifecycle.core.project import Membership, Project, Stretch, memberships, overlap, project
from lifecycle.core.work import Check, FanOut
from lifecycle.errors import LifecycleError, Permanent
from lifecycle.ports import Ports
from lifecycle.records import facts, holds, people, runs
from lifecycle.records.identities import identity_of
from lifecycle.records.runs import Progress
from lifecycle.sweep import fan_out

_SHOWN = 50


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command(epilog="Example: lifecycle project show P-100\n\nExample: lifecycle project show P-100 --all --json")(
        show
    )
    group.command(
        epilog="Example: lifecycle project close P-100\n\n"
        "Example: lifecycle project close P-100 --effective 2026-03-31 --yes"
    )(close)
    app.add_typer(
        group,
        name="project",
        help="See a project, who works on it and how far its changes are; close it.",
        epilog="Example: lifecycle project show P-100",
    )


@dataclass(frozen=True, slots=True)
class Member:
    """One person in one role; `now` whether they work on it now, while the project is open."""

    id: str
    person: str
    role: str
    since: datetime
    until: datetime | None
    now: bool


@dataclass(frozen=True, slots=True)
class Running:
    """How far the run of one event about the project is, and how many people the guard holds under it."""

    event: str
    progress: Progress | None
    held: int


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything there is to say about a project at `at`."""

    project: Project
    at: datetime
    members: list[Member]
    packages: dict[str, list[str]]
    runs: list[Running]


ProjectId = Annotated[str, typer.Argument(metavar="ID", help="The project's id.")]


def show(
    context: typer.Context,
    identifier: ProjectId,
    *,
    everyone: Annotated[bool, typer.Option("--all", help=f"All members, not the first {_SHOWN} alone.")] = False,
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> None:
    """Show a project: who answers for it, when it is open, who works on it, what that gives, how far changes are."""

    async def work(world: World) -> Shown:
        return await _read(key(identifier), world.ports)

    found = inside(context, ready, work)
    members = found.members if everyone else found.members[:_SHOWN]
    if as_json:
        emit(_plain(found, members))
    else:
        _show(found, members)


async def _read(name: str, ports: Ports) -> Shown:
    known, said = await _known(name, ports)
    now = ports.clock.now()
    members: list[Member] = []
    for identifier in await facts.members_of(ports.records, name):
        person = (await identity_of(ports.records, identifier)).person
        found = memberships(await facts.of_member(ports.records, identifier), ports.model)
        members += [
            _member(identifier, person, one, known, now) for one in found if one.project == name and one.stretches
        ]
    roles = {member.role for member in members} | set(ports.model.projects.own.get(name, {}))
    packages = {role: list(ports.model.projects.packages_of(name, role)) for role in sorted(roles)}
    running = []
    for event in [fact.recorded.id for fact in sorted(said, key=lambda fact: fact.recorded.order)]:
        run = f"project:{name}:{event}"
        held = len((await holds.held_set(ports.records, run)).plans)
        running.append(Running(event, await runs.progress(ports.records, run), held))
    return Shown(known, now, members, packages, running)


async def _known(name: str, ports: Ports) -> tuple[Project, list[ProjectFact]]:
    """Return the project and what was said of it. Raises `Permanent` for one that nobody opened."""
    said = await facts.of_project(ports.records, name)
    known = project(name, said, ports.model)
    if not known.open:
        members = await facts.members_of(ports.records, name, limit=1)
        heard = "people were staffed on it, but nobody opened it" if said or members else "nobody has heard of it"
        raise Permanent(
            f"project {name}: {heard}; check the id, see whether its event was set aside (`lifecycle quarantine list`),"
            " or send lifecycle.project.opened"
        )
    return known, said


def _member(identifier: str, person: str, one: Membership, known: Project, now: datetime) -> Member:
    """Return the membership by the stretch that counts: the running one, else the last."""
    working = [stretch for stretch in one.stretches if _works(stretch, known, now)]
    stretch = working[0] if working else one.stretches[-1]
    return Member(identifier, person, one.role, stretch.start, stretch.end, bool(working))


def _works(stretch: Stretch, known: Project, now: datetime) -> bool:
    times = [overlap(opened, stretch) for opened in known.bounded()]
    return any(time is not None and time.holds(now) for time in times)


def _show(found: Shown, members: list[Member]) -> None:
    known = found.project
    heading(f"project {known.id}  {'closed' if known.closed(found.at) else 'open'}  as of {instant(found.at)}")
    line(f"  owner {known.owner}" + (f", sponsor {known.sponsor}" if known.sponsor else ""))
    for stretch in known.open:
        line(f"  open since {instant(stretch.start)} {until(stretch.end)}")
    line(f"  planned close {'none' if known.planned_close is None else instant(known.planned_close)}")
    heading("packages")
    for role, names in found.packages.items():
        line(f"  {role}: {', '.join(names) or 'none'}")
    working = sum(member.now for member in found.members)
    heading(f"members: {len(found.members)}, {working} working now")
    for member in members:
        word = "works" if member.now else "does not work now"
        line(f"  {member.id}  {member.role}  since {instant(member.since)} {until(member.until)}  {word}")
    if len(members) < len(found.members):
        line(f"  and {len(found.members) - len(members)} more; --all shows them")
    heading("runs")
    for run in found.runs:
        held = f", {run.held} held: lifecycle held" if run.held else ""
        line(f"  {_run_line(found.project.id, run)}{held}")


def _run_line(name: str, run: Running) -> str:
    return f"project:{name}:{run.event}  not begun" if run.progress is None else run_line(run.progress)


def _plain(found: Shown, members: list[Member]) -> dict[str, Any]:
    known = found.project
    return {
        "project": known.id,
        "at": found.at,
        "closed": known.closed(found.at),
        "owner": known.owner,
        "sponsor": known.sponsor,
        "open": [{"since": stretch.start, "until": stretch.end} for stretch in known.open],
        "planned_close": known.planned_close,
        "packages": found.packages,
        "members": members,
        "members_count": len(found.members),
        "working_now": sum(member.now for member in found.members),
        "runs": [
            {
                "event": run.event,
                "held": run.held,
                "progress": None if run.progress is None else plain_run(run.progress),
            }
            for run in found.runs
        ],
    }


# --- closing ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Loss:
    """What the close would take: of how many people, by package; what the guard would hold, and why."""

    members: int = 0
    people: int = 0
    held: int = 0
    limit: int = 0
    why: str = ""
    packages: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)


def close(
    context: typer.Context,
    identifier: ProjectId,
    *,
    effective: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="From the beginning of that day, or from an instant. Default: now."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> None:
    """Close a project, after showing what that takes from whom. Its access goes, and its own packages go whole.

    The access model must list the source /lifecycle/cli under sources.project.
    """
    at = None if effective is None else moment(effective, "--effective")

    async def work(world: World) -> tuple[Closed | None, Loss]:
        check_source(world.ports.model.sources.project, "project")
        fact = await _closing(key(identifier), at, world)
        loss = await _rehearse(fact, world.ports)
        if not as_json:
            _show_loss(fact, loss)
        if not (yes or typer.confirm(f"close project {fact.recorded.subject}?", err=True)):
            return None, loss
        await say(fact, world)
        return fact, loss

    sent, loss = inside(context, ready, work)
    if as_json:
        event = None if sent is None else sent.recorded.id
        about = {"members": loss.members, "people": loss.people, "packages": dict(loss.packages)}
        emit({"sent": event, **about, "would_hold": loss.held, "why": loss.why, "failed": loss.failed})
    if sent is None:
        note("nothing was sent")
        raise typer.Exit(Code.FAILED)
    if not as_json:
        line(f"asked to close project {sent.recorded.subject} (event {sent.recorded.id})")
        note(f"next: lifecycle project show {sent.recorded.subject}")


async def _closing(name: str, effective: Effective | None, world: World) -> Closed:
    known, _ = await _known(name, world.ports)
    now = world.ports.clock.now()
    if known.closed(now):
        raise Permanent(f"project {name}: it is closed already; `lifecycle project show {name}` says since when")
    fact = Closed(recorded(name, await world.who(), now), now if effective is None else effective)
    sound(fact)
    return fact


async def _rehearse(fact: Closed, real: Ports) -> Loss:
    """Take the event in and look at everybody it concerns, on records that forget it."""
    ports, name = imagined(real), fact.recorded.subject
    run, cause = f"project:{name}:{fact.recorded.id}", f"event:{fact.recorded.id}"
    await facts.keep(ports.records, fact)
    await fan_out(FanOut(name, cause, run), ports)  # its first slice decides whether the guard holds the whole
    names = await facts.members_of(ports.records, name)
    persons = dict.fromkeys([(await identity_of(ports.records, one)).person for one in names])
    population = await people.population(ports.records)
    loss = Loss(members=len(persons), limit=real.model.guard.removals.of(population.assignments))
    checks = [Check(person, cause, run=run) for person in persons]
    with progress("looking", len(checks)) as bar:
        async for person, one in rehearse(checks, ports):
            _note(loss, person, one)
            bar.step()
    return loss


def _note(loss: Loss, person: str, one: Rehearsed | LifecycleError) -> None:
    if isinstance(one, LifecycleError):
        loss.failed[person] = str(one)
        return
    lost = [step for step in one.seen.plan.changes if takes_away(step)]
    loss.people += bool(lost)
    loss.packages.update(step.package for step in lost)
    held = [step for step in one.held if takes_away(step)]
    loss.held += bool(held)
    loss.why = loss.why or one.why


def _show_loss(fact: Closed, loss: Loss) -> None:
    heading(f"closing project {fact.recorded.subject}: {counted(loss.members, 'member', 'members')}")
    for package, count in sorted(loss.packages.items()):
        line(f"  - {package}  taken from, or ended earlier for, {counted(count, 'person', 'people')}")
    line(f"  {counted(loss.people, 'person', 'people')} would lose access; the guard allows {loss.limit} removals")
    if loss.held:
        line(f"  ! the guard would hold it for {counted(loss.held, 'person', 'people')}: {loss.why}")
    for person, why in loss.failed.items():
        failure(f"{person}: {why}")
