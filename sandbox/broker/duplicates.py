"""The message ids that a queue has seen within its duplicate detection window."""

from collections import deque
from collections.abc import Hashable


class DuplicateWindow:
    """Remembers message ids for `length` virtual seconds from the first sight; a length of 0 remembers nothing."""

    def __init__(self, length: float) -> None:
        self._length = length
        self._numbers: dict[Hashable, int] = {}
        self._ends: deque[tuple[float, Hashable]] = deque()

    def number_of(self, message_id: Hashable, now: float) -> int | None:
        """The sequence number that the id was given, None if it is new."""
        while self._ends and self._ends[0][0] <= now:
            del self._numbers[self._ends.popleft()[1]]
        return self._numbers.get(message_id)

    def remember(self, message_id: Hashable, sequence_number: int, now: float) -> None:
        """Note a new id; a message without one is never a duplicate."""
        if self._length and message_id is not None:
            self._numbers[message_id] = sequence_number
            self._ends.append((now + self._length, message_id))
