"""Reasons: their order among others, how they are written, and that changes which no rule reads make no difference."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.core import reasons
from lifecycle.core.calendar import begins
from lifecycle.core.desired import entitled
from lifecycle.core.events import Joined, Moved, Worker
from lifecycle.core.model import AccessModel, Package, Renewal, RenewalMode, Rule
from lifecycle.core.person import person
from lifecycle.core.reasons import Reason, Why, stands
from tests.core.histories import FIRST, RECORDED_FROM, histories, recorded

DAY = timedelta(days=1)
PACKAGES = {name: Package(name, name, name, name, Renewal(RenewalMode.AUTO, DAY, 2 * DAY)) for name in "pq"}
MODEL = AccessModel(
    hash="m",
    time_zone="Europe/Berlin",
    packages=PACKAGES,
    rules=(Rule("a", "", ("p",), lead=DAY), Rule("ab", "", ("q",)), Rule("all", "", ("p", "q"), lasts=5 * DAY)),
    matches=lambda worker: (worker.job_code == "A", worker.job_code in {"A", "B"}, True),
    leave_keep=frozenset("p"),
    grace=DAY,
)


@given(histories(zones=(None, "Pacific/Auckland")), st.integers(0, 20))
def test_changes_that_no_reason_depends_on_make_no_difference(facts, days):
    """Joining the time before and after such a change gives the very reasons that walking over it gives."""
    whole, now = person("e1", facts, MODEL), RECORDED_FROM + days * DAY

    joined = stands(whole, (), {}, MODEL, {}, now)
    with mock.patch.object(reasons, "_is_alike", return_value=False):
        assert stands(whole, (), {}, MODEL, {}, now) == joined


def test_a_window_to_renew_is_that_of_a_reason_which_stands():
    """A reason that takes over later moves the end, but nobody is asked to renew what has not begun."""
    model = replace(MODEL, rules=(Rule("now", "", ("p",)), Rule("soon", "", ("p",), lasts=5 * DAY)), grace=0 * DAY)
    model = replace(model, matches=lambda worker: (worker.job_code == "A", worker.job_code == "B"))
    facts = [
        Joined(recorded(1, 0), FIRST, Worker(id="e1", job_code="A")),
        Moved(recorded(2, 1), FIRST + 3 * DAY, Worker(id="e1", job_code="B")),
    ]
    whole, begun = person("e1", facts, model), begins(FIRST, model.time_zone)

    first = entitled(whole, (), {}, model, begun + DAY).entitlements["p"]
    then = entitled(whole, (), {}, model, begun + 3.5 * DAY).entitlements["p"]

    assert (first.end, first.opens) == (then.end, None)
    assert then.opens is not None


def test_reasons_come_in_the_order_in_which_they_read():
    """By kind, name, of what and since when, the open one first; as text they would come in the same order."""
    begun, later = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    ordered = [
        Reason(Why.EXCEPTION, "z", "w", later),
        Reason(Why.RULE, "a", "w", begun),
        Reason(Why.RULE, "a", "w", begun, later),
        Reason(Why.RULE, "a", "w", later),
        Reason(Why.RULE, "a", "x", begun),
        Reason(Why.RULE, "ab", "w", begun),
    ]

    mixed = [*ordered[1::2], *ordered[::2]]
    assert sorted(mixed, key=lambda reason: reason.order) == ordered
    assert sorted(mixed, key=str) == ordered


def test_a_reason_is_written_to_the_second():
    """Parts of a second are dropped; an end is written where there is one."""
    begun = datetime(2026, 3, 1, 22, 5, 9, 999_999, tzinfo=UTC)

    assert str(Reason(Why.RULE, "r", "e1", begun)) == "rule r (e1) since 2026-03-01T22:05:09Z"
    assert str(Reason(Why.GRACE, "r", "e1", begun, begun + DAY)) == (
        "grace r (e1) since 2026-03-01T22:05:09Z until 2026-03-02T22:05:09Z"
    )
