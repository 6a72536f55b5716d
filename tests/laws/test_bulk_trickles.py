"""Bulk work never stands in an urgent leaver's way: so many checks wait before it, however many people are meant."""

from datetime import date

import pytest

from lifecycle.core.events import Origin
from lifecycle.ports import Queue
from lifecycle.records import facts
from lifecycle.trickle import BACKLOG
from tests.builders import EVERYONE, START, Company, a_model, a_worker, closed, joined, left, opened, staffed
from tests.laws.driving import HOUR, Days, run

FIRST = date(2026, 1, 5)
FED = 300


@pytest.mark.parametrize("many", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_an_urgent_leaver_behind_a_fan_out_waits_for_a_backlog_at_most(many):
    """Two projects and a feed at once: never more than the backlog waits on `work`, and all are looked at."""
    company = Company(a_model(EVERYONE), users=("E1",))
    days = Days(company)
    days.tell(joined("j", START, FIRST))
    days.pass_by(HOUR)
    now = company.clock.now()
    for project in ("p1", "p2"):
        for number in range(many // 2):
            run(facts.keep(company.records, staffed(f"{project}-{number}", now, f"W{number}", project)))
    most, before, left_at = 0, [], 0

    def watch(company):
        nonlocal most, left_at
        waiting = company.bus.waiting(Queue.WORK)
        most = max(most, len(waiting))
        for place, message in enumerate(waiting):
            if message.session == "e1":
                before.append(place)

    days.watchers = [watch]
    feed = [joined(f"f{n}", now, FIRST, a_worker(f"F{n}"), Origin("bulk", "feed-1")) for n in range(FED)]
    days.later(*(opened(f"o{project}", now, project) for project in ("p1", "p2")), *feed)
    days.later(*(closed(f"c{project}", now, now, project) for project in ("p1", "p2")))
    days.pass_by(4 * 3 * (HOUR / 3600))
    assert most > BACKLOG // 2
    now = company.clock.now()
    days.tell(left("l", now, now, immediate=True))
    days.pass_by(HOUR)
    assert most <= BACKLOG + 1
    assert before
    assert max(before) <= BACKLOG
    checked = {message.session for queue, message, _ in company.bus.sent if queue is Queue.WORK}
    assert len(checked) == many // 2 + FED + 1
    assert company.has() == set()
