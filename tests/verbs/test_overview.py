"""The overview of a company that works: every number is what its people really have, wait for and were given."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from lifecycle.core.events import Origin
from lifecycle.core.model import Limit
from lifecycle.core.work import Release
from lifecycle.errors import Transient
from lifecycle.messages import ask
from lifecycle.overview import Glance, gather, shown
from lifecycle.ports import Queue, SetAside
from lifecycle.records import heartbeats, holds
from lifecycle.records.heartbeats import Beat
from lifecycle.records.holds import Held, hold
from tests.builders import (
    EVERYONE,
    START,
    UNLIMITED,
    Company,
    a_model,
    a_rule,
    a_worker,
    approved,
    joined,
    left,
    renewable,
    utc,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def hired(name):
    return joined(f"joined-{name}", START, date(2026, 1, 5), a_worker(name))


class Shelf:
    """A lectern with so many messages set aside; counts how often it was looked into."""

    def __init__(self, *found, error=None):
        self.found, self.error, self.asked = found, error, []

    async def browse(self, queue, *, dead=False):
        self.asked.append((queue, dead))
        if self.error:
            raise self.error
        return list(self.found) if queue is Queue.QUARANTINE else []


async def test_a_company_is_counted():
    """People, assignments, what is under way, what was delivered, what it took of the quarter."""
    here = Company(a_model(EVERYONE), users=("E1", "E2"))
    await here.say(hired("E1"), hired("E2"))
    going = await gather(here.ports)
    assert (going.people, going.under_way.count, going.under_way.stuck) == (2, 2, 0)

    await here.time(10 * MINUTE)
    done = await gather(here.ports)
    assert (done.assignments, done.under_way.count) == (2, 0)
    assert sum(month.total for month in done.delivered) == 2
    assert (done.quarter.ours, done.quarter.limit) == (2, 200_000)


async def test_requests_of_bulk_work_are_counted_too():
    """Followed with others of their package or alone: a delivery leaves the list and counts once."""
    here = Company(a_model(packages=("base",)), users=("E1", "E2"))
    await here.say(hired("E1"), hired("E2"))
    here.model = a_model(EVERYONE, hash="model-2")
    await here.time(HOUR)
    found = await gather(here.ports)
    assert here.has("E1") == here.has("E2") == {"base"}
    assert (found.under_way.count, sum(month.total for month in found.delivered)) == (0, 2)


async def test_what_does_not_end_is_stuck():
    """A request that Graph leaves open for more than an hour is named, with whose it is."""
    here = Company(a_model(EVERYONE))
    here.directory.latency = 2 * DAY
    await here.say(hired("E1"))
    await here.time(90 * MINUTE)
    found = (await gather(here.ports)).under_way
    assert (found.count, found.stuck, [one.person for one in found.oldest]) == (1, 1, ["e1"])


async def test_ends_are_counted_by_the_sweep():
    """After a sweep each package has its rows, and the ends of the next thirty days lie on their days."""
    here = Company(a_model(EVERYONE), users=("E1", "E2"))
    await here.say(hired("E1"), hired("E2"), left("left-1", START, date(2026, 1, 15)))
    await here.time(10 * MINUTE)
    assert (await gather(here.ports)).swept is None

    await here.sweep()
    found = await gather(here.ports)
    (package,) = found.packages
    assert (package.package, package.rows, package.week, package.month) == ("base", 2, 0, 1)
    assert [day for day, count in enumerate(found.ending) if count] == [10]


async def test_renewals_wait_until_they_are_approved():
    """Asked for and not decided: it waits; approved: it does not."""
    rule = a_rule("short", "vault", lasts=30 * DAY)
    here = Company(replace(a_model((rule, lambda _: True)), packages={"vault": renewable("vault")}))
    await here.say(joined("joined-E1", START, date(2026, 1, 5), a_worker("E1", manager="boss")))
    await here.time(10 * MINUTE)
    here.clock.set(utc(2026, 1, 28))
    await here.time(HOUR)
    found = (await gather(here.ports)).renewals
    assert [(one.person, one.package) for one in found.nearest] == [("e1", "vault")]

    await here.say(approved("ok", here.clock.now(), "vault"))
    await here.time(HOUR)
    assert (await gather(here.ports)).renewals.count == 0


async def test_held_sets_are_counted():
    """By run, with their people; a run of which nothing is held any more is none."""
    here = Company(a_model(EVERYONE))
    for person in ("e1", "e2"):
        await hold(here.records, Held("feed:1", person, person, ("remove a",), "event:1", "too many", START))
    found = await gather(here.ports)
    assert (found.held_runs, found.held_people, found.held[0].people, found.held[0].steps) == (1, 2, 2, 2)


async def test_queues_are_looked_into_once_an_hour():
    """Their dead letters and the quarantine, never the notices; in between the last look stands."""
    here = Company(a_model(EVERYONE))
    shelf = Shelf(SetAside(Queue.QUARANTINE, False, 1, "m", START - DAY, b"{}", "why"))
    moments = iter(range(0, 10_000, 600))
    glance = Glance(shelf, time=lambda: next(moments))
    found = (await gather(here.ports, glance)).aside
    assert found is not None
    assert (found.count, found.oldest, len(shelf.asked)) == (1, START - DAY, 6)
    assert Queue.NOTICES not in {queue for queue, _ in shelf.asked}

    here.clock.set(START + 59 * MINUTE)
    assert (await gather(here.ports, glance)).aside == found
    assert len(shelf.asked) == 6
    here.clock.set(START + HOUR)
    assert (await gather(here.ports, glance)).aside == replace(found, at=START + HOUR)


async def test_a_clock_that_is_moved_makes_nobody_look_all_the_time():
    """Within a minute of the process's own time the queues are left alone, however many hours have passed."""
    here = Company(a_model(EVERYONE))
    shelf, seconds = Shelf(), [0.0]
    glance = Glance(shelf, time=lambda: seconds[0])
    for hours in range(3):
        here.clock.set(START + hours * HOUR)
        await gather(here.ports, glance)
    assert len(shelf.asked) == 6
    seconds[0] = 61.0
    await gather(here.ports, glance)
    assert len(shelf.asked) == 12


async def test_queues_that_do_not_answer_keep_no_number_back():
    """The rest is gathered; of what is set aside the last look stands, with its time."""
    here = Company(a_model(EVERYONE))
    found = await gather(here.ports, Glance(Shelf(error=Transient("down"))))
    assert found.aside is None


async def test_a_failed_read_leaves_the_last_overview():
    """It raises, and what was gathered before stays as it was."""
    here = Company(a_model(EVERYONE))
    await gather(here.ports)
    here.records.failures.plan(None, None, Transient("down"))
    with pytest.raises(Transient):
        await gather(here.ports)
    found, _ = await shown(here.records)
    assert found is not None
    assert found.at == START


async def test_timers_are_read_when_they_are_shown():
    """Those that never ran are named, others come as they are: when, how long, what went wrong."""
    here = Company(a_model(EVERYONE))
    await heartbeats.beat(here.records, Beat("drift", START, 3.0, "Transient"))
    await heartbeats.beat(here.records, Beat("seal", START))
    found, timers = await shown(here.records)
    assert found is None
    assert [(one.timer, one.at, one.fault) for one in timers] == [
        ("wake", None, ""),
        ("overview", None, ""),
        ("drift", START, "Transient"),
        ("seal", START, ""),
    ]


async def test_who_should_be_gone_and_is_not_is_counted():
    """A leaver who is held is in the figures of the month, and overdue behind the deadline; a released one is not."""
    here = Company(a_model(EVERYONE, guard=replace(UNLIMITED, leavers=Limit(0), removals=Limit(0))), users=("E1",))
    await here.say(hired("E1"))
    await here.time(HOUR)
    now = here.clock.now()
    await here.say(left("l", now, now, "E1", immediate=True, origin=Origin("derived-from-absence")))
    await here.time(30 * MINUTE)
    early = await gather(here.ports)
    await here.time(HOUR)
    late = await gather(here.ports)
    assert (early.overdue, late.overdue) == (0, 1)
    (speed,) = late.speeds
    assert (speed.month, speed.kind, speed.count, speed.open, speed.within) == ("2026-01", "leaver-derived", 1, 1, 0)
    here.model = replace(here.model, guard=UNLIMITED)
    (held,) = await holds.runs(here.records)
    await ask(here.bus, Release(held.run, held.hash, "entra:boss", "it is meant"), now=here.clock.now())
    await here.time(HOUR)
    assert (await gather(here.ports)).overdue == 0


async def test_showing_costs_two_short_reads():
    """However much there is: the overview's own rows and the timers', nothing else."""
    here = Company(a_model(EVERYONE), users=("E1",))
    await here.say(hired("E1"))
    await here.sweep()
    await gather(here.ports)
    here.records.failures.plan(None, None, Transient("a third read"))
    found, _ = await shown(here.records)
    assert found is not None
