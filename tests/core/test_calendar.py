"""When days are over: every zone's every clock change of four years, against an oracle that steps."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from lifecycle.core.calendar import begins, day_of, day_over, earliest, ends
from tests.builders import utc
from tests.core.oracle import when_over

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
FROM, TO = datetime(2023, 12, 31, tzinfo=UTC), datetime(2028, 1, 2, tzinfo=UTC)
COARSE = timedelta(hours=6)


type Changes = tuple[tuple[datetime, timedelta | None], ...]
"""From when on, in UTC, the local clock is ahead by how much."""


def _changes(zone: str) -> Changes:
    """Every change of the offset, to the second; no zone changes twice within six hours."""
    clock = ZoneInfo(zone)
    at, offset = FROM, FROM.astimezone(clock).utcoffset()
    found = [(FROM, offset)]
    while at < TO:
        after = at + COARSE
        then = after.astimezone(clock).utcoffset()
        if then != offset:
            low, high = at, after
            while high - low > SECOND:
                middle = low + (high - low) // SECOND // 2 * SECOND
                low, high = (middle, high) if middle.astimezone(clock).utcoffset() == offset else (low, middle)
            found.append((high, then))
        at, offset = after, then
    return tuple(found)


def _all_days_of_change() -> Iterator[tuple[date, str]]:
    """The local dates around each change, for every zone there is whose clocks are not exactly another's."""
    by_clock: dict[Changes, str] = {}
    for zone in sorted(available_timezones()):
        by_clock.setdefault(_changes(zone), zone)
    for changes, zone in by_clock.items():
        around = {
            (at + early).astimezone(ZoneInfo(zone)).date() for at, _ in changes[1:] for early in (-SECOND, timedelta())
        }
        for day in {day + shift * DAY for day in around for shift in (-1, 0, 1)}:
            yield day, zone


def test_every_change_of_every_clock_ends_its_days_to_the_second():
    """Around every clock change of 2024 to 2027, in every zone there is, a day is over exactly when the oracle says."""
    tried = 0
    for day, zone in _all_days_of_change():
        assert day_over(day, zone) == when_over(day, zone), (day, zone)
        tried += 1
    assert tried > 500


def test_a_day_does_not_wait_for_a_second_midnight_that_repeats_the_next_day():
    """Havana and the Azores go back from one to midnight: the day before is over at the first midnight."""
    assert day_over(date(2024, 11, 2), "America/Havana") == utc(2024, 11, 3, 4)
    assert day_over(date(2026, 10, 24), "Atlantic/Azores") == utc(2026, 10, 25)


def test_an_alias_has_the_clocks_of_its_zone():
    """Names that are links end their days like the zones behind them."""
    for alias, zone in (
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("US/Pacific", "America/Los_Angeles"),
        ("GB", "Europe/London"),
    ):
        assert day_over(date(2026, 3, 28), alias) == day_over(date(2026, 3, 28), zone)


@pytest.mark.parametrize(
    ("day", "zone", "over"),
    [
        (date(2026, 3, 31), "Europe/Berlin", utc(2026, 3, 31, 22)),
        (date(2026, 12, 31), "Europe/Berlin", utc(2026, 12, 31, 23)),
        (date(2026, 3, 28), "Asia/Kathmandu", utc(2026, 3, 28, 18, 15)),
        (date(2011, 12, 29), "Pacific/Apia", utc(2011, 12, 30, 10)),
        (date(2011, 12, 30), "Pacific/Apia", utc(2011, 12, 30, 10)),
        (date(1969, 9, 30), "Pacific/Kwajalein", utc(1969, 10, 1, 12)),
    ],
    ids=[
        "summer",
        "winter",
        "quarter",
        "before-the-day-that-never-was",
        "the-day-that-never-was",
        "the-day-lived-twice",
    ],
)
def test_days_are_over_when_the_tables_say(day, zone, over):
    """Known ends: ordinary ones, a date that Samoa skipped, and one that Kwajalein lived twice."""
    assert day_over(day, zone) == over == when_over(day, zone)


@pytest.mark.parametrize(
    ("day", "zone"),
    [
        (date(2018, 11, 3), "America/Sao_Paulo"),  # midnight skipped
        (date(2024, 4, 25), "Africa/Cairo"),  # midnight skipped
        (date(2024, 10, 31), "Africa/Cairo"),  # midnight twice
        (date(2010, 11, 6), "America/St_Johns"),  # back at one minute past midnight
        (date(2010, 3, 13), "America/St_Johns"),  # forward at one minute past midnight
        (date(2024, 3, 9), "America/Havana"),
        (date(2024, 3, 30), "America/Scoresbysund"),
        (date(1994, 12, 30), "Pacific/Kiritimati"),
        (date(1994, 12, 31), "Pacific/Kiritimati"),
        (date(1883, 11, 17), "America/New_York"),  # the day of two noons
        (date(1937, 6, 30), "Europe/Amsterdam"),  # offsets of odd seconds
        (date(1867, 10, 17), "America/Juneau"),
        (date(1867, 10, 18), "America/Juneau"),
    ],
)
def test_historic_oddities_end_to_the_second(day, zone):
    """Skipped and repeated midnights, odd seconds, changes of the date line: as the oracle steps them."""
    over = day_over(day, zone)
    assert over == when_over(day, zone)
    assert (over - SECOND).astimezone(ZoneInfo(zone)).date() <= day < over.astimezone(ZoneInfo(zone)).date()


def test_a_day_begins_when_the_one_before_is_over():
    """From a date: the beginning of that day in the zone, where it begins after a skipped midnight too."""
    assert begins(date(2026, 4, 1), "Europe/Berlin") == utc(2026, 3, 31, 22)
    assert begins(date(2024, 4, 26), "Africa/Cairo") == utc(2024, 4, 25, 22)
    assert ends(date(2026, 3, 31), "Europe/Berlin") == begins(date(2026, 4, 1), "Europe/Berlin")


def test_an_instant_is_itself_in_utc():
    """An instant needs no zone, and is given in UTC whatever offset it was written with."""
    noon = datetime(2026, 3, 1, 12, tzinfo=ZoneInfo("Asia/Tokyo"))
    for found in (begins(noon, "Europe/Berlin"), ends(noon, "Europe/Berlin")):
        assert (found, found.tzinfo) == (utc(2026, 3, 1, 3), UTC)
    assert day_of(noon) == day_of(date(2026, 3, 1)) == date(2026, 3, 1)


def test_the_earliest_leaves_out_never():
    """None is never; of nothing but never the earliest is never."""
    assert earliest([None, utc(2026, 2, 1), utc(2026, 1, 1)]) == utc(2026, 1, 1)
    assert earliest([None]) is None
    assert earliest([]) is None
