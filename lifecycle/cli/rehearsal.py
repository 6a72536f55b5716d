"""Does what the app would do, on records that forget it: the dry runs of sweeps, of adopting, of a project's close.

The verbs themselves run here, up to and including the guard, so a dry run cannot differ from the run by being another
program. Nothing reaches the store, no message goes, and `apply`, which alone posts to Graph, is never called.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import batched

from lifecycle.core.plan import ChangeStep
from lifecycle.core.work import Check
from lifecycle.errors import LifecycleError, Lost
from lifecycle.look import Look, look
from lifecycle.ports import Change, Delete, Insert, Message, Ports, Put, Queue, Records, Replace, Row
from lifecycle.withhold import permitted

AT_ONCE = 8
"""Looks side by side: Graph answers each in a fifth of a second."""


class Imagined:
    """Implements `Records` over others: reads through them, and keeps to itself what is written."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._written: dict[str, dict[str, Row | None]] = {}
        self._etags = 0

    async def read(self, partition: str, key: str) -> Row | None:
        """Return the row as imagined, else as it is."""
        mine = self._written.get(partition, {})
        return mine[key] if key in mine else await self._records.read(partition, key)

    async def rows(self, partition: str, *, after: str = "", before: str = "", limit: int = 0) -> list[Row]:
        """Return the rows as imagined, else as they are."""
        mine = self._written.get(partition)
        if not mine:
            return await self._records.rows(partition, after=after, before=before, limit=limit)
        there = await self._records.rows(partition, after=after, before=before)
        found: dict[str, Row | None] = {row.key: row for row in there}
        found |= {key: row for key, row in mine.items() if after <= key and (not before or key < before)}
        rows = [row for _, row in sorted(found.items()) if row is not None]
        return rows[:limit] if limit else rows

    async def write(self, partition: str, changes: Sequence[Change]) -> dict[str, str]:
        """Imagine the changes, all or none, on the port's conditions. Raises `Lost`."""
        there = {change.key: await self._records.read(partition, change.key) for change in changes}
        mine = self._written.setdefault(partition, {})
        for change in changes:
            self._check(change, mine.get(change.key, there[change.key]))
        etags = {}
        for change in changes:
            if isinstance(change, Delete):
                mine[change.key] = None
                continue
            self._etags += 1
            etags[change.key] = f"imagined-{self._etags}"
            mine[change.key] = Row(change.key, change.value, etags[change.key])
        return etags

    def forget(self, *, but: str) -> None:
        """Forget what was imagined except in partitions whose names begin so: what long work does not read again."""
        self._written = {name: rows for name, rows in self._written.items() if name.startswith(but)}

    @staticmethod
    def _check(change: Change, now: Row | None) -> None:
        match change:
            case Insert():
                good = now is None
            case Replace(etag=etag):
                good = now is not None and now.etag == etag
            case Delete(etag=etag):
                good = etag is None or (now is not None and now.etag == etag)
            case Put():
                good = True
        if not good:
            raise Lost(f"row {change.key}: it was moved in between")


class _Silent:
    """Implements `Bus`: nothing goes."""

    async def send(self, queue: Queue, messages: Sequence[Message], *, at: datetime | None = None) -> None:
        """Send nothing."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """Implements `Clock`: it stands at the instant for which a look was asked."""

    at: datetime

    def now(self) -> datetime:
        """Return the instant."""
        return self.at


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a look would find, which of its steps the guard would withhold, and why."""

    seen: Look
    held: tuple[ChangeStep, ...] = ()
    why: str = ""


def imagined(ports: Ports) -> Ports:
    """Return ports on which the verbs may run without a trace."""
    return replace(ports, records=Imagined(ports.records), bus=_Silent())


async def rehearse(
    checks: Sequence[Check], ports: Ports, *, at: Mapping[str, datetime] | None = None
) -> AsyncIterator[tuple[str, Rehearsed | LifecycleError]]:
    """Yield, for each check in order, what it would come to on `ports`, which are `imagined` ones.

    `at` says for whom the look is scheduled later than now. One who cannot be looked at does not hide the others.
    """
    for some in batched(checks, AT_ONCE, strict=False):
        worlds = [_at(check.person, ports, at or {}) for check in some]
        looks = await asyncio.gather(*(_look(check, world) for check, world in zip(some, worlds, strict=True)))
        for check, world, seen in zip(some, worlds, looks, strict=True):
            yield check.person, seen if isinstance(seen, LifecycleError) else await guarded(seen, check, world)


def _at(person: str, ports: Ports, at: Mapping[str, datetime]) -> Ports:
    later = at.get(person)
    return ports if later is None or later <= ports.clock.now() else replace(ports, clock=_Standing(later))


async def _look(check: Check, ports: Ports) -> Look | LifecycleError:
    try:
        return await look(check.person, ports, cause=check.cause, settle=True, recheck=check.recheck)
    except LifecycleError as error:
        return error


async def guarded(seen: Look, check: Check, ports: Ports) -> Rehearsed | LifecycleError:
    """Ask the guard, one person after the other: what one would reserve, the next finds taken.

    `ports` are `imagined` ones.
    """
    if seen.match is None:
        return Rehearsed(seen)
    try:
        allowed = await permitted(seen, check, ports)
    except LifecycleError as error:
        return error
    held = tuple(step for step in seen.plan.changes if step not in allowed)
    why = seen.dossier.withheld.text if held and seen.dossier.withheld is not None else ""
    return Rehearsed(seen, held, why)
