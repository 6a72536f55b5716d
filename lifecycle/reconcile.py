"""Makes one person right. Every trigger ends here; together with `apply` it is the only writer to Graph.

Looks, asks the guard, applies step by step. What was found out and done is in the dossier; when to look again is in the
wake-up index. A look that finds nothing to do writes nothing.
"""

from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta

from lifecycle import messages
from lifecycle.afford import affordable
from lifecycle.alert import alert, gone_since, leaver_due, remains, waiting_for_user
from lifecycle.apply import apply, rules_of
from lifecycle.core.calendar import earliest
from lifecycle.core.desired import Standing
from lifecycle.core.evidence import Tag
from lifecycle.core.plan import Keep
from lifecycle.core.work import Check
from lifecycle.correlate import names_of
from lifecycle.errors import Lost, Throttled, Transient
from lifecycle.itemise import itemise
from lifecycle.look import Look, look
from lifecycle.measure import measure
from lifecycle.ports import Ports
from lifecycle.records import holders, people, underway
from lifecycle.records.dossier import Dossier, Holding, Patience, Stage, drop_flight, put_holding, put_patience
from lifecycle.records.holders import Holder, Mark
from lifecycle.records.wakeups import set_wake
from lifecycle.remind import remind
from lifecycle.withhold import describe, permitted

SOON = timedelta(minutes=10)
"""A wake-up nearer than this is scheduled on the bus at once; the index and its timer are for what is farther."""

WATCHED = timedelta(days=30)
"""How long somebody who left is looked at daily: a request in My Access cannot be cancelled and may arrive late."""

_DAILY = timedelta(days=1)
_POORER = timedelta(hours=1)
_WAITING_FIRST = timedelta(minutes=15)


async def reconcile(check: Check, ports: Ports) -> Look:
    """Look at one person and close the gap between what is desired and what is.

    Raises `Lost` when another reconciler wrote in between, `Transient` when something must be asked again later; what
    was done until then is recorded. Nothing is raised for a plan that was held: that is in the dossier.
    """
    seen = await look(check.person, ports, cause=check.cause, settle=True, recheck=check.recheck)
    await _count(seen, ports)
    put_off = None
    try:
        put_off = await _close_gap(seen, check, ports)
    except Lost:
        raise
    except Transient:
        await _afterwards(seen, ports, check.cause, None, finished=False)
        raise
    await _afterwards(seen, ports, check.cause, put_off)
    return seen


async def _close_gap(seen: Look, check: Check, ports: Ports) -> datetime | None:
    """Apply what is permitted; return when to come back for what the budget of requests put off, if anything."""
    if seen.match is None:
        return None
    await _adopt(seen, check.cause)
    await remind(seen, ports, check.cause)
    allowed = await permitted(seen, check, ports)
    steps = await affordable(allowed, seen, ports)
    if steps:
        detail = {"plan": seen.plan.hash, "model": seen.plan.model, "steps": [describe(step) for step in steps]}
        await seen.dossier.append(seen.now, Tag.PLANNED, check.cause, detail)
    await itemise(steps, seen, check, ports)
    since = gone_since(seen) if seen.desired.standing is Standing.LEFT else None
    failed: Transient | None = None
    for step in steps:
        if step.package in _under_way(seen.dossier):
            continue
        try:
            await apply(step, seen.dossier, seen.match.user, ports, check.cause, bulk=bool(check.run), since=since)
        except (Lost, Throttled):
            raise
        except Transient as error:
            if failed is not None:
                raise  # it is not this one package that Graph cannot do
            failed = error
    if failed is not None:
        raise failed
    return None if len(steps) == len(allowed) else seen.now + _POORER


def _under_way(dossier: Dossier) -> set[str]:
    """Return the packages with a request of this or another run, which Graph would refuse a second one for."""
    return {flight.package for flight in dossier.flights.values() if flight.stage is not Stage.FAILED}


async def _adopt(seen: Look, cause: str) -> None:
    """Take rows in our own policy that are justified into our ledger."""
    rows = {row.id: row for row in seen.actual.assignments if row.adoptable}
    for step in seen.plan.steps:
        row = rows.get(step.assignment) if isinstance(step, Keep) else None
        if row is None or row.package not in seen.desired.entitlements:
            continue
        rules = rules_of(step.why, seen.known.model)
        holding = Holding(package=row.package, assignment=row.id, ends=row.ends, at=seen.now, rules=rules)
        detail = {"package": row.package, "assignment": row.id}
        await seen.dossier.append(seen.now, Tag.ADOPTED, cause, detail, put_holding(seen.dossier, holding))


async def _count(seen: Look, ports: Ports) -> None:
    """Note how the person counts, for the guard's shares and the sweeps."""
    held = sum(not holding.taken for holding in seen.dossier.holdings.values())
    employed = seen.desired.standing is Standing.EMPLOYED
    known = seen.dossier.correlation
    gone = seen.desired.standing is Standing.LEFT and not held and not _watched(seen)
    user = "" if known is None or gone else known.user
    names = names_of(seen.person, known.by) if known is not None and user else ()
    await people.note(ports.records, people.Known(seen.dossier.person, employed, held, user, names))


async def _index(seen: Look) -> None:
    """Say in the index of holders what this person's user has, and what of it is justified."""
    if seen.match is None:
        return
    rows: dict[str, list[Holder]] = defaultdict(list)
    person, wanted = seen.dossier.person, seen.desired.entitlements
    for row in seen.actual.assignments:
        mark = Mark.JUSTIFIED if row.package in wanted else Mark.AUTOMATIC if row.auto else Mark.UNEXPLAINED
        rows[row.package].append(Holder(seen.match.user, row.id, mark, row.ends, person))
    for package, one in wanted.items():
        if package not in rows:
            rows[package] = [Holder(seen.match.user, "", Mark.MISSING, one.end, person)]
    await holders.note(seen.dossier, seen.match.user, rows)


async def _afterwards(seen: Look, ports: Ports, cause: str, put_off: datetime | None, *, finished: bool = True) -> None:
    """Say what is late, measure what is gone, and set when to look again.

    That is the plan's next edge, the next follow-up, the wait for a user, the watch on a leaver. A wake-up that is due
    stands until a look comes to its end: the timer relies on it to find whom nobody else asks for.
    """
    dossier, now = seen.dossier, seen.now
    await alert(seen, ports, cause)
    await measure(seen, ports, cause)
    await _index(seen)
    due: list[datetime | None] = [
        flight.look_at
        for flight in dossier.flights.values()
        if flight.stage is not Stage.FAILED or flight.look_at > now
    ]
    due += [seen.plan.look_again, await _wait_for_user(seen, ports), _watch(seen), _late(seen, ports), put_off]
    await _give_up(seen)
    wake = earliest(due)
    at = None if wake is None else max(wake, now + timedelta(seconds=1))
    if finished or dossier.wake is None or dossier.wake > now:
        await set_wake(dossier, at)
    if at is not None and at <= now + SOON:
        await messages.ask(ports.bus, Check(dossier.person, "wake"), now=now, at=at)
    await underway.note(dossier, now)  # last: a figure, which nothing waits for


async def _give_up(seen: Look) -> None:
    """Forget what failed and that nobody asks for any longer: it is not tried again. Raises `Lost` when overtaken."""
    asked = {step.package for step in seen.plan.changes}
    stale = [
        flight.package
        for flight in seen.dossier.flights.values()
        if flight.stage is Stage.FAILED and flight.look_at <= seen.now and flight.package not in asked
    ]
    if stale:
        await seen.dossier.remember_unless_overtaken(*[drop_flight(seen.dossier, package) for package in stale])


def _late(seen: Look, ports: Ports) -> datetime | None:
    """Return when a leaver's access becomes late, while any of it is left."""
    due = leaver_due(seen, ports)
    return due if due is not None and due > seen.now and remains(seen) else None


def _watched(seen: Look) -> bool:
    span = seen.person.last_end(seen.now)
    return span is not None and span.end is not None and seen.now < span.end + WATCHED


def _watch(seen: Look) -> datetime | None:
    """Return the next daily look at somebody who has left, at the same time of day so that it is set once."""
    span = seen.person.last_end(seen.now)
    if span is None or span.end is None or not _watched(seen):
        return None
    days = (seen.now - span.end) // _DAILY + 1
    return span.end + days * _DAILY


async def _wait_for_user(seen: Look, ports: Ports) -> datetime | None:
    """Wait, at growing intervals, for a user who is not there yet or not clear; say so once they are late."""
    wanting = bool(seen.desired.entitlements) or _watched(seen)
    if seen.match is not None or not wanting:
        if seen.dossier.patience is not None:
            await seen.dossier.remember(put_patience(seen.dossier, None))
        return None
    before = seen.dossier.patience
    what = seen.finding or "no Entra user with this employeeId or UPN yet"
    if before is None or before.what != what:
        first = Patience(what, seen.now, 1, seen.now + _WAITING_FIRST)
        tag = Tag.CONFLICT if seen.finding else Tag.WAITING
        if seen.finding:  # the notice first, as in `remind`
            data, day = {"finding": what}, f"{seen.now:%Y-%m-%d}"
            await messages.notify(ports.bus, "person.conflict", seen.dossier.person, data, now=seen.now, once=day)
        await seen.dossier.append(seen.now, tag, "wake", {"for": what}, put_patience(seen.dossier, first))
        return first.look_at
    if seen.now < before.look_at:
        return before.look_at
    wait = min(_WAITING_FIRST * (1 << min(before.attempts, 10)), _DAILY)
    again = replace(before, attempts=before.attempts + 1, look_at=seen.now + wait)
    await seen.dossier.remember(put_patience(seen.dossier, again))
    await waiting_for_user(seen, ports)
    return again.look_at
