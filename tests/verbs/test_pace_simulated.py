"""The shared rate against a Graph with a limit of its own, over minutes of virtual time."""

import asyncio

import pytest

from lifecycle.pace import SharedPace
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

    def pace(self, name, rate=RATE):
        clock = VirtualClock(self.loop)
        return SharedPace(
            self.records, clock, writes_per_second=rate, instance=name, time=self.loop.time, sleep=asyncio.sleep
        )


class Server:
    """Takes `rate` writes a second from a bucket of one second's worth, and refuses what is beyond."""

    def __init__(self, world, rate):
        self.world, self.rate, self.tokens, self.at = world, rate, rate, world.now
        self.taken = self.refused = 0

    def write(self):
        now = self.world.now
        self.tokens = min(self.rate, self.tokens + self.rate * (now - self.at))
        self.at = now
        if self.tokens < 1 - 1e-9:
            self.refused += 1
            return 1.0
        self.tokens -= 1
        self.taken += 1
        return 0.0


class Windowed(Server):
    """Takes ten seconds' worth of writes in each window of ten seconds, whenever in it they come."""

    def write(self):
        window = 1 + self.world.now // 10
        if window != self.at:
            self.at, self.tokens = window, 10 * self.rate
        if self.tokens < 1:
            self.refused += 1
            return 1.0
        self.tokens -= 1
        self.taken += 1
        return 0.0


async def _instance(world, server, name, *, until):
    pace = world.pace(name)

    async def caller():
        while world.now < until:
            await pace.turn(urgent=True)
            pace.heard(server.write())
            await asyncio.sleep(0.2)  # what a call takes

    async with asyncio.TaskGroup() as group:
        for _ in range(16):
            group.create_task(caller())
    await pace.close()


@pytest.mark.parametrize("kind", [Server, Windowed])
@pytest.mark.parametrize("others", [0, 2])
def test_the_limit_is_used_and_seldom_passed(kind, others):
    """Alone, and with two that join and leave, 90 % of the limit is used and under 2 % of the calls are refused."""

    @virtually
    async def simulation():
        world = World()
        server = kind(world, RATE)
        async with asyncio.TaskGroup() as group:
            group.create_task(_instance(world, server, "first", until=400))
            for number in range(others):
                await asyncio.sleep(60)
                group.create_task(_instance(world, server, f"more {number}", until=240 + 40 * number))
        assert server.taken >= 0.9 * RATE * 400
        assert server.refused <= 0.02 * (server.taken + server.refused)

    simulation()


@pytest.mark.parametrize(("limit", "refused"), [(5.0, 0.12), (12.0, 0.03)])
def test_it_finds_a_limit_that_nobody_told(limit, refused):
    """Where Graph takes less than we think, writing settles near what it takes instead of running into it."""

    @virtually
    async def simulation():
        world = World()
        server = Server(world, limit)
        await _instance(world, server, "first", until=300)
        assert server.taken >= 0.8 * limit * 300
        assert server.refused <= refused * (server.taken + server.refused)

    simulation()
