"""Leavers as a colleague would tell them; `plans/` holds what each asks of the directory."""

from dataclasses import replace
from datetime import date

from lifecycle.core.events import Origin, key
from lifecycle.core.model import GuardLimits, Limit
from lifecycle.core.snapshot import Entry, Snapshot, Terms
from lifecycle.feed import Feed
from lifecycle.records import holds
from tests.builders import CARE, EVERYONE, HR, START, Company, a_model, a_worker, joined, left, moved, rescinded
from tests.fakes.directory import throttled
from tests.laws.driving import DAY, HOUR, MINUTE, Days, run
from tests.scenarios.golden import agrees

FIRST = date(2026, 1, 5)


def employed(*names, guard=None):
    """A company in which everybody named works in Care and has what that gives."""
    model = a_model(EVERYONE, CARE)
    days = Days(Company(model if guard is None else replace(model, guard=guard), users=names))
    for name in names:
        days.tell(joined(f"j{name}", START, FIRST, a_worker(name, department="Care")))
    days.pass_by(10 * MINUTE)
    return days


def test_leaver_while_graph_throttles():
    """Graph takes nothing for a while: the removals are asked for until it does, within the hour."""
    days = employed("E1")
    days.company.directory.faults.extend([throttled(2 * MINUTE)] * 4)
    now = days.company.clock.now()
    days.tell(left("l", now, now, immediate=True))
    days.pass_by(HOUR)
    assert days.company.has() == set()
    agrees(days.company, "leaver_while_graph_throttles")


def test_title_change_after_leaving():
    """A title change of before the last day arrives late: it reopens nothing."""
    days = employed("E1")
    days.tell(left("l", days.company.clock.now(), date(2026, 1, 16)))
    days.pass_by(20 * DAY)
    late = a_worker(department="Care", job_title="Head nurse")
    days.tell(moved("m", days.company.clock.now(), date(2026, 1, 12), late))
    days.pass_by(DAY)
    agrees(days.company, "title_change_after_leaving")


def test_leaver_rescinded_on_the_last_day():
    """HR takes the leaving back in the afternoon of the last day: nothing has gone, and nothing will."""
    days = employed("E1")
    days.tell(left("l", days.company.clock.now(), date(2026, 1, 9)))
    days.pass_by(4 * DAY + 5 * HOUR)
    assert days.company.has() == {"base", "care"}
    days.tell(rescinded("r", days.company.clock.now(), "l"))
    days.pass_by(20 * DAY)
    agrees(days.company, "leaver_rescinded_on_the_last_day")


def test_hr_feed_truncated():
    """A file that lost half its rows makes leavers of people who work: the guard holds them, and nobody loses more."""
    names = [f"E{number}" for number in range(1, 9)]
    plenty, few = Limit(99, floor=99), Limit(2, floor=2)
    days = employed(*names, guard=GuardLimits(removals=few, additions=plenty, leavers=plenty))
    company = days.company
    feed = Feed(company.records, company.bus, company.clock)
    terms = Terms(HR, "Europe/Berlin", shrink=plenty, left_after=1)
    whole = tuple(Entry(a_worker(key(name), department="Care"), FIRST) for name in names)
    company.clock.move(DAY)
    run(feed.take(Snapshot(terms, whole), as_of=company.clock.now()))
    days.pass_by(DAY)
    run(feed.take(Snapshot(terms, whole[:4]), as_of=company.clock.now()))
    days.pass_by(3 * DAY)
    (held,) = run(holds.runs(company.records))
    assert [plan.person for plan in held.plans] == ["e6", "e7", "e8"]
    agrees(company, "hr_feed_truncated", *names)


def test_a_leaver_beside_a_truncated_feed():
    """While derived leavers are held, the one whom HR names goes at once."""
    plenty, none = Limit(99, floor=99), Limit(0, floor=0)
    days = employed("E1", "E2", guard=GuardLimits(removals=none, additions=plenty, leavers=plenty))
    now = days.company.clock.now()
    days.tell(left("l1", now, now, "E1", immediate=True, origin=Origin("derived-from-absence")))
    days.tell(left("l2", now, now, "E2", immediate=True))
    days.pass_by(HOUR)
    agrees(days.company, "leaver_beside_a_truncated_feed", "E1", "E2")
