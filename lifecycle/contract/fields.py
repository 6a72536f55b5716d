"""The kinds of text that outside messages are made of: ids, references, moments, zones.

Each kind is a type, so a payload says what a field is and the decoder says where a wrong one is. `read`, `write` and
`schema` are the hooks that msgspec calls; a `ValueError` raised here becomes an error with the path of the field.
No message here repeats a value: values are other people's data.
"""

import re
import zoneinfo
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, Self

from lifecycle.core.events import Effective, key

ID_LENGTH = 128
YEARS = range(1900, 2201)
"""Years outside are a way of saying "unknown" or "never"; taken at their word they would begin or end access."""

NEVER = "9999-12-31"
"""How SAP, Oracle and others write an end that there is not; read as no end where an end is asked for, nowhere else."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?(?P<offset>Z|[+-]\d{2}:\d{2})?", re.ASCII)


class Id(str):
    """An identifier as its source spells it, trimmed."""

    __slots__ = ()

    @classmethod
    def read(cls, value: str) -> Self:
        """Check and trim. Raises `ValueError`."""
        trimmed = value.strip()
        if not trimmed:
            raise ValueError("is empty")
        if len(trimmed) > ID_LENGTH:
            raise ValueError(f"is longer than {ID_LENGTH} characters")
        if not trimmed.isprintable():
            raise ValueError("contains control or invisible characters")
        return cls(trimmed)


class Reference(Id):
    """The id of something described elsewhere, in the form in which ids are compared."""

    __slots__ = ()

    @classmethod
    def read(cls, value: str) -> Self:
        """Check, trim and fold the case. Raises `ValueError`."""
        return cls(Id.read(key(Id.read(value))))


class Zone(str):
    """The name of a time zone that exists; aliases such as `US/Pacific` do."""

    __slots__ = ()

    @classmethod
    def read(cls, value: str) -> Self:
        """Look the name up. Raises `ValueError`."""
        if value not in zones():
            raise ValueError("is no time zone of the IANA database (as in Europe/Berlin)")
        return cls(value)


class Moment:
    """When something holds: a date in the worker's own zone, or an instant.

    Plain classes, this, `Day` and `End`: msgspec would decode dataclasses by their fields instead of asking the hook.
    """

    __slots__ = ("value",)

    def __init__(self, value: Effective) -> None:
        self.value = value

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse a date or an instant with its offset. Raises `ValueError`."""
        return cls(instant(text) if len(text) > len("2026-01-01") else day(text))

    def __str__(self) -> str:
        return written(self.value)


class Day:
    """A calendar date."""

    __slots__ = ("value",)

    def __init__(self, value: date) -> None:
        self.value = value

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse a date. Raises `ValueError`."""
        return cls(day(text))

    def __str__(self) -> str:
        return self.value.isoformat()


class End:
    """The last day of something, or `NEVER`, which is none."""

    __slots__ = ("value",)

    def __init__(self, value: date | None) -> None:
        self.value = value

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse a last day. Raises `ValueError`."""
        return cls(end(text))

    def __str__(self) -> str:
        return NEVER if self.value is None else self.value.isoformat()


@cache
def zones() -> frozenset[str]:
    """Return every zone name there is; asking the set keeps hostile names away from the file system."""
    return frozenset(zoneinfo.available_timezones())


def day(text: str) -> date:
    """Parse `YYYY-MM-DD`. Raises `ValueError`."""
    if not _DATE.fullmatch(text):
        raise ValueError("is no date (YYYY-MM-DD)")
    try:
        value = date.fromisoformat(text)
    except ValueError:
        raise ValueError("is a date that no calendar has") from None
    if value.year not in YEARS:
        raise ValueError(f"lies outside the years {YEARS.start} to {YEARS.stop - 1}")
    return value


def end(text: str) -> date | None:
    """Parse a last day; None for `NEVER`. Raises `ValueError`, for other ways of saying never as well."""
    return None if text == NEVER else day(text)


def instant(text: str) -> datetime:
    """Parse an RFC 3339 instant, which has an offset, into UTC. Raises `ValueError`."""
    match = _INSTANT.fullmatch(text.upper())
    if not match:
        raise ValueError("is neither a date (YYYY-MM-DD) nor an instant (YYYY-MM-DDThh:mm:ss+hh:mm)")
    if not match["offset"]:
        raise ValueError("is an instant without an offset (Z or +hh:mm)")
    day(text[:10])
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except ValueError:
        raise ValueError("is an instant that no clock shows") from None


def written(value: Effective) -> str:
    """Return the one form in which we write a date or an instant."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat()


def read(kind: type, value: Any) -> Any:
    """Decode one of these kinds, as msgspec's `dec_hook`."""
    if not issubclass(kind, Id | Zone | Moment | Day | End):
        raise TypeError("no kind of this module")
    if not isinstance(value, str):
        # msgspec names its own types this way; the text then reads like its other errors.
        raise ValueError("Expected `str`")  # noqa: TRY004 - msgspec turns ValueErrors alone into errors with a path
    return kind.read(value)


def write(value: Any) -> str:
    """Encode one of these kinds, as msgspec's `enc_hook`. Raises `TypeError` for anything else."""
    if not isinstance(value, Id | Zone | Moment | Day | End):
        raise TypeError(f"{type(value).__name__} cannot travel in a message")
    return str(value)


_SCHEMAS: dict[type, dict[str, Any]] = {
    Id: {"type": "string", "minLength": 1, "maxLength": ID_LENGTH},
    Reference: {"type": "string", "minLength": 1, "maxLength": ID_LENGTH, "description": "compared without case"},
    Zone: {"type": "string", "description": "a zone of the IANA time zone database", "examples": ["Europe/Berlin"]},
    Moment: {
        "type": "string",
        "anyOf": [{"format": "date"}, {"format": "date-time"}],
        "description": "a date in the worker's zone, or an instant with its offset",
    },
    Day: {"type": "string", "format": "date"},
    End: {"type": "string", "format": "date", "description": f"a last day; {NEVER} is none, as null is"},
}


def schema(kind: type) -> dict[str, Any]:
    """Describe one of these kinds, as msgspec's `schema_hook`."""
    try:
        return _SCHEMAS[kind]
    except KeyError:
        raise TypeError(f"{kind} has no schema of its own") from None
