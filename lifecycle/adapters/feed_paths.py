"""Where in a row of JSON a cell stands: `$.name.givenName`, `$["urn:x"].department`, `emails[type eq "work"].value`.

Small on purpose and total: a path leads to one value, to nothing, or to a fault that is named; it never searches, and
it never picks one of several. `$.` in front may be left out. A part in brackets is a name that is no word, the element
of a list in which a member equals a literal (in any case), or, as `[only]`, the one element that a list has.
"""

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, assert_never

import msgspec

LENGTH = 400
"""Characters of a path: the longest names of extensions are urns of a hundred."""

_PART = re.compile(
    r"""\.(?P<name>\$?[A-Za-z_][\w-]*)
    | \[(?P<quoted>"(?:[^"\\]|\\.)*")\]
    | \[(?P<member>\$?[A-Za-z_][\w-]*)\ +eq\ +(?P<literal>"(?:[^"\\]|\\.)*"|true|false|-?\d{1,18})\]
    | \[(?P<only>only)\]""",
    re.ASCII | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Name:
    """A member of an object."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}" if re.fullmatch(r"\$?[A-Za-z_][\w-]*", self.name, re.ASCII) else f"[{_json(self.name)}]"


@dataclass(frozen=True, slots=True)
class Pick:
    """The one element of a list whose member equals a literal."""

    member: str
    literal: str | int | bool

    def __str__(self) -> str:
        return f"[{self.member} eq {_json(self.literal)}]"


@dataclass(frozen=True, slots=True)
class Only:
    """The one element that a list has."""

    def __str__(self) -> str:
        return "[only]"


type Part = Name | Pick | Only


class _Nothing(Enum):
    ABSENT = "absent"
    DOUBLED = "doubled"


ABSENT = _Nothing.ABSENT
"""What a path leads to when nothing is there; `None` is there, and says that it is empty."""

DOUBLED = _Nothing.DOUBLED
"""What a reader puts for a key that an object has twice."""


@cache
def parse(text: str) -> tuple[Part, ...]:
    """Read a path. Raises `ValueError` with the reason."""
    if len(text) > LENGTH:
        raise ValueError(f"is longer than {LENGTH} characters")
    bare = text.removeprefix("$") if text.startswith(("$.", "$[")) else f".{text}"
    parts: list[Part] = []
    at = 0
    while at < len(bare):
        found = _PART.match(bare, at)
        if found is None:
            place = max(at + len(text) - len(bare) + 1, 1)
            raise ValueError(
                f'is no path from character {place} on: parts are `.name`, `["a name"]`, `[type eq "work"]`, `[only]`'
            )
        parts.append(_part(found))
        at = found.end()
    return tuple(parts)


def _part(found: re.Match[str]) -> Part:
    if found["name"]:
        return Name(found["name"])
    try:
        if found["quoted"]:
            return Name(msgspec.json.decode(found["quoted"], type=str))
        if found["member"]:
            return Pick(found["member"], msgspec.json.decode(found["literal"], type=str | int | bool))
    except msgspec.DecodeError:
        raise ValueError("holds a text that is none in JSON") from None
    return Only()


def written(parts: tuple[Part, ...]) -> str:
    """Return the one form of a path: `parse(written(parts)) == parts`."""
    return "$" + "".join(map(str, parts))


def first_name(text: str) -> str:
    """Return the name of the member that a path begins with, empty when it begins otherwise."""
    first = parse(text)[0]
    return first.name if isinstance(first, Name) else ""


def find(parts: tuple[Part, ...], tree: Any, *, folded: bool = False) -> Any:
    """Return what the path leads to in a tree of JSON, or `ABSENT`; with `folded` names are found in any case.

    What is null along the way is null at its end. Raises `ValueError` where the tree has another shape, or has two
    where one is meant.
    """
    value = tree
    for part in parts:
        value = _step(part, value, folded=folded)
        if value is DOUBLED:
            raise ValueError(f"cannot be told: `{part}` is there twice")
        if value is None or value is ABSENT:
            return value
    return value


def _step(part: Part, value: Any, *, folded: bool) -> Any:
    match part:
        case Name(name):
            return _member(name, _asked(dict, value, part), folded=folded)
        case Pick(member, literal):
            elements = _asked(list, value, part)
            return _one([each for each in elements if _equals(each, member, literal, folded=folded)], part, ABSENT)
        case Only():
            return _one(_asked(list, value, part), part, None)
        case _:
            assert_never(part)


def _asked[T](kind: type[T], value: Any, part: Part) -> T:
    if not isinstance(value, kind):
        shape = "object" if kind is dict else "list"
        raise ValueError(f"does not lead on: what `{part}` is asked of is no {shape}")  # noqa: TRY004 - a fault of the file
    return value


def _member(name: str, value: dict[str, Any], *, folded: bool) -> Any:
    if not folded:
        return value.get(name, ABSENT)
    found = [each for other, each in value.items() if other.casefold() == name.casefold()]
    return DOUBLED if len(found) > 1 else found[0] if found else ABSENT


def _one(found: list[Any], part: Part, none: Any) -> Any:
    if len(found) > 1:
        raise ValueError(f"cannot be told: {len(found)} elements fit `{part}`")
    return found[0] if found else none


def _equals(element: Any, member: str, literal: str | int | bool, *, folded: bool) -> bool:  # noqa: FBT001 - a value
    if not isinstance(element, dict):
        return False
    value = _member(member, element, folded=folded)
    if isinstance(value, str) and isinstance(literal, str):
        return value.casefold() == literal.casefold()
    return type(value) is type(literal) and bool(value == literal)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
