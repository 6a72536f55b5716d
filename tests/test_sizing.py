"""docs/sizing.md is arithmetic: what an event costs is measured here, and the companies' sums are done again."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import pytest

from lifecycle.core.model import Budget, ProjectRules
from lifecycle.pace import WRITES_PER_SECOND
from lifecycle.ports import Queue
from tests.builders import START, Company, a_model, a_rule, a_worker, joined, left, moved, opened, staffed

PAGE = (Path(__file__).parents[1] / "docs" / "sizing.md").read_text(encoding="utf-8")
MANY = 20
"""People it happens to at once, so that what does not grow with people weighs little in the mean."""
STAYS = tuple(f"package{number}" for number in range(4))
PACKAGES = (
    (a_rule("everyone", *STAYS), lambda _: True),
    (a_rule("care", "care"), lambda worker: worker.department == "Care"),
    (a_rule("sales", "sales"), lambda worker: worker.department == "Sales"),
)


def table(heading):
    """The rows of the table under a heading: first cell → the others as numbers, where they are numbers."""
    part = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line] for line in lines]
    return {first: [number(cell) for cell in cells] for first, *cells in rows[1:]}


def number(cell):
    text = cell.replace(",", "").split(" ")[0]
    return float(text) if re.fullmatch(r"[\d.]+", text) else cell


class Counted:
    """A company in which something happens to `MANY` people, and what that took."""

    def __init__(self):
        model = a_model(*PACKAGES, projects=ProjectRules(roles={"engineer": ("site",)}))
        self.company = Company(model, users=tuple(f"E{one}" for one in range(MANY)))

    def worker(self, one, department, title="Nurse"):
        known = {"location": "Berlin", "country": "DE", "manager": "E0"}
        return a_worker(f"E{one}", department=department, job_title=title, **known)

    def standing(self):
        records = self.company.records._partitions
        rows = [(partition, key, row.value) for partition, kept in records.items() for key, row in kept.items()]
        sent = [queue for queue, _, _ in self.company.bus.sent]
        return (
            len(self.company.directory.posted),
            self.company.directory.reads,
            len(sent),
            sum(queue is not Queue.NOTICES for queue in sent),
            self.company.records.writes,
            len(rows),
            sum(len(partition) + len(key) + len(value) for partition, key, value in rows) / 1000,
        )

    def happens(self, of):
        """What it costs a person when the event that `of` makes happens to each: requests, messages, and so on."""
        before = self.standing()

        async def live():
            await self.company.say(*[of(one, self.company.clock.now()) for one in range(MANY)])
            await self.company.time(timedelta(minutes=30))

        asyncio.run(live())
        return [(now - then) / MANY for now, then in zip(self.standing(), before, strict=True)]


def measured():
    counted = Counted()
    asyncio.run(counted.company.say(opened("o", START)))
    day = START.date()
    return {
        "joins, 5 packages": counted.happens(lambda one, now: joined(f"j{one}", now, day, counted.worker(one, "Care"))),
        "an event that changes nothing": counted.happens(
            lambda one, now: moved(f"t{one}", now, day, counted.worker(one, "Care", "Senior nurse"))
        ),
        "moves, 1 package for another": counted.happens(
            lambda one, now: moved(f"m{one}", now, day, counted.worker(one, "Sales", "Senior nurse"))
        ),
        "works on a project, 1 package": counted.happens(lambda one, now: staffed(f"s{one}", now, f"E{one}")),
        "leaves, 6 packages": counted.happens(lambda one, now: left(f"l{one}", now, day, f"E{one}", immediate=True)),
    }


EVENTS = table("What one event costs")
TIMES = {name: often for name, (often,) in table("A person's year").items()}
BEGIN = EVENTS["joins, 5 packages"]
REQUESTS, _, MESSAGES, EXECUTIONS, _, ROWS, KB = range(7)
COMPANIES = (1_000, 50_000, 1_000_000)
TICKS = 12 * 24 * 30
OF_A_ROW = 0.1


def yearly(column):
    return sum(often * EVENTS[name][column] for name, often in TIMES.items())


def after(years):
    """Gigabytes a person's rows take."""
    kb = BEGIN[KB] + OF_A_ROW * BEGIN[ROWS] + years * (yearly(KB) + OF_A_ROW * yearly(ROWS))
    return kb / 1e6


@pytest.fixture(scope="module")
def costs():
    return measured()


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_costs_what_the_page_says(event, costs):
    """Requests exactly, all else within a tenth (or a half of one): a change that costs more changes the page."""
    assert costs.keys() == EVENTS.keys() == TIMES.keys()
    assert costs[event][REQUESTS] == EVENTS[event][REQUESTS]
    assert costs[event] == pytest.approx(EVENTS[event], rel=0.1, abs=0.5)


@pytest.mark.parametrize("people", COMPANIES)
def test_the_companies_sums_are_right(people):
    """Each is the people times what a person's beginning and year cost, to the digits that are shown."""
    assert table("Three companies")[f"{people:,}"] == pytest.approx(
        [
            people * 5,
            people * BEGIN[REQUESTS],
            people * yearly(REQUESTS) / 4,
            people * yearly(MESSAGES) / 12,
            people * yearly(EXECUTIONS) / 12 + TICKS,
            people * (BEGIN[ROWS] + yearly(ROWS)),
            people * after(1),
            people * after(6),
        ],
        rel=0.03,
    )


@pytest.mark.parametrize("people", COMPANIES)
def test_what_is_used_of_graphs_limits_is_right(people):
    """The quarter's requests, the tenant's assignments, and the time that beginning takes at the shared rate."""
    quarter = people * yearly(REQUESTS) / 4 / Budget().requests
    begin = people * BEGIN[REQUESTS] / WRITES_PER_SECOND / 3600
    wanted = [100 * quarter, 100 * people * 5 / 300_000, begin]
    assert table("Against Graph's limits")[f"{people:,}"] == pytest.approx(wanted, rel=0.03)


def test_the_money_is_the_units_times_the_prices():
    """Each line, and the sum, to the dollar."""
    page = table("Money")
    executions = [people * yearly(EXECUTIONS) / 12 + TICKS for people in COMPANIES]
    price = {name: cells[0] for name, cells in page.items()}
    ready, executed, bus, kept, told = (cells[1:] for name, cells in page.items() if name != "sum")
    names = list(price)
    assert ready == pytest.approx([2 * 2 * 3600 * 24 * 30.4 * price[names[0]]] * 3, abs=0.6)
    assert executed == pytest.approx([max(0, one * 4 - 100_000) * price[names[1]] for one in executions], abs=0.6)
    assert bus == [price[names[2]]] * 3
    assert kept == pytest.approx([people * after(1) * price[names[3]] for people in COMPANIES], abs=0.6)
    assert told == pytest.approx([one * 5 / 1e6 * price[names[4]] for one in executions], abs=0.6)
    assert page["sum"][1:] == pytest.approx([sum(line) for line in zip(ready, executed, bus, kept, told, strict=True)])
