"""The sandbox's clock: the machine's plus an offset that only grows, shared with other processes through a file."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from lifecycle.adapters.clock import OffsetClock


class MovableClock:
    """An `OffsetClock` that this process alone moves, so that reading the time here needs no file."""

    def __init__(self, path: Path) -> None:
        self._shared = OffsetClock(path)
        self._offset = self._shared.offset()
        self._shared.set_offset(self._offset)

    @property
    def offset(self) -> timedelta:
        """How far this clock is ahead of the machine's."""
        return self._offset

    def now(self) -> datetime:
        """Return the current instant of the sandbox, aware, in UTC."""
        return datetime.now(UTC) + self._offset

    def timestamp(self) -> float:
        """Return the current instant of the sandbox in seconds since 1970."""
        return self.now().timestamp()

    def move_to(self, instant: datetime) -> None:
        """Make it `instant` now, for every process that reads the file; a clock that is past it already stays."""
        ahead = instant - self.now()
        if ahead > timedelta():
            self._offset += ahead
            self._shared.set_offset(self._offset)
