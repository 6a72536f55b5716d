"""Finds people who left longer ago than what is known of them is kept, and asks for their erasure. Erases nothing.

A sixteenth of all people each night, by the partition they are counted in: whoever is due goes within sixteen days.
"""

from dataclasses import replace
from datetime import datetime

from lifecycle import messages
from lifecycle.core.work import Erase, SweepSlice
from lifecycle.gather import gather
from lifecycle.ports import Ports
from lifecycle.records import facts, people
from lifecycle.records.identities import Identity, identity_of

_SLICE = 500


def shard_of(now: datetime) -> str:
    """Return the partition of people that is this night's."""
    return people.SHARDS[now.toordinal() % len(people.SHARDS)]


async def prune(work: SweepSlice, ports: Ports) -> None:
    """Ask for the erasure of those of a partition who left before the time of keeping, from where `work` begins."""
    now = ports.clock.now()
    before = now - ports.retention
    found = await people.in_shard(ports.records, work.about, after=work.after, limit=_SLICE)
    idle = [one.person for one in found if not (one.employed or one.assignments or one.user)]
    due = [name for name in idle if await left_before(await identity_of(ports.records, name), before, ports)]
    await messages.ask_all(ports.bus, [Erase(name, before=before) for name in due], now=now, mark=work.run)
    if len(found) == _SLICE:
        await messages.ask(ports.bus, replace(work, after=found[-1].person), now=now, mark=work.run)


async def left_before(identity: Identity, before: datetime, ports: Ports) -> bool:
    """Whether somebody's last employment ended before that instant; one of whom no fact is left was being erased."""
    if not any([await facts.anything(ports.records, name) for name in identity.ids]):
        return True
    span = (await gather(identity, ports)).person.last_end(ports.clock.now())
    return span is not None and span.end is not None and span.end < before
