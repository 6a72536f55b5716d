"""Late, repeated, reordered and lost messages, crashes and a second run: the end is always the same."""

import asyncio
import contextlib
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.contract.cloudevents import TYPES, encode_fact, type_of
from lifecycle.core.work import Check
from lifecycle.messages import ask_all
from lifecycle.ports import Queue
from lifecycle.records import people, reports
from lifecycle.verify import verify
from tests.builders import START, Company
from tests.fakes.directory import crash, lost_after, lost_before, throttled
from tests.fakes.faults import Crash
from tests.laws.histories import USERS, histories, model

SOME_TIME = timedelta(days=1)
COARSE = timedelta(hours=1)


def end_state(company):
    """What everybody really has, and what is still under way."""
    return {name: company.has(name) for name in USERS}, [one.kind for one in company.directory.open_requests()]


async def deliver(company, facts):
    for fact in facts:
        await company.send(TYPES[type_of(fact)].queue, encode_fact(fact))


async def survive(company, work):
    """Run it; a crash is a restart, after which the broker delivers again what was not completed."""
    for _ in range(50):
        try:
            return await work()
        except Crash:
            company.records.crash_after = company.records.crash_before = None
    raise AssertionError("crashed without end")


async def outcome(facts):
    company = Company(model(), users=USERS)
    await deliver(company, facts)
    await company.settle()
    await company.time(SOME_TIME, tick=COARSE)
    return end_state(company)


@given(histories(), st.data())
def test_neither_order_nor_repetition_changes_the_end(facts, data):
    """Shuffled, some of it twice, with time passing in between: everybody ends with the same access."""

    async def run():
        expected = await outcome(facts)
        shuffled = data.draw(st.permutations(facts + facts[: data.draw(st.integers(0, len(facts)))]))
        cut = data.draw(st.integers(0, len(shuffled)))
        company = Company(model(), users=USERS)
        await deliver(company, shuffled[:cut])
        await company.settle()
        await company.time(timedelta(minutes=data.draw(st.integers(0, 20))))
        await deliver(company, shuffled[cut:])
        await company.settle()
        await company.time(START + SOME_TIME - company.clock.now(), tick=COARSE)
        assert end_state(company) == expected

    asyncio.run(run())


@given(histories(links=False), st.integers(1, 60), st.booleans())
def test_a_crash_at_any_write_changes_nothing_in_the_end(facts, write, before):
    """The process dies before or after any one write; redelivery and the timers make up for it."""

    async def run():
        expected = await outcome(facts)
        company = Company(model(), users=USERS)
        await deliver(company, facts)
        if before:
            company.records.crash_before = write
        else:
            company.records.crash_after = write
        await survive(company, company.settle)
        await survive(company, lambda: company.time(START + SOME_TIME - company.clock.now(), tick=COARSE))
        assert end_state(company) == expected
        assert (await verify(company.ports)).findings == []

    asyncio.run(run())


FAULTS = st.sampled_from([lost_after, lost_before, throttled, lambda: crash(done=True), lambda: crash(done=False)])


@given(
    histories(),
    st.lists(st.one_of(st.none(), FAULTS), max_size=5),
    st.integers(0, 110),
    st.integers(0, 110),
)
def test_whatever_graph_does_no_need_is_asked_for_twice(facts, faults, lag, request_lag):
    """Under lost answers, crashes, throttling and lagging lists: the same end, and no request made twice."""

    async def run():
        expected = await outcome(facts)
        company = Company(model(), users=USERS)
        company.directory.lag = timedelta(seconds=lag)
        company.directory.request_lag = timedelta(seconds=request_lag)
        ok = type(throttled())()
        company.directory.faults.extend(ok if fault is None else fault() for fault in faults)
        await deliver(company, facts)
        await survive(company, company.settle)
        await survive(
            company, lambda: company.time(START + SOME_TIME - company.clock.now(), tick=timedelta(minutes=20))
        )
        assert end_state(company) == expected
        adds = [(one.user, one.package) for one in company.directory.taken if one.kind == "adminAdd"]
        assert len(adds) == len(set(adds))
        assert (await verify(company.ports)).findings == []

    asyncio.run(run())


@given(histories())
def test_a_second_run_has_nothing_to_do(facts):
    """Once everything has settled, looking at everybody asks Graph for nothing and writes no record."""

    async def run():
        company = Company(model(), users=USERS)
        await deliver(company, facts)
        await company.settle()
        await company.time(SOME_TIME, tick=COARSE)
        posted, rows = len(company.directory.posted), company.records.writes
        everybody = [Check(person, "again") for person in await people.everybody(company.records)]
        await ask_all(company.bus, everybody, now=company.clock.now())
        await company.settle()
        assert len(company.directory.posted) == posted
        assert company.records.writes == rows
        await company.sweep()
        await company.time(timedelta(minutes=1))
        assert len(company.directory.posted) == posted
        assert not any(report.checked for report in await reports.reports(company.records))

    asyncio.run(run())


@given(histories(), st.integers(0, 30))
def test_a_lost_message_is_made_up_for_by_the_timers(facts, lost):
    """Any one message that the app sent itself vanishes: after the next sweep the end is the same."""

    async def run():
        expected = await outcome(facts)
        company = Company(model(), users=USERS)
        await deliver(company, facts)
        for _ in range(lost):
            if not await company.step():
                break
        waiting = [queue for queue in (Queue.WORK, Queue.SWEEPS) if company.bus.waiting(queue)]
        if waiting:
            company.bus.pop(waiting[0])
        await company.settle()
        await company.sweep()
        await company.time(SOME_TIME, tick=COARSE)
        assert end_state(company) == expected

    asyncio.run(run())


@settings(max_examples=150)
@given(st.sampled_from([Queue.HR, Queue.PROJECTS, Queue.DECISIONS, Queue.WORK, Queue.SWEEPS]), st.binary(max_size=300))
def test_any_bytes_on_any_queue_are_set_aside(queue, body):
    """Nothing raises, nothing becomes a fact, and the message lies in the quarantine."""

    async def run():
        company = Company(model())
        with contextlib.suppress(ValueError):
            await company.send(queue, body)
        await company.settle()
        assert len(company.bus.waiting(Queue.QUARANTINE)) == 1
        assert not [name for name in company.records.partitions() if not name.startswith("model")]

    asyncio.run(run())
