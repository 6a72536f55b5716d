"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class MovableClock:
    """Implements `Clock`."""

    def __init__(self, at: datetime = NOON) -> None:
        self.set(at)

    def now(self) -> datetime:
        return self._at

    def move(self, by: timedelta) -> datetime:
        """Move by that much, backwards too, and return the new instant."""
        self._at += by
        return self._at

    def set(self, at: datetime) -> None:
        """Move to that instant."""
        if at.tzinfo is None:
            raise ValueError("A clock needs an aware instant.")
        self._at = at.astimezone(UTC)
