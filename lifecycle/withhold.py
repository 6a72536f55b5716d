"""Asks the guard before anything is applied, and withholds what it does not believe until a person releases it.

Room is reserved by conditional write, never merely checked. A hold is sticky: it waits for its release or for its plan
to vanish, and does not slip through when the window has moved on. Everything else of the same plan goes on.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from lifecycle import measures, messages
from lifecycle.attribute import causes_of
from lifecycle.core.desired import Standing
from lifecycle.core.evidence import Tag
from lifecycle.core.guard import Claim, giving_claims, taking_claims
from lifecycle.core.plan import Assign, ChangeStep, Plan, Remove, Reschedule
from lifecycle.core.work import Check
from lifecycle.follow_many import RUN as FOLLOWING
from lifecycle.look import Look
from lifecycle.ports import Ports
from lifecycle.records import holds, people
from lifecycle.records.dossier import Dossier, Withheld, put_withheld
from lifecycle.records.reservations import reserve

_ASKED = 3
"""How often the guard is asked before a refusal counts."""

_CONTESTED = "another person claims the same user; nothing is taken away until they are linked"


@dataclass(frozen=True, slots=True)
class _Doubted:
    """The steps that the guard does not believe, and its arithmetic."""

    steps: tuple[ChangeStep, ...]
    text: str = ""
    contested: bool = False


async def permitted(seen: Look, check: Check, ports: Ports) -> list[ChangeStep]:
    """Return the steps that may be applied now, in order; the others are held and written down."""
    changes = seen.plan.changes
    before = seen.dossier.withheld
    if before is not None and not before.released:
        before = await _release(seen, before, check, ports)
    free = [step for step in changes if before is not None and before.released and describe(step) in before.steps]
    doubted = await _doubt(seen, before, check, ports, passed=free)
    if doubted.steps:
        await _hold(seen, doubted, check, ports)
    elif before is not None and not free:
        await _forget(seen.dossier, ports)
    return [step for step in changes if step not in doubted.steps]


async def _doubt(
    seen: Look, before: Withheld | None, check: Check, ports: Ports, *, passed: list[ChangeStep]
) -> _Doubted:
    """Reserve room for everything that was not released; return what did not fit, or is held already."""
    changes = [step for step in seen.plan.changes if step not in passed]
    rest = Plan(seen.plan.person, seen.plan.model, tuple(changes))
    if seen.match is not None and seen.match.contested and rest.taking:
        return _Doubted(rest.taking, _CONTESTED, contested=True)
    span = seen.person.leaving(seen.now)
    only_ends = all(isinstance(step, Reschedule) for step in rest.taking)
    leaver = span is not None and (seen.desired.standing is Standing.LEFT or only_ends)
    named = span is not None and span.left is not None and span.left.recorded.origin.is_named
    if check.run and rest.taking and not (leaver and named):
        whole = await holds.doubted(ports.records, check.run)
        if whole:
            return _Doubted(rest.taking, whole)
    sticky: set[str] = set()
    if before is not None and not (before.released or before.contested) and not (leaver and named):
        sticky = set(before.rows)
    held = tuple(step for step in changes if _row(step) in sticky)
    texts = [before.text] if held and before is not None else []
    rest = replace(rest, steps=tuple(step for step in changes if step not in held))
    unbelieved = await _unbelieved(rest, seen, ports, leaver=leaver, named=named)
    return _Doubted((*held, *unbelieved.steps), "; ".join([*texts, *filter(None, [unbelieved.text])]))


async def _unbelieved(rest: Plan, seen: Look, ports: Ports, *, leaver: bool, named: bool) -> _Doubted:
    """Reserve room for the steps and return what found none.

    A refusal is asked again under the population as it is by then: others may have joined since it was read.
    """
    found = _Doubted(())
    for _ in range(_ASKED if rest.changes else 0):
        population = await people.population(ports.records)
        claims = taking_claims(rest, ports.model.guard, population, leaver=leaver, named=named)
        refused = await _refused(claims, seen, ports)
        steps: list[ChangeStep] = [*rest.taking] if refused else []
        texts = [*refused]
        for package, claim in giving_claims(rest, ports.model.guard, population).items():
            refused = await _refused([claim], seen, ports)
            texts += refused
            if refused:
                steps += [step for step in rest.changes if isinstance(step, Assign) and step.package == package]
        found = _Doubted(tuple(steps), "; ".join(texts))
        if not steps:
            break
    return found


async def _refused(claims: list[Claim], seen: Look, ports: Ports) -> list[str]:
    """Reserve the claims, all or none; return the arithmetic of those that did not fit."""
    if not claims:
        return []
    verdicts = await reserve(ports.records, claims, ports.model.guard.window, seen.now)
    return [str(verdict) for verdict in verdicts if not verdict.fits]


async def _release(seen: Look, before: Withheld, check: Check, ports: Ports) -> Withheld:
    """Mark the hold as released when a person approved exactly this hash."""
    approval = await holds.approval_of(ports.records, before.run)
    if approval is None or before.hash not in approval.hashes:
        return before
    released = replace(before, released=True)
    detail = {"run": before.run, "plan": before.hash, "by": approval.by}
    await seen.dossier.append(seen.now, Tag.RELEASED, check.cause, detail, put_withheld(seen.dossier, released))
    await holds.let_go(ports.records, before.run, seen.dossier.person)
    measures.count(measures.HOLDS, {"outcome": "released"})
    return released


async def _hold(seen: Look, doubted: _Doubted, check: Check, ports: Ports) -> None:
    part = Plan(seen.plan.person, seen.plan.model, doubted.steps)
    before = seen.dossier.withheld
    waits = before is not None and not before.released and before.contested == doubted.contested
    run = before.run if before is not None and not before.released else run_of(check)
    earlier = await holds.held_of(ports.records, run, seen.dossier.person)
    if before is not None and waits and before.hash == part.hash and earlier is not None:
        return  # held; what another look let go meanwhile is gathered again, or nobody could release it
    steps, rows = tuple(map(describe, part.changes)), tuple(map(_row, part.changes))
    causes = await causes_of(seen.known, check, ports)
    by = causes.people if earlier is None else tuple(sorted({*causes.people, *earlier.by}))
    person, why = seen.dossier.person, doubted.text
    held = holds.Held(run, person, part.hash, steps, check.cause, why, seen.now, by, causes.source)
    data = {"run": run, "plan": part.hash, "why": doubted.text}
    # The notice first, as in `remind`.
    await messages.notify(ports.bus, "plan.held", seen.dossier.person, data, now=seen.now, once=f"{seen.now:%Y-%m-%d}")
    await holds.hold(ports.records, held)
    withheld = Withheld(run, part.hash, seen.now, doubted.text, steps, rows, contested=doubted.contested)
    detail = {"run": run, "plan": part.hash, "steps": list(steps), "why": doubted.text, "causers": list(by)}
    await seen.dossier.append(seen.now, Tag.HELD, check.cause, detail, put_withheld(seen.dossier, withheld))
    measures.count(measures.HOLDS, {"outcome": "held"})


def run_of(check: Check) -> str:
    """Return what the hold gathers under; what a mere wake-up found belongs to this person alone."""
    run = "" if check.run == FOLLOWING else check.run
    return run or (f"person:{check.person}" if check.cause == "wake" else check.cause)


def _row(step: ChangeStep) -> str:
    """Name what a hold is about: the row, whether it is to be shortened today or removed tomorrow."""
    return f"assign {step.package}" if isinstance(step, Assign) else step.assignment


async def _forget(dossier: Dossier, ports: Ports) -> None:
    """Drop a hold that has nothing left to hold."""
    if dossier.withheld is not None:
        await holds.let_go(ports.records, dossier.withheld.run, dossier.person)
        await dossier.remember(put_withheld(dossier, None))


def describe(step: ChangeStep) -> str:
    """Return a step in one line: what a held set shows, and by which a released step is known again."""
    match step:
        case Assign():
            return f"assign {step.package}{_until(step.ends)}"
        case Reschedule():
            return f"reschedule {step.package} ({step.assignment}){_until(step.ends)}"
        case Remove():
            return f"remove {step.package} ({step.assignment})"


def _until(at: datetime | None) -> str:
    return " without end" if at is None else f" until {at:%Y-%m-%dT%H:%M:%SZ}"
