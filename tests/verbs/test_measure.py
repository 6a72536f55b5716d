"""How long access outlived its reason: from HR's clock to what Graph confirmed, one delay for each time."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from lifecycle.core.delays import Class, Snag
from lifecycle.core.events import Linked, Origin
from lifecycle.core.evidence import Tag
from lifecycle.core.model import Deadlines, Limit, ProjectRules
from lifecycle.core.work import Check, Release
from lifecycle.errors import Lost
from lifecycle.look import look
from lifecycle.measure import measure
from lifecycle.messages import ask
from lifecycle.ports import RequestState
from lifecycle.records import delays, holds
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
    released,
    rescinded,
    staffed,
    utc,
)
from tests.fakes.directory import ends_as, refused, throttled
from tests.fakes.faults import Crash

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST = date(2026, 1, 5)
ABSENT = Origin("derived-from-absence")
MONTHS = ["2025-12", "2026-01", "2026-02"]


async def employed(**changes):
    company = Company(a_model(EVERYONE, CARE, SALES, deadlines=Deadlines(leaver=HOUR), **changes))
    await company.say(joined("j", START, FIRST, a_worker(department="Care")))
    await company.time(10 * MINUTE)
    return company


async def held():
    company = await employed(guard=replace(UNLIMITED, removals=Limit(0)))
    await company.say(goes(company, origin=ABSENT))
    return company


def goes(company, name="l", **changes):
    now = company.clock.now()
    return left(name, now, now, immediate=True, **changes)


async def measured(company):
    return await delays.of_months(company.records, MONTHS)


async def tags(company, person="e1"):
    return [one.tag for one in await (await open_dossier(company.records, person)).chain()]


def snags(delay):
    return [one.snag for one in delay.why]


async def test_nobody_of_whom_nothing_is_due_is_written_down():
    """A joiner, and a look at somebody who stays, leave no row."""
    company = await employed()
    await company.sweep()
    assert [name for name in company.records.partitions() if name.startswith("delays")] == []


async def test_an_immediate_leaver_is_open_until_graph_confirms():
    """Open with what is left when it was due, then gone when the last removal is known to be delivered."""
    company = await employed()
    at = company.clock.now()
    await company.say(goes(company))
    (waiting,) = await delays.still_open(company.records)
    assert (waiting.kind, waiting.due, waiting.by) == (Class.IMMEDIATE, at, at + HOUR)
    assert waiting.packages == ("base", "care")
    await company.time(10 * MINUTE)
    (gone,) = await measured(company)
    removed = max(row.expired_at for row in company.directory.rows("user-e1"))
    assert gone.confirmed >= removed
    assert gone.confirmed - removed <= MINUTE
    assert (gone.in_time, gone.why, gone.expired) == (True, (), None)
    assert await delays.still_open(company.records) == []
    assert (await tags(company)).count(Tag.GONE) == 1


async def test_what_entra_ended_by_itself_counts_when_it_was_seen():
    """The end stood on the assignments: gone when a look saw it, and when the rows ended is kept beside."""
    company = await employed()
    await company.say(left("l", company.clock.now(), date(2026, 1, 9)))
    await company.time(6 * DAY, tick=HOUR)
    (gone,) = await measured(company)
    assert gone.kind is Class.NOTICE
    assert gone.due == gone.ended == gone.expired
    assert timedelta() < gone.length <= 15 * MINUTE
    assert (await tags(company)).count(Tag.EXPIRED) == 2


async def test_a_leaver_without_access_counts_with_nothing():
    """Nobody is left out of the population: nothing was there, so it took no time, whenever that was seen."""
    company = Company(a_model(SALES))
    await company.say(joined("j", START, FIRST), left("l", START, date(2026, 1, 6)))
    company.clock.move(9 * DAY)
    await company.time(10 * MINUTE)
    (gone,) = await measured(company)
    assert (gone.packages, gone.length, gone.why) == ((), timedelta(), ())


async def test_a_leaver_without_a_user_is_counted_and_said():
    """There is no user to take anything from; one who is found later with access opens it again."""
    company = Company(a_model(EVERYONE), users=())
    now = company.clock.now()
    await company.say(joined("j", now, FIRST), left("l", now, now, immediate=True))
    (gone,) = await measured(company)
    assert (gone.length, snags(gone)) == (timedelta(), [Snag.NO_USER])
    company.directory.add(a_user())
    company.directory.give("user-e1", "package-base", "policy-other")
    await company.time(2 * DAY, tick=HOUR)
    (gone,) = await measured(company)
    assert gone.packages == ("base",)
    assert gone.length > 10 * MINUTE


async def test_a_leaver_who_was_told_late_has_the_clock_from_then():
    """HR wrote it down days after the last day: that is said, and not counted against the deadline."""
    company = await employed()
    company.clock.move(7 * DAY)
    told = company.clock.now()
    await company.say(left("l", told, date(2026, 1, 6)))
    await company.time(10 * MINUTE)
    (gone,) = await measured(company)
    assert (gone.kind, gone.due, gone.told) == (Class.TOLD_LATE, told, told)
    assert gone.in_time
    (why,) = gone.why
    assert (why.snag, why.since, why.until) == (Snag.TOLD_LATE, gone.ended, told)


async def test_a_leaver_who_is_held_is_late_because_of_it():
    """Derived from absence and held for a day: open, then late, with the hold from when to when."""
    company = await held()
    at = company.clock.now() + timedelta(seconds=1)  # what a feed derives goes by trickle
    await company.time(DAY, tick=HOUR)
    (waiting,) = await delays.still_open(company.records)
    assert (waiting.kind, waiting.overdue(company.clock.now())) == (Class.DERIVED, True)
    assert [(one.snag, one.since, one.until) for one in waiting.why] == [(Snag.HELD, at, None)]
    (one,) = await holds.runs(company.records)
    await ask(company.bus, Release(one.run, one.hash, "me", "it is meant"), now=company.clock.now())
    await company.time(20 * MINUTE)
    (late,) = await delays.late(company.records, MONTHS)
    chain = await (await open_dossier(company.records, "e1")).chain()
    (let_go,) = [one.at for one in chain if one.tag is Tag.RELEASED]
    assert [(one.snag, one.since, one.until) for one in late.why] == [(Snag.HELD, at, let_go)]
    assert DAY < late.length < DAY + HOUR


@pytest.mark.parametrize(
    ("fault", "many", "snag", "says"),
    [
        (refused("Forbidden", 403), 2, Snag.REFUSED, "403 Forbidden, 2 x"),
        (ends_as(RequestState.DELIVERY_FAILED), 2, Snag.FAILED, "deliveryFailed"),
        (throttled(10 * MINUTE), 12, Snag.GRAPH, "no answer or no room, "),
    ],
    ids=["refused", "not delivered", "throttled"],
)
async def test_what_graph_did_is_the_cause(fault, many, snag, says):
    """The code of a refusal, the state of a failed request, how often there was no room."""
    company = await employed()
    company.directory.faults.extend([fault] * many)
    await company.say(goes(company))
    await company.time(6 * HOUR)
    (late,) = await delays.late(company.records, MONTHS)
    why = next(one for one in late.why if one.snag is snag)
    assert why.detail.startswith(says)


async def test_a_removal_that_graph_takes_long_for_is_waiting_for_graph():
    """Nothing went wrong, and nothing else is the cause."""
    company = await employed()
    company.directory.latency = 2 * HOUR
    await company.say(goes(company))
    await company.time(4 * HOUR)
    (late,) = await delays.late(company.records, MONTHS)
    assert [(one.snag, one.detail) for one in late.why] == [(Snag.GRAPH, "a request under way")]


async def test_a_worker_that_was_down_is_the_cause():
    """Nothing looked for half a day after an end that no row carried."""
    company = await employed()
    user, package = "user-e1", "package-crm"
    company.directory.give(user, package, "policy-other")
    await company.say(left("l", company.clock.now(), date(2026, 1, 9)))
    await company.time(4 * DAY, tick=HOUR)
    company.clock.move(DAY)
    await company.time(HOUR)
    (late,) = await delays.late(company.records, MONTHS)
    assert late.packages == ("base", "care", "crm")
    assert snags(late) == [Snag.WOKEN_LATE]
    assert late.expired == late.due


async def test_a_rescinded_leaving_is_withdrawn_and_said():
    """It never was due: not counted, kept as withdrawn, and in the evidence."""
    company = await held()
    await company.time(2 * HOUR)
    await company.say(rescinded("r", company.clock.now(), "l"))
    assert await delays.still_open(company.records) == []
    (one,) = await measured(company)
    assert one.withdrawn == company.clock.now()
    assert Tag.WITHDRAWN in await tags(company)
    (summary,) = (await delays.summaries(company.records, MONTHS))["2026-01"]
    assert (summary.count, summary.withdrawn) == (0, 1)


async def test_who_comes_back_and_leaves_again_is_two():
    """A rehire does not undo the leaving before; the next one is counted beside it."""
    company = await employed()
    await company.say(goes(company))
    await company.time(HOUR)
    now = company.clock.now()
    await company.say(joined("j2", now, now, a_worker(department="Care")))
    await company.time(HOUR)
    await company.say(goes(company, "l2"))
    await company.time(HOUR)
    found = await measured(company)
    assert [(one.kind, one.cause, one.in_time) for one in found] == [
        (Class.IMMEDIATE, "event:l", True),
        (Class.IMMEDIATE, "event:l2", True),
    ]


async def test_who_comes_back_before_it_was_gone_kept_it():
    """Held for two hours, then back: how long it outlived is counted, and that it was not taken is said."""
    company = await held()
    await company.time(2 * HOUR)
    now = company.clock.now()
    await company.say(joined("j2", now, now, a_worker(department="Care")))
    (kept,) = await measured(company)
    assert (kept.again, kept.length, kept.in_time) == (True, 2 * HOUR, False)
    assert company.has() == {"base", "care"}


async def test_a_corrected_last_day_stays_one_leaving():
    """HR moves the last day after the fact: the clock does not start anew, and nobody counts twice."""
    company = await employed(guard=replace(UNLIMITED, removals=Limit(0)))
    began = company.clock.now()
    await company.say(left("l", began, date(2026, 1, 4), origin=ABSENT))
    await company.time(3 * HOUR)
    await company.say(left("l2", company.clock.now(), date(2026, 1, 3), origin=ABSENT))
    await company.time(MINUTE)
    (one,) = await delays.still_open(company.records)
    assert (one.cause, one.told, one.due) == ("event:l", began, began)
    assert one.ended == utc(2026, 1, 3, 23)
    await company.say(left("l3", company.clock.now(), date(2026, 1, 5), origin=ABSENT))
    await company.time(13 * HOUR)
    found = await measured(company)
    assert [(one.ended, one.withdrawn is None) for one in found] == [
        (utc(2026, 1, 3, 23), False),
        (utc(2026, 1, 5, 23), True),
    ]


async def test_only_the_last_of_several_employments_counts():
    """The contract ended, the employment runs: no delay; when that ends too, one."""
    company = Company(a_model(EVERYONE))
    worker = a_worker("E2", user_principal_name="E1@example.org")
    now = company.clock.now()
    await company.say(joined("j1", now, FIRST), joined("j2", now, FIRST, worker))
    await company.say(Linked(recorded("k", "E1", now, source=ITSM), "e2"))
    await company.time(10 * MINUTE)
    await company.say(goes(company))
    assert await measured(company) == []
    await company.say(goes(company, "l2", worker="E2"))
    await company.time(10 * MINUTE)
    assert [one.cause for one in await measured(company)] == ["event:l2"]


async def test_a_leaving_that_was_told_when_they_were_back_took_nothing():
    """HR told of it after another employment had begun: there was no time at which access was due to go."""
    company = Company(a_model(EVERYONE))
    worker = a_worker("E2", user_principal_name="E1@example.org")
    now = company.clock.now()
    await company.say(joined("j1", now, FIRST), joined("j2", now, date(2026, 1, 8), worker))
    await company.say(Linked(recorded("k", "E1", now, source=ITSM), "e2"))
    await company.time(4 * DAY, tick=HOUR)
    await company.say(left("l", company.clock.now(), date(2026, 1, 6)))
    await company.time(HOUR)
    assert await measured(company) == []


async def test_what_is_still_being_given_is_not_gone():
    """A leaver whose request to be given access is under way will get it, and loses it then."""
    company = Company(a_model(EVERYONE))
    company.directory.latency = 2 * HOUR
    now = company.clock.now()
    await company.say(joined("j", now, FIRST))
    await company.time(MINUTE)
    await company.say(goes(company))
    assert company.has() == set()
    assert len(await delays.still_open(company.records)) == 1
    await company.time(8 * HOUR)
    (gone,) = await measured(company)
    assert (gone.packages, gone.length > 2 * HOUR) == (("base",), True)


async def test_while_nobody_knows_which_user_it_is_nothing_is_gone():
    """Two users carry the employeeId: the delay waits for a clear one, and says so."""
    company = Company(a_model(EVERYONE))
    company.directory.add(replace(a_user(), id="another"))
    company.directory.give("user-e1", "package-base", "policy-other")
    now = company.clock.now()
    await company.say(joined("j", now, FIRST), goes(company))
    (waiting,) = await delays.still_open(company.records)
    assert snags(waiting) == [Snag.UNCLEAR]
    del company.directory.users["another"]
    await company.time(DAY, tick=HOUR)
    (gone,) = await measured(company)
    assert (gone.packages, snags(gone)) == (("base",), [Snag.UNCLEAR])
    assert gone.why[0].until is not None


async def test_a_delay_goes_along_when_two_ids_become_one_person():
    """The leaving of a former id was none, since the other employment ran: it is withdrawn."""
    company = Company(a_model(EVERYONE))
    now = company.clock.now()
    worker = a_worker("E2", user_principal_name="E1@example.org")
    await company.say(joined("j1", now, FIRST, worker), joined("j0", now, FIRST))
    await company.time(10 * MINUTE)
    await company.say(goes(company, "l", worker="E2"))
    await company.time(HOUR)
    assert [one.is_open for one in await measured(company)] == [True]
    await company.say(Linked(recorded("k", "E1", company.clock.now(), source=ITSM), "e2"))
    await company.time(10 * MINUTE)
    assert [one.withdrawn is not None for one in await measured(company)] == [True]
    assert await delays.still_open(company.records) == []


async def test_a_mover_after_grace():
    """The clock starts when the grace is over, and HR's move is the cause."""
    company = await employed(grace=2 * DAY)
    now = company.clock.now()
    await company.say(moved("m", now, now, a_worker(department="Sales")))
    await company.time(DAY, tick=HOUR)
    assert await measured(company) == []
    await company.time(2 * DAY)
    (gone,) = await measured(company)
    assert (gone.kind, gone.cause, gone.packages) == (Class.MOVER, "event:m", ("care",))
    assert (gone.told, gone.due) == (now, now + 2 * DAY)
    assert gone.by - gone.due == DAY
    assert gone.expired == gone.due
    assert gone.length <= 15 * MINUTE


async def test_a_mover_without_grace_whom_graph_refuses():
    """Two days late, and the deadline of movers holds."""
    company = await employed()
    company.directory.faults.extend([refused("Forbidden", 403)] * 6)
    now = company.clock.now()
    await company.say(moved("m", now, now, a_worker(department="Sales")))
    company.directory.faults.extend([refused("Forbidden", 403)] * 6)
    await company.time(5 * DAY, tick=HOUR)
    (late,) = await delays.late(company.records, MONTHS)
    assert (late.kind, late.due, late.packages) == (Class.MOVER, now, ("care",))
    assert snags(late) == [Snag.REFUSED]


async def test_a_mover_who_moves_back_before_it_was_gone():
    """It was justified again; nothing is taken, and nothing stays open."""
    company = await employed(guard=replace(UNLIMITED, removals=Limit(0)))
    now = company.clock.now()
    await company.say(moved("m", now, now, a_worker(department="Stores")))
    await company.time(3 * HOUR)
    now = company.clock.now()
    await company.say(moved("m2", now, now, a_worker(department="Care")))
    await company.time(HOUR)
    (one,) = await measured(company)
    assert (one.kind, one.again, one.length) == (Class.MOVER, True, 3 * HOUR)


async def on_project(**changes):
    projects = ProjectRules(roles={"engineer": ("site",)})
    company = Company(a_model(EVERYONE, projects=projects, **changes))
    now = company.clock.now()
    await company.say(joined("j", now, FIRST), opened("o", now), staffed("s", now))
    await company.time(10 * MINUTE)
    return company


async def test_a_project_that_closes_and_a_release():
    """Each is a class of its own, with the event that ended the work as its cause."""
    company = await on_project()
    now = company.clock.now()
    await company.say(closed("c", now, now))
    await company.time(HOUR)
    (gone,) = await measured(company)
    assert (gone.kind, gone.cause, gone.due, gone.packages) == (Class.PROJECT, "event:c", now, ("site",))
    company = await on_project()
    await company.say(released("r", now))
    await company.time(HOUR)
    (gone,) = await measured(company)
    assert (gone.kind, gone.cause, gone.due) == (Class.RELEASED, "event:r", now)


async def test_a_repeated_look_writes_nothing():
    """Neither while it is open nor when it is gone."""
    company = await held()
    await company.time(2 * HOUR)
    for _ in range(2):
        rows = company.records.writes
        await ask(company.bus, Check("e1", "again"), now=company.clock.now(), mark=str(rows))
        await company.settle()
        assert company.records.writes == rows
        company.model = replace(company.model, guard=UNLIMITED)
        (one,) = await holds.runs(company.records) or [None]
        if one is not None:
            await ask(company.bus, Release(one.run, one.hash, "me", "it is meant"), now=company.clock.now())
        await company.time(HOUR)


async def outcome(write=0, before=False):
    company = await employed()
    start = company.records.writes
    if write:
        setattr(company.records, "crash_before" if before else "crash_after", start + write)
    company.clock.move(MINUTE)
    event = goes(company)
    died = False
    while True:
        try:
            await (company.say(event) if not died else company.settle())
            await company.time(START + HOUR - company.clock.now())
        except Crash:
            died = True
            company.records.crash_before = company.records.crash_after = None
            continue
        break
    return company, died


@pytest.mark.parametrize("before", [True, False])
async def test_a_death_at_any_write_loses_no_delay(before):
    """Whatever write the process dies at, the looks after it end with the same one delay, in its place alone."""
    write, died = 1, True
    while died:
        company, died = await outcome(write, before)
        company.records.crash_before = company.records.crash_after = None
        (gone,) = await measured(company)
        assert gone.in_time
        assert await delays.still_open(company.records) == []
        (summary,) = (await delays.summaries(company.records, MONTHS))["2026-01"]
        assert (summary.count, summary.within) == (1, 1)
        assert (await tags(company)).count(Tag.GONE) == 1
        write += 1
    assert write > 20


async def test_a_look_that_was_overtaken_changes_nothing():
    """It saw the access, others saw it gone since: it stops, and what they wrote is what is found."""
    company = await employed()
    company.directory.latency = 2 * MINUTE
    await company.say(goes(company))
    stale = await look("e1", company.ports, cause="wake", settle=False)
    stale.dossier.delays.clear()
    await company.time(10 * MINUTE)
    found = await measured(company)
    with pytest.raises(Lost):
        await measure(stale, company.ports, "wake")
    assert await measured(company) == found
    assert [one.is_open for one in (await open_dossier(company.records, "e1")).delays.values()] == [False]


async def test_measuring_asks_graph_for_nothing():
    """The calls of a leaver's looks are those that were made before anybody measured."""
    company = await employed()
    before = len(company.directory.calls)
    await company.say(goes(company))
    await company.time(10 * MINUTE)
    names = [call.name for call in company.directory.calls[before:]]
    assert set(names) <= {"assignments_of", "submit", "request"}
    assert names.count("assignments_of") <= 4
