"""The app's timers: what is due, and one run for each due instant.

This module has no clock. Whoever moves the sandbox's clock says up to which instant the timers are due, so ticks come
in order, none comes twice, and a skipped stretch of time costs one late tick and not hundreds.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sandbox.host import payload
from sandbox.host.triggers import TimerTrigger
from sandbox.host.worker import Worker

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Timer:
    """One timer's state: when it last ran and when it is due next (both in UTC)."""

    trigger: TimerTrigger
    next: datetime
    last: datetime | None = None
    running: asyncio.Task[object] | None = None

    @property
    def busy(self) -> bool:
        """Whether the last tick is still running. The real host never overlaps a timer with itself."""
        return self.running is not None and not self.running.done()


@dataclass(slots=True)
class Timers:
    """All timers of the app."""

    worker: Worker
    timers: list[Timer] = field(default_factory=list)

    @classmethod
    def starting(cls, worker: Worker, triggers: Iterable[TimerTrigger], now: datetime) -> "Timers":
        """Return timers that are first due after `now`: a fresh start has missed nothing."""
        return cls(worker, [Timer(trigger, trigger.schedule.next_after(now)) for trigger in triggers])

    def fire(self, now: datetime, *, past_due: bool = False) -> list[asyncio.Task[object]]:
        """Start every timer due at or before `now`, once, in the order they are due, and return the running ticks.

        Instants before `now` that a timer has missed are skipped, and so is one that finds its last tick still running.
        """
        due = sorted((timer for timer in self.timers if timer.next <= now), key=lambda timer: timer.next)
        return [task for timer in due if (task := self._tick(timer, now, past_due=past_due)) is not None]

    def _tick(self, timer: Timer, now: datetime, *, past_due: bool) -> asyncio.Task[object] | None:
        trigger, due, last = timer.trigger, timer.next, timer.last
        timer.next = trigger.schedule.next_after(now)
        if timer.busy:
            _log.warning("timer %s is still running and skips its tick of %s", trigger.function, due.isoformat())
            return None
        timer.last = due
        data = payload.timer(due=due, following=timer.next, last=last, past_due=past_due)
        timer.running = asyncio.create_task(self.worker.invoke(trigger.function, trigger.parameter, data, {}))
        return timer.running
