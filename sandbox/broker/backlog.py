"""A queue's messages in their order, per session where the queue has sessions. May not know clocks or locks' rules."""

import heapq
from itertools import islice

from sandbox.broker.message import Message
from sandbox.broker.session import Session, Sessions


class Backlog:
    """Messages by sequence number, the order in which they are taken, and the sessions that divide them.

    `ready` are held sessions that got a message since somebody last looked; `deferred` the numbers of set-aside
    messages that nobody holds. A message that is removed may linger in an order; it is skipped when it comes up.
    """

    def __init__(self, *, by_session: bool) -> None:
        self.messages: dict[int, Message] = {}  # ordered, for numbers only grow
        self.sessions = Sessions()
        self.deferred: set[int] = set()
        self.ready: set[Session] = set()
        self._by_session = by_session
        self._available: list[int] = []
        self._last_number = 0

    def add(self, message: Message) -> None:
        """Take a message under the next sequence number, not yet on offer."""
        self._last_number += 1
        message.sequence_number = self._last_number
        self.messages[message.sequence_number] = message
        if (session := self.session_of(message)) is not None:
            session.messages[message.sequence_number] = None

    def remove(self, message: Message) -> None:
        """Forget a message, and its session if that leaves nothing of it."""
        self.messages.pop(message.sequence_number, None)
        self.deferred.discard(message.sequence_number)
        if (session := self.session_of(message)) is not None:
            session.messages.pop(message.sequence_number, None)
            self.sessions.forget_if_empty(session)

    def session_of(self, message: Message) -> Session | None:
        """The session of a message; None in a queue without sessions, whatever the message says."""
        return self.sessions.get(message.session_id or "") if self._by_session else None

    def offer(self, message: Message) -> None:
        """Put a message where its sequence number belongs among those that can be taken."""
        session = self.session_of(message)
        if session is None:
            heapq.heappush(self._available, message.sequence_number)
            return
        heapq.heappush(session.available, message.sequence_number)
        if session.held:
            self.ready.add(session)
        elif session.available[0] == message.sequence_number:
            self.sessions.offer(session)

    def take(self, session: Session | None) -> Message | None:
        """Take the first available message off its order."""
        order = self._available if session is None else session.available
        while order:
            message = self.messages.get(heapq.heappop(order))
            if message is not None:
                return message
        return None

    def next_session(self) -> Session | None:
        """The free session with the oldest available message."""
        return self.sessions.next_free(self._first_number)

    def _first_number(self, session: Session) -> int | None:
        while session.available and session.available[0] not in self.messages:
            heapq.heappop(session.available)
        return session.available[0] if session.available else None

    def peek(self, start: int, count: int, session_id: str | None) -> list[Message]:
        """Up to `count` messages in any state, from sequence number `start` on, of all sessions or of one."""
        if session_id is None:
            numbers = iter(self.messages)
        else:
            session = self.sessions.find(session_id)
            numbers = iter(session.messages if session is not None else ())
        return [self.messages[number] for number in islice((n for n in numbers if n >= start), count)]
