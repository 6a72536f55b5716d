"""Rows of a feed, whatever its format, become a `Snapshot` through a mapping; one fault refuses the whole file.

Faults are collected and named by row, column and rule, never by what a cell holds: cells are other people's data.
What the mapping does not name is not read at all. How a format is cut into rows is its own reader's business.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from lifecycle.adapters.mapping import Column, FeedMapping
from lifecycle.contract import fields
from lifecycle.core.calendar import begins
from lifecycle.core.events import Scalar, Status, Worker, key
from lifecycle.core.snapshot import Entry, Snapshot
from lifecycle.errors import Misconfigured

CELL_LENGTH = 1000
"""Characters of a mapped cell; whatever is longer is no code, title or place, and would not fit an event."""

_NAMED = 10


class Row(Protocol):
    """One worker as the file has them."""

    @property
    def number(self) -> int:
        """Where it is, as the file is counted: a line of text, or which of the list."""
        ...

    def cell(self, column: str, *, optional: bool) -> str:
        """Return what stands there as text, empty for nothing. Raises `ValueError` for what is no cell or is not there.

        With `optional` a place that is not there is an empty one.
        """
        ...


@dataclass(slots=True)
class Faults:
    """What is wrong with the file, by reason, with the rows; `unit` is what a row is called, a line or a row."""

    source: str
    unit: str = "row"
    found: dict[str, list[int]] = field(default_factory=dict)

    def add(self, reason: str, line: int = 0) -> None:
        """Note a fault, of one row or of the whole file."""
        lines = self.found.setdefault(reason, [])
        if line and line not in lines[-1:]:
            lines.append(line)

    def refuse(self) -> Misconfigured:
        """Return the error that says all of it."""
        said = "\n".join(f"  {_places(self.unit, lines)}{reason}" for reason, lines in self.found.items())
        return Misconfigured(f"The file of {self.source} is refused, nothing was sent:\n{said}")


def snapshot(rows: Iterable[Row], mapping: FeedMapping, faults: Faults, *, whole: bool = True) -> Snapshot:
    """Read the rows; not `whole` when they are not everybody. Raises `Misconfigured` with everything that is wrong."""
    found = list(rows)
    if not found and not faults.found:
        faults.add("there is no row in it: an empty file never means that nobody works here")
    entries = [(row.number, entry) for row in found if (entry := _entry(row, mapping, faults))]
    _check_doubled(entries, faults)
    as_of = _as_of(found, mapping, faults)
    if faults.found:
        raise faults.refuse()
    return Snapshot(mapping.terms, tuple(entry for _, entry in entries), as_of, whole=whole)


def _entry(row: Row, mapping: FeedMapping, faults: Faults) -> Entry | None:
    """Return what the row says; None when it has faults, all of which are noted."""
    sound = True
    worker = ""
    values: dict[str, Any] = {}
    attributes: dict[str, Scalar] = {}
    try:
        worker = key(fields.Id.read(row.cell(mapping.key, optional=False)))
    except ValueError as error:
        faults.add(f"`{mapping.key}`, the key, {error}", row.number)
        sound = False
    for into, columns in ((values, mapping.columns), (attributes, mapping.attributes)):
        for name, column in columns.items():
            try:
                cell = _translated(column, row)
                into[name] = _KINDS.get(name, _text_of)(cell, column) if into is values else _attribute(cell, column)
            except ValueError as error:
                faults.add(f"{f'`{column.column}` ' if column.column else ''}({name}) {error}", row.number)
                sound = False
    if not sound:
        return None
    first_day, last_day = values.pop("first_day", None), values.pop("last_day", None)
    return Entry(Worker(id=worker, attributes=attributes, **values), first_day, last_day)


def _translated(column: Column, row: Row) -> Scalar:
    """Return the cell after everything that the mapping does with it as text. Raises `ValueError`."""
    if column.is_constant:
        constant: Scalar = column.value
        return constant
    text = row.cell(column.column or "", optional=column.optional)
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


def _day(cell: Scalar, column: Column, read: Callable[[str], date | None] = fields.day) -> date | None:
    if cell is None:
        return None
    if column.date is None:
        return read(str(cell))
    try:
        # Through the ISO form, for the one check of what a date may be.
        return read(datetime.strptime(str(cell), column.date).date().isoformat())  # noqa: DTZ007 - a day has no zone
    except ValueError as error:
        known = str(error).startswith("lies outside")
        raise ValueError(str(error) if known else f"is no date of the form `{column.date}`") from None


def _end(cell: Scalar, column: Column) -> date | None:
    return _day(cell, column, fields.end)


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
    "last_day": _end,
    "contract_end": _end,
    "person_id": _reference,
    "user_principal_name": _identifier,
    "manager": _identifier,
    "time_zone": _zone,
}
"""How the fields that are more than text are read; whatever is wrong raises `ValueError`."""


def _check_doubled(entries: list[tuple[int, Entry]], faults: Faults) -> None:
    lines: dict[str, list[int]] = {}
    for line, entry in entries:
        lines.setdefault(entry.worker.id, []).append(line)
    for worker, found in lines.items():
        if len(found) > 1:
            reason = f"worker {worker} is there {len(found)} times (white space and case make no difference)"
            for line in found:
                faults.add(reason, line)


def _as_of(rows: list[Row], mapping: FeedMapping, faults: Faults) -> datetime | None:
    """Return the one instant that every row gives; a day stands for its beginning."""
    column = mapping.as_of
    if column is None:
        return None
    found: dict[datetime, int] = {}
    for row in rows:
        try:
            found.setdefault(_instant(_translated(column, row), column, mapping.terms.time_zone), row.number)
        except ValueError as error:
            faults.add(f"`{column.column}` (asOf) {error}", row.number)
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


def _places(unit: str, found: list[int]) -> str:
    """Return the beginning of a fault: which rows it is about."""
    if not found:
        return ""
    numbers = ", ".join(map(str, found[:_NAMED]))
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"{unit}{'s' if len(found) > 1 else ''} {numbers}{more}: "
