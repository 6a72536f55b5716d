"""Sealing: one seal a day whoever runs it, of what moved alone; nothing that moved is in none."""

import asyncio
import hashlib
from datetime import timedelta

import pytest

from lifecycle.core import seal as body_of
from lifecycle.core.evidence import GENESIS, Tag
from lifecycle.core.seal import Entry, entry_of, name_of
from lifecycle.errors import Permanent, Transient
from lifecycle.records import ledger, moved
from lifecycle.seal import seal
from lifecycle.verify import verify
from tests.builders import EVERYONE, START, Company, a_model
from tests.fakes.faults import Crash

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def company():
    return Company(a_model(EVERYONE))


async def enter(company, *runs):
    for run in runs:
        await ledger.enter(company.records, f"run:{run}", Tag.RUN_BEGUN, {}, at=company.clock.now(), cause="test")


def listed(company, number):
    """The chains that a seal lists, by their lengths."""
    _, lines = body_of.read(number, company.seals.kept[name_of(number)])
    names = {moved.chain_id(name): name for name in company.records.partitions() if name.startswith("chain-")}
    entries = [entry_of(line) for line in lines]
    return {names[one.chain].removeprefix("chain-run:"): one.length for one in entries}


async def test_a_seal_lists_what_moved_since_the_last_one_and_nothing_else(company):
    """The first lists all chains; the next only those with a record since, and the chain that names the seals."""
    await enter(company, "a", "b", "b")
    await seal(company.ports)
    assert listed(company, 1) == {"a": 1, "b": 2}
    company.clock.move(DAY)
    await enter(company, "b", "c")
    await seal(company.ports)
    assert listed(company, 2) == {"b": 3, "c": 1, "chain-seals": 1}
    for number in (3, 4):
        company.clock.move(DAY)
        await seal(company.ports)
        assert listed(company, number) == {"chain-seals": number - 1}


async def test_a_seal_names_the_one_before(company):
    """By the hash of its whole body; the first one by zeros."""
    await enter(company, "a")
    first = await seal(company.ports)
    company.clock.move(DAY)
    second = await seal(company.ports)
    assert (first.before, second.before) == (GENESIS, body_of.hash_of(company.seals.kept[first.name]))


async def test_a_seal_holds_no_id_of_anybody(company):
    """What is kept for good says nothing of whom it is about."""
    await enter(company, "person-E1")
    await seal(company.ports)
    assert b"E1" not in company.seals.kept[name_of(1)]


async def test_a_run_that_is_repeated_makes_no_second_seal(company):
    """Within the hour it is the same one; what moved meanwhile is in the next."""
    await enter(company, "a")
    first = await seal(company.ports)
    await enter(company, "b")
    company.clock.move(HOUR - timedelta(seconds=1))
    assert await seal(company.ports) == first
    company.clock.move(timedelta(seconds=1))
    assert (await seal(company.ports)).number == 2
    assert listed(company, 2)["b"] == 1


async def test_two_at_once_make_one_seal(company):
    """The one that comes second takes the first one's for its own, and says so once."""
    await enter(company, *"abcdef")

    async def pause():
        await asyncio.sleep(0)

    company.records.pause = company.seals.pause = pause
    made = await asyncio.gather(*(seal(company.ports) for _ in range(4)))
    assert len(set(made)) == 1
    assert list(company.seals.kept) == [name_of(1)]


async def test_a_seal_of_which_the_answer_was_lost_is_not_made_twice(company):
    """It was put; the next run finds it, and names it in the chain."""
    await enter(company, "a")
    company.records.crash_before = company.records.writes + 1
    with pytest.raises(Crash):
        await seal(company.ports)
    assert list(company.seals.kept) == [name_of(1)]
    company.records.crash_before = None
    await seal(company.ports)
    (named,) = await ledger.chain_in(company.records, ledger.partition_of("seals"))
    assert named.detail["hash"] == body_of.hash_of(company.seals.kept[name_of(1)])


async def test_what_moved_while_the_app_sealed_nothing_for_long_is_in_the_next_seal(company):
    """Ten days without a seal: chains of every day are listed, and the marks are dropped in the end."""
    await enter(company, "a")
    await seal(company.ports)
    for day in range(10):
        company.clock.move(DAY)
        await enter(company, f"d{day}")
    await seal(company.ports)
    assert set(listed(company, 2)) == {"chain-seals", *(f"d{day}" for day in range(10))}
    left = {name.split("-")[1] for name in company.records.partitions() if name.startswith("moved-")}
    assert len(left) == 2  # of the day before, whose records may still come, and of this day


async def test_a_record_that_comes_late_is_in_the_next_seal(company):
    """It states an instant before the seal was made, and was written behind it."""
    await enter(company, "a")
    stated = company.clock.now()
    company.clock.set(stated.replace(hour=3) + DAY)
    await seal(company.ports)
    await ledger.enter(company.records, "run:late", Tag.RUN_BEGUN, {}, at=stated, cause="test")
    company.clock.move(DAY)
    await seal(company.ports)
    assert listed(company, 2)["late"] == 1


@pytest.mark.parametrize("write", [1, 2, 3])
async def test_a_death_before_a_record_leaves_a_mark_too_many_and_never_one_too_few(company, write):
    """A chain's first record takes three writes: in the index, marked, written. What is written is marked."""
    company.records.crash_after = write
    with pytest.raises(Crash):
        await enter(company, "a")
    company.records.crash_after = None
    head = await ledger.head_of(company.records, "chain-run:a")
    await seal(company.ports)
    assert listed(company, 1) == ({"a": 1} if head.length else {})
    assert (await verify(company.ports)).findings == []


async def test_the_first_record_of_a_day_costs_one_write_more_and_the_others_none(company):
    """A chain's very first costs two."""
    costs = []
    for step in (timedelta(), timedelta(), DAY, timedelta()):
        company.clock.move(step)
        before = company.records.writes
        await enter(company, "a")
        costs.append(company.records.writes - before)
    assert costs == [3, 1, 2, 1]


async def test_a_clock_that_went_back_seals_nothing(company):
    """The last seal was made later than now: somebody has to look."""
    await enter(company, "a")
    await seal(company.ports)
    company.clock.set(company.clock.now() - 2 * HOUR)
    with pytest.raises(Permanent, match="a clock is wrong"):
        await seal(company.ports)


async def test_a_seal_that_is_none_any_more_stops_the_next_one(company):
    """Nothing is built on what was tampered with."""
    await enter(company, "a")
    made = await seal(company.ports)
    company.seals.kept[made.name] += b"x"
    company.clock.move(DAY)
    with pytest.raises(Permanent, match="lifecycle verify"):
        await seal(company.ports)


async def test_a_failed_read_seals_nothing(company):
    """An unread end is not an absent one."""
    await enter(company, "a")
    company.records.failures.plan(*[None] * 15, Transient("no answer"))
    with pytest.raises(Transient):
        await seal(company.ports)
    assert company.seals.kept == {}


def test_what_is_written_reads_back():
    """Number, instant, chains and root."""
    entries = [Entry(f"{number:064x}", number, "f" * 64) for number in range(1, 8)]
    made, body = body_of.written(7, START, "a" * 64, entries)
    found, lines = body_of.read(7, body)
    assert (found, [entry_of(line) for line in lines]) == (made, entries)


@pytest.mark.parametrize("byte", range(0, 700, 7))
def test_a_seal_with_any_byte_changed_is_none(byte):
    """Its lines lead to its root, its first line has one form."""
    entries = [Entry(f"{number:064x}", number, "f" * 64) for number in range(1, 5)]
    made, body = body_of.written(7, START, "a" * 64, entries)
    changed = bytearray(body)
    changed[byte % len(body)] ^= 1
    try:
        found, _ = body_of.read(7, bytes(changed))
    except ValueError:
        return
    assert (found.root, found.chains) == (
        made.root,
        made.chains,
    )  # the rest of its first line, the seals around it tell
    assert found != made


@pytest.mark.parametrize("count", range(1, 20))
def test_the_root_is_that_of_the_tree_of_rfc_6962(count):
    """As its definition by halves has it."""

    def root(leaves):
        if len(leaves) == 1:
            return hashlib.sha256(b"\x00" + leaves[0]).digest()
        half = 1
        while half * 2 < len(leaves):
            half *= 2
        return hashlib.sha256(b"\x01" + root(leaves[:half]) + root(leaves[half:])).digest()

    leaves = [bytes([number]) for number in range(count)]
    assert body_of.merkle_root(leaves) == root(leaves).hex()
