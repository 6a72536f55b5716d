"""The whole sandbox with a small app that writes down what it receives: real broker, real SDK, real worker library."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from sandbox.errors import StillBusyError
from sandbox.sandbox import Sandbox, SandboxOptions

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

APP = Path(__file__).parent / "host" / "app"
LIMIT = timedelta(seconds=30)


class Seen:
    """What the app has written down since the last look."""

    def __init__(self, path):
        self.path = path
        self.read = 0

    def news(self, function=None):
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        fresh, self.read = [json.loads(line) for line in lines[self.read :]], len(lines)
        return [entry for entry in fresh if function in {None, entry.get("function")}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sandbox")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox(folder):
    (folder / "tenant.yaml").write_text("users: []\n")
    options = SandboxOptions(
        ready_file=folder / "ready.json",
        records=folder / "records",
        tenant=folder / "tenant.yaml",
        app=APP,
        settings={"SEEN": str(folder / "seen.jsonl")},
    )
    async with Sandbox(options) as running:
        # Just past a tick of the wake timer, so that none comes by itself while the tests run.
        await running.advance(running.host.state.timers["wake"].next - running.timeline.clock.now(), LIMIT)
        yield running


@pytest.fixture
def seen(sandbox, folder):
    found = Seen(folder / "seen.jsonl")
    found.news()
    return found


class Send:
    """Sends to queues through the SDK, one sender for each; not from two tasks at once, which the SDK cannot do."""

    def __init__(self, client):
        self.client = client
        self.senders = {}

    async def __call__(self, queue, *bodies, **properties):
        if queue not in self.senders:
            self.senders[queue] = self.client.get_queue_sender(queue)
        await self.senders[queue].send_messages([ServiceBusMessage(body, **properties) for body in bodies])

    async def disconnect(self):
        await asyncio.gather(*(sender.close() for sender in self.senders.values()))
        self.senders.clear()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def send(sandbox):
    async with ServiceBusClient.from_connection_string(sandbox.ready.servicebus) as client:
        sending = Send(client)
        yield sending
        await sending.disconnect()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(sandbox):
    async with httpx.AsyncClient(timeout=60) as client:
        yield client


async def test_the_ready_file_says_where_everything_is(sandbox, folder, http):
    """The ready file is there when the sandbox is, and every address in it answers."""
    ready = json.loads((folder / "ready.json").read_text())

    assert ready["servicebus"].startswith("Endpoint=sb://127.0.0.1:")
    assert ready["queues"]["work"] == "work"
    users = await http.get(f"{ready['graph']}/users", headers={"Authorization": f"Bearer {ready['token']}"})
    assert users.json()["value"] == []
    assert (await http.get(f"{ready['control']}/graph/log")).status_code == 200
    assert (await http.get(f"{ready['functions']}/admin/host/status")).json()["state"] == "Running"
    assert ready["settings"]["LIFECYCLE_RECORDS"] == f"sqlite:///{ready['records']}"


@pytest.mark.parametrize("queue", ["hr", "projects", "decisions", "sweeps"])
async def test_a_message_reaches_the_function_of_its_queue(sandbox, send, seen, queue):
    """What the SDK sends to a queue arrives at its function with body, id, properties and delivery count 1."""
    await send(queue, "hello", message_id=f"{queue}-1", application_properties={"source": "/hr", "n": 1})
    await sandbox.idle(LIMIT)

    assert seen.news() == [
        {
            "function": queue,
            "body": "hello",
            "session": None,
            "id": f"{queue}-1",
            "delivery": 1,
            "properties": {"source": "/hr", "n": 1},
        }
    ]


async def test_a_session_keeps_its_order(sandbox, send, seen):
    """Messages of one person come one after the other in the order sent, whatever happens to other persons."""
    people = [f"person-{number}" for number in range(6)]
    for person in people:
        await send("work", *map(str, range(8)), session_id=person)
    await sandbox.idle(LIMIT)

    news = seen.news("work")
    for person in people:
        assert [entry["body"] for entry in news if entry["session"] == person] == list(map(str, range(8)))


@pytest.mark.parametrize(("queue", "session"), [("hr", None), ("work", "poisoned")])
async def test_a_failing_message_ends_in_the_dead_letters(sandbox, send, seen, queue, session):
    """A function that raises gives its message back at once; after ten deliveries the broker sets it aside."""
    dead = sandbox.broker.counts(queue).dead
    await send(queue, "poison", "after", session_id=session)
    await sandbox.idle(LIMIT)

    news = seen.news(queue)
    assert [entry["delivery"] for entry in news if entry["body"] == "poison"] == list(range(1, 11))
    assert [entry["delivery"] for entry in news if entry["body"] == "after"] == [1]
    assert sandbox.broker.counts(queue).dead == dead + 1


async def test_advance_releases_scheduled_messages_and_ticks_in_order(sandbox, send, seen):
    """Within an advance a scheduled message arrives at its instant, between the ticks around it."""
    start = sandbox.timeline.clock.now()
    wake = sandbox.host.state.timers["wake"].next
    await send("work", "later", session_id="p", scheduled_enqueue_time_utc=wake + timedelta(minutes=2))

    await sandbox.idle(LIMIT)  # what lies in the future is no work
    assert seen.news() == []
    await sandbox.advance(wake - start + timedelta(minutes=6), LIMIT)

    assert [(entry["function"], entry.get("due") or entry.get("body")) for entry in seen.news()] == [
        ("wake", f"{wake:%Y-%m-%dT%H:%M:%S}.000000Z"),
        ("work", "later"),
        ("wake", f"{wake + timedelta(minutes=5):%Y-%m-%dT%H:%M:%S}.000000Z"),
    ]
    assert sandbox.timeline.clock.now() >= wake + timedelta(minutes=6)


async def test_a_day_of_advance_ticks_every_five_minutes(sandbox, seen, http):
    """Advancing a day over HTTP runs 288 wake ticks and one drift tick, each once and in order."""
    answer = await http.post(f"{sandbox.ready.control}/clock", json={"advance": "P1D"})

    assert answer.status_code == 200
    news = seen.news()
    wakes = [entry["due"] for entry in news if entry["function"] == "wake"]
    assert len(wakes) == len(set(wakes)) == 288
    assert [entry["due"] for entry in news] == sorted(entry["due"] for entry in news)
    assert [entry["due"][11:16] for entry in news if entry["function"] == "drift"] == ["02:00"]


async def test_jump_ticks_once_late(sandbox, send, seen, http):
    """After a jump of two days each timer that missed ticks has one, past due, and the overdue message arrives."""
    due = sandbox.timeline.clock.now() + timedelta(hours=5)
    await send("hr", "overdue", scheduled_enqueue_time_utc=due)
    await http.post(f"{sandbox.ready.control}/clock", json={"jump": "P2D"})
    await sandbox.idle(LIMIT)

    news = seen.news()
    assert sorted(entry["function"] for entry in news) == ["drift", "hr", "wake"]
    assert [entry["past_due"] for entry in news if entry["function"] in {"drift", "wake"}] == [True, True]


async def test_functions_are_fired_by_hand_as_the_real_host_does(sandbox, seen, http):
    """The admin endpoint answers 202 and the function runs with the input, a timer not past due."""
    admin = f"{sandbox.ready.functions}/admin/functions"
    assert {function["name"] for function in (await http.get(admin)).json()} >= {"hr", "work", "wake", "drift"}

    assert (await http.post(f"{admin}/hr", json={"input": "by hand"})).status_code == 202
    assert (await http.post(f"{admin}/wake", json={})).status_code == 202
    assert (await http.post(f"{admin}/nope", json={})).status_code == 404
    assert (await http.post(f"{admin}/hr", json={"input": 7})).status_code == 400
    await sandbox.idle(LIMIT)

    news = seen.news()
    assert [(entry["function"], entry.get("body", entry.get("past_due"))) for entry in news] == [
        ("hr", "by hand"),
        ("wake", False),
    ]


async def test_idle_waits_for_what_runs(sandbox, send, seen, http):
    """Idle answers only when the function has ended, and says what is busy when its time runs out."""
    await send("work", "sleep 0.9", session_id="slow")
    while not seen.news("work"):  # noqa: ASYNC110  the app runs in another process
        await asyncio.sleep(0.02)
    busy = await http.post(f"{sandbox.ready.control}/idle", json={"timeout": "PT0.1S"})
    assert busy.status_code == 504
    assert busy.json()["busy"] == {"function work": 1, "queue work": 1}

    assert (await http.post(f"{sandbox.ready.control}/idle")).status_code == 200
    assert (await http.get(f"{sandbox.ready.control}/status")).json()["running"] == {}


@pytest.mark.parametrize(("queue", "session"), [("hr", None), ("work", "lost")])
async def test_a_lost_lock_means_a_second_delivery(sandbox, send, seen, queue, session):
    """When a lock is lost under a running function, its message comes again, and the queue goes on."""
    await send(queue, "sleep 0.3", session_id=session)
    while not (first := seen.news(queue)):  # noqa: ASYNC110  the app runs in another process
        await asyncio.sleep(0.02)
    sandbox.broker.expire_locks(queue)
    await sandbox.idle(LIMIT)

    assert [entry["delivery"] for entry in first + seen.news(queue)] == [1, 2]


@pytest.mark.parametrize("queue", ["hr", "work"])
async def test_no_more_calls_at_once_than_host_json_allows(sandbox, send, queue):
    """With work for more, exactly as many calls run side by side as host.json says: four here."""
    for number in range(10):
        await send(queue, "sleep 0.8", session_id=f"busy-{number}")
    at_once = set()
    while not await _is_quiet(sandbox):
        at_once.add((await sandbox.host.refresh()).running.get(queue, 0))

    assert max(at_once) == 4


async def _is_quiet(sandbox):
    try:
        await sandbox.idle(timedelta(seconds=0.05))
    except StillBusyError:
        return False
    return True


async def test_status_counts(sandbox, send, http):
    """The status shows what is in every queue, and each timer's last and next tick."""
    await send("notices", "one", "two")
    status = (await http.get(f"{sandbox.ready.control}/status")).json()

    assert status["queues"]["notices"]["active"] == 2
    assert status["timers"]["wake"]["schedule"] == "0 */5 * * * *"
    assert status["timers"]["wake"]["next"] > status["now"]


async def test_work_survives_dropped_connections(sandbox, send, seen, http):
    """When every connection breaks, the receivers come back and the next message is served."""
    await send.disconnect()  # the SDK leaves the sockets of broken senders open
    await http.post(f"{sandbox.ready.control}/broker/faults", json={"drop_connections": True})
    await send("hr", "after the break")
    await send("work", "after the break", session_id="b")
    await sandbox.idle(LIMIT)

    assert {entry["function"] for entry in seen.news()} == {"hr", "work"}


async def test_the_app_sees_its_settings_and_nothing_of_the_developer(sandbox, send, seen, monkeypatch):
    """The app's environment holds no variable of the shell but what Python needs."""
    await send("hr", "env")
    await sandbox.idle(LIMIT)

    (environment,) = (entry["environment"] for entry in seen.news() if "environment" in entry)
    assert "ServiceBus" in environment
    assert "PYTEST_CURRENT_TEST" not in environment
