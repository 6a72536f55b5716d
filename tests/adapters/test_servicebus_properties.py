"""How the namespace is looked at: by AMQP on the sandbox's broker, by the management endpoint where there is one."""

import asyncio
import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.core.exceptions import ServiceRequestError as NoConnection
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import ServiceBusAuthorizationError
from azure.servicebus.management import EntityStatus

from lifecycle.adapters.servicebus import ServiceBus, properties
from lifecycle.adapters.servicebus.properties import ServiceBusNamespace
from lifecycle.core.configured import QueueSeen
from lifecycle.errors import Misconfigured, Refused, Transient
from lifecycle.ports import Message, Queue
from sandbox.broker import Broker, QueueConfig

pytestmark = pytest.mark.slow

NAMES = {Queue.HR: "hr", Queue.WORK: "work", Queue.SWEEPS: "gone"}
LOCAL = "a broker on this machine has no management endpoint"


@pytest.fixture
async def broker():
    broker = Broker([QueueConfig("hr", duplicate_window=600), QueueConfig("work", requires_session=True)])
    await broker.start()
    yield broker
    await broker.stop()


class Administration:
    """The management endpoint, answering once."""

    def __init__(self, answer):
        self.answer = answer

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    async def get_queue(self, name):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def with_management(broker, answer):
    def connect():
        return ServiceBusClient.from_connection_string(broker.connection_string, retry_total=0, try_timeout=10)

    return ServiceBusNamespace(connect, lambda: Administration(answer), NAMES)


async def test_what_amqp_shows(broker):
    """There, with or without sessions, how much lies in it; looking takes, counts and locks nobody's message."""
    bus = ServiceBus.by_connection_string(broker.connection_string, NAMES)
    await bus.send(Queue.HR, [Message(f"m{number}", b"{}") for number in range(3)])
    await bus.send(Queue.WORK, [Message("m", b"{}", session="p1")])
    await bus.close()
    namespace = ServiceBusNamespace.by_connection_string(broker.connection_string, NAMES)
    hr, work = await asyncio.gather(namespace.look(Queue.HR), namespace.look(Queue.WORK))
    assert hr == QueueSeen(sessions=False, waiting=3, dead=0, hidden=LOCAL)
    assert work == QueueSeen(sessions=True, waiting=1, dead=0, hidden=LOCAL)
    assert (broker.counts("hr").active, broker.counts("hr").locked) == (3, 0)
    assert (broker.counts("work").active, broker.counts("work").locked) == (1, 0)
    assert list(namespace.sessions) == [Queue.WORK]
    async with (
        ServiceBusClient.from_connection_string(broker.connection_string) as client,
        client.get_queue_receiver("hr") as receiver,
    ):
        assert [message.delivery_count for message in await receiver.receive_messages(3, max_wait_time=5)] == [0, 0, 0]


async def test_a_queue_that_is_not_there(broker):
    """Is permanent and says what to do; so does a role without a name."""
    namespace = ServiceBusNamespace.by_connection_string(broker.connection_string, NAMES)
    with pytest.raises(Refused, match=r"sweeps .gone. does not exist; deploy it") as absent:
        await namespace.look(Queue.SWEEPS)
    assert absent.value.status == 404
    with pytest.raises(Misconfigured, match="notices"):
        await namespace.look(Queue.NOTICES)
    with pytest.raises(Refused, match="does not exist"):
        await with_management(broker, ResourceNotFoundError("no")).look(Queue.HR)


async def test_an_identity_that_may_not_read():
    """Is told as denied, with the role that it lacks."""

    def connect():
        raise ServiceBusAuthorizationError(message="no")

    with pytest.raises(Refused, match="Data Receiver") as denied:
        await ServiceBusNamespace(connect, None, NAMES).look(Queue.HR)
    assert denied.value.status == 403


async def test_nobody_answers():
    """A namespace that cannot be reached is transient, soon."""
    text = "Endpoint=sb://localhost:9;SharedAccessKeyName=a;SharedAccessKey=b;UseDevelopmentEmulator=true;"
    namespace = ServiceBusNamespace.by_connection_string(text, NAMES)
    with pytest.raises(Transient, match="hr"):
        await namespace.look(Queue.HR)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ClientAuthenticationError("no", response=SimpleNamespace(status_code=401, reason="no")), "may not read"),
        (HttpResponseError("no", response=SimpleNamespace(status_code=403, reason="no")), "may not read"),
        (HttpResponseError("no", response=SimpleNamespace(status_code=500, reason="no")), "answer was 500"),
        (NoConnection("no"), "did not answer"),
        (ClientAuthenticationError("no token"), "answer was no token"),
        (TimeoutError(), "did not answer"),
    ],
)
async def test_why_properties_cannot_be_read(error, why):
    """No right, no answer, no token: each is a reason and no failure."""
    namespace = ServiceBusNamespace(ServiceBusClient, lambda: Administration(error), NAMES)
    found, hidden = await namespace._properties("work")
    assert found is None
    assert re.search(why, hidden)


async def test_without_properties_amqp_is_asked(broker):
    """What it shows is told all the same, and with properties it is not asked for the kind again."""
    seen = await with_management(broker, NoConnection("no")).look(Queue.WORK)
    assert (seen.sessions, seen.lock, seen.duplicates, seen.waiting) == (True, None, None, 0)


async def test_properties_that_can_be_read(broker):
    """All that is judged, in our words."""
    answer = SimpleNamespace(
        requires_session=True,
        requires_duplicate_detection=True,
        duplicate_detection_history_time_window=timedelta(minutes=10),
        lock_duration=timedelta(minutes=1),
        max_delivery_count=10,
        enable_partitioning=False,
        default_message_time_to_live="P10675199DT2H48M5.4775807S",
        dead_lettering_on_message_expiration=True,
        status=EntityStatus.DISABLED,
    )
    assert await with_management(broker, answer).look(Queue.WORK) == QueueSeen(
        sessions=True,
        duplicates=True,
        window=timedelta(minutes=10),
        lock=timedelta(minutes=1),
        deliveries=10,
        partitioned=False,
        dead_on_expiry=True,
        active=False,
        waiting=0,
        dead=0,
    )
    answer.status = "Active"
    assert (await with_management(broker, answer).look(Queue.WORK)).active is True


async def test_a_queue_of_the_wrong_kind(broker):
    """A queue without sessions where there must be some is told by AMQP alone."""
    swapped = {Queue.HR: "work", Queue.WORK: "hr"}
    namespace = ServiceBusNamespace.by_connection_string(broker.connection_string, swapped)
    assert [(await namespace.look(queue)).sessions for queue in swapped] == [True, False]


async def test_a_session_that_another_check_has(broker):
    """Two checks at once both see a queue with sessions."""
    async with (
        ServiceBusClient.from_connection_string(broker.connection_string) as client,
        client.get_queue_receiver("work", session_id=properties.NO_ONES),
    ):
        namespace = ServiceBusNamespace.by_connection_string(broker.connection_string, NAMES)
        assert (await namespace.look(Queue.WORK)).sessions is True
