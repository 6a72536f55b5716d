"""What should end by itself is watched to its end: confirmed, or ended by us, and never brought back by a look."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from lifecycle.core.events import ExceptionGranted
from lifecycle.core.evidence import Tag
from lifecycle.core.model import Drift
from lifecycle.core.plan import OVERDUE
from lifecycle.ports import AssignmentState, Queue
from lifecycle.records.dossier import open_dossier
from tests.builders import CARE, EVERYONE, ITSM, START, Company, a_model, a_worker, joined, recorded, utc
from tests.fakes.directory import unmoved

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST, CONTRACT = date(2026, 1, 5), date(2026, 1, 31)
END = utc(2026, 1, 31, 23)


async def guest(**changes):
    """Somebody whose base access has an end from the beginning, on the row itself: an exception of three weeks."""
    company = Company(a_model(EVERYONE, CARE, packages=("tools",), **changes))
    await company.say(joined("j", START, FIRST))
    await company.say(exception("x", END))
    await company.time(10 * MINUTE)
    return company


def exception(name, end, at=START):
    return ExceptionGranted(recorded(name, "E1", at, source=ITSM), "tools", end, "M1", "T-1", "a guest shift")


async def chain(company, *tags):
    return [one for one in await (await open_dossier(company.records, "e1")).chain() if one.tag in tags]


def late(company):
    return [
        message.body
        for queue, message, _ in company.bus.sent
        if queue is Queue.NOTICES and b"access.late" in message.body
    ]


def of_tools(company):
    return [row for row in company.directory.rows("user-e1") if row.package == "package-tools"]


async def test_an_end_that_entra_kept_is_confirmed():
    """When a row expired by itself, the chain says so, with the instant; nothing was asked for."""
    company = await guest()
    company.clock.set(END - 10 * MINUTE)
    await company.time(20 * MINUTE)
    (record,) = await chain(company, Tag.EXPIRED)
    assert record.detail | {"early": False, "ended": END.isoformat(), "package": "tools"} == record.detail
    assert record.at - END <= 5 * MINUTE
    assert len(company.directory.posted) == 2
    assert late(company) == []


async def test_an_end_is_confirmed_also_when_lists_lag():
    """Two minutes behind, the list still shows the row at its end: it is looked at again, not taken away."""
    company = await guest()
    company.directory.lag = 2 * MINUTE
    company.clock.set(END - 10 * MINUTE)
    await company.time(40 * MINUTE)
    assert len(await chain(company, Tag.EXPIRED)) == 1
    assert len(company.directory.posted) == 2


async def test_entra_is_given_a_quarter_of_an_hour_to_expire_a_row():
    """Before that nothing is asked for and nobody is alarmed."""
    company = await guest()
    company.directory.never_expires.add(of_tools(company)[0].id)
    company.clock.set(END - 10 * MINUTE)
    await company.time((10 + 14) * MINUTE)
    assert company.has() == {"base", "tools"}
    assert (len(company.directory.posted), late(company)) == (2, [])


async def test_a_row_that_entra_does_not_expire_is_removed_by_us_and_said_so():
    """Its plan says why, and one notice says what it waited for."""
    company = await guest()
    (row,) = of_tools(company)
    company.directory.never_expires.add(row.id)
    company.clock.set(END - 10 * MINUTE)
    await company.time((10 + 18) * MINUTE)
    assert company.has() == {"base"}
    assert [(one.kind, one.assignment) for one in company.directory.posted[2:]] == [("adminRemove", row.id)]
    assert OVERDUE in (await chain(company, Tag.INTENDED))[-1].detail["why"]
    (body,) = late(company)
    assert b'"expiry"' in body
    await company.time(3 * DAY, tick=HOUR)
    assert len(late(company)) == 1
    assert len(company.directory.posted) == 3


async def test_a_new_end_that_did_not_come_about_is_found_and_said():
    """Graph says delivered and the row keeps its end: a record says so, and somebody is told."""
    company = await guest()
    company.directory.faults.extend([unmoved()] * 100)
    now = company.clock.now()
    await company.say(exception("x2", END + 30 * DAY, now))
    await company.time(30 * MINUTE)
    assert len(await chain(company, Tag.NOT_MOVED)) == 1
    assert any(b"notMoved" in message.body for queue, message, _ in company.bus.sent if queue is Queue.NOTICES)


async def test_a_new_end_that_does_not_come_about_is_not_asked_for_in_a_loop():
    """Hours apart, then daily: a dozen requests in a week, not thousands."""
    company = await guest()
    company.directory.faults.extend([unmoved()] * 10_000)
    await company.say(exception("x2", END + 30 * DAY, company.clock.now()))
    await company.time(7 * DAY, tick=20 * MINUTE)
    updates = [one for one in company.directory.posted if one.kind == "adminUpdate"]
    assert 5 <= len(updates) <= 12
    assert len(await chain(company, Tag.NOT_MOVED)) == len(updates)


async def test_a_new_end_counts_as_soon_as_the_row_shows_it():
    """Behind lists that lag it is waited for, and no second request is made."""
    company = await guest()
    company.directory.lag = 2 * MINUTE
    await company.say(exception("x2", END + 30 * DAY, company.clock.now()))
    await company.time(HOUR)
    assert [one.kind for one in company.directory.posted[2:]] == ["adminUpdate"]
    assert await chain(company, Tag.NOT_MOVED) == []


async def test_an_end_a_second_off_is_right():
    """What Graph rounded is not corrected: a no-op request counts like any other."""
    company = await guest()
    (row,) = of_tools(company)
    rounded = replace(row, ends=END - timedelta(seconds=1))
    company.directory._inside._become(company.clock.now(), rounded)
    await company.sweep()
    await company.time(HOUR)
    assert len(company.directory.posted) == 2


@pytest.mark.parametrize("drift", list(Drift))
async def test_nothing_that_ended_comes_back_by_a_sweep(drift):
    """Neither under `report` nor under `repair`: it ended because its reason did."""
    company = await guest(drift=drift)
    company.clock.set(END - 10 * MINUTE)
    await company.time(20 * MINUTE)
    for _ in range(3):
        await company.time(DAY, tick=HOUR)
        await company.sweep()
    assert company.has() == {"base"}
    assert [row.state for row in of_tools(company)] == [AssignmentState.EXPIRED]
    assert len(company.directory.posted) == 2


async def test_a_contract_end_ends_everything_by_itself():
    """Nobody says that the person left: the rows carry the contract's end, and each is confirmed."""
    company = Company(a_model(EVERYONE, CARE))
    await company.say(joined("j", START, FIRST, a_worker(department="Care", contract_end=CONTRACT)))
    await company.time(10 * MINUTE)
    company.clock.set(END - 10 * MINUTE)
    await company.time(20 * MINUTE)
    assert company.has() == set()
    assert {one.detail["package"] for one in await chain(company, Tag.EXPIRED)} == {"base", "care"}
    assert len(company.directory.posted) == 2
