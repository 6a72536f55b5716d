"""Verifying: a whole ledger is proved up to its last seal, and whatever is done to it is found and named rightly."""

import asyncio
import copy
import random
from datetime import timedelta

import pytest

from lifecycle.core.evidence import Tag
from lifecycle.core.proof import Kind
from lifecycle.core.seal import name_of
from lifecycle.errors import Transient
from lifecycle.ports import Delete, Put, Row
from lifecycle.records import ledger, moved
from lifecycle.seal import seal
from lifecycle.verify import verify
from tests.builders import CARE, EVERYONE, SALES, Company, a_model, a_worker, joined, left
from tests.builders import moved as moves
from tests.fakes.records import MemoryRecords

DAY = timedelta(days=1)
PEOPLE = ("E1", "E2", "E3")
ALTERATIONS = 1000


async def lived() -> Company:
    """A company with joiners, a mover, a leaver and a run, sealed on three days; nothing has moved since."""
    company = Company(a_model(EVERYONE, CARE, SALES), users=PEOPLE)
    now = company.clock.now()
    await company.say(*(joined(f"j{name}", now, now, a_worker(name, department="Care")) for name in PEOPLE))
    await company.time(timedelta(minutes=30))
    await company.sweep()
    await seal(company.ports)
    company.clock.move(DAY)
    now = company.clock.now()
    await company.say(
        moves("m", now, now, a_worker("E1", department="Sales")), left("l", now, now, "E2", immediate=True)
    )
    await company.time(timedelta(minutes=30))
    await seal(company.ports)
    company.clock.move(DAY)
    await seal(company.ports)
    company.clock.move(DAY)
    await seal(company.ports)
    return company


@pytest.fixture(scope="module")
def once():
    return asyncio.run(lived())


@pytest.fixture
def company(once):
    """A copy of a company that has lived."""
    return copied(once)


def copied(company):
    twin = copy.copy(company)
    twin.records, twin.seals = MemoryRecords(), copy.copy(company.seals)
    twin.records._partitions = {name: dict(rows) for name, rows in company.records._partitions.items()}
    twin.seals.kept = dict(company.seals.kept)
    return twin


def chain_of(company, place):
    rows = company.records._partitions[place]
    return [rows[key].value for key in sorted(rows) if key.startswith("c-")]


def store(company, place, values, *, head=None):
    """Put these in place of a chain, under keys that count from 1."""
    rows = company.records._partitions[place]
    for key in [key for key in rows if key.startswith("c-")]:
        del rows[key]
    for number, value in enumerate(values, start=1):
        rows[ledger.key_of(number)] = Row(ledger.key_of(number), value, "x")
    if head is not None:
        rows["d"] = Row("d", head, "x")


async def found(company):
    said = await verify(company.ports)
    return [(one.chain, str(one.broken.kind), one.broken.number) for one in said.findings]


PLACE = "person-e1"


async def test_an_unaltered_ledger_is_proved_up_to_its_last_seal(company):
    """Every chain and record is counted; the record that names the last seal comes behind it."""
    said = await verify(company.ports)
    places = [name for name in company.records.partitions() if name.startswith(("person-", "chain-"))]
    records = sum(len(chain_of(company, place)) for place in places)
    assert said.findings == []
    assert (said.seal, said.seals, said.chains, said.unsealed_chains) == (4, 4, len(places), 0)
    assert (said.records, said.unsealed_records) == (records - 1, 1)
    assert said.records > 20


async def test_what_came_after_the_seal_is_counted_as_consistent_alone(company):
    """A record more is one record more behind the seal."""
    await ledger.enter(company.records, "run:x", Tag.RUN_BEGUN, {}, at=company.clock.now(), cause="test")
    said = await verify(company.ports)
    assert (said.findings, said.unsealed_chains, said.unsealed_records) == ([], 1, 2)


class Tampering:
    """One random alteration of one chain, and what must be said of it."""

    def __init__(self, chance: random.Random, chain: list[bytes], others: list[bytes]) -> None:
        self.chance, self.chain, self.others = chance, chain, others

    def byte(self):
        """Any byte of any record becomes any other."""
        number = self.chance.randrange(len(self.chain))
        value = bytearray(self.chain[number])
        place = self.chance.randrange(len(value))
        value[place] ^= self.chance.randrange(1, 256)
        return self._with(number, [bytes(value)]), "altered", number + 1

    def removed(self):
        """A record is gone, and the others close ranks; the last one is a cut of the tail."""
        number = self.chance.randrange(len(self.chain))
        return self._with(number, []), "removed", number + 1

    def inserted(self):
        """A record of another chain, a copy from this one, junk, or a forged one that follows from its predecessor."""
        number = self.chance.randrange(len(self.chain))
        mine = self.chain[number]
        forged = mine.replace(b'"cause":"', b'"cause":"x')
        foreign = self.chance.choice(self.others)
        value = self.chance.choice([forged, foreign, b"junk", *self.chain])
        if value == mine or (number and value == self.chain[number - 1]):
            value = forged
        return self._with(number, [value, mine]), "inserted", number + 1

    def reordered(self):
        """Two records change places."""
        first, second = sorted(self.chance.sample(range(len(self.chain)), 2))
        chain = list(self.chain)
        chain[first], chain[second] = chain[second], chain[first]
        return chain, "reordered", first + 1

    def cut(self):
        """The tail is gone from some record on."""
        number = self.chance.randrange(1, len(self.chain))
        return self.chain[:number], "removed", number + 1

    def _with(self, number, values):
        return [*self.chain[:number], *values, *self.chain[number + 1 :]]


async def test_any_alteration_up_to_the_last_seal_is_found_and_named_rightly(once):
    """A thousand at random, of five kinds: what was done, to which record of which chain, and nothing else."""
    chance = random.Random(20260302)  # noqa: S311 - the same alterations every time
    places = [name for name in once.records.partitions() if name.startswith(("person-", "chain-run"))]
    wrong = []
    for _ in range(ALTERATIONS):
        place = chance.choice([one for one in places if len(chain_of(once, one)) > 1])
        others = [value for one in places if one != place for value in chain_of(once, one)]
        tampering = Tampering(chance, chain_of(once, place), others)
        how = chance.choice([tampering.byte, tampering.removed, tampering.inserted, tampering.reordered, tampering.cut])
        values, kind, number = how()
        twin = copied(once)
        store(twin, place, values)
        said = await found(twin)
        if said != [(place, kind, number)]:
            wrong.append((how.__name__, place, number, said))
    assert wrong == []
    assert await found(copied(once)) == []


async def test_a_head_moved_with_the_cut_does_not_hide_it(company):
    """Up to the last seal a cut tail is found whatever the head says."""
    chain = chain_of(company, PLACE)
    store(company, PLACE, chain[:2], head=b'{"length":2,"hash":"' + b"f" * 64 + b'"}')
    assert await found(company) == [(PLACE, Kind.REMOVED, 3)]


@pytest.mark.parametrize("head", [b"junk", b"{}", b'{"length":1,"hash":"x"}', None])
async def test_a_head_that_disagrees_is_found(company, head):
    """Whatever it says instead, also nothing."""
    number = len(chain_of(company, PLACE))
    if head is None:
        del company.records._partitions[PLACE]["d"]
    else:
        company.records._partitions[PLACE]["d"] = Row("d", head, "x")
    assert await found(company) == [(PLACE, Kind.HEAD, number)]


async def test_a_chain_that_vanished_is_missed(company):
    """With its row in the index or without; with it, it is named in full."""
    store(company, PLACE, [])
    assert await found(company) == [(PLACE, Kind.VANISHED, 1)]
    name = moved.chain_id(PLACE)
    await company.records.write(f"chains-{name[0]}", [Delete(name)])
    assert await found(company) == [(name, Kind.VANISHED, 1)]


async def test_an_index_that_names_another_chain_is_found(company):
    """The hash under which a chain is named is that of its name."""
    name = moved.chain_id(PLACE)
    await company.records.write(f"chains-{name[0]}", [Put(name, b"person-e3")])
    assert ("person-e3", Kind.ALTERED, 0) in await found(company)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
async def test_a_removed_seal_is_missed(company, number):
    """Also the last one: the chain of seals names it."""
    del company.seals.kept[name_of(number)]
    assert ("seals", Kind.REMOVED, number) in await found(company)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
async def test_a_replaced_seal_is_found(company, number):
    """One that is a seal, with another instant: neither the chain of seals nor the next seal names it."""
    body = company.seals.kept[name_of(number)]
    company.seals.kept[name_of(number)] = body.replace(b'"at":"2026', b'"at":"2025')
    assert ("seals", Kind.ALTERED, number) in await found(company)


@pytest.mark.parametrize("number", [1, 4])
async def test_a_seal_in_which_anything_was_changed_is_found(company, number):
    """It proves nothing any more, and the others do."""
    company.seals.kept[name_of(number)] += b" "
    assert await found(company) == [("seals", Kind.ALTERED, number)]


async def test_a_name_that_is_no_seals_is_found(company):
    """Somebody put something there."""
    company.seals.kept["seal-1"] = b""
    assert await found(company) == [("seals", Kind.INSERTED, 0)]


async def test_one_persons_chain_is_verified_alone(company):
    """Another's break is not this one's."""
    store(company, PLACE, chain_of(company, PLACE)[1:])
    assert (await verify(company.ports, places=["person-e3"])).findings == []
    said = await verify(company.ports, places=[PLACE])
    assert [one.broken.number for one in said.findings] == [1]


async def test_a_chain_that_moves_while_it_is_read_is_read_again(company):
    """What seems broken once and is whole the next time was at work."""
    rows, torn = company.records.rows, []

    async def reads(partition, **bounds):
        there = await rows(partition, **bounds)
        if partition == PLACE and not torn:
            torn.append(partition)
            return [row for row in there if row.key != "d"]
        return there

    company.records.rows = reads
    assert await found(company) == []
    assert torn


@pytest.mark.parametrize("goes_well", range(0, 20, 3))
async def test_nothing_passes_for_whole_that_could_not_be_read(company, goes_well):
    """A failed read raises."""
    company.records.failures.plan(*[None] * goes_well, Transient("no answer"))
    with pytest.raises(Transient):
        await verify(company.ports)
