"""The timeline: everything that falls due happens in order, and nothing happens twice."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.clock import MovableClock
from sandbox.errors import StillBusyError
from sandbox.timeline import Timeline

SOON = timedelta(seconds=5)
NEVER = timedelta(seconds=0.02)


@dataclass
class Queue:
    active: int = 0
    locked: int = 0


@dataclass
class Story:
    """What happened, as (what, how long after the start)."""

    start: datetime
    entries: list[tuple[str, timedelta]] = field(default_factory=list)

    def note(self, what, instant):
        self.entries.append((what, timedelta(seconds=round((instant - self.start).total_seconds()))))


@dataclass
class FakeBus:
    clock: MovableClock
    story: Story
    scheduled: list[datetime] = field(default_factory=list)
    queues: dict[str, Queue] = field(default_factory=dict)

    def next_due(self):
        return min(self.scheduled).timestamp() if self.scheduled else None

    def wake(self):
        for due in sorted(due for due in self.scheduled if due <= self.clock.now()):
            self.scheduled.remove(due)
            self.story.note("message", due)

    def counts(self, name):
        return self.queues.get(name, Queue())


@dataclass
class FakeDirectory:
    clock: MovableClock
    story: Story
    due: list[datetime] = field(default_factory=list)
    transit: int = 0

    def next_due(self, *, ends):
        assert ends
        return min(self.due, default=None)

    def settle(self):
        for due in sorted(due for due in self.due if due <= self.clock.now()):
            self.due.remove(due)
            self.story.note("delivery", due)

    def in_transit(self):
        return self.transit


@dataclass
class Answer:
    running: dict[str, int]


@dataclass
class FakeHost:
    """One timer with a fixed interval."""

    story: Story
    next: datetime
    interval: timedelta
    running: Counter = field(default_factory=Counter)
    on_tick: list = field(default_factory=list)

    def next_due(self):
        return self.next

    async def tick(self, now, *, past_due=False, wait=False):
        if self.next <= now:
            self.story.note("late tick" if past_due else "tick", self.next)
            while self.next <= now:
                self.next += self.interval
            for act in self.on_tick:
                await act()
        return await self.refresh()

    async def refresh(self):
        return Answer(dict(self.running))


@pytest.fixture
def world(tmp_path):
    clock = MovableClock(tmp_path / "clock")
    start = clock.now()
    story = Story(start)
    host = FakeHost(story, start + timedelta(minutes=5), timedelta(minutes=5))
    return Timeline(clock, FakeBus(clock, story), FakeDirectory(clock, story), host)


def minutes(*numbers):
    return [timedelta(minutes=number) for number in numbers]


async def test_advance_runs_what_falls_due_in_order(world):
    """Ticks, scheduled messages and deliveries happen at their instants, in order, up to the target and no further."""
    start = world.host.story.start
    world.bus.scheduled += [start + one for one in minutes(12, 7, 40)]
    world.directory.due += [start + one for one in minutes(11, 15)]

    await world.advance(timedelta(minutes=15, seconds=30), SOON)

    assert world.host.story.entries == [
        ("tick", timedelta(minutes=5)),
        ("message", timedelta(minutes=7)),
        ("tick", timedelta(minutes=10)),
        ("delivery", timedelta(minutes=11)),
        ("message", timedelta(minutes=12)),
        ("delivery", timedelta(minutes=15)),
        ("tick", timedelta(minutes=15)),
    ]
    assert world.clock.now() - start >= timedelta(minutes=15, seconds=30)


async def test_advance_waits_for_quiet_between(world):
    """The next thing does not happen while a message of the one before is still in somebody's hands."""
    queue, story, working = world.bus.queues.setdefault("work", Queue()), world.host.story, set()

    async def work():
        await asyncio.sleep(0.02)
        story.note("worked", world.clock.now())
        queue.locked = 0

    async def take():
        queue.locked = 1
        working.add(asyncio.create_task(work()))

    world.host.on_tick.append(take)
    await world.advance(timedelta(minutes=11), SOON)

    assert [what for what, _ in story.entries] == ["tick", "worked", "tick", "worked"]


async def test_what_a_tick_schedules_is_part_of_the_advance(world):
    """A message that a tick schedules within the target is released at its own instant."""
    start = world.host.story.start

    async def schedule():
        world.bus.scheduled.append(world.clock.now() + timedelta(minutes=2))
        world.host.on_tick.clear()

    world.host.on_tick.append(schedule)
    await world.advance(timedelta(minutes=8), SOON)

    assert world.host.story.entries == [("tick", timedelta(minutes=5)), ("message", timedelta(minutes=7))]
    assert start + timedelta(minutes=8) <= world.clock.now()


async def test_an_advance_that_cannot_get_quiet_says_what_is_busy(world):
    """When work does not end, the advance stops where it is and names the queue."""
    world.bus.queues["work"] = Queue(active=2)

    with pytest.raises(StillBusyError) as caught:
        await world.advance(timedelta(minutes=8), NEVER)

    assert caught.value.busy == {"queue work": 2}
    assert world.host.story.entries == []


async def test_jump_costs_one_late_tick_and_then_releases_everything(world):
    """After an outage there is one tick, past due, and then all overdue messages."""
    start = world.host.story.start
    world.bus.scheduled += [start + one for one in minutes(12, 7, 2000)]

    await world.jump(timedelta(days=1))

    assert world.host.story.entries == [
        ("late tick", timedelta(minutes=5)),
        ("message", timedelta(minutes=7)),
        ("message", timedelta(minutes=12)),
    ]


async def test_time_flows_by_itself(world):
    """Without anybody's doing, what falls due as real time passes happens once."""
    world.host.next = world.clock.now() + timedelta(seconds=0.05)
    async with world.flowing():
        async with asyncio.timeout(5):
            while not world.host.story.entries:  # noqa: ASYNC110  real time is what is tested
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)

    assert [what for what, _ in world.host.story.entries] == ["tick"]


@pytest.mark.parametrize(
    ("queue", "busy"),
    [
        (Queue(active=1), {"queue hr": 1}),
        (Queue(locked=1), {"queue hr": 1}),
    ],
)
async def test_idle_waits_for_messages(world, queue, busy):
    """A message that can be taken, or is in hand, is work."""
    world.bus.queues["hr"] = queue

    with pytest.raises(StillBusyError) as caught:
        await world.idle(NEVER)
    assert caught.value.busy == busy


async def test_idle_waits_for_functions_and_the_directory(world):
    """A running function and a request in transit are work; only the first keeps an advance waiting."""
    world.directory.transit = 3
    await world.quiet(NEVER)
    world.host.running["drift"] = 1

    with pytest.raises(StillBusyError) as caught:
        await world.idle(NEVER)
    assert caught.value.busy == {"function drift": 1, "in transit": 3}


@pytest.mark.parametrize("name", ["notices", "quarantine"])
async def test_what_the_app_does_not_consume_is_not_waited_for(world, name):
    """Messages in the app's own output queues stay there."""
    world.bus.queues[name] = Queue(active=9)

    await world.idle(NEVER)


async def test_a_tick_that_hangs_ends_the_advance(world):
    """A tick that lasts longer than the limit ends the advance and not the sandbox."""
    world.host.on_tick.append(asyncio.Event().wait)

    with pytest.raises(StillBusyError, match="timer tick"):
        await world.advance(timedelta(minutes=6), NEVER)


def test_the_clock_only_moves_forward(tmp_path):
    """An instant that has passed does not move the clock back."""
    clock = MovableClock(tmp_path / "clock")
    clock.move_to(datetime(2100, 1, 1, tzinfo=UTC))
    clock.move_to(datetime(2000, 1, 1, tzinfo=UTC))

    assert clock.now() >= datetime(2100, 1, 1, tzinfo=UTC)


def test_the_clock_goes_on_where_its_file_left_off(tmp_path):
    """A sandbox started again on the same records does not go back in time."""
    MovableClock(tmp_path / "clock").move_to(datetime(2100, 1, 1, tzinfo=UTC))

    assert MovableClock(tmp_path / "clock").now() >= datetime(2100, 1, 1, tzinfo=UTC)


async def test_movements_do_not_interleave(world):
    """Two advances at once run one after the other, so every tick comes once."""
    await asyncio.gather(*(world.advance(timedelta(minutes=10), SOON) for _ in range(2)))

    assert [after for _, after in world.host.story.entries] == minutes(5, 10, 15, 20)
