"""A notice names people; each is read whole and becomes what is new of them. Nobody leaves by not being there."""

import json
from datetime import timedelta
from http import HTTPStatus

import pytest
from starlette.responses import Response

from lifecycle.adapters.bamboohr import BambooHR
from lifecycle.contract.cloudevents import decode, fact_of
from lifecycle.core.events import Joined, Left, Moved
from lifecycle.core.model import Sources
from lifecycle.core.snapshot import Entry, Snapshot
from lifecycle.core.work import Reread
from lifecycle.errors import Lost, Permanent, Transient
from lifecycle.feed import Feed
from lifecycle.notice import SHOWN_AFTER, hear, reread
from lifecycle.ports import Queue
from tests.adapters.test_bamboohr import MAPPING
from tests.builders import CARE, EVERYONE, SALES, START, Company, a_model, a_worker
from tests.fakes.bamboohr import BASE, KEY, WEBHOOK_KEY, FakeBambooHR, employee, webhook

MINUTE = timedelta(minutes=1)


class Hospital(Company):
    """A company whose HR system is a small BambooHR."""

    def __init__(self, model=None, **people):
        super().__init__(model or a_model(EVERYONE, CARE, SALES))
        self.there = FakeBambooHR({name.removeprefix("id"): one for name, one in people.items()})
        self.fetch = BambooHR(
            BASE, MAPPING, key=KEY, webhook_key=WEBHOOK_KEY, sleep=self.no_sleep, transport=self.there.transport
        )

    async def no_sleep(self, _):
        pass

    async def hear(self, *ids, **changes):
        """Hear a webhook, and let a quarter of an hour do what is to be done."""
        status = await hear(*webhook(*ids, **changes), self.ports)
        await self.time(15 * MINUTE)
        return status

    def told(self):
        return [fact_of(decode(message.body)) for queue, message, _ in self.bus.sent if queue is Queue.HR]

    def notices(self, kind):
        bodies = [json.loads(message.body) for queue, message, _ in self.bus.sent if queue is Queue.NOTICES]
        return [body for body in bodies if body["type"] == f"lifecycle.{kind}"]


async def test_from_a_notice_to_access_and_back():
    """A joiner, a mover, a leaver: each told by an id alone."""
    company = Hospital(id101=employee())
    assert await company.hear("101") is HTTPStatus.ACCEPTED
    assert company.has() == {"base", "care"}
    company.there.people["101"] |= {"department": "Sales"}
    await company.hear("101")
    assert company.has() == {"base", "crm"}
    company.clock.set(START + timedelta(days=1))
    company.there.people["101"] |= {"status": "Inactive", "terminationDate": "2026-01-05"}
    await company.hear("101")
    await company.time(timedelta(hours=1))
    assert company.has() == set()
    assert [type(fact) for fact in company.told()] == [Joined, Moved, Left]
    assert all(fact.recorded.origin.is_named for fact in company.told())


async def test_nothing_but_the_id_is_taken_from_a_notice():
    """Its own fields say that somebody has left; who is asked says otherwise, and is believed."""
    company = Hospital(id101=employee())
    lie = {"employees": [{"id": "101", "action": "Deleted", "fields": {"status": {"value": "Inactive"}}}]}
    await company.hear(body=json.dumps(lie).encode())
    assert company.has() == {"base", "care"}


async def test_a_notice_told_again_reads_and_sends_nothing():
    """`created` and `updated` come as a pair, and a notice may be repeated."""
    company = Hospital(id101=employee())
    await company.hear("101")
    await company.hear("101")
    assert len(company.told()) == 1
    assert len(company.there.asked) == 2


async def test_several_in_one_notice_are_each_read():
    """One of them that cannot be used does not keep the others from it."""
    company = Hospital(id101=employee(), id102=employee("E2", status="Retired"), id103=employee("E3"))
    await company.hear("101", "102", "103")
    assert {fact.recorded.subject for fact in company.told()} == {"e1", "e3"}
    (aside,) = company.notices("event.setaside")
    assert "`status` (status) holds a value that `values` does not list" in aside["data"]["reason"]


async def test_whoever_is_not_there_has_not_left():
    """A finding is told, and access stays: deleted, merged and not to be seen look the same."""
    company = Hospital(id101=employee())
    await company.hear("101")
    del company.there.people["101"]
    assert await company.hear("101") is HTTPStatus.ACCEPTED
    assert company.has() == {"base", "care"}
    (found,) = company.notices("person.unread")
    assert (found["subject"], found["data"]) == ("101", {"source": "/hr/test"})
    assert len(company.told()) == 1


async def test_who_cannot_be_read_now_is_read_later():
    """A bad quarter of an hour costs that time, and the wait that was asked for is kept."""
    company = Hospital(id101=employee())
    company.there.bad = [Response(status_code=503, headers={"Retry-After": "600"})]
    await hear(*webhook("101"), company.ports)
    await company.settle()
    await company.time(9 * MINUTE)
    assert len(company.there.asked) == 1
    await company.time(6 * MINUTE)
    assert company.has() == {"base", "care"}


async def test_waits_grow_and_somebody_is_told_once():
    """Minutes, then hours, then daily; after eight attempts it is seen, and tried on."""
    company = Hospital(id101=employee())
    company.there.bad = [500] * 3 * 12
    await company.hear("101")
    await company.time(timedelta(days=2), tick=timedelta(hours=6))
    (aside,) = company.notices("event.setaside")
    assert f"after {SHOWN_AFTER} attempts" in aside["data"]["reason"]
    await company.time(timedelta(days=4), tick=timedelta(hours=6))
    assert company.has() == {"base", "care"}
    assert len(company.notices("event.setaside")) == 1


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (*webhook("101", key="another"), HTTPStatus.UNAUTHORIZED),
        ({}, b"{}", HTTPStatus.UNAUTHORIZED),
        (*webhook(body=b"{}"), HTTPStatus.BAD_REQUEST),
        (*webhook(), HTTPStatus.ACCEPTED),
    ],
)
async def test_what_is_not_believed_reads_nobody(headers, body, status):
    """The sender learns which it was; nothing is asked for."""
    company = Hospital(id101=employee())
    assert await hear(headers, body, company.ports) is status
    await company.settle()
    assert (company.there.asked, company.bus.sent) == ([], [])


async def test_without_its_settings_there_is_nobody_to_hear():
    """404, and nothing is looked at."""
    company = Company(a_model(EVERYONE))
    assert await hear(*webhook("101"), company.ports) is HTTPStatus.NOT_FOUND
    with pytest.raises(Permanent, match="not set up any more"):
        await reread(Reread("101"), company.ports)


async def test_a_bus_that_does_not_answer_lets_the_sender_try_again():
    """Nothing was taken then."""
    company = Hospital(id101=employee())

    class Down:
        async def send(self, *_, **__):
            raise Transient("the bus is away")

    company.bus = Down()
    assert await hear(*webhook("101"), company.ports) is HTTPStatus.SERVICE_UNAVAILABLE


async def test_a_source_that_the_model_does_not_list_is_set_aside():
    """Every event of it would be; the notice can be replayed once it is listed."""
    company = Hospital(a_model(EVERYONE, sources=Sources(worker=frozenset({"/hr/other"}))), id101=employee())
    await company.hear("101")
    (aside,) = company.notices("event.setaside")
    assert "is not listed under sources.worker" in aside["data"]["reason"]
    assert company.told() == []


async def test_a_list_from_before_the_notice_takes_nothing_back():
    """HR's nightly list was made before somebody left by notice: taken later, it does not rescind that."""
    company = Hospital(id101=employee())
    await company.hear("101")
    company.clock.set(START + timedelta(days=2))
    company.there.people["101"] |= {"status": "Inactive", "terminationDate": "2026-01-06"}
    await company.hear("101")
    old = Snapshot(MAPPING.terms, (Entry(a_worker("e1", department="Care", job_title="Nurse")),))
    feed = Feed(company.records, company.bus, company.clock)
    report = await feed.take(old, as_of=START + timedelta(days=1))
    assert report.said == ()
    await company.time(timedelta(hours=1))
    assert company.has() == set()


async def test_a_person_read_twice_at_once_is_said_in_one_order():
    """Two who read one person side by side: the one that is overtaken sends nothing and reads again."""
    company = Hospital(id101=employee())
    await company.hear("101")
    feed = Feed(company.records, company.bus, company.clock)
    sent = len(company.told())
    real, overtaken = company.records.read, []

    async def read(partition, key):
        row = await real(partition, key)
        if key == "w-e1" and not overtaken:
            overtaken.append(key)
            company.clock.set(company.clock.now() + MINUTE)
            newer = Entry(a_worker("e1", department="Sales"))
            await feed.take(Snapshot(MAPPING.terms, (newer,), whole=False), as_of=company.clock.now())
        return row

    company.records.read = read
    older = Entry(a_worker("e1", department="Kitchen"))
    with pytest.raises(Lost):
        await feed.take(Snapshot(MAPPING.terms, (older,), whole=False), as_of=company.clock.now())
    assert [fact.worker.department for fact in company.told()[sent:]] == ["Sales"]
