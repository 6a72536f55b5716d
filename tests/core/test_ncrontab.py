"""NCRONTAB: what the expressions mean and which are refused."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from lifecycle.core import ncrontab


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        pytest.param("0 */5 * * * *", "2026-11-24 10:00:00", "2026-11-24 10:05:00", id="strictly-after"),
        pytest.param("0 */5 * * * *", "2026-11-24 09:59:59.999999", "2026-11-24 10:00:00", id="fraction-before"),
        pytest.param("0 */5 * * * *", "2026-12-31 23:56:00", "2027-01-01 00:00:00", id="over-the-year"),
        pytest.param("0 0 2 * * *", "2026-11-24 02:00:00", "2026-11-25 02:00:00", id="daily"),
        pytest.param("30 15 2 * * *", "2026-11-24 02:15:29", "2026-11-24 02:15:30", id="same-minute"),
        pytest.param("10 15 2 * * *", "2026-11-24 02:15:29", "2026-11-25 02:15:10", id="second-is-over"),
        pytest.param("0 5/20 * * * *", "2026-11-24 10:26:00", "2026-11-24 10:45:00", id="step-from-a-number"),
        pytest.param("0 0 9-17/4 * * *", "2026-11-24 13:00:00", "2026-11-24 17:00:00", id="step-in-a-range"),
        pytest.param("0 0 0 1,15 * *", "2026-11-02 00:00:00", "2026-11-15 00:00:00", id="list"),
        pytest.param("0 0 0 * * Mon-Fri", "2026-11-27 00:00:00", "2026-11-30 00:00:00", id="weekday-names"),
        pytest.param("0 0 0 1 January *", "2026-11-27 00:00:00", "2027-01-01 00:00:00", id="full-month-name"),
        pytest.param("0 0 0 13 * 5", "2026-11-24 00:00:00", "2027-08-13 00:00:00", id="day-and-weekday-both"),
        pytest.param("0 0 0 29 2 *", "2096-03-01 00:00:00", "2104-02-29 00:00:00", id="leap-day-over-2100"),
        pytest.param("0 0 0 * * 0", "2026-11-24 00:00:00", "2026-11-29 00:00:00", id="sunday-is-0"),
    ],
)
def test_next_after(expression, after, due):
    """A schedule's next instant is the first that matches every field, strictly after the given one."""
    assert ncrontab.parse(expression).next_after(at(after)) == at(due)


def test_another_zone_is_read_as_an_instant():
    """Schedules are in UTC whatever the zone of the instant they start from."""
    berlin = datetime(2026, 11, 24, 2, 30, tzinfo=timezone(timedelta(hours=1)))

    assert ncrontab.parse("0 0 2 * * *").next_after(berlin) == at("2026-11-24 02:00:00")


def test_a_day_of_ticks_is_complete():
    """Following a five-minute schedule through a day gives its 288 instants, evenly."""
    schedule, instant, seen = ncrontab.parse("0 */5 * * * *"), at("2026-11-24 00:00:00"), []
    while (instant := schedule.next_after(instant)) <= at("2026-11-25 00:00:00"):
        seen.append(instant)

    assert seen == [at("2026-11-24 00:00:00") + timedelta(minutes=5 * n) for n in range(1, 289)]


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("*/5 * * * *", "has 5 fields and needs six"),
        ("", "has 0 fields"),
        ("0 60 * * * *", "'60' in the field minute is not between 0 and 59"),
        ("0 0 0 0 * *", "'0' in the field day"),
        ("0 0 0 * * 7", "'7' in the field day of week"),
        ("0 0 0 * * Someday", "'Someday' in the field day of week"),
        ("0 */0 * * * *", "needs a step of 1 or more"),
        ("0 */x * * * *", "needs a step of 1 or more"),
        ("0 30-10 * * * *", "runs backwards"),
        ("0 1- * * * *", "'1-' in the field minute"),
        ("0 , * * * *", "'' in the field minute"),
        ("0 -5 * * * *", "'-5' in the field minute"),
        ("0 ٣ * * * *", "'٣' in the field minute"),
        ("0 0 0 30 2 *", "has no date after"),
    ],
)
def test_refused(expression, complaint):
    """An expression that is none, or that never comes, is refused with the field at fault."""
    with pytest.raises(ValueError, match=complaint.replace("*", r"\*")):
        ncrontab.parse(expression)
