"""`delays`: how fast access went, of everybody of whom it was due to go, and what kept it. Reads records alone."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from lifecycle.cli.screen import counted, emit, heading, instant, line, note, rest
from lifecycle.cli.world import AsJson, ReadyFile, World, inside
from lifecycle.core.delays import Class, Delay, Snag, Summary, summarise
from lifecycle.records.delays import month_of, of_months

_MORE = "--late or --json has all of them"
_SHOWN = 50
_MONTHS = 120
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_COLUMNS = ("class", "count", "open", "in time", "share", "p50", "p90", "p95", "max")


def register(app: typer.Typer) -> None:
    """Add the command."""
    examples = (
        "lifecycle delays",
        "lifecycle delays --from 2026-01 --to 2026-03 --class mover",
        "lifecycle delays --late",
    )
    app.command(epilog="\n\n".join(f"Example: {one}" for one in examples))(delays)


@dataclass(frozen=True, slots=True)
class Measured:
    """What was due to go in the months `first` to `last`, as known at `now`."""

    now: datetime
    first: str
    last: str
    delays: list[Delay]

    @property
    def late(self) -> list[Delay]:
        """Return those that were gone too late, or are not gone beyond their deadline; the latest first."""
        found = [one for one in self.delays if _is_late(one, self.now)]
        return sorted(found, key=lambda one: (one.due - (one.confirmed or self.now), one.person))


def delays(
    context: typer.Context,
    *,
    first: Annotated[
        str | None,
        typer.Option("--from", metavar="MONTH", help="The first month, as in 2026-11; default the one of --to."),
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="MONTH", help="The last month; default this one.")] = None,
    classes: Annotated[list[Class] | None, typer.Option("--class", help="Of these classes alone.")] = None,
    late: Annotated[bool, typer.Option("--late", help="The late ones alone, all of them.")] = False,
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> None:
    """Show how fast access went that was due to go: leavers, movers, closed projects; then the late ones, and why.

    The clock starts when the access was without reason and that was recorded, and stops when Graph confirmed that
    nothing was left. Everybody counts; months are those in which it was due, in UTC.
    """
    for name, month in (("--from", first), ("--to", last)):
        if month is not None and not _MONTH.fullmatch(month):
            raise typer.BadParameter(f"{month} is no month; write it as 2026-11", param_hint=name)

    async def work(world: World) -> Measured:
        now = world.ports.clock.now()
        until = last or month_of(now)
        since = first or until
        found = await of_months(world.ports.records, _months(since, until))
        return Measured(now, since, until, [one for one in found if not classes or one.kind in classes])

    found = inside(context, ready, work)
    if as_json:
        emit(_plain(found, late_only=late))
    elif late:
        _show_late(found, most=len(found.delays))
    else:
        _show(found)


def _months(first: str, last: str) -> list[str]:
    """Return the months from the first to the last. Raises `BadParameter` when there is none, or are too many."""
    begin, end = (int(year) * 12 + int(month) - 1 for year, month in (first.split("-"), last.split("-")))
    if begin > end:
        raise typer.BadParameter(f"{first} lies behind {last}", param_hint="--from")
    if end - begin >= _MONTHS:
        raise typer.BadParameter(f"{first} to {last} are more than {_MONTHS} months", param_hint="--from")
    return [f"{number // 12:04}-{number % 12 + 1:02}" for number in range(begin, end + 1)]


def _is_late(delay: Delay, now: datetime) -> bool:
    return delay.overdue(now) or (delay.confirmed is not None and delay.withdrawn is None and not delay.in_time)


def _show(found: Measured) -> None:
    heading(f"access that was due to go, {found.first} to {found.last}, as of {instant(found.now)}")
    figures = summarise(found.delays)
    rows = [_COLUMNS, *(_row(one) for one in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows if figures else ():
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        line("  " + "  ".join([row[0].ljust(widths[0]), *cells]))
    if not figures:
        line("  nothing")
    _show_late(found, most=_SHOWN)
    told = [one for one in found.delays if any(why.snag is Snag.TOLD_LATE for why in one.why)]
    heading("told late by the source (not counted: the clock starts when it is told)")
    for one in told[:_SHOWN]:
        line(f"  {instant(one.due)}  {one.person}  {one.kind}  {_span(one.told - one.ended)} after the end")
    rest(len(told), _SHOWN, _MORE)
    leavers = [one for one in figures if one.kind.is_leaver]
    many, within = sum(one.count for one in leavers), sum(one.within for one in leavers)
    withdrawn = sum(one.withdrawn for one in figures)
    note(f"{counted(many, 'leaver', 'leavers')}, {within} gone in time; {withdrawn} withdrawn")


def _row(one: Summary) -> tuple[str, ...]:
    share = "-" if one.share is None else f"{one.share:.1%}"
    spans = ("-" if span is None else _span(span) for span in (one.p50, one.p90, one.p95, one.max))
    return (str(one.kind), str(one.count), str(one.open), str(one.within), share, *spans)


def _show_late(found: Measured, *, most: int) -> None:
    late = found.late
    heading("late")
    for one in late[:most]:
        took = f"gone after {_span(one.length)}" if one.length is not None else f"open for {_span(found.now - one.due)}"
        took = took.replace("gone", "justified again") if one.again else took
        line(f"  ! {instant(one.due)}  {one.person}  {one.kind}  {took}, deadline {_span(one.by - one.due)}")
        line(f"      {', '.join(one.packages)} because of {one.cause}")
        for why in one.why:
            line(f"      {why}")
    rest(len(late), most, _MORE)


def _span(span: timedelta) -> str:
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def _plain(found: Measured, *, late_only: bool) -> dict[str, Any]:
    listed = found.late if late_only else found.delays
    return {
        "at": found.now,
        "from": found.first,
        "to": found.last,
        "classes": [_plain_summary(one) for one in summarise(found.delays)],
        "delays": [_plain_delay(one, found.now) for one in listed],
    }


def _plain_summary(one: Summary) -> dict[str, Any]:
    share = None if one.share is None else round(one.share, 4)
    about = {"class": one.kind, "count": one.count, "open": one.open, "in_time": one.within, "share": share}
    spans = {"p50": one.p50, "p90": one.p90, "p95": one.p95, "max": one.max}
    return about | {"withdrawn": one.withdrawn} | {f"{name}_seconds": _seconds(span) for name, span in spans.items()}


def _plain_delay(one: Delay, now: datetime) -> dict[str, Any]:
    if one.withdrawn is not None:
        state = "withdrawn"
    else:
        state = "open" if one.is_open else "justified again" if one.again else "gone"
    named = {name: getattr(one, name) for name in ("person", "cause", "told", "ended", "due", "seen", "confirmed")}
    why = [{"what": why.snag, "since": why.since, "until": why.until, "detail": why.detail} for why in one.why]
    return {
        **named,
        "class": one.kind,
        "state": state,
        "late": _is_late(one, now),
        "deadline": one.by,
        "expired": one.expired,
        "seconds": _seconds(one.length),
        "packages": list(one.packages),
        "withdrawn": one.withdrawn,
        "why": why,
    }


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else int(span.total_seconds())
