"""A packet as CSV (RFC 4180, UTF-8): one row a field, so that a spreadsheet can filter and sort it.

Spreadsheets take a cell for a formula by its first character, and split a line at separators of their own choice; so a
quotation mark stands before whatever could begin one (OWASP, "CSV Injection").
"""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TextIO

from lifecycle.core.packet import Closing, Cover, Entry, Field, Part, Told, Unavailable, wording, written
from lifecycle.core.visible import visible

COLUMNS = ("part", "person", "package", "assignment", "field", "value", "unavailable", "source", "read_at")

_FORMULA = re.compile(r"(^|[,;|:\"'\\])(\s*)(?=[=+\-@＝＋－＠])")


class Table:
    """Writes CSV, one person after the other."""

    def __init__(self, out: TextIO) -> None:
        self._rows = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")

    def begin(self, cover: Cover) -> None:
        """Write the names of the columns and what stands at the top of a packet."""
        self._rows.writerow(COLUMNS)
        for name in ("kind", "subject", "asked_at", "model", "tool"):
            value = getattr(cover, name)
            self._row("cover", name, Told(value, "lifecycle evidence", cover.asked_at))
        for name, field in (("asked_by", cover.asked_by), *cover.entries):
            self._row("cover", name, field)

    def add(self, part: Part) -> None:
        """Write one person, then each of their assignments."""
        self._entries("person", part.entries, part.person)
        for sheet in part.sheets:
            self._entries("assignment", sheet.entries, part.person, sheet.package, sheet.assignment)

    def end(self, closing: Closing) -> None:
        """Write the counts and the digest."""
        for name, value in asdict(closing).items():
            self._rows.writerow(["closing", "", "", "", name, cell(str(value)), "", "lifecycle evidence", ""])

    def _entries(self, kind: str, entries: Iterable[Entry], *whose: str) -> None:
        for entry in entries:
            self._row(kind, str(entry.name), entry.field, whose)

    def _row(self, kind: str, name: str, field: Field, whose: Sequence[str] = ()) -> None:
        match field:
            case Told(value):
                said, reason = wording(value), ""
            case Unavailable(reason):
                said = ""
        person, package, assignment = (*whose, "", "", "")[:3]
        row = [kind, person, package, assignment, name, said, reason, field.source, written(field.read_at)]
        self._rows.writerow([cell(text) for text in row])


def cell(text: str) -> str:
    """Return the text as a cell that no spreadsheet takes for a formula and that steers nothing."""
    return _FORMULA.sub(r"\1\2'", visible(text))
