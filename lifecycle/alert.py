"""Says what is late: a leaver whose access outlives the deadline, a row that Entra did not expire, a user not there.

Only says it, in the evidence and on `notices`; what is to be done about it is done by the plan in any case.
"""

from datetime import datetime

from lifecycle import messages
from lifecycle.core.evidence import Tag
from lifecycle.core.plan import Remove, overdue
from lifecycle.look import Look
from lifecycle.ports import Ports
from lifecycle.records.dossier import Stage, put_late


def gone_since(seen: Look) -> datetime | None:
    """Return from when a leaver's access was to be gone, by HR's clock; None for who has not left."""
    span = seen.person.last_end(seen.now)
    if span is None or span.end is None:
        return None
    return span.end if span.left is None else max(span.end, span.left.recorded.time)


def leaver_due(seen: Look, ports: Ports) -> datetime | None:
    """Return by when a leaver's access must be gone, counted from HR's clock; None for who has not left.

    Of several tellings the first one counts, as in the measured delay: whoever says it again gives nobody more time.
    """
    told = gone_since(seen)
    if told is None:
        return None
    first = [one.by for one in seen.dossier.delays.values() if one.is_open and one.kind.is_leaver]
    return min([*first, told + ports.model.deadlines.leaver])


def remains(seen: Look) -> list[str]:
    """Return the packages that are still to be taken from somebody, or are being taken."""
    taking = {step.package for step in seen.plan.taking}
    there = {row.id for row in seen.actual.assignments}
    taking |= {
        flight.package
        for flight in seen.dossier.flights.values()
        if flight.stage is not Stage.FAILED or flight.assignment in there  # else somebody else did what failed
    }
    return sorted(taking)


async def alert(seen: Look, ports: Ports, cause: str) -> None:
    """Say what is late and was not said yet. Raises `Lost` when overtaken."""
    await _leaver(seen, ports, cause)
    await _not_expired(seen, ports)


async def _leaver(seen: Look, ports: Ports, cause: str) -> None:
    due = leaver_due(seen, ports)
    left = remains(seen)
    if due is None or seen.now < due or not left or seen.dossier.late == due:
        return
    person = seen.known.identity.person
    data = {"waits": "removal", "due": due.isoformat(), "packages": left}
    await messages.notify(ports.bus, "leaver.late", person, data, now=seen.now, once=due.isoformat())
    await seen.dossier.append(seen.now, Tag.LATE, cause, data, put_late(seen.dossier, due))


async def _not_expired(seen: Look, ports: Ports) -> None:
    removed = {step.assignment for step in seen.plan.changes if isinstance(step, Remove)}
    for row in seen.actual.assignments:
        if row.id in removed and row.ends is not None and overdue(row, seen.now):
            data = {"package": row.package, "assignment": row.id, "ends": row.ends.isoformat(), "waits": "expiry"}
            person = seen.known.identity.person
            await messages.notify(ports.bus, "access.late", person, data, now=seen.now, once=row.ends.isoformat())


async def waiting_for_user(seen: Look, ports: Ports) -> None:
    """Say that somebody still has no user although they should be at work."""
    first_day = seen.person.first_day(seen.now)
    if first_day is not None and first_day + ports.model.deadlines.mover <= seen.now:
        data = {"waits": "user", "since": first_day.isoformat()}
        await messages.notify(ports.bus, "access.late", seen.dossier.person, data, now=seen.now)
