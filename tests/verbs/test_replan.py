"""A new access model is planned for everybody here, and only those are looked at whom it changes."""

from dataclasses import replace
from datetime import date, timedelta

from lifecycle.contract.cloudevents import decode, work_of
from lifecycle.core.work import Sweep, SweepSlice
from lifecycle.errors import Permanent
from lifecycle.ports import Queue
from lifecycle.records import adoption, runs
from lifecycle.replan import begin_replan, replan
from tests.builders import CARE, EVERYONE, SALES, START, Company, a_model, a_rule, a_worker, granted, joined, moved
from tests.fakes.faults import Crash

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST = date(2026, 1, 5)
PLACES = {"E1": "Care", "E2": "Care", "E3": "Sales", "E4": "Office"}


async def settled(model=None, places=PLACES):
    """Four people who have what the first model gives them, planned under it once."""
    company = Company(model or a_model(EVERYONE, packages=("care", "crm")), users=tuple(places))
    await company.say(*[joined(f"j{name}", START, FIRST, a_worker(name, department=at)) for name, at in places.items()])
    await company.time(16 * MINUTE)
    return company


def looks(company, since=0):
    return sorted(call.about for call in company.directory.calls[since:] if call.name == "assignments_of")


def planned(company):
    """How many messages asked for a slice of planning everybody anew."""
    bodies = [message.body for queue, message, _ in company.bus.sent if queue is Queue.SWEEPS]
    asked = [work_of(decode(body)) for body in bodies]
    return sum(isinstance(one, SweepSlice) and one.kind is Sweep.MODEL for one in asked)


async def test_only_those_whom_a_new_model_changes_are_looked_at():
    """Two of four get a package by it: two are read, and four were planned without a call to Graph."""
    company = await settled()
    before = len(company.directory.calls)
    company.model = a_model(EVERYONE, CARE, hash="model-2", packages=("crm",))
    await company.time(6 * MINUTE)
    assert set(looks(company, before)) == {"user-e1", "user-e2"}
    await company.time(5 * MINUTE)
    assert [company.has(name) for name in PLACES] == [{"base", "care"}, {"base", "care"}, {"base"}, {"base"}]


async def test_a_model_that_changes_nobody_costs_no_look():
    """A new hash alone, such as of a comment, is planned and that is that."""
    company = await settled()
    before = len(company.directory.calls)
    company.model = replace(company.model, hash="model-2")
    await company.time(HOUR)
    assert looks(company, before) == []


async def test_everybody_is_planned_once_under_a_model():
    """However often the timer ticks."""
    company = await settled()
    first = planned(company)
    assert first == 1
    company.model = a_model(EVERYONE, CARE, hash="model-2", packages=("crm",))
    await company.time(DAY)
    assert planned(company) == 2
    assert (await adoption.replanned(company.records)).done


async def test_those_who_would_lose_are_looked_at():
    """A package that the new model no longer gives goes."""
    company = await settled(a_model(EVERYONE, CARE, packages=("crm",)))
    company.model = a_model(EVERYONE, hash="model-2", packages=("care", "crm"))
    await company.time(11 * MINUTE)
    assert [company.has(name) for name in PLACES] == [{"base"}] * 4


async def test_those_whose_end_would_move_are_looked_at():
    """The same packages, but care for ninety days: its two rows get an end."""
    company = await settled(a_model(EVERYONE, CARE, packages=("crm",)))
    before = len(company.directory.calls)
    for_a_while = (replace(CARE[0], lasts=90 * DAY), CARE[1])
    company.model = a_model(EVERYONE, for_a_while, hash="model-2", packages=("crm",))
    await company.time(11 * MINUTE)
    assert set(looks(company, before)) == {"user-e1", "user-e2"}
    assert sum(row.ends is not None for row in company.directory.rows()) == 2


async def test_a_move_to_come_that_only_the_new_model_minds_comes_about():
    """E4 moves to Sales in a fortnight; that Sales gets a package is decided today, and it is there on the day."""
    company = await settled()
    await company.say(moved("m", company.clock.now(), date(2026, 1, 19), a_worker("E4", department="Sales")))
    company.model = a_model(EVERYONE, SALES, hash="model-2", packages=("care",))
    await company.time(11 * MINUTE)
    assert company.has("E4") == {"base"}
    company.clock.set(START + 14 * DAY)
    await company.time(11 * MINUTE)
    assert company.has("E4") == {"base", "crm"}


async def test_a_lead_that_only_the_new_model_has_comes_about():
    """Somebody who starts in a month gets a package a week before that, by a model that came meanwhile."""
    company = Company(a_model(EVERYONE), users=("E1",))
    await company.say(joined("j", START, date(2026, 2, 5)))
    await company.time(11 * MINUTE)
    early = (a_rule("early", "base", lead=7 * DAY), EVERYONE[1])
    company.model = a_model(early, hash="model-2")
    await company.time(11 * MINUTE)
    company.clock.set(START + 27 * DAY)
    await company.time(11 * MINUTE)
    assert company.has() == {"base"}


async def test_a_slice_that_was_lost_is_taken_up_again():
    """Ten minutes later the timer goes on from where the planning was left."""
    company = await settled()
    company.model = a_model(EVERYONE, CARE, hash="model-2", packages=("crm",))
    company.clock.move(5 * MINUTE)
    await begin_replan(company.ports)
    company.bus.deliver_due()
    assert company.bus.pop(Queue.SWEEPS) is not None
    await company.time(20 * MINUTE)
    assert company.has("E1") == {"base", "care"}


async def test_a_death_between_any_two_writes_of_the_planning_loses_nobody():
    """The message comes again, or the timer asks again: those who change get what they should have."""
    number = 0
    while True:
        number += 1
        company = await settled()
        company.model = a_model(EVERYONE, CARE, hash="model-2", packages=("crm",))
        company.records.crash_after = company.records.writes + number
        try:
            await company.time(6 * MINUTE)
        except Crash:
            company.records.crash_after = None
            await company.time(45 * MINUTE)
            assert [company.has(name) for name in PLACES] == [{"base", "care"}] * 2 + [{"base"}] * 2, number
        else:
            break
    assert number > 10


async def test_somebody_whom_a_rule_cannot_judge_stops_nobody_else():
    """The others get what they should have; of the one, the look is set aside, and not the planning of everybody."""
    company = await settled()

    def fails(worker):
        if worker.id == "E3":
            raise Permanent("rule care: returned null, must return true or false")
        return CARE[1](worker)

    company.model = a_model(EVERYONE, (CARE[0], fails), hash="model-2", packages=("crm",))
    await company.time(11 * MINUTE)
    assert [company.has(name) for name in PLACES] == [{"base", "care"}, {"base", "care"}, {"base"}, {"base"}]
    assert (await adoption.replanned(company.records)).done


async def test_a_run_of_a_model_tells_how_far_it_is():
    """Its people are those whom it changes."""
    company = await settled()
    company.model = a_model(EVERYONE, CARE, hash="model-2", packages=("crm",))
    await company.time(11 * MINUTE)
    one = await runs.progress(company.records, "model:model-2")
    assert (one.people, one.done, one.run.whole) == (2, 2, True)


async def test_a_slice_of_a_model_that_is_no_longer_in_force_does_nothing():
    """Overtaken by yet another model, it looks at nobody."""
    company = await settled()
    before = company.records.writes
    company.bus.deliver_due()
    await replan(SweepSlice("model:older", Sweep.MODEL), company.ports)
    assert company.records.writes == before


async def test_a_row_that_was_taken_long_ago_has_no_other_end():
    """Somebody had tools until the ninth and has them again until the end of the month: a new model looks at nobody."""
    company = await settled(a_model(EVERYONE, packages=("tools",)))
    await company.say(granted("x", company.clock.now(), "tools", date(2026, 1, 9)))
    await company.time(6 * DAY, tick=HOUR)
    await company.say(granted("again", company.clock.now(), "tools", date(2026, 1, 31)))
    await company.time(HOUR)
    assert company.has() == {"base", "tools"}
    before = len(company.directory.calls)
    company.model = replace(company.model, hash="model-2")
    await company.time(HOUR)
    assert looks(company, before) == []
