"""What may still be sent, from the numbers alone."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.core.budget import Allowance, Spent, first_day
from lifecycle.core.model import Budget
from lifecycle.core.plan import Assign, Remove, Reschedule


def utc(year, month, day):
    return datetime(year, month, day, tzinfo=UTC)


BUDGET = Budget(1000, warn=0.8, reserve=0.05)
GIVE = Assign("staff", None, ())
TAKE = Remove("staff", "a1", ())
SOON, LATE = utc(2026, 3, 1), utc(2026, 6, 1)
EXTEND, SHORTEN = Reschedule("staff", "a1", SOON, LATE, ()), Reschedule("staff", "a1", LATE, SOON, ())


def after(tenant, ours=0, budget=BUDGET):
    return Allowance(budget, Spent(tenant, ours))


def test_what_is_left_counts_everybody_s_requests():
    """Ours are among the tenant's; where the tenant's are not known, ours count; never less than nothing is left."""
    assert after(300, 100).left == 700
    assert after(0, 100).left == 900
    assert after(1001).left == 0


@pytest.mark.parametrize(("used", "low"), [(0, False), (799, False), (800, True), (1200, True)])
def test_a_budget_is_low_from_its_share_on(used, low):
    """From the very request that reaches the share, somebody is told."""
    assert after(used).low is low


@pytest.mark.parametrize(("used", "gives"), [(0, True), (949, True), (950, False), (1000, False), (2000, False)])
def test_the_reserve_is_not_for_additions(used, gives):
    """Once only the reserve is left nothing is added, and access is still taken and moved to its right end."""
    allowance = after(used)
    assert allowance.allows(GIVE) is gives
    assert all(allowance.allows(step) for step in (TAKE, EXTEND, SHORTEN))


@given(st.integers(1, 300_000), st.integers(-1, 1))
def test_shares_are_exact(requests, off):
    """Warning and reserve begin at the request at which exact arithmetic says so, whatever floats make of shares."""
    limits = Budget(requests, warn=0.7, reserve=0.07)
    used = 7 * requests // 10 + off
    assert after(used, budget=limits).low == (10 * used >= 7 * requests)
    used = 93 * requests // 100 + off
    assert after(used, budget=limits).reserved == (100 * max(0, requests - used) <= 7 * requests)


def test_a_share_that_floats_cannot_hold_is_exact():
    """0.07 of a hundred is 7, although the product of the floats is a little more."""
    assert after(7, budget=Budget(100, warn=0.07)).low
    assert not after(92, budget=Budget(100, reserve=0.07)).reserved
    assert after(93, budget=Budget(100, reserve=0.07)).reserved


def test_the_quarter_is_ninety_days_and_the_rest_of_a_day():
    """The oldest day that counts is the whole UTC day of the instant 90 days ago."""
    assert first_day(utc(2026, 4, 1) + timedelta(hours=1)) == date(2026, 1, 1)
    assert first_day(utc(2026, 4, 1) - timedelta(seconds=1)) == date(2025, 12, 31)
    assert first_day(datetime(2026, 4, 1, 1, tzinfo=timezone(timedelta(hours=2)))) == date(2025, 12, 31)


def test_the_numbers_can_be_read():
    """As text an allowance says what is used, by whom, of what, and what is left."""
    assert str(after(960, 400)) == (
        "960 of 1000 requests of this tenant's quarter are used (400 by Lifecycle), 40 are left"
    )
