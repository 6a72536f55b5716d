"""What time it is: the system's clock, or the sandbox's, which can be moved.

Nothing else in the package may ask for the time; the verbs read a `Clock` once per run.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""
        return datetime.now(UTC)


class OffsetClock:
    """The machine's clock plus an offset that a file holds, in seconds, so that processes share one moved clock.

    Only the sandbox uses it; the settings refuse it in Azure. An absent file is an offset of zero, an unreadable
    one raises `ValueError`: a wrong clock would end people's access.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def offset(self) -> timedelta:
        """Return how far this clock is ahead of the machine's."""
        try:
            text = self._path.read_text(encoding="ascii")
        except FileNotFoundError:
            return timedelta()
        return timedelta(seconds=float(text))

    def now(self) -> datetime:
        """Return the current instant of the sandbox, aware, in UTC."""
        return datetime.now(UTC) + self.offset()

    def set_offset(self, offset: timedelta) -> None:
        """Move the clock for every process that shares the file; the write is atomic."""
        scratch = self._path.with_suffix(".new")
        scratch.write_text(repr(offset.total_seconds()), encoding="ascii")
        scratch.replace(self._path)
