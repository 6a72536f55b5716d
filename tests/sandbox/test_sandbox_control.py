"""The control API: what it answers, and what it refuses with a reason."""

from datetime import timedelta

import httpx
import pytest
from starlette.applications import Starlette

from sandbox.broker import QueueCounts
from sandbox.clock import MovableClock
from sandbox.control import Control
from sandbox.errors import SandboxError, StillBusyError


class FakeBus:
    def __init__(self):
        self.faults = []

    def counts(self, name):
        return QueueCounts(active=0, locked=0, scheduled=0, deferred=0, dead=2)

    def fail_next_sends(self, queue, count):
        self.faults.append(("fail", queue, count))

    def expire_locks(self, queue):
        self.faults.append(("expire", queue))

    def drop_connections(self):
        self.faults.append(("drop",))


class FakeTimeline:
    def __init__(self, clock):
        self.clock = clock
        self.moves = []
        self.error = None

    async def _move(self, *move):
        if self.error is not None:
            raise self.error
        self.moves.append(move)

    async def advance(self, by, limit):
        await self._move("advance", by, limit)

    async def jump(self, by):
        await self._move("jump", by)

    async def idle(self, limit):
        await self._move("idle", limit)


@pytest.fixture
def timeline(tmp_path):
    return FakeTimeline(MovableClock(tmp_path / "clock"))


@pytest.fixture
def bus():
    return FakeBus()


@pytest.fixture
async def client(timeline, bus):
    application = Starlette(routes=Control(timeline, bus, host=None).routes())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://control") as found:
        yield found


async def test_the_clock_says_when_it_is(client):
    """The clock answers with its instant and with how far it is ahead."""
    answer = (await client.get("/clock")).json()

    assert answer["now"].endswith("Z")
    assert answer["offset"] == "P0D"


@pytest.mark.parametrize(
    ("body", "move"),
    [
        ({"advance": "PT1H"}, ("advance", timedelta(hours=1), timedelta(minutes=5))),
        ({"advance": "P2DT3M", "timeout": "PT1S"}, ("advance", timedelta(days=2, minutes=3), timedelta(seconds=1))),
        ({"jump": "P7D"}, ("jump", timedelta(weeks=1))),
    ],
)
async def test_the_clock_moves(client, timeline, body, move):
    """A duration in ISO 8601 moves the clock, in the way that is asked for."""
    answer = await client.post("/clock", json=body)

    assert answer.status_code == 200
    assert timeline.moves == [move]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "Input data was truncated"),
        (b"{}", "Say one of advance and jump"),
        (b'{"advance": "PT1H", "jump": "PT1H"}', "Say one of advance and jump"),
        (b'{"advance": "1 hour"}', "Invalid ISO8601 duration - at `$.advance`"),
        (b'{"advance": "P1M"}', "$.advance"),
        (b'{"jump": "P1W"}', "$.jump"),
        (b'{"advance": 60}', "$.advance"),
        (b'{"advance": "-PT1H"}', "moves forward"),
        (b'{"advance": "P99999D"}', "moves forward, and by at most 3660 days"),
        (b'{"retreat": "PT1H"}', "unknown field `retreat`"),
    ],
)
async def test_a_senseless_move_is_refused(client, timeline, body, complaint):
    """A body that says nothing sensible is a 400 with what to send instead, and moves nothing."""
    answer = await client.post("/clock", content=body)

    assert answer.status_code == 400
    assert complaint in answer.json()["error"]
    assert timeline.moves == []


async def test_what_is_still_busy_is_a_504(client, timeline):
    """Waiting that runs out of time says what was going on."""
    timeline.error = StillBusyError({"queue work": 2})
    answer = await client.post("/idle", json={"timeout": "PT1S"})

    assert answer.status_code == 504
    assert answer.json() == {"error": "still busy: queue work 2", "busy": {"queue work": 2}}


async def test_a_broken_sandbox_is_a_500(client, timeline):
    """A Functions host that is gone is said, not hung upon."""
    timeline.error = SandboxError("The Functions host ended with code 3.")

    assert (await client.post("/clock", json={"advance": "PT1H"})).json() == {"error": str(timeline.error)}


async def test_idle_needs_no_body(client, timeline):
    """Idle without a body waits for five minutes at most."""
    await client.post("/idle")

    assert timeline.moves == [("idle", timedelta(minutes=5))]


async def test_broker_faults(client, bus):
    """Each fault reaches the broker with its queue and count."""
    for body in (
        {"drop_connections": True},
        {"fail_next_sends": {"queue": "work", "count": 3}},
        {"expire_locks": "work"},
    ):
        assert (await client.post("/broker/faults", json=body)).status_code == 200

    assert bus.faults == [("drop",), ("fail", "work", 3), ("expire", "work")]


@pytest.mark.parametrize(
    ("body", "status", "complaint"),
    [
        ({}, 400, "Say which fault"),
        ({"explode": True}, 400, "unknown field `explode`"),
        ({"fail_next_sends": {"queue": "work", "count": 0}}, 400, ">= 1"),
        ({"expire_locks": "nope"}, 404, "There is no queue 'nope'; there are hr,"),
        ({"fail_next_sends": {"queue": "nope"}}, 404, "There is no queue 'nope'"),
    ],
)
async def test_senseless_faults_are_refused(client, bus, body, status, complaint):
    """A fault that does not exist, or of a queue that does not, changes nothing."""
    answer = await client.post("/broker/faults", json=body)

    assert answer.status_code == status
    assert complaint in answer.json()["error"]
    assert bus.faults == []
