"""The shared rate, on a loop whose time passes only while everybody waits: exact, and no real waiting."""

import asyncio

import pytest

from lifecycle.errors import Throttled, Transient
from lifecycle.pace import FURTHEST, SharedPace
from tests.fakes.records import MemoryRecords
from tests.fakes.virtual_time import VirtualClock, virtually

RATE = 20.0


class World:
    def __init__(self):
        self.loop = asyncio.get_running_loop()
        self.records = MemoryRecords()

    @property
    def now(self):
        return self.loop.time()

    def pace(self, name="a", rate=RATE):
        clock = VirtualClock(self.loop)
        return SharedPace(
            self.records, clock, writes_per_second=rate, instance=name, time=self.loop.time, sleep=asyncio.sleep
        )


async def take(pace, many, *, urgent=True):
    for _ in range(many):
        await pace.turn(urgent=urgent)


@virtually
async def test_sixteen_callers_share_the_rate_exactly():
    """Over 1600 turns of 16 callers the rate is neither passed nor left unused, and everybody gets the same."""
    world = World()
    pace, taken, starts = world.pace(), [0] * 16, world.now

    async def caller(number):
        while sum(taken) < 1600:
            await pace.turn(urgent=True)
            taken[number] += 1

    await asyncio.gather(*map(caller, range(16)))
    turns, elapsed = sum(taken), world.now - starts
    assert (turns - 0.25 * RATE) / RATE <= elapsed <= 1.05 * turns / RATE
    assert max(taken) - min(taken) <= 2  # whoever asks for the lease is overtaken once


@virtually
async def test_nothing_is_saved_up_but_a_little():
    """After an hour of silence, only a quarter of a second's worth of turns comes at once."""
    world = World()
    pace = world.pace()
    await take(pace, 1)
    await asyncio.sleep(3600)
    starts = world.now
    await take(pace, 5)
    assert world.now == starts
    await take(pace, 1)
    assert world.now == pytest.approx(starts + 1 / RATE)


@virtually
async def test_a_late_wake_up_costs_no_rate():
    """A sleep that lasts longer than it was asked to (they all do) is made up for by the turns that came meanwhile."""
    world = World()
    pace = world.pace()
    pace._sleep = lambda seconds: asyncio.sleep(seconds + 0.03)
    await take(pace, 400)
    assert world.now <= 1.05 * 400 / RATE


@virtually
async def test_urgent_ones_go_first_and_in_order():
    """Urgent turns come in the order of asking, before one that is not urgent and asked earlier."""
    world = World()
    pace, order = world.pace(), []

    async def ask(name, *, urgent):
        try:
            await pace.turn(urgent=urgent)
        except Throttled:
            name += " sent away"
        order.append(name)

    await take(pace, 1)
    async with asyncio.TaskGroup() as group:
        for name in ("bulk 1", "bulk 2"):
            group.create_task(ask(name, urgent=False))
        await asyncio.sleep(0.01)
        for name in ("leaver 1", "leaver 2", "leaver 3"):
            group.create_task(ask(name, urgent=True))
    assert [name for name in order if "leaver" in name] == ["leaver 1", "leaver 2", "leaver 3"]
    assert "bulk 1" not in order[:3]
    assert world.now == pytest.approx(3 / RATE)


@virtually
async def test_what_is_not_urgent_waits_when_its_turn_is_near():
    """Up to five seconds' worth of writes wait in place, in order; one more is sent away."""
    world = World()
    pace = world.pace()
    await take(pace, 1)
    waiting = [asyncio.create_task(pace.turn(urgent=False)) for _ in range(100)]
    await asyncio.sleep(0.001)
    with pytest.raises(Throttled) as caught:
        await pace.turn(urgent=False)
    assert 5 <= caught.value.retry_after.total_seconds() <= 5.2
    await asyncio.gather(*waiting)
    assert world.now == pytest.approx(100 / RATE)
    await pace.turn(urgent=False)


@virtually
async def test_behind_an_urgent_one_nothing_else_waits():
    """While an urgent turn is waited for, one that is not urgent is sent away at once."""
    world = World()
    pace = world.pace()
    await take(pace, 1)
    other = asyncio.create_task(pace.turn(urgent=False))
    await asyncio.sleep(0)
    leaver = asyncio.create_task(pace.turn(urgent=True))
    await asyncio.sleep(0)
    asked = world.now
    with pytest.raises(Throttled):
        await pace.turn(urgent=False)
    assert world.now == asked
    await leaver
    with pytest.raises(Throttled):
        await other


@virtually
async def test_those_sent_away_come_back_one_behind_the_other():
    """Each is sent a turn's time farther than the one before, and none beyond the farthest."""
    world = World()
    pace, away = world.pace(), []
    await take(pace, 1)
    leaver = asyncio.create_task(pace.turn(urgent=True))
    await asyncio.sleep(0)
    for _ in range(20_000):
        with pytest.raises(Throttled) as caught:
            await pace.turn(urgent=False)
        away.append(caught.value.retry_after.total_seconds())
    assert away[100] - away[99] == pytest.approx(1 / RATE, abs=1e-5)
    assert max(away) == FURTHEST
    await leaver


@virtually
async def test_a_cancelled_caller_takes_nothing_with_it():
    """Callers that are cancelled while they wait hold up nobody and cost no turn."""
    world = World()
    pace = world.pace()
    await take(pace, 1)
    callers = [asyncio.create_task(pace.turn(urgent=number % 2 == 0)) for number in range(10)]
    await asyncio.sleep(0.01)
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    await take(pace, 1)
    assert world.now == pytest.approx(1 / RATE)
    await take(pace, 1, urgent=False)
    assert world.now == pytest.approx(2 / RATE)


async def _rate(world, pace, seconds=1.0):
    """Measure the turns a second that come now."""
    starts, turns = world.now, 0
    while world.now < starts + seconds:
        await pace.turn(urgent=True)
        turns += 1
    return turns / (world.now - starts)


@virtually
async def test_a_refusal_slows_down_and_quiet_speeds_up():
    """A refusal cuts the rate to 0.7, many in one second no more than that; six quiet seconds later it is full."""
    world = World()
    pace = world.pace()
    await take(pace, 10)
    for _ in range(16):
        pace.heard(1.0)
    assert pace._rate(world.now) == pytest.approx(0.7 * RATE)
    await asyncio.sleep(1)
    assert pace._rate(world.now) == pytest.approx(0.75 * RATE)
    await asyncio.sleep(5)
    assert pace._rate(world.now) == pytest.approx(RATE)
    await asyncio.sleep(60)
    assert pace._rate(world.now) == pytest.approx(RATE)
    await take(pace, 5)
    assert await _rate(world, pace) == pytest.approx(RATE, rel=0.06)


@virtually
async def test_it_slows_down_in_proportion():
    """Nothing below 0.8 of the limit slows down, 0.9 does by half as much as a refusal, more than the limit as one."""
    world = World()
    for used, factor in [(0.0, 1), (0.79, 1), (float("nan"), 1), (0.8, 1), (0.9, 0.85), (1.0, 0.7), (1.8, 0.7)]:
        pace = world.pace()
        pace.heard(used)
        assert pace._rate(world.now) == pytest.approx(factor * RATE), used


@virtually
async def test_refusals_without_end_leave_a_trickle():
    """However often Graph refuses, a write now and then is tried; otherwise nobody would learn that it takes them."""
    world = World()
    pace = world.pace()
    for _ in range(100):
        pace.heard(1.0)
        await asyncio.sleep(1)
    assert RATE * 0.1 <= pace._rate(world.now) <= RATE * 0.2


@virtually
async def test_a_long_wait_notices_that_the_rate_grew():
    """Who waits for a turn at a trickle gets it sooner when the rate recovers meanwhile."""
    world = World()
    pace = world.pace(rate=1)
    await pace.turn(urgent=True)
    for _ in range(100):
        pace.heard(1.0)
        await asyncio.sleep(1)
    await pace.turn(urgent=True)
    pace.heard(1.0)
    starts = world.now
    await pace.turn(urgent=True)
    assert world.now - starts < 6  # 8.6 s at the rate at which the wait began


@virtually
async def test_instances_share_the_rate():
    """Of two that write, each gets half; when one closes, the other has the whole within a renewal."""
    world = World()
    one, two = world.pace("one"), world.pace("two")
    await one.turn(urgent=True)
    await two.turn(urgent=True)
    rates = await asyncio.gather(_rate(world, one, 45), _rate(world, two, 45))
    assert sum(rates) <= 2 * RATE
    rates = await asyncio.gather(_rate(world, one, 10), _rate(world, two, 10))
    assert rates == pytest.approx([RATE / 2, RATE / 2], rel=0.1)
    await two.close()
    await _rate(world, one, 20)
    assert await _rate(world, one, 10) == pytest.approx(RATE, rel=0.05)


@virtually
async def test_who_joins_begins_slowly():
    """Until the others have learned of a newcomer, all together write hardly faster than before."""
    world = World()
    old, new = world.pace("old"), world.pace("new")
    await _rate(world, old, 5)
    rates = await asyncio.gather(_rate(world, old, 14), _rate(world, new, 14))
    assert sum(rates) <= 1.1 * RATE
    await asyncio.gather(_rate(world, old, 25), _rate(world, new, 25))
    rates = await asyncio.gather(_rate(world, old, 10), _rate(world, new, 10))
    assert sum(rates) == pytest.approx(RATE, rel=0.05)


@virtually
async def test_trouble_with_the_records_stops_no_write():
    """While leases cannot be renewed, the last known part holds; afterwards it is brought up to date."""
    world = World()
    one, two = world.pace("one"), world.pace("two")
    await one.turn(urgent=True)
    await two.turn(urgent=True)
    await asyncio.sleep(21)
    await asyncio.gather(one.turn(urgent=True), two.turn(urgent=True))
    await asyncio.sleep(25)
    write = world.records.write

    async def failing(partition, changes):
        raise Transient("no answer")

    world.records.write = failing
    assert await _rate(world, one, 50) == pytest.approx(RATE / 2, rel=0.05)
    world.records.write = write
    await _rate(world, one, 41)
    assert await _rate(world, one, 10) == pytest.approx(RATE, rel=0.05)


@virtually
async def test_one_caller_asks_for_the_lease_and_the_others_go_on():
    """The first lease is taken once for all who come at once; later, one slow renewal holds up nobody else."""
    world = World()
    pace, write = world.pace(), world.records.write

    async def slow(partition, changes):
        await asyncio.sleep(5)
        return await write(partition, changes)

    world.records.write = slow
    await asyncio.gather(*(pace.turn(urgent=True) for _ in range(4)))
    assert world.records.writes == 1
    assert world.now == pytest.approx(5)
    await asyncio.sleep(21)
    starts = world.now
    renewing = asyncio.create_task(pace.turn(urgent=True))
    await asyncio.sleep(0)
    await take(pace, 40)
    assert world.now <= starts + 2
    await renewing
    assert world.records.writes == 2


@virtually
async def test_without_records_from_the_start_it_writes_alone():
    """An instance that could never take a lease goes at the whole rate, and closing it is no error."""
    world = World()

    async def failing(partition, changes):
        raise Transient("no answer")

    world.records.write = failing
    pace = world.pace()
    assert await _rate(world, pace, 30) == pytest.approx(RATE, rel=0.05)
    await pace.close()
