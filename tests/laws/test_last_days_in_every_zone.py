"""The last day of a leaver, in every zone there is, around every clock change: the end that is set is the oracle's."""

from datetime import UTC, datetime, time, timedelta

from lifecycle.core.desired import entitled
from lifecycle.core.person import person
from lifecycle.core.plan import Actual, Assignment, Reschedule, plan
from tests.builders import EVERYONE, a_model, a_worker, joined, left
from tests.core.oracle import when_over
from tests.core.test_calendar import _all_days_of_change

DAY = timedelta(days=1)


def test_the_end_that_is_set_is_the_end_of_the_last_day():
    """From the left event to the Reschedule of the row, in the worker's own zone, to the second."""
    model = a_model(EVERYONE)
    actual = Actual((Assignment("row", "base", ours=True),))
    tried = 0
    for day, zone in _all_days_of_change():
        now = datetime.combine(day - 3 * DAY, time(), UTC)
        facts = [joined("j", now, day - 30 * DAY, a_worker(time_zone=zone)), left("l", now, day)]
        desired = entitled(person("e1", facts, model), [], {}, model, now)
        (step,) = plan(desired, actual, model, now).changes
        assert isinstance(step, Reschedule)
        assert step.ends == when_over(day, zone), (day, zone)
        tried += 1
    assert tried > 500
