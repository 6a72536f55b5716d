"""Notes what is about to be taken, under every name by which somebody may later ask to undo it.

Those are the run and the cause of the look, and the fact that really ended the access where only a timer brought the
look: HR's `left`, a project's close. It is written before the intents, so that a death in between forgets nobody.
"""

from collections.abc import Iterable, Sequence

from lifecycle.core.desired import Standing
from lifecycle.core.events import Closed, Opened, ProjectFact, Recorded
from lifecycle.core.plan import ChangeStep, Remove, Reschedule, takes_away
from lifecycle.core.work import Check
from lifecycle.look import Look
from lifecycle.ports import Ports
from lifecycle.records import facts, takings
from lifecycle.records.takings import Taking
from lifecycle.withhold import run_of

_EVENT = "event:"


async def itemise(steps: Iterable[ChangeStep], seen: Look, check: Check, ports: Ports) -> None:
    """Write down what these steps take away; nothing is written when they take nothing."""
    taking = [step for step in steps if takes_away(step)]
    if not taking or seen.match is None:
        return
    names = {run_of(check), *([check.cause] if check.cause.startswith(_EVENT) else []), *_of_leaver(seen)}
    names |= await _of_projects(taking, seen, check, ports)
    await takings.note(ports.records, [_taking(step, seen, check, tuple(sorted(names))) for step in taking])


def _taking(step: Remove | Reschedule, seen: Look, check: Check, names: tuple[str, ...]) -> Taking:
    row = next(row for row in seen.actual.assignments if row.id == step.assignment)
    return Taking(
        person=seen.dossier.person,
        package=step.package,
        assignment=step.assignment,
        user="" if seen.match is None else seen.match.user,
        policy=row.policy,
        ours=row.ours,
        shortened=isinstance(step, Reschedule),
        starts=row.starts,
        ends=row.ends,
        at=seen.now,
        cause=check.cause,
        after=seen.dossier.head.length,
        names=names,
    )


def _of_leaver(seen: Look) -> list[str]:
    """Return the event, and the feed's run, that said of somebody who is gone that they leave."""
    span = seen.person.last_end(seen.now) if seen.desired.standing is Standing.LEFT else None
    return [] if span is None or span.left is None else _names(span.left.recorded)


def _names(recorded: Recorded) -> list[str]:
    return [f"{_EVENT}{recorded.id}", *([recorded.run] if recorded.run else [])]


async def _of_projects(taking: Sequence[Remove | Reschedule], seen: Look, check: Check, ports: Ports) -> set[str]:
    """Return the runs of the projects whose end, and no event of its own, brought this look."""
    if seen.desired.standing is Standing.LEFT or not (check.cause == "wake" or check.cause.startswith("sweep:")):
        return set()
    packages, rules = {step.package for step in taking}, ports.model.projects
    found: set[str] = set()
    for work in seen.known.memberships:
        given = rules.own_packages(work.project).union(rules.packages_of(work.project, work.role))
        if seen.known.projects[work.project].closed(seen.now) and packages & given:
            event = _ending(await facts.of_project(ports.records, work.project)).recorded.id
            found |= {f"project:{work.project}:{event}", f"{_EVENT}{event}"}
    return found


def _ending(said: Sequence[ProjectFact]) -> ProjectFact:
    """Return what ended a project that is closed: the close, else the last that was said of its planned one."""
    ordered = sorted(said, key=lambda fact: fact.recorded.order)
    opened = max(place for place, fact in enumerate(ordered) if isinstance(fact, Opened))
    since = ordered[opened:]
    return next((fact for fact in reversed(since) if isinstance(fact, Closed)), since[-1])
