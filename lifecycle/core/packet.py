"""An evidence packet: what can be said of assignments, each field with where it comes from and when it was read.

A field is told or it is unavailable for a stated reason; it is never left out and never empty. Pure values: `prove`
gathers them, `adapters.packets` writes them. Packets hold ids, never names.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

type Value = str | int | bool | datetime | Sequence[Value] | Mapping[str, Value] | None
"""What a field may say; None is Graph's or the ledger's own "no such thing", as in "without end"."""

NONE = "none"
"""What a field says when its source was read and has nothing."""


@dataclass(frozen=True, slots=True)
class Told:
    """A value, where it comes from (`ledger person e1 record 7`, `Graph GET /…`) and when it was read."""

    value: Value
    source: str
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why nothing can be said, by which source, and when it was asked."""

    reason: str
    source: str
    read_at: datetime


type Field = Told | Unavailable


class OfPerson(StrEnum):
    """What a packet says of a person, in its order."""

    IDS = "ids"
    USER = "user"
    FACTS = "facts"
    PROJECTS = "project facts"
    LEAVING = "leaving"
    RECORD = "records"
    CHAIN = "chain"


class OfAssignment(StrEnum):
    """What a packet says of an assignment, in its order."""

    USER = "user"
    ACCESS_PACKAGE = "access package"
    POLICY = "assignment policy"
    TERMS = "policy snapshot"
    STATE = "state"
    BEGINS = "begins"
    EXPIRES = "expires"
    EXPIRED = "expired"
    REASONS = "reasons"
    CAUSES = "causes"
    REQUEST = "requests"
    GRAPH_REQUEST = "requests in Graph"
    APPROVAL = "approvals"
    REVIEW = "review outcomes"
    ROLES = "resource roles"
    AUDIT = "audit log"
    RECORD = "records"


type Name = OfPerson | OfAssignment


@dataclass(frozen=True, slots=True)
class Entry:
    """One field under its name; a name may have several, each with a source of its own."""

    name: Name
    field: Field


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything said of one assignment; `assignment` is empty for a request that never became one."""

    package: str
    assignment: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Everything said of one person, and of each of their assignments that the packet speaks of."""

    person: str
    entries: tuple[Entry, ...]
    sheets: tuple[Sheet, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """What stands at the top: what was asked (`kind`, `subject`), by whom, when, and of which state of the app.

    `entries` are said of the subject itself, where it is no person. `model` is the access model's hash.
    """

    kind: str
    subject: str
    asked_by: Field
    asked_at: datetime
    model: str
    tool: str
    entries: tuple[tuple[str, Field], ...] = ()


@dataclass(frozen=True, slots=True)
class Closing:
    """What stands at the end: how much there was, and SHA-256 over the lines of `canonical`, so that a cut shows."""

    people: int
    assignments: int
    unavailable: int
    digest: str


def sheet(package: str, assignment: str, entries: Iterable[Entry]) -> Sheet:
    """Return the sheet with its entries in order. Raises `ValueError` when a field is neither told nor unavailable."""
    return Sheet(package, assignment, _whole(OfAssignment, entries))


def part(person: str, entries: Iterable[Entry], sheets: Iterable[Sheet]) -> Part:
    """Return the part with its entries in order. Raises `ValueError` when a field is neither told nor unavailable."""
    return Part(person, _whole(OfPerson, entries), tuple(sheets))


def _whole(names: type[OfPerson | OfAssignment], entries: Iterable[Entry]) -> tuple[Entry, ...]:
    order = {name: number for number, name in enumerate(names)}
    found = tuple(sorted(entries, key=lambda entry: order[entry.name]))
    if missing := sorted(order.keys() - {entry.name for entry in found}):
        raise ValueError(f"a packet must say something of {', '.join(missing)}, if only that it is unavailable")
    return found


def fields_of(one: Part) -> list[Field]:
    """Return every field of a part."""
    return [entry.field for entries in (one.entries, *(sheet.entries for sheet in one.sheets)) for entry in entries]


class Tally:
    """Counts what a packet holds while it is written, so that none of it need be kept."""

    def __init__(self) -> None:
        self._people = self._assignments = self._unavailable = 0
        self._digest = hashlib.sha256()

    def add(self, one: Part) -> None:
        """Count a part."""
        self._people += 1
        self._assignments += len(one.sheets)
        self._unavailable += sum(isinstance(field, Unavailable) for field in fields_of(one))
        self._digest.update(canonical(one) + b"\n")

    @property
    def closing(self) -> Closing:
        """Return what was counted."""
        return Closing(self._people, self._assignments, self._unavailable, self._digest.hexdigest())


def canonical(one: Part) -> bytes:
    """Return the one JSON form of a part, of which the packet's digest is made."""
    return json.dumps(plain_part(one), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


# --- as plain values, for JSON ------------------------------------------------------------------------------------


def plain_part(one: Part) -> dict[str, object]:
    """Return a part as JSON has it: fields under their names, each a list."""
    sheets = [
        {"package": sheet.package, "assignment": sheet.assignment, "fields": _plain_entries(sheet.entries)}
        for sheet in one.sheets
    ]
    return {"person": one.person, "fields": _plain_entries(one.entries), "assignments": sheets}


def plain_cover(cover: Cover) -> dict[str, object]:
    """Return the top of a packet as JSON has it."""
    return {
        "kind": cover.kind,
        "subject": cover.subject,
        "asked_by": plain_field(cover.asked_by),
        "asked_at": written(cover.asked_at),
        "model": cover.model,
        "tool": cover.tool,
        "fields": [{"name": name, **plain_field(field)} for name, field in cover.entries],
    }


def _plain_entries(entries: Iterable[Entry]) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = {}
    for entry in entries:
        found.setdefault(str(entry.name), []).append(plain_field(entry.field))
    return found


def plain_field(field: Field) -> dict[str, object]:
    """Return a field as JSON has it."""
    match field:
        case Told(value, source, read_at):
            return {"value": plain(value), "source": source, "read_at": written(read_at)}
        case Unavailable(reason, source, read_at):
            return {"unavailable": reason, "source": source, "read_at": written(read_at)}


def plain(value: Value) -> object:
    """Return a value in the types of JSON; times as text."""
    match value:
        case datetime():
            return written(value)
        case str() | int() | None:
            return value
        case Mapping():
            return {name: plain(inner) for name, inner in value.items()}
        case _:
            return [plain(inner) for inner in value]


def written(at: datetime) -> str:
    """Return an instant in UTC, to the microsecond where it has one."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def wording(value: Value) -> str:
    """Return a value in one line of words, as a page, a table and a screen show it."""
    match value:
        case str() | None:
            return value or NONE
        case bool():
            return "yes" if value else "no"
        case datetime():
            return written(value)
        case int():
            return str(value)
        case Mapping():
            return ", ".join(f"{name}: {wording(inner)}" for name, inner in value.items()) or NONE
        case _:
            return "; ".join(wording(inner) for inner in value) or NONE


def shown(field: Field) -> str:
    """Return what a field says, in words."""
    match field:
        case Told(value):
            return wording(value)
        case Unavailable(reason):
            return f"unavailable: {reason}"
