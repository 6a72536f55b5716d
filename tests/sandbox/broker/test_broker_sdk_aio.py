"""The asynchronous client of the unmodified azure-servicebus library, and a random workload with it.

Set LIFECYCLE_TEST_SERVICEBUS to a connection string to run these tests against a real namespace instead of the local
broker; `conftest.py` lists the queues it needs.
"""

import asyncio
import datetime as dt
import random
from collections import Counter, defaultdict

import pytest
from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import OperationTimeoutError

pytestmark = pytest.mark.slow


@pytest.fixture
async def aio(namespace):
    async with ServiceBusClient.from_connection_string(namespace, retry_total=0, try_timeout=30) as client:
        yield client


async def one(receiver):
    (received,) = await receiver.receive_messages(max_wait_time=5)
    return received


async def test_a_session_from_send_to_dead_letter(aio, links, person):
    """Batch, abandon, renew, state, peek, complete and dead-letter work asynchronously as they do otherwise."""
    sender = await links(aio.get_queue_sender("people-aio"))
    await sender.send_messages(ServiceBusMessage("1", session_id=person))
    batch = await sender.create_message_batch()
    for n in (2, 3):
        batch.add_message(ServiceBusMessage(str(n), session_id=person))
    await sender.send_messages(batch)

    receiver = await links(aio.get_queue_receiver("people-aio", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=5))
    assert receiver.session.session_id == person
    await receiver.abandon_message(await one(receiver))
    received = await one(receiver)
    assert (str(received), received.delivery_count) == ("1", 1)
    before = receiver.session.locked_until_utc
    assert await receiver.session.renew_lock() > before
    await receiver.session.set_state(b"at step 2")
    assert await receiver.session.get_state() == b"at step 2"
    await receiver.session.set_state(None)
    assert [str(m) for m in await receiver.peek_messages(5, sequence_number=1)] == ["1", "2", "3"]
    await receiver.complete_message(received)
    await receiver.dead_letter_message(await one(receiver), reason="R", error_description="D")
    await receiver.complete_message(await one(receiver))

    dead_letters = await links(aio.get_queue_receiver("people-aio", sub_queue="deadletter"))
    received = await one(dead_letters)
    assert (received.dead_letter_reason, received.dead_letter_error_description) == ("R", "D")
    await dead_letters.complete_message(received)
    with pytest.raises(OperationTimeoutError):
        await links(aio.get_queue_receiver("people-aio", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=0.5))


async def test_a_scheduled_message_comes_in_time(aio, links):
    """A message scheduled by the asynchronous client is received at its time."""
    sender, receiver = await links(aio.get_queue_sender("sched-aio")), await links(aio.get_queue_receiver("sched-aio"))
    when = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
    await sender.schedule_messages(ServiceBusMessage("s"), when)
    received = await one(receiver)
    assert str(received) == "s"
    assert dt.datetime.now(dt.UTC) >= when
    await receiver.complete_message(received)


PEOPLE, EACH, WORKERS = 20, 20, 8


class Workload:
    """Senders that repeat themselves and workers that give up midway; `done` is what was completed, per person."""

    def __init__(self, client, seed):
        self.client = client
        self.random = random.Random(seed)  # noqa: S311 - a workload, not a secret
        self.done = defaultdict(list)
        self.holders = set()
        self.seen = Counter()

    @property
    def finished(self):
        return sum(map(len, self.done.values())) >= PEOPLE * EACH

    async def send(self):
        async with self.client.get_queue_sender("people-soak") as sender:
            for n in range(EACH):
                for person in range(PEOPLE):
                    session_id = f"p{person}"
                    for _ in range(2 if self.random.random() < 0.1 else 1):
                        message = ServiceBusMessage(str(n), session_id=session_id, message_id=f"{session_id}-{n}")
                        await sender.send_messages(message)
                        self.seen["sent"] += 1

    async def work(self, closing):
        while not self.finished:
            receiver = self.client.get_queue_receiver(
                "people-soak", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=0.5
            )
            try:
                await receiver.__aenter__()
            except OperationTimeoutError:
                await receiver.close()
                continue
            session_id = receiver.session.session_id
            assert session_id not in self.holders, f"{session_id} is held twice"
            self.holders.add(session_id)
            await self.work_on(receiver, session_id)
            self.holders.remove(session_id)
            closing.create_task(receiver.close())

    async def work_on(self, receiver, session_id):
        """Some of a session's messages, until there are none or one goes wrong."""
        while messages := await receiver.receive_messages(self.random.choice([1, 3, 10]), max_wait_time=0.3):
            for message in messages:
                assert int(str(message)) == len(self.done[session_id]), f"{session_id} is out of order"
                chance = self.random.random()
                if chance < 0.04:
                    self.seen["abandoned"] += 1
                    await receiver.abandon_message(message)
                    return
                if chance < 0.07:
                    self.seen["left unsettled"] += 1
                    return
                await receiver.complete_message(message)
                self.done[session_id].append(int(str(message)))


async def test_a_random_workload_keeps_order_and_completes_each_message_once(aio):
    """Eight workers that abandon and walk away complete every message of twenty people once, in each one's order."""
    workload = Workload(aio, seed=7)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(workload.send())
        for _ in range(WORKERS):
            tasks.create_task(workload.work(tasks))
    assert workload.done == {f"p{person}": list(range(EACH)) for person in range(PEOPLE)}
    assert workload.seen["sent"] > PEOPLE * EACH
    assert workload.seen["abandoned"] > 0
    assert workload.seen["left unsettled"] > 0
