"""What the bus and the lectern promise: the stand-in, and Service Bus through the sandbox's broker."""

import asyncio
import contextlib
from datetime import timedelta

import pytest
from azure.servicebus.aio import ServiceBusClient

from lifecycle.adapters.servicebus import ServiceBus
from lifecycle.errors import Permanent
from lifecycle.ports import Message, Queue
from sandbox.broker import Broker, QueueConfig
from tests.fakes.bus import MemoryBus
from tests.fakes.clock import MovableClock

NAMES = {queue: f"lifecycle-{queue}" for queue in Queue}
MINUTE = timedelta(minutes=1)


class InMemory:
    """The stand-in and what a test does to it from outside."""

    def __init__(self, clock):
        self.clock = clock
        self.bus = MemoryBus(clock)

    @contextlib.asynccontextmanager
    async def running(self):
        yield self

    async def move(self, by):
        self.clock.move(by)

    async def dead_letter_first(self, queue, reason):
        self.bus.dead_letter(queue, self.bus.pop(queue), reason)


class OnServiceBus:
    """The adapter with the library and the broker, and what a test does to them from outside."""

    def __init__(self, clock):
        self.clock = clock
        queues = [
            QueueConfig(name, requires_session=role is Queue.WORK, duplicate_window=600, lock_duration=30)
            for role, name in NAMES.items()
        ]
        self.broker = Broker(queues, now=lambda: clock.now().timestamp())

    @contextlib.asynccontextmanager
    async def running(self):
        await self.broker.start()
        self.bus = ServiceBus.by_connection_string(self.broker.connection_string, NAMES)
        yield self
        await self.bus.close()
        await self.broker.stop()

    async def move(self, by):
        self.clock.move(by)
        self.broker.wake()

    async def dead_letter_first(self, queue, reason):
        async with (
            ServiceBusClient.from_connection_string(self.broker.connection_string) as client,
            client.get_queue_receiver(NAMES[queue]) as receiver,
        ):
            (message,) = await receiver.receive_messages(1, max_wait_time=5)
            await receiver.dead_letter_message(message, reason=reason)


@pytest.fixture(params=["memory", pytest.param("servicebus", marks=pytest.mark.slow)])
async def world(request):
    clock = MovableClock()
    made = InMemory(clock) if request.param == "memory" else OnServiceBus(clock)
    async with made.running():
        yield made


def a_message(name, **changes):
    return Message(**({"id": name, "body": f'{{"id": "{name}"}}'.encode()} | changes))


async def ids(world, queue, **where):
    return [lying.id for lying in await world.bus.browse(queue, **where)]


async def test_a_message_arrives_as_it_was_sent(world):
    """Id, body, session and properties come through, and the time is the bus's own."""
    sent = a_message("m1", session="p-1042", properties={"queue": "hr", "grund": "Zoë"})
    await world.bus.send(Queue.WORK, [sent])
    (lying,) = await world.bus.browse(Queue.WORK)
    assert Message(lying.id, lying.body, lying.session, lying.properties) == sent
    assert (lying.queue, lying.dead, lying.at) == (Queue.WORK, False, world.clock.now())


async def test_each_role_is_a_queue_of_its_own(world):
    """What goes to one queue lies in no other."""
    await world.bus.send(Queue.HR, [a_message("m1")])
    await world.bus.send(Queue.NOTICES, [a_message("m2")])
    assert await ids(world, Queue.HR) == ["m1"]
    assert await ids(world, Queue.NOTICES) == ["m2"]
    assert await ids(world, Queue.QUARANTINE) == []


async def test_sending_nothing_does_nothing(world):
    """No messages is fine, now and later."""
    await world.bus.send(Queue.HR, [])
    await world.bus.send(Queue.HR, [], at=world.clock.now() + MINUTE)
    assert await ids(world, Queue.HR) == []


async def test_messages_keep_their_order_and_numbers_rise(world):
    """Oldest first, in the order of the list and of the calls, persons mixed."""
    await world.bus.send(Queue.WORK, [a_message(f"a{number}", session=f"p{number % 3}") for number in range(5)])
    await world.bus.send(Queue.WORK, [a_message("b", session="p0")])
    lying = await world.bus.browse(Queue.WORK)
    assert [one.id for one in lying] == ["a0", "a1", "a2", "a3", "a4", "b"]
    assert sorted({one.number for one in lying}) == [one.number for one in lying]


async def test_sending_twice_within_minutes_is_sending_once(world):
    """The same id is dropped, within one call, over calls, and for scheduled messages; later it counts again."""
    await world.bus.send(Queue.HR, [a_message("m1"), a_message("m1")])
    await world.bus.send(Queue.HR, [a_message("m1")])
    await world.bus.send(Queue.HR, [a_message("m1")], at=world.clock.now() + MINUTE)
    await world.bus.send(Queue.SWEEPS, [a_message("m1")])
    await world.move(2 * MINUTE)
    assert await ids(world, Queue.HR) == ["m1"]
    assert await ids(world, Queue.SWEEPS) == ["m1"]
    await world.move(10 * MINUTE)
    await world.bus.send(Queue.HR, [a_message("m1")])
    assert await ids(world, Queue.HR) == ["m1", "m1"]


async def test_a_scheduled_message_lies_there_when_it_is_due(world):
    """Before its instant it is not in the queue; then it is, after what was there."""
    await world.bus.send(Queue.WORK, [a_message("later", session="p1")], at=world.clock.now() + 2 * MINUTE)
    await world.bus.send(Queue.WORK, [a_message("soon", session="p2")], at=world.clock.now() + MINUTE)
    await world.bus.send(Queue.WORK, [a_message("now", session="p1")])
    assert await ids(world, Queue.WORK) == ["now"]
    await world.move(3 * MINUTE)
    assert await ids(world, Queue.WORK) == ["now", "soon", "later"]


async def test_a_message_scheduled_for_the_past_is_due(world):
    """An instant that has passed is now."""
    await world.bus.send(Queue.HR, [a_message("m1")], at=world.clock.now() - MINUTE)
    await world.move(timedelta(seconds=1))
    assert await ids(world, Queue.HR) == ["m1"]


@pytest.mark.parametrize("later", [False, True])
async def test_a_large_lot_is_split_and_arrives_whole(world, later):
    """More than fits one request is sent in several, in order."""
    lot = [a_message(f"m{number:03}", body=b"x" * 20_000) for number in range(30)]
    await world.bus.send(Queue.HR, lot, at=world.clock.now() + MINUTE if later else None)
    await world.move(MINUTE)
    assert await ids(world, Queue.HR) == [message.id for message in lot]


@pytest.mark.parametrize("later", [False, True])
async def test_a_message_that_is_too_large_is_permanent(world, later):
    """A body that no queue takes is refused for good."""
    at = world.clock.now() + MINUTE if later else None
    with pytest.raises(Permanent, match="large"):
        await world.bus.send(Queue.HR, [a_message("m1", body=b"x" * 300_000)], at=at)


async def test_a_quarantined_message_tells_its_reason(world):
    """The reason is the property that the sender set."""
    await world.bus.send(Queue.QUARANTINE, [a_message("m1", properties={"queue": "hr", "reason": "$.data: absent"})])
    (lying,) = await world.bus.browse(Queue.QUARANTINE)
    assert (lying.reason, lying.properties["queue"]) == ("$.data: absent", "hr")


async def test_a_dead_letter_tells_the_brokers_reason(world):
    """A dead-letter queue is browsed by itself; what the broker noted is the reason, not a property to send again."""
    await world.bus.send(Queue.HR, [a_message("m1", properties={"reason": "old"}), a_message("m2")])
    await world.dead_letter_first(Queue.HR, "MaxDeliveryCountExceeded")
    (lying,) = await world.bus.browse(Queue.HR, dead=True)
    assert (lying.id, lying.dead, lying.properties) == ("m1", True, {"reason": "old"})
    assert lying.reason.startswith("MaxDeliveryCountExceeded")
    assert await ids(world, Queue.HR) == ["m2"]
    assert await world.bus.take(lying) is True
    assert await ids(world, Queue.HR, dead=True) == []


async def test_exactly_one_message_is_taken(world):
    """The one that is named goes, whichever place it has; the others keep theirs."""
    await world.bus.send(Queue.QUARANTINE, [a_message(f"m{number}") for number in range(5)])
    lying = await world.bus.browse(Queue.QUARANTINE)
    assert await world.bus.take(lying[3]) is True
    assert await ids(world, Queue.QUARANTINE) == ["m0", "m1", "m2", "m4"]
    assert await world.bus.take(lying[0]) is True
    assert await ids(world, Queue.QUARANTINE) == ["m1", "m2", "m4"]


async def test_a_message_is_taken_once(world):
    """A message that is gone is not taken again, also when two take it at once."""
    await world.bus.send(Queue.QUARANTINE, [a_message("m0"), a_message("m1")])
    lying = await world.bus.browse(Queue.QUARANTINE)
    assert await world.bus.take(lying[1]) is True
    assert await world.bus.take(lying[1]) is False
    assert await ids(world, Queue.QUARANTINE) == ["m0"]


async def test_a_message_of_a_session_is_taken(world):
    """From the queue with sessions too: only that person's messages are touched."""
    await world.bus.send(Queue.WORK, [a_message(f"m{number}", session=f"p{number % 2}") for number in range(4)])
    lying = await world.bus.browse(Queue.WORK)
    assert await world.bus.take(lying[2]) is True
    assert await ids(world, Queue.WORK) == ["m0", "m1", "m3"]


async def test_browsing_reaches_beyond_a_page(world):
    """250 messages are all shown."""
    await world.bus.send(Queue.NOTICES, [a_message(f"m{number:03}") for number in range(250)])
    assert await ids(world, Queue.NOTICES) == [f"m{number:03}" for number in range(250)]


async def test_coroutines_may_send_at_once(world):
    """Concurrent sends to one queue and to several all arrive."""
    await asyncio.gather(
        *(world.bus.send(queue, [a_message(f"m{number}")]) for number in range(5) for queue in (Queue.HR, Queue.SWEEPS))
    )
    assert sorted(await ids(world, Queue.HR)) == sorted(await ids(world, Queue.SWEEPS)) == [f"m{n}" for n in range(5)]
