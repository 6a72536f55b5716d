"""What is read together, for a whole package, says of each request only what it knows."""

from datetime import date, timedelta

from lifecycle.core.evidence import Tag
from lifecycle.core.model import ProjectRules
from lifecycle.follow import came_too_late
from lifecycle.follow_many import follow_package
from lifecycle.records import following
from lifecycle.records.dossier import Flight, Holding, Stage, open_dossier, put_flight, put_holding
from tests.builders import EVERYONE, START, Company, a_model, joined, opened, rescheduled, staffed
from tests.fakes.directory import unmoved

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
FIRST = date(2026, 1, 5)
SITE = ProjectRules(roles={"engineer": ("site",)})


async def on_a_project():
    company = Company(a_model(EVERYONE, projects=SITE))
    await company.say(joined("j", START, FIRST), opened("o", START, planned=date(2026, 3, 31)), staffed("s", START))
    await company.time(10 * MINUTE)
    return company


async def records_of(company, tag):
    return [one for one in await (await open_dossier(company.records, "e1")).chain() if one.tag is tag]


def flight(**changes):
    common = {"kind": "adminUpdate", "token": "t", "stage": Stage.SUBMITTED, "at": START, "look_at": START}
    return Flight(**{**common, "package": "site", "cause": "c", "assignment": "a", "request": "r", **changes})


async def test_a_new_end_of_a_whole_project_counts_once_the_rows_show_it():
    """Everybody's end is moved in one run, Graph says delivered and moved nothing: it is not taken for moved."""
    company = await on_a_project()
    company.directory.faults.append(unmoved())
    await company.say(rescheduled("r", company.clock.now(), date(2026, 4, 30)))
    await company.time(30 * MINUTE)
    assert len(await records_of(company, Tag.NOT_MOVED)) == 1


async def test_a_new_end_that_took_its_time_is_looked_for_from_when_it_was_done():
    """Delivered after fourteen minutes, looked at then and shown a minute later: it has moved."""
    company = await on_a_project()
    company.directory.latency, company.directory.lag = 14 * MINUTE, 2 * MINUTE
    await company.say(rescheduled("r", company.clock.now(), date(2026, 4, 30)))
    for _ in range(60):
        await company.time(MINUTE)
        await company.sweep()
    assert await records_of(company, Tag.NOT_MOVED) == []
    assert {row.ends.month for row in company.directory.rows() if row.package == "package-site"} == {4}


async def test_the_outcome_of_an_older_request_says_nothing_of_the_present_one():
    """The request that is listed was given up for another one, which goes on being followed."""
    company = await on_a_project()
    (old,) = [one for one in company.directory.taken if one.package == "package-site"]
    (told,) = await company.directory.requests_for("package-site", since=START)
    assert (told.token, told.state) == (old.token, "delivered")
    dossier = await open_dossier(company.records, "e1")
    present = flight(kind="adminRemove", request="another", at=company.clock.now())
    await dossier.remember(put_flight(dossier, present))
    await following.add(company.records, following.Followed("site", told.request, "e1", START))
    await follow_package("site", company.ports)
    assert (await open_dossier(company.records, "e1")).flights == {"site": present}


async def test_what_the_list_never_shows_is_left_to_the_persons_own_look_after_an_hour():
    """Until then it is read again and again; afterwards the package's list is not read for it any longer."""
    company = await on_a_project()
    now = company.clock.now()
    await following.add(company.records, following.Followed("site", "never-listed", "e1", now))
    company.clock.set(now + HOUR - SECOND)
    await follow_package("site", company.ports)
    assert len(await following.of_package(company.records, "site")) == 1
    company.clock.set(now + HOUR)
    await follow_package("site", company.ports)
    assert await following.of_package(company.records, "site") == []


async def test_a_new_end_came_too_late_from_the_instant_of_the_old_one():
    """A second before it would have been in time."""
    company = await on_a_project()
    dossier = await open_dossier(company.records, "e1")
    end = START + HOUR
    put_holding(dossier, Holding(package="site", assignment="a", ends=end, at=START))
    assert came_too_late(dossier, flight(), end)
    assert not came_too_late(dossier, flight(), end - SECOND)
