"""When a day begins and is over in a zone, to the second, whatever its clocks do.

Some zone-dates have no midnight and some have two; a few dates never happened at all. Zones come from the tz database
through `zoneinfo`; nothing else is read.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from lifecycle.core.events import Effective

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


@lru_cache(maxsize=65536)
def day_over(day: date, zone: str) -> datetime:
    """Return the earliest instant (UTC) from which the local date is always later than `day`.

    Where midnight happens twice, the day is over at the first if the clocks go back to midnight itself, at the second
    if they go back into the day; where it is skipped, at the instant of the jump.
    """
    local = datetime.combine(day + _DAY, time(), ZoneInfo(zone))
    first, second = (local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if first.astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None):
        back_into_the_day = (second - _SECOND).astimezone(local.tzinfo).date() <= day
        return second if back_into_the_day else first
    return _jump(min(first, second) - _SECOND, max(first, second), day, ZoneInfo(zone))


def _jump(before: datetime, after: datetime, day: date, zone: ZoneInfo) -> datetime:
    """Return the instant in (before, after] at which the clocks jump past the end of `day`."""
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).date() > day:
            after = middle
        else:
            before = middle
    return after


def begins(effective: Effective, zone: str) -> datetime:
    """Return the instant from which a fact holds: itself, or the beginning of the day in the zone."""
    if isinstance(effective, datetime):
        return effective.astimezone(UTC)
    return day_over(effective - _DAY, zone)


def ends(last: Effective, zone: str) -> datetime:
    """Return the instant at which something ends whose last day (or end) is given."""
    if isinstance(last, datetime):
        return last.astimezone(UTC)
    return day_over(last, zone)


def day_of(effective: Effective) -> date:
    """Return the plain date, for finding which snapshot's zone applies before any instant is known."""
    return effective.date() if isinstance(effective, datetime) else effective


def earliest(instants: Sequence[datetime | None]) -> datetime | None:
    """Return the earliest, where None is "never"."""
    return min((instant for instant in instants if instant is not None), default=None)
