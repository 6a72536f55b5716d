"""The last of the tenant's requests are for taking away and extending; additions wait, and are not lost."""

import json
from datetime import date, timedelta

from lifecycle.core.events import ExceptionGranted
from lifecycle.core.model import Budget
from lifecycle.ports import Queue
from tests.builders import (
    CARE,
    EVERYONE,
    ITSM,
    SALES,
    START,
    Company,
    a_model,
    a_user,
    a_worker,
    joined,
    moved,
    recorded,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST = date(2026, 1, 5)


async def poor(requests=100, spent=95):
    """A nurse with an exception that ends, in a tenant of a hundred requests of which ninety-five are made."""
    company = Company(a_model(EVERYONE, CARE, packages=("tools",), budget=Budget(requests)))
    await company.say(joined("j", START, FIRST, a_worker(department="Care")))
    await company.say(exception("x", START + 9 * DAY))
    await company.time(10 * MINUTE)
    while (await company.meter.spent(company.clock.now())).ours < spent:
        await company.meter.count(f"token-{(await company.meter.spent(company.clock.now())).ours}", company.clock.now())
    return company


def exception(name, end):
    return ExceptionGranted(recorded(name, "E1", START, source=ITSM), "tools", end, "M1", "T-1", "a project of hers")


def waits(company):
    bodies = [json.loads(message.body) for queue, message, _ in company.bus.sent if queue is Queue.NOTICES]
    return [one["data"] for one in bodies if one["data"].get("waits") == "budget"]


def ids_of_waits(company):
    return {one.id for queue, one, _ in company.bus.sent if queue is Queue.NOTICES and b'"budget"' in one.body}


def back(company):
    """Let the nurse move away and a second one come: an addition and a removal are wanted."""
    now = company.clock.now()
    company.directory.add(a_user("E2"))
    return moved("m", now, now, a_worker()), joined("j2", now, FIRST, a_worker("E2"))


async def test_in_the_last_twentieth_an_addition_waits_and_a_removal_goes():
    """The mover loses care; the joiner has to wait, and it is said what for."""
    company = await poor()
    await company.say(*back(company))
    await company.time(10 * MINUTE)
    assert company.has() == {"base", "tools"}
    assert company.has("E2") == set()
    assert [one["packages"] for one in waits(company)] == [["base"]]


async def test_before_the_last_twentieth_an_addition_goes():
    """Six of a hundred left is one more than the reserve."""
    company = await poor(spent=93)
    await company.say(*back(company))
    await company.time(10 * MINUTE)
    assert company.has("E2") == {"base"}
    assert waits(company) == []


async def test_in_the_last_twentieth_an_extension_goes():
    """Access that is justified does not end for want of requests."""
    company = await poor()
    await company.say(exception("x2", START + 30 * DAY))
    await company.time(10 * MINUTE)
    (row,) = [row for row in company.directory.rows("user-e1") if row.package == "package-tools"]
    assert row.ends == START + 30 * DAY


async def test_what_waits_is_looked_at_every_hour():
    """Not in a loop, and not only the next night."""
    company = await poor()
    await company.say(*back(company))
    await company.time(10 * MINUTE)
    before = sum(call.about == "user-e2" for call in company.directory.calls)
    await company.time(6 * HOUR)
    assert sum(call.about == "user-e2" for call in company.directory.calls) - before in {5, 6, 7}


async def test_that_something_waits_is_said_once_a_day():
    """It is the same message every hour, also when the budget has moved on, and another one the next day."""
    company = await poor()
    await company.say(*back(company))
    await company.time(3 * HOUR)
    await company.meter.count("others", company.clock.now())
    await company.time(3 * HOUR)
    assert len(ids_of_waits(company)) == 1
    await company.time(DAY)
    assert len(ids_of_waits(company)) == 2


async def test_what_waited_is_given_when_there_is_room_again():
    """A quarter on, or a larger budget: within the hour the joiner has what they wait for."""
    company = await poor()
    await company.say(*back(company))
    await company.time(10 * MINUTE)
    company.model = a_model(EVERYONE, CARE, packages=("tools",), budget=Budget(1000))
    await company.time(65 * MINUTE)
    assert company.has("E2") == {"base"}


async def test_the_other_steps_of_a_plan_do_not_wait_with_an_addition():
    """One person who moves from care to sales loses the one today and gets the other later."""
    company = await poor()
    company.model = a_model(EVERYONE, CARE, SALES, packages=("tools",), budget=Budget(100))
    await company.say(moved("m", START + MINUTE, FIRST, a_worker(department="Sales")))
    await company.time(10 * MINUTE)
    assert company.has() == {"base", "tools"}
    assert waits(company)[0]["packages"] == ["crm"]
