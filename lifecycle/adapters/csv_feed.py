"""A CSV file of all workers becomes a `Snapshot`, through a mapping; one fault in it refuses the whole file.

Faults are collected and named by line, column and rule, never by what a cell holds: cells are other people's data.
Columns that the mapping does not name are not read at all.
"""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from lifecycle.adapters.mapping import Column, FeedMapping, missing_columns
from lifecycle.contract import fields
from lifecycle.core.calendar import begins
from lifecycle.core.events import Scalar, Status, Worker, key
from lifecycle.core.snapshot import Entry, Snapshot
from lifecycle.errors import Misconfigured

CELL_LENGTH = 1000
"""Characters of a mapped cell; whatever is longer is no code, title or place, and would not fit an event."""

_NAMED = 10

type _Row = Mapping[str, str]


@dataclass(slots=True)
class _Faults:
    """What is wrong with the file, by reason, with the lines."""

    source: str
    found: dict[str, list[int]] = field(default_factory=dict)

    def add(self, reason: str, line: int = 0) -> None:
        lines = self.found.setdefault(reason, [])
        if line and line not in lines[-1:]:
            lines.append(line)

    def refuse(self) -> Misconfigured:
        """Return the error that says all of it."""
        said = "\n".join(f"  {_lines(lines)}{reason}" for reason, lines in self.found.items())
        return Misconfigured(f"The file of {self.source} is refused, nothing was sent:\n{said}")


def read(content: bytes, mapping: FeedMapping) -> Snapshot:
    """Read the file. Raises `Misconfigured` with everything that is wrong with it, by line (the header is line 1)."""
    faults = _Faults(mapping.terms.source)
    rows = list(_rows(_text(content, mapping, faults), mapping, faults))
    if not rows and not faults.found:
        faults.add("there is no row in it: an empty file never means that nobody works here")
    entries = [(line, entry) for line, row in rows if (entry := _entry(line, row, mapping, faults))]
    _check_doubled(entries, faults)
    as_of = _as_of(rows, mapping, faults)
    if faults.found:
        raise faults.refuse()
    return Snapshot(mapping.terms, tuple(entry for _, entry in entries), as_of)


def _text(content: bytes, mapping: FeedMapping, faults: _Faults) -> str:
    """Decode, with or without the mark that some programs put before UTF-8."""
    name = codecs.lookup(mapping.encoding).name
    try:
        return content.decode("utf-8-sig" if name == "utf-8" else name)
    except UnicodeError as error:
        place = f"byte {error.start}" if isinstance(error, UnicodeDecodeError) else "its beginning"
        faults.add(f"it is not {mapping.encoding} at {place}; say which `encoding` it has in the mapping")
        raise faults.refuse() from None


def _rows(text: str, mapping: FeedMapping, faults: _Faults) -> Iterator[tuple[int, _Row]]:
    """Yield each row with the line it begins on; empty lines are none."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mapping.delimiter, strict=True)
    header: list[str] = []
    line = 1
    try:
        for cells in reader:
            begin, line = line, reader.line_num + 1
            if not cells:
                continue
            if not header:
                header = _header(cells, mapping, faults)
            elif len(cells) != len(header):
                faults.add("more or fewer cells than the header has: is the file cut off?", begin)
            else:
                yield begin, dict(zip(header, cells, strict=True))
    except csv.Error:
        faults.add("it is no CSV from here on: a quote that does not close, or text behind one", line)


def _header(cells: list[str], mapping: FeedMapping, faults: _Faults) -> list[str]:
    header = [cell.strip() for cell in cells]
    for reason in missing_columns(mapping, header):
        faults.add(reason)
    for name, count in Counter(header).items():
        if count > 1 and name in mapping.wanted:
            faults.add(f"there are {count} columns `{name}`, and nobody can say which is meant")
    if faults.found:
        raise faults.refuse()
    return header


def _entry(line: int, row: _Row, mapping: FeedMapping, faults: _Faults) -> Entry | None:
    """Return what the row says; None when it has faults, all of which are noted."""
    sound = True
    worker = ""
    values: dict[str, Any] = {}
    attributes: dict[str, Scalar] = {}
    try:
        worker = key(fields.Id.read(row[mapping.key]))
    except ValueError as error:
        faults.add(f"`{mapping.key}`, the key, {error}", line)
        sound = False
    for into, columns in ((values, mapping.columns), (attributes, mapping.attributes)):
        for name, column in columns.items():
            try:
                cell = _translated(column, row)
                into[name] = _KINDS.get(name, _text_of)(cell, column) if into is values else _attribute(cell, column)
            except ValueError as error:
                faults.add(f"{f'`{column.column}` ' if column.column else ''}({name}) {error}", line)
                sound = False
    if not sound:
        return None
    first_day, last_day = values.pop("first_day", None), values.pop("last_day", None)
    return Entry(Worker(id=worker, attributes=attributes, **values), first_day, last_day)


def _translated(column: Column, row: _Row) -> Scalar:
    """Return the cell after everything that the mapping does with it as text. Raises `ValueError`."""
    if column.is_constant:
        constant: Scalar = column.value
        return constant
    text = row[column.column or ""]
    if len(text) > CELL_LENGTH:
        raise ValueError(f"is longer than {CELL_LENGTH} characters")
    text = _trimmed(text, column)
    if text in column.empty:
        text = ""
    if text and column.after is not None:
        text = _trimmed(_parted(text, column.after)[1], column)
    if text and column.before is not None:
        text = _trimmed(_parted(text, column.before)[0], column)
    if column.casefold:
        text = text.casefold()
    if column.values is None or (not text and "" not in column.values):
        return text or None
    if text not in column.values:
        raise ValueError("holds a value that `values` does not list")
    outcome: Scalar = column.values[text]
    return outcome


def _trimmed(text: str, column: Column) -> str:
    return text.strip() if column.strip else text


def _parted(text: str, mark: str) -> tuple[str, str]:
    before, found, after = text.partition(mark)
    if not found:
        raise ValueError(f"has no `{mark}` in it")
    return before, after


def _text_of(cell: Scalar, _: Column) -> str | None:
    if cell is not None and not isinstance(cell, str):
        raise ValueError("is no text")
    return cell


def _status(cell: Scalar, _: Column) -> Status:
    if cell is None:
        raise ValueError("is empty, and nobody is without a status")
    if cell not in set(Status):
        raise ValueError(f"is none of {', '.join(Status)}; translate it with `values`")
    return Status(str(cell))


def _day(cell: Scalar, column: Column) -> date | None:
    if cell is None:
        return None
    if column.date is None:
        return fields.day(str(cell))
    try:
        # Through the ISO form, for the one check of what a date may be.
        return fields.day(datetime.strptime(str(cell), column.date).date().isoformat())  # noqa: DTZ007 - a day has no zone
    except ValueError as error:
        known = str(error).startswith("lies outside")
        raise ValueError(str(error) if known else f"is no date of the form `{column.date}`") from None


def _identifier(cell: Scalar, column: Column) -> str | None:
    text = _text_of(cell, column)
    return None if text is None else str(fields.Id.read(text))


def _reference(cell: Scalar, column: Column) -> str | None:
    text = _text_of(cell, column)
    return None if text is None else str(fields.Reference.read(text))


def _zone(cell: Scalar, column: Column) -> str | None:
    text = _text_of(cell, column)
    return None if text is None else str(fields.Zone.read(text))


def _attribute(cell: Scalar, column: Column) -> Scalar:
    """Return an attribute as it is; a date as the text that sorts."""
    day = _day(cell, column) if column.date else None
    return cell if day is None else day.isoformat()


_KINDS: Mapping[str, Callable[[Scalar, Column], Any]] = {
    "status": _status,
    "first_day": _day,
    "last_day": _day,
    "contract_end": _day,
    "person_id": _reference,
    "user_principal_name": _identifier,
    "manager": _identifier,
    "time_zone": _zone,
}
"""How the fields that are more than text are read; whatever is wrong raises `ValueError`."""


def _check_doubled(entries: list[tuple[int, Entry]], faults: _Faults) -> None:
    lines: dict[str, list[int]] = {}
    for line, entry in entries:
        lines.setdefault(entry.worker.id, []).append(line)
    for worker, found in lines.items():
        if len(found) > 1:
            reason = f"worker {worker} is there {len(found)} times (white space and case make no difference)"
            for line in found:
                faults.add(reason, line)


def _as_of(rows: list[tuple[int, _Row]], mapping: FeedMapping, faults: _Faults) -> datetime | None:
    """Return the one instant that every row gives; a day stands for its beginning."""
    column = mapping.as_of
    if column is None:
        return None
    found: dict[datetime, int] = {}
    for line, row in rows:
        try:
            found.setdefault(_instant(_translated(column, row), column, mapping.terms.time_zone), line)
        except ValueError as error:
            faults.add(f"`{column.column}` (asOf) {error}", line)
    if len(found) > 1:
        for line in sorted(found.values()):
            faults.add(f"`{column.column}` (asOf) holds {len(found)} different instants", line)
    return next(iter(found), None)


def _instant(cell: Scalar, column: Column, zone: str) -> datetime:
    if cell is None:
        raise ValueError("is empty")
    text = str(cell)
    if column.date is None:
        return fields.instant(text) if len(text) > len("2026-01-01") else begins(fields.day(text), zone)
    try:
        local = datetime.strptime(text, column.date)  # noqa: DTZ007 - it gets the mapping's zone below
    except ValueError:
        raise ValueError(f"is no instant of the form `{column.date}`") from None
    fields.day(local.date().isoformat())
    if "%H" not in column.date and "%I" not in column.date:
        return begins(local.date(), zone)
    return (local if local.tzinfo else local.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def _lines(lines: list[int]) -> str:
    """Return the beginning of a fault: which lines it is about."""
    if not lines:
        return ""
    numbers = ", ".join(map(str, lines[:_NAMED]))
    more = f" and {len(lines) - _NAMED} more" if len(lines) > _NAMED else ""
    return f"line{'s' if len(lines) > 1 else ''} {numbers}{more}: "
