"""Measures how fast access goes: when it was due to go, by HR's clock, and when Graph confirmed that it was gone.

Part of each look, from what the look saw anyhow: asks Graph for nothing, and writes nothing for people of whom nothing
is due. The truth is in the dossier; the rows that figures come from (`records.delays`) are written before it, so that
the look after a death writes them again. Decides nothing: nobody's access depends on this.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from lifecycle.core.delays import Class, Delay, Hindrance, Snag
from lifecycle.core.events import Recorded
from lifecycle.core.evidence import Detail, Record, Tag
from lifecycle.core.hindrances import expired, hindrances
from lifecycle.core.lapses import Leaving, kind_of, last_reason, leavings, of_close, of_move, of_release
from lifecycle.core.plan import Assignment
from lifecycle.core.reasons import Reason, stands
from lifecycle.errors import Lost
from lifecycle.look import Look
from lifecycle.ports import Ports
from lifecycle.records import delays, facts
from lifecycle.records.dossier import Holding, Stage, open_dossier, put_delay

_SEEN_ONLY = frozenset({Snag.UNCLEAR, Snag.NO_USER, Snag.PROTECTED, Snag.AUTOMATIC})
"""What no record of the chain says; it is carried from look to look."""

type _Change = tuple[Delay | None, Delay]


async def measure(seen: Look, ports: Ports, cause: str) -> None:
    """Write down what access is due to go since when, and what of it is gone. Raises `Lost` when overtaken."""
    left = _leavers(seen, ports)
    changes = [*left, *await _stayers(seen, ports, [after for _, after in left])]
    touched = [change for change in changes if change[1].is_open or change[0] != change[1]]
    chain = await seen.dossier.chain() if touched and seen.dossier.head.length else []
    for before, settled in touched:
        after = _explained(before, settled, chain, seen, ports)
        if after != before:
            await _write(before, after, seen, cause)


async def _write(before: Delay | None, after: Delay, seen: Look, cause: str) -> None:
    dossier = seen.dossier
    await delays.note(dossier.records, before, after)
    try:
        await _keep(before, after, seen, cause)
    except Lost:
        known = (await open_dossier(dossier.records, dossier.person)).delays.values()
        for one in known:  # whoever overtook us may have written its row before ours
            if (one.kind, one.due) == (after.kind, after.due):
                await delays.note(dossier.records, after, one)
        raise


async def _keep(before: Delay | None, after: Delay, seen: Look, cause: str) -> None:
    dossier = seen.dossier
    changes = put_delay(dossier, before, after)
    if after.is_open or (before is not None and not before.is_open and after.withdrawn == before.withdrawn):
        await dossier.remember_unless_overtaken(*changes)
        return
    tag = Tag.WITHDRAWN if after.withdrawn is not None else Tag.GONE
    await dossier.append(seen.now, tag, cause, _detail(after), *changes)


def _detail(delay: Delay) -> Detail:
    about = {"class": str(delay.kind), "because": delay.cause, "packages": list(delay.packages), "again": delay.again}
    named = {name: getattr(delay, name) for name in ("told", "ended", "due", "by", "confirmed", "expired")}
    return about | {name: at.isoformat() for name, at in named.items() if at is not None}


# --- leavers -------------------------------------------------------------------------------------------------------


def _leavers(seen: Look, ports: Ports) -> list[_Change]:
    """Return each leaving as it was known and as it is now; one that HR corrected stays the same one."""
    known = sorted((one for one in _standing(seen) if one.kind.is_leaver), key=lambda one: one.ended)
    found = leavings(seen.person, seen.now)
    if not known and not found:
        return []
    pairs: list[tuple[Delay | None, Leaving]] = []
    for delay in list(known):
        match = next((one for one in found if one.ended == delay.ended), None)
        if match is not None:
            found.remove(match)
            known.remove(delay)
            pairs.append((delay, match))
    # What was told only when they were back already took nothing away.
    found = [one for one in found if not seen.person.employed(one.due)]
    while found and known:
        pairs.append((known.pop(), found.pop()))
    withdrawn = [(one, replace(one, withdrawn=seen.now)) for one in known]
    return [
        *withdrawn,
        *((before, _leaver(before, one, seen, ports)) for before, one in pairs),
        *((None, _leaver(None, one, seen, ports)) for one in found),
    ]


def _leaver(before: Delay | None, leaving: Leaving, seen: Look, ports: Ports) -> Delay:
    last = seen.person.last_end(seen.now)
    delay = _begun(before, leaving, seen, ports)
    rows = seen.actual.assignments
    if last is None or last.end != leaving.ended:
        if not delay.is_open:
            return delay
        old = {name for name, one in seen.dossier.holdings.items() if one.at <= delay.due} | set(delay.assignments)
        return _gone(_with(delay, [row for row in rows if row.id in old], seen), seen, still=old)
    underway = any(flight.stage is not Stage.FAILED for flight in seen.dossier.flights.values())
    unknown = any(one.snag is Snag.NO_USER for one in delay.why)
    delay = _reopened(delay, rows, anything=unknown)
    if not delay.is_open:
        return delay
    delay = _with(delay, rows, seen)
    return delay if rows or underway or seen.finding else _gone(delay, seen)


def _begun(before: Delay | None, leaving: Leaving, seen: Look, ports: Ports) -> Delay:
    """Return the delay with the end as HR tells it now; how and when it was first told stays."""
    person, now = seen.dossier.person, seen.now
    if before is None:
        due, kind = leaving.due, leaving.kind
        by = due + ports.model.deadlines.leaver
        told, cause = leaving.told, leaving.cause
        return Delay(person=person, kind=kind, cause=cause, told=told, ended=leaving.ended, due=due, by=by, seen=now)
    if (before.ended, before.person) == (leaving.ended, person):
        return before
    due = max(leaving.ended, before.told)
    return replace(before, person=person, ended=leaving.ended, due=due, by=due + (before.by - before.due))


# --- people who stayed ---------------------------------------------------------------------------------------------


async def _stayers(seen: Look, ports: Ports, leavers: Iterable[Delay]) -> list[_Change]:
    """Return what somebody lost the reason for while employed, as it was known and as it is now."""
    known = [one for one in _standing(seen) if not one.kind.is_leaver]
    covered = {name for one in (*leavers, *known) if one.withdrawn is None for name in one.assignments}
    wanted = seen.desired.entitlements
    fresh = [
        row
        for row in seen.dossier.holdings.values()
        if row.assignment not in covered and (row.taken or row.package not in wanted)
    ]
    begun: dict[tuple[str, datetime], _Change] = {(one.kind, one.due): (one, one) for one in known}
    for delay in await _lapsed(fresh, seen, ports) if fresh else []:
        before, now = begun.get((delay.kind, delay.due), (None, delay))
        begun[delay.kind, delay.due] = (before, _joined(now, delay))
    return [(before, _stayer(before, after, seen)) for before, after in begun.values()]


def _joined(known: Delay, more: Delay) -> Delay:
    """Return the delay with the rows of another one that was due at the same instant."""
    packages, rows = {*known.packages, *more.packages}, {*known.assignments, *more.assignments}
    return replace(known, packages=tuple(sorted(packages)), assignments=tuple(sorted(rows)))


async def _lapsed(rows: Sequence[Holding], seen: Look, ports: Ports) -> list[Delay]:
    """Return a delay for each row whose package's last reason had ended, by now or when the row was gone."""
    known = seen.known
    found = stands(seen.person, known.memberships, known.projects, ports.model, {}, seen.now)
    lapsed = []
    for row in rows:
        reason = last_reason(row.package, row.at if row.taken else seen.now, found, seen.person)
        if reason is None or reason.until is None:
            continue
        kind = kind_of(reason, seen.person, known.projects.get(reason.of))
        by = await _told_by(kind, reason, seen, ports)
        due = reason.until if by is None else max(reason.until, by.time)
        lapsed.append(
            Delay(
                person=seen.dossier.person,
                kind=kind,
                cause=str(reason.kind) if by is None else f"event:{by.id}",
                told=due if by is None else by.time,
                ended=reason.until,
                due=due,
                by=due + ports.model.deadlines.mover,
                seen=seen.now,
                packages=(row.package,),
                assignments=(row.assignment,),
            )
        )
    return lapsed


async def _told_by(kind: Class, reason: Reason, seen: Look, ports: Ports) -> Recorded | None:
    """Return the fact by which the source told of the reason's end; None for a term, which was known in advance."""
    match kind:
        case Class.MOVER:
            return of_move(reason, await facts.of_worker(ports.records, reason.of), ports.model)
        case Class.PROJECT:
            return of_close(await facts.of_project(ports.records, reason.of))
        case Class.RELEASED:
            said = [one for name in seen.identity.ids for one in await facts.of_member(ports.records, name)]
            return of_release(reason, said, seen.now)
        case _:
            return None


def _stayer(before: Delay | None, delay: Delay, seen: Look) -> Delay:
    if before is not None and before.person != seen.dossier.person:
        delay = replace(delay, person=seen.dossier.person)
    own = [row for row in seen.actual.assignments if row.package in delay.packages]
    own = [row for row in own if row.id in delay.assignments or row.package in seen.desired.sweep_out]
    rows = [row for row in own if row.package not in seen.desired.entitlements]
    delay = _reopened(delay, rows)
    if not delay.is_open:
        return delay
    flights = [one for one in seen.dossier.flights.values() if one.package in delay.packages]
    underway = any(one.kind == "adminRemove" and one.stage is not Stage.FAILED for one in flights)
    delay = _with(delay, rows, seen, only=delay.assignments)
    return delay if rows or underway or seen.finding else _gone(delay, seen, still={row.id for row in own})


# --- what both share -----------------------------------------------------------------------------------------------


def _standing(seen: Look) -> list[Delay]:
    return [one for one in seen.dossier.delays.values() if one.withdrawn is None]


def _with(delay: Delay, rows: Sequence[Assignment], seen: Look, only: Collection[str] | None = None) -> Delay:
    """Return the delay with the rows that are there, and those of ours that went since it was due."""
    taken = [one for one in seen.dossier.holdings.values() if one.taken and one.at >= delay.due]
    taken = [one for one in taken if only is None or one.assignment in only]
    packages = {*delay.packages, *(row.package for row in rows), *(one.package for one in taken)}
    names = {*delay.assignments, *(row.id for row in rows), *(one.assignment for one in taken)}
    return replace(delay, packages=tuple(sorted(packages)), assignments=tuple(sorted(names)))


def _gone(delay: Delay, seen: Look, still: Collection[str] = ()) -> Delay:
    """Return the delay as ended: when the last of our rows went, or now; with rows of it `still` there, for a reason.

    Our rows' own instants count, so that the look after a death does not make it longer.
    """
    live = {row.id for row in seen.actual.assignments}
    again = any(name in live for name in delay.assignments if name in still)
    rows = [seen.dossier.holdings.get(name) for name in delay.assignments]
    went = [row.at for row in rows if row is not None and row.taken]
    at = max(went) if went and len(went) == len(rows) and not again else seen.now
    return replace(delay, confirmed=max(at, delay.due), again=again)


def _reopened(delay: Delay, rows: Sequence[Assignment], *, anything: bool = False) -> Delay:
    """Return it open again when a row of it shows that was taken for gone, or any, where no user had been known."""
    if delay.is_open or delay.again or not rows:
        return delay
    back = anything or any(row.id in delay.assignments for row in rows)
    return replace(delay, confirmed=None, expired=None) if back else delay


def _explained(before: Delay | None, after: Delay, chain: Sequence[Record], seen: Look, ports: Ports) -> Delay:
    """Return the delay with what kept the access, and when Entra ended the last row itself."""
    if after.withdrawn is not None:
        return after
    noticed = _noticed(before, after, seen, ports)
    return replace(after, why=hindrances(after, chain, noticed), expired=expired(after, chain))


def _noticed(before: Delay | None, after: Delay, seen: Look, ports: Ports) -> list[Hindrance]:
    """Return what only looks see: since the first look that saw it, until the first that did not."""
    known = {one.snag: one for one in (() if before is None else before.why) if one.snag in _SEEN_ONLY}
    present = set[Snag]()
    if seen.finding:
        present.add(Snag.UNCLEAR)
    elif seen.match is None and after.kind.is_leaver:
        present.add(Snag.NO_USER)
    elif seen.match is not None and seen.match.user in ports.model.protected and after.packages:
        present.add(Snag.PROTECTED)
    if any(row.auto and row.id in after.assignments for row in seen.actual.assignments):
        present.add(Snag.AUTOMATIC)
    found = {snag: known.get(snag, Hindrance(snag, seen.now)) for snag in present}
    found = {snag: replace(one, until=None) for snag, one in found.items()}
    found |= {snag: replace(one, until=one.until or seen.now) for snag, one in known.items() if snag not in present}
    until = after.confirmed
    return [one if until is None else replace(one, until=one.until or until) for one in found.values()]
