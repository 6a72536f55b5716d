"""A fact that was heard of late, or that holds since long before it was written down, is said to be late; once."""

import json
from datetime import date, timedelta

import pytest

from lifecycle.contract.cloudevents import encode_fact
from lifecycle.ports import Queue
from tests.builders import EVERYONE, START, Company, a_model, a_worker, closed, joined, left, moved, opened

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST = date(2026, 1, 5)


async def company_of_one():
    company = Company(a_model(EVERYONE))
    await company.say(joined("j", START, FIRST))
    await company.time(10 * MINUTE)
    company.clock.set(START + 10 * DAY)
    return company


def told(company):
    bodies = [json.loads(message.body) for queue, message, _ in company.bus.sent if queue is Queue.NOTICES]
    return [(body["subject"], body["data"]) for body in bodies if body["type"] == "lifecycle.event.late"]


async def test_facts_that_come_in_time_are_not_late():
    """Recorded now, effective today or later; a last day to come."""
    company = await company_of_one()
    now = company.clock.now()
    await company.say(moved("m", now, now.date(), a_worker(job_title="Nurse")), left("l", now, now.date() + 5 * DAY))
    assert told(company) == []


@pytest.mark.parametrize(
    ("fact", "retroactive"),
    [
        (lambda now: left("x", now - 2 * HOUR, now - 2 * HOUR, immediate=True), "false"),
        (lambda now: left("x", now - 2 * HOUR, now - 4 * HOUR), "true"),
        (lambda now: left("x", now - MINUTE, now - 2 * DAY), "true"),
        (lambda now: moved("x", now - 25 * HOUR, now - 25 * HOUR, a_worker()), "false"),
        (lambda now: moved("x", now - MINUTE, now - 25 * HOUR, a_worker()), "true"),
        (lambda now: closed("x", now - MINUTE, now - 3 * DAY, "E1"), "true"),
        (lambda now: opened("x", now - 25 * HOUR, "E1"), "false"),
    ],
)
async def test_a_late_or_retroactive_fact_is_said(fact, retroactive):
    """A leaver after the leaver's deadline, anything else after the mover's; and which of the two it is."""
    company = await company_of_one()
    await company.say(fact(company.clock.now()))
    ((subject, data),) = told(company)
    assert (subject, data["event"], data["retroactive"]) == ("e1", "x", retroactive)


@pytest.mark.parametrize(
    "fact",
    [
        lambda now: left("x", now - 50 * MINUTE, now - 50 * MINUTE, immediate=True),
        lambda now: left("x", now - 5 * DAY, now - 30 * MINUTE),
        lambda now: moved("x", now - 23 * HOUR, now - 23 * HOUR, a_worker()),
        lambda now: moved("x", now - 10 * MINUTE, now - 23 * HOUR, a_worker()),
    ],
)
async def test_what_is_within_its_deadline_is_not_late(fact):
    """A last day that was announced counts from its end, not from when it was announced."""
    company = await company_of_one()
    await company.say(fact(company.clock.now()))
    assert told(company) == []


async def test_it_says_by_how_much():
    """In seconds, from when HR wrote it down."""
    company = await company_of_one()
    now = company.clock.now()
    await company.say(left("x", now - 3 * HOUR, now - 3 * HOUR, immediate=True))
    ((_, data),) = told(company)
    assert data["late"] == str(3 * 3600)
    assert (data["recorded"], data["effective"]) == ((now - 3 * HOUR).isoformat(),) * 2


async def test_a_late_fact_is_said_once():
    """The same event again, a day later, is no news."""
    company = await company_of_one()
    fact = left("x", company.clock.now() - DAY, company.clock.now() - DAY)
    await company.say(fact)
    for _ in range(2):
        await company.time(DAY, tick=HOUR)
        await company.send(Queue.HR, encode_fact(fact))
        await company.settle()
    assert len(told(company)) == 1


async def test_a_late_fact_counts_all_the_same():
    """It is said, not refused."""
    company = await company_of_one()
    await company.say(left("x", company.clock.now() - DAY, company.clock.now() - DAY))
    await company.time(10 * MINUTE)
    assert company.has() == set()
