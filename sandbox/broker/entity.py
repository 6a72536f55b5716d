"""A queue with the clients attached to it: who is served next. May not know bytes, sockets or AMQP sections."""

import math
import time
from collections import deque

from sandbox.broker import errors
from sandbox.broker.link import Receiver
from sandbox.broker.queue import Queue
from sandbox.broker.session import Session


class Entity:
    """A queue and its receivers: in turn where there are no sessions, else the holder of each session.

    `waiting` are those that asked for any session and have none yet. Their deadlines are on the monotonic clock.
    """

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.dead_letters = Entity(queue.dead_letters) if queue.dead_letters is not None else None
        self._receivers: deque[Receiver] = deque()
        self._holders: dict[str, Receiver] = {}
        self._waiting: deque[Receiver] = deque()

    def attach(self, receiver: Receiver) -> None:
        """Serve a receiver of a queue without sessions."""
        receiver.open()
        self._receivers.append(receiver)

    def attach_session(self, receiver: Receiver, session_id: str | None) -> None:
        """Give a receiver the session it names, or any, for which it waits. BrokerError if another holds that one."""
        session = self.queue.accept_session(session_id)
        if session is None:
            self._waiting.append(receiver)
        else:
            self._hand_over(session, receiver)

    def detach(self, receiver: Receiver) -> None:
        """A receiver is gone: its session is free at once, its message locks run on."""
        if receiver.session is not None:
            del self._holders[receiver.session.id]
            self.queue.release_session(receiver.session)
            receiver.session = None
        for line in (self._receivers, self._waiting):
            if receiver in line:
                line.remove(receiver)
        self.pump()

    def held_by(self, session_id: object, connection: object) -> Session:
        """The session, if a link of this connection holds it; else BrokerError."""
        holder = self._holders.get(session_id) if isinstance(session_id, str) else None
        if holder is None or holder.session is None or holder.connection is not connection:
            raise errors.session_lock_lost()
        return holder.session

    def pump(self) -> None:
        """Hand out what can be handed out, here and in the dead letters."""
        while self._waiting and (free := self.queue.accept_session(None)) is not None:
            self._hand_over(free, self._waiting.popleft())
        for session in self.queue.ready_sessions():
            self.serve(self._holders[session.id])
        self._serve_in_turn()
        if self.dead_letters is not None:
            self.dead_letters.pump()

    def serve(self, receiver: Receiver) -> None:
        """Give a session's holder what it has credit for."""
        while receiver.session is not None and receiver.has_credit:
            message = self.queue.take(receiver.session, delete=receiver.deletes)
            if message is None:
                return
            receiver.deliver(message)

    def tick(self, *, all_locks: bool = False) -> None:
        """Act on the time that has passed, on both clocks; `all_locks` ends every lock as if its time had come."""
        changed = self.queue.catch_up()
        expired, lost = self.queue.expire_locks(math.inf if all_locks else None)
        for session in lost:
            self._holders.pop(session.id).lose(errors.session_lock_lost())
        now = time.monotonic()
        for receiver in [waiting for waiting in self._waiting if waiting.deadline <= now]:
            self._waiting.remove(receiver)
            receiver.refuse(errors.no_session())
        if changed or expired:
            self.pump()
        if self.dead_letters is not None:
            self.dead_letters.tick(all_locks=all_locks)

    def _hand_over(self, session: Session, receiver: Receiver) -> None:
        self._holders[session.id] = receiver
        receiver.open(session)
        self.serve(receiver)

    def _serve_in_turn(self) -> None:
        idle = 0
        while idle < len(self._receivers):
            receiver = self._receivers[0]
            self._receivers.rotate(-1)
            if not receiver.has_credit:
                idle += 1
                continue
            message = self.queue.take(delete=receiver.deletes)
            if message is None:
                return
            receiver.deliver(message)
            idle = 0
