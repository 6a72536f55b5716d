"""AMQP messages as a client sends and reads them, for tests of the queue's rules; and a clock that is moved by hand."""

from proton import Message as Envelope
from proton import symbol, timestamp


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


def encoded(body="", *, session=None, message_id=None, ttl=None, at=None):
    """An AMQP message as a client sends it; `ttl` and `at` in seconds."""
    envelope = Envelope(body=body, id=message_id, group_id=session)
    if ttl is not None:
        envelope.ttl = ttl
    if at is not None:
        envelope.annotations = {symbol("x-opt-scheduled-enqueue-time"): timestamp(int(at * 1000))}
    return envelope.encode()


def body_of(message):
    envelope = Envelope()
    envelope.decode(message.encode())
    return envelope.body


def take(queue, session=None):
    """The next message, which must be there."""
    message = queue.take(session)
    assert message is not None
    return message
