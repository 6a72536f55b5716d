"""Who a person is in the directory, when the directory changes its mind: a doubt, a hold, and a decision."""

from dataclasses import replace
from datetime import date, timedelta

from lifecycle.core.events import Recognised
from lifecycle.core.evidence import Tag
from lifecycle.core.work import Check
from lifecycle.messages import ask
from lifecycle.ports import Queue
from lifecycle.records.claims import claimants
from lifecycle.records.dossier import open_dossier
from tests.builders import (
    CARE,
    EVERYONE,
    ITSM,
    START,
    Company,
    a_model,
    a_user,
    a_worker,
    joined,
    left,
    moved,
    recorded,
)

FIRST, HOUR = date(2026, 1, 5), timedelta(hours=1)


async def renamed():
    """A nurse whose user lost its employeeId to a new one, as a look with a recheck finds out."""
    company = Company(a_model(EVERYONE, CARE))
    await company.say(joined("j", START, FIRST, a_worker(department="Care")))
    await company.time(HOUR)
    company.directory.add(replace(a_user(), employee_id=None, user_principal_name="old@example.org"))
    company.directory.add(replace(a_user(), id="user-new"))
    await ask(company.bus, Check("e1", "drift", recheck=True), now=company.clock.now())
    await company.settle()
    return company


def recognised(company, user="user-new", approver="E9"):
    said = recorded("r", "E1", company.clock.now(), source=ITSM)
    return Recognised(said, user, approver, "the account was made anew")


async def tags(company):
    return [record.tag for record in await (await open_dossier(company.records, "e1")).chain()]


async def test_a_user_that_is_no_longer_the_person_is_a_doubt_and_nothing_is_changed():
    """The move that would take care away is not acted on, on any path, while the directory says another user."""
    company = await renamed()
    assert (await tags(company))[-2:] == [Tag.DOUBTED, Tag.CONFLICT]
    before = len(company.directory.posted)
    await company.say(moved("m", company.clock.now(), company.clock.now(), a_worker(department="Sales")))
    await company.time(24 * HOUR)
    assert len(company.directory.posted) == before


async def test_the_doubt_ends_when_the_directory_agrees_again():
    """The next look, with or without a recheck, takes the person for who they were."""
    company = await renamed()
    company.directory.add(a_user())
    company.directory.add(replace(a_user(), id="user-new", employee_id="E77", user_principal_name="n@example.org"))
    await company.say(moved("m", company.clock.now(), company.clock.now(), a_worker(department="Sales")))
    await company.time(HOUR)
    assert company.has() == {"base"}


async def test_somebody_who_left_loses_access_in_spite_of_a_doubt():
    """An account that was stripped of its employeeId on the last day does not keep what it has."""
    company = await renamed()
    await company.say(left("l", company.clock.now(), company.clock.now(), immediate=True))
    await company.time(HOUR)
    assert company.has() == set()


async def test_a_decision_says_who_it_is():
    """From then on the person is the new user: it is given what they are entitled to, and the old claim is dropped."""
    company = await renamed()
    await company.say(recognised(company))
    await company.time(HOUR)
    assert company.directory.live("user-new") == {"package-base", "package-care"}
    assert await claimants(company.records, "user-e1") == frozenset()
    assert await claimants(company.records, "user-new") == {"e1"}


async def test_nobody_decides_which_user_they_are():
    """The decision of the person themselves is set aside."""
    company = await renamed()
    await company.say(recognised(company, approver="E1"))
    (aside,) = company.bus.waiting(Queue.QUARANTINE)
    assert "nobody decides which user they are" in aside.properties["reason"]
