"""The nightly comparison finds who differs, once, whatever pages, links, deaths and the clock do meanwhile."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import count

import pytest

from lifecycle.compare import SLICE
from lifecycle.core.evidence import Tag
from lifecycle.core.work import Sweep, SweepSlice
from lifecycle.drift import differing, drift, slice_of
from lifecycle.errors import Refused, StaleLink, Transient
from lifecycle.messages import ask
from lifecycle.ports import AssignmentState, Delete, Queue, RequestState
from lifecycle.records import checkpoints, reports
from lifecycle.records.dossier import open_dossier
from lifecycle.sweep import LOST
from tests.builders import CARE, EVERYONE, START, Company, a_model, a_user, a_worker, joined, left, moved
from tests.fakes.directory import ends_as, refused
from tests.fakes.faults import Crash

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST, OFFSET = date(2026, 1, 5), 12 * MINUTE


async def ward(many=3, **changes):
    """So many nurses, who have what they should have, and a directory that nobody has touched."""
    names = tuple(f"E{number}" for number in range(1, many + 1))
    company = Company(a_model(EVERYONE, CARE, packages=("tools",), **changes), users=names)
    await company.say(*[joined(f"j{name}", START, FIRST, a_worker(name, department="Care")) for name in names])
    await company.time(OFFSET)
    return company


async def report(company, package):
    return next(one for one in await reports.reports(company.records) if one.package == package)


async def tags(company, person="e1"):
    return [record.tag for record in await (await open_dossier(company.records, person)).chain()]


def looks(company):
    """Whose rows were read, each time that they were."""
    return [call.about for call in company.directory.calls if call.name == "assignments_of"]


def care_of(company, worker="e1"):
    return next(row for row in company.directory.rows(f"user-{worker}") if row.package == "package-care")


def found(company):
    return [
        message.body
        for queue, message, _ in company.bus.sent
        if queue is Queue.NOTICES and b"drift.found" in message.body
    ]


async def night(company):
    """Sweep, and give those who were found their turn."""
    await company.sweep()
    await company.time(timedelta(seconds=10))


async def swept(company):
    """Sweep, and return whose rows were read because of it."""
    before = len(looks(company))
    await night(company)
    return sorted(looks(company)[before:])


# --- packages ---------------------------------------------------------------------------------------------------------


async def test_a_night_without_differences_looks_at_nobody():
    """Every package is read in pages, no person is; the report is there and nobody is told."""
    company = await ward()
    assert await swept(company) == []
    one = await report(company, "care")
    assert (one.rows, one.expected, one.checked, one.counts) == (3, 3, 0, {})
    assert found(company) == []


async def test_a_row_removed_by_hand_is_found():
    """Its person is looked at, and it is a denial from then on."""
    company = await ward()
    company.directory.take_by_hand(care_of(company).id)
    assert await swept(company) == ["user-e1"]
    assert Tag.DENIED in await tags(company)
    one = await report(company, "care")
    assert (one.checked, one.counts) == (1, {"differing": 1})
    assert len(found(company)) == 1


async def test_a_row_added_in_our_policy_for_a_known_person_is_found():
    """They are looked at; without a reason it is left alone and reported from then on."""
    company = await ward()
    row = company.directory.give("user-e2", "package-tools", "policy-tools")
    assert await swept(company) == ["user-e2"]
    assert await swept(company) == []
    assert (await report(company, "tools")).unexplained == (row.id,)
    assert company.has("E2") == {"base", "care", "tools"}


async def test_a_row_added_in_our_policy_for_a_stranger_is_reported():
    """A user who is nobody's: there is no person to look at, and nothing is taken."""
    company = await ward()
    company.directory.add(replace(a_user("X"), employee_id=None))
    row = company.directory.give("user-x", "package-care", "policy-care")
    for _ in range(2):
        assert await swept(company) == []
        one = await report(company, "care")
        assert (one.strangers, one.counts, one.checked) == ((row.id,), {"strangers": 1}, 0)
    assert company.has("X") == {"care"}


async def test_a_changed_end_is_found_and_put_right():
    """Somebody gave our row an end in the portal: one request takes it away again, and it counts as one row."""
    company = await ward()
    row = care_of(company)
    company.directory._inside._become(company.clock.now(), replace(row, ends=START + 9 * DAY))
    assert await swept(company) == ["user-e1"]
    assert (await report(company, "care")).counts == {"differing": 1}
    assert [one.kind for one in company.directory.posted[6:]] == ["adminUpdate"]
    await company.time(10 * MINUTE)
    assert care_of(company).ends is None
    assert await swept(company) == []


async def test_a_row_of_an_auto_policy_without_a_reason_is_reported():
    """Not touched, and the person is not looked at every night for it."""
    company = await ward()
    company.directory.automatic.add("policy-auto")
    row = company.directory.give("user-e1", "package-tools", "policy-auto")
    assert await swept(company) == ["user-e1"]
    assert await swept(company) == []
    assert (await report(company, "tools")).outlived == (row.id,)


async def test_what_was_requested_in_my_access_is_reported_every_night_and_not_looked_at_again():
    """It is known by then: a company full of My Access costs a night no look."""
    company = await ward()
    rows = [company.directory.give(f"user-e{number}", "package-tools", "policy-of-others") for number in (1, 2, 3)]
    assert await swept(company) == ["user-e1", "user-e2", "user-e3"]
    for _ in range(3):
        company.clock.move(DAY)
        assert await swept(company) == []
        one = await report(company, "tools")
        assert (set(one.unexplained), one.counts) == ({row.id for row in rows}, {"unexplained": 3})
    assert len(found(company)) == 4


async def test_a_wanted_row_that_is_not_there_is_reported_and_looked_at():
    """Graph refuses to give it: every night says so, until it is there."""
    company = await ward(many=1)
    company.directory.faults.extend([ends_as(RequestState.DELIVERY_FAILED), *[refused()] * 3])
    company.model = a_model(EVERYONE, CARE, (replace(EVERYONE[0], name="more", grant=("tools",)), lambda _: True))
    await company.say(moved("m", START, FIRST, a_worker(department="Care")))
    await company.time(5 * MINUTE)
    assert await swept(company) == ["user-e1"]
    one = await report(company, "tools")
    assert (one.missing, one.expected) == (("e1",), 0)


async def test_an_outage_of_graph_in_the_middle_of_a_sweep_is_no_finding():
    """A page that could not be read raises, the message comes again, and nothing is missing because of it."""
    company = await ward()
    company.directory.page_size = 1
    company.directory.failures.plan(None, None, Transient("503 ServiceUnavailable"))
    await ask(company.bus, SweepSlice("night", Sweep.PACKAGE, "care"), now=company.clock.now())
    with pytest.raises(Transient):
        await company.settle()
    assert await reports.reports(company.records) == []
    await company.settle()
    assert (await report(company, "care")).counts == {}


# --- pages, links, time, deaths ---------------------------------------------------------------------------------------


async def disturbed(many=7):
    """A ward in whose care package there is one of everything, read two rows a page."""
    company = await ward(many)
    company.directory.page_size = 2
    company.directory.take_by_hand(care_of(company, "e3").id)
    company.directory.give("user-stranger", "package-care", "policy-care")
    row = care_of(company, "e5")
    company.directory._inside._become(company.clock.now(), replace(row, ends=START + 9 * DAY))
    return company


async def read_by_row():
    """The same, a row a page, so that the checkpoint is kept with its last page."""
    company = await disturbed(10)
    company.directory.page_size = 1
    return company


async def outcome(company):
    """What a sweep over the ward left behind: the report, whoever was denied, and what everybody has."""
    one = replace(await report(company, "care"), run="", pages=0)
    denied = [name for name in ("e3", "e5") if Tag.DENIED in await tags(company, name)]
    return one, denied, [company.has(f"E{number}") for number in range(1, 8)]


def slowly(company):
    """Let each page take more than a slice's time."""
    called = company.directory._called

    async def slow(name, about):
        await called(name, about)
        if name == "assignments_in":
            company.clock.move(SLICE + timedelta(seconds=1))

    company.directory._called = slow


async def undisturbed():
    company = await disturbed()
    await night(company)
    return await outcome(company)


async def test_an_empty_page_is_not_the_end():
    """Graph sends pages without rows in the middle of a list; the rows behind them count."""
    company = await disturbed()
    company.directory.empty_pages = True
    await night(company)
    assert await outcome(company) == await undisturbed()
    assert (await report(company, "care")).pages == 7


async def test_a_link_that_graph_no_longer_knows_begins_that_package_anew():
    """What was read before is read again, and nothing is found twice."""
    company = await disturbed()
    company.directory.stale_links = 2
    await night(company)
    assert await outcome(company) == await undisturbed()


async def test_a_first_page_that_is_stale_is_an_error():
    """A list without a link cannot be begun anew for ever."""
    company = await disturbed()
    company.directory.failures.plan(None, StaleLink("410"))
    await ask(company.bus, SweepSlice("night", Sweep.PACKAGE, "care"), now=company.clock.now())
    with pytest.raises(StaleLink):
        await company.settle()


async def test_a_dry_run_survives_a_link_that_graph_no_longer_knows():
    """It has no checkpoint to drop, finds the same people, and writes nothing."""
    company = await disturbed()
    company.directory.stale_links = 1
    before = company.records.writes
    rows, people = await differing(company.ports)
    assert sorted(people) == ["e3", "e5"]
    assert rows["care"].counts["strangers"] == 1
    assert company.records.writes == before


async def test_a_dry_run_that_takes_long_finds_no_more_than_a_short_one():
    """What was read before the time of a slice was up is remembered."""
    company = await disturbed()
    slowly(company)
    rows, people = await differing(company.ports)
    assert sorted(people) == ["e3", "e5"]
    assert rows["base"].counts == {}


async def test_a_dry_run_finds_whom_the_sweep_would_look_at():
    """The same people, and not a row is written."""
    company = await disturbed()
    before = company.records.writes
    _, people = await differing(company.ports)
    assert company.records.writes == before
    assert {f"user-{name}" for name in people} == set(await swept(company))


async def test_a_slice_whose_time_is_up_goes_on_with_the_next_message():
    """Each message reads on from the checkpoint, page by page, and the result is the same."""
    company = await disturbed()
    slowly(company)
    await ask(company.bus, SweepSlice("night", Sweep.PACKAGE, "care"), now=company.clock.now())
    await company.settle()
    await company.time(10 * MINUTE)
    calls = [(call.name, call.about) for call in company.directory.calls]
    pages = [call for call in calls if call == ("assignments_in", "package-care")]
    slices = [one for queue, one, _ in company.bus.sent if queue is Queue.SWEEPS and b'"kind":"package"' in one.body]
    assert len(pages) == len(slices) == 4
    expected = await undisturbed()
    one, *rest = await outcome(company)
    assert (replace(one, at=expected[0].at), *rest) == expected


async def test_the_checkpoint_is_gone_when_the_package_is_done():
    """Nothing is left of a sweep but its report and its run's counts."""
    company = await read_by_row()
    await night(company)
    assert any(one.partition.startswith("sweep-") for one in company.records.log)
    assert [name for name in company.records.partitions() if name.startswith("sweep-")] == []


@pytest.mark.parametrize("when", ["crash_after", "crash_before"])
async def test_a_death_between_any_two_writes_changes_no_result(when):
    """The message comes again and goes on: the same report, and nothing is found twice or lost."""
    company = await read_by_row()
    before = company.records.writes
    await night(company)
    expected = await outcome(company)
    assert expected[0].counts == {"differing": 2, "strangers": 1}
    written = [one.partition for one in company.records.log[before:]]
    numbers = [number for number, name in enumerate(written, start=1) if not name.startswith("budget")]
    assert len(numbers) > 20
    for number in numbers:
        company = await read_by_row()
        sent = len(company.bus.sent)
        setattr(company.records, when, before + number)
        with pytest.raises(Crash):
            await night(company)
        setattr(company.records, when, None)
        if len(company.bus.sent) == sent:
            await drift(company.ports)  # the timer's own call died: the host makes it again
        await company.settle()
        await company.time(timedelta(seconds=10))
        if await outcome(company) != expected:
            await company.time(LOST + 10 * MINUTE)  # a check of the run was lost with the process
        assert await outcome(company) == expected, f"died at write {number}, to {written[number - 1]}"


async def test_a_slice_that_is_delivered_twice_and_worked_on_by_both_finds_nothing_of_its_own_making():
    """The second one ends and clears up while the first is at a page: what it read is not taken for missing."""
    company = await ward(9)
    company.directory.page_size = 1
    work = SweepSlice("night", Sweep.PACKAGE, "care")
    called, pages = company.directory._called, count(1)

    async def overtaken(name, about):
        await called(name, about)
        if name == "assignments_in" and next(pages) == 4:
            await slice_of(work, company.ports)
            company.clock.move(SLICE + timedelta(seconds=1))

    company.directory._called = overtaken
    await slice_of(work, company.ports)
    await company.settle()
    assert (await report(company, "care")).counts == {}
    read = len([call for call in company.directory.calls if call.name == "assignments_in"])
    await company.time(20 * MINUTE)  # the one that gave way comes again, and sees that all is done
    assert len([call for call in company.directory.calls if call.name == "assignments_in"]) == read
    assert [name for name in company.records.partitions() if name.startswith("sweep-")] == []


async def test_what_a_death_left_of_a_checkpoint_is_cleared_away():
    """It died while it dropped what it had read, the link being stale: pages without a head are not seen again."""
    company = await ward()
    at = await checkpoints.open_checkpoint(company.records, "night", "care")
    await at.keep("link", [1, 2, 3], [], 3, company.clock.now())
    await company.records.write(at.partition, [Delete("head")])
    await checkpoints.open_checkpoint(company.records, "night", "care")
    assert company.records.keys(at.partition) == []


# --- users, reviews, budget -------------------------------------------------------------------------------------------


async def test_a_user_that_vanished_is_a_finding_and_everything_waits():
    """The person is looked at, doubted, and nothing is given or taken until somebody says who they are."""
    company = await ward()
    del company.directory.users["user-e1"]
    await night(company)
    assert (await tags(company))[-2:] == [Tag.DOUBTED, Tag.CONFLICT]
    before = len(company.directory.posted)
    await company.say(moved("m", company.clock.now(), company.clock.now(), a_worker(department="Sales")))
    await company.time(DAY, tick=HOUR)
    assert len(company.directory.posted) == before


async def test_an_employee_id_that_moved_to_another_user_is_a_finding():
    """It is never rebound silently: neither the old nor the new user is given or loses anything."""
    company = await ward()
    company.directory.add(replace(a_user(), employee_id="E99", user_principal_name="old@example.org"))
    company.directory.add(replace(a_user(), id="user-new", user_principal_name="new@example.org"))
    await night(company)
    assert Tag.DOUBTED in await tags(company)
    await company.time(HOUR)
    assert (company.has(), company.directory.live("user-new")) == ({"base", "care"}, set())


async def test_an_employee_id_that_two_users_carry_is_a_finding():
    """Also when the known user still carries it: a copy in the directory is a doubt."""
    company = await ward()
    company.directory.add(replace(a_user(), id="user-copy", user_principal_name="copy@example.org"))
    await night(company)
    assert Tag.DOUBTED in await tags(company)
    assert Tag.DOUBTED not in await tags(company, "e2")


async def test_a_doubt_ends_when_the_directory_agrees_again():
    """The sweep itself finds out; the person is then treated as before."""
    company = await ward()
    company.directory.add(replace(a_user(), employee_id=None, user_principal_name="old@example.org"))
    await night(company)
    assert (await tags(company))[-1] is Tag.CONFLICT
    company.directory.add(a_user())
    await night(company)
    await company.time(HOUR)
    assert (await tags(company))[-1] is Tag.CORRELATED
    await company.say(moved("m", company.clock.now(), company.clock.now(), a_worker()))
    await company.time(HOUR)
    assert company.has() == {"base"}


async def test_a_leaver_whose_user_is_doubted_loses_access_all_the_same():
    """A sweep that doubts somebody's user does not keep the access of who has left."""
    company = await ward()
    company.directory.add(replace(a_user(), employee_id=None, user_principal_name="old@example.org"))
    await night(company)
    await company.say(left("l", company.clock.now(), company.clock.now(), immediate=True))
    await company.time(HOUR)
    assert company.has() == set()


async def test_users_are_read_in_pages_whose_links_may_be_stale():
    """One list for everybody, empty pages and a lost link included, and no call a person when all is well."""
    company = await ward()
    company.directory.page_size, company.directory.empty_pages, company.directory.stale_links = 1, True, 1
    before = len(company.directory.calls)
    await ask(company.bus, SweepSlice("night", Sweep.USERS), now=company.clock.now())
    await company.settle()
    assert {call.name for call in company.directory.calls[before:]} == {"page"}


async def test_a_finished_review_is_a_denial_and_its_person_is_looked_at():
    """What a reviewer denied goes, also if Entra has not applied it."""
    company = await ward()
    company.directory.review("r1", "package-care", "user-e1", company.clock.now())
    await night(company)
    await company.time(10 * MINUTE)
    assert (company.has(), company.has("E2")) == ({"base"}, {"base", "care"})
    assert (await tags(company)).count(Tag.DENIED) == 1
    await night(company)
    assert (await tags(company)).count(Tag.DENIED) == 1


async def test_without_the_permission_to_read_reviews_nothing_is_found():
    """403 is no finding and no crash: the rest of the sweep goes on."""
    company = await ward()
    company.directory.failures.plan(Refused("403 Forbidden", status=403, code="Forbidden"))
    await ask(company.bus, SweepSlice("night", Sweep.REVIEWS), now=company.clock.now())
    before = len(looks(company))
    await company.settle()
    assert (len(looks(company)), company.bus.waiting(Queue.QUARANTINE)) == (before, [])


async def test_another_refusal_of_reviews_is_an_error():
    """Only the missing permission is expected; anything else is set aside for somebody to see."""
    company = await ward()
    company.directory.failures.plan(Refused("400 BadRequest", status=400, code="BadRequest"))
    await ask(company.bus, SweepSlice("night", Sweep.REVIEWS), now=company.clock.now())
    await company.settle()
    (lying,) = await company.bus.browse(Queue.QUARANTINE)
    assert "400 BadRequest" in lying.reason


async def test_the_sweep_counts_the_tenants_requests():
    """What others asked for counts against the same quota."""
    company = await ward()
    for number in range(5):
        company.directory.give(f"user-x{number}", "package-other", "policy-of-others")
    company.clock.move(DAY)
    await night(company)
    spent = await company.meter.spent(company.clock.now())
    assert (spent.ours, spent.tenant) == (6, 11)


async def test_a_package_that_the_model_dropped_meanwhile_is_let_be():
    """A slice of the old model finds nothing to compare with."""
    company = await ward()
    await ask(company.bus, SweepSlice("night", Sweep.PACKAGE, "gone"), now=company.clock.now())
    await company.settle()
    assert await reports.reports(company.records) == []
    assert all(row.state is AssignmentState.DELIVERED for row in company.directory.rows())


async def test_what_was_requested_and_given_back_is_no_difference():
    """Nobody misses a row that nothing justified: its person is looked at, and it is reported no longer."""
    company = await ward(many=1)
    row = company.directory.give("user-e1", "package-tools", "policy-of-others")
    await night(company)
    company.directory.give_back(row.id)
    company.clock.move(DAY)
    assert await swept(company) == ["user-e1"]
    assert "differing" not in (await report(company, "tools")).counts
