"""How one source's files are to be read, as its owner writes it: YAML that maps columns to what a worker event may say.

In a CSV a column is named as its header has it, in formats that are JSON by a path (`lifecycle.adapters.feed_paths`).

A mapping with one problem is no mapping: all problems are reported at once, each with its place, path and reason.
Names and mail addresses have no place in it: a column that is not mapped is never read.
"""

import codecs
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from lifecycle.adapters import feed_paths
from lifecycle.adapters.rules import shape
from lifecycle.adapters.rules.document import Problems
from lifecycle.adapters.rules.document import read as read_yaml
from lifecycle.adapters.rules.shape import LimitPart, Part, nearest
from lifecycle.contract import fields
from lifecycle.core.events import Scalar, Status
from lifecycle.core.model import Limit
from lifecycle.core.snapshot import Terms
from lifecycle.errors import Misconfigured

__all__ = ["Column", "FeedMapping", "Format", "load", "parse"]

DATES = {"firstDay": "first_day", "lastDay": "last_day", "contractEnd": "contract_end"}
TEXTS = {
    "personId": "person_id",
    "userPrincipalName": "user_principal_name",
    "employeeType": "employee_type",
    "status": "status",
    "department": "department",
    "costCenter": "cost_center",
    "jobCode": "job_code",
    "jobTitle": "job_title",
    "location": "location",
    "country": "country",
    "timeZone": "time_zone",
    "manager": "manager",
    "company": "company",
}
"""What may be mapped, and what it is called in the core; the first and last day say when an event is effective."""


class Format(StrEnum):
    """What a file is written in; each has its reader (`lifecycle.adapters.feed_file`)."""

    CSV = "csv"
    SCIM = "scim"
    WORKDAY = "workday"
    BAMBOOHR = "bamboohr"


class Column(Part, frozen=True, kw_only=True):
    """Where a field comes from: a `column`, or one constant `value` for everybody.

    In this order: `strip` white space; `empty` cells say nothing; what stands `after` and `before` a mark; `casefold`;
    `values` translates (a cell that it does not list refuses the file), `date` is a format of `strptime`. In JSON a
    place that is not there refuses the file, unless it is `optional`: then it is an empty one.
    """

    column: str | None = None
    value: Any = msgspec.UNSET
    strip: bool = True
    empty: tuple[str, ...] = ()
    after: str | None = None
    before: str | None = None
    casefold: bool = False
    values: dict[str, Any] | None = None
    date: str | None = None
    optional: bool = False

    @property
    def is_constant(self) -> bool:
        """Whether no column is read."""
        return self.value is not msgspec.UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedMapping:
    """A checked mapping: `columns` by the core's names, with `first_day` and `last_day`; `attributes` by theirs."""

    terms: Terms
    key: str
    columns: Mapping[str, Column]
    attributes: Mapping[str, Column]
    as_of: Column | None = None
    format: Format = Format.CSV
    encoding: str = "utf-8"
    delimiter: str = ","

    @property
    def wanted(self) -> frozenset[str]:
        """The names of the columns that are read."""
        read = [*self.columns.values(), *self.attributes.values(), *([self.as_of] if self.as_of else [])]
        return frozenset({self.key, *(each.column for each in read if each.column is not None)})


class _Absent(Part, frozen=True, kw_only=True):
    left_after: int


class _Document(Part, frozen=True, kw_only=True):
    source: fields.Id
    key: str
    time_zone: fields.Zone
    format: Format = Format.CSV
    columns: dict[str, Any]
    as_of: Any = None
    absent: Any = "report"
    shrink: LimitPart = LimitPart(count=50, share=0.1)
    encoding: str = "utf-8"
    delimiter: str = ","


def load(path: Path) -> FeedMapping:
    """Read a mapping from a file. Raises `Misconfigured` with everything that is wrong, a line each."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Misconfigured(f"{path}: the mapping cannot be read: {why}") from error
    return parse(text, where=path.name)


def parse(text: str, *, where: str) -> FeedMapping:
    """Read a mapping; `where` names it in errors. Raises `Misconfigured` with everything that is wrong, a line each."""
    problems = Problems(where)
    tree = read_yaml(text, problems)
    if not problems.found and not isinstance(tree, dict):
        problems.add("", "is no mapping: it must have `source`, `key`, `timeZone` and `columns`")
    mapping = _read(tree, problems) if isinstance(tree, dict) else None
    if problems.found or mapping is None:
        raise Misconfigured(str(problems))
    return mapping


def _read(tree: dict[str, Any], problems: Problems) -> FeedMapping | None:
    part = shape.read(_Document, tree, "", problems)
    columns = tree.get("columns")
    found = _columns(columns, "columns", problems) if isinstance(columns, dict) else {}
    attributes = columns.get("attributes", {}) if isinstance(columns, dict) else {}
    extra = _attributes(attributes, problems)
    as_of = None if tree.get("asOf") is None else _column(tree["asOf"], "asOf", problems)
    left_after = _left_after(tree.get("absent", "report"), problems)
    if not isinstance(part, _Document):
        return None
    _check_document(part, problems)
    names = {inner: outer for outer, inner in {**TEXTS, **DATES}.items()}
    read = {f"columns.{names[inner]}": column for inner, column in found.items()}
    read |= {f"columns.attributes.{name}": column for name, column in extra.items()}
    read |= {"asOf": as_of} if as_of else {}
    _check_format(part, tree.keys() & {"encoding", "delimiter"}, read, problems)
    return FeedMapping(
        terms=Terms(str(part.source), str(part.time_zone), Limit(part.shrink.count, part.shrink.share), left_after),
        key=part.key.strip(),
        columns=found,
        attributes=extra,
        as_of=as_of,
        format=part.format,
        encoding=part.encoding,
        delimiter=part.delimiter,
    )


def _columns(tree: dict[str, Any], path: str, problems: Problems) -> dict[str, Column]:
    known = {**TEXTS, **DATES}
    found: dict[str, Column] = {}
    for name, value in tree.items():
        at = f"{path}.{name}"
        if name == "attributes":
            continue
        if name == "id":
            problems.add(at, "is said by `key`")
        elif name not in known:
            problems.add(at, f"is nothing a worker has; {nearest(name, known)}; the rest belongs in `attributes`")
        elif column := _column(value, at, problems):
            found[known[name]] = column
            _check_kind(name, column, at, problems)
    if "status" not in tree:
        problems.add(f"{path}.status", "is missing: without it nobody would ever leave")
    return found


def _attributes(tree: Any, problems: Problems) -> dict[str, Column]:
    if not isinstance(tree, dict):
        problems.add("columns.attributes", "is no mapping of names to columns")
        return {}
    found: dict[str, Column] = {}
    for name, value in tree.items():
        at = f"columns.attributes.{name}"
        if column := _column(value, at, problems):
            found[name] = column
        try:
            if fields.Id.read(name) != name:
                problems.add(at, "has white space around its name")
        except ValueError as error:
            problems.add(at, f"has a name that {error}")
    return found


def _column(tree: Any, path: str, problems: Problems) -> Column | None:
    """Read one column; a bare text is short for `{column: …}`."""
    if not isinstance(tree, str | dict):
        problems.add(path, "is neither the name of a column nor `{column: …}` nor `{value: …}`")
        return None
    column = shape.read(Column, {"column": tree} if isinstance(tree, str) else tree, path, problems)
    if not isinstance(column, Column):
        return None
    _check_column(column, path, problems)
    values = column.values
    if column.casefold and values is not None:
        values = {name.casefold(): value for name, value in values.items()}
    name = column.column if column.column is None else column.column.strip()
    return msgspec.structs.replace(column, column=name, values=values)


def _check_column(column: Column, path: str, problems: Problems) -> None:
    if column.is_constant == (column.column is not None):
        problems.add(path, "needs either `column` or `value`")
    if column.column is not None and not column.column.strip():
        problems.add(f"{path}.column", "is empty")
    if column.is_constant:
        _check_constant(column, path, problems)
    for mark in ("before", "after"):
        if getattr(column, mark) == "":
            problems.add(f"{path}.{mark}", "is empty: every text stands before and after nothing")
    for name, value in (column.values or {}).items():
        if not isinstance(value, Scalar.__value__):
            problems.add(f"{path}.values.{name}", "is neither text nor a number nor a truth value")
    if column.casefold and len({name.casefold() for name in column.values or ()}) < len(column.values or ()):
        problems.add(f"{path}.values", "says a cell twice, because case makes no difference here")
    if column.date is not None and not _tells_a_day(column.date):
        problems.add(f"{path}.date", "does not tell day, month and year, as `%d.%m.%Y` does")


def _check_constant(column: Column, path: str, problems: Problems) -> None:
    if column.values or column.date or column.before or column.after:
        problems.add(path, "is a constant, so there is nothing to translate: keep `value` alone")
    if not isinstance(column.value, Scalar.__value__):
        problems.add(f"{path}.value", "is neither text nor a number nor a truth value")


def _check_kind(name: str, column: Column, path: str, problems: Problems) -> None:
    """Check what the field itself asks for: a status, a date, text."""
    if name in DATES:
        if column.is_constant:
            problems.add(path, "must come from a column: one day for everybody is none")
        return
    if column.date is not None:
        problems.add(f"{path}.date", f"is no date; {', '.join(DATES)} are")
    outcomes = {f"{path}.values.{cell}": value for cell, value in (column.values or {}).items()}
    if column.is_constant:
        outcomes[f"{path}.value"] = column.value
    for at, value in outcomes.items():
        if name == "status":
            if value not in set(Status):
                problems.add(at, f"is none of {', '.join(Status)}")
        elif value is not None and not isinstance(value, str):
            problems.add(at, "is a number or a truth value: put it in quotes to make it text")
        elif name == "timeZone" and value is not None and value not in fields.zones():
            problems.add(at, "is no time zone of the IANA database (as in Europe/Berlin)")


def _tells_a_day(form: str) -> bool:
    if not {"%Y", "%y"} & {form[i : i + 2] for i in range(len(form))}:
        return False
    example = datetime(2031, 12, 28, tzinfo=UTC)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return datetime.strptime(example.strftime(form), form).date() == example.date()  # noqa: DTZ007 - a day has no zone
    except (ValueError, Warning):
        return False


def _left_after(tree: Any, problems: Problems) -> int | None:
    if tree == "report":
        return None
    if not isinstance(tree, dict):
        problems.add("absent", "is neither `report` nor `{leftAfter: 3}`")
        return None
    part = shape.read(_Absent, tree, "absent", problems)
    if not isinstance(part, _Absent):
        return None
    if part.left_after < 1:
        problems.add("absent.leftAfter", "must be at least 1")
    return part.left_after


def _check_document(part: _Document, problems: Problems) -> None:
    if not part.key.strip():
        problems.add("key", "is empty")
    if len(part.delimiter) != 1 or part.delimiter in '"\r\n':
        problems.add("delimiter", "must be one character, and neither a quote nor a line break")
    try:
        codecs.lookup(part.encoding)
        "".encode(part.encoding)
    except (LookupError, ValueError):
        problems.add("encoding", "is no encoding that is known here (as utf-8, cp1252, utf-16)")
    if part.shrink.count < 1:
        problems.add("shrink.count", "must be at least 1")
    if not 0 < part.shrink.share <= 1:
        problems.add("shrink.share", "must be more than 0 and at most 1")


def _check_format(part: _Document, csv: Iterable[str], read: Mapping[str, Column], problems: Problems) -> None:
    """Check what only one kind of format can have: paths in JSON; an encoding and a delimiter in a CSV."""
    if part.format is Format.CSV:
        for at in (at for at, column in read.items() if column.optional):
            problems.add(f"{at}.optional", "is for JSON: a CSV has every column in every row")
        return
    for name in sorted(csv):
        problems.add(name, f"is for a CSV: {part.format} is JSON in UTF-8")
    places = {at: column.column for at, column in read.items() if column.column}
    for at, path in {"key": part.key.strip(), **places}.items():
        try:
            feed_paths.parse(path)
        except ValueError as error:
            problems.add(at, str(error))
    if (status := read.get("columns.status")) is not None and status.optional:
        problems.add("columns.status.optional", "would make a missing status mean something: nobody is without one")


def missing_columns(mapping: FeedMapping, header: Iterable[str]) -> list[str]:
    """Return what to say about each column that the mapping reads and the header lacks."""
    names = list(header)
    return [f"there is no column `{name}`; {nearest(name, names)}" for name in sorted(mapping.wanted - set(names))]
