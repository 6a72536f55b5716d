"""The sandbox's time: flows with the machine's, and can be moved forward in two ways.

`advance` lives through the time: every Graph delivery, scheduled message and timer tick happens at its instant, in
order, and the next only when the work of the one before has ended. `jump` loses the time, as an outage does.

This is the only thing that moves the clock or ticks a timer, one movement at a time: so nothing happens twice.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sandbox.clock import MovableClock
from sandbox.errors import StillBusyError
from sandbox.queues import CONSUMED

_LOOK_SECONDS = 0.5
"""How often the flow looks for what is due when nothing is due sooner; new messages may be scheduled meanwhile."""
_POLL_SECONDS = (0.002, 0.05)
"""The first and the longest pause between two looks at whether all is quiet."""


class Counts(Protocol):
    """What is in a queue."""

    @property
    def active(self) -> int:
        """Messages that can be taken."""

    @property
    def locked(self) -> int:
        """Messages in somebody's hands."""


class Bus(Protocol):
    """The broker, as far as time is concerned."""

    def next_due(self) -> float | None:
        """Return when the next scheduled message is due, in seconds since 1970."""

    def wake(self) -> None:
        """Release what is due by now."""

    def counts(self, name: str, /) -> Counts:
        """Return a queue's counts."""


class Directory(Protocol):
    """The tenant, as far as time is concerned."""

    def next_due(self, *, ends: bool) -> datetime | None:
        """Return when the next request moves on, or (with `ends`) an assignment ends."""

    def settle(self) -> object:
        """Let everything happen that is due by now."""

    def in_transit(self) -> int:
        """Return how many requests are not in a final state."""


class Host(Protocol):
    """The Functions host, as far as time is concerned."""

    def next_due(self) -> datetime | None:
        """Return when the next timer is due."""

    async def tick(self, now: datetime, *, past_due: bool = False, wait: bool = False) -> "Running":
        """Run the timers due at or before `now`."""

    async def refresh(self) -> "Running":
        """Say what is running."""


class Running(Protocol):
    """A host's answer."""

    @property
    def running(self) -> dict[str, int]:
        """How many calls run now, by function."""


@dataclass(slots=True)
class Timeline:
    """Moves the clock, and runs what falls due on the way."""

    clock: MovableClock
    bus: Bus
    directory: Directory
    host: Host
    _moving: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def advance(self, by: timedelta, limit: timedelta) -> None:
        """Live through `by`; raise `StillBusyError`, with the clock where it stands, when one step lasts over `limit`.

        `limit` is real time.
        """
        async with self._moving:
            target = self.clock.now() + by
            await self.quiet(limit)
            while (due := self._next_due()) is not None and due <= target:
                self.clock.move_to(due)
                if await self._happen(due, limit) or self._waiting():
                    await self.quiet(limit)
            self.clock.move_to(target)

    async def jump(self, by: timedelta) -> None:
        """Lose `by`: then every timer that missed a tick has one, past due, and overdue messages are all released."""
        async with self._moving:
            self.clock.move_to(self.clock.now() + by)
            self.directory.settle()
            await self.host.tick(self.clock.now(), past_due=True, wait=True)
            self.bus.wake()

    @contextlib.asynccontextmanager
    async def flowing(self) -> AsyncIterator[asyncio.Task[None]]:
        """Let things happen as time flows, inside the block; the task ends only by an error."""
        flow = asyncio.create_task(self._flow())
        try:
            yield flow
        finally:
            flow.cancel()
            await asyncio.gather(flow, return_exceptions=True)

    async def quiet(self, limit: timedelta) -> None:
        """Return when no message waits or is in hand and no function runs; raise `StillBusyError` after `limit`."""
        await self._until_nothing(limit, transit=False)

    async def idle(self, limit: timedelta) -> None:
        """Return when all is quiet and nothing is in transit in the directory; raise `StillBusyError` after `limit`."""
        await self._until_nothing(limit, transit=True)

    async def _until_nothing(self, limit: timedelta, *, transit: bool) -> None:
        loop = asyncio.get_running_loop()
        deadline, (pause, longest) = loop.time() + limit.total_seconds(), _POLL_SECONDS
        while busy := await self._busy(transit=transit):
            if loop.time() >= deadline:
                raise StillBusyError(busy)
            await asyncio.sleep(min(pause, max(deadline - loop.time(), 0)))
            pause = min(pause * 2, longest)

    async def _busy(self, *, transit: bool) -> dict[str, int]:
        """Return what goes on. The host is asked before the queues, where a call that has ended left its messages."""
        running = (await self.host.refresh()).running
        self.bus.wake()  # what is due counts, also in the moment before it is released
        in_transit = self.directory.in_transit() if transit else 0
        busy = {f"function {name}": count for name, count in running.items()} | self._waiting()
        return busy | ({"in transit": in_transit} if in_transit else {})

    def _waiting(self) -> dict[str, int]:
        counts = {name: self.bus.counts(name) for name in CONSUMED}
        return {
            f"queue {name}": found.active + found.locked
            for name, found in counts.items()
            if found.active + found.locked
        }

    def _next_due(self) -> datetime | None:
        released = self.bus.next_due()
        instants = (
            self.directory.next_due(ends=True),
            None if released is None else datetime.fromtimestamp(released, UTC),
            self.host.next_due(),
        )
        return min((instant for instant in instants if instant is not None), default=None)

    async def _happen(self, due: datetime, limit: timedelta | None = None) -> dict[str, int]:
        """Let happen what is due; with a limit, until the ticks have ended. Return what the host ran on, if asked."""
        self.directory.settle()
        self.bus.wake()
        ticking = self.host.next_due()
        if ticking is None or ticking > due:
            return {}
        if limit is None:
            return (await self.host.tick(due)).running
        try:
            async with asyncio.timeout(limit.total_seconds()):
                return (await self.host.tick(due, wait=True)).running
        except TimeoutError:
            raise StillBusyError({"timer tick": 1}) from None

    async def _flow(self) -> None:
        while True:
            async with self._moving:
                due = self._next_due()
                if due is not None and due <= (now := self.clock.now()):
                    await self._happen(now)
                    due = self._next_due()
            ahead = _LOOK_SECONDS if due is None else (due - self.clock.now()).total_seconds()
            await asyncio.sleep(min(max(ahead, 0.01), _LOOK_SECONDS))
