"""The rules of a queue without AMQP connections: both clocks are passed in and moved by hand."""

import uuid

import pytest
from proton import Described, symbol, ulong
from proton import Message as Envelope

from sandbox.broker.config import QueueCounts
from sandbox.broker.errors import BrokerError
from tests.sandbox.broker.envelopes import body_of, encoded, take


def test_messages_come_in_the_order_they_were_sent(make):
    """Without sessions the oldest message comes first, numbered upwards."""
    queue = make()
    assert queue.send([encoded("a"), encoded("b")]) == [1, 2]
    assert [body_of(take(queue)), body_of(take(queue))] == ["a", "b"]
    assert queue.take() is None


def test_each_message_counts_in_one_place(make, virtual):
    """Active, locked, scheduled, deferred and dead add up, whatever became of the messages."""
    queue = make()
    queue.send([encoded(str(n)) for n in range(4)] + [encoded("later", at=virtual.now + 60)])
    take(queue)
    queue.defer(take(queue).lock.token)
    queue.dead_letter(take(queue).lock.token, "R", "D")
    assert queue.counts() == QueueCounts(active=1, locked=1, scheduled=1, deferred=1, dead=1)


def test_a_batch_is_taken_whole_or_not_at_all(make):
    """One message without session id keeps a whole batch out of a session queue."""
    queue = make(requires_session=True)
    with pytest.raises(BrokerError) as refusal:
        queue.send([encoded("a", session="p"), encoded("b")])
    assert refusal.value.condition == "amqp:not-allowed"
    assert queue.size == 0


@pytest.mark.parametrize("noise", [b"x", b"\x00", b"\x00\x53\x75\xa0\xff", b"\x00\x53\x70" + b"\x00" * 9000])
def test_bytes_that_are_no_message_are_refused(make, noise):
    """Noise, truncated and deeply nested values are a refusal, not a crash."""
    with pytest.raises(BrokerError) as refusal:
        make().send([noise])
    assert refusal.value.condition == "com.microsoft:argument-error"


def test_what_the_broker_does_not_read_stays_as_it_was_sent(make):
    """A body with described and nested values comes out as it went in."""
    body = Described(symbol("x:y"), {"k": [1, Described(ulong(7), "z" * 300)]})
    queue = make()
    queue.send([encoded(body)])
    assert body_of(take(queue)) == body


def test_dead_letters_keep_the_same_clocks(make, real):
    """The lock of a dead letter runs out on the real clock that was passed in, and never buries it again."""
    queue = make(lock_duration=30, max_delivery_count=1)
    queue.send([encoded("a")])
    queue.abandon(take(queue).lock.token)
    for _ in range(3):
        assert take(queue.dead_letters).lock.until == real.now + 30
        real.now += 30
        assert queue.dead_letters.expire_locks() == (True, [])
    assert queue.counts().dead == 1


def test_an_abandoned_message_keeps_its_place(make):
    """Abandoning puts a message back before its followers, with one delivery more."""
    queue = make()
    queue.send([encoded("a"), encoded("b")])
    queue.abandon(take(queue).lock.token)
    again = take(queue)
    assert (body_of(again), again.delivery_count) == ("a", 1)


def test_a_released_message_does_not_count(make):
    """Releasing gives a message back as if never delivered."""
    queue = make(max_delivery_count=1)
    queue.send([encoded("a")])
    queue.release(take(queue).lock.token)
    assert take(queue).delivery_count == 0


def test_the_last_delivery_leads_to_the_dead_letters(make):
    """The abandon that reaches max_delivery_count dead-letters with the service's reason and source."""
    queue = make(max_delivery_count=2)
    queue.send([encoded("a")])
    for _ in range(2):
        queue.abandon(take(queue).lock.token)
    assert queue.take() is None
    dead = take(queue.dead_letters)
    envelope = Envelope()
    envelope.decode(dead.encode())
    assert envelope.properties["DeadLetterReason"] == "MaxDeliveryCountExceeded"
    assert envelope.annotations["x-opt-deadletter-source"] == "q"
    assert envelope.body == "a"


def test_a_lock_runs_out_on_real_time_only(make, virtual, real):
    """A year on the virtual clock leaves a lock alone; its duration on the real one ends it, counted."""
    queue = make(lock_duration=30)
    queue.send([encoded("a")])
    token = take(queue).lock.token
    virtual.now += 365 * 86400
    assert queue.expire_locks() == (False, [])
    real.now += 29.9
    assert queue.held(token)
    real.now += 0.1
    with pytest.raises(BrokerError) as lost:
        queue.complete(token)
    assert lost.value.condition == "com.microsoft:message-lock-lost"
    assert queue.expire_locks() == (True, [])
    assert take(queue).delivery_count == 1


def test_a_renewed_lock_lasts_from_its_renewal(make, real):
    """Renewing moves the end; the old end passes without effect."""
    queue = make(lock_duration=30)
    queue.send([encoded("a")])
    token = take(queue).lock.token
    real.now += 20
    assert queue.renew(token) == real.now + 30
    real.now += 20
    assert queue.expire_locks() == (False, [])
    queue.complete(token)
    assert queue.size == 0


def test_a_settled_lock_is_lost(make):
    """A token settles once."""
    queue = make()
    queue.send([encoded("a")])
    token = take(queue).lock.token
    queue.complete(token)
    for settle in (queue.complete, queue.abandon, queue.defer, queue.renew):
        with pytest.raises(BrokerError):
            settle(token)


def test_a_schedule_releases_at_its_virtual_time_under_a_new_number(make, virtual):
    """A scheduled message is enqueued when its time has come, behind what was sent meanwhile."""
    queue = make()
    due = virtual.now + 3600
    queue.send([encoded("later", at=due)])
    queue.send([encoded("now")])
    assert queue.next_due() == due
    virtual.now = due
    assert queue.catch_up()
    assert queue.next_due() is None
    assert [body_of(take(queue)), body_of(later := take(queue))] == ["now", "later"]
    assert (later.sequence_number, later.enqueued) == (3, due)


def test_a_cancelled_schedule_is_gone(make, virtual):
    """Cancelling works once and only while the message is scheduled."""
    queue = make()
    numbers = queue.send([encoded("a", at=virtual.now + 60), encoded("b", at=virtual.now + 120)])
    queue.cancel_scheduled(numbers[0])
    assert queue.next_due() == virtual.now + 120
    with pytest.raises(BrokerError):
        queue.cancel_scheduled(numbers[0])
    virtual.now += 120
    assert body_of(take(queue)) == "b"
    with pytest.raises(BrokerError):
        queue.cancel_scheduled(numbers[1])


def test_time_to_live_counts_from_enqueueing(make, virtual):
    """A scheduled message lives from its release on, the shorter of its own and the queue's time, then is gone."""
    queue = make(default_ttl=100)
    queue.send([encoded("a", ttl=10, at=virtual.now + 50), encoded("b", ttl=1000)])
    virtual.now += 59
    assert queue.catch_up()
    assert queue.counts().active == 2
    virtual.now += 10
    queue.catch_up()
    assert [body_of(message) for message in queue.peek(1, 9)] == ["b"]
    virtual.now += 31
    assert queue.take() is None


def test_an_expired_message_is_dead_lettered_if_the_queue_says_so(make, virtual):
    """With dead_letter_on_expiration the message is kept, with the service's reason; a locked one once it is back."""
    queue = make(default_ttl=10, dead_letter_on_expiration=True)
    queue.send([encoded("held"), encoded("free")])
    token = take(queue).lock.token
    virtual.now += 10
    queue.catch_up()
    assert queue.counts() == QueueCounts(active=0, locked=1, scheduled=0, deferred=0, dead=1)
    queue.abandon(token)
    assert queue.counts() == QueueCounts(active=0, locked=0, scheduled=0, deferred=0, dead=2)
    assert b"TTLExpiredException" in take(queue.dead_letters).encode()


def test_duplicates_are_dropped_within_the_window_only(make, virtual):
    """The same id within the window answers the first number and keeps one message; after it, both are kept."""
    queue = make(duplicate_window=600)
    assert queue.send([encoded("a", message_id="m")]) == [1]
    virtual.now += 599
    assert queue.send([encoded("b", message_id="m"), encoded("c"), encoded("d")]) == [1, 2, 3]
    virtual.now += 1
    assert queue.send([encoded("e", message_id="m")]) == [4]
    assert queue.size == 4


@pytest.mark.parametrize("message_id", ["m", b"m", ulong(7), uuid.UUID(int=7)])
def test_an_id_of_any_amqp_type_is_told_from_others(make, message_id):
    """Message ids may be strings, binary, numbers and UUIDs; each is a duplicate of itself only."""
    queue = make(duplicate_window=600)
    assert queue.send([encoded(message_id=message_id), encoded(message_id="other")]) == [1, 2]
    assert queue.send([encoded(message_id=message_id)]) == [1]


def test_annotations_of_the_sender_are_kept(make):
    """What a sender annotates, binary included, reaches the receiver beside the broker's own annotations."""
    envelope = Envelope(body="a", annotations={symbol("x-own"): b"\x00\xff"})
    queue = make()
    queue.send([envelope.encode()])
    received = Envelope()
    received.decode(take(queue).encode())
    assert bytes(received.annotations["x-own"]) == b"\x00\xff"
    assert received.annotations["x-opt-sequence-number"] == 1


def test_a_busy_queue_refuses_as_often_as_it_was_told(make):
    """sends_to_refuse counts sends, not messages."""
    queue = make()
    queue.sends_to_refuse = 1
    with pytest.raises(BrokerError) as busy:
        queue.send([encoded("a"), encoded("b")])
    assert busy.value.condition == "com.microsoft:server-busy"
    assert queue.send([encoded("a")]) == [1]


def test_a_lock_token_of_nobody_is_lost(make):
    """An unknown token is a lost lock, not a crash."""
    with pytest.raises(BrokerError):
        make().complete(uuid.uuid4())
