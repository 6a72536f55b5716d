"""JSON is read as strictly as a feed must be, and cut into rows whose cells are named by paths.

For the formats that are JSON: each has a reader of its own that knows where its rows are. What no writer of JSON means
is refused here: NaN, a number beyond what can be written down, text that is no Unicode, nesting without end. A key that
an object has twice refuses the file where the mapping asks for it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from lifecycle.adapters.feed_paths import ABSENT, DOUBLED, find, parse
from lifecycle.adapters.feed_rows import CELL_LENGTH, Faults
from lifecycle.adapters.mapping import FeedMapping


@dataclass(frozen=True, slots=True)
class Item:
    """One object as a row, which of the list it is; with `folded`, names of members are found in any case."""

    number: int
    tree: Any = field(repr=False)
    folded: bool = False

    def cell(self, column: str, *, optional: bool) -> str:
        """Return what the path leads to as text (see `feed_rows.Row`)."""
        value = find(parse(column), self.tree, folded=self.folded)
        if value is ABSENT:
            if optional:
                return ""
            raise ValueError("is not there; say `optional: true` if that means that it is empty")
        return _text(value)


def tree_of(content: bytes, mapping: FeedMapping, faults: Faults) -> dict[str, Any]:
    """Return the object that the file is. Raises `Misconfigured` when it is none, or no JSON at all."""
    try:
        content = content.removeprefix(b"\xef\xbb\xbf")
        msgspec.json.decode(content)  # the stricter of the two; it takes the last of two equal keys without a word
        tree = json.loads(content, object_pairs_hook=_object)
    except RecursionError:
        faults.add("it is nested too deeply")
        raise faults.refuse() from None
    except (msgspec.MsgspecError, ValueError):
        faults.add("it is no JSON in UTF-8, or holds a number nobody can store: is it cut off?")
        raise faults.refuse() from None
    if not isinstance(tree, dict):
        faults.add(f"it is no JSON object, as {mapping.format} sends it")
        raise faults.refuse()
    return tree


def items(found: Any, where: str, faults: Faults, *, folded: bool = False) -> Sequence[Item]:
    """Return the elements of a list as rows. Raises `Misconfigured` when it is no list, or one of other things."""
    if not isinstance(found, list):
        faults.add(f"`{where}` is no list")
        raise faults.refuse()
    for number, each in enumerate(found, start=1):
        if not isinstance(each, dict):
            faults.add(f"`{where}` holds something that is no object", number)
    if faults.found:
        raise faults.refuse()
    return [Item(number, each, folded) for number, each in enumerate(found, start=1)]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        found[name] = DOUBLED if name in found else value
    return found


def _text(value: Any) -> str:
    """Return a value as a cell; an empty list is nothing, as RFC 7643, section 2.5, has it. Raises `ValueError`."""
    match value:
        case None | []:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            if abs(value) >= 10**CELL_LENGTH:
                raise ValueError(f"is longer than {CELL_LENGTH} characters")
            return str(value)
        case float():
            if value.is_integer():
                raise ValueError("is a whole number written as a fraction: its last digits may be lost")
            return repr(value)
        case _:
            raise ValueError("is no single value: the path leads to an object or a list")
