"""Time as a colleague would tell it: first days, leave, renewals, ends, outages, a new model."""

import json
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

from lifecycle.contract.cloudevents import decode, work_of
from lifecycle.core.events import Status
from lifecycle.core.model import ProjectRules
from lifecycle.core.work import Check
from lifecycle.ports import Queue
from tests.builders import (
    CARE,
    EVERYONE,
    SALES,
    START,
    Company,
    a_model,
    a_rule,
    a_worker,
    approved,
    granted,
    joined,
    left,
    moved,
    opened,
    refused,
    renewable,
    revoked,
    staffed,
    utc,
)
from tests.laws.driving import DAY, HOUR, MINUTE, Days
from tests.scenarios.golden import agrees

FIRST = date(2026, 1, 5)
SECOND = timedelta(seconds=1)
EARLY = (a_rule("early", "base", lead=2 * DAY), EVERYONE[1])
COURSE = (a_rule("course", "course", lasts=30 * DAY), lambda worker: worker.department == "Care")
LAPSES = utc(2026, 2, 3, 23)
"""When the course of somebody who began on the first day is over, in Berlin."""


def to(days, at):
    """Let time pass until that instant."""
    days.pass_by(at - days.company.clock.now())


def notices(company, event):
    """Return whom notices of that type were about."""
    found = [json.loads(message.body) for message in company.bus.waiting(Queue.NOTICES)]
    return [one["subject"] for one in found if one["type"] == f"lifecycle.{event}"]


def aside(company):
    """Return why messages were set aside."""
    return [message.properties["reason"] for message in company.bus.waiting(Queue.QUARANTINE)]


def test_joiner_starts_monday():
    """Hired two weeks ahead in New York: the mailbox comes two days before, the rest as Monday begins there."""
    days = Days(Company(a_model(EARLY, CARE)))
    monday = date(2026, 1, 19)
    days.tell(joined("j", START, monday, a_worker(department="Care", time_zone="America/New_York")))
    to(days, utc(2026, 1, 17, 4, 59))
    assert days.company.has() == set()
    to(days, utc(2026, 1, 17, 5, 1))
    assert days.company.has() == {"base"}
    to(days, utc(2026, 1, 25))
    agrees(days.company, "joiner_starts_monday")


def test_future_joiner_moved_twice():
    """The first day is put off before anything was given, then comes forward: all begins once, on the last word."""
    days = Days(Company(a_model(EARLY, CARE)))
    worker = a_worker(department="Care")
    days.tell(joined("j1", START, date(2026, 1, 19), worker))
    to(days, utc(2026, 1, 12))
    days.tell(joined("j2", utc(2026, 1, 12), date(2026, 3, 2), worker))
    to(days, utc(2026, 1, 26))
    days.tell(joined("j3", utc(2026, 1, 26), date(2026, 2, 2), worker))
    to(days, utc(2026, 3, 10))
    agrees(days.company, "future_joiner_moved_twice")


def test_future_joiner_put_off_after_lead_began():
    """Put off when the mailbox is there already: it goes until two days before the new first day."""
    days = Days(Company(a_model(EARLY, CARE)))
    worker = a_worker(department="Care")
    days.tell(joined("j1", START, date(2026, 1, 7), worker))
    to(days, utc(2026, 1, 6))
    assert days.company.has() == {"base"}
    days.tell(joined("j2", utc(2026, 1, 6), date(2026, 2, 2), worker))
    to(days, utc(2026, 2, 10))
    agrees(days.company, "future_joiner_put_off_after_lead_began")


def test_leave_of_absence():
    """A month of leave, said in advance, keeps the basics; the rest goes as it begins and is back as it ends."""
    days = Days(Company(a_model(EVERYONE, CARE, leave_keep=frozenset({"base"}), grace=7 * DAY)))
    days.tell(joined("j", START, FIRST, a_worker(department="Care")))
    to(days, utc(2026, 1, 12))
    away = a_worker(department="Care", status=Status.LEAVE)
    days.tell(moved("away", utc(2026, 1, 12), date(2026, 2, 2), away))
    to(days, utc(2026, 2, 20))
    assert days.company.has() == {"base"}
    days.tell(moved("back", utc(2026, 2, 20), date(2026, 3, 2), a_worker(department="Care")))
    to(days, utc(2026, 3, 10))
    agrees(days.company, "leave_of_absence")


def test_renewal_at_the_last_second():
    """A second before the end counts, however late it is heard of and however often; at the end it is too late."""
    workers = ("E1", "E2", "E3", "E4", "E5")
    model = a_model(EVERYONE, COURSE, packages=("course",))
    model = replace(model, packages={**model.packages, "course": renewable("course")})
    days = Days(Company(model, users=workers), may_set_aside=True)
    for name in workers:
        days.tell(joined(f"j{name}", START, FIRST, a_worker(name, department="Care", manager="boss")))
    last = LAPSES - SECOND
    to(days, last)
    assert sorted(notices(days.company, "renewal.due")) == [name.casefold() for name in workers]
    days.tell(approved("in time", last, "course", "E1"))
    days.tell(approved("once", last, "course", "E3"), approved("twice", last, "course", "E3"))
    days.tell(refused("no", last, "course", "E5"))
    to(days, LAPSES)
    days.tell(approved("too late", LAPSES, "course", "E4"))
    to(days, LAPSES + HOUR)
    assert "course" not in days.company.has("E2")
    days.tell(approved("heard late", last, "course", "E2"))
    to(days, LAPSES + 2 * HOUR)
    assert ["course" in days.company.has(name) for name in workers] == [True, True, True, False, False]
    to(days, LAPSES + 40 * DAY)
    (one, other) = aside(days.company)
    assert "can be renewed from" in one  # said twice, it is heard of as one that is too early
    assert "had ended" in other
    agrees(days.company, "renewal_at_the_last_second", *workers)


def test_exception_runs_out():
    """One exception ends by itself on its last day, another is revoked before: neither leaves anything behind."""
    days = Days(Company(a_model(EVERYONE, packages=("lab",)), users=("E1", "E2")))
    for name in ("E1", "E2"):
        days.tell(joined(f"j{name}", START, FIRST, a_worker(name)))
    days.tell(granted("x1", START, "lab", date(2026, 1, 30)), granted("x2", START, "lab", date(2026, 1, 30), "E2"))
    to(days, utc(2026, 1, 20))
    days.tell(revoked("r", utc(2026, 1, 20), "lab", "E2"))
    to(days, utc(2026, 2, 10))
    agrees(days.company, "exception_runs_out", "E1", "E2")


def test_worker_down_for_a_day():
    """What ends on the day of an outage ends by Entra itself; what was said meanwhile is done minutes after it."""
    workers = ("E1", "E2", "E3", "E4")
    projects = ProjectRules(roles={"engineer": ("site",)})
    days = Days(Company(a_model(EVERYONE, CARE, projects=projects, packages=("lab",)), users=workers))
    for name in workers:
        days.tell(joined(f"j{name}", START, FIRST, a_worker(name, department="Care")))
    day = date(2026, 1, 20)
    days.tell(left("last day", START, day, "E1"))
    days.tell(opened("o", START, planned=day), staffed("s", START, "E2"), granted("x", START, "lab", day, "E2"))
    days.tell(moved("m", START, date(2026, 1, 21), a_worker("E4")))
    to(days, utc(2026, 1, 20, 12))
    company = days.company
    assert [company.has(name) for name in workers[:2]] == [{"base", "care"}, {"base", "care", "site", "lab"}]
    days.outage(6 * HOUR)
    now = company.clock.now()
    days.later(left("now", now, now, "E3", immediate=True))
    days.outage(18 * HOUR)
    assert [company.has(name) for name in workers] == [set(), {"base", "care"}, {"base", "care"}, {"base"}]
    days.pass_by(10 * MINUTE)
    assert company.has("E3") == set()
    days.pass_by(5 * DAY)
    agrees(company, "worker_down_for_a_day", *workers)


def test_model_drops_a_rule():
    """A new model takes a rule away: only who had it alone is looked at, and keeps it for the grace from then."""
    nurses = (a_rule("nurses", "care"), lambda worker: worker.job_code == "N1")
    days = Days(Company(a_model(EVERYONE, CARE, nurses, SALES, grace=7 * DAY), users=("E1", "E2", "E3")))
    company = days.company
    days.tell(joined("j1", START, FIRST, a_worker("E1", department="Care")))
    days.tell(joined("j2", START, FIRST, a_worker("E2", department="Care", job_code="N1")))
    days.tell(joined("j3", START, FIRST, a_worker("E3", department="Sales")))
    to(days, utc(2026, 1, 12))
    before = len(company.bus.sent)
    company.model = a_model(EVERYONE, nurses, SALES, grace=7 * DAY, hash="model-2")
    days.pass_by(10 * MINUTE)
    asked = [work_of(decode(message.body)) for queue, message, _ in company.bus.sent[before:] if queue is Queue.WORK]
    checks = [one for one in asked if isinstance(one, Check)]
    assert Counter(one.person for one in checks if one.run.startswith("model:")) == {"e1": 1}
    assert {one.person for one in checks} == {"e1"}
    to(days, utc(2026, 1, 25))
    agrees(company, "model_drops_a_rule", "E1", "E2", "E3")
