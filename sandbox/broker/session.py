"""Sessions of a queue and the index that finds the next one to hand out.

May not know clocks or messages: it deals in session ids and sequence numbers only.
"""

import heapq
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Session:
    """One session: its messages by sequence number are the queue's; here is what orders and holds them.

    `messages` has the number of every message of the session in any state, in order; `available` is a heap of those
    that can be taken now; `locked` has the lock tokens of those that the holder took. `until` is the end of the session
    lock (real unix seconds), None when nobody holds it. `state_changed` is virtual unix seconds.
    """

    id: str
    messages: dict[int, None] = field(default_factory=dict)
    available: list[int] = field(default_factory=list)
    locked: set[uuid.UUID] = field(default_factory=set)
    until: float | None = None
    state: bytes | None = None
    state_changed: float = 0.0

    @property
    def held(self) -> bool:
        """Whether a receiver holds the session lock."""
        return self.until is not None

    @property
    def forgettable(self) -> bool:
        """Whether nothing would be lost with this session."""
        return not self.messages and self.state is None and not self.held


class Sessions:
    """All sessions of a queue, with the free ones ordered by their oldest available message.

    The order is a heap of (sequence number, session id) whose entries may be out of date; each is checked against the
    session when it comes up, so offering, releasing and accepting cost the logarithm of the entries, never a scan.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, Session] = {}
        self._free: list[tuple[int, str]] = []

    def __iter__(self) -> Iterator[Session]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, session_id: str) -> Session | None:
        """The session, if anything is known of it."""
        return self._by_id.get(session_id)

    def get(self, session_id: str) -> Session:
        """The session, new if nothing is known of it yet."""
        session = self._by_id.get(session_id)
        if session is None:
            session = self._by_id[session_id] = Session(session_id)
        return session

    def offer(self, session: Session) -> None:
        """Note that the session's first available message may be another one, or that the session is free again."""
        if session.available and not session.held:
            heapq.heappush(self._free, (session.available[0], session.id))

    def next_free(self, first_available: Callable[[Session], int | None]) -> Session | None:
        """The free session with the oldest available message; `first_available` tells a session's present one."""
        while self._free:
            number, session_id = self._free[0]
            session = self._by_id.get(session_id)
            present = None if session is None or session.held else first_available(session)
            if present == number:
                return session
            heapq.heappop(self._free)
            if present is not None:
                heapq.heappush(self._free, (present, session_id))
        return None

    def forget_if_empty(self, session: Session) -> None:
        """Drop a session without messages, state and holder."""
        if session.forgettable:
            self._by_id.pop(session.id, None)
