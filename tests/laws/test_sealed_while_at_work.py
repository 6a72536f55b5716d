"""Seals made while the app is at work, and deaths at any write: the ledger verifies, and no record is in no seal."""

import asyncio
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.attend import attend
from lifecycle.core.work import Check
from lifecycle.errors import Lost, Transient
from lifecycle.records.facts import keep
from lifecycle.records.identities import join
from lifecycle.seal import seal
from lifecycle.verify import verify
from tests.builders import CARE, EVERYONE, START, Company, a_model, a_worker, joined
from tests.fakes.directory import lost_after, lost_before
from tests.fakes.faults import Crash, no_pause
from tests.laws.driving import DAY, HOUR, Days, broken, examples, sealed

FIRST = date(2026, 1, 5)


class Turns:
    """Everything that waits at a fake, whoever started it, goes on one at a time; `choose` says which."""

    def __init__(self, choose) -> None:
        self.choose, self.waiting = choose, []

    async def pause(self) -> None:
        turn = asyncio.Event()
        self.waiting.append(turn)
        await turn.wait()

    async def run(self, *works):
        """Run all to their end; return what each returned or raised."""
        tasks = [asyncio.ensure_future(work) for work in works]
        while not all(task.done() for task in tasks):
            for _ in range(4):  # until everybody has come to a fake
                await asyncio.sleep(0)
            if self.waiting:
                self.waiting.pop(self.choose(len(self.waiting))).set()
        return await asyncio.gather(*tasks, return_exceptions=True)


@examples(12)
@given(st.data())
def test_two_reconcilers_and_a_seal_in_any_order(data):
    """Each record is proved by this seal or by the next one, and neither reconciler is disturbed."""

    async def live():
        company = Company(a_model(EVERYONE, CARE))
        await keep(company.records, joined("j", START, FIRST, a_worker(department="Care")))
        await join(company.records, START, "law", workers={"e1"}, people=set())
        turns = Turns(lambda count: data.draw(st.integers(0, count - 1)) if count > 1 else 0)
        fakes = (company.records, company.bus, company.directory, company.seals)
        for fake in fakes:
            fake.pause = turns.pause
        looks = [attend(Check("e1", f"look:{number}"), company.ports) for number in range(2)]
        ended = await turns.run(*looks, seal(company.ports), seal(company.ports))
        for fake in fakes:
            fake.pause = no_pause
        assert all(not isinstance(one, BaseException) or isinstance(one, Lost | Transient) for one in ended)
        assert len(company.seals.kept) == 1
        said = await verify(company.ports)
        assert said.findings == []
        proved = said.records
        await company.time(timedelta(hours=3), tick=HOUR)
        assert company.has() == {"base", "care"}
        await seal(company.ports)
        said = await verify(company.ports)
        assert (said.findings, said.unsealed_records, said.unsealed_chains) == ([], 1, 0)
        assert said.records > proved

    asyncio.run(live())


@examples(20)
@given(st.integers(1, 45), st.booleans(), st.sampled_from([None, lost_after, lost_before]))
def test_a_death_at_any_write_leaves_a_ledger_that_verifies_and_is_sealed_whole(write, before, fault):
    """Between intent and outcome, between mark and record, within a seal: then and in the end nothing is broken."""
    company = Company(a_model(EVERYONE, CARE))
    company.directory.faults.extend([] if fault is None else [fault()])
    seen = []

    def watch(company):
        seen.append(broken(company))

    setattr(company.records, "crash_before" if before else "crash_after", write)
    days = Days(company, watchers=[watch])
    days.tell(joined("j", START, FIRST, a_worker(department="Care")))
    company.records.crash_after = None  # it comes back, if it died
    days.pass_by(HOUR)
    for _ in range(3):
        try:
            sealed(company)
        except Crash:
            company.records.crash_before = company.records.crash_after = None
    assert company.has() == {"base", "care"}
    assert len(company.directory.taken) == 2
    assert not any(seen)
    days.pass_by(DAY)
    sealed(company)
    said = asyncio.run(verify(company.ports))
    assert (said.findings, said.unsealed_records, said.unsealed_chains) == ([], 1, 0)
