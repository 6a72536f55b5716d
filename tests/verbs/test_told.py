"""What somebody said is looked at, also when the message that asked for it is lost; and asked for no more than that."""

from collections import Counter
from datetime import date, timedelta

import pytest

from lifecycle import messages
from lifecycle.attend import attend
from lifecycle.contract.cloudevents import decode, encode_fact, work_of
from lifecycle.core.model import ProjectRules
from lifecycle.core.work import Check, FanOut, Sweep, SweepSlice
from lifecycle.errors import Permanent, SentAway, Transient
from lifecycle.intake import intake
from lifecycle.ports import Queue
from lifecycle.records import runs, told, wakeups
from lifecycle.records.dossier import open_dossier
from lifecycle.sweep import SHOWN_AFTER, fan_out, wake
from tests.builders import (
    CARE,
    EVERYONE,
    START,
    Company,
    a_model,
    a_rule,
    a_worker,
    closed,
    joined,
    moved,
    opened,
    staffed,
)
from tests.fakes.directory import throttled
from tests.fakes.faults import Crash

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


async def unanswered(company, span):
    """Let time pass in which the directory answers nothing; the reads are those that looks begin with."""
    company.directory.failures.plan(*[Transient("503")] * 10_000)
    await company.time(span)
    company.directory.failures.planned.clear()


async def test_a_look_that_was_due_and_fails_is_not_multiplied_by_the_timer():
    """The timer asks beside the retries, and those begin no retries of their own; a person is set aside once."""
    company = Company(a_model(EVERYONE), users=())
    await company.time(6 * MINUTE)
    await company.say(joined("j", START, FIRST))
    company.bus.sent.clear()
    await unanswered(company, 8 * HOUR)
    woken = [check for check in asked(company) if check.cause == "wake"]
    assert len(woken) <= 8 * 12 + SHOWN_AFTER + 2
    assert [queue for queue, _, _ in company.bus.sent].count(Queue.QUARANTINE) == 1
    before = company.directory.reads
    await company.time(10 * MINUTE)
    assert company.directory.reads > before  # at the next tick, not when the next retry would have been


async def test_beyond_a_backlogs_worth_nobody_is_asked_for_more_often_than_the_others(monkeypatch):
    """Each has one series of retries and is set aside once; afterwards all are looked at again at the next ticks."""
    monkeypatch.setattr("lifecycle.sweep.BACKLOG", 3)
    names = [f"E{number}" for number in range(10)]
    company = Company(a_model(EVERYONE), users=())
    await company.time(6 * MINUTE)
    await company.say(*(joined(f"j{name}", START, START.date(), a_worker(name)) for name in names))
    company.bus.sent.clear()
    await unanswered(company, 8 * HOUR)
    woken = Counter(check.person for check in asked(company) if check.cause == "wake")
    assert len(woken) == len(names)
    assert max(woken.values()) <= 8 * 12 + SHOWN_AFTER + 2
    assert [queue for queue, _, _ in company.bus.sent].count(Queue.QUARANTINE) == len(names)
    company.bus.sent.clear()
    before = company.directory.reads
    await company.time(11 * MINUTE)
    assert {check.person for check in asked(company)} == set(woken)
    assert company.directory.reads >= before + len(names)


async def test_whoever_asks_for_the_sweep_has_those_looked_at_who_were_put_off():
    """After an outage the retries are hours apart; the timer leaves it at that, a person need not wait."""
    company = Company(a_model(EVERYONE))
    await company.time(6 * MINUTE)
    company.directory.failures.plan(*[Transient("503")] * 10_000)
    await company.say(joined("j", START, FIRST))
    await company.time(5 * HOUR)
    company.directory.failures.planned.clear()
    await company.time(6 * MINUTE)
    assert company.has() == set()
    await messages.ask(company.bus, SweepSlice("wake:by-hand", Sweep.WAKE), now=company.clock.now())
    await company.time(6 * MINUTE)
    assert company.has() == {"base"}


async def test_whoever_is_looked_at_late_and_whose_request_is_not_taken_is_not_forgotten():
    """The timer's looks begin no retries, so their wake-up stands until one comes to its end, not until it begins."""
    company = Company(a_model(EVERYONE))
    await company.say(joined("j", START, START + HOUR))
    await company.time(HOUR - MINUTE)
    await unanswered(company, 8 * HOUR)
    company.directory.faults.append(throttled())
    await company.time(5 * MINUTE)
    assert not company.directory.faults
    assert company.has() == set()
    await company.time(6 * MINUTE)
    assert company.has() == {"base"}


async def test_whom_no_look_can_help_is_set_aside_once_a_day_and_helped_at_once():
    """The timer asks for who is due at each tick; a rule without an answer is not told of at each of them."""

    def unanswerable(_worker):
        raise Permanent("rule bad: no answer")

    company = Company(a_model(EVERYONE))
    await company.say(joined("j", START, START + DAY))
    company.model = a_model(EVERYONE, (a_rule("bad", "tools"), unanswerable), hash="model-2")
    await company.time(3 * DAY + HOUR)
    assert 2 <= len(company.bus.waiting(Queue.QUARANTINE)) <= 5
    company.model = a_model(EVERYONE, hash="model-3")
    await company.time(6 * MINUTE)
    assert company.has() == {"base"}
    assert await forgotten(company) == []


async def test_a_look_that_was_scheduled_and_fails_is_not_begun_anew_at_the_next_tick():
    """Asked for ahead of its instant, it has one series of retries, and is set aside once."""
    company = Company(a_model(EVERYONE))
    await company.say(joined("j", START, START + HOUR))
    await company.time(HOUR - MINUTE)
    company.bus.sent.clear()
    await unanswered(company, 8 * HOUR)
    begun = [check for check in asked(company) if check.cause == "wake" and check.attempt < SHOWN_AFTER]
    assert [check.attempt for check in begun] == sorted({check.attempt for check in begun})
    assert [queue for queue, _, _ in company.bus.sent].count(Queue.QUARANTINE) == 1


class OneBySecond:
    """A pace that gives a turn a second, and sends away whoever would wait for longer than five."""

    def __init__(self, clock):
        self.clock, self.next, self.away = clock, clock.now(), clock.now()

    async def turn(self, *, urgent):
        now = self.clock.now()
        if self.next > now + timedelta(seconds=5):
            self.away = max(self.away, self.next) + timedelta(seconds=1)
            raise SentAway("later", retry_after=self.away - now)
        self.next = max(self.next, now) + timedelta(seconds=1)

    def heard(self, throttle):
        pass


async def test_whoever_is_late_and_sent_away_comes_back_in_their_turn():
    """After an outage a backlog is written as fast as it may be, not in bursts after each tick."""
    names = [f"E{number}" for number in range(60)]
    company = Company(a_model(EVERYONE), users=tuple(names))
    await company.say(*(joined(f"j{name}", START, START + HOUR, a_worker(name)) for name in names))
    await company.time(HOUR - MINUTE)
    await unanswered(company, 8 * HOUR)
    company.pace = OneBySecond(company.clock)
    await company.time(9 * MINUTE)
    assert [name for name in names if company.has(name) != {"base"}] == []


async def test_whoever_is_late_is_asked_for_by_one_run_at_a_time(monkeypatch):
    """As long as the last such run has people to ask for, a tick begins no other: they would be asked for twice."""
    monkeypatch.setattr("lifecycle.sweep.BACKLOG", 1)
    company = Company(a_model(EVERYONE), users=())
    await company.say(*(joined(f"j{name}", START, START + HOUR, a_worker(name)) for name in ("E1", "E2", "E3")))
    company.clock.move(2 * HOUR)
    for _ in range(3):  # nobody takes up what is asked for
        await wake(company.ports)
        company.clock.move(5 * MINUTE)
    again = [name for name in await runs.unfinished(company.records) if name.startswith("wake:again:")]
    assert len(again) == 1
    assert (await runs.progress(company.records, again[0])).people == 2


async def test_an_entry_that_its_dossier_no_longer_holds_asks_for_nobody():
    """A crash between two writes left it; the timer drops it instead of asking at every tick for ever."""
    company = Company(a_model(EVERYONE))
    await company.say(joined("j", START, START + DAY))
    dossier = await open_dossier(company.records, "e1")
    await wakeups.set_wake(dossier, START + HOUR)
    company.records.crash_before = company.records.writes + 3
    with pytest.raises(Crash):
        await wakeups.set_wake(dossier, START + DAY)
    company.records.crash_before = None
    await company.time(DAY - HOUR)
    assert [one.at for one in await wakeups.due(company.records, START + DAY)] == [START + DAY]
    late = [check for check in asked(company) if check.cause == "wake" and check.attempt >= SHOWN_AFTER]
    assert len(late) <= 1


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
