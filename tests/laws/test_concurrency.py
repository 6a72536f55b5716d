"""Several reconcilers at once, interleaved at every await: exclusion and the guard hold."""

import asyncio
from collections import Counter
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.attend import attend
from lifecycle.core.events import Origin
from lifecycle.core.model import GuardLimits, Limit
from lifecycle.core.work import Check
from lifecycle.errors import Lost, Transient
from lifecycle.look import look
from lifecycle.ports import Queue
from lifecycle.reconcile import reconcile
from lifecycle.records import holds
from lifecycle.records.facts import keep
from lifecycle.records.identities import join
from tests.builders import EVERYONE, START, Company, a_model, a_worker, joined, left, moved
from tests.laws.driving import examples
from tests.laws.histories import USERS, histories, model

DAY = date(2026, 1, 5)


class Scheduler:
    """Runs coroutines one await at a time; `choose` says whose turn it is."""

    def __init__(self, choose):
        self.choose, self.running = choose, None
        self.turns = {}

    async def pause(self):
        turn = self.turns.get(asyncio.current_task())
        if turn is not None:
            self.running.set()
            turn.clear()
            await turn.wait()

    async def run(self, *works):
        """Run all to their end; return what each returned or raised."""
        self.running = asyncio.Event()
        tasks = [asyncio.ensure_future(self._one(work)) for work in works]
        for task in tasks:
            self.turns[task] = asyncio.Event()
        while left_over := [task for task in tasks if not task.done()]:
            task = left_over[self.choose(len(left_over)) % len(left_over)]
            self.running.clear()
            self.turns[task].set()
            waits = {asyncio.ensure_future(self.running.wait()), task}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        self.turns.clear()
        return await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, work):
        await self.turns[asyncio.current_task()].wait()
        return await work


def interleaved(company, data):
    scheduler = Scheduler(lambda count: data.draw(st.integers(0, count - 1)) if count > 1 else 0)
    company.records.pause = company.bus.pause = company.directory.pause = scheduler.pause
    return scheduler


async def know(company, *facts):
    """Store facts without looking at anybody."""
    for fact in facts:
        await keep(company.records, fact)
        await join(company.records, START, "test", workers={fact.recorded.subject}, people=set())


@examples(60)
@given(st.data(), st.integers(2, 3))
def test_two_reconcilers_of_one_person_never_write_twice(data, count):
    """However they interleave, each package is asked for once, and the others stop or find nothing to do."""

    async def run():
        company = Company(model())
        await know(company, joined("j", START, DAY, a_worker(department="Care")))
        scheduler = interleaved(company, data)
        ended = await scheduler.run(*[reconcile(Check("e1", f"test:{n}"), company.ports) for n in range(count)])
        assert all(not isinstance(one, BaseException) or isinstance(one, Lost | Transient) for one in ended)
        asked = Counter((one.kind, one.package) for one in company.directory.posted)
        assert set(asked.values()) == {1}
        await company.settle()
        await company.time(timedelta(minutes=30))
        for name in range(count):
            await attend(Check("e1", f"again:{name}"), company.ports)
        await company.time(timedelta(minutes=30))
        assert company.has() == {"base", "care"}
        assert len(company.directory.posted) == 2

    asyncio.run(run())


@examples(40)
@given(st.data())
def test_a_reconciler_and_a_join_of_two_keys_never_write_twice(data):
    """While a look is under way the person gets another key: nothing is asked for twice, all is there in the end."""

    async def run():
        company = Company(model())
        await know(company, joined("j", START, DAY, a_worker(department="Care")))
        scheduler = interleaved(company, data)
        await scheduler.run(
            reconcile(Check("e1", "test:1"), company.ports),
            join(company.records, START, "test", workers={"e1"}, people={"a-person"}),
        )
        await attend(Check("e1", "test:2"), company.ports)
        await company.time(timedelta(minutes=30))
        assert company.has() == {"base", "care"}
        adds = Counter(one.package for one in company.directory.taken)
        assert set(adds.values()) == {1}

    asyncio.run(run())


NAMES = tuple(f"E{number}" for number in range(1, 7))
LIMITS = GuardLimits(removals=Limit(2), additions=Limit(99), leavers=Limit(2))


@examples(25)
@given(st.data(), st.lists(st.sampled_from(["named", "derived", "mover"]), min_size=6, max_size=6))
def test_no_history_takes_more_than_the_window_allows(data, kinds):
    """Leavers, derived leavers and movers at once on two instances: removals and leavers stay within their limits."""

    async def run():
        company = Company(a_model(EVERYONE, guard=LIMITS), users=NAMES)
        await company.say(*[joined(f"j{name}", START, DAY, a_worker(name)) for name in NAMES])
        await company.time(timedelta(minutes=5))
        now = company.clock.now()
        for kind, name in zip(kinds, NAMES, strict=True):
            match kind:
                case "named":
                    await know(company, left(f"l{name}", now, now, name, immediate=True))
                case "derived":
                    derived = Origin("derived-from-absence")
                    await know(company, left(f"l{name}", now, now, name, immediate=True, origin=derived))
                case _:
                    await know(company, moved(f"m{name}", now, now, a_worker(name, status="preboarding")))
        company.clock.move(timedelta(seconds=1))
        scheduler = interleaved(company, data)
        await scheduler.run(*[attend(Check(name.casefold(), f"t:{name}"), company.ports) for name in NAMES])
        company.records.pause = company.bus.pause = company.directory.pause = _at_once
        await company.settle()
        await company.time(timedelta(hours=3))
        lost = {name for name in NAMES if not company.has(name)}
        named = {name for kind, name in zip(kinds, NAMES, strict=True) if kind == "named"}
        assert len(lost - named) <= LIMITS.removals.count
        assert len(lost & {n for k, n in zip(kinds, NAMES, strict=True) if k != "mover"}) <= LIMITS.leavers.count
        held = {plan.person for found in await holds.runs(company.records) for plan in found.plans}
        assert held == {name.casefold() for name in NAMES if name not in lost}

    asyncio.run(run())


async def _at_once():
    """Give nobody else a turn."""


@given(histories())
def test_nobody_who_is_not_employed_is_given_anything(facts):
    """Every addition that was ever posted was for somebody employed then (or within a rule's lead)."""

    async def run():
        company = Company(model(), users=USERS)
        await company.say(*facts)
        for name in ("e1", "e2", "e3"):
            seen = await look(name, company.ports, cause="law", settle=False)
            if not seen.person.employed(seen.now):
                assert not seen.desired.entitlements
                assert not [one for one in seen.plan.changes if type(one).__name__ == "Assign"]
        assert not company.bus.waiting(Queue.QUARANTINE)

    asyncio.run(run())
