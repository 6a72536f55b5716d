"""Brings back what a bad run took, once its cause is mended: everybody looked at again, and exceptions for the rest.

What is justified again comes back by reconciling alone. What somebody had requested, which no rule knows, is granted as
an exception with the end that it had. The record in the person's chain comes first and is the fence: two at once, or
one that dies in between, grant once. Posts nothing; the checks that follow go through guard and ledger like all others.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from lifecycle.core.calendar import earliest, ends
from lifecycle.core.events import ExceptionGranted, Recorded
from lifecycle.core.evidence import Record, Tag
from lifecycle.core.plan import TOLERANCE
from lifecycle.core.work import Check, Undo
from lifecycle.deny import read_reviews
from lifecycle.errors import Permanent
from lifecycle.judge import judge
from lifecycle.look import Look, look
from lifecycle.messages import UNDO
from lifecycle.ports import AssignmentState, Ports
from lifecycle.records import facts, runs, takings, undos
from lifecycle.records.runs import Run
from lifecycle.records.takings import Taking
from lifecycle.records.undos import Undoing
from lifecycle.returns import Return, State, becomes, exception_of
from lifecycle.trickle import enqueue

UNENDING = timedelta(days=90)
"""How long what had no end is given back for: an exception must end, and by then it can be requested anew."""

_NAMED = 120


def name_of(run: str) -> str:
    """Return the name of the run that undoes another, which is also the cause of its looks."""
    return f"undo:{run}" if len(run) <= _NAMED else f"undo:{sha256(run.encode()).hexdigest()}"


def check_of(run: str, person: str) -> Check:
    """Return the look at one person that undoes a run."""
    return Check(person, name_of(run), run=name_of(run), undoes=run)


async def begin_undo(work: Undo, ports: Ports) -> list[str]:
    """Write the request down and have everybody looked at from whom the run took something; return whom.

    Denials of finished reviews are read first: nobody may get back what a reviewer took. Raises `Permanent` when
    nothing is known to have been taken, `Lost` when somebody is being looked at just now.
    """
    people = list(await takings.of_run(ports.records, work.run))
    if not people:
        raise Permanent(f"run {work.run}: nothing is known to have been taken by it; see `lifecycle undo`")
    await read_reviews(ports)
    now = ports.clock.now()
    asked = Undoing(work.run, work.by, work.because, work.at)
    await undos.enter(ports.records, asked, people=len(people), at=now)
    run = Run(name_of(work.run), name_of(work.run), now, behind=True, undoes=work.run)
    await runs.begin(ports.records, run)
    await enqueue(run, people, ports, whole=True)
    return people


async def restore(check: Check, ports: Ports) -> tuple[Look, list[Return]]:
    """Say what becomes of each assignment that `check.undoes` took from a person, and grant what can be given back.

    Grants nothing as long as nobody asked for it (`begin_undo`). Raises `Lost` when another look wrote in between,
    `Transient` when something could not be read now; what was granted until then stays and is not granted again.
    """
    asked = await undos.latest(ports.records, check.undoes)
    mine = (await takings.of_run(ports.records, check.undoes, person=check.person)).get(check.person, [])
    taken = await takings.of_person(ports.records, check.person, mine)
    seen = await look(check.person, ports, cause=check.cause, settle=True)
    found = [await _possible(becomes(one, seen), seen, ports) for one in taken]
    todo = [one for one in found if one.state is State.OPEN and not one.taking.ours and not _granted(one.taking, seen)]
    if asked is None or not todo:
        return seen, found
    written = await _written(todo, seen)
    answers = {}
    for one in todo:
        answers[one.taking.assignment] = await _grant(one, seen, asked, written, check.cause, ports)
    return seen, [answers.get(one.taking.assignment, one) for one in found]


def _granted(taking: Taking, seen: Look) -> bool:
    return any(one.id == exception_of(taking) for one in seen.person.exemptions)


# --- whether it can be given, and until when -------------------------------------------------------------------------


async def _possible(one: Return, seen: Look, ports: Ports) -> Return:
    """Ask Graph what a look does not show of something that could be given back: a later end, the policy's terms."""
    taking = one.taking
    if one.state is not State.OPEN or taking.ours or _granted(taking, seen):
        return one
    if await _ended_since(taking, seen, ports):
        return Return(taking, State.SKIPPED, "a later assignment of theirs has ended since")
    try:
        terms = await ports.entitlements.terms_of(ports.model.packages[taking.package].policy)
    except Permanent as error:
        return Return(taking, State.SKIPPED, str(error))
    wanted = taking.ends or seen.now + UNENDING
    most = earliest([terms.last, None if terms.longest is None else seen.now + terms.longest])
    until = wanted if most is None else min(wanted, most)
    if until <= seen.now + TOLERANCE:
        return Return(taking, State.SKIPPED, f"our assignment policy gives nothing any more since {until:%Y-%m-%d}")
    return replace(one, until=until, why=one.why + _shorter(taking, until, wanted))


def _shorter(taking: Taking, until: datetime, wanted: datetime) -> str:
    if until < wanted:
        return ", as long as our assignment policy allows"
    return "" if taking.ends else f", for {UNENDING.days} days because it had no end"


async def _ended_since(taking: Taking, seen: Look, ports: Ports) -> bool:
    """Whether they got the package again after the taking, by a request of their own, and that is over already."""
    package = ports.model.packages[taking.package].access_package
    rows = await ports.entitlements.assignments_of(taking.user, [package])
    return any(
        row.state is AssignmentState.EXPIRED
        and row.id not in seen.dossier.holdings
        and row.starts is not None
        and row.starts >= taking.at
        for row in rows
    )


# --- granting --------------------------------------------------------------------------------------------------------


async def _written(todo: Sequence[Return], seen: Look) -> dict[str, Record]:
    """Return the records of what was granted by one who died before the exception was stored."""
    own = all(one.taking.person == seen.dossier.person for one in todo)  # else two were joined, and counted anew
    chain = await seen.dossier.chain(after=min(one.taking.after for one in todo) if own else 0)
    return {str(record.detail["event"]): record for record in chain if record.tag is Tag.RESTORED}


async def _grant(  # noqa: PLR0917 what, of whom, in whose name, and where it is written down
    one: Return, seen: Look, asked: Undoing, written: dict[str, Record], cause: str, ports: Ports
) -> Return:
    """Write the record, then store the exception that it names."""
    name = exception_of(one.taking)
    fact = _fact(name, one, seen, asked)
    before = written.get(name)
    if before is not None:
        fact = _as_written(fact, before)
    try:
        await judge(fact, ports)
    except Permanent as error:
        return Return(one.taking, State.SKIPPED, str(error))
    if before is None:
        await seen.dossier.append(seen.now, Tag.RESTORED, cause, _detail(one.taking, fact, asked))
    await facts.keep(ports.records, fact)
    return one


def _fact(name: str, one: Return, seen: Look, asked: Undoing) -> ExceptionGranted:
    return ExceptionGranted(
        Recorded(name, UNDO, seen.dossier.person, seen.now),
        one.taking.package,
        one.until or seen.now + UNENDING,
        asked.by,
        _ticket(asked.run),
        _justification(asked.run, asked.because),
    )


def _ticket(run: str) -> str:
    return run[:_NAMED]


def _justification(run: str, because: str) -> str:
    return f"restored from {run}: {because}"


def _detail(taking: Taking, fact: ExceptionGranted, asked: Undoing) -> dict[str, object]:
    return {
        "package": fact.package,
        "assignment": taking.assignment,
        "policy": taking.policy,
        "event": fact.recorded.id,
        "until": ends(fact.until, "UTC").isoformat(),
        "run": asked.run,
        "by": fact.approver,
        "because": asked.because,
    }


def _as_written(fact: ExceptionGranted, record: Record) -> ExceptionGranted:
    """Return the exception as the record names it."""
    return replace(
        fact,
        recorded=replace(fact.recorded, subject=record.chain, time=record.at),
        until=datetime.fromisoformat(str(record.detail["until"])),
        approver=str(record.detail["by"]),
        ticket=_ticket(str(record.detail["run"])),
        justification=_justification(str(record.detail["run"]), str(record.detail["because"])),
    )
