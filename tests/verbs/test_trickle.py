"""Bulk work goes as there is room for it: never more on the queue than a backlog, nothing lost, nobody overtaken."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from itertools import count

import pytest

from lifecycle.contract.cloudevents import decode, encode_fact, work_of
from lifecycle.core.events import Origin
from lifecycle.core.model import Limit, ProjectRules
from lifecycle.core.work import Check, Release, Sweep, SweepSlice
from lifecycle.intake import intake
from lifecycle.messages import ask
from lifecycle.ports import Queue
from lifecycle.records import following, holds, people, runs
from lifecycle.records.runs import Run
from lifecycle.sweep import LOST, wake
from lifecycle.trickle import BACKLOG, ask_for, enqueue, trickle
from tests.builders import (
    EVERYONE,
    START,
    UNLIMITED,
    Company,
    a_model,
    a_worker,
    closed,
    joined,
    left,
    opened,
    released,
    staffed,
)
from tests.fakes.faults import Crash

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST = date(2026, 1, 5)


def empty():
    """A company in which looks find nothing: only who is asked for counts."""
    return Company(a_model(), users=())


def names(many, prefix="p"):
    return [f"{prefix}{number:04d}" for number in range(many)]


def a_run(company, name="r"):
    return Run(name, "test", company.clock.now())


def checks(company):
    """Whom checks of runs were sent for, and how often."""
    bodies = [message.body for queue, message, _ in company.bus.sent if queue is Queue.WORK]
    asked = [work_of(decode(body)) for body in bodies]
    return Counter((one.run, one.person) for one in asked if isinstance(one, Check) and one.run)


async def slices(company, many=1):
    """Take up so many trickle messages and no check, as when the looks are slow."""
    end = company.clock.now() + many * 3 * SECOND
    while (due := company.bus.next_due()) is not None and due <= end:
        company.clock.set(max(due, company.clock.now()))
        company.bus.deliver_due()
        while (message := company.bus.pop(Queue.SWEEPS)) is not None:
            await trickle(work_of(decode(message.body)).run, company.ports)
    company.clock.set(end)


async def test_everybody_of_a_run_is_asked_for_once():
    """More than a backlog, and each gets one look under the run."""
    company = empty()
    await enqueue(a_run(company), names(450), company.ports, whole=True)
    await company.time(MINUTE)
    assert checks(company) == {("r", name): 1 for name in names(450)}


async def test_all_runs_together_have_at_most_a_backlog_on_the_queue():
    """While nobody takes them up, three runs send no more than there is room for, in even shares."""
    company = empty()
    for run in ("a", "b", "c"):
        await enqueue(a_run(company, run), names(150, run), company.ports, whole=True)
    await slices(company, 5)
    assert BACKLOG - 3 < len(company.bus.waiting(Queue.WORK)) <= BACKLOG
    shares = Counter(run for run, _ in checks(company))
    assert set(shares.values()) == {BACKLOG // 3}
    await company.time(MINUTE)
    assert len(checks(company)) == 450


async def test_a_run_that_comes_when_the_backlog_is_full_waits():
    """The first one has it all; its share is smaller from then on, but what is on the queue is on the queue."""
    company = empty()
    await enqueue(a_run(company, "a"), names(300, "a"), company.ports, whole=True)
    await slices(company, 2)
    await enqueue(a_run(company, "b"), names(300, "b"), company.ports, whole=True)
    await slices(company, 2)
    assert len(company.bus.waiting(Queue.WORK)) == BACKLOG
    await company.time(MINUTE)
    assert len(checks(company)) == 600


async def test_a_backlog_that_moves_on_makes_room():
    """Taken up, fifty checks leave room for fifty others."""
    company = empty()
    await enqueue(a_run(company), names(300), company.ports, whole=True)
    await slices(company, 2)
    for _ in range(50):
        one = work_of(decode(company.bus.pop(Queue.WORK).body))
        await runs.taken_up(company.records, one.run, one.person)
    await slices(company, 2)
    assert (len(company.bus.waiting(Queue.WORK)), sum(checks(company).values())) == (BACKLOG, BACKLOG + 50)


async def test_an_urgent_check_waits_behind_a_backlog_at_most():
    """A leaver of 2,000 people's run is behind two hundred checks, not two thousand."""
    company = empty()
    await enqueue(a_run(company), names(2000), company.ports, whole=True)
    await slices(company, 3)
    await ask(company.bus, Check("leaver", "event:l"), now=company.clock.now())
    places = [message.session for message in company.bus.waiting(Queue.WORK)]
    assert places.index("leaver") <= BACKLOG


async def test_two_chains_of_one_run_are_one_again():
    """Asked for twice within the grid, a run has one slice under way, not two for ever."""
    company = empty()
    await enqueue(a_run(company), names(1000), company.ports, whole=True)
    company.clock.move(SECOND / 3)
    await ask_for("r", company.ports)
    off = company.clock.now() + SECOND / 5  # a third one, off the grid
    await ask(company.bus, SweepSlice("r", Sweep.TRICKLE), now=company.clock.now(), at=off)
    await slices(company, 3)
    assert len(company.bus.scheduled(Queue.SWEEPS)) == 1
    await company.time(MINUTE)
    assert set(checks(company).values()) == {1}


async def test_a_lost_slice_is_taken_up_by_the_wake_timer():
    """The run stops with its message, and goes on at the next tick."""
    company = empty()
    await enqueue(a_run(company), names(300), company.ports, whole=True)
    company.clock.move(MINUTE)
    company.bus.deliver_due()
    assert company.bus.pop(Queue.SWEEPS) is not None
    await company.time(2 * MINUTE)
    assert checks(company) == {}
    await company.time(6 * MINUTE)
    assert len(checks(company)) == 300


async def test_a_lost_check_of_a_run_gets_its_turn_again():
    """After twenty minutes it counts as lost; its room is free and it is asked for once more."""
    company = empty()
    await enqueue(a_run(company), names(3), company.ports, whole=True)
    await slices(company)
    assert company.bus.pop(Queue.WORK).session == "p0000"
    await company.time(LOST + 10 * MINUTE)
    assert checks(company) == {("r", "p0000"): 2, ("r", "p0001"): 1, ("r", "p0002"): 1}
    assert await runs.lost(company.records, company.clock.now() + DAY) == []


@pytest.mark.parametrize("when", ["crash_after", "crash_before"])
async def test_a_death_between_any_two_writes_loses_nobody(when):
    """Adding, sending, noting, closing: whoever was added is asked for; the run ends, and the backlog is empty."""
    wanted = names(8)
    for number in count(1):
        company = empty()
        await people.meet(company.records, "somebody")
        setattr(company.records, when, company.records.writes + number)
        try:
            await enqueue(a_run(company), wanted, company.ports, whole=True)
            await company.settle()
            await company.time(4 * SECOND)
        except Crash:
            setattr(company.records, when, None)
            if not company.bus.sent:
                await enqueue(a_run(company), wanted, company.ports, whole=True)  # its message comes again
            await company.time(LOST + 15 * MINUTE)
        else:
            break
        assert {person for _, person in checks(company)} == set(wanted), f"died at write {number}"
        assert await runs.unfinished(company.records) == []
        assert await runs.lost(company.records, company.clock.now() + DAY) == []
    assert number > 12


async def test_progress_counts_who_waits_and_who_was_looked_at():
    """Three hundred people: a backlog on the queue, the others waiting; then done one by one."""
    company = empty()
    await enqueue(a_run(company), names(300), company.ports)
    one = await runs.progress(company.records, "r")
    assert (one.people, one.waiting, one.queued, one.done, one.run.whole) == (300, 300, 0, 0, False)
    await enqueue(a_run(company), [], company.ports, whole=True)
    await slices(company, 2)
    one = await runs.progress(company.records, "r")
    assert (one.people, one.waiting, one.queued, one.done, one.run.whole) == (300, 100, BACKLOG, 0, True)
    for _ in range(10):
        company.bus.deliver_due()
        await company.step()
    one = await runs.progress(company.records, "r")
    assert (one.people, one.queued, one.done) == (300, BACKLOG - 10, 10)
    await company.time(MINUTE)
    one = await runs.progress(company.records, "r")
    assert (one.people, one.waiting, one.queued, one.done) == (300, 0, 0, 300)
    assert await runs.progress(company.records, "other") is None


async def test_two_runs_whose_names_begin_alike_are_counted_apart():
    """`r` and `r2` and `r|x` are three runs."""
    company = empty()
    for name in ("r", "r2", "r|x"):
        await enqueue(a_run(company, name), names(5, name[-1]), company.ports, whole=True)
    await slices(company)
    assert [(await runs.progress(company.records, name)).queued for name in ("r", "r2", "r|x")] == [5, 5, 5]


async def test_who_waits_already_waits_once():
    """Added twice before their turn, a person is asked for once."""
    company = empty()
    await enqueue(a_run(company), ["p1", "p2"], company.ports)
    await enqueue(a_run(company), ["p2", "p1", "p1"], company.ports, whole=True)
    await company.time(MINUTE)
    assert checks(company) == {("r", "p1"): 1, ("r", "p2"): 1}


async def test_many_who_are_late_go_by_trickle():
    """After an outage, whoever is due is looked at as there is room, the first backlog at once."""
    company = Company(a_model(EVERYONE), users=())
    wanted = names(BACKLOG + 60, "e")
    await company.say(*[joined(name, START, date(2026, 2, 1), a_worker(name)) for name in wanted])
    company.clock.set(START + 60 * DAY)
    await wake(company.ports)
    assert len(company.bus.waiting(Queue.WORK)) == BACKLOG
    await slices(company, 2)
    assert len(company.bus.waiting(Queue.WORK)) == BACKLOG + 60
    assert await runs.unfinished(company.records) == []


# --- held as one set -------------------------------------------------------------------------------------------------

SITE = ProjectRules(roles={"engineer": ("site",)})


async def site(many, limit, **changes):
    """A project with so many people on it who have its package, under a guard that lets so many go."""
    guard = replace(UNLIMITED, removals=Limit(limit))
    workers = [f"E{number:03d}" for number in range(many)]
    company = Company(a_model(EVERYONE, projects=SITE, guard=guard, **changes), users=tuple(workers))
    await company.say(opened("o", START))
    await company.say(*[joined(f"j{name}", START, FIRST, a_worker(name)) for name in workers])
    await company.say(*[staffed(f"s{name}", START, name) for name in workers])
    await company.time(5 * MINUTE)
    assert on_site(company, workers) == many
    return company, workers


def on_site(company, workers):
    return sum("site" in company.has(name) for name in workers)


async def test_a_close_beyond_the_limit_is_held_as_one_set():
    """None of it goes before its release, however long that takes; afterwards all of it goes."""
    company, workers = await site(12, limit=10)
    now = company.clock.now()
    await company.say(closed("c", now, now))
    await company.time(2 * HOUR)
    await company.time(3 * DAY, tick=HOUR)
    assert on_site(company, workers) == 12
    (held,) = await holds.runs(company.records)
    assert (held.run, len(held.plans)) == ("project:p1:c", 12)
    await ask(company.bus, Release(held.run, held.hash, "me", "it is so"), now=company.clock.now())
    await company.time(10 * MINUTE)
    assert on_site(company, workers) == 0
    assert await holds.runs(company.records) == []
    one = await runs.progress(company.records, held.run)
    assert (one.people, one.done) == (12, 12)


async def test_who_was_let_go_by_another_look_is_gathered_again():
    """Two looks at one person overlapped: what their dossier holds must be in the set, or nobody could release it."""
    company, workers = await site(12, limit=10)
    now = company.clock.now()
    await company.say(closed("c", now, now))
    await company.time(10 * MINUTE)
    (before,) = await holds.runs(company.records)
    await holds.let_go(company.records, before.run, workers[3].casefold())
    await ask(company.bus, Check(workers[3].casefold(), "test"), now=company.clock.now())
    await company.settle()
    (held,) = await holds.runs(company.records)
    assert held.hash == before.hash


async def test_a_close_within_the_limit_just_goes():
    """Ten people of ten: nobody has to release it."""
    company, workers = await site(10, limit=10)
    now = company.clock.now()
    await company.say(closed("c", now, now))
    await company.time(10 * MINUTE)
    assert on_site(company, workers) == 0
    assert await holds.runs(company.records) == []


async def test_a_close_that_is_announced_is_held_as_one_set():
    """Said today and effective tomorrow, none of it goes before its release either, when the day has come."""
    company, workers = await site(12, limit=10)
    now = company.clock.now()
    await company.say(closed("c", now, now + DAY))
    await company.time(DAY + HOUR)
    assert on_site(company, workers) == 12
    (held,) = await holds.runs(company.records)
    assert len(held.plans) == 12


async def test_a_leaver_among_those_who_are_held_goes_at_once():
    """Whom somebody named is not kept by the hold of their project."""
    company, workers = await site(12, limit=10)
    now = company.clock.now()
    await company.say(closed("c", now, now))
    await company.time(10 * MINUTE)
    now = company.clock.now()
    await company.say(left("l", now, now, workers[0], immediate=True))
    await company.time(10 * MINUTE)
    assert company.has(workers[0]) == set()
    assert on_site(company, workers) == 11
    (held,) = await holds.runs(company.records)
    assert len(held.plans) == 11


async def test_a_leaver_who_is_looked_at_for_the_project_goes_as_well():
    """The message about the leaving was lost, and the project's own look finds it: nothing is held of them."""
    company, workers = await site(12, limit=10)
    now = company.clock.now()
    await intake(Queue.HR, encode_fact(left("l", now, now, workers[0], immediate=True)), company.ports)
    assert company.bus.pop(Queue.WORK) is not None
    await company.say(closed("c", now, now))
    await company.time(5 * MINUTE)
    assert company.has(workers[0]) == set()
    assert on_site(company, workers) == 11


async def test_a_release_of_five_hundred_trickles():
    """One approval is one message; its people come as the queue has room for them."""
    company = empty()
    for name in names(500):
        plan = holds.Held("feed-7", name, f"hash-{name}", (), "bulk", "too many", START)
        await holds.hold(company.records, plan)
    whole = (await holds.held_set(company.records, "feed-7")).hash
    await ask(company.bus, Release("feed-7", whole, "me", "it is so"), now=company.clock.now())
    await company.settle()
    await slices(company, 5)
    assert len(company.bus.waiting(Queue.WORK)) == BACKLOG
    assert (await runs.progress(company.records, "feed-7")).waiting == 300
    await company.time(MINUTE)
    assert checks(company) == {("feed-7", name): 1 for name in names(500)}


async def test_what_came_in_bulk_goes_by_trickle_and_what_was_named_at_once():
    """A feed of three hundred joiners leaves room for the one whom somebody named."""
    company = empty()
    feed = Origin("bulk", "feed-7")
    await company.say(*[joined(name, START, FIRST, a_worker(name), origin=feed) for name in names(300)])
    await slices(company, 4)
    assert len(company.bus.waiting(Queue.WORK)) == BACKLOG
    await company.say(joined("one", START, FIRST, a_worker("E1")))
    assert [message.session for message in company.bus.waiting(Queue.WORK)] == []
    assert (await runs.progress(company.records, "feed-7")).waiting <= 100


async def test_a_lost_message_does_not_end_the_following_of_a_package():
    """The requests of a bulk are read together again from the next tick of the timer on."""
    company = Company(a_model(EVERYONE), users=("E1", "E2"))
    bulk = Origin("bulk", "first-load")
    await company.send(Queue.HR, encode_fact(joined("j1", START, START.date(), origin=bulk)))
    await company.send(Queue.HR, encode_fact(joined("j2", START, START.date(), a_worker("E2"), origin=bulk)))
    lost = 0
    for _ in range(120):
        company.clock.move(SECOND)
        company.bus.deliver_due()
        waiting = company.bus.waiting(Queue.SWEEPS)
        if waiting and work_of(decode(waiting[0].body)).kind is Sweep.FOLLOW and not lost:
            company.bus.pop(Queue.SWEEPS)
            lost += 1
        await company.settle()
    assert lost == 1
    assert await following.packages(company.records) == ["base"]
    await company.time(12 * MINUTE)
    assert await following.packages(company.records) == []
    assert [await following.of_package(company.records, "base"), company.has("E2")] == [[], {"base"}]


async def test_looks_that_follow_do_not_crowd_out_the_work_they_follow():
    """A run that comes behind has a fifth of the backlog while another needs it, and all of it when none does."""
    company = empty()
    behind = replace(a_run(company, "follow"), behind=True)
    await enqueue(behind, names(300, "f"), company.ports, whole=True)
    await enqueue(a_run(company, "close"), names(300, "c"), company.ports, whole=True)
    await slices(company, 5)
    shares = Counter(run for run, _ in checks(company))
    assert shares["follow"] <= BACKLOG // 5 < shares["close"]
    await company.time(MINUTE)
    assert len(checks(company)) == 600


async def test_who_was_released_or_has_left_does_not_hold_a_close():
    """Twenty worked there over the years and ten do: the close takes from ten, and nobody has to release it."""
    company, workers = await site(20, limit=10)
    now = company.clock.now()
    for name in workers[:5]:
        await company.say(left(f"l{name}", now, now, name, immediate=True))
    company.clock.set(now + 25 * HOUR)
    for name in workers[5:10]:
        await company.say(released(f"r{name}", company.clock.now(), name))
    await company.time(25 * HOUR, tick=HOUR)
    assert on_site(company, workers) == 10
    now = company.clock.now()
    await company.say(closed("c", now, now))
    await company.time(10 * MINUTE)
    assert on_site(company, workers) == 0
    assert await holds.runs(company.records) == []


async def test_a_run_that_comes_behind_nobody_fills_the_backlog():
    """With nobody to make way for, two hundred of its three hundred are on the queue at once."""
    company = empty()
    await enqueue(replace(a_run(company, "follow"), behind=True), names(300, "f"), company.ports, whole=True)
    await slices(company, 1)
    assert len(checks(company)) == BACKLOG
