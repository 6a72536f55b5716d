"""A namespace for the client library's tests: this project's broker, or a real one.

Set LIFECYCLE_TEST_SERVICEBUS to a connection string with Manage rights on a Standard or Premium namespace to calibrate
the broker against Azure: the very same tests then run there. Create the queues of `QUEUES` first, empty, with a
LockDuration of 5 s (Azure's least) where the table says `LOCK`. Tests of the clock, the faults and the rules without
AMQP always use the local broker.
"""

import asyncio
import os
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusReceiver

from sandbox.broker import Broker, QueueConfig
from sandbox.broker.queue import Queue
from tests.sandbox.broker.envelopes import Clock

REAL_NAMESPACE = os.environ.get("LIFECYCLE_TEST_SERVICEBUS")
LOCK = 5.0 if REAL_NAMESPACE else 1.0

# A queue per behaviour where a receiver's leftover credit could take another test's message.
QUEUES = [
    QueueConfig("people", requires_session=True, lock_duration=30, duplicate_window=600),
    QueueConfig("people-next", requires_session=True, lock_duration=30),
    QueueConfig("people-late", requires_session=True, lock_duration=30),
    QueueConfig("people-aio", requires_session=True, lock_duration=30),
    QueueConfig("people-dead", requires_session=True, lock_duration=30),
    QueueConfig("people-short", requires_session=True, lock_duration=LOCK, max_delivery_count=10),
    QueueConfig("people-soak", requires_session=True, lock_duration=30, max_delivery_count=1000, duplicate_window=600),
    QueueConfig("big", lock_duration=30),
    QueueConfig("ttl", lock_duration=30),
    QueueConfig("prefetch", lock_duration=30),
    QueueConfig("sched", lock_duration=30),
    QueueConfig("sched-aio", lock_duration=30),
    QueueConfig("peek", lock_duration=30),
    QueueConfig("poison", lock_duration=30, max_delivery_count=3),
    QueueConfig("short", lock_duration=LOCK),
    QueueConfig("short-lost", lock_duration=LOCK),
]


def run_broker(ready: threading.Event, stop: threading.Event, told: list[str]) -> None:
    """Serve QUEUES on a loop of this thread until told to stop."""

    async def serve() -> None:
        broker = Broker(QUEUES)
        await broker.start()
        told.append(broker.connection_string)
        ready.set()
        await asyncio.to_thread(stop.wait)
        await broker.stop()

    asyncio.run(serve())


@pytest.fixture(scope="session")
def namespace() -> Iterator[str]:
    """The connection string of the namespace under test."""
    if REAL_NAMESPACE:
        yield REAL_NAMESPACE
        return
    ready, stop, told = threading.Event(), threading.Event(), []
    thread = threading.Thread(target=run_broker, args=(ready, stop, told), name="broker")
    thread.start()
    assert ready.wait(10), "the broker did not start"
    yield told[0]
    stop.set()
    thread.join(10)
    assert not thread.is_alive(), "the broker did not stop"


@pytest.fixture(scope="session")
def lock_seconds() -> float:
    """How long the locks of the short queues last."""
    return LOCK


@pytest.fixture(scope="session")
def closers() -> Iterator[ThreadPoolExecutor]:
    """Where links are closed: the library's close() waits up to a second, after the link is gone."""
    with ThreadPoolExecutor(32) as pool:
        yield pool


@pytest.fixture(scope="session")
def client(namespace) -> Iterator[ServiceBusClient]:
    with ServiceBusClient.from_connection_string(namespace, retry_total=0, try_timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def senders(client, closers):
    """The sender of a queue by its name; all opened at once, for each takes half a second."""
    links = {queue.name: client.get_queue_sender(queue.name) for queue in QUEUES}
    list(closers.map(lambda link: link.__enter__(), links.values()))
    yield links.__getitem__
    list(closers.map(lambda link: link.close(), links.values()))


@pytest.fixture
def person() -> str:
    """A session id that no other test uses."""
    return f"person-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def receivers(client, closers):
    """Opens receivers; they are closed in the background when the test ends."""
    opened: list[ServiceBusReceiver] = []

    def receiver(queue, **options):
        link = client.get_queue_receiver(queue, **options)
        opened.append(link)
        return link.__enter__()

    yield receiver
    for link in opened:
        closers.submit(link.close)


@pytest.fixture
async def links():
    """Opens links of asynchronous clients; closes them together when the test ends, for each takes up to a second."""
    opened = []

    async def open_link(link):
        opened.append(link)
        return await link.__aenter__()

    yield open_link
    await asyncio.gather(*[link.close() for link in opened])


@pytest.fixture
def virtual() -> Clock:
    """The virtual clock, far from the real one."""
    return Clock(1_900_000_000.0)


@pytest.fixture
def real() -> Clock:
    return Clock(50_000.0)


@pytest.fixture
def make(virtual, real):
    """Makes a queue on both clocks."""

    def queue(**config):
        return Queue(QueueConfig("q", **config), now=virtual, real=real)

    return queue
