"""What was set aside, over the real broker and in the whole app: listed side by side, replayed, discarded, recorded."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from azure.servicebus.aio import ServiceBusClient

from lifecycle import messages
from lifecycle.adapters.servicebus import ServiceBus
from lifecycle.core.evidence import Tag, first_break
from lifecycle.core.work import Disposal, Dispose
from lifecycle.dispose import dispose
from lifecycle.ports import Message, Queue
from lifecycle.quarantine import CONSUMED, Quarantine, name_of, set_aside
from lifecycle.records import ledger
from lifecycle.settings import from_environment
from lifecycle.wiring import Wiring
from sandbox.broker import Broker, QueueConfig
from sandbox.sandbox import Sandbox, SandboxOptions
from tests.builders import EVERYONE, Company, a_model
from tests.sandbox.test_whole_app import send

pytestmark = pytest.mark.slow
ME = "entra:me"


@pytest.fixture
async def broker():
    queues = [QueueConfig(str(q), requires_session=q is Queue.WORK, duplicate_window=600) for q in Queue]
    broker = Broker(queues)
    await broker.start()
    yield broker
    await broker.stop()


@pytest.fixture
async def ports(broker):
    """The app's ports on a real broker that nothing consumes, with records in memory."""
    bus = ServiceBus.by_connection_string(broker.connection_string, {queue: str(queue) for queue in Queue})
    yield replace(Company(a_model(EVERYONE)).ports, bus=bus, lectern=bus)
    await bus.close()


async def give_up(broker, ports, queue, *ids, session=None):
    """Let the broker have dead letters of a queue, as after ten deliveries."""
    await ports.bus.send(queue, [Message(name, b"{}", session=session) for name in ids])
    async with (
        ServiceBusClient.from_connection_string(broker.connection_string) as client,
        client.get_queue_receiver(str(queue), session_id=session) as receiver,
    ):
        for message in await receiver.receive_messages(len(ids), max_wait_time=5):
            await receiver.dead_letter_message(message, reason="MaxDeliveryCountExceeded")


async def lying(ports, *queues):
    found = await Quarantine(ports.lectern, ports.bodies).everything(queues or CONSUMED)
    return [name_of(one) for one in found]


async def chain(records):
    found = await ledger.chain_in(records, ledger.partition_of(f"operator:{ME}"))
    assert first_break(found) is None
    return [one.tag for one in found]


async def test_dead_letters_and_quarantined_messages_are_replayed_and_discarded(broker, ports):
    """Each goes by its name, the others keep their place, and asking twice is asking once."""
    await give_up(broker, ports, Queue.HR, "h1", "h2", "h3")
    await give_up(broker, ports, Queue.WORK, "w1", session="e1")
    await set_aside(Queue.PROJECTS, b"{", "$: is no JSON", ports)
    everything = await lying(ports)
    assert len(everything) == 5
    (ours,) = await lying(ports, Queue.PROJECTS)
    (work,) = await lying(ports, Queue.WORK)
    first, second, third = await lying(ports, Queue.HR)

    again = Dispose("r1", Disposal.REPLAY, (second, work, ours), ME, "mended")
    await dispose(again, ports)
    await dispose(again, ports)
    assert await lying(ports) == [first, third]
    assert [len(await ports.lectern.browse(queue)) for queue in (Queue.HR, Queue.WORK, Queue.PROJECTS)] == [1, 1, 1]
    assert [one.session for one in await ports.lectern.browse(Queue.WORK)] == ["e1"]

    await dispose(Dispose("r2", Disposal.DISCARD, (third,), ME, "a test"), ports)
    assert await lying(ports) == [first]
    assert len(await ports.lectern.browse(Queue.HR)) == 1
    assert await chain(ports.records) == [
        *[Tag.REPLAY_INTENDED, Tag.REPLAYED] * 3,
        Tag.DISCARD_INTENDED,
        Tag.DISCARDED,
    ]


async def test_killed_between_sending_and_taking_it_is_sent_once(broker, ports):
    """The broker knows the replay's id; the second time the message is only taken, and recorded."""
    await give_up(broker, ports, Queue.HR, "h1")
    (name,) = await lying(ports)
    asked = Dispose("r1", Disposal.REPLAY, (name,), ME, "mended")

    class Dies:
        browse = ports.lectern.browse

        async def take(self, message):
            raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        await dispose(asked, replace(ports, lectern=Dies()))
    assert await chain(ports.records) == [Tag.REPLAY_INTENDED]
    assert (len(await ports.lectern.browse(Queue.HR)), await lying(ports)) == (1, [name])
    await dispose(asked, ports)
    assert (len(await ports.lectern.browse(Queue.HR)), await lying(ports)) == (1, [])
    assert await chain(ports.records) == [Tag.REPLAY_INTENDED, Tag.REPLAYED]


async def test_all_queues_are_looked_into_in_the_time_of_few(broker, ports):
    """Six links are opened side by side: one after the other they cost a second each."""
    begun = time.monotonic()
    await ports.lectern.browse(Queue.QUARANTINE)
    one = time.monotonic() - begun
    begun = time.monotonic()
    assert await lying(ports) == []
    assert time.monotonic() - begun < 3 * one


async def test_in_the_whole_app_a_message_on_sweeps_does_it(tmp_path):
    """The deployed triggers set aside, replay and discard; what is still wrong comes back under another name."""
    async with Sandbox(SandboxOptions(records=tmp_path)) as sandbox:
        await send(sandbox, "hr", "{", '{"specversion": "1.0"}')
        await sandbox.idle()
        wiring = Wiring(from_environment(sandbox.ready.settings))
        try:
            ports = await wiring.ports()
            first, second = await lying(ports)
            asked = (
                Dispose("r1", Disposal.DISCARD, (first,), ME, "a test"),
                Dispose("r2", Disposal.REPLAY, (second,), ME, "mended"),
            )
            for one in asked:
                await messages.ask(ports.bus, one, now=ports.clock.now())
            await sandbox.idle()
            await sandbox.advance(timedelta(minutes=5))  # one that met the other's lock is asked again
            (left,) = await lying(ports)
            assert left not in {first, second}
            assert sorted(await chain(ports.records)) == sorted(
                [Tag.DISCARD_INTENDED, Tag.DISCARDED, Tag.REPLAY_INTENDED, Tag.REPLAYED]
            )
        finally:
            await wiring.close()
