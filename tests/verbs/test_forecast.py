"""What a model is foreseen to do is what adopting it then does: the same people, the same steps, the same holds."""

import random
from dataclasses import replace
from datetime import date, timedelta

import pytest

from lifecycle.cli.impact import measured
from lifecycle.cli.rehearsal import imagined
from lifecycle.core.model import GuardLimits, Limit
from lifecycle.core.plan import Reschedule
from lifecycle.errors import Permanent
from lifecycle.forecast import forecast
from lifecycle.records import holds, people, runs
from lifecycle.replan import begin_replan
from lifecycle.withhold import describe
from tests.builders import (
    CARE,
    EVERYONE,
    SALES,
    START,
    UNLIMITED,
    Company,
    a_model,
    a_rule,
    a_worker,
    joined,
    left,
    moved,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST = date(2026, 1, 5)
PLACES = {"E1": "Care", "E2": "Care", "E3": "Sales", "E4": "Office"}
ALL = ("base", "care", "crm", "extra")
BRIEF = (replace(CARE[0], lasts=90 * DAY), CARE[1])
CARE_GETS_MORE = (a_rule("care", "care", "extra"), CARE[1])


async def settled(model=None, places=PLACES, users=None):
    """People who have what the first model gives them, planned under it once."""
    company = Company(model or a_model(EVERYONE, CARE, packages=ALL), users=tuple(users or places))
    await company.say(*[joined(f"j{name}", START, FIRST, a_worker(name, department=at)) for name, at in places.items()])
    await company.time(16 * MINUTE)
    return company


def under(company, model):
    return replace(imagined(company.ports), model=model)


async def foreseen(company, model):
    """The steps by person, of those who would be looked at: what a guard without room holds, and what none holds."""
    names = await people.everybody(company.records)
    holdable, free = {}, {}
    async for name, one in forecast(names, replace(company.ports, model=model)):
        if one.look is not None:
            changes = one.look.plan.changes
            later = [step for step in changes if isinstance(step, Reschedule) and not step.shortens]
            holdable[name] = sorted(describe(step) for step in changes if step not in later)
            free |= {step.assignment: step.ends for step in later}
    return holdable, free


async def adopt(company, model):
    """Adopt it now; how many people were looked at for it, and the steps by person that its run holds."""
    company.model = model
    await begin_replan(company.ports)
    await company.time(11 * MINUTE)
    one = await runs.progress(company.records, f"model:{model.hash[:12]}")
    held = await holds.held_set(company.records, f"model:{model.hash[:12]}")
    return one.people if one else 0, {each.person: sorted(each.steps) for each in held.plans}


def ends(company, assignments):
    return {row.id: row.ends for row in company.directory.rows() if row.id in assignments}


NOTHING = GuardLimits(removals=Limit(0, floor=0), additions=Limit(0, floor=0), leavers=Limit(0, floor=0))
CHANGES = [
    (EVERYONE,),
    (EVERYONE, CARE),
    (EVERYONE, CARE, SALES),
    (EVERYONE, BRIEF),
    (EVERYONE, CARE_GETS_MORE),
    (CARE, SALES),
    (SALES,),
    (),
]


@pytest.mark.parametrize("rules", CHANGES, ids=lambda rules: "+".join(rule.name for rule, _ in rules) or "nothing")
async def test_what_is_foreseen_is_what_adopting_plans(rules):
    """The guard holds all of it, so the held plans are the whole truth; only a later end is never held."""
    company = await settled()
    model = a_model(*rules, packages=ALL, hash="model-2", guard=NOTHING)
    before = (company.records.writes, len(company.bus.sent), len(company.directory.calls))
    plans, later = await foreseen(company, model)
    assert (company.records.writes, len(company.bus.sent), len(company.directory.calls)) == before
    looks, held = await adopt(company, model)
    assert looks == len(plans)
    assert held == {name: steps for name, steps in plans.items() if steps}
    assert ends(company, later) == later


@pytest.mark.parametrize("seed", range(6))
async def test_what_is_foreseen_is_what_happens_with_any_history(seed):
    """Movers, leavers, terms and grace: what is then held is what was foreseen, person by person."""
    dice = random.Random(seed)  # noqa: S311 - the same histories every time
    names = [f"E{i}" for i in range(1, 9)]
    places = {name: dice.choice(["Care", "Sales", "Office"]) for name in names}
    company = await settled(a_model(EVERYONE, BRIEF, SALES, packages=ALL, grace=7 * DAY), places)
    for i, name in enumerate(dice.sample(names, 4)):
        now = company.clock.now()
        if i % 2:
            await company.say(
                moved(f"m{i}", now, now.date(), a_worker(name, department=dice.choice(["Care", "Sales"])))
            )
        else:
            await company.say(left(f"l{i}", now, now.date() + dice.choice([0, 30]) * DAY, name))
        await company.time(16 * MINUTE)
    await company.time(2 * DAY, tick=HOUR)
    rules = dice.sample([EVERYONE, CARE, SALES, CARE_GETS_MORE], 2)
    rules = rules if {rule.name for rule, _ in rules} != {"care"} else rules[:1]
    model = a_model(*rules, packages=ALL, hash="model-2", guard=NOTHING, grace=dice.choice([0, 7]) * DAY)
    plans, later = await foreseen(company, model)
    looks, held = await adopt(company, model)
    assert looks == len(plans)
    assert held == {name: steps for name, steps in plans.items() if steps}
    assert ends(company, later) == later


async def test_what_the_guard_would_hold_is_what_it_then_holds():
    """Room for one removal of two: one plan goes, one waits."""
    company = await settled()
    guard = replace(UNLIMITED, removals=Limit(1, floor=1))
    model = a_model(EVERYONE, packages=ALL, hash="model-2", guard=guard)
    found = await measured(under(company, model), first=5)
    assert (found.held, found.held_people, found.total("taken")) == (1, 1, 2)
    assert list(found.why) == ["removals: 1 counted in the window, 1 more wanted, 1 allowed"]
    _, held = await adopt(company, model)
    assert len(held) == 1


async def test_it_counts_by_package_and_names_the_first():
    """Given, taken, and what it costs."""
    company = await settled()
    model = a_model(EVERYONE, SALES, packages=ALL, hash="model-2")
    found = await measured(under(company, model), first=1)
    assert dict(found.packages["care"].counts) == {"taken": 2}
    assert dict(found.packages["crm"].counts) == {"given": 1}
    assert len(found.packages["care"].first["taken"]) == 1
    assert (found.people, found.looks, found.changing, found.total()) == (4, 3, 3, 3)
    assert found.afterwards.used == found.allowance.used + 3


async def test_the_model_in_force_changes_nobody():
    """Its own file, also with other comments or examples, is nothing new."""
    company = await settled()
    found = await measured(under(company, company.model))
    assert (found.adopted, found.changing, found.people) == (True, 0, 0)


async def test_another_hash_that_gives_the_same_changes_nobody():
    """Everybody is planned, nobody differs."""
    company = await settled()
    found = await measured(under(company, replace(company.model, hash="model-2")))
    assert (found.adopted, found.people, found.looks, found.changing) == (False, 4, 0, 0)


async def test_a_package_that_the_model_drops_is_said_to_stay():
    """Nobody manages it any more, so nobody takes it: two rows stay with whom they are."""
    company = await settled()
    model = a_model(EVERYONE, packages=("base",), hash="model-2")
    found = await measured(under(company, model))
    assert (dict(found.unmanaged), found.changing) == ({"care": 2}, 0)
    company.model = model
    await company.time(11 * MINUTE)
    assert sorted(row.package for row in company.directory.rows()).count("package-care") == 2


async def test_a_change_to_come_is_counted_apart():
    """E4 moves to Sales in a fortnight, which only the new model minds."""
    company = await settled()
    await company.say(moved("m", company.clock.now(), date(2026, 1, 19), a_worker("E4", department="Sales")))
    found = await measured(under(company, a_model(EVERYONE, CARE, SALES, packages=ALL, hash="model-2")))
    assert (found.later, dict(found.packages["crm"].counts)) == (1, {"given": 1})


async def test_a_request_under_way_is_waited_for_and_said():
    """E3 is being given crm when yet another model takes it away again: nothing is planned over an open request."""
    company = await settled()
    company.model = a_model(EVERYONE, CARE, SALES, packages=ALL, hash="model-2")
    await begin_replan(company.ports)
    await company.settle()
    await company.time(timedelta(seconds=5))
    found = await measured(under(company, a_model(EVERYONE, CARE, packages=ALL, hash="model-3")))
    assert (found.underway, found.looks, found.changing) == (1, 1, 0)


async def test_somebody_without_a_user_costs_no_request():
    """They would wait; what they would get is no step."""
    company = await settled(users=("E1", "E2", "E3"))
    found = await measured(under(company, a_model(EVERYONE, CARE, SALES, packages=ALL, hash="model-2")))
    assert (found.without_user, found.total("given")) == (1, 1)


async def test_who_has_a_package_through_other_ways_is_given_nothing():
    """E3 requested what Sales is to get: the last look saw it, so a look is due and changes nothing."""
    company = await settled()
    company.directory.give("user-e3", "package-crm", "requested")
    await company.sweep()
    await company.time(11 * MINUTE)
    model = a_model(EVERYONE, CARE, SALES, packages=ALL, hash="model-2")
    found = await measured(under(company, model))
    assert (found.looks, found.changing) == (1, 0)
    before = company.directory.writes
    looks, _ = await adopt(company, model)
    assert (looks, company.directory.writes) == (1, before)


async def test_what_ended_by_itself_is_not_there_any_more():
    """Its term is over and no look has seen it yet: a rule without a term gives it anew, and moves no end."""
    company = await settled(a_model(EVERYONE, BRIEF, packages=ALL))
    company.clock.set(START + 91 * DAY)
    plans, later = await foreseen(company, a_model(EVERYONE, CARE, packages=ALL, hash="model-2"))
    assert (plans, later) == ({name: ["assign care without end"] for name in ("e1", "e2")}, {})


async def test_a_protected_user_is_left_out():
    """As a look would leave them out."""
    company = await settled()
    model = a_model(EVERYONE, packages=ALL, hash="model-2", protected=frozenset({"user-e1"}))
    assert (await measured(under(company, model))).total("taken") == 1


async def test_somebody_whom_a_rule_cannot_judge_does_not_hide_the_others():
    """They are named with the rule's own words, and everybody else is counted."""
    company = await settled()

    def fails(worker):
        if worker.id == "E3":
            raise Permanent("rule sales: returned null, must return true or false")
        return False

    model = a_model(EVERYONE, (SALES[0], fails), packages=ALL, hash="model-2")
    found = await measured(under(company, model))
    assert found.failed == {"e3": "rule sales: returned null, must return true or false"}
    assert found.total("taken") == 2
