"""Who may settle what: the locks on a queue's messages and sessions, on the real clock only."""

import math
import time
import uuid
from collections.abc import Callable

from sandbox.broker.agenda import Agenda
from sandbox.broker.message import Lock, Message
from sandbox.broker.session import Session


class Locks:
    """Message locks by token and session locks, each for `duration` real seconds.

    A message that is taken within a session has no end of its own: the session's lock decides.
    """

    def __init__(self, duration: float, real: Callable[[], float] = time.time) -> None:
        self._duration, self._real = duration, real
        self._messages: dict[uuid.UUID, Message] = {}
        self._message_ends: Agenda[uuid.UUID] = Agenda()
        self._session_ends: Agenda[str] = Agenda()

    def __len__(self) -> int:
        """How many messages are locked."""
        return len(self._messages)

    def lock(self, message: Message, session: Session | None) -> None:
        """Lock a message under a new token."""
        lock = Lock(uuid.uuid4(), math.inf if session is not None else self._real() + self._duration)
        message.lock = lock
        self._messages[lock.token] = message
        if session is not None:
            session.locked.add(lock.token)
        else:
            self._message_ends.set(lock.token, lock.until)

    def find(self, token: uuid.UUID) -> Message | None:
        """The message that this token locks, whether or not its time has run out."""
        return self._messages.get(token)

    def has_ended(self, message: Message, session: Session | None) -> bool:
        """Whether a lock's time has run out, though nobody has acted on it yet."""
        if session is not None:
            return session.until is None or session.until <= self._real()
        return message.lock is None or message.lock.until <= self._real()

    def unlock(self, message: Message, session: Session | None) -> None:
        """End the lock of a message; nothing happens to one that has none."""
        if message.lock is None:
            return
        token, message.lock = message.lock.token, None
        del self._messages[token]
        self._message_ends.drop(token)
        if session is not None:
            session.locked.discard(token)

    def renew(self, message: Message, token: uuid.UUID) -> float:
        """Move the end of a message lock; returns it (real unix seconds)."""
        until = self._real() + self._duration
        message.lock = Lock(token, until)
        self._message_ends.set(token, until)
        return until

    def hold(self, session: Session) -> float:
        """Hold a session, or hold it longer; returns until when (real unix seconds)."""
        session.until = self._real() + self._duration
        self._session_ends.set(session.id, session.until)
        return session.until

    def free(self, session: Session) -> list[Message]:
        """End a session lock; returns the messages that its holder left unsettled, still locked."""
        session.until = None
        self._session_ends.drop(session.id)
        return [self._messages[token] for token in session.locked]

    def pop_ended(self, at: float | None) -> tuple[list[Message], list[str]]:
        """The messages and session ids whose locks have run out by `at` (real; now if not given)."""
        at = self._real() if at is None else at
        messages = [self._messages[token] for token in self._message_ends.pop_due(at)]
        return messages, list(self._session_ends.pop_due(at))
