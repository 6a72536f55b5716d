"""Finds out whether a chain is as it was written, and if not, what was done to it and at which record.

Pure, and over stored bytes: a record that reads the same and is written otherwise was altered. What a record really was
is told by others: the record after it holds its hash, a seal does, and the chain's head does as long as nothing else
can. Where several records were tampered with, the first is named.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any

from lifecycle.core.evidence import GENESIS, form_of

_FIELDS = {"chain": str, "number": int, "before": str, "at": str, "tag": str, "cause": str, "detail": dict}


class Kind(StrEnum):
    """What was done."""

    ALTERED = "altered"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    VANISHED = "vanished"
    HEAD = "head"


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of a chain as it is stored: `key` is the number that its key states, 0 when it states none."""

    key: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Point:
    """A chain as seal number `seal` has it."""

    seal: int
    length: int
    head: str


@dataclass(frozen=True, slots=True)
class Break:
    """The first record (`number`) of a chain that is not as it was written.

    `at` is the instant that the record states, empty when it is gone or unreadable. `since` is the first number that it
    may concern, where a chain was rewritten so that it fits together. `text` says what tells.
    """

    kind: Kind
    number: int
    text: str
    at: str = ""
    since: int = 0


@dataclass(frozen=True, slots=True)
class _Item:
    """A stored record: `content` is None unless the bytes are the one form of a record."""

    key: int
    hash: str
    content: Mapping[str, Any] | None

    @property
    def number(self) -> int:
        """Return which record it says it is: its key where it says nothing."""
        return self.key if self.content is None else int(self.content["number"])

    @property
    def before(self) -> str:
        """Return the hash that it holds of the record before."""
        return "" if self.content is None else str(self.content["before"])

    @property
    def at(self) -> str:
        """Return the instant that it states."""
        return "" if self.content is None else str(self.content["at"])


@dataclass(frozen=True, slots=True)
class Chain:
    """What is stored of a chain, in the order of its keys; `owns` tells whether a record may say that it is of a chain.

    `head` is what the head's row says (length and hash), None when there is none; `points` what the seals say, in their
    order.
    """

    owns: Callable[[str], bool]
    rows: Sequence[Stored]
    head: tuple[int, str] | None
    points: Sequence[Point] = ()

    def first_break(self) -> Break | None:
        """Return the first thing that is wrong with the chain, None when nothing is."""
        if not self.rows and self.points:
            return Break(Kind.VANISHED, 1, f"seal {self.points[-1].seal} has {self.points[-1].length} records of it")
        owns = cache(self.owns)
        items = [_item(row, owns) for row in self.rows]
        sealed = {point.length: point for point in self.points}
        sealed |= {point.length: point for point in self.points if not _holds(point, items)}
        before = GENESIS
        for place, item in enumerate(items, start=1):
            point = sealed.get(place)
            fits = item.content is not None and item.key == item.number == place and item.before == before
            if not fits or (point is not None and point.head != item.hash):
                return _diagnosed(place, _Evidence(items, sealed, self.head))
            before = item.hash
        return self._end(len(items), before)

    def _end(self, length: int, last: str) -> Break | None:
        """Return what is wrong behind the last record."""
        longest = max(self.points, key=lambda point: point.length, default=None)
        if longest is not None and length < longest.length:
            return Break(Kind.REMOVED, length + 1, f"seal {longest.seal} has {longest.length} records of the chain")
        if self.head == (length, last) or (self.head is None and not length):
            return None
        says = "there is no head" if self.head is None else f"the head says {self.head[0]} records"
        if self.head is not None and self.head[0] == length:
            says = "the head has another hash of the last record"
        return Break(Kind.HEAD, length, f"{says}, the chain has {length}")


@dataclass(frozen=True, slots=True)
class _Evidence:
    """All that is known of a broken chain; places count from 1."""

    items: Sequence[_Item]
    sealed: Mapping[int, Point]
    head: tuple[int, str] | None

    def item(self, place: int) -> _Item:
        return self.items[place - 1]

    def hash_before(self, place: int) -> str:
        return GENESIS if place == 1 else self.item(place - 1).hash

    def follows(self, place: int) -> bool:
        """Whether a record holds the hash of what is stored before it."""
        return self.item(place).before == self.hash_before(place)

    def confirms(self, place: int, number: int) -> str:
        """Return who says that what is stored at a place is the record of that number, empty when nobody does."""
        digest = self.item(place).hash
        if number in self.sealed:
            return f"seal {self.sealed[number].seal}" if self.sealed[number].head == digest else ""
        if any(item.number == number + 1 and item.before == digest for item in self.items):
            return f"record {number + 1}"
        return "the head" if self.head == (number, digest) else ""


def _item(row: Stored, owns: Callable[[str], bool]) -> _Item:
    content = content_of(row.value)
    if content is not None and not owns(content["chain"]):
        content = None
    return _Item(row.key, hashlib.sha256(row.value).hexdigest(), content)


def content_of(stored: bytes) -> Mapping[str, Any] | None:
    """Return what a record says, None unless the bytes are a record in its one form (`Record.canonical`)."""
    try:
        content = json.loads(stored)
        if not isinstance(content, dict) or content.keys() != _FIELDS.keys():
            return None
        if not all(type(content[name]) is kind for name, kind in _FIELDS.items()):
            return None
        at = datetime.fromisoformat(content["at"]).astimezone(UTC).isoformat()
        same = form_of(content) == stored
    except (ValueError, OverflowError, RecursionError):
        return None
    return content if same and content["at"] == at else None


def _holds(point: Point, items: Sequence[_Item]) -> bool:
    return point.length <= len(items) and items[point.length - 1].hash == point.head


def _diagnosed(place: int, known: _Evidence) -> Break:
    """Return what was done to a chain of which the record at a place is the first that does not fit."""
    numbers = [item.number for item in known.items]
    item = known.item(place)
    if item.number != place and sorted(numbers) == list(range(1, len(numbers) + 1)):
        return Break(Kind.REORDERED, place, f"record {item.number} stands in its place", item.at)
    if twin := _twin(place, known):
        return twin
    if place in numbers[place:]:
        return Break(Kind.INSERTED, place, f"record {place} stands behind it", item.at)
    if place not in numbers and item.number > place and (item.key != place or not known.follows(place)):
        return Break(Kind.REMOVED, place, f"record {item.number} stands in its place")
    if item.number != place or item.key != place:
        return Break(Kind.ALTERED, place, f"it says that it is record {item.number}", item.at)
    return _misfit(place, known)


def _twin(place: int, known: _Evidence) -> Break | None:
    """Return which of two neighbours that say they are the same record was put in."""
    item, number = known.item(place), place - 1
    if not number or item.number != number or known.item(number).number != number or known.follows(place):
        return None
    genuine = known.confirms(place, number)
    if genuine:
        return Break(Kind.INSERTED, number, f"{genuine} names the one behind it", known.item(number).at)
    return Break(Kind.INSERTED, place, f"it says that it is record {number}, like the one before it", item.at)


def _misfit(place: int, known: _Evidence) -> Break:
    """Return what was done to the record at a place or before it: its number is right, its content or hash is not."""
    item = known.item(place)
    if item.content is None:
        return Break(Kind.ALTERED, place, "it is not in the form in which records are written")
    if known.follows(place):
        point = known.sealed[place]
        since = 1 + max((length for length in known.sealed if length < place), default=0)
        return Break(Kind.ALTERED, place, f"seal {point.seal} has another hash of it", item.at, since)
    if known.head is not None and known.head[0] < place and place > max(known.sealed, default=0):
        return Break(Kind.INSERTED, place, f"the head says {known.head[0]} records", item.at)
    if place == 1 or known.confirms(place - 1, place - 1).startswith("seal"):
        return Break(Kind.ALTERED, place, "it does not follow from the record before", item.at)
    who = known.confirms(place, place)
    if who:
        text = f"record {place} holds another hash of it, and {who} confirms that one"
        return Break(Kind.ALTERED, place - 1, text, known.item(place - 1).at)
    return Break(Kind.ALTERED, place, "it does not follow from the record before, and nothing confirms it", item.at)
