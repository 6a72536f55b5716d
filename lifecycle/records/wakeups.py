"""Who must be looked at when: an index by time over the instant that each dossier holds.

A person's new entry is written before the old one goes, so a crash leaves one too many, never one too few. Sixteen
partitions (`wake-0` … `wake-f`) keep the index from having a hot end.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from lifecycle.ports import Delete, Put, Records
from lifecycle.records.dossier import Dossier, put_wake
from lifecycle.records.keys import at_instant, instant, safe

_SHARDS = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class WakeUp:
    """A person and the instant at which something about them changes."""

    person: str
    at: datetime


async def set_wake(dossier: Dossier, at: datetime | None) -> None:
    """Make `at` the person's next moment (None: there is none)."""
    before = dossier.wake
    if before == at:
        return
    shard = f"wake-{_shard(dossier.person)}"
    if at is not None:
        await dossier.records.write(shard, [Put(_key(dossier.person, at), dossier.person.encode())])
    await dossier.remember(put_wake(dossier, at))
    if before is not None:
        await dossier.records.write(shard, [Delete(_key(dossier.person, before))])


async def due(records: Records, until: datetime) -> list[WakeUp]:
    """Return everybody whose moment is at or before `until`, earliest first."""
    found: list[WakeUp] = []
    end = instant(until + timedelta(microseconds=1))
    for shard in _SHARDS:
        rows = await records.rows(f"wake-{shard}", before=end)
        found += [WakeUp(row.value.decode(), at_instant(row.key.split("-", 1)[0])) for row in rows]
    return sorted(found, key=lambda wake: (wake.at, wake.person))


async def forget(records: Records, wake: WakeUp) -> None:
    """Drop an entry that its dossier no longer holds (left by a crash between two writes)."""
    await records.write(f"wake-{_shard(wake.person)}", [Delete(_key(wake.person, wake.at))])


def _key(person: str, at: datetime) -> str:
    return f"{instant(at)}-{safe(person)}"


def _shard(person: str) -> str:
    return hashlib.sha256(person.encode()).hexdigest()[0]
