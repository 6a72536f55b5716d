"""A month in a company, in every class of delay, with the figures that an auditor would read off."""

import asyncio
import os
from dataclasses import replace
from datetime import date, timedelta

from lifecycle.core.delays import summarise
from lifecycle.core.events import Origin
from lifecycle.core.model import Deadlines, Limit, ProjectRules
from lifecycle.core.work import Release
from lifecycle.messages import ask
from lifecycle.records import delays, holds
from tests.builders import (
    CARE,
    EVERYONE,
    SALES,
    START,
    UNLIMITED,
    Company,
    a_model,
    a_worker,
    closed,
    granted,
    joined,
    left,
    moved,
    opened,
    released,
    rescinded,
    staffed,
)
from tests.fakes.directory import refused, throttled
from tests.laws.driving import DAY, HOUR, MINUTE, Days, run
from tests.scenarios.golden import PLANS

FIRST = date(2026, 1, 5)
GOLDEN = PLANS / "how_fast_access_goes.txt"
NAMES = tuple(f"E{number}" for number in range(1, 13))


def a_company():
    projects = ProjectRules(roles={"engineer": ("site",)})
    guard = replace(UNLIMITED, removals=Limit(1, floor=1))
    model = a_model(
        EVERYONE, CARE, SALES, projects=projects, guard=guard, deadlines=Deadlines(leaver=HOUR), grace=2 * DAY
    )
    days = Days(Company(model, users=NAMES))
    days.company.directory.lag = timedelta(seconds=90)
    days.tell(*(joined(f"j{name}", START, FIRST, a_worker(name, department="Care")) for name in NAMES))
    days.tell(opened("o", START), *(staffed(f"s{n}", START, f"E{n}") for n in (8, 9, 11)))
    days.pass_by(10 * MINUTE)
    return days


def told(company):
    found = asyncio.run(delays.of_months(company.records, ["2026-01"]))
    lines = []
    for one in summarise(found):
        spans = ", ".join(f"{name} {getattr(one, name)}" for name in ("p50", "p90", "p95", "max"))
        lines.append(f"{one.kind}: {one.count}, {one.open} open, {one.within} in time, {one.withdrawn} back; {spans}")
    for one in found:
        end = "withdrawn" if one.withdrawn else "open" if one.is_open else f"gone after {one.length}"
        lines.append(f"{one.due:%m-%d %H:%M} {one.person} {one.kind} {' '.join(one.packages) or '-'}: {end}")
        lines += [f"    {why}" for why in one.why]
    return "\n".join(lines) + "\n"


def test_a_month_of_leavers_movers_and_a_close():
    """Everybody who lost a reason is in the figures, in their class, with what kept their access."""
    days = a_company()
    company = days.company
    days.tell(left("l1", START, date(2026, 1, 9), "E1"), left("l2", START, date(2026, 1, 9), "E2"))
    now = company.clock.now()
    days.tell(left("l3", now, now, "E3", immediate=True))
    days.pass_by(DAY)
    company.directory.faults.extend([refused("Forbidden", 403)] * 2)
    now = company.clock.now()
    days.tell(left("l4", now, now, "E4", immediate=True))
    days.pass_by(5 * HOUR)
    company.directory.faults.extend([throttled(20 * MINUTE)] * 2)
    now = company.clock.now()
    days.tell(left("l5", now, date(2026, 1, 5), "E5"))
    days.pass_by(DAY)
    now = company.clock.now()
    absent = Origin("derived-from-absence")
    days.tell(left("l6", now, now, "E6", immediate=True, origin=absent))
    days.tell(left("l12", now, now, "E12", immediate=True, origin=absent))
    days.tell(moved("m7", now, now, a_worker("E7", department="Sales")))
    days.tell(released("r9", now, "E9"))
    days.pass_by(3 * DAY)
    now = company.clock.now()
    days.tell(closed("c", now, now), rescinded("x12", now, "l12", "E12"))
    days.tell(granted("g10", now, "crm", date(2026, 1, 12), "E10"))
    days.pass_by(2 * DAY)
    for one in run(holds.runs(company.records)):
        run(ask(company.bus, Release(one.run, one.hash, "me", "it is meant"), now=company.clock.now()))
    days.pass_by(DAY)
    days.later(left("l11", company.clock.now(), date(2026, 1, 14), "E11"))
    days.outage(2 * DAY)
    days.pass_by(10 * DAY)
    text = told(company)
    if os.environ.get("ACCEPT"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text(), f"{GOLDEN.name} says otherwise; if this is right, run again with ACCEPT=1"
