"""Who asked to undo a run, why and when: rows beside the run's chain of evidence, written together with its record."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from lifecycle.core.evidence import Tag
from lifecycle.errors import Lost
from lifecycle.ports import Insert, Records
from lifecycle.records import ledger
from lifecycle.records.keys import instant, pack, unpack

_ROWS = "u-"
"""Behind the chain's records and its head."""


@dataclass(frozen=True, slots=True)
class Undoing:
    """One request to undo a run; what is given back because of it is given in the name of `by`."""

    run: str
    by: str
    because: str
    at: datetime


async def enter(records: Records, asked: Undoing, *, people: int, at: datetime) -> None:
    """Write the request down in the ledger, once, however often its message comes. Raises as `ledger.enter` does."""
    partition, row = ledger.partition_of(_chain(asked.run)), _row(asked)
    if await records.read(partition, row) is not None:
        return
    detail = {"by": asked.by, "because": asked.because, "asked": asked.at.isoformat(), "people": people}
    try:
        await ledger.enter(
            records,
            _chain(asked.run),
            Tag.UNDO_REQUESTED,
            detail,
            Insert(row, pack(asked)),
            at=at,
            cause=f"undo:{asked.run}",
        )
    except Lost:
        if await records.read(partition, row) is None:
            raise


async def latest(records: Records, run: str) -> Undoing | None:
    """Return the last request to undo a run, None when there is none."""
    rows = await records.rows(ledger.partition_of(_chain(run)), after=_ROWS)
    return unpack(Undoing, rows[-1].value) if rows else None


def _chain(run: str) -> str:
    return f"run:{run}"


def _row(asked: Undoing) -> str:
    return f"{_ROWS}{instant(asked.at)}-{hashlib.sha256(pack((asked.by, asked.because))).hexdigest()[:16]}"
