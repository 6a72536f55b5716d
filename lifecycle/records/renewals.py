"""Which renewals wait for an approval, over everybody, the nearest end first: for the overview alone.

Partition `renewals`, a row for each that was asked for. It goes when the renewal was decided; what nobody decided goes
once its end has passed. Who was asked what is in the dossiers, which alone decide.
"""

from datetime import datetime

from lifecycle.core.waiting import RenewalDue
from lifecycle.ports import Delete, Put, Records
from lifecycle.records.keys import instant, pack, safe, unpack

_PARTITION = "renewals"
_BATCH = 100


async def wait(records: Records, due: RenewalDue) -> None:
    """Note that a renewal waits."""
    await records.write(_PARTITION, [Put(_key(due), pack(due))])


async def decided(records: Records, due: RenewalDue) -> None:
    """Note that it does not wait any more."""
    await records.write(_PARTITION, [Delete(_key(due))])


async def waiting(records: Records, now: datetime, *, limit: int) -> list[RenewalDue]:
    """Return the renewals that wait, the nearest end first, at most `limit`; drop those whose end has passed."""
    while passed := await records.rows(_PARTITION, before=instant(now), limit=_BATCH):
        await records.write(_PARTITION, [Delete(row.key) for row in passed])
    return [unpack(RenewalDue, row.value) for row in await records.rows(_PARTITION, limit=limit)]


def _key(due: RenewalDue) -> str:
    return f"{instant(due.ends)}-{safe(due.person)}|{safe(due.package)}"
