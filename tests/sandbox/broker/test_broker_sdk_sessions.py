"""Sessions through the unmodified azure-servicebus library, synchronous.

Set LIFECYCLE_TEST_SERVICEBUS to a connection string to run these tests against a real namespace instead of the local
broker; `conftest.py` lists the queues it needs.
"""

import datetime as dt
import threading
import time
import uuid

import pytest
from azure.servicebus import NEXT_AVAILABLE_SESSION, AutoLockRenewer, ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.exceptions import (
    MessageNotFoundError,
    OperationTimeoutError,
    ServiceBusError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)

pytestmark = pytest.mark.slow


def message(body, session_id, **properties):
    return ServiceBusMessage(body, session_id=session_id, **properties)


def one(receiver):
    (received,) = receiver.receive_messages(max_wait_time=5)
    return received


def test_a_session_gets_singles_batches_and_lists_in_order_with_their_properties(senders, receivers, person):
    """What was sent one by one, as a batch and as a list arrives once, in order, with every property."""
    sender = senders("people")
    sender.send_messages(
        message(
            b"one",
            person,
            message_id=f"{person}1",
            application_properties={"k": "v"},
            subject="hire",
            correlation_id="c1",
            content_type="application/json",
        )
    )
    batch = sender.create_message_batch()
    for n in (2, 3, 4):
        batch.add_message(message(f"m{n}", person, message_id=f"{person}{n}"))
    sender.send_messages(batch)
    sender.send_messages([message(f"m{n}", person, message_id=f"{person}{n}") for n in (5, 6)])

    receiver = receivers("people", session_id=person)
    assert receiver.session.session_id == person
    assert receiver.session.locked_until_utc > dt.datetime.now(dt.UTC)
    got = []
    while len(got) < 6:
        got += receiver.receive_messages(max_message_count=10, max_wait_time=5)
    assert [m.message_id for m in got] == [f"{person}{n}" for n in range(1, 7)]
    assert [str(m) for m in got] == ["one", "m2", "m3", "m4", "m5", "m6"]
    assert [m.sequence_number for m in got] == sorted(m.sequence_number for m in got)
    first = got[0]
    assert first.application_properties == {b"k": b"v"}
    assert (first.subject, first.correlation_id, first.content_type) == ("hire", "c1", "application/json")
    assert first.enqueued_time_utc is not None
    assert isinstance(first.lock_token, uuid.UUID)
    assert all(m.session_id == person and m.delivery_count == 0 for m in got)
    for m in got:
        receiver.complete_message(m)
    assert receiver.receive_messages(max_wait_time=0.3) == []


def test_the_next_available_session_is_held_by_one_receiver_only(senders, receivers, person):
    """A held session is refused to a second receiver by name, and passed over when any session is asked for."""
    senders("people-next").send_messages(message("x", person))
    receiver = receivers("people-next", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=5)
    assert receiver.session.session_id == person
    with pytest.raises(SessionCannotBeLockedError):
        receivers("people-next", session_id=person)
    began = time.monotonic()
    with pytest.raises(OperationTimeoutError):
        receivers("people-next", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=0.5)
    assert time.monotonic() - began < 4
    receiver.complete_message(one(receiver))


def test_next_available_waits_for_a_message_to_come(senders, receivers, person):
    """A receiver that asks for any session while there is none gets the one that comes up."""
    later = threading.Timer(0.8, senders("people-late").send_messages, [message("late", person)])
    later.start()
    receiver = receivers("people-late", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=8)
    received = one(receiver)
    assert received.session_id == person
    receiver.complete_message(received)
    later.join()


def test_an_abandoned_message_comes_again_first_and_counts(senders, receivers, person):
    """Abandoning serves the same message next, with one delivery more, before what follows it."""
    senders("people").send_messages([message("a", person), message("b", person)])
    receiver = receivers("people", session_id=person)
    for deliveries in range(3):
        received = one(receiver)
        assert (str(received), received.delivery_count) == ("a", deliveries)
        receiver.abandon_message(received)
    for body, deliveries in (("a", 3), ("b", 0)):
        received = one(receiver)
        assert (str(received), received.delivery_count) == (body, deliveries)
        receiver.complete_message(received)


def test_a_dead_letter_keeps_the_message_and_tells_the_reason(senders, receivers, person):
    """Dead-lettering moves the whole message and adds reason and description."""
    senders("people-dead").send_messages(message("bad", person, message_id=person, application_properties={"k": 1}))
    receiver = receivers("people-dead", session_id=person)
    receiver.dead_letter_message(one(receiver), reason="PoisonPerson", error_description="no such person")
    dead_letters = receivers("people-dead", sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    received = one(dead_letters)
    assert received.dead_letter_reason == "PoisonPerson"
    assert received.dead_letter_error_description == "no such person"
    assert (received.message_id, received.session_id, str(received)) == (person, person, "bad")
    assert received.application_properties[b"k"] == 1
    dead_letters.complete_message(received)


def test_a_session_lock_can_be_renewed_and_runs_out(senders, receivers, person, lock_seconds):
    """Renewing outlives the first lock; after the end settling fails, and the delivery has counted."""
    senders("people-short").send_messages(message("job", person))
    receiver = receivers("people-short", session_id=person)
    received = one(receiver)
    time.sleep(lock_seconds * 0.6)
    receiver.session.renew_lock()
    time.sleep(lock_seconds * 0.6)
    receiver.abandon_message(received)
    received = one(receiver)
    assert received.delivery_count == 1
    time.sleep(lock_seconds * 1.2)
    with pytest.raises(SessionLockLostError):
        receiver.complete_message(received)
    second = receivers("people-short", session_id=person)
    received = one(second)
    assert received.delivery_count == 2
    second.complete_message(received)


def test_closing_a_session_gives_messages_back_uncounted(senders, receivers, person):
    """A receiver that closes with unsettled messages returns them as if never delivered."""
    senders("people").send_messages(message("job", person))
    first = receivers("people", session_id=person)
    assert one(first).delivery_count == 0
    first.close()
    second = receivers("people", session_id=person)
    received = one(second)
    assert received.delivery_count == 0
    second.complete_message(received)


def test_the_auto_lock_renewer_keeps_a_session(senders, receivers, person, lock_seconds):
    """The library's renewer holds a session for more than twice its lock."""
    senders("people-short").send_messages(message("long job", person))
    with AutoLockRenewer() as renewer:
        receiver = receivers("people-short", session_id=person, auto_lock_renewer=renewer)
        received = one(receiver)
        time.sleep(lock_seconds * 2.3)
        receiver.complete_message(received)


def test_session_state_stays_until_it_is_set_to_none(receivers, person):
    """State outlives its receiver and an empty session; None removes it."""
    first = receivers("people", session_id=person)
    assert first.session.get_state() is None
    first.session.set_state("step-2")
    assert first.session.get_state() == b"step-2"
    first.close()
    second = receivers("people", session_id=person)
    assert second.session.get_state() == b"step-2"
    second.session.set_state(None)
    assert second.session.get_state() is None


def test_a_repeated_message_id_is_accepted_and_dropped(senders, receivers, person):
    """Within the window the second message with an id disappears, though its send succeeds."""
    for body in ("first", "again"):
        senders("people").send_messages(message(body, person, message_id=f"dup-{person}"))
    receiver = receivers("people", session_id=person)
    received = one(receiver)
    assert str(received) == "first"
    receiver.complete_message(received)
    assert receiver.receive_messages(max_wait_time=0.3) == []


def test_a_deferred_message_is_taken_by_its_number_only(senders, receivers, person):
    """Deferring lets the next message pass; the deferred one comes by number, once."""
    senders("people").send_messages([message("d", person), message("e", person)])
    receiver = receivers("people", session_id=person)
    deferred = one(receiver)
    receiver.defer_message(deferred)
    following = one(receiver)
    assert str(following) == "e"
    receiver.complete_message(following)
    (again,) = receiver.receive_deferred_messages(deferred.sequence_number)
    assert str(again) == "d"
    receiver.complete_message(again)
    with pytest.raises(MessageNotFoundError):
        receiver.receive_deferred_messages(deferred.sequence_number)


def test_a_session_queue_refuses_messages_and_receivers_without_session(senders, receivers):
    """Neither a message without session id nor a receiver without session gets in."""
    with pytest.raises(ServiceBusError):
        senders("people").send_messages(ServiceBusMessage("no session"))
    with pytest.raises(ServiceBusError):
        receivers("people")


def test_sessions_with_messages_are_listed(client, senders, receivers, person):
    """A session appears in the list while it has a message, and no longer after."""
    senders("people").send_messages(message("x", person))
    assert person in list(client.list_queue_sessions("people"))
    receiver = receivers("people", session_id=person)
    receiver.complete_message(one(receiver))
    assert person not in list(client.list_queue_sessions("people"))
