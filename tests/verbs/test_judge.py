"""What people decide is judged before it counts: refused with a reason and kept for a replay, or taken as a fact."""

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest

from lifecycle.contract.cloudevents import encode_fact
from lifecycle.core.events import ExceptionGranted, Linked, Opened, RenewalApproved, RenewalDenied, Rescheduled
from lifecycle.core.model import ProjectRules, Renewal, RenewalMode
from lifecycle.core.work import Disposal, Dispose
from lifecycle.dispose import dispose
from lifecycle.ports import PolicyTerms, Queue
from lifecycle.quarantine import Quarantine, name_of
from lifecycle.records import facts
from tests.builders import (
    EVERYONE,
    ITSM,
    PMO,
    START,
    Company,
    a_model,
    a_package,
    a_rule,
    a_worker,
    closed,
    joined,
    left,
    opened,
    recorded,
    staffed,
    utc,
)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FIRST, END = date(2026, 1, 5), utc(2026, 4, 4, 23)  # 90 days from the beginning of the first day in Berlin
INSIDE, BEFORE = utc(2026, 4, 1, 9), utc(2026, 3, 1, 9)  # the window opens two weeks before the end
CARE = (a_rule("care", "care", lasts=90 * DAY), lambda worker: worker.department == "Care")


async def nurse(now=INSIDE, mode=RenewalMode.APPROVAL, **changes):
    """A company with a nurse E1, whose care ends by itself, and her manager M1; by `now` the window is open."""
    packages = {"base": a_package("base"), "care": a_package("care", renewal=Renewal(mode, 14 * DAY, 90 * DAY))}
    model = replace(a_model(EVERYONE, CARE, **changes), packages=packages)
    company = Company(model, users=("E1", "M1", "O1", "S1"))
    await company.say(
        joined("jm", START, FIRST, a_worker("M1", person_id="P-M1")),
        joined("j", START, FIRST, a_worker(department="Care", manager="M1")),
    )
    await company.time(HOUR)
    company.clock.set(now)
    return company


def approved(company, approver="M1", package="care", until=None, at=None):
    said = recorded("r", "E1", at or company.clock.now(), source=ITSM)
    return RenewalApproved(said, package, approver, "still on the ward", until)


def denied(company, approver="M1"):
    return RenewalDenied(recorded("d", "E1", company.clock.now(), source=ITSM), "care", approver, "moved on")


def exception(company, until, approver="M1"):
    said = recorded("x", "E1", company.clock.now(), source=ITSM)
    return ExceptionGranted(said, "care", until, approver, "T-1", "a shift on another ward")


async def reasons(company):
    return [lying.reason for lying in await company.bus.browse(Queue.QUARANTINE)]


async def known(company, kind):
    return [fact for fact in await facts.of_worker(company.records, "e1") if isinstance(fact, kind)]


async def refusal(company, fact):
    """Say it; it must be set aside whole, once, and be no fact. Return why."""
    await company.say(fact)
    (lying,) = await company.bus.browse(Queue.QUARANTINE)
    assert lying.body == encode_fact(fact)
    assert await known(company, type(fact)) == []
    return lying.reason


# --- renewals ---------------------------------------------------------------------------------------------------------


async def test_a_renewal_of_what_the_person_does_not_hold_is_set_aside():
    """Nobody is entitled to a package by its renewal: an exception is the way, and the reason says so."""
    company = await nurse()
    company.model = replace(company.model, rules=(EVERYONE[0],), matches=lambda _: (True,))
    assert "nothing to renew" in await refusal(company, approved(company))


async def test_a_renewal_after_the_end_is_set_aside():
    """What has ended is not renewed but given anew."""
    company = await nurse(now=END + HOUR)
    assert "it had ended" in await refusal(company, approved(company))


@pytest.mark.parametrize("fact", [approved, denied])
async def test_a_stranger_decides_on_no_renewal(fact):
    """Neither approval nor denial counts from somebody who is not responsible; the reason names who is."""
    company = await nurse()
    reason = await refusal(company, fact(company, approver="E99"))
    assert "e99 may not approve care for e1" in reason
    assert "(M1)" in reason


async def test_nobody_renews_their_own_access():
    """Not even somebody whom HR names as their own manager."""
    company = await nurse()
    assert "nobody approves their own" in await refusal(company, approved(company, approver="E1"))


async def test_nobody_renews_their_own_access_by_another_of_their_ids():
    """A linked worker record, also one that is the manager's by mistake, is the person themselves."""
    company = await nurse()
    await company.say(Linked(recorded("k", "E1", company.clock.now(), source=ITSM), "e7"))
    assert "nobody approves their own" in await refusal(company, approved(company, approver="E7"))


@pytest.mark.parametrize("approver", ["user-e1", "entra:user-e1", "ENTRA:USER-E1"])
async def test_nobody_renews_their_own_access_as_their_entra_user(approver):
    """The object id of the person's own user is the person."""
    company = await nurse()
    assert "nobody approves their own" in await refusal(company, approved(company, approver=approver))


@pytest.mark.parametrize(
    ("mode", "said"), [(RenewalMode.AUTO, "extended by itself"), (RenewalMode.NEVER, "never renewed")]
)
async def test_a_package_that_nobody_is_asked_about_is_not_renewed(mode, said):
    """`auto` moves on by itself, `never` not at all: an approval would be a decision without effect."""
    company = await nurse(mode=mode)
    assert said in await refusal(company, approved(company))


async def test_a_renewal_of_what_has_no_end_is_set_aside():
    """There is nothing to extend."""
    company = await nurse()
    company.model = replace(
        company.model, rules=(EVERYONE[0], replace(CARE[0], lasts=None)), matches=lambda _: (True, True)
    )
    assert "has no end" in await refusal(company, approved(company))


async def test_a_renewal_until_a_past_date_is_set_aside():
    """The date must lie ahead of when it was recorded."""
    company = await nurse()
    assert "in the past" in await refusal(company, approved(company, until=date(2026, 3, 1)))


@pytest.mark.parametrize("until", [END, END - HOUR])
async def test_a_renewal_that_does_not_extend_is_set_aside(until):
    """A date at or before the present end would shorten; the reason says to deny instead."""
    company = await nurse()
    assert "to shorten it, deny it" in await refusal(company, approved(company, until=until))


async def test_a_renewal_before_its_window_needs_an_end():
    """Without a date it would be a standing promise; with one it counts at any time."""
    company = await nurse(now=BEFORE)
    assert "can be renewed from 2026-03-21T23:00:00Z on" in await refusal(company, approved(company))
    await company.say(approved(company, until=date(2026, 6, 1)))
    assert len(await known(company, RenewalApproved)) == 1


async def test_a_renewal_beyond_the_policys_last_day_is_set_aside():
    """Graph would refuse it forever; the reason says until when it may be."""
    company = await nurse()
    company.directory.terms["policy-care"] = PolicyTerms(last=END + 30 * DAY)
    assert "beyond what the assignment policy of care allows (2026-05-04" in await refusal(company, approved(company))
    await company.say(approved(company, until=END + 30 * DAY))
    assert len(await known(company, RenewalApproved)) == 1


async def test_the_longest_span_of_a_policy_counts_from_the_start_of_the_row():
    """100 days from when the row began are 86 hours beyond its end, whenever somebody approves."""
    company = await nurse()
    (row,) = [row for row in company.directory.rows("user-e1") if row.package == "package-care"]
    company.directory.terms["policy-care"] = PolicyTerms(longest=100 * DAY)
    assert "beyond what" in await refusal(company, approved(company, until=row.starts + 100 * DAY + HOUR))
    await company.say(approved(company, until=row.starts + 100 * DAY))
    assert len(await known(company, RenewalApproved)) == 1


async def test_what_was_refused_counts_once_its_cause_is_mended():
    """Nothing is lost: with HR's correction of the manager the same event, replayed, is an approval."""
    company = await nurse()
    fact = approved(company, approver="O1")
    await refusal(company, fact)
    earlier = START + HOUR  # HR writes down late what held already
    await company.say(joined("j2", earlier, FIRST, a_worker(department="Care", manager="O1")))
    quarantine = Quarantine(company.bus, company.bodies)
    (lying,) = await quarantine.everything()
    await dispose(Dispose("r", Disposal.REPLAY, (name_of(lying),), "entra:me", "mended"), company.ports)
    await company.settle()
    assert await known(company, RenewalApproved) == [fact]
    assert await quarantine.everything() == []


@pytest.mark.parametrize("approver", ["M1", "m1 ", "P-M1", "user-m1", "entra:user-m1"])
async def test_the_manager_renews(approver):
    """By the worker id that HR names, by HR's person id, or as their Entra user."""
    company = await nurse()
    await company.say(approved(company, approver=approver))
    assert await reasons(company) == []
    assert len(await known(company, RenewalApproved)) == 1


@pytest.mark.parametrize("approver", ["O1", "entra:user-o1", "S1", "p-s1", "user-s1"])
async def test_owner_and_sponsor_renew_what_their_project_gives(approver):
    """The end that a project stated is extended by who answers for the project; the owner as well as the sponsor."""
    company = await nurse(now=START + 2 * HOUR, projects=ProjectRules({"engineer": ("care",)}))
    company.model = replace(company.model, rules=(EVERYONE[0],), matches=lambda _: (True,))
    now = company.clock.now()
    await company.say(
        joined("jo", START, FIRST, a_worker("O1")),
        joined("js", START, FIRST, a_worker("S1", person_id="P-S1")),
        Opened(recorded("o", "p1", now, source=PMO), "O1", None, sponsor="S1"),
        staffed("s", now, until=date(2026, 1, 10)),
    )
    await company.time(HOUR)
    await company.say(approved(company, approver=approver))
    assert await reasons(company) == []
    assert len(await known(company, RenewalApproved)) == 1


async def test_the_owner_of_another_project_renews_nothing():
    """Who owns a project on which the person is not has no say."""
    company = await nurse()
    now = company.clock.now()
    await company.say(Opened(recorded("o", "p1", now, source=PMO), "O1", None))
    assert "may not approve" in await refusal(company, approved(company, approver="O1"))


async def test_a_renewal_is_judged_as_things_stood_when_it_was_recorded():
    """Heard of after the end, an approval of the last day counts."""
    company = await nurse(now=END + HOUR)
    await company.say(approved(company, at=END - HOUR))
    assert await reasons(company) == []
    await company.time(HOUR)
    assert company.has() == {"base", "care"}


async def test_an_approval_that_is_a_fact_is_not_judged_again():
    """A repeated message after the manager changed is no new case."""
    company = await nurse()
    fact = approved(company)
    await company.say(fact)
    await company.say(joined("j2", START + HOUR, FIRST, a_worker(department="Care", manager="O1")))
    await company.say(fact)
    assert await reasons(company) == []
    assert await known(company, RenewalApproved) == [fact]


# --- exceptions -------------------------------------------------------------------------------------------------------


async def test_an_exception_without_an_end_is_set_aside():
    """`until` is required: access beside the rules is never for good."""
    company = await nurse()
    event = json.loads(encode_fact(exception(company, date(2026, 6, 1))))
    del event["data"]["until"]
    await company.send(Queue.DECISIONS, json.dumps(event).encode())
    await company.settle()
    (reason,) = await reasons(company)
    assert "until" in reason
    assert await known(company, ExceptionGranted) == []


async def test_an_exception_that_is_over_is_set_aside():
    """Its end must lie ahead of when it was granted."""
    company = await nurse()
    assert "would end at" in await refusal(company, exception(company, date(2026, 3, 1)))


@pytest.mark.parametrize("approver", ["E1", "entra:user-e1"])
async def test_nobody_grants_themselves_an_exception(approver):
    """By whatever id they sign."""
    company = await nurse()
    reason = await refusal(company, exception(company, date(2026, 6, 1), approver=approver))
    assert "grants an exception to themselves" in reason


async def test_an_exception_by_another_counts_until_its_end():
    """Its access is given, and ends by itself."""
    company = await nurse(now=END + DAY)
    await company.say(exception(company, company.clock.now() + DAY))
    await company.time(HOUR)
    assert company.has() == {"base", "care"}
    await company.time(DAY)
    assert company.has() == {"base"}


# --- projects ---------------------------------------------------------------------------------------------------------


async def of_projects():
    company = Company(a_model(EVERYONE, projects=ProjectRules({"engineer": ("site",)})))
    await company.say(joined("j", START, FIRST))
    await company.time(HOUR)
    return company


async def test_a_project_that_nobody_opens_is_set_aside_after_an_hour():
    """Events overtake each other, but not by an hour: then somebody must see the id; it is said once."""
    company = await of_projects()
    await company.say(staffed("s", company.clock.now()))
    await company.time(55 * HOUR / 60)
    assert await reasons(company) == []
    await company.time(10 * HOUR / 60)
    (reason,) = await reasons(company)
    assert "project p1: event:s speaks of it since" in reason
    await company.time(DAY)
    assert len(await reasons(company)) == 1


async def test_a_project_that_was_set_aside_is_not_asked_about_for_ever():
    """Once somebody was told, the app is quiet until it hears of the project again."""
    company = await of_projects()
    await company.say(staffed("s", company.clock.now()))
    await company.time(2 * HOUR)
    before = sum(b"fanout" in message.body.lower() for _, message, _ in company.bus.sent)
    await company.time(DAY)
    assert sum(b"fanout" in message.body.lower() for _, message, _ in company.bus.sent) == before
    assert company.bus.scheduled(Queue.SWEEPS) == []


@pytest.mark.parametrize("late", [10 * HOUR / 60, 3 * HOUR])
async def test_what_was_said_of_a_project_counts_at_once_when_it_is_opened(late):
    """Within the hour nobody hears of it; afterwards what was set aside is a fact all the same."""
    company = await of_projects()
    await company.say(staffed("s", company.clock.now()))
    await company.time(late)
    assert company.has() == {"base"}
    aside = await reasons(company)
    assert len(aside) == (late > HOUR)
    await company.say(opened("o", company.clock.now()))
    await company.time(5 * HOUR / 60)
    assert company.has() == {"base", "site"}
    await company.time(3 * HOUR)
    assert await reasons(company) == aside


async def test_a_close_that_overtakes_its_opening_is_waited_for():
    """Closed, then opened with the earlier time: nobody is given access, nothing is set aside."""
    company = await of_projects()
    now = company.clock.now()
    await company.say(staffed("s", now), closed("c", now, now))
    await company.time(HOUR / 2)
    await company.say(opened("o", now - HOUR))
    await company.time(3 * HOUR)
    assert company.has() == {"base"}
    assert await reasons(company) == []


@pytest.mark.parametrize("kind", ["opened", "rescheduled"])
async def test_a_planned_close_in_the_past_is_set_aside(kind):
    """A close is said by `closed`; a plan for the past would take access from everybody by a slip."""
    company = await of_projects()
    now = company.clock.now()
    await company.say(opened("o", now), staffed("s", now))
    await company.time(HOUR)
    now, past = company.clock.now(), date(2026, 1, 4)
    slip = opened("o2", now, planned=past) if kind == "opened" else None
    await company.say(slip or Rescheduled(recorded("q", "p1", now, source=PMO), past))
    (reason,) = await reasons(company)
    assert "$.data.plannedClose" in reason
    assert "lifecycle.project.closed" in reason
    await company.time(HOUR)
    assert company.has() == {"base", "site"}


async def test_work_that_ends_before_it_begins_is_set_aside():
    """The two dates were swapped, and no stretch of work comes of it."""
    company = await of_projects()
    await company.say(staffed("s", company.clock.now(), starts=date(2026, 2, 1), until=date(2026, 1, 20)))
    (reason,) = await reasons(company)
    assert "the work would end before it begins" in reason
    assert await facts.of_member(company.records, "e1") == []


async def test_work_of_a_single_day_is_work():
    """First and last day may be the same."""
    company = await of_projects()
    day = date(2026, 2, 1)
    await company.say(opened("o", company.clock.now()), staffed("s", company.clock.now(), starts=day, until=day))
    assert await reasons(company) == []


async def test_a_manager_who_has_left_approves_nothing():
    """HR still names them on the day of the window: whoever is gone answers for nobody, and the reason says so."""
    company = await nurse()
    await company.say(left("l", company.clock.now(), utc(2026, 3, 20), worker="M1"))
    await company.say(approved(company))
    (reason,) = await reasons(company)
    assert "m1 had left" in reason


async def test_of_two_bounds_of_a_policy_the_nearer_one_counts():
    """Its last day lies before its longest span: nothing beyond the last day is taken."""
    company = await nurse()
    company.directory.terms["policy-care"] = PolicyTerms(last=END + 10 * DAY, longest=400 * DAY)
    assert "beyond what" in await refusal(company, approved(company, until=END + 11 * DAY))
    await company.say(approved(company, until=END + 10 * DAY))
    assert len(await known(company, RenewalApproved)) == 1
