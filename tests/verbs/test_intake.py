"""What becomes of a message: a fact and a look, or set aside with its reason."""

import json
from datetime import date, timedelta

import pytest

from lifecycle.contract.cloudevents import encode_fact
from lifecycle.core.events import ExceptionGranted, Origin
from lifecycle.core.model import GuardLimits, Limit
from lifecycle.core.work import Disposal, Dispose
from lifecycle.dispose import dispose
from lifecycle.errors import Transient
from lifecycle.ports import Queue
from lifecycle.quarantine import Quarantine, name_of
from lifecycle.records import facts
from lifecycle.records.holds import runs
from tests.builders import (
    EVERYONE,
    ITSM,
    START,
    Company,
    a_model,
    a_worker,
    joined,
    left,
    recorded,
)

DAY = date(2026, 1, 5)


@pytest.fixture
def company():
    return Company(a_model(EVERYONE))


async def reasons(company):
    return [lying.reason for lying in await company.bus.browse(Queue.QUARANTINE)]


async def test_an_event_becomes_a_fact_and_access(company):
    """A joiner is stored, looked at, and has the package once Graph has delivered it."""
    await company.say(joined("j", START, DAY))
    await company.time(timedelta(minutes=2))
    assert company.has() == {"base"}


@pytest.mark.parametrize(
    ("queue", "change", "said"),
    [
        (Queue.PROJECTS, {}, "may not arrive on the queue projects"),
        (Queue.HR, {"source": "/hr/other"}, "not listed under sources.worker"),
        (Queue.HR, {"time": "2026-01-05T09:06:00Z"}, "five minutes ahead"),
        (Queue.HR, {"type": "lifecycle.worker.vanished"}, "$.type"),
        (Queue.HR, {"subject": None}, "$.subject"),
        (Queue.HR, {"type": "lifecycle.person.check"}, "may not arrive on the queue hr"),
    ],
)
async def test_what_may_not_be_said_is_set_aside(company, queue, change, said):
    """A type on the wrong queue, an unlisted source, a fact from the future: set aside with the reason, no fact."""
    event = json.loads(encode_fact(joined("j", START, DAY))) | change
    await company.send(queue, json.dumps({key: value for key, value in event.items() if value is not None}).encode())
    await company.settle()
    assert len(await reasons(company)) == 1
    assert said in (await reasons(company))[0]
    assert await facts.of_worker(company.records, "e1") == []


async def test_a_decision_about_an_unknown_package_is_set_aside(company):
    """Nothing would ever come of it, so somebody must see it."""
    fact = ExceptionGranted(recorded("x", "E1", START, source=ITSM), "nothing", DAY, "boss", "T-1", "because")
    await company.say(fact)
    assert "does not have" in (await reasons(company))[0]


async def test_a_large_body_lies_beside_the_queue_and_comes_back(company):
    """A message over 200 KB is kept by reference, and its replay is the whole of it."""
    body = b'{"specversion": "1.0", "x": "' + b"y" * 210_000 + b'"}'
    await company.send(Queue.HR, body)
    await company.settle()
    quarantine = Quarantine(company.bus, company.bodies)
    (lying,) = await quarantine.everything()
    assert lying.body == b"{}"
    assert await quarantine.body_of(lying) == body


async def test_a_replay_is_a_new_message_and_leaves_the_quarantine(company):
    """After the source was listed, the same event is replayed and understood; twice is once."""
    await company.send(Queue.HR, encode_fact(joined("j", START, DAY)).replace(b"/hr/test", b"/hr/late"))
    await company.settle()
    quarantine = Quarantine(company.bus, company.bodies)
    (lying,) = await quarantine.everything()
    company.model = a_model(EVERYONE, sources=type(company.model.sources)(frozenset({"/hr/late"})))
    asked = Dispose("r", Disposal.REPLAY, (name_of(lying),), "entra:me", "listed now")
    await dispose(asked, company.ports)
    await dispose(asked, company.ports)
    await company.settle()
    assert await quarantine.everything() == []
    assert len(await facts.of_worker(company.records, "e1")) == 1


async def test_what_cannot_be_stored_goes_round_again(company):
    """When the records do not answer, the event is sent again for later and becomes a fact then."""
    company.records.failures.plan(Transient("no records"))
    await company.say(joined("j", START, DAY))
    assert await facts.of_worker(company.records, "e1") == []
    await company.time(timedelta(minutes=5))
    assert company.has() == {"base"}


async def test_a_repeated_message_looks_again(company):
    """The fact is deduplicated, the look is not: a lost removal is found by saying it again."""
    await company.say(joined("j", START, DAY))
    await company.time(timedelta(minutes=2))
    before = company.directory.reads
    await company.send(Queue.HR, encode_fact(joined("j", START, DAY)))
    await company.settle()
    assert company.directory.reads == before + 1
    assert company.directory.writes == 1


async def test_a_bulk_origin_gathers_its_holds_under_one_run(company):
    """Derived leavers beyond the limit are held together under their feed's run."""
    names = [f"E{number}" for number in range(1, 5)]
    company = Company(
        a_model(EVERYONE, guard=GuardLimits(removals=Limit(50, 0.1), additions=Limit(10))), users=tuple(names)
    )
    await company.say(*[joined(f"j{name}", START, DAY, a_worker(name)) for name in names])
    await company.time(timedelta(days=8))
    now = company.clock.now()
    bulk = Origin("bulk", "feed-7")
    await company.say(*[left(f"l{name}", now, now, name, origin=bulk) for name in names])
    await company.time(timedelta(minutes=1))
    (held,) = await runs(company.records)
    assert (held.run, len(held.plans)) == ("feed-7", 3)
