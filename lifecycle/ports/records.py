"""Rows in partitions, which everything we remember is kept in: three operations, conditional by etag."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Row(NamedTuple):
    """One stored row: `value` is at most 60 KiB, `etag` changes at every write.

    A tuple, since a sweep reads a million of them.
    """

    key: str
    value: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Insert:
    """Write a row that must not be there yet."""

    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Replace:
    """Write a row that must still have `etag`."""

    key: str
    value: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Put:
    """Write a row, whatever is there."""

    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a row; with an `etag` only while it still has it. An absent row is fine without one."""

    key: str
    etag: str | None = None


type Change = Insert | Replace | Put | Delete


class Records(Protocol):
    r"""Partitions of rows, ordered by key (code point order), each row with an ETag.

    Keys and partition names are printable text without `/ \\ # ?` and control characters, at most 500 characters.
    """

    async def read(self, partition: str, key: str) -> Row | None:
        """Return the row, or None where there is none."""
        ...

    async def rows(self, partition: str, *, after: str = "", before: str = "", limit: int = 0) -> list[Row]:
        """Return the rows with `after <= key < before` in key order; empty bounds are open, limit 0 is no limit."""
        ...

    async def write(self, partition: str, changes: Sequence[Change]) -> dict[str, str]:
        """Make all changes of one partition or none, at most 100, one per key; return the new etags by key.

        Raises `Lost` when an `Insert` finds a row, or a `Replace` or `Delete` with an etag finds another or none.
        """
        ...
