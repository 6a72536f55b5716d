"""Things that happen at a time: schedules, expiries, locks. The caller says what time it is, on whichever clock."""

import heapq
import uuid
from collections.abc import Iterator


class Agenda[Key: (int, str, uuid.UUID)]:
    """Keys by their time; setting a key again moves it. Costs the logarithm of the entries, moved ones included."""

    def __init__(self) -> None:
        self._times: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []

    def __len__(self) -> int:
        return len(self._times)

    def __contains__(self, key: Key) -> bool:
        return key in self._times

    def set(self, key: Key, at: float) -> None:
        """Put a key at a time, instead of where it was."""
        self._times[key] = at
        heapq.heappush(self._heap, (at, key))

    def drop(self, key: Key) -> None:
        """Forget a key; unknown ones are fine."""
        self._times.pop(key, None)

    def next_time(self) -> float | None:
        """The earliest time."""
        while self._heap and self._times.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)  # dropped or moved
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> Iterator[Key]:
        """Take off the keys whose time has come, earliest first."""
        while (at := self.next_time()) is not None and at <= now:
            key = heapq.heappop(self._heap)[1]
            del self._times[key]
            yield key
