"""When each timer last ran, and how that ended: one row a timer, in the partition `heartbeats`."""

from dataclasses import dataclass
from datetime import datetime

from lifecycle.ports import Put, Records
from lifecycle.records.keys import pack, safe, unpack


@dataclass(frozen=True, slots=True)
class Beat:
    """A timer's last run: when it began, how long it took in seconds, and what went wrong (empty when nothing did)."""

    timer: str
    at: datetime
    took: float = 0.0
    fault: str = ""


async def beat(records: Records, one: Beat) -> None:
    """Keep a timer's run in place of its last one."""
    await records.write("heartbeats", [Put(safe(one.timer), pack(one))])


async def beats(records: Records) -> list[Beat]:
    """Return the last run of each timer that ever ran."""
    return [unpack(Beat, row.value) for row in await records.rows("heartbeats")]
