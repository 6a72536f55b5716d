"""What one look at a person does: reads once, asks the guard, applies, follows, waits, and says what it found."""

from dataclasses import replace
from datetime import date, timedelta

from lifecycle.contract.cloudevents import encode_fact
from lifecycle.core.events import Linked, Origin
from lifecycle.core.evidence import Tag, first_break
from lifecycle.core.model import Drift, GuardLimits, Limit, ProjectRules
from lifecycle.core.work import Check, Release
from lifecycle.intake import intake
from lifecycle.look import look
from lifecycle.messages import ask
from lifecycle.ports import Queue, RequestState
from lifecycle.records import holds
from lifecycle.records.dossier import open_dossier
from tests.builders import (
    CARE,
    EVERYONE,
    ITSM,
    SALES,
    START,
    UNLIMITED,
    Company,
    a_model,
    a_user,
    a_worker,
    closed,
    joined,
    left,
    moved,
    opened,
    recorded,
    staffed,
)
from tests.fakes.directory import ends_as, lost_after, lost_before, refused, throttled

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
FIRST = date(2026, 1, 5)


async def employed(model=None, *, users=("E1",), **worker):
    """A company in which E1 works and has what the rules give."""
    company = Company(model or a_model(EVERYONE, CARE, SALES), users=users)
    await company.say(joined("j", START, FIRST, a_worker(**worker)))
    await company.time(5 * MINUTE)
    return company


async def tags(company, person="e1"):
    return [record.tag for record in await (await open_dossier(company.records, person)).chain()]


def notices(company):
    return [message.body for queue, message, _ in company.bus.sent if queue is Queue.NOTICES]


async def test_a_look_with_nothing_to_do_reads_once_and_writes_nothing():
    """A known person without a change costs one read of Graph and not one row."""
    company = await employed(department="Care")
    reads, writes, rows = company.directory.reads, company.directory.writes, company.records.writes
    await ask(company.bus, Check("e1", "test"), now=company.clock.now())
    await company.settle()
    assert (company.directory.reads - reads, company.directory.writes - writes) == (1, 0)
    assert company.records.writes == rows


async def test_a_change_costs_one_read_and_one_request_each():
    """Two additions and a removal for one mover are one list and three requests."""
    company = await employed(department="Care")
    company.clock.move(DAY)
    now = company.clock.now()
    reads, writes = company.directory.reads, company.directory.writes
    await company.say(moved("m", now, now, a_worker(department="Sales")))
    assert (company.directory.reads - reads, company.directory.writes - writes) == (1, 2)


async def test_the_chain_tells_plan_intent_and_outcome_and_holds():
    """Cause, plan, intent, answer and end are in the person's chain, each following from the one before."""
    company = await employed()
    chain = await (await open_dossier(company.records, "e1")).chain()
    assert [record.tag for record in chain] == [Tag.CORRELATED, Tag.PLANNED, Tag.INTENDED, Tag.SUBMITTED, Tag.ENDED]
    assert first_break(chain) is None
    assert {record.cause for record in chain[:4]} == {"event:j"}
    assert chain[3].detail["status"] == 201
    assert chain[3].detail["client_request"] == chain[2].detail["token"]


async def test_a_preview_changes_nothing_and_gives_the_same_plan():
    """Looking without settling writes no row and posts nothing, and its hash is that of the real plan."""
    company = Company(a_model(EVERYONE))
    await intake(Queue.HR, encode_fact(joined("j", START, FIRST)), company.ports)
    rows = company.records.writes
    preview = await look("e1", company.ports, cause="cli", settle=False)
    assert (company.records.writes, company.directory.writes) == (rows, 0)
    assert [step.package for step in preview.plan.changes] == ["base"]
    await company.settle()
    chain = await (await open_dossier(company.records, "e1")).chain()
    assert next(record for record in chain if record.tag is Tag.PLANNED).detail["plan"] == preview.plan.hash


async def test_a_pre_hire_without_an_account_waits_and_is_said_to_be_late():
    """No user yet is waiting at growing intervals; after the first day and its deadline somebody is told."""
    company = Company(a_model(EVERYONE), users=())
    await company.say(joined("j", START, FIRST))
    await company.time(3 * DAY)
    assert await tags(company) == [Tag.WAITING]
    assert company.directory.reads < 25
    assert any(b"access.late" in body for body in notices(company))
    company.directory.add(a_user())
    await company.time(2 * DAY)
    assert company.has() == {"base"}


async def test_two_users_with_one_employee_id_is_a_finding_not_a_choice():
    """Nothing is given to either; the finding names the users and what to do."""
    company = Company(a_model(EVERYONE))
    company.directory.add(replace(a_user(), id="user-other"))
    await company.say(joined("j", START, FIRST))
    seen = await look("e1", company.ports, cause="test", settle=False)
    assert "2 users carry this employeeId" in seen.finding
    assert company.directory.writes == 0
    assert await tags(company) == [Tag.CONFLICT]


async def test_two_people_on_one_user_lose_nothing_until_they_are_linked():
    """A leaver whose user another person claims is held; once linked, they are one person with one employment left."""
    company = Company(a_model(EVERYONE, CARE), users=("E1",))
    upn = "E1@example.org"
    await company.say(joined("j1", START, FIRST, a_worker(department="Care")))
    await company.say(joined("j2", START, FIRST, a_worker("E2", user_principal_name=upn)))
    await company.time(5 * MINUTE)
    now = company.clock.now()
    await company.say(left("l", now, now, immediate=True))
    await company.time(5 * MINUTE)
    assert company.has() == {"base", "care"}
    await company.say(Linked(recorded("k", "E1", company.clock.now(), source=ITSM), "e2"))
    await company.time(10 * MINUTE)
    assert company.has() == {"base"}


async def test_throttling_puts_the_rest_off_and_loses_nothing():
    """A step that Graph did not take is asked for again after the time it named."""
    company = Company(a_model(EVERYONE))
    company.directory.faults.append(throttled(3 * MINUTE))
    await company.say(joined("j", START, FIRST))
    assert Tag.NOT_SENT in await tags(company)
    await company.time(2 * MINUTE)
    assert company.has() == set()
    await company.time(4 * MINUTE)
    assert company.has() == {"base"}
    assert company.directory.writes == 1


async def test_an_answer_that_was_lost_after_the_work_is_found():
    """A 504 that did its work is found by its token: one request, and it is followed to its end."""
    company = Company(a_model(EVERYONE))
    company.directory.faults.append(lost_after())
    await company.say(joined("j", START, FIRST))
    await company.time(15 * MINUTE)
    assert (company.has(), len(company.directory.posted)) == ({"base"}, 1)
    assert Tag.FOUND in await tags(company)


async def test_an_answer_that_was_lost_before_the_work_is_asked_again_after_two_looks():
    """Absent twice, a settling time apart, it never arrived; only then it is posted again."""
    company = Company(a_model(EVERYONE))
    company.directory.faults.append(lost_before())
    await company.say(joined("j", START, FIRST))
    await company.time(9 * MINUTE)
    assert len(company.directory.posted) == 1
    await company.time(10 * MINUTE)
    assert (company.has(), len(company.directory.posted)) == ({"base"}, 2)
    assert Tag.NEVER_ARRIVED in await tags(company)


async def test_what_graph_refuses_is_said_and_tried_again_hours_later():
    """A refusal leaves the other steps their turn, tells somebody, and does not hammer."""
    company = Company(a_model(EVERYONE, CARE))
    company.directory.faults.append(refused())
    await company.say(joined("j", START, FIRST, a_worker(department="Care")))
    await company.time(30 * MINUTE)
    assert (company.has(), len(company.directory.posted)) == ({"care"}, 2)
    assert any(b"access.failed" in body for body in notices(company))
    await company.time(60 * MINUTE)
    assert company.has() == {"base", "care"}


async def test_a_delivery_that_fails_is_tried_again_at_growing_intervals():
    """DeliveryFailed is an outcome with a way on: hours, not seconds."""
    company = Company(a_model(EVERYONE))
    company.directory.faults.extend([ends_as(RequestState.DELIVERY_FAILED)] * 2)
    await company.say(joined("j", START, FIRST))
    await company.time(30 * MINUTE)
    assert len(company.directory.posted) == 1
    await company.time(2 * DAY)
    assert (company.has(), len(company.directory.posted)) == ({"base"}, 3)


async def test_what_was_requested_in_my_access_is_left_alone_until_its_owner_leaves():
    """A foreign row satisfies a reason and is not touched; on leaving it goes with everything else."""
    company = Company(a_model(EVERYONE, packages=("tools",)))
    company.directory.give("user-e1", "package-tools", "policy-of-others")
    company.directory.give("user-e1", "package-base", "policy-of-others")
    await company.say(joined("j", START, FIRST))
    await company.time(DAY)
    assert company.directory.writes == 0
    now = company.clock.now()
    await company.say(left("l", now, now, immediate=True))
    await company.time(10 * MINUTE)
    assert company.has() == set()


async def test_rows_of_auto_policies_are_never_touched():
    """Not even on leaving: they are reported instead."""
    company = Company(a_model(EVERYONE, packages=("tools",)))
    company.directory.automatic.add("policy-auto")
    company.directory.give("user-e1", "package-tools", "policy-auto")
    await company.say(joined("j", START, FIRST), left("l", START, START, immediate=True))
    await company.time(10 * MINUTE)
    assert company.has() == {"tools"}


async def test_a_row_in_our_own_policy_is_adopted_when_it_is_justified():
    """Brownfield: what we would have given is taken into the ledger, and leaves with its reason."""
    company = Company(a_model(EVERYONE, CARE))
    company.directory.give("user-e1", "package-care", "policy-care")
    await company.say(joined("j", START, FIRST, a_worker(department="Care")))
    await company.time(10 * MINUTE)
    assert Tag.ADOPTED in await tags(company)
    now = company.clock.now()
    await company.say(moved("m", now, now, a_worker(department="Sales")))
    await company.time(10 * MINUTE)
    assert company.has() == {"base"}


async def test_a_removal_by_hand_stays_away_until_a_later_reason():
    """What an admin took is denied; a reason that begins later lifts it."""
    company = await employed(department="Care")
    (row,) = [row for row in company.directory.rows("user-e1") if row.package == "package-care"]
    company.clock.move(10 * MINUTE)
    company.directory.take_by_hand(row.id)
    await company.sweep()
    await company.time(2 * DAY)
    assert company.has() == {"base"}
    now = company.clock.now()
    await company.say(moved("m1", now, now, a_worker()))
    await company.time(DAY)
    now = company.clock.now()
    await company.say(moved("m2", now, now, a_worker(department="Care")))
    await company.time(DAY)
    assert company.has() == {"base", "care"}


async def test_drift_repair_puts_a_removal_by_hand_back_twice():
    """The third time it stays away and is reported."""
    company = await employed(a_model(EVERYONE, drift=Drift.REPAIR))
    for _ in range(3):
        company.clock.move(10 * MINUTE)
        (row,) = [row for row in company.directory.rows("user-e1") if row.state == "delivered"]
        company.directory.take_by_hand(row.id)
        await company.sweep()
        await company.time(10 * MINUTE)
    assert company.has() == set()
    assert len(company.directory.posted) == 3


async def test_a_protected_user_loses_nothing():
    """Protection outranks everything, leavers included: nothing is taken and nothing is given."""
    company = await employed()
    company.model = a_model(EVERYONE, CARE, protected=frozenset({"user-e1"}))
    now = company.clock.now()
    await company.say(moved("m", now, now, a_worker(department="Care")))
    await company.time(DAY)
    assert company.has() == {"base"}
    now = company.clock.now()
    await company.say(left("l", now, now, immediate=True))
    await company.time(DAY)
    assert company.has() == {"base"}


async def test_closing_a_project_takes_its_own_packages_from_everybody_on_it():
    """Also what was requested in My Access; what another project still justifies stays."""
    rules = ProjectRules(roles={"engineer": ("site",)}, own={"p1": {"engineer": ("apollo",)}})
    company = await employed(a_model(EVERYONE, projects=rules))
    company.directory.give("user-e1", "package-apollo", "policy-of-others")
    now = company.clock.now()
    await company.say(opened("o1", now), opened("o2", now, "p2"), staffed("s1", now), staffed("s2", now, project="p2"))
    await company.time(10 * MINUTE)
    assert company.has() == {"base", "site", "apollo"}
    now = company.clock.now()
    await company.say(closed("c", now, now))
    await company.time(10 * MINUTE)
    assert company.has() == {"base", "site"}


async def test_a_model_that_drops_a_rule_leaves_grace_from_its_adoption():
    """Access that only the dropped rule gave stays for the grace, then ends by itself."""
    company = await employed(a_model(EVERYONE, CARE, grace=7 * DAY), department="Care")
    company.model = a_model(EVERYONE, hash="model-2", packages=("care",), grace=7 * DAY)
    await company.sweep()
    await company.time(6 * DAY)
    assert company.has() == {"base", "care"}
    await company.time(2 * DAY)
    assert company.has() == {"base"}


async def test_a_hold_waits_for_its_release_and_lets_the_rest_go_on():
    """Beyond the limit nothing is taken, however long; additions go on; the release by hash applies just that."""
    names = ("E1", "E2", "E3")
    limits = replace(UNLIMITED, removals=Limit(1))
    company = Company(a_model(EVERYONE, CARE, SALES, guard=limits), users=names)
    await company.say(*[joined(f"j{name}", START, FIRST, a_worker(name, department="Care")) for name in names])
    await company.time(10 * MINUTE)
    now, bulk = company.clock.now(), Origin("bulk", "reorg")
    for name in names:
        fact = moved(f"m{name}", now, now, a_worker(name, department="Sales"))
        await company.say(replace(fact, recorded=replace(fact.recorded, origin=bulk)))
    await company.time(3 * DAY)
    assert [company.has(name) for name in names] == [{"base", "crm"}, {"base", "care", "crm"}, {"base", "care", "crm"}]
    (held,) = await holds.runs(company.records)
    assert (held.run, [plan.person for plan in held.plans]) == ("reorg", ["e2", "e3"])
    await ask(company.bus, Release("reorg", held.hash, "me", "it is so"), now=company.clock.now())
    await company.settle()
    await company.time(10 * MINUTE)
    assert [company.has(name) for name in names] == [{"base", "crm"}] * 3
    assert await holds.runs(company.records) == []
    assert Tag.RELEASED in await tags(company, "e2")


async def test_a_release_of_a_set_that_changed_is_set_aside():
    """What was approved is not what is held any more, so nothing is applied."""
    company = Company(a_model(EVERYONE))
    await ask(company.bus, Release("run", "0" * 64, "me", "it is so"), now=company.clock.now())
    await company.settle()
    (lying,) = await company.bus.browse(Queue.QUARANTINE)
    assert "nothing is held" in lying.reason


async def test_named_leavers_pass_up_to_their_own_limit():
    """Whom somebody named goes though removals are exhausted, also with a last day to come; derived ones are held."""
    names = tuple(f"E{number}" for number in range(1, 5))
    guard = GuardLimits(removals=Limit(0), additions=Limit(99), leavers=Limit(2))
    company = Company(a_model(EVERYONE, guard=guard), users=names)
    await company.say(*[joined(f"j{name}", START, FIRST, a_worker(name)) for name in names])
    await company.time(10 * MINUTE)
    now = company.clock.now()
    derived = Origin("derived-from-absence")
    await company.say(left("l1", now, now, "E1", immediate=True))
    await company.say(left("l2", now, now + DAY, "E2"))
    await company.say(left("l3", now, now, "E3", immediate=True))
    await company.say(left("l4", now, now, "E4", origin=derived))
    await company.time(2 * DAY)
    assert [company.has(name) for name in names] == [set(), set(), {"base"}, {"base"}]


async def test_what_lost_its_reason_while_it_was_delivered_is_taken_back():
    """The first day moves into the future while the additions are under way: once delivered, they go."""
    company = Company(a_model(EVERYONE, CARE))
    await company.say(joined("j1", START, FIRST, a_worker(department="Care")))
    tomorrow = date(2026, 1, 6)
    await company.say(joined("j2", START + MINUTE, tomorrow, a_worker(department="Care")))
    await company.time(10 * MINUTE)
    assert company.has() == set()
    await company.time(DAY)
    assert company.has() == {"base", "care"}


async def test_a_hold_stays_when_its_step_changes_form():
    """A shortened end that was held is still held once the day has come and it would be a removal."""
    guard = replace(UNLIMITED, removals=Limit(1))
    company = Company(a_model(EVERYONE, guard=guard), users=("E1", "E2"))
    await company.say(*[joined(f"j{name}", START, FIRST, a_worker(name)) for name in ("E1", "E2")])
    await company.time(5 * MINUTE)
    now, derived = company.clock.now(), Origin("derived-from-absence")
    await company.say(*[left(f"l{name}", now, now + 2 * DAY, name, origin=derived) for name in ("E1", "E2")])
    await company.time(4 * DAY)
    assert [company.has(name) for name in ("E1", "E2")] == [set(), {"base"}]
    assert len(await holds.runs(company.records)) == 1
