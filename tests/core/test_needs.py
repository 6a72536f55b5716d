"""What of the overview needs somebody, and what its numbers mean."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lifecycle.core.overview import Aside, HeldRun, Overview, Quarter, Renewals, TimerRun, UnderWay, needs
from lifecycle.core.waiting import WITHIN, Delivered, RenewalDue
from tests.builders import utc

NOW = utc(2026, 11, 24, 9)
QUIET = Overview(at=NOW)


def said(overview=QUIET, *timers):
    return [need.what for need in needs(overview, timers, NOW)]


def test_a_quiet_tenant_needs_nobody():
    """Nothing under way for long, nothing held, nothing failed: nothing to do."""
    going = replace(
        QUIET, under_way=UnderWay(count=300), aside=Aside(0, NOW), quarter=Quarter(200_000, 0.8, 0.05, 9, 9)
    )
    assert said(going, TimerRun("wake", NOW, 1.0), TimerRun("drift", None)) == []
    assert said(None) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"under_way": UnderWay(5, stuck=1)}, "1 request under way for more than an hour"),
        ({"under_way": UnderWay(5, failing=2)}, "2 requests failing"),
        (
            {"held_runs": 1, "held_people": 1234, "held": (HeldRun("r", 1234, 1, NOW, "h"),)},
            "1 set held, of 1,234 people",
        ),
        ({"aside": Aside(1, NOW)}, "1 message set aside"),
        (
            {"renewals": Renewals(1, nearest=(RenewalDue("E1", "a", NOW + timedelta(days=1)),))},
            "1 renewal undecided within three days of the end",
        ),
        ({"quarter": Quarter(100, 0.8, 0.05, 80, 1)}, "Few requests are left in the quarter"),
        ({"quarter": Quarter(100, 0.8, 0.05, 96, 1)}, "The quarter's requests are nearly used up"),
        ({"overdue": 2}, "2 accesses not gone by the deadline"),
    ],
)
def test_each_trouble_is_said(changes, expected):
    """One of each kind is one need, in a sentence."""
    assert said(replace(QUIET, **changes)) == [expected]


def test_a_renewal_far_ahead_needs_nobody_yet():
    """Whoever may approve was told; only the last days are a need."""
    far = Renewals(1, nearest=(RenewalDue("E1", "a", NOW + timedelta(days=4)),))
    assert said(replace(QUIET, renewals=far)) == []


@pytest.mark.parametrize(
    ("timer", "age", "still"),
    [
        ("wake", timedelta(minutes=20), False),
        ("wake", timedelta(minutes=21), True),
        ("drift", timedelta(hours=26), False),
        ("drift", timedelta(hours=27), True),
    ],
)
def test_a_timer_stands_still_after_missed_ticks(timer, age, still):
    """The wake timer after four ticks, a nightly one after a night and some."""
    assert TimerRun(timer, NOW - age).still(NOW) is still
    assert said(QUIET, TimerRun(timer, NOW - age)) == [f"The timer {timer} stands still"] * still


def test_a_timer_that_failed_is_said():
    """A fault is said until the next run; standing still outranks it."""
    assert said(QUIET, TimerRun("wake", NOW, 1.0, "Transient")) == ["The timer wake failed"]
    assert said(QUIET, TimerRun("wake", NOW - timedelta(days=1), 1.0, "Transient")) == ["The timer wake stands still"]


def test_the_gravest_comes_first():
    """What may leave somebody with access they must not have stands above the rest."""
    both = replace(QUIET, under_way=UnderWay(1, stuck=1, failing=1), aside=Aside(1, NOW))
    assert [need.grave for need in needs(both, (), NOW)] == [True, False, False]


def test_a_share_is_read_off_the_buckets():
    """Half of ten is within the bound at which five were reached; beyond a day there is none."""
    counts = (4, 1, 4, *[0] * (len(WITHIN) - 3), 1)
    month = Delivered("2026-11", counts)
    assert (month.total, month.within(0.5), month.within(0.9), month.within(0.95)) == (10, 60, 120, None)


def test_ends_are_added_up():
    """The first seven days are the week, all of them the month; the oldest sweep dates both."""
    found = Overview(at=NOW, ending=tuple(range(30)))
    assert (found.week, found.month, found.swept) == (21, 435, None)
