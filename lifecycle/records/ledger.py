"""Chains of evidence as rows: how one is kept, extended and read, whoever it belongs to.

A chain lies in one partition: its records (`c-…`), then its head (`d`). A person's chain shares the partition with the
person's state (`records.dossier`); a run and an operator, which are causes without a person, have partitions of their
own (`chain-…`), which `enter` writes. Nothing here decides what is worth a record.
"""

from dataclasses import dataclass
from datetime import datetime

from lifecycle.core.evidence import GENESIS, Detail, Record, Tag, parse
from lifecycle.errors import Lost
from lifecycle.ports import Change, Insert, Records, Replace, Row
from lifecycle.records.keys import pack, safe, unpack

HEAD = "d"
"""The head's key: behind the chain's (`c-`), before all other state, because a store may return the rows of one read
page by page, and a head that was read after the state would guard a state that it does not belong to."""

_ATTEMPTS = 20
"""How often a record is offered to a head that keeps moving; each loss means that another writer got on."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain; `etag` is empty before the first record."""

    length: int = 0
    hash: str = GENESIS
    etag: str = ""


def head_from(row: Row) -> Head:
    """Read a head's row."""
    content = unpack(dict[str, int | str], row.value)
    return Head(int(content["length"]), str(content["hash"]), row.etag)


async def head_of(records: Records, partition: str) -> Head:
    """Return where the chain of a partition ends now."""
    row = await records.read(partition, HEAD)
    return Head() if row is None else head_from(row)


async def extend(records: Records, partition: str, head: Head, record: Record, *changes: Change) -> Head:
    """Write the record behind `head`, with what changes together with it, and return the new head.

    Raises `Lost` when the chain does not end there any more.
    """
    value = pack({"length": record.number, "hash": record.hash})
    moved = Replace(HEAD, value, head.etag) if head.etag else Insert(HEAD, value)
    entry = Insert(f"c-{record.number:010d}", record.canonical())
    etags = await records.write(partition, [moved, entry, *changes])
    return Head(record.number, record.hash, etags[HEAD])


async def chain_in(records: Records, partition: str, *, after: int = 0, limit: int = 0) -> list[Record]:
    """Return the records of a partition's chain in order, from the one behind `after` on, `limit` of them (0: all)."""
    rows = await records.rows(partition, after=f"c-{after + 1:010d}", before=HEAD, limit=limit)
    return [parse(row.value) for row in rows]


def partition_of(chain: str) -> str:
    """Return the partition of a chain that belongs to no person."""
    return f"chain-{safe(chain)}"


async def enter(
    records: Records, chain: str, tag: Tag, detail: Detail, *changes: Change, at: datetime, cause: str
) -> Record:
    """Write a record at the end of a chain that belongs to no person (`run:…`, `operator:…`), wherever that is now.

    Raises `Lost` when the chain kept moving, and what the store raises when it cannot be written.
    """
    partition = partition_of(chain)
    for _ in range(_ATTEMPTS):
        head = await head_of(records, partition)
        record = Record(chain, head.length + 1, head.hash, at, tag, cause, dict(detail))
        try:
            await extend(records, partition, head, record, *changes)
        except Lost:
            continue
        return record
    raise Lost(f"chain {chain}: the record of {cause} could not be written, the chain kept moving")
