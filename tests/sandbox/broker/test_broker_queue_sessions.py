"""The rules of sessions without AMQP connections: who gets which, in what order, and what becomes of the rest."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.broker.config import QueueConfig
from sandbox.broker.errors import BrokerError
from sandbox.broker.queue import Queue
from tests.sandbox.broker.envelopes import Clock, body_of, encoded, take


def test_a_deferred_message_comes_by_number_to_its_session_only(make):
    """The holder of another session cannot take it; after an abandon it is deferred again."""
    queue = make(requires_session=True)
    queue.send([encoded("a", session="p"), encoded("b", session="r")])
    p, r = queue.accept_session("p"), queue.accept_session("r")
    message = take(queue, p)
    queue.defer(message.lock.token)
    with pytest.raises(BrokerError):
        queue.take_deferred([message.sequence_number], r)
    (again,) = queue.take_deferred([message.sequence_number], p)
    queue.abandon(again.lock.token)
    assert queue.counts().deferred == 1
    assert queue.take(p) is None


def test_the_next_session_is_the_free_one_with_the_oldest_message(make):
    """Held sessions are passed over; a released one is back where its first message puts it."""
    queue = make(requires_session=True)
    queue.send([encoded(session=session) for session in ("a", "b", "c", "a")])
    a, b = queue.accept_session(None), queue.accept_session(None)
    assert (a.id, b.id) == ("a", "b")
    queue.complete(take(queue, a).lock.token)
    queue.release_session(a)
    assert queue.accept_session(None).id == "c"
    assert queue.accept_session(None).id == "a"
    assert queue.accept_session(None) is None


def test_a_session_whose_first_message_expired_stands_where_its_next_one_does(make, virtual):
    """The order of sessions follows what can be taken now, not what once could."""
    queue = make(requires_session=True)
    queue.send([encoded(session="a", ttl=10), encoded(session="b"), encoded(session="a")])
    virtual.now += 10
    assert [queue.accept_session(None).id for _ in range(2)] == ["b", "a"]


def test_a_held_session_is_refused_by_name(make):
    """A second accept of a session says that it cannot be locked."""
    queue = make(requires_session=True)
    queue.accept_session("p")
    with pytest.raises(BrokerError) as taken:
        queue.accept_session("p")
    assert taken.value.condition == "com.microsoft:session-cannot-be-locked"


def test_a_session_that_runs_out_counts_and_one_that_is_released_does_not(make, real):
    """Unsettled messages come back in order either way; only the end of the lock counts as a delivery."""
    queue = make(requires_session=True, lock_duration=30)
    queue.send([encoded(str(n), session="p") for n in range(3)])
    session = queue.accept_session("p")
    take(queue, session), take(queue, session)
    queue.release_session(session)
    session = queue.accept_session("p")
    assert [(body_of(m), m.delivery_count) for m in (take(queue, session), take(queue, session))] == [
        ("0", 0),
        ("1", 0),
    ]
    real.now += 30
    assert queue.expire_locks() == (True, [session])
    assert not session.held
    session = queue.accept_session(None)
    assert [(body_of(take(queue, session)), n) for n in range(3)] == [("0", 0), ("1", 1), ("2", 2)]


def test_a_token_of_a_session_that_ran_out_is_lost_at_once(make, real):
    """Settling fails from the end of the session lock on, before anybody has acted on it."""
    queue = make(requires_session=True, lock_duration=30)
    queue.send([encoded(session="p")])
    token = take(queue, queue.accept_session("p")).lock.token
    real.now += 30
    with pytest.raises(BrokerError) as lost:
        queue.complete(token)
    assert lost.value.condition == "com.microsoft:session-lock-lost"


def test_an_empty_session_is_forgotten_unless_it_has_state(make):
    """A session leaves nothing behind after its last message, holder and state."""
    queue = make(requires_session=True)
    for session_id in ("p", "kept"):
        queue.send([encoded(session=session_id)])
        session = queue.accept_session(session_id)
        queue.complete(take(queue, session).lock.token)
        if session_id == "kept":
            queue.set_session_state(session, b"here")
        queue.release_session(session)
    assert [session.id for session in queue.sessions] == ["kept"]
    assert queue.accept_session("kept").state == b"here"


def test_twenty_thousand_sessions_are_accepted_without_scanning(make, monkeypatch):
    """Accepting and releasing look at a bounded number of sessions, however many there are."""
    queue = make(requires_session=True)
    queue.send([encoded(session="s0") for _ in range(3)])
    for n in range(20_000):
        queue.send([encoded(session=f"s{n}")])
    looked_at = itertools.count()
    first_number = queue._backlog._first_number

    def counting(session):
        next(looked_at)
        return first_number(session)

    monkeypatch.setattr(queue._backlog, "_first_number", counting)
    for n in range(1000):
        session = queue.accept_session(None)
        assert session.id == f"s{n}"
    for n in range(1000):
        queue.release_session(queue.sessions.find(f"s{n}"))
    assert queue.accept_session(None).id == "s0"
    assert next(looked_at) < 2100


def test_peek_starts_at_a_number_and_stays_in_a_session(make, virtual):
    """Peeking sees any state in order, from a number on, of all sessions or one."""
    queue = make(requires_session=True)
    queue.send([encoded("a", session="p"), encoded("b", session="r"), encoded("c", session="p", at=virtual.now + 9)])
    assert [body_of(m) for m in queue.peek(2, 9)] == ["b", "c"]
    assert [body_of(m) for m in queue.peek(1, 9, "p")] == ["a", "c"]
    assert [body_of(m) for m in queue.peek(1, 1)] == ["a"]
    assert queue.peek(1, 9, "nobody") == []
    assert queue.sessions.find("nobody") is None


class Model:
    """What any history of a session queue must keep: nothing lost, nothing twice, each session in order."""

    def __init__(self, queue, real):
        self.queue, self.real = queue, real
        self.sent = dict.fromkeys("abc", 0)
        self.done = dict.fromkeys("abc", 0)
        self.held = {}

    def step(self, what, name):
        match what:
            case "send":
                self.queue.send([encoded(str(self.sent[name]), session=name)])
                self.sent[name] += 1
            case "accept":
                session = self.queue.accept_session(None)
                waiting = {n for n in "abc" if self.done[n] < self.sent[n] and n not in self.held}
                assert (session is not None) == bool(waiting)
                if session is not None:
                    assert session.id in waiting
                    self.held[session.id] = session
            case "lapse":
                self.real.now += 31
                _, lost = self.queue.expire_locks()
                assert {session.id for session in lost} == set(self.held)
                self.held.clear()
            case _ if name in self.held:
                self.settle(what, name)

    def settle(self, how, name):
        if how == "release":
            self.queue.release_session(self.held.pop(name))
            return
        message = self.queue.take(self.held[name])
        assert (message is None) == (self.done[name] == self.sent[name])
        if message is None:
            return
        assert body_of(message) == str(self.done[name])
        if how == "complete":
            self.queue.complete(message.lock.token)
            self.done[name] += 1
        else:
            self.queue.abandon(message.lock.token)


STEPS = st.sampled_from(["send", "send", "accept", "complete", "complete", "abandon", "release", "lapse"])


@given(st.lists(st.tuples(STEPS, st.sampled_from("abc")), max_size=60))
def test_any_history_keeps_each_session_in_order(history):
    """Whatever is sent, taken, given back or lost: each session completes its messages once, in order."""
    real = Clock(0.0)
    queue = Queue(QueueConfig("q", requires_session=True, lock_duration=30, max_delivery_count=10**6), real=real)
    model = Model(queue, real)
    for what, name in history:
        model.step(what, name)
    assert queue.size == sum(model.sent.values()) - sum(model.done.values())
    counts = queue.counts()
    assert counts.active + counts.locked == queue.size
