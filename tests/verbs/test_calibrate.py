"""Learning what everybody in the tenant requested, on a stand-in that counts."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from lifecycle.calibrate import calibrate
from lifecycle.core.budget import Spent
from lifecycle.core.model import AccessModel, Budget
from lifecycle.errors import Refused, Transient
from lifecycle.ports import Ports, Queue
from lifecycle.records import budget
from tests.fakes.bus import MemoryBus
from tests.fakes.clock import MovableClock
from tests.fakes.faults import Crash
from tests.fakes.records import MemoryRecords

NOW = datetime(2026, 4, 1, 6, 30, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Counted:
    """A tenant with one request at noon of every day, more on some; it fails at the asking `fails_at`, from 1."""

    more: dict[datetime, int] = field(default_factory=dict)
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)
    fails_at: int = 0
    error: BaseException = field(default_factory=lambda: Transient("no answer"))

    async def requests_created(self, since, until):
        self.asked.append((since, until))
        if len(self.asked) == self.fails_at:
            raise self.error
        noon = since + DAY / 2
        return (since <= noon < until) + sum(many for at, many in self.more.items() if since <= at < until)


@dataclass
class World:
    """What the verb uses of the ports, and no more."""

    clock: MovableClock = field(default_factory=lambda: MovableClock(NOW))
    records: MemoryRecords = field(default_factory=MemoryRecords)
    entitlements: Counted = field(default_factory=Counted)
    model: AccessModel = field(default_factory=lambda: AccessModel(hash="m", time_zone="UTC", budget=Budget(1000)))
    bus: MemoryBus = field(init=False)

    def __post_init__(self):
        self.bus = MemoryBus(self.clock)

    async def calibrate(self):
        return await calibrate(cast("Ports", self), self.clock.now())

    def notices(self):
        return [json.loads(message.body) for queue, message, _ in self.bus.sent if queue is Queue.NOTICES]


async def test_the_first_time_the_whole_quarter_is_counted():
    """Every day is asked about on its own, the spans meet, and the sum is the tenant's."""
    world = World()
    assert await world.calibrate() == Spent(90, 0)
    asked = world.entitlements.asked
    assert len(asked) == 91
    assert [until for _, until in asked[:-1]] == [since for since, _ in asked[1:]]
    assert asked[-1] == (datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 4, 1, 6, tzinfo=UTC))


async def test_the_next_day_only_what_is_new_is_counted():
    """A day later yesterday is asked about again, because it was not over, and today; and ours come on top."""
    world = World()
    await world.calibrate()
    world.entitlements.asked.clear()
    await budget.count(world.records, "one", NOW)
    world.clock.move(DAY)
    await budget.count(world.records, "two", world.clock.now())
    assert await world.calibrate() == Spent(91, 2)  # the oldest day went, one came, the second of ours is not in it
    assert [since.day for since, _ in world.entitlements.asked] == [1, 2]
    assert await world.calibrate() == Spent(91, 2)
    assert len(world.entitlements.asked) == 2


@pytest.mark.parametrize("error", [Transient("no answer"), Refused("no", status=400), Crash("killed")])
async def test_a_run_that_dies_goes_on_where_it_stopped(error):
    """What was counted before the failure is not asked about again, and the sum is the same as without it."""
    world = World(entitlements=Counted(fails_at=40, error=error))
    with pytest.raises(type(error)):
        await world.calibrate()
    assert await budget.spent(world.records, NOW) == Spent(39, 0)
    assert await world.calibrate() == Spent(90, 0)
    assert len(world.entitlements.asked) == 40 + 52


@pytest.mark.parametrize("write", range(1, 93))
async def test_a_crash_at_any_write_costs_nothing(write):
    """Killed before or after any of its writes, the next run comes to the same sum."""
    for world in (
        World(records=MemoryRecords(crash_before=write)),
        World(records=MemoryRecords(crash_after=write)),
    ):
        world.entitlements.more[NOW - DAY] = 800
        with pytest.raises(Crash):
            await world.calibrate()
        world.records.crash_before = world.records.crash_after = None
        assert await world.calibrate() == Spent(890, 0)
        assert world.notices()


async def test_a_low_budget_is_told_once_a_day():
    """From 80 % on one notice a day goes out, with numbers and no more; below there is none."""
    world = World()
    world.entitlements.more[NOW - DAY] = 709
    await world.calibrate()
    assert world.notices() == []
    await budget.count(world.records, "one", NOW)
    for _ in range(3):
        await world.calibrate()
        world.clock.move(timedelta(hours=1))
    (notice,) = world.notices()
    assert (notice["type"], notice["subject"]) == ("lifecycle.budget.low", "requests")
    assert notice["data"] == {"tenant": 800, "ours": 1, "limit": 1000, "left": 200, "additionsWithheld": False}
    world.clock.move(DAY)
    world.entitlements.more[NOW] = 200
    await world.calibrate()
    assert [notice["data"]["additionsWithheld"] for notice in world.notices()] == [False, True]


async def test_a_low_budget_is_told_although_graph_is_silent():
    """What we sent ourselves is known without Graph, so its refusal hides no low budget."""
    world = World(entitlements=Counted(fails_at=1, error=Refused("no", status=400)))
    world.model = AccessModel(hash="m", time_zone="UTC", budget=Budget(5))
    for number in range(4):
        await budget.count(world.records, str(number), NOW)
    with pytest.raises(Refused):
        await world.calibrate()
    assert [notice["data"]["ours"] for notice in world.notices()] == [4]


async def test_days_that_count_no_more_are_forgotten():
    """A day older than the quarter leaves the records at the next run."""
    world = World()
    await budget.count(world.records, "old", NOW - 91 * DAY)
    await world.calibrate()
    assert min(world.records.keys("budget")) == "20260101"


async def test_to_catalog_roles_alone_ours_are_what_is_known():
    """Graph counts nothing for them (403): that is no error, and ours are still counted."""
    world = World(entitlements=Counted(fails_at=1, error=Refused("no", status=403)))
    await budget.count(world.records, "one", NOW)
    assert await world.calibrate() == Spent(tenant=1, ours=1)
