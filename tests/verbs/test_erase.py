"""Erasing: whoever has left for long enough goes, and what stays tells lawful erasure from removal."""

from datetime import timedelta

import pytest

from lifecycle.attend import work
from lifecycle.contract.cloudevents import encode_work
from lifecycle.core.events import Linked
from lifecycle.core.evidence import Tag
from lifecycle.core.proof import Kind
from lifecycle.core.work import Erase
from lifecycle.ports import Delete, Queue
from lifecycle.records import people
from lifecycle.records.ledger import chain_in, partition_of
from lifecycle.seal import seal
from lifecycle.verify import verify
from tests.builders import (
    CARE,
    EVERYONE,
    ITSM,
    Company,
    a_model,
    a_worker,
    granted,
    joined,
    left,
    opened,
    recorded,
    staffed,
)
from tests.fakes.faults import Crash

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
COARSE = timedelta(hours=6)
BOSS = "entra:boss"


async def left_long_ago(days: int = 40) -> Company:
    """ZORRO (also known as QUILL and XYLO) worked here and on a project, and left; E2 works here."""
    company = Company(a_model(EVERYONE, CARE), users=("ZORRO", "E2"))
    now = company.clock.now()
    worker = a_worker("ZORRO", person_id="QUILL", department="Care")
    await company.say(joined("j1", now, now, worker), joined("j2", now, now, a_worker("E2")))
    await company.say(opened("o", now), staffed("s", now, "ZORRO"), granted("g", now, "care", now + DAY, "ZORRO"))
    await company.say(Linked(recorded("k", "XYLO", now, source=ITSM), "zorro"))
    await company.time(HOUR)
    await seal(company.ports)
    now = company.clock.now()
    await company.say(left("l", now, now, "ZORRO", immediate=True))
    await company.time(days * DAY, tick=COARSE)
    assert company.has("ZORRO") == set()
    await seal(company.ports)
    return company


async def ask(company, person="quill", **how):
    body = encode_work(
        Erase(person, **({"by": BOSS, "reason": "T-1"} | how)), id="x", source="/l", time=company.clock.now()
    )
    await work(body, company.ports, queue=Queue.WORK, session=person)


def traces(company):
    """Where any of their ids is still in a name of a partition, a key or a value."""
    return [
        (name, row.key)
        for name, rows in company.records._partitions.items()
        for row in rows.values()
        if any(mark in f"{name}|{row.key}|{row.value!r}".casefold() for mark in ("zorro", "quill", "xylo"))
        and not name.startswith("moved-")  # which go with their days
    ]


def aside(company):
    return [message.properties["reason"] for message in company.bus.waiting(Queue.QUARANTINE)]


async def erasures(company):
    return [record.detail for record in await chain_in(company.records, partition_of("erasures"))]


async def test_whoever_has_left_is_erased_on_request_and_nothing_of_them_stays():
    """Facts, state, chain, indexes; the ledger verifies, and knows of the erasure."""
    company = await left_long_ago()
    before = await verify(company.ports)
    await ask(company)
    assert aside(company) == []
    assert traces(company) == []
    assert await people.everybody(company.records) == ["e2"]
    (said, *others) = await erasures(company)
    assert {name: said[name] for name in ("rule", "by", "reason", "seal")} == {
        "rule": "request",
        "by": BOSS,
        "reason": "T-1",
        "seal": 2,
    }
    found = await verify(company.ports)
    assert found.findings == []
    assert found.erased == 1 + len(others)
    assert found.chains < before.chains
    company.clock.move(DAY)
    await seal(company.ports)
    assert (await verify(company.ports)).findings == []


async def test_a_chain_that_vanished_without_an_erasure_is_a_removal():
    """The control: the same rows gone, and no record of it."""
    company = await left_long_ago()
    company.records._partitions["person-quill"] = {}
    found = (await verify(company.ports)).findings
    assert [(one.chain, one.broken.kind) for one in found] == [("person-quill", Kind.VANISHED)]


@pytest.mark.parametrize(
    ("days", "person", "why"),
    [(40, "e2", "is employed"), (3, "quill", "watched still"), (40, "nobody", None)],
)
async def test_whoever_is_employed_or_watched_is_not_erased(days, person, why):
    """It is set aside with its reason, and nothing is gone; of somebody unknown there is nothing to erase."""
    company = await left_long_ago(days)
    rows = {name: company.records.keys(name) for name in company.records.partitions()}
    await ask(company, person)
    assert [why in reason for reason in aside(company)] == ([True] if why else [])
    assert {name: company.records.keys(name) for name in company.records.partitions()} == rows


async def test_whoever_has_access_is_not_erased():
    """A row that somebody else gave, in one of our packages."""
    company = await left_long_ago()
    company.directory.give("user-zorro", "package-care", "policy-other")
    await ask(company)
    assert ["has access still, which is not ours" in reason for reason in aside(company)] == [True]
    assert await erasures(company) == []


async def test_the_night_erases_who_left_before_the_time_of_keeping():
    """Each of sixteen nights a sixteenth; by the rule, not by a person; a day too early nobody."""
    company = await left_long_ago()
    company.retention = timedelta(days=60)
    await company.time(timedelta(days=19), tick=COARSE)
    for _ in range(17):
        await company.sweep()
        company.clock.move(DAY)
    (said, *_) = await erasures(company)
    assert (said["rule"], "by" in said) == ("retention", False)
    assert await people.everybody(company.records) == ["e2"]
    assert (await verify(company.ports)).findings == []


async def test_the_night_leaves_everybody_else():
    """Who left later, who works here, and of whom a decision alone is known as yet."""
    company = await left_long_ago()
    now = company.clock.now()
    await company.say(granted("g2", now, "care", now + DAY, worker="E7"))
    for _ in range(17):
        await company.sweep()
        company.clock.move(DAY)
    assert await erasures(company) == []
    assert set(await people.everybody(company.records)) >= {"e2", "e7", "quill"}


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("write", range(1, 45, 2))
async def test_a_death_at_any_write_is_made_up_for(write, before):
    """The ledger verifies at once; the message comes again and the rest goes, and it is said once."""
    company = await left_long_ago()
    setattr(company.records, "crash_before" if before else "crash_after", company.records.writes + write)
    try:
        await ask(company)
    except Crash:
        company.records.crash_before = company.records.crash_after = None
        assert (await verify(company.ports)).findings == []
        await ask(company)
    company.records.crash_before = company.records.crash_after = None
    assert traces(company) == []
    chains = [said["chain"] for said in await erasures(company)]
    assert len(chains) == len(set(chains))
    assert (await verify(company.ports)).findings == []


async def test_whoever_comes_back_after_it_begins_anew():
    """A new chain under the old name is no altered one."""
    company = await left_long_ago()
    await ask(company)
    now = company.clock.now()
    await company.say(joined("again", now, now, a_worker("ZORRO", person_id="QUILL", department="Care")))
    await company.time(HOUR)
    assert company.has("ZORRO") == {"base", "care"}
    assert (await verify(company.ports)).findings == []
    company.clock.move(DAY)
    await seal(company.ports)
    found = await verify(company.ports)
    assert found.findings == []
    await company.records.write("person-quill", [Delete("c-0000000002")])
    found = await verify(company.ports)
    assert [(one.broken.kind, one.broken.number) for one in found.findings] == [(Kind.REMOVED, 2)]


async def test_whoever_is_spoken_of_while_being_erased_stays_known():
    """A rehire in that very moment is no lost one: the fact stays, and so do the person's state and chain."""
    company = await left_long_ago()
    now = company.clock.now()
    fact = joined("again", now, now, a_worker("ZORRO", person_id="QUILL"))
    write, seen = company.records.write, []

    async def in_between(partition, changes):
        done = await write(partition, changes)
        if partition == "worker-zorro" and not seen:
            seen.append(partition)
            await company.say(fact)
        return done

    company.records.write = in_between
    await ask(company)
    await company.time(HOUR)
    assert seen
    assert company.has("ZORRO") == {"base"}
    chain = await chain_in(company.records, "person-quill")
    assert Tag.SUBMITTED in [record.tag for record in chain[-4:]]
    assert (await verify(company.ports)).findings == []
