"""Timers: one run for each due instant, never two at once, and one late run for a stretch that was skipped."""

import asyncio
from datetime import UTC, datetime

import msgspec

from lifecycle.core import ncrontab
from sandbox.host.timers import Timers
from sandbox.host.triggers import TimerTrigger


def at(text):
    return datetime.fromisoformat(f"2026-11-24 {text}").replace(tzinfo=UTC)


class FakeWorker:
    """Notes each tick; a tick lasts while `hold` is cleared."""

    def __init__(self):
        self.ticks = []
        self.hold = asyncio.Event()
        self.hold.set()

    async def invoke(self, name, parameter, data, metadata):
        request = msgspec.json.decode(data[1])
        self.ticks.append((name, request["ScheduleStatus"]["LastUpdated"][11:19], request["IsPastDue"]))
        await self.hold.wait()


def timers(worker, **schedules):
    found = [TimerTrigger(name, "timer", ncrontab.parse(schedule)) for name, schedule in schedules.items()]
    return Timers.starting(worker, found, at("10:00:00"))


async def fire(running, now, **options):
    ticks = running.fire(now, **options)
    await asyncio.gather(*ticks)


async def test_a_due_instant_runs_once():
    """Asking twice for the same instant runs it once, and the next due instant follows."""
    worker = FakeWorker()
    running = timers(worker, wake="0 */5 * * * *")
    for _ in range(2):
        await fire(running, at("10:05:00"))

    assert worker.ticks == [("wake", "10:05:00", False)]
    assert running.timers[0].next == at("10:10:00")


async def test_nothing_is_due_at_the_start():
    """A start at a due instant does not run it: a fresh host has missed nothing."""
    worker = FakeWorker()
    await fire(timers(worker, wake="0 */5 * * * *"), at("10:04:59"))

    assert worker.ticks == []


async def test_several_timers_run_in_the_order_they_are_due():
    """With two timers due, the one due earlier starts first."""
    worker = FakeWorker()
    await fire(timers(worker, late="0 30 10 * * *", early="0 20 10 * * *"), at("10:30:00"))

    assert [name for name, *_ in worker.ticks] == ["early", "late"]


async def test_missed_ticks_cost_one_late_one():
    """After an outage each timer that missed ticks has one, past due, and goes on from now."""
    worker = FakeWorker()
    running = timers(worker, wake="0 */5 * * * *", drift="0 0 2 * * *")
    await fire(running, at("16:02:00"), past_due=True)

    assert worker.ticks == [("wake", "10:05:00", True)]
    assert running.timers[0].next == at("16:05:00")


async def test_a_timer_never_overlaps_with_itself():
    """A tick that comes while the last one runs is skipped, and does not come later."""
    worker = FakeWorker()
    running = timers(worker, wake="0 */5 * * * *")
    worker.hold.clear()
    (first,) = running.fire(at("10:05:00"))
    await asyncio.sleep(0)

    assert running.fire(at("10:10:00")) == []

    worker.hold.set()
    await first
    await fire(running, at("10:15:00"))
    assert [due for _, due, _ in worker.ticks] == ["10:05:00", "10:15:00"]
