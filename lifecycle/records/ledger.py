"""Chains of evidence as rows: how one is kept, extended and read, whoever it belongs to.

A chain lies in one partition: its records (`c-…`), then its head (`d`). A person's chain shares the partition with the
person's state (`records.dossier`); a run and an operator, which are causes without a person, have partitions of their
own (`chain-…`), which `enter` writes. Before a chain's first record of a day it is marked as one that moved
(`records.moved`), for the seal. Nothing here decides what is worth a record.
"""

from dataclasses import dataclass
from datetime import datetime

from lifecycle.core.evidence import GENESIS, Detail, Record, Tag, parse
from lifecycle.errors import Lost
from lifecycle.ports import Change, Insert, Records, Replace, Row
from lifecycle.records import moved
from lifecycle.records.keys import pack, safe, unpack

HEAD = "d"
"""The head's key: behind the chain's (`c-`), before all other state, because a store may return the rows of one read
page by page, and a head that was read after the state would guard a state that it does not belong to."""

_ATTEMPTS = 20
"""How often a record is offered to a head that keeps moving; each loss means that another writer got on."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain, and for which day it was last marked as moved; `etag` is empty before the first record."""

    length: int = 0
    hash: str = GENESIS
    etag: str = ""
    day: str = ""


def head_from(row: Row) -> Head:
    """Read a head's row."""
    content = unpack(dict[str, int | str], row.value)
    return Head(int(content["length"]), str(content["hash"]), row.etag, str(content.get("day", "")))


async def head_of(records: Records, partition: str) -> Head:
    """Return where the chain of a partition ends now."""
    row = await records.read(partition, HEAD)
    return Head() if row is None else head_from(row)


async def extend(records: Records, partition: str, head: Head, record: Record, *changes: Change) -> Head:
    """Write the record behind `head`, with what changes together with it, and return the new head.

    Raises `Lost` when the chain does not end there any more.
    """
    day = moved.day_of(record.at)
    if head.day != day:
        await moved.mark(records, partition, record.at, new=not head.day)
    value = pack({"length": record.number, "hash": record.hash, "day": day})
    end = Replace(HEAD, value, head.etag) if head.etag else Insert(HEAD, value)
    entry = Insert(key_of(record.number), record.canonical())
    etags = await records.write(partition, [end, entry, *changes])
    return Head(record.number, record.hash, etags[HEAD], day)


def key_of(number: int) -> str:
    """Return the key of a chain's record."""
    return f"c-{number:010d}"


def number_in(key: str) -> int:
    """Return the number of the record that a key is of, 0 when it is of none."""
    digits = key.removeprefix("c-")
    return int(digits) if digits.isascii() and digits.isdigit() and key_of(int(digits)) == key else 0


async def beside(records: Records, partition: str, head: Head, *changes: Change) -> Head:
    """Write what is no evidence, provided that the chain still ends at `head`; return the head as it is then.

    Raises `Lost` when the chain does not end there any more.
    """
    value = pack({"length": head.length, "hash": head.hash, "day": head.day})
    kept = Replace(HEAD, value, head.etag) if head.etag else Insert(HEAD, value)
    etags = await records.write(partition, [kept, *changes])
    return Head(head.length, head.hash, etags[HEAD], head.day)


async def chain_in(records: Records, partition: str, *, after: int = 0, limit: int = 0) -> list[Record]:
    """Return the records of a partition's chain in order, from the one behind `after` on, `limit` of them (0: all)."""
    rows = await records.rows(partition, after=key_of(after + 1), before=HEAD, limit=limit)
    return [parse(row.value) for row in rows]


def run_chain(run: str) -> str:
    """Return the chain of a run."""
    return f"run:{run}"


def belongs(chain: str, partition: str) -> bool:
    """Whether records that say they are of a chain may stand in a partition."""
    return partition in {partition_of_person(chain), partition_of(chain)}


def partition_of_person(person: str) -> str:
    """Return the partition of a person's chain and state."""
    return f"person-{safe(person)}"


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


async def enter_once(
    records: Records, chain: str, tag: Tag, detail: Detail, *, once: str, at: datetime, cause: str
) -> Record:
    """Write a record as `enter` does, unless the one that `once` names is there already; return that which is there.

    For work whose message may come again: however often, and by however many at the same time, the chain has it once.
    """
    partition, mark = partition_of(chain), f"o-{safe(once)}"
    for _ in range(_ATTEMPTS):
        if (there := await entered(records, chain, once)) is not None:
            return there
        head = await head_of(records, partition)
        record = Record(chain, head.length + 1, head.hash, at, tag, cause, dict(detail))
        try:
            await extend(records, partition, head, record, Insert(mark, pack(record.number)))
        except Lost:
            continue
        return record
    raise Lost(f"chain {chain}: the record of {cause} could not be written, the chain kept moving")


async def entered(records: Records, chain: str, once: str) -> Record | None:
    """Return the record that was entered once under that name."""
    partition = partition_of(chain)
    mark = await records.read(partition, f"o-{safe(once)}")
    if mark is None:
        return None
    row = await records.read(partition, key_of(unpack(int, mark.value)))
    return None if row is None else parse(row.value)
