"""Queues without sessions through the unmodified azure-servicebus library, synchronous.

Set LIFECYCLE_TEST_SERVICEBUS to a connection string to run these tests against a real namespace instead of the local
broker; `conftest.py` lists the queues it needs.
"""

import datetime as dt
import time

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceiveMode
from azure.servicebus.exceptions import (
    MessageLockLostError,
    MessageSizeExceededError,
    MessagingEntityNotFoundError,
    ServiceBusError,
)

pytestmark = pytest.mark.slow


def one(receiver):
    (received,) = receiver.receive_messages(max_wait_time=5)
    return received


def test_too_many_deliveries_lead_to_the_dead_letters(senders, receivers):
    """After max_delivery_count abandons a message is dead-lettered with the service's reason."""
    senders("poison").send_messages(ServiceBusMessage("poison"))
    receiver = receivers("poison")
    for _ in range(3):
        receiver.abandon_message(one(receiver))
    assert receiver.receive_messages(max_wait_time=0.3) == []
    dead_letters = receivers("poison", sub_queue="deadletter")
    received = one(dead_letters)
    assert received.dead_letter_reason == "MaxDeliveryCountExceeded"
    dead_letters.complete_message(received)


def test_a_message_lock_can_be_renewed_and_runs_out(senders, receivers, lock_seconds):
    """Renewing outlives the first lock; after the end settling fails and the message comes again, counted."""
    senders("short").send_messages(ServiceBusMessage("slow"))
    receiver = receivers("short")
    received = one(receiver)
    first_end = received.locked_until_utc
    time.sleep(lock_seconds * 0.6)
    assert receiver.renew_message_lock(received) > first_end
    time.sleep(lock_seconds * 0.6)
    receiver.abandon_message(received)
    received = one(receiver)
    time.sleep(lock_seconds * 1.2)
    with pytest.raises(MessageLockLostError):
        receiver.complete_message(received)
    received = one(receiver)
    assert (str(received), received.delivery_count) == ("slow", 2)
    receiver.complete_message(received)


def test_a_lost_lock_is_found_by_the_broker_too(senders, receivers, lock_seconds):
    """The broker refuses to settle after the lock's end, also when the client's own check is blinded."""
    senders("short-lost").send_messages(ServiceBusMessage("late"))
    receiver = receivers("short-lost")
    received = one(receiver)
    received._expiry = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5)
    time.sleep(lock_seconds * 1.2)
    with pytest.raises(MessageLockLostError):
        receiver.complete_message(received)
    receiver.complete_message(one(receiver))


def test_scheduled_messages_are_seen_cancelled_and_come_in_time(senders, receivers):
    """A scheduled message can be peeked and cancelled once, and is received at its time, not before."""
    when = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)
    sender, receiver = senders("sched"), receivers("sched")
    kept, cancelled = sender.schedule_messages([ServiceBusMessage("later-a"), ServiceBusMessage("later-b")], when)
    peeked = receiver.peek_messages(10)
    assert [m.sequence_number for m in peeked] == [kept, cancelled]
    assert peeked[0].state.name == "SCHEDULED"
    sender.cancel_scheduled_messages(cancelled)
    with pytest.raises(ServiceBusError):
        sender.cancel_scheduled_messages(cancelled)
    assert receiver.receive_messages(max_wait_time=0.3) == []
    received = one(receiver)
    assert str(received) == "later-a"
    assert dt.datetime.now(dt.UTC) >= when
    assert received.scheduled_enqueue_time_utc is not None
    receiver.complete_message(received)
    assert receiver.peek_messages(1) == []


def test_peeking_starts_at_a_number_and_takes_nothing(senders, receivers):
    """Peeked messages are in order, limited by the count asked for, and still there to receive."""
    senders("peek").send_messages([ServiceBusMessage(str(n)) for n in range(5)])
    receiver = receivers("peek")
    assert [str(m) for m in receiver.peek_messages(3, sequence_number=1)] == ["0", "1", "2"]
    got = []
    while len(got) < 5:
        got += receiver.receive_messages(max_message_count=5, max_wait_time=5)
    assert [str(m) for m in got] == ["0", "1", "2", "3", "4"]
    for m in got:
        receiver.complete_message(m)


def test_a_message_of_many_frames_is_received_and_deleted_at_once(senders, receivers):
    """200 KB arrive whole in RECEIVE_AND_DELETE mode, and nothing is left to receive."""
    body = b"z" * 200_000
    senders("big").send_messages(ServiceBusMessage(body))
    receiver = receivers("big", receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE)
    assert b"".join(one(receiver).body) == body
    assert receiver.peek_messages(1, sequence_number=1) == []


def test_a_message_over_the_limit_is_refused(senders):
    """300 KB do not fit into a Standard queue, and the sender can go on."""
    with pytest.raises(MessageSizeExceededError):
        senders("big").send_messages(ServiceBusMessage(b"z" * 300_000))


def test_an_unknown_queue_is_not_found(client, closers):
    """Sending to a queue that does not exist says so."""
    sender = client.get_queue_sender("nope")
    with pytest.raises(MessagingEntityNotFoundError):
        sender.send_messages(ServiceBusMessage("x"))
    closers.submit(sender.close)


def test_a_message_past_its_time_to_live_is_not_received(senders, receivers):
    """After its time to live a message is gone."""
    senders("ttl").send_messages(ServiceBusMessage("gone", time_to_live=dt.timedelta(seconds=1)))
    time.sleep(1.1)
    assert receivers("ttl").receive_messages(max_wait_time=0.3) == []


def test_an_iterating_receiver_with_prefetch_gets_all_in_order(senders, receivers):
    """Iterating with prefetch yields every message once and in order, then ends."""
    senders("prefetch").send_messages([ServiceBusMessage(str(n)) for n in range(40)])
    got = []
    receiver = receivers("prefetch", prefetch_count=20, max_wait_time=1)
    for received in receiver:
        got.append(int(str(received)))
        receiver.complete_message(received)
    assert got == list(range(40))
