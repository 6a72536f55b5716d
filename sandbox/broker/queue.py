"""The rules of a Service Bus queue: locks, settlement, sessions, schedules, expiry, dead letters. No AMQP, no I/O.

Two clocks, both passed in. `now` is the virtual one: schedules, time to live, enqueued times and the duplicate window.
`real` governs locks, which belong to receivers that live in real time. The rules are Microsoft Learn's: "Message
sessions", "Message transfers, locks, and settlement", "Message sequencing and timestamps", "Duplicate detection",
"Message expiration". Two are guesses, for no page states them: the next session is the one with the oldest available
message, and a message that expires while locked expires when it is given back.
"""

import time
import uuid
from collections.abc import Callable, Sequence

from sandbox.broker import errors
from sandbox.broker.agenda import Agenda
from sandbox.broker.backlog import Backlog
from sandbox.broker.config import QueueConfig, QueueCounts
from sandbox.broker.duplicates import DuplicateWindow
from sandbox.broker.locks import Locks
from sandbox.broker.message import Content, Message, State
from sandbox.broker.session import Session, Sessions
from sandbox.broker.wire import WireError


class Queue:
    """One queue and its dead letters. Whatever takes a lock token raises BrokerError when that lock is lost."""

    def __init__(
        self, config: QueueConfig, *, now: Callable[[], float] = time.time, real: Callable[[], float] = time.time
    ) -> None:
        self.config = config
        self.dead_letters = None if config.holds_dead_letters else Queue(config.dead_letters(), now=now, real=real)
        self.sends_to_refuse = 0
        self._now = now
        self._backlog = Backlog(by_session=config.requires_session)
        self._locks = Locks(config.lock_duration, real)
        self._scheduled: Agenda[int] = Agenda()
        self._expiries: Agenda[int] = Agenda()
        self._duplicates = DuplicateWindow(config.duplicate_window)

    @property
    def sessions(self) -> Sessions:
        """What is known of the queue's sessions."""
        return self._backlog.sessions

    @property
    def size(self) -> int:
        """How many messages the queue has in any state, dead letters apart."""
        return len(self._backlog.messages)

    def counts(self) -> QueueCounts:
        """How many messages are where; no message is looked at."""
        locked, scheduled, deferred = len(self._locks), len(self._scheduled), len(self._backlog.deferred)
        return QueueCounts(
            active=self.size - locked - scheduled - deferred,
            locked=locked,
            scheduled=scheduled,
            deferred=deferred,
            dead=0 if self.dead_letters is None else self.dead_letters.size,
        )

    # Sending

    def send(self, payloads: Sequence[bytes]) -> list[int]:
        """Take encoded messages, all or none; returns their sequence numbers, a duplicate's being the first one's."""
        if self.sends_to_refuse > 0:
            self.sends_to_refuse -= 1
            raise errors.server_busy()
        size = sum(map(len, payloads))
        if size > self.config.max_message_size:
            raise errors.too_large(size, self.config.max_message_size)
        return [self._accept(content) for content in [self._read(payload) for payload in payloads]]

    def _read(self, payload: bytes) -> Content:
        try:
            content = Content.parse(payload)
        except WireError as error:
            raise errors.malformed(f"The message cannot be read: {error}") from error
        if self.config.requires_session and not content.session_id:
            raise errors.not_allowed("The SessionId was not set on a message, and this queue requires sessions.")
        return content

    def _accept(self, content: Content) -> int:
        now = self._now()
        known = self._duplicates.number_of(content.message_id, now)
        if known is not None:
            return known
        message = Message(content, enqueued=now)
        self._backlog.add(message)
        if content.scheduled_for is not None and content.scheduled_for > now:
            message.state, message.due = State.SCHEDULED, content.scheduled_for
            self._scheduled.set(message.sequence_number, message.due)
        else:
            self._enqueue(message)
        self._duplicates.remember(content.message_id, message.sequence_number, now)
        return message.sequence_number

    def _enqueue(self, message: Message) -> None:
        message.state, message.enqueued = State.ACTIVE, self._now()
        lifetimes = [ttl for ttl in (message.content.ttl, self.config.default_ttl) if ttl]
        if lifetimes and not self.config.holds_dead_letters:
            message.expires = message.enqueued + min(lifetimes)
            self._expiries.set(message.sequence_number, message.expires)
        self._backlog.offer(message)

    # The virtual clock

    def next_due(self) -> float | None:
        """When the earliest scheduled message falls due (virtual unix seconds)."""
        return self._scheduled.next_time()

    def cancel_scheduled(self, sequence_number: int) -> None:
        """Drop a scheduled message. Raises BrokerError when it is none, or was enqueued meanwhile."""
        if sequence_number not in self._scheduled:
            raise errors.message_not_found(sequence_number)
        self._scheduled.drop(sequence_number)
        self._backlog.remove(self._backlog.messages[sequence_number])

    def catch_up(self) -> bool:
        """Enqueue what has fallen due and drop what has expired; whether anything changed."""
        now, changed = self._now(), False
        for number in self._scheduled.pop_due(now):
            message = self._backlog.messages[number]
            self._backlog.remove(message)
            self._backlog.add(message)  # enqueued as if sent now, so under a new number
            self._enqueue(message)
            changed = True
        for number in self._expiries.pop_due(now):
            old = self._backlog.messages.get(number)
            if old is not None and old.lock is None:
                self._expire(old)
                changed = True
        return changed

    def _expire(self, message: Message) -> None:
        self._backlog.remove(message)
        if self.config.dead_letter_on_expiration:
            self._bury(message, "TTLExpiredException", "The message expired and was dead lettered.")

    # Receiving

    def take(self, session: Session | None = None, *, delete: bool = False) -> Message | None:
        """The next message, locked for the caller, or removed at once if `delete`; `session` must be held by them."""
        self.catch_up()
        message = self._backlog.take(session)
        if message is None:
            return None
        if delete:
            self._backlog.remove(message)
        else:
            self._lock(message)
        return message

    def take_deferred(
        self, sequence_numbers: Sequence[int], session: Session | None = None, *, delete: bool = False
    ) -> list[Message]:
        """Deferred messages by number, all or none, of the held session if there is one."""
        self.catch_up()
        messages = []
        for number in sequence_numbers:
            message = self._backlog.messages.get(number) if number in self._backlog.deferred else None
            if message is None or self._backlog.session_of(message) is not session:
                raise errors.message_not_found(number)
            messages.append(message)
        for message in messages:
            if delete:
                self._backlog.remove(message)
            else:
                self._lock(message)
        return messages

    def peek(self, start: int, count: int, session_id: str | None = None) -> list[Message]:
        """Messages in any state from sequence number `start` on, without taking them."""
        self.catch_up()
        return self._backlog.peek(start, count, session_id)

    def _lock(self, message: Message) -> None:
        self._backlog.deferred.discard(message.sequence_number)
        self._locks.lock(message, self._backlog.session_of(message))

    # Settling

    def held(self, token: uuid.UUID) -> Message:
        """The message that this token locks."""
        message = self._locks.find(token)
        lost = errors.session_lock_lost() if self.config.requires_session else errors.message_lock_lost()
        if message is None or self._locks.has_ended(message, self._backlog.session_of(message)):
            raise lost
        return message

    def complete(self, token: uuid.UUID) -> None:
        """Done: the message is gone."""
        message = self.held(token)
        self._unlock(message)
        self._backlog.remove(message)

    def abandon(self, token: uuid.UUID) -> None:
        """Back to its place in the order, one delivery more; the last allowed one dead-letters it."""
        self._give_back(self.held(token), counted=True)

    def release(self, token: uuid.UUID) -> None:
        """Back to its place in the order as if never delivered."""
        self._give_back(self.held(token), counted=False)

    def defer(self, token: uuid.UUID) -> None:
        """Set aside, to be taken by its sequence number only."""
        message = self.held(token)
        self._unlock(message)
        message.state = State.DEFERRED
        self._backlog.deferred.add(message.sequence_number)

    def dead_letter(self, token: uuid.UUID, reason: str | None, description: str | None) -> None:
        """To the dead letters, with the reason as application properties; a dead letter stays among its like."""
        message = self.held(token)
        self._unlock(message)
        self._backlog.remove(message)
        self._bury(message, reason, description)

    def renew(self, token: uuid.UUID) -> float:
        """Lock the message for another lock duration; returns until when (real unix seconds)."""
        return self._locks.renew(self.held(token), token)

    def _unlock(self, message: Message) -> None:
        self._locks.unlock(message, self._backlog.session_of(message))

    def _give_back(self, message: Message, *, counted: bool) -> None:
        self._unlock(message)
        message.delivery_count += counted
        limit = self.config.max_delivery_count
        if message.expires is not None and message.expires <= self._now():
            self._expire(message)
        elif message.delivery_count >= limit:
            self._backlog.remove(message)
            self._bury(message, "MaxDeliveryCountExceeded", f"Not consumed after {limit} delivery attempts.")
        elif message.state is State.DEFERRED:
            self._backlog.deferred.add(message.sequence_number)
        else:
            self._backlog.offer(message)

    def _bury(self, message: Message, reason: str | None, description: str | None) -> None:
        told = {"DeadLetterReason": reason, "DeadLetterErrorDescription": description}
        if any(told.values()):
            message.add_properties({name: text for name, text in told.items() if text})
        message.expires, message.state, message.dead_letter_source = None, State.ACTIVE, self.config.name
        grave = self.dead_letters or self
        grave._backlog.add(message)  # noqa: SLF001 - a queue and its dead letters are one class
        grave._backlog.offer(message)  # noqa: SLF001

    # Sessions

    def accept_session(self, session_id: str | None) -> Session | None:
        """Hold a session: the named one (BrokerError if another holds it), or the next that has messages, if any."""
        self.catch_up()
        if session_id is None:
            session = self._backlog.next_session()
            if session is None:
                return None
        else:
            session = self.sessions.get(session_id)
            if session.held:
                raise errors.session_taken(session_id)
        self.renew_session(session)
        return session

    def renew_session(self, session: Session) -> float:
        """Hold the session for another lock duration; returns until when (real unix seconds)."""
        return self._locks.hold(session)

    def set_session_state(self, session: Session, state: bytes | None) -> None:
        """Keep a value with the session until it is set to None."""
        session.state, session.state_changed = state, self._now()

    def release_session(self, session: Session, *, counted: bool = False) -> None:
        """Free a session. Its unsettled messages go back, as deliveries that count only if the lock ran out."""
        for message in self._locks.free(session):
            self._give_back(message, counted=counted)
        self.sessions.offer(session)
        self.sessions.forget_if_empty(session)

    def expire_locks(self, at: float | None = None) -> tuple[bool, list[Session]]:
        """End the locks that have run out by `at` (real; now if not given): whether any did, and the sessions lost."""
        messages, session_ids = self._locks.pop_ended(at)
        for message in messages:
            self._give_back(message, counted=True)
        sessions = [session for key in session_ids if (session := self.sessions.find(key)) is not None]
        for session in sessions:
            self.release_session(session, counted=True)
        return bool(messages or sessions), sessions

    def ready_sessions(self) -> list[Session]:
        """The held sessions that got a message since this was last asked."""
        ready = [session for session in self._backlog.ready if session.held]
        self._backlog.ready.clear()
        return ready
