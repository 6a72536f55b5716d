"""The broker's virtual clock, its start and stop, and the faults that can be switched on; always the local broker."""

import asyncio
import contextlib
import datetime as dt

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import MessageLockLostError, ServiceBusServerBusyError, SessionLockLostError

from sandbox.broker import Broker, QueueConfig, QueueCounts

pytestmark = pytest.mark.slow

DAY = 86400.0


def in_a_day(clock):
    return dt.datetime.fromtimestamp(clock.now + DAY, dt.UTC)


@pytest.fixture
async def broker(virtual):
    broker = Broker([QueueConfig("plain"), QueueConfig("people", requires_session=True)], now=virtual)
    await broker.start()
    yield broker
    await broker.stop()


@pytest.fixture
async def client(broker):
    async with ServiceBusClient.from_connection_string(
        broker.connection_string, retry_total=0, try_timeout=30
    ) as client:
        yield client


@pytest.fixture
def sender(client, links):
    async def open_sender(queue):
        return await links(client.get_queue_sender(queue))

    return open_sender


@pytest.fixture
def receiver(client, links):
    async def open_receiver(queue, session_id=None):
        return await links(client.get_queue_receiver(queue, session_id=session_id))

    return open_receiver


async def one(receiver):
    (received,) = await receiver.receive_messages(max_wait_time=5)
    return received


async def test_moving_the_clock_releases_a_schedule_but_no_lock(broker, virtual, sender, receiver):
    """A day later on the virtual clock the scheduled message is delivered, and a lock taken before still settles."""
    sending, receiving = await sender("plain"), await receiver("plain")
    await sending.send_messages(ServiceBusMessage("now"))
    held = await one(receiving)
    await sending.schedule_messages(ServiceBusMessage("tomorrow"), in_a_day(virtual))
    assert broker.next_due() == virtual.now + DAY
    assert broker.counts("plain") == QueueCounts(active=0, locked=1, scheduled=1, deferred=0, dead=0)

    waiting = asyncio.create_task(one(receiving))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    virtual.now += DAY
    broker.wake()
    received = await waiting
    assert str(received) == "tomorrow"
    assert received.enqueued_time_utc.timestamp() == virtual.now
    assert received.locked_until_utc < dt.datetime.now(dt.UTC) + dt.timedelta(minutes=2)
    assert broker.next_due() is None
    await receiving.complete_message(held)
    await receiving.complete_message(received)
    assert broker.counts("plain") == QueueCounts(active=0, locked=0, scheduled=0, deferred=0, dead=0)


async def test_time_to_live_runs_on_the_virtual_clock(broker, virtual, sender, receiver):
    """A message with an hour to live is gone once the virtual clock has passed it."""
    sending = await sender("plain")
    await sending.send_messages(ServiceBusMessage("short-lived", time_to_live=dt.timedelta(hours=1)))
    assert broker.counts("plain").active == 1
    virtual.now += 3601
    broker.wake()
    assert broker.counts("plain").active == 0


async def test_sends_fail_as_often_as_asked(broker, sender, receiver):
    """fail_next_sends answers just so many sends with server-busy, and keeps none of those messages."""
    sending = await sender("plain")
    broker.fail_next_sends("plain", 2)
    with pytest.raises(ServiceBusServerBusyError):
        await sending.send_messages(ServiceBusMessage("1"))
    with pytest.raises(ServiceBusServerBusyError):
        await sending.schedule_messages(ServiceBusMessage("2"), dt.datetime(2040, 1, 1, tzinfo=dt.UTC))
    await sending.send_messages(ServiceBusMessage("3"))
    assert broker.counts("plain") == QueueCounts(active=1, locked=0, scheduled=0, deferred=0, dead=0)


async def test_a_dropped_connection_frees_its_session(broker, sender, receiver):
    """After drop_connections another receiver gets the session and its unsettled message, uncounted."""
    sending = await sender("people")
    await sending.send_messages(ServiceBusMessage("job", session_id="p1"))
    first = await receiver("people", session_id="p1")
    await one(first)
    assert broker.counts("people").locked == 1
    broker.drop_connections()
    second = await receiver("people", session_id="p1")
    received = await one(second)
    assert received.delivery_count == 0
    await second.complete_message(received)


async def test_locks_expire_on_command(broker, sender, receiver):
    """After expire_locks a message cannot be settled, a session's waiting holder is told, and both deliveries count."""
    plain, people = await sender("plain"), await sender("people")
    await plain.send_messages(ServiceBusMessage("job"))
    await people.send_messages(ServiceBusMessage("job", session_id="p1"))
    receiving, session = await receiver("plain"), await receiver("people", session_id="p1")
    lost, _ = await one(receiving), await one(session)
    broker.expire_locks("plain")
    broker.expire_locks("people")
    with pytest.raises(MessageLockLostError):
        await receiving.complete_message(lost)
    with pytest.raises(SessionLockLostError):
        await session.receive_messages(max_wait_time=3)
    again = await receiver("people", session_id="p1")
    for link in (receiving, again):
        received = await one(link)
        assert received.delivery_count == 1
        await link.complete_message(received)


async def test_bytes_that_are_no_amqp_end_their_connection_only(broker, sender, receiver):
    """HTTP, noise and a bad frame are cut off, and the next client is served as if nothing had been."""
    for noise in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 500, b"AMQP\x00\x01\x00\x00" + b"\x7f" * 100):
        reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
        writer.write(noise)
        async with asyncio.timeout(5):
            await reader.read()
        writer.close()
        await writer.wait_closed()
    await (await sender("plain")).send_messages(ServiceBusMessage("x"))
    assert broker.counts("plain").active == 1


async def test_a_stopped_broker_leaves_nothing_running(virtual):
    """After stop the port is closed, the client cut off, no task is left, and stopping again is fine."""
    before = asyncio.all_tasks()
    broker = Broker([QueueConfig("plain")], now=virtual)
    await broker.start()
    port = broker.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.sleep(0.05)
    await broker.stop()
    assert asyncio.all_tasks() == before
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()
    with pytest.raises(OSError, match=str(port)):
        await asyncio.open_connection("127.0.0.1", port)
    await broker.stop()


def test_an_unknown_queue_names_the_known_ones():
    """Asking for a queue that the broker does not have says which it has."""
    with pytest.raises(KeyError, match="no queue 'nope'; it has plain"):
        Broker([QueueConfig("plain")]).counts("nope")
