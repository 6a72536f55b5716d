"""What the Service Bus adapter does beyond the port: how it connects, counts nothing, and says what went wrong."""

import asyncio
import contextlib
import time
from datetime import datetime, timedelta

import pytest
from azure.core.credentials import AccessToken
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.amqp import AmqpAnnotatedMessage

from lifecycle.adapters.servicebus import ServiceBus
from lifecycle.errors import Misconfigured, Permanent, Throttled, Transient
from lifecycle.ports import Message, Queue
from sandbox.broker import Broker, QueueConfig

NAMES = {Queue.HR: "hr-facts", Queue.WORK: "checks", Queue.NOTICES: "absent"}
KEYS = "SharedAccessKeyName=app;SharedAccessKey=c2VjcmV0;"


@pytest.fixture
async def broker():
    broker = Broker([QueueConfig("hr-facts", duplicate_window=600), QueueConfig("checks", requires_session=True)])
    await broker.start()
    yield broker
    await broker.stop()


@pytest.fixture
async def bus(broker):
    bus = ServiceBus.by_connection_string(broker.connection_string, NAMES)
    yield bus
    await bus.close()


@pytest.fixture
async def outside(broker):
    """A client that is not ours."""
    async with ServiceBusClient.from_connection_string(broker.connection_string, retry_total=0) as client:
        yield client


def messages(count, **changes):
    return [Message(f"m{number}", b"{}", **changes) for number in range(count)]


@contextlib.asynccontextmanager
async def holding(client, count):
    """Another reader that has the first messages of hr."""
    async with client.get_queue_receiver("hr-facts") as receiver:
        yield await receiver.receive_messages(count, max_wait_time=5)


@pytest.mark.slow
async def test_looking_and_taking_count_no_delivery(bus, broker, outside):
    """However often others look and take, a message that stays is delivered as if for the first time, and in order."""
    await bus.send(Queue.HR, messages(4))
    for _ in range(2):
        lying = await bus.browse(Queue.HR)
    assert await bus.take(lying[2])
    assert broker.counts("hr-facts").locked == 0
    async with holding(outside, 3) as received:
        seen = [(message.message_id, message.delivery_count, message.content_type) for message in received]
    assert seen == [(f"m{number}", 0, "application/cloudevents+json") for number in (0, 1, 3)]


@pytest.mark.slow
async def test_a_message_that_another_reader_has_is_not_taken(bus, broker, outside):
    """It is shown, taking it is Transient, and nothing is lost."""
    await bus.send(Queue.HR, messages(2))
    lying = await bus.browse(Queue.HR)
    async with holding(outside, 1):
        assert [message.id for message in await bus.browse(Queue.HR)] == ["m0", "m1"]
        with pytest.raises(Transient, match="another reader"):
            await bus.take(lying[0])
        assert broker.counts("hr-facts").locked == 1


@pytest.mark.slow
async def test_a_person_who_is_worked_on_is_not_disturbed(bus, outside):
    """While a worker has the session, its messages are shown all the same and taking one is Transient."""
    await bus.send(Queue.WORK, messages(1, session="p-1042"))
    async with outside.get_queue_receiver("checks", session_id="p-1042"):
        (lying,) = await bus.browse(Queue.WORK)
        with pytest.raises(Transient, match="SessionCannotBeLocked"):
            await bus.take(lying)


@pytest.mark.slow
async def test_a_broken_connection_is_made_anew(bus, broker):
    """A send after the connections were cut goes through at the first call."""
    await bus.send(Queue.HR, messages(1))
    broker.drop_connections()
    await bus.send(Queue.HR, messages(2))
    assert broker.counts("hr-facts").active == 2


@pytest.mark.slow
async def test_a_busy_namespace_is_throttled_after_one_retry(bus, broker):
    """One refusal is retried within the call; more are Throttled, with the time that Microsoft asks for."""
    broker.fail_next_sends("hr-facts", 1)
    await bus.send(Queue.HR, messages(1))
    broker.fail_next_sends("hr-facts", 9)
    with pytest.raises(Throttled) as caught:
        await bus.send(Queue.HR, messages(3))
    assert caught.value.retry_after == timedelta(seconds=10)
    broker.fail_next_sends("hr-facts", 0)
    await bus.send(Queue.HR, messages(3))
    assert broker.counts("hr-facts").active == 3


@pytest.mark.slow
async def test_a_queue_that_is_not_there_is_permanent(bus):
    """A wrong name is said with its role, for sending and for looking."""
    with pytest.raises(Permanent, match=r"notices \(absent\) does not exist"):
        await bus.send(Queue.NOTICES, messages(1))
    with pytest.raises(Permanent, match="does not exist"):
        await bus.browse(Queue.NOTICES)


@pytest.mark.slow
async def test_a_stopped_broker_is_transient_and_soon_so(bus, broker):
    """With nobody there a call fails within its time, and works again when the broker is back."""
    await broker.stop()
    begun = time.monotonic()
    with pytest.raises(Transient):
        await bus.send(Queue.HR, messages(1))
    assert time.monotonic() - begun < 45
    await broker.start()
    await bus.send(Queue.HR, messages(1))
    assert broker.counts("hr-facts").active == 1


@pytest.mark.slow
async def test_a_message_of_any_shape_can_be_looked_at(bus, outside):
    """What strangers send, bodies that are no bytes and properties that are no text, does not break the listing."""
    async with outside.get_queue_sender("hr-facts") as sender:
        await sender.send_messages(AmqpAnnotatedMessage(value_body={"a": 1}))
        await sender.send_messages(AmqpAnnotatedMessage(sequence_body=[[1, "b"]]))
        await sender.send_messages(ServiceBusMessage(b"\xff", application_properties={"n": 7, "b": b"x"}))
    shown = [(message.body, message.properties) for message in await bus.browse(Queue.HR)]
    assert shown[0] == (b"{b'a': 1}", {})
    assert shown[1][0].startswith(b"[[1, ")
    assert shown[2] == (b"\xff", {"n": "7", "b": "x"})


@pytest.mark.slow
async def test_a_send_that_is_cut_off_leaves_a_usable_bus(bus, broker, monkeypatch):
    """A send that runs out of time is Transient, and the next one opens a new link."""
    await bus.send(Queue.HR, messages(1))
    monkeypatch.setattr("lifecycle.adapters.servicebus.connection.WHOLE", timedelta(seconds=-5))
    with pytest.raises(Transient, match="TimeoutError"):
        await bus.send(Queue.HR, messages(2))
    assert Queue.HR not in bus._senders
    monkeypatch.undo()
    await bus.send(Queue.HR, messages(3))
    assert broker.counts("hr-facts").active == 3


class LocalToken:
    """Stands in for an identity."""

    async def get_token(self, *scopes, **options):
        return AccessToken("a.b.c", int(time.time()) + 3600)

    async def close(self):
        pass


@pytest.mark.slow
async def test_an_identity_speaks_tls_to_its_namespace():
    """By identity the connection is TLS on 5671: on this machine nobody is there, which is Transient."""
    bus = ServiceBus.by_identity("localhost", LocalToken(), NAMES)
    with pytest.raises(Transient):
        await bus.send(Queue.HR, messages(1))
    await bus.close()


@pytest.mark.slow
async def test_an_identity_sends(broker):
    """The token of the identity opens the links."""
    bus = ServiceBus(
        lambda: ServiceBusClient(f"localhost:{broker.port}", LocalToken(), use_tls=False, try_timeout=10), NAMES
    )
    await bus.send(Queue.HR, messages(1))
    assert broker.counts("hr-facts").active == 1
    await bus.close()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "malformed"),
        ("nonsense", "malformed"),
        (f"Endpoint=localhost:5672;{KEYS}UseDevelopmentEmulator=true", "malformed"),
        ("Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=app", "malformed"),
        (f"Endpoint=sb://x.servicebus.windows.net/;{KEYS}EntityPath=hr", "EntityPath"),
        (f"Endpoint=sb://x.servicebus.windows.net;{KEYS}UseDevelopmentEmulator=true", "this machine"),
        (f"Endpoint=sb://10.0.0.1:5672;{KEYS}UseDevelopmentEmulator=true", "this machine"),
        (f"Endpoint=sb://localhost.example.org;{KEYS}UseDevelopmentEmulator=true", "this machine"),
        (f"Endpoint=sb://127.0.0.1@evil.example;{KEYS}UseDevelopmentEmulator=true", "this machine"),
        (f"Endpoint=sb://x.example;{KEYS}usedevelopmentemulator=true", "this machine"),
        (f"Endpoint=sb://localhost:5672;{KEYS}UseDevelopmentEmulator=True", "small letters"),
    ],
)
def test_a_wrong_connection_string_is_refused_at_the_start(text, match):
    """It is said what is wrong, and the key is never repeated."""
    with pytest.raises(Misconfigured, match=match) as caught:
        ServiceBus.by_connection_string(text, NAMES)
    assert "c2VjcmV0" not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost:5672", "127.0.0.1", "127.0.0.9:1", "[::1]:5672", "LOCALHOST"])
def test_a_broker_on_this_machine_may_do_without_tls(host):
    """Loopback in every spelling is accepted, and nothing is opened yet."""
    ServiceBus.by_connection_string(f"Endpoint=sb://{host};{KEYS}UseDevelopmentEmulator=true;", NAMES)
    ServiceBus.by_connection_string(f"Endpoint=sb://x.servicebus.windows.net/;{KEYS}", NAMES)


async def test_what_the_caller_got_wrong_is_said_before_anything_is_sent():
    """A role without a queue, an id that is too long, an instant without a zone."""
    bus = ServiceBus.by_connection_string(f"Endpoint=sb://localhost:1;{KEYS}UseDevelopmentEmulator=true", NAMES)
    with pytest.raises(Misconfigured, match="role sweeps"):
        await bus.send(Queue.SWEEPS, messages(1))
    with pytest.raises(Permanent, match="128"):
        await bus.send(Queue.HR, [Message("m" * 129, b"{}")])
    with pytest.raises(Permanent, match="128"):
        await bus.send(Queue.WORK, [Message("m", b"{}", session="p" * 129)])
    with pytest.raises(ValueError, match="aware"):
        await bus.send(Queue.HR, messages(1), at=datetime(2026, 3, 2))  # noqa: DTZ001 - that is the point
    await bus.send(Queue.HR, [])
    await asyncio.gather(bus.close(), bus.close())
