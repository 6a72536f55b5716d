"""What somebody said is looked at, also when the message that asked for it is lost; and asked for no more than that."""

from datetime import date, timedelta

from lifecycle.attend import attend
from lifecycle.contract.cloudevents import decode, encode_fact, work_of
from lifecycle.core.model import ProjectRules
from lifecycle.core.work import Check, FanOut
from lifecycle.errors import Transient
from lifecycle.intake import intake
from lifecycle.ports import Queue
from lifecycle.records import told
from lifecycle.sweep import fan_out
from tests.builders import CARE, EVERYONE, START, Company, a_model, a_worker, closed, joined, moved, opened, staffed
from tests.fakes.directory import throttled

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST = date(2026, 1, 5)


async def said(company, fact, queue=Queue.HR):
    """Take in a fact, and lose the message that asks for the look."""
    await intake(queue, encode_fact(fact), company.ports)
    company.bus.deliver_due()
    for lost in (Queue.WORK, Queue.SWEEPS):
        while company.bus.pop(lost) is not None:
            pass


def asked(company, kind=Check):
    bodies = [message.body for queue, message, _ in company.bus.sent if queue in {Queue.WORK, Queue.SWEEPS}]
    return [one for one in map(work_of, map(decode, bodies)) if isinstance(one, kind)]


async def forgotten(company):
    return [one.mark for one in await told.forgotten(company.records, company.clock.now() + DAY)]


async def test_a_lost_check_is_asked_for_again_within_a_quarter_of_an_hour():
    """The mark outlives the message; the wake timer finds it."""
    company = Company(a_model(EVERYONE))
    await company.time(6 * MINUTE)  # the model was planned for everybody, who is nobody yet
    await said(company, joined("j", START, FIRST))
    await company.time(9 * MINUTE)
    assert company.has() == set()
    await company.time(7 * MINUTE)
    assert company.has() == {"base"}
    assert await forgotten(company) == []


async def test_a_check_that_was_looked_at_is_not_asked_for_again():
    """The look takes its mark away."""
    company = Company(a_model(EVERYONE))
    await company.say(joined("j", START, FIRST))
    assert await forgotten(company) == []
    await company.time(HOUR)
    assert [check.cause for check in asked(company)].count("event:j") == 1


async def test_what_is_told_during_a_look_stays_told():
    """The look read the facts before; so it does not take away the mark of the fact that came after."""
    company = Company(a_model(EVERYONE, CARE))
    await company.say(joined("j", START, FIRST))
    listing = company.directory.assignments_of
    fact = moved("m", START + MINUTE, FIRST, a_worker(department="Care"))

    async def interrupted(user, packages):
        company.directory.assignments_of = listing
        await said(company, fact)
        return await listing(user, packages)

    company.clock.move(MINUTE)
    company.directory.assignments_of = interrupted
    await attend(Check("e1", "test"), company.ports)
    assert [mark.cause for mark in await forgotten(company)] == ["event:m"]
    await company.time(16 * MINUTE)
    assert company.has() == {"base", "care"}


async def test_a_check_that_keeps_failing_is_not_multiplied():
    """It is scheduled at growing intervals, and the timer does not ask beside it: a dozen attempts in a day."""
    company = Company(a_model(EVERYONE))
    company.directory.faults.extend([throttled()] * 1000)
    await company.say(joined("j", START, FIRST))
    await company.time(DAY)
    attempts = [check.attempt for check in asked(company) if check.cause == "event:j"]
    assert attempts == sorted(set(attempts))
    assert len(attempts) <= 13
    assert len(company.directory.posted) <= 2 * len(attempts)


async def test_a_check_that_fails_and_is_lost_is_asked_for_again():
    """The mark counts from when the next attempt was due."""
    company = Company(a_model(EVERYONE))
    company.directory.failures.plan(Transient("503"))
    await company.say(joined("j", START, FIRST))
    company.clock.move(2 * MINUTE)
    company.bus.deliver_due()
    while company.bus.pop(Queue.WORK) is not None:
        pass
    await company.time(16 * MINUTE)
    assert company.has() == {"base"}


async def test_a_lost_fan_out_of_a_project_is_asked_for_again():
    """A project's message may be lost as well; its people are looked at at the next tick but one."""
    company = Company(a_model(EVERYONE, projects=ProjectRules({"engineer": ("site",)})))
    await company.say(joined("j", START, FIRST), staffed("s", START))
    await company.time(MINUTE)
    await said(company, opened("o", START - HOUR), Queue.PROJECTS)
    await company.time(16 * MINUTE)
    assert company.has() == {"base", "site"}
    assert any(isinstance(one, FanOut) for one in asked(company, FanOut))
    assert await forgotten(company) == []


async def test_an_older_fan_out_does_not_do_for_what_was_told_since():
    """It is for the opening and may have read the facts before the close: the close stays told until its own."""
    company = Company(a_model(EVERYONE, projects=ProjectRules(roles={"engineer": ("site",)})))
    await company.say(joined("j", START, FIRST), opened("o", START), staffed("s", START))
    now = company.clock.now()
    await said(company, closed("c", now, now), Queue.PROJECTS)
    await fan_out(FanOut("p1", "event:o", "project:p1:o"), company.ports)
    assert [mark.cause for mark in await forgotten(company)] == ["event:c"]
    await fan_out(FanOut("p1", "event:c", "project:p1:c"), company.ports)
    assert await forgotten(company) == []
