"""The tick of the wake timer: who is due gets a look at the exact instant, and nobody is forgotten on the way."""

from datetime import timedelta

import pytest

from lifecycle.ports import Queue
from lifecycle.records import runs, wakeups
from lifecycle.records.dossier import open_dossier
from lifecycle.records.wakeups import WakeUp, set_wake
from lifecycle.sweep import due_within, wake
from lifecycle.trickle import BACKLOG
from tests.builders import START, Company, a_model
from tests.fakes.faults import Crash

SECOND, TICK = timedelta(seconds=1), timedelta(minutes=5)


def empty():
    return Company(a_model(), users=())


async def due_at(company, person, at):
    await set_wake(await open_dossier(company.records, person), at)


async def test_beyond_a_backlog_whoever_is_due_this_second_goes_by_trickle():
    """Two hundred are asked for at once; the others, due at the same instant, do not wait for the next tick."""
    company = empty()
    for number in range(BACKLOG + 30):
        await due_at(company, f"p{number:03d}", START)
    await wake(company.ports)
    (run,) = [name for name in await runs.unfinished(company.records) if name.startswith("wake:")]
    assert (await runs.progress(company.records, run)).waiting == 30


async def test_who_is_due_later_is_asked_for_at_the_instant():
    """Within the next tick the message is scheduled; beyond it, that is the next tick's business."""
    company = empty()
    await due_at(company, "soon", START + TICK)
    await due_at(company, "later", START + TICK + SECOND)
    assert await wake(company.ports) == 1
    assert company.bus.waiting(Queue.WORK) == []
    company.clock.set(START + TICK)
    company.bus.deliver_due()
    assert [message.session for message in company.bus.waiting(Queue.WORK)] == ["soon"]


@pytest.mark.parametrize(("late", "kept"), [(TICK, True), (TICK + SECOND, False)])
async def test_an_entry_that_is_being_written_is_not_taken_for_a_left_over(late, kept):
    """The index is written first and the dossier then: for the length of a tick what the dossier lacks counts."""
    company = empty()
    company.records.crash_after = 1
    with pytest.raises(Crash):
        await due_at(company, "p", START)
    company.clock.set(START + late)
    entry = [WakeUp("p", START)]
    assert await due_within(company.ports) == ((entry, []) if kept else ([], entry))
    assert [one.person for one in await wakeups.due(company.records, START)] == ["p"]
