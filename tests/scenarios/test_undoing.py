"""A bad run is undone once its cause is mended: what that brings back, and what it must not."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from lifecycle import messages
from lifecycle.core.events import Origin
from lifecycle.core.evidence import Tag, first_break
from lifecycle.core.model import ProjectRules
from lifecycle.core.work import Undo
from lifecycle.ports import AssignmentState, PolicyTerms, Queue
from lifecycle.records import facts, ledger, takings, undos
from lifecycle.records.dossier import open_dossier
from lifecycle.returns import State
from lifecycle.undo import UNENDING, check_of, restore
from tests.builders import (
    CARE,
    EVERYONE,
    START,
    Company,
    a_model,
    a_worker,
    closed,
    frozen,
    granted,
    joined,
    left,
    opened,
    rescinded,
    staffed,
    thawed,
    utc,
)
from tests.fakes.directory import lost_after, refused
from tests.laws.driving import DAY, HOUR, MINUTE, Days, run

FIRST = date(2026, 1, 5)
END = utc(2026, 5, 1, 12)
ABSENCE = Origin("derived-from-absence")
PROJECTS = ProjectRules(roles={"engineer": ("site",)}, own={"p1": {"engineer": ("vault",)}})


def asked(days, name, *, by="entra:boss", because="the feed was wrong"):
    """Send the request to undo, as the command line does."""
    now = days.company.clock.now()
    run(messages.ask(days.company.bus, Undo(name, by, because, now), now=now))
    days.settle()
    days.pass_by(HOUR)


def rows(company, worker="E1"):
    """What the worker's user holds: package and end, of rows that live."""
    names = {package.access_package: package.name for package in company.model.packages.values()}
    live = {AssignmentState.DELIVERED, AssignmentState.PARTIALLY_DELIVERED}
    having = [row for row in company.directory.rows(f"user-{worker.lower()}") if row.state in live]
    return {(names[row.package], row.ends) for row in having}


def requested(company, package="extra", worker="E1", ends=END):
    """Let the worker have requested a package in My Access."""
    return company.directory.give(f"user-{worker.lower()}", f"package-{package}", "policy-self-service", ends=ends)


def employed(*names, ends=END, requests=True, **changes):
    """A company in which everybody named works in Care, holds what that gives, and had `extra` requested."""
    model = a_model(EVERYONE, CARE, packages=("extra",), **changes)
    days = Days(Company(model, users=names))
    for name in names:
        days.tell(joined(f"j{name}", START, FIRST, a_worker(name, department="Care")))
        if requests:
            requested(days.company, worker=name, ends=ends)
    days.pass_by(HOUR)
    return days


def wave(days, *names, origin=ABSENCE):
    """Everybody named is said to have left at once; return the run's name and what the waved had before."""
    company, now = days.company, days.company.clock.now()
    before = {name: rows(company, name) for name in names}
    days.tell(*(left(f"l{name}", now, now, name, immediate=True, origin=origin) for name in names))
    days.pass_by(HOUR)
    assert all(company.has(name) == set() for name in names)
    return f"/hr/test@{now:%Y-%m-%dT%H:%M:%SZ}", before


def mend(days, *names):
    """HR takes it back."""
    now = days.company.clock.now()
    days.tell(*(rescinded(f"r{name}", now, f"l{name}", name) for name in names))
    days.pass_by(HOUR)


def restored(company, worker="e1"):
    """The records of what was given back to somebody."""
    chain = run(run(open_dossier(company.records, worker)).chain())
    assert first_break(chain) is None
    return [record for record in chain if record.tag is Tag.RESTORED]


def becomes(days, name, worker="e1"):
    """What the app would say now of each assignment that a run took from somebody: package, state, why."""
    _, found = run(restore(check_of(name, worker), days.company.ports))
    return [(one.taking.package, one.state, one.why) for one in found if not one.taking.ours]


# --- what comes back -------------------------------------------------------------------------------------------------


def test_a_wrong_feed_is_mended_and_undone():
    """Ours comes back when HR takes it back; what was requested comes back when the run is undone, with its end."""
    days = employed("E1", "E2", "E3")
    name, before = wave(days, "E1", "E2")
    mend(days, "E1", "E2")
    assert days.company.has("E1") == {"base", "care"}
    asked(days, name)
    assert {one: rows(days.company, one) for one in ("E1", "E2")} == before
    (record,) = restored(days.company)
    assert (record.detail["package"], record.detail["by"], record.detail["run"]) == ("extra", "entra:boss", name)


def test_one_event_is_undone_alone():
    """A leaver named by mistake: their event is the name, and nobody else is touched."""
    days = employed("E1", "E2")
    _, before = wave(days, "E1", "E2", origin=None)
    mend(days, "E1", "E2")
    asked(days, "event:lE1")
    assert rows(days.company, "E1") == before["E1"]
    assert days.company.has("E2") == {"base", "care"}


def test_one_of_a_feed_is_undone_by_its_event():
    """Under the run of the feed, or the event of one of its people: the same assignment comes back once."""
    days = employed("E1", "E2")
    name, before = wave(days, "E1", "E2")
    mend(days, "E1", "E2")
    asked(days, "event:lE1")
    asked(days, name)
    assert {one: rows(days.company, one) for one in ("E1", "E2")} == before
    assert len(restored(days.company)) == 1


@pytest.mark.parametrize("origin", [None, ABSENCE])
def test_what_a_timer_took_is_known_by_the_event_behind_it(origin):
    """The last day ends at midnight, without an event: what goes then is the leaver event's, and its feed's."""
    days = employed("E1")
    before, now = rows(days.company), days.company.clock.now()
    days.tell(left("lE1", now, now.date(), origin=origin))
    days.pass_by(DAY)
    assert days.company.has() == set()
    mend(days, "E1")
    asked(days, "event:lE1" if origin is None else f"/hr/test@{now:%Y-%m-%dT%H:%M:%SZ}")
    assert rows(days.company) == before


def on_a_project():
    """E1 works on p1, which gives `site` and has `vault` for itself; `vault` was also requested, with an end."""
    days = Days(Company(a_model(EVERYONE, projects=PROJECTS, packages=("extra",))))
    days.tell(joined("j", START, FIRST), opened("o", START), staffed("s", START))
    days.pass_by(HOUR)
    requested(days.company, "vault")
    days.pass_by(HOUR)
    return days


@pytest.mark.parametrize("name", ["project:p1:c", "event:c"])
@pytest.mark.parametrize("ahead", [timedelta(), DAY])
def test_a_project_closed_by_mistake_and_reopened(name, ahead):
    """Its own package was swept out whole; the requested assignment comes back when the close is undone."""
    days = on_a_project()
    company, now = days.company, days.company.clock.now()
    assert ("vault", END) in rows(company)
    days.tell(closed("c", now, now + ahead))
    days.pass_by(ahead + HOUR)
    assert company.has() == {"base"}
    asked(days, name)
    assert becomes(days, name) == [
        ("vault", State.SKIPPED, "the project that it belongs to is closed; if that is wrong, mend the cause first")
    ]
    assert company.has() == {"base"}
    days.tell(opened("o2", company.clock.now()))
    days.pass_by(HOUR)
    asked(days, name)
    assert company.has() == {"base", "site", "vault"}
    (record,) = restored(company)
    assert record.detail["until"] == END.isoformat()


def test_a_model_that_dropped_a_rule():
    """All of it was ours, so the corrected model alone brings it back; undo says so, and grants nothing."""
    days = employed("E1")
    company, before = days.company, rows(days.company)
    whole = company.model
    company.model = replace(a_model(EVERYONE, packages=("care", "extra")), hash="model-2")
    days.pass_by(HOUR)
    assert company.has() == {"base", "extra"}
    (name,) = [row for row in company.records.partitions() if row.startswith("took-model")]
    assert run(takings.of_run(company.records, "model:model-2")), name
    _, (one,) = run(restore(check_of("model:model-2", "e1"), company.ports))
    assert (one.taking.package, one.state) == ("care", State.SKIPPED)
    assert one.why == "not justified now (no reason for it); if that is wrong, mend the cause first"
    company.model = replace(whole, hash="model-3")
    days.pass_by(HOUR)
    _, (one,) = run(restore(check_of("model:model-2", "e1"), company.ports))
    assert (one.state, one.why) == (State.BACK, "there again")
    assert rows(company) == before
    asked(days, "model:model-2")
    assert restored(company) == []


def test_what_was_shortened_counts_as_taken():
    """A wrong last day to come moved ends: not undone while it stands, back when it is taken back."""
    days = employed("E1")
    before, now = rows(days.company), days.company.clock.now()
    days.tell(left("lE1", now, date(2026, 3, 31)))
    days.pass_by(HOUR)
    _, found = run(restore(check_of("event:lE1", "e1"), days.company.ports))
    assert {one.state for one in found} == {State.SKIPPED}
    assert {one.why.partition(" now")[0] for one in found} == {"justified only until 2026-03-31T22:00:00Z"}
    mend(days, "E1")
    _, found = run(restore(check_of("event:lE1", "e1"), days.company.ports))
    assert {(one.taking.package, one.state, one.until) for one in found} == {
        ("base", State.BACK, None),
        ("care", State.BACK, None),
    }
    assert rows(days.company) == before


# --- what must not come back -----------------------------------------------------------------------------------------


def test_nobody_who_is_gone_gets_anything():
    """HR took one back and not the other: the other has nothing, and their row says to mend the cause first."""
    days = employed("E1", "E2")
    name, before = wave(days, "E1", "E2")
    mend(days, "E1")
    asked(days, name)
    assert rows(days.company, "E1") == before["E1"]
    assert days.company.has("E2") == set()
    assert becomes(days, name, "e2") == [
        ("extra", State.SKIPPED, "not employed; if that is wrong, mend the cause first")
    ]


@pytest.mark.parametrize("finished", [True, False])
def test_a_reviewer_who_denied_it_meanwhile_is_heard(finished):
    """A review that ended since counts though no sweep has read it yet; one that still runs does not."""
    days = employed("E1")
    name, before = wave(days, "E1")
    mend(days, "E1")
    days.company.directory.review("r-1", "package-extra", "user-e1", days.company.clock.now(), finished=finished)
    days.pass_by(MINUTE)
    asked(days, name)
    assert rows(days.company) == (before["E1"] - {("extra", END)} if finished else before["E1"])
    if finished:
        assert becomes(days, name)[0][2].startswith("denied review r-1 at ")


def test_an_old_denial_that_a_later_request_overcame_is_no_obstacle():
    """Denied in December, requested and given in January: that is what the run took."""
    days = employed("E1")
    days.company.directory.review("r-0", "package-extra", "user-e1", utc(2026, 1, 2))
    name, before = wave(days, "E1")
    mend(days, "E1")
    asked(days, name)
    assert rows(days.company) == before["E1"]


def test_what_would_have_ended_by_now_stays_gone():
    """The original end has passed."""
    days = employed("E1")
    name, _ = wave(days, "E1")
    mend(days, "E1")
    days.pass_by(END - days.company.clock.now())
    asked(days, name)
    assert days.company.has() == {"base", "care"}
    assert becomes(days, name) == [("extra", State.SKIPPED, "it would have ended at 2026-05-01T12:00:00Z")]


def test_it_ends_when_the_original_would_have():
    """Given back, and gone at the same instant."""
    days = employed("E1")
    name, _ = wave(days, "E1")
    mend(days, "E1")
    asked(days, name)
    days.pass_by(END - days.company.clock.now() + HOUR)
    assert days.company.has() == {"base", "care"}
    assert becomes(days, name) == [("extra", State.SKIPPED, "given back, and over since 2026-05-01T12:00:00Z")]


@pytest.mark.parametrize("over", [True, False])
def test_what_they_requested_anew_is_left_as_it_is(over):
    """They helped themselves meanwhile: it stays; and when they gave that back, it is not given again."""
    days = employed("E1")
    name, _ = wave(days, "E1")
    mend(days, "E1")
    days.pass_by(MINUTE)
    anew = requested(days.company, ends=utc(2026, 3, 1))
    days.pass_by(HOUR)
    if over:
        days.company.directory.give_back(anew.id)
        days.pass_by(HOUR)
    asked(days, name)
    assert {row for row in rows(days.company) if row[0] == "extra"} == (set() if over else {("extra", anew.ends)})
    assert restored(days.company) == []


def test_what_they_had_and_gave_up_before_the_run_is_no_obstacle():
    """An assignment of last week that is over says nothing about the one that was taken."""
    days = employed("E1", requests=False)
    days.company.directory.give_back(requested(days.company).id)
    days.pass_by(DAY)
    requested(days.company)
    days.pass_by(HOUR)
    name, before = wave(days, "E1")
    mend(days, "E1")
    asked(days, name)
    assert rows(days.company) == before["E1"]


def test_what_was_given_up_a_moment_ago_counts():
    """Ours came back by itself and the person gave it up; undoing sees that before any other look did."""
    days = employed("E1")
    company = days.company
    requested(company, "care")
    days.pass_by(HOUR)
    name, _ = wave(days, "E1")
    mend(days, "E1")
    (row,) = [
        one
        for one in company.directory.rows("user-e1")
        if one.state is AssignmentState.DELIVERED and one.package == "package-care"
    ]
    days.pass_by(HOUR)
    company.directory.give_back(row.id)
    asked(days, name)
    assert company.has() == {"base", "extra"}
    assert [one.detail["package"] for one in restored(company)] == ["extra"]


def test_a_person_who_got_another_key_meanwhile_is_found():
    """HR joined two records after the run: what was taken under the one comes back to the person."""
    days = employed("E1")
    company = days.company
    name, before = wave(days, "E1")
    mend(days, "E1")
    known = a_worker("E1", department="Care", person_id="A-7")
    days.tell(joined("j2", company.clock.now(), FIRST, known))
    days.pass_by(HOUR)
    asked(days, name)
    assert rows(company) == before["E1"]
    (record,) = restored(company, "a-7")
    assert record.chain == "a-7"
    asked(days, name)
    assert len(restored(company, "a-7")) == 1


def test_what_they_give_up_after_it_came_back_stays_gone():
    """Asked again, undo sees the denial and leaves it."""
    days = employed("E1")
    name, _ = wave(days, "E1")
    mend(days, "E1")
    asked(days, name)
    (row,) = [
        row
        for row in days.company.directory.rows("user-e1")
        if row.state is AssignmentState.DELIVERED and row.package == "package-extra"
    ]
    days.pass_by(HOUR)
    days.company.directory.give_back(row.id)
    days.pass_by(DAY)
    days.sweep()
    asked(days, name)
    assert days.company.has() == {"base", "care"}
    assert becomes(days, name) == [("extra", State.SKIPPED, "given back, and denied since")]


def test_what_went_by_other_hands_while_the_run_was_at_it_stays_gone():
    """The run meant to take it and died first; the person gave it up themselves: nothing of it is ours to give back."""
    days = employed("E1")
    company, now = days.company, days.company.clock.now()
    days.later(left("lE1", now, now, immediate=True))
    (row,) = [row for row in company.directory.rows("user-e1") if row.package == "package-extra"]
    company.directory.faults.extend([refused("ResourceNotFound", 404)] * 3)
    days.settle()
    company.directory.give_back(row.id)
    days.pass_by(HOUR)
    mend(days, "E1")
    asked(days, "event:lE1")
    assert company.has() == {"base", "care"}
    assert becomes(days, "event:lE1") == [("extra", State.SKIPPED, "it went otherwise, not by a request of ours")]


def test_an_answer_that_was_lost_is_no_loss():
    """Graph took the removal, nobody heard, its request is not listed: the row says that it went by us."""
    days = employed("E1")
    company, now = days.company, days.company.clock.now()
    before = rows(company)
    company.directory.request_lag = 30 * DAY
    company.directory.faults.extend([lost_after()] * 3)
    days.tell(left("lE1", now, now, immediate=True))
    days.pass_by(HOUR)
    company.directory.request_lag = timedelta()
    mend(days, "E1")
    asked(days, "event:lE1")
    assert rows(company) == before


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"protected": frozenset({"user-e1"})}, "protected: never touched"),
        ({"packages": {}}, "the access model has no such package any more"),
    ],
)
def test_what_the_model_puts_out_of_reach(changes, why):
    """Protected since, or no longer in the model."""
    days = employed("E1")
    name, _ = wave(days, "E1")
    mend(days, "E1")
    kept = {"packages": {key: one for key, one in days.company.model.packages.items() if key != "extra"}}
    days.company.model = replace(days.company.model, hash="model-2", **(kept if "packages" in changes else changes))
    asked(days, name)
    assert days.company.has() == {"base", "care"}
    assert becomes(days, name) == [("extra", State.SKIPPED, why)]


def test_nobody_gives_back_to_themselves():
    """Somebody else has to ask; then it comes back, in that one's name."""
    days = employed("E1")
    name, before = wave(days, "E1")
    mend(days, "E1")
    asked(days, name, by="entra:user-e1")
    assert days.company.has() == {"base", "care"}
    asked(days, name, by="entra:user-e2")
    assert rows(days.company) == before["E1"]


def test_another_user_does_not_inherit_it():
    """The person was recognised as another user meanwhile."""
    days = employed("E1")
    name, _ = wave(days, "E1")
    records = days.company.records
    taken = run(takings.of_person(records, "e1", run(takings.of_run(records, name))["e1"]))
    run(takings.note(records, [replace(one, user="user-old") for one in taken]))
    mend(days, "E1")
    assert becomes(days, name) == [("extra", State.SKIPPED, "the person has another Entra user now")]


# --- until when, and waiting -----------------------------------------------------------------------------------------


def test_what_had_no_end_comes_back_for_a_stated_time():
    """An exception must end."""
    days = employed("E1", ends=None)
    name, _ = wave(days, "E1")
    mend(days, "E1")
    asked(days, name)
    (record,) = restored(days.company)
    assert record.detail["until"] == (record.at + UNENDING).isoformat()
    assert ("extra", record.at + UNENDING) in rows(days.company)


@pytest.mark.parametrize(
    ("terms", "ends"),
    [
        (PolicyTerms(longest=10 * DAY), None),
        (PolicyTerms(last=utc(2026, 2, 1)), utc(2026, 2, 1)),
        (PolicyTerms(last=utc(2026, 1, 1)), utc(2026, 1, 1)),
    ],
)
def test_nothing_comes_back_for_longer_than_our_policy_allows(terms, ends):
    """The shorter of the two counts, and what the policy gives to nobody any more is not asked for."""
    days = employed("E1")
    name, _ = wave(days, "E1")
    mend(days, "E1")
    days.company.directory.terms["policy-extra"] = terms
    asked(days, name)
    if ends is not None and ends < days.company.clock.now():
        assert restored(days.company) == []
        assert "gives nothing any more since 2026-01-01" in becomes(days, name)[0][2]
        return
    (record,) = restored(days.company)
    ends = ends or record.at + 10 * DAY
    assert ("extra", ends) in rows(days.company)


def test_a_frozen_person_gets_it_when_thawed():
    """The exception stands; nothing is added until the incident is over."""
    days = employed("E1")
    name, before = wave(days, "E1")
    mend(days, "E1")
    days.tell(frozen("f", days.company.clock.now()))
    asked(days, name)
    assert becomes(days, name) == [("extra", State.WAITING, "the person is frozen")]
    days.tell(thawed("t", days.company.clock.now()))
    days.pass_by(HOUR)
    assert rows(days.company) == before["E1"]


# --- trust and evidence ----------------------------------------------------------------------------------------------


def test_who_asked_and_why_is_in_the_chain_of_the_run():
    """Once for each request, however often its message comes; the exception carries the same names."""
    days = employed("E1")
    name, _ = wave(days, "E1")
    mend(days, "E1")
    now = days.company.clock.now()
    for _ in range(2):
        run(messages.ask(days.company.bus, Undo(name, "entra:boss", "INC-42", now), now=now, mark=str(_)))
    days.settle()
    days.pass_by(HOUR)
    chain = run(ledger.chain_in(days.company.records, ledger.partition_of(f"run:{name}")))
    asked = [one for one in chain if one.tag is Tag.UNDO_REQUESTED]
    assert [(one.detail["by"], one.detail["because"]) for one in asked] == [("entra:boss", "INC-42")]
    (fact,) = [one for one in run(facts.of_worker(days.company.records, "e1")) if one.recorded.source == messages.UNDO]
    assert (fact.approver, fact.ticket, fact.justification) == ("entra:boss", name, f"restored from {name}: INC-42")
    assert fact.until == END


def test_nobody_asked_and_nothing_is_granted():
    """A check that undoes, without a request in the ledger, gives nothing."""
    days = employed("E1")
    name, _ = wave(days, "E1")
    mend(days, "E1")
    run(messages.ask(days.company.bus, check_of(name, "e1"), now=days.company.clock.now()))
    days.pass_by(HOUR)
    assert days.company.has() == {"base", "care"}


def test_its_source_is_taken_from_no_queue():
    """Even when the model lists it, an exception that claims to come from undoing is set aside."""
    days = employed("E1")
    days.may_set_aside = True
    model = days.company.model
    days.company.model = replace(model, sources=replace(model.sources, decision=frozenset({messages.UNDO})))
    fact = granted("undo:x", days.company.clock.now(), "extra", END)
    days.tell(replace(fact, recorded=replace(fact.recorded, source=messages.UNDO)))
    (aside,) = days.company.bus.waiting(Queue.QUARANTINE)
    assert "is the app's own and sends nothing" in aside.properties["reason"]


def test_a_run_that_took_nothing_is_set_aside():
    """The app says so; the command line says it before."""
    days = employed("E1")
    days.may_set_aside = True
    asked(days, "feed-9")
    (aside,) = days.company.bus.waiting(Queue.QUARANTINE)
    assert "nothing is known to have been taken by it" in aside.properties["reason"]
    assert run(undos.latest(days.company.records, "feed-9")) is None
