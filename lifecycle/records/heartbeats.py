"""When each timer last ran, and how that ended: one row a timer, in the partition `heartbeats`.

Of which standstill somebody was told is in the partition `stalled`.
"""

from dataclasses import dataclass
from datetime import datetime

from lifecycle.ports import Put, Records
from lifecycle.records.keys import pack, safe, unpack


@dataclass(frozen=True, slots=True)
class Beat:
    """A timer's last run: when it began, how long it took in seconds, and what went wrong (empty when nothing did).

    `every` is how many seconds after the run before it began, 0 for the first.
    """

    timer: str
    at: datetime
    took: float = 0.0
    fault: str = ""
    every: float = 0.0


async def beat(records: Records, one: Beat) -> None:
    """Keep a timer's run in place of its last one."""
    await records.write("heartbeats", [Put(safe(one.timer), pack(one))])


async def beats(records: Records) -> list[Beat]:
    """Return the last run of each timer that ever ran."""
    return [unpack(Beat, row.value) for row in await records.rows("heartbeats")]


async def last(records: Records, timer: str) -> Beat | None:
    """Return a timer's last run, None before the first."""
    row = await records.read("heartbeats", safe(timer))
    return None if row is None else unpack(Beat, row.value)


async def told_of(records: Records, timer: str) -> datetime | None:
    """Return after which run the timer stood still when somebody was last told of it."""
    row = await records.read("stalled", safe(timer))
    return None if row is None else unpack(datetime, row.value)


async def note_told(records: Records, timer: str, at: datetime) -> None:
    """Note that somebody was told that the timer stands still since its run at that instant."""
    await records.write("stalled", [Put(safe(timer), pack(at))])
