"""`feed`: a list of all workers becomes events, for what it says that its source had not said before."""

import asyncio
import os
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from lifecycle.adapters import feed_file, mapping
from lifecycle.cli.feed_alone import UNKNOWN, alone
from lifecycle.cli.screen import Bar, emit, line, note, progress
from lifecycle.cli.world import AsJson, ReadyFile, World, inside, is_anywhere
from lifecycle.contract import fields
from lifecycle.core.calendar import begins
from lifecycle.core.snapshot import Snapshot
from lifecycle.errors import Misconfigured
from lifecycle.feed import Feed, FeedReport
from lifecycle.ports import Bus, Message, Queue

_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Example: lifecycle feed examples/people.csv --mapping examples/mapping.yaml "
        "--as-of 2026-03-02 --dry-run\n\nExample: lifecycle feed people.csv --mapping mapping.yaml --model model.yaml "
        "--as-of 2026-03-02 --dry-run; on a machine where nothing else is"
    )(feed)


def feed(
    context: typer.Context,
    snapshot: Annotated[
        Path, typer.Argument(metavar="SNAPSHOT", help="A file of all workers, in the format that the mapping names.")
    ],
    *,
    columns: Annotated[Path, typer.Option("--mapping", metavar="FILE", help="How it is read (YAML).")],
    as_of: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="When the source made the list: a date, or an instant with its offset."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report what would be sent; send and remember nothing.")
    ] = False,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model", metavar="FILE", help="With --dry-run: try the list by itself, and its source on this model."
        ),
    ] = None,
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> None:
    """Take a list of all workers: joiners, movers and leavers in it become events on the hr queue.

    A single SCIM user or BambooHR employee is no list of everybody, so nobody is missing from it.

    A list is taken whole or refused whole: a fault in it, or too many people missing from it, and nothing is sent. The
    same list again sends nothing.

    A dry run needs nothing but the mapping and the file; where the app's records can be read, it compares with them.
    """
    if model is not None and (not dry_run or ready is not None):
        raise typer.BadParameter("is for a --dry-run of the file by itself, without --ready", param_hint="--model")
    read = mapping.load(columns)
    found = feed_file.read(_content(snapshot), read)
    at = None if as_of is None else _instant(as_of, found.terms.time_zone)

    if model is not None or (dry_run and context.obj is None and not is_anywhere(ready, os.environ)):
        _try_alone(found, model, at, as_json=as_json)
        return

    async def work(world: World) -> tuple[FeedReport, str]:
        _check_source(found, world.ports.model.sources.worker)
        with progress("sending events", len(found.entries)) as bar:
            ports = world.ports
            taking = Feed(ports.records, _Counted(ports.bus, bar), ports.clock)
            who = "" if dry_run else await world.who()
            return await taking.take(found, as_of=at, dry_run=dry_run, actor=who), world.where

    report, where = inside(context, ready, work)
    if as_json:
        emit({**report.as_json(), "compared": True})
        return
    _show(report)
    note(f"a dry run: compared with the records of {where}, nothing was sent" if dry_run else f"to {where}")


def _try_alone(found: Snapshot, model: Path | None, at: datetime | None, *, as_json: bool) -> None:
    if model is not None:
        from lifecycle.adapters.rules import load  # noqa: PLC0415 - compiling rules loads the CEL library

        _check_source(found, load(model).sources.worker)
    report = asyncio.run(alone(found, as_of=at))
    if as_json:
        emit({**report.as_json(), "compared": False})
        return
    _show(report)
    note(f"a dry run: nothing was sent; {UNKNOWN}")
    if model is None:
        note(f"whether the access model lists {found.terms.source} under sources.worker: give it with --model to see")


def _show(report: FeedReport) -> None:
    line(str(report))
    for said in report.said[:_SHOWN]:
        line(f"  {said}")
    if len(report.said) > _SHOWN:
        line(f"  and {len(report.said) - _SHOWN} more; --json has all of them")


class _Counted:
    """A bus that shows how much has been sent."""

    def __init__(self, bus: Bus, bar: Bar) -> None:
        self._bus, self._bar = bus, bar

    async def send(self, queue: Queue, messages: Sequence[Message], *, at: datetime | None = None) -> None:
        await self._bus.send(queue, messages, at=at)
        self._bar.step(len(messages))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror}") from error


def _instant(text: str, zone: str) -> datetime:
    """Return the instant; a plain date is the beginning of that day in the mapping's zone. A usage error otherwise."""
    try:
        value: date | datetime = fields.Moment.read(text.strip()).value
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--as-of") from None
    return begins(value, zone).astimezone(UTC)


def _check_source(found: Snapshot, listed: Collection[str]) -> None:
    """Refuse a list whose every event would be set aside."""
    source = found.terms.source
    if source not in listed:
        there = ", ".join(sorted(listed)) or "none"
        raise Misconfigured(
            f"the mapping's source {source} is not listed under sources.worker of the access model (there: {there}), "
            "so every event would be set aside; nothing was sent. Add it there, or mend `source` in the mapping"
        )
