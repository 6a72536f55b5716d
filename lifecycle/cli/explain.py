"""`explain`: why somebody has what they have, and why not yet. Reads the answer of `lifecycle.explain` out."""

import re
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from lifecycle.cli.plan import plain_step, step_lines, totals
from lifecycle.cli.screen import emit, heading, instant, line, until
from lifecycle.cli.world import AsJson, ReadyFile, World, inside
from lifecycle.core.desired import Standing
from lifecycle.core.evidence import Record
from lifecycle.core.plan import Assignment
from lifecycle.explain import Access, Explanation
from lifecycle.explain import explain as ask_why
from lifecycle.look import Look
from lifecycle.records.dossier import Flight, Stage


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: lifecycle explain E1001\n\nExample: lifecycle explain E1001 --last 100 --json")(
        explain
    )


def explain(
    context: typer.Context,
    person: Annotated[str, typer.Argument(metavar="PERSON", help="A worker or person id.")],
    *,
    last: Annotated[int, typer.Option(min=0, help="How many records of the evidence to show.")] = 15,
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> None:
    """Say why a person has what they have: since when, until when, what is under way and what it waits for.

    Ends with the newest records of the person's chain of evidence: when, what, why, and the ids to find it by in
    Microsoft Graph's own logs.
    """

    async def work(world: World) -> Explanation:
        return await ask_why(person, world.ports, last=last)

    found = inside(context, ready, work)
    if as_json:
        emit(_as_plain(found))
    else:
        _show(found)


def _show(found: Explanation) -> None:
    seen = found.seen
    heading(f"person {seen.identity.person}")
    for text in _about(seen):
        line(f"  {text}")
    line()
    heading("access")
    for one in found.access:
        for text in _access_lines(one):
            line(f"  {text}")
    if not found.access:
        line("  none, and none is wanted")
    line()
    if found.waits:
        heading("waits for")
        for text in found.waits:
            line(f"  ! {text}")
        line()
    heading("next")
    for text in step_lines(seen.plan.changes):
        line(f"  {text}")
    line(f"  {totals(seen.plan)}" if seen.plan.changes else "  nothing to do")
    line()
    heading(f"evidence, the last {len(found.timeline)} of {seen.dossier.head.length} records")
    for record in found.timeline:
        line(f"  {_record_line(record)}")


def _about(seen: Look) -> Iterator[str]:
    yield f"worker ids {', '.join(seen.identity.workers) or 'none'}"
    if seen.identity.people:
        yield f"person ids of HR {', '.join(seen.identity.people)}"
    yield _standing(seen)
    found = seen.dossier.correlation
    if found is not None:
        yield f"Entra user {found.user}, found by {found.by} at {instant(found.at)}"
    elif seen.match is not None:
        yield f"Entra user {seen.match.user}, to be noted at the next look"
    else:
        yield "no Entra user known"
    wake = "nothing is scheduled" if seen.dossier.wake is None else f"next look {instant(seen.dossier.wake)}"
    yield f"as of {instant(seen.now)}; {wake}"


def _standing(seen: Look) -> str:
    """Return where the person stands, since when, and which event ends it."""
    first, span = seen.person.first_day(seen.now), seen.person.leaving(seen.now)
    ends = "" if span is None or span.end is None else f" {until(span.end)}"
    if ends and span is not None and span.left is not None:
        ends += f" (event {span.left.recorded.id}, {span.left.recorded.origin})"
    match seen.desired.standing:
        case Standing.EMPLOYED:
            since = "" if first is None else f" since {instant(first)}"
            return f"employed{since}{ends}"
        case Standing.EXPECTED:
            return f"expected: the first day begins {'' if first is None else instant(first)}{ends}"
        case Standing.LEFT:
            return f"left: was employed{ends}"
        case Standing.UNKNOWN:
            return "no employment known: no joined event came, or it was rescinded"


def _access_lines(one: Access) -> Iterator[str]:
    yield f"{one.package}  {_whether(one)}"
    for reason in () if one.wanted is None else one.wanted.reasons:
        yield f"  because {reason}"
    if one.wanted is None:
        for why in dict.fromkeys(text for step in one.steps for text in step.why):
            yield f"  {why}"
    for row in one.rows:
        yield f"  {_row(row, one.flight)}"
    for note in dict.fromkeys(note for step in one.steps if (note := getattr(step, "note", ""))):
        yield f"  {note}"
    if one.flight is not None:
        yield f"  {_flight(one.flight)}" + (f", Graph says {one.state}" if one.state else "")
    if one.refusal is not None:
        stands = "a denial" if one.refusal.stands else "put back"
        yield f"  taken away {one.refusal.by} at {instant(one.refusal.at)}, {one.refusal.times}. time: {stands}"


def _whether(one: Access) -> str:
    wanted = "not wanted" if one.wanted is None else f"wanted {until(one.wanted.end)}"
    return f"{'there' if one.rows else 'not there'}, {wanted}"


def _row(row: Assignment, flight: Flight | None) -> str:
    since = "" if row.starts is None else f" since {instant(row.starts)}"
    return f"assignment {row.id}{since} {until(row.ends)}, {_whose(row, flight)}"


def _whose(row: Assignment, flight: Flight | None) -> str:
    if row.auto:
        return "through an auto-assignment policy"
    if row.ours:
        return "ours"
    if row.adoptable:
        return "in our policy, " + ("by the request under way" if flight is not None else "not in our ledger")
    return "not ours: requested or given by others"


_KINDS = {"adminAdd": "giving", "adminUpdate": "moving the end", "adminRemove": "taking"}


def _flight(flight: Flight) -> str:
    request = f" request {flight.request}" if flight.request else ""
    again = f"{'tried' if flight.stage is Stage.FAILED else 'looked at'} again {instant(flight.look_at)}"
    return (
        f"{_KINDS.get(flight.kind, flight.kind)}: {flight.stage}{request} since {instant(flight.at)}, {again}, "
        f"because of {flight.cause}"
    )


_NAME = 12  # characters of a hash that a person compares; --json has all of them
_HASH = re.compile(r"[0-9a-f]{64}")


def _record_line(record: Record) -> str:
    detail = " ".join(f"{name}={text}" for name, value in record.detail.items() if (text := _short(value)))
    return f"{instant(record.at)}  {record.tag}  {record.cause}  {detail}".rstrip()


def _short(value: object) -> str:
    text = "; ".join(str(part) for part in value) if isinstance(value, list) else str(value)
    return text[:_NAME] if _HASH.fullmatch(text) else text


def _as_plain(found: Explanation) -> dict[str, Any]:
    seen = found.seen
    span = seen.person.leaving(seen.now)
    return {
        "person": seen.identity.person,
        "workers": seen.identity.workers,
        "people": seen.identity.people,
        "standing": seen.desired.standing,
        "first_day": seen.person.first_day(seen.now),
        "end": None if span is None else span.end,
        "frozen": seen.desired.frozen,
        "user": None if seen.match is None else seen.match.user,
        "at": seen.now,
        "next_look": seen.dossier.wake,
        "access": [_plain_access(one) for one in found.access],
        "waits": found.waits,
        "plan": {"hash": seen.plan.hash, "model": seen.plan.model, "changes": len(seen.plan.changes)},
        "evidence": {"length": seen.dossier.head.length, "records": found.timeline},
    }


def _plain_access(one: Access) -> dict[str, Any]:
    return {
        "package": one.package,
        "wanted": one.wanted is not None,
        "until": None if one.wanted is None else one.wanted.end,
        "reasons": () if one.wanted is None else [reason._asdict() for reason in one.wanted.reasons],
        "assignments": one.rows,
        "steps": [plain_step(step) for step in one.steps],
        "under_way": one.flight,
        "request_state": one.state,
        "denial": one.refusal,
    }
