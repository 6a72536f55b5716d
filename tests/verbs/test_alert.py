"""Somebody hears of a leaver whose access outlives the deadline, whatever keeps it; once."""

import json
from dataclasses import replace
from datetime import date, timedelta

from lifecycle.core.events import Origin
from lifecycle.core.evidence import Tag
from lifecycle.core.model import Deadlines, Limit
from lifecycle.core.work import Release
from lifecycle.messages import ask
from lifecycle.ports import Queue, RequestState
from lifecycle.records import holds
from lifecycle.records.dossier import open_dossier
from tests.builders import (
    CARE,
    EVERYONE,
    START,
    UNLIMITED,
    Company,
    a_model,
    a_worker,
    joined,
    left,
    rescinded,
)
from tests.fakes.directory import ends_as, throttled

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST = date(2026, 1, 5)


async def employed(**changes):
    company = Company(a_model(EVERYONE, CARE, deadlines=Deadlines(leaver=HOUR), **changes))
    await company.say(joined("j", START, FIRST, a_worker(department="Care")))
    await company.time(10 * MINUTE)
    return company


def goes(company, **changes):
    now = company.clock.now()
    return left("l", now, now, immediate=True, **changes)


def late(company):
    bodies = [json.loads(message.body) for queue, message, _ in company.bus.sent if queue is Queue.NOTICES]
    return [body for body in bodies if body["type"] == "lifecycle.leaver.late"]


async def recorded_late(company):
    return [one for one in await (await open_dossier(company.records, "e1")).chain() if one.tag is Tag.LATE]


async def held():
    """A leaver whom only their absence from a feed tells, beyond a guard that lets nobody go."""
    company = await employed(guard=replace(UNLIMITED, removals=Limit(0)))
    await company.say(goes(company, origin=Origin("derived-from-absence")))
    return company


async def test_a_leaver_who_goes_in_time_is_no_alarm():
    """Ten minutes are not an hour."""
    company = await employed()
    await company.say(goes(company))
    await company.time(3 * DAY, tick=HOUR)
    assert company.has() == set()
    assert (late(company), await recorded_late(company)) == ([], [])


async def test_a_leaver_who_is_held_is_no_alarm_before_the_deadline():
    """The hold itself was said; it may still be released in time."""
    company = await held()
    await company.time(55 * MINUTE)
    assert (late(company), await recorded_late(company)) == ([], [])


async def test_a_leaver_who_is_held_beyond_the_deadline_is_said_once():
    """At the deadline, to the minutes, with what is left and by when it had to be gone; then never again."""
    company = await held()
    gone = company.clock.now()
    await company.time(HOUR + 5 * MINUTE)
    (notice,) = late(company)
    (record,) = await recorded_late(company)
    assert notice["data"] == {
        "waits": "removal",
        "due": (gone + HOUR).isoformat(),
        "packages": ["base", "care"],
    }
    assert record.detail == notice["data"]
    assert record.at - gone - HOUR <= MINUTE
    await company.sweep()
    await company.time(10 * DAY, tick=HOUR)
    assert (len(late(company)), len(await recorded_late(company))) == (1, 1)
    assert company.has() == {"base", "care"}


async def test_a_hold_that_is_released_late_ends_the_alarm():
    """What was said stays said, and the access goes."""
    company = await held()
    await company.time(2 * HOUR)
    (one,) = await holds.runs(company.records)
    await ask(company.bus, Release(one.run, one.hash, "me", "it is so"), now=company.clock.now())
    await company.time(20 * MINUTE)
    assert company.has() == set()
    assert len(late(company)) == 1


async def test_a_leaver_whom_graph_does_not_take_is_said_once():
    """Throttled for a day, a leaver is late like any other."""
    company = await employed()
    company.directory.faults.extend([throttled(10 * MINUTE)] * 10_000)
    await company.say(goes(company))
    await company.time(6 * HOUR)
    assert (len(late(company)), len(await recorded_late(company))) == (1, 1)


async def test_a_removal_that_fails_is_said_at_the_deadline():
    """Graph took the request and did not deliver it."""
    company = await employed()
    company.directory.faults.extend([ends_as(RequestState.DELIVERY_FAILED)] * 10)
    await company.say(goes(company))
    await company.time(90 * MINUTE)
    (notice,) = late(company)
    assert notice["data"]["packages"] == ["base", "care"]


async def test_a_leaver_whom_hr_told_late_has_the_deadline_from_then_on():
    """HR wrote it down a week after the last day: the hour counts from then, not from the last day."""
    company = await employed(guard=replace(UNLIMITED, removals=Limit(0)))
    company.clock.move(7 * DAY)
    told = company.clock.now()
    await company.say(left("l", told, date(2026, 1, 6), origin=Origin("derived-from-absence")))
    await company.time(50 * MINUTE)
    assert late(company) == []
    await company.time(20 * MINUTE)
    assert [notice["data"]["due"] for notice in late(company)] == [(told + HOUR).isoformat()]


async def test_who_leaves_again_is_said_again():
    """A leaving that was rescinded and one that followed are two."""
    company = await held()
    await company.time(2 * HOUR)
    await company.say(rescinded("r", company.clock.now(), "l"))
    await company.time(DAY, tick=HOUR)
    now = company.clock.now()
    await company.say(left("l2", now, now, immediate=True, origin=Origin("derived-from-absence")))
    await company.time(2 * HOUR)
    assert (len(late(company)), len(await recorded_late(company))) == (2, 2)


async def test_a_leaving_that_is_told_again_and_again_gives_nobody_more_time():
    """HR sends the same last day anew every half hour; the alarm comes an hour after the first telling all the same."""
    company = await employed(guard=replace(UNLIMITED, removals=Limit(0)))
    began = company.clock.now()
    for number in range(5):
        said = left(f"l{number}", company.clock.now(), date(2026, 1, 4), origin=Origin("derived-from-absence"))
        await company.say(said)
        await company.time(30 * MINUTE)
    assert [body["data"]["due"] for body in late(company)] == [(began + HOUR).isoformat()]
