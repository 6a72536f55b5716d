"""Which instances are writing to Graph just now: a lease for each. Partition `instances`, a row an instance.

An instance that dies leaves its row behind until it expires; nothing but the pace depends on it.
"""

from contextlib import suppress
from datetime import datetime, timedelta

from lifecycle.errors import Lost
from lifecycle.ports import Delete, Put, Records
from lifecycle.records.keys import at_instant, instant, safe

LASTS = timedelta(seconds=60)

_PARTITION = "instances"


async def renew(records: Records, instance: str, now: datetime) -> int:
    """Take or renew the instance's lease and return how many live ones there are, this one included.

    The row is written before the others are read, so of two that come at once at least one sees the other.
    """
    await records.write(_PARTITION, [Put(safe(instance), instant(now + LASTS).encode())])
    live = 0
    for row in await records.rows(_PARTITION):
        if at_instant(row.value.decode()) > now:
            live += 1
        else:
            with suppress(Lost):  # it was renewed meanwhile
                await records.write(_PARTITION, [Delete(row.key, row.etag)])
    return live


async def release(records: Records, instance: str) -> None:
    """Give the lease up, so that the others need not wait for its end."""
    await records.write(_PARTITION, [Delete(safe(instance))])
