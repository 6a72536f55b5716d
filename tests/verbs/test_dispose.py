"""Replaying and discarding what was set aside: once, on the record, whenever the process dies in between."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from lifecycle.attend import work
from lifecycle.core.evidence import Tag, first_break
from lifecycle.core.work import Disposal, Dispose
from lifecycle.dispose import became_of, dispose
from lifecycle.errors import Permanent, Transient
from lifecycle.messages import ask
from lifecycle.ports import Message, Queue
from lifecycle.quarantine import Quarantine, name_of
from lifecycle.records import ledger
from tests.builders import EVERYONE, Company, a_model
from tests.fakes.faults import Crash

ME, OTHER = "entra:me", "entra:other"
BODY = b'{"specversion": "1.0"}'


class Fuse:
    """Lets the process die at the n-th thing that it does."""

    def __init__(self):
        self.left = 0

    async def __call__(self):
        if self.left:
            self.left -= 1
            if not self.left:
                raise Crash("here")


async def aside(fuse=None):
    """A company in which one message from hr was set aside, and the broker gave one on work up."""
    company = Company(a_model(EVERYONE), **({} if fuse is None else {"pause": fuse}))
    await company.send(Queue.HR, BODY)
    await company.settle()
    company.bus.dead_letter(Queue.WORK, Message("w", b"{}", session="e1"), "MaxDeliveryCountExceeded")
    return company


async def names(company):
    return [name_of(one) for one in await Quarantine(company.bus, company.bodies).everything()]


async def want(company, what, *chosen, by=ME, request="r1", because="mended"):
    await ask(company.bus, Dispose(request, what, chosen, by, because), now=company.clock.now())


async def deliver(company):
    """Let the app handle the oldest request, and no other queue's message; a crash leaves it there."""
    message = company.bus.waiting(Queue.SWEEPS)[0]
    await work(message.body, company.ports, queue=Queue.SWEEPS)
    company.bus.pop(Queue.SWEEPS)


async def chain(company, by=ME):
    found = await ledger.chain_in(company.records, ledger.partition_of(f"operator:{by}"))
    assert first_break(found) is None
    return found


def sent_back(company):
    """What was sent to hr beside the first message."""
    return [message for queue, message, _ in company.bus.sent if queue is Queue.HR][1:]


async def test_a_replay_is_written_down_before_and_after_with_who_and_why():
    """The operator's chain says what was replayed, of which queue, with which digest, at whose word and why."""
    company = await aside()
    first, dead = await names(company)
    await want(company, Disposal.REPLAY, first, dead)
    await deliver(company)
    assert [message.body for message in company.bus.waiting(Queue.HR)] == [BODY]
    assert [(message.body, message.session) for message in company.bus.waiting(Queue.WORK)] == [(b"{}", "e1")]
    assert await names(company) == []
    found = await chain(company)
    assert [one.tag for one in found] == [Tag.REPLAY_INTENDED, Tag.REPLAYED] * 2
    assert (found[1].cause, found[1].detail["because"], found[1].detail["message"]) == (
        f"operator:{ME}",
        "mended",
        first,
    )
    assert (found[0].detail["queue"], len(found[0].detail["digest"])) == ("hr", 64)
    assert "$.id: is missing" in found[0].detail["reason"]


async def test_a_discard_takes_it_away_for_good_and_keeps_what_may_be_kept():
    """Nothing is sent; digest, reason, ids and why stay."""
    company = await aside()
    first, dead = await names(company)
    await want(company, Disposal.DISCARD, first, dead)
    await company.settle()
    assert (sent_back(company), await names(company)) == ([], [])
    found = await chain(company)
    assert [one.tag for one in found] == [Tag.DISCARD_INTENDED, Tag.DISCARDED] * 2
    assert {"digest", "reason", "event", "type", "subject", "because"} <= found[1].detail.keys()


@pytest.mark.parametrize("first", Disposal)
@pytest.mark.parametrize("second", Disposal)
async def test_what_was_disposed_of_once_is_not_disposed_of_again(first, second):
    """Another request for the same message does nothing; the first one's record stands."""
    company = await aside()
    name, _ = await names(company)
    await want(company, first, name)
    await want(company, second, name, by=OTHER, request="r2")
    await deliver(company)
    await deliver(company)
    assert len(sent_back(company)) == (first is Disposal.REPLAY)
    assert len(await chain(company)) == 2
    assert await chain(company, OTHER) == []
    said = await became_of(name, company.ports)
    assert said.startswith(f"message {name} was {first}ed at 2026-01-05T09:00:00Z by {ME} because: mended")
    assert any("already" in one.properties["reason"] for one in company.bus.waiting(Queue.QUARANTINE))


@pytest.mark.parametrize("what", Disposal)
async def test_the_process_may_die_anywhere_and_it_happens_once_and_is_recorded_once(what):
    """Killed at every single step, reads, writes, sends and takes: the request comes again and ends it."""
    deaths = 0
    while True:
        fuse = Fuse()
        company = await aside(fuse)
        name, dead = await names(company)
        await want(company, what, name)
        fuse.left = deaths + 1
        try:
            await deliver(company)
        except Crash:
            pass
        else:
            break
        deaths += 1
        if (await ledger.head_of(company.records, ledger.partition_of(f"operator:{ME}"))).length == 0:
            assert name in await names(company), f"taken without a record at step {deaths}"
            assert sent_back(company) == [], f"sent without a record at step {deaths}"
        await deliver(company)
        ended = Tag.REPLAYED if what is Disposal.REPLAY else Tag.DISCARDED
        assert [one.tag for one in await chain(company)][1:] == [ended], f"step {deaths}"
        assert len(sent_back(company)) == (what is Disposal.REPLAY), f"step {deaths}"
        assert await names(company) == [dead], f"step {deaths}"
    assert deaths > 8


async def test_a_request_that_comes_again_after_its_end_does_nothing():
    """The broker may deliver it twice: no second record, no second message, nothing set aside."""
    company = await aside()
    name, dead = await names(company)
    for _ in range(2):
        await want(company, Disposal.REPLAY, name)
        company.clock.move(timedelta(minutes=11))
        await deliver(company)
        company.bus.pop(Queue.HR)
    assert len(await chain(company)) == 2
    assert await names(company) == [dead]


async def test_two_at_once_are_one():
    """Both requests run step by step beside each other: one effect, one pair of records."""
    company = await aside(lambda: asyncio.sleep(0))
    name, _ = await names(company)
    await want(company, Disposal.REPLAY, name, request="r1")
    await want(company, Disposal.REPLAY, name, by=OTHER, request="r2")
    bodies = [message.body for message in company.bus.waiting(Queue.SWEEPS)]
    await asyncio.gather(*(work(body, company.ports, queue=Queue.SWEEPS) for body in bodies))
    assert len(sent_back(company)) == 1
    both = [len(await chain(company, by)) for by in (ME, OTHER)]
    assert sorted(both) == [0, 2]


async def test_a_queue_that_does_not_answer_is_asked_again_later():
    """Sending back fails for a moment: the message stays, and the same request ends it after a minute."""
    company = await aside()
    name, _ = await names(company)
    await want(company, Disposal.REPLAY, name)
    company.bus.fail_next(1, Transient("hr: no answer"))
    await deliver(company)
    assert name in await names(company)
    await company.time(timedelta(minutes=2))
    assert [one.tag for one in await chain(company)] == [Tag.REPLAY_INTENDED, Tag.REPLAYED]
    assert len(sent_back(company)) == 1
    assert name not in await names(company)


async def test_what_can_never_be_sent_is_kept_and_may_be_discarded():
    """The queue refuses it for good: that is recorded, the message lies where it lay, and another way is open."""
    company = await aside()
    name, _ = await names(company)
    await want(company, Disposal.REPLAY, name)
    company.bus.fail_next(1, Permanent("hr: no such queue"))
    await deliver(company)
    assert [one.tag for one in await chain(company)] == [Tag.REPLAY_INTENDED, Tag.KEPT]
    assert name in await names(company)
    await want(company, Disposal.DISCARD, name, request="r2")
    await deliver(company)
    assert [one.tag for one in await chain(company)][2:] == [Tag.DISCARD_INTENDED, Tag.DISCARDED]
    assert name not in await names(company)


@pytest.mark.parametrize("because", ["", "  ", "a\nb", "\x1b[2J", "x" * 501, "\u202e"])
async def test_without_a_reason_nothing_is_done(because):
    """A request that does not say why, or says it in a way that is no text to keep, is set aside itself."""
    company = await aside()
    name, _ = await names(company)
    await want(company, Disposal.DISCARD, name, because=because)
    await deliver(company)
    assert name in await names(company)
    assert await chain(company) == []
    assert "$.data.because" in company.bus.waiting(Queue.QUARANTINE)[-1].properties["reason"]


@pytest.mark.parametrize("name", ["99", "hr:99", "notices:1", "x", "", "hr:", "²", "work:-1", "hr:1:2"])
async def test_a_name_that_names_nothing_is_said(name):
    """Others' messages stay, nothing is recorded, and the request is set aside with the reason."""
    company = await aside()
    before = await names(company)
    await want(company, Disposal.DISCARD, name)
    await deliver(company)
    assert [one for one in await names(company) if one in before] == before
    assert await chain(company) == []
    assert len(await names(company)) == len(before) + 1


async def test_who_looked_before_the_other_was_done_does_nothing():
    """The list was read while the message still lay there; by then it has had its end, and is not sent again."""
    company = await aside()
    name, _ = await names(company)
    stale = await company.bus.browse(Queue.QUARANTINE)
    await want(company, Disposal.REPLAY, name)
    await deliver(company)
    company.clock.move(timedelta(minutes=11))  # duplicate detection has forgotten

    class Stale:
        take = company.bus.take

        async def browse(self, queue, *, dead=False):
            return stale

    with pytest.raises(Permanent, match="already"):
        await dispose(Dispose("r2", Disposal.REPLAY, (name,), OTHER, "mended"), replace(company.ports, lectern=Stale()))
    assert len(sent_back(company)) == 1
    assert await chain(company, OTHER) == []
