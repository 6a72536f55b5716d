"""Where an evidence packet goes: standard output, files, or a summary on the screen.

A file is written beside its place and moved there when it is whole: a packet that was cut short looks like none.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import typer

from lifecycle.adapters.packets import Writer
from lifecycle.cli.screen import counted, heading, line
from lifecycle.core.packet import (
    Closing,
    Cover,
    Entry,
    Name,
    OfAssignment,
    OfPerson,
    Part,
    Sheet,
    Told,
    Unavailable,
    shown,
    wording,
    written,
)
from lifecycle.core.visible import visible

STDOUT = Path("-")


@dataclass(frozen=True, slots=True)
class Outputs:
    """What was asked for; with nothing asked for, a summary is shown."""

    as_json: bool
    csv: Path | None
    html: Path | None

    def check(self) -> None:
        """Raise a usage error when two packets would go to one place."""
        places = [path for path in (STDOUT if self.as_json else None, self.csv, self.html) if path is not None]
        if len(set(places)) < len(places):
            raise typer.BadParameter(
                "two forms of the packet cannot go to one place", param_hint="--json, --csv, --html"
            )

    @property
    def files(self) -> list[Path]:
        """Return the files that are written."""
        return [path for path in (self.csv, self.html) if path is not None and path != STDOUT]

    @property
    def on_screen(self) -> bool:
        """Whether standard output shows something meanwhile."""
        return self.nothing or self.as_json or STDOUT in {self.csv, self.html}

    @property
    def nothing(self) -> bool:
        """Whether nothing was asked for."""
        return not self.as_json and self.csv is None and self.html is None


@contextmanager
def writing(outputs: Outputs) -> Iterator[Sequence[Writer]]:
    """Open what the outputs need, and make files whole when the block ends well. Raises `OSError`."""
    if outputs.nothing:
        yield [Summary()]
        return
    with ExitStack() as open_files:
        writers: list[Writer] = []
        if outputs.as_json:
            from lifecycle.adapters.packets.lines import Lines  # noqa: PLC0415 - as below

            writers.append(Lines(sys.stdout))
        if outputs.csv is not None:
            from lifecycle.adapters.packets.table import Table  # noqa: PLC0415 - as below

            writers.append(Table(open_files.enter_context(_opened(outputs.csv))))
        if outputs.html is not None:
            from lifecycle.adapters.packets.page import Page  # noqa: PLC0415 - loads the templates' library

            writers.append(Page(open_files.enter_context(_opened(outputs.html))))
        yield writers


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    if path == STDOUT:
        yield sys.stdout
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8", newline="") as out:
            yield out
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


class Summary:
    """Shows a packet's summary: of each assignment what an auditor asks first, and what is unavailable."""

    def begin(self, cover: Cover) -> None:
        """Say what was asked."""
        self._say(f"evidence of {cover.kind} {cover.subject}", bold=True)
        self._say(f"  asked by {shown(cover.asked_by)} at {written(cover.asked_at)}, model {cover.model}, {cover.tool}")
        for name, field in cover.entries:
            self._say(f"  {name}  {shown(field)}  [{field.source}]")

    def add(self, part: Part) -> None:
        """Say of one person what an auditor asks first."""
        self._say("")
        self._say(f"person {part.person}", bold=True)
        for name in (OfPerson.USER, OfPerson.LEAVING, OfPerson.CHAIN):
            self._fields(name, part.entries)
        for sheet in part.sheets:
            self._sheet(sheet)

    def end(self, closing: Closing) -> None:
        """Say how much it is."""
        people = counted(closing.people, "person", "people")
        assignments = counted(closing.assignments, "assignment", "assignments")
        self._say("")
        self._say(
            f"{people}, {assignments}; sha256 {closing.digest}" if closing.people else "nobody: nothing was recorded"
        )

    def _sheet(self, sheet: Sheet) -> None:
        self._say(f"  package {sheet.package}  {sheet.assignment or '(no assignment is known)'}", bold=True)
        told = (OfAssignment.STATE, OfAssignment.EXPIRES, OfAssignment.EXPIRED, OfAssignment.REASONS)
        for name in (*told, OfAssignment.REQUEST, OfAssignment.APPROVAL, OfAssignment.REVIEW):
            self._fields(name, sheet.entries, indent="    ")
        missing = [entry.name for entry in sheet.entries if isinstance(entry.field, Unavailable)]
        if missing:
            self._say(f"    ! unavailable: {', '.join(dict.fromkeys(missing))} (--html, --csv or --json says why)")

    def _fields(self, name: Name, entries: Sequence[Entry], *, indent: str = "  ") -> None:
        for entry in entries:
            if entry.name == name and not isinstance(entry.field, Unavailable):
                self._say(f"{indent}{name}  {_brief(entry)}  [{entry.field.source}]")

    def _say(self, text: str, *, bold: bool = False) -> None:
        """Print one line; a line break in a value makes no line of its own."""
        heading(visible(text)) if bold else line(visible(text))


_OF_REQUEST = ("kind", "intended", "request", "Graph request-id", "HTTP status", "ended as")


def _brief(entry: Entry) -> str:
    """Return what an entry says; of a request what one compares with Entra's portal."""
    field = entry.field
    if entry.name is OfAssignment.REQUEST and isinstance(field, Told) and isinstance(field.value, Mapping):
        return wording({name: field.value[name] for name in _OF_REQUEST if name in field.value})
    return shown(field)
