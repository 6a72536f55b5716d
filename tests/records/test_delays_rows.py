"""Delays as rows: one place each, and figures that are kept until something of their month changes."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lifecycle.core.delays import Class, summarise
from lifecycle.records import delays
from tests.core.test_delays import DUE, HOUR, a_delay
from tests.fakes.records import MemoryRecords

NOVEMBER, DECEMBER = "2026-11", "2026-12"


class Counting(MemoryRecords):
    """Counts what is read."""

    reads = 0

    async def rows(self, partition, **bounds):
        self.reads += 1
        return await super().rows(partition, **bounds)


@pytest.fixture
def records():
    return Counting()


async def test_an_open_delay_moves_when_it_is_gone(records):
    """It is in one place at a time, under its person and class, and written twice it is still one."""
    for _ in range(2):
        await delays.note(records, None, a_delay())
    assert await delays.still_open(records) == [a_delay()]
    gone = a_delay(took=2 * HOUR)
    for _ in range(2):
        await delays.note(records, a_delay(), gone)
    assert await delays.still_open(records) == []
    assert await delays.of_months(records, [NOVEMBER, DECEMBER]) == [gone]
    assert await delays.late(records, [NOVEMBER]) == [gone]
    assert await delays.late(records, [DECEMBER]) == []


async def test_a_delay_whose_due_moves_leaves_nothing_behind(records):
    """A correction may move it into another month, and it may open again."""
    gone = a_delay(took=HOUR)
    await delays.note(records, None, gone)
    assert (await delays.summaries(records, [NOVEMBER]))[NOVEMBER][0].count == 1
    later = replace(gone, due=DUE + timedelta(days=1), confirmed=DUE + timedelta(days=2))
    await delays.note(records, gone, later)
    found = await delays.summaries(records, [NOVEMBER, DECEMBER])
    assert (found[NOVEMBER], found[DECEMBER][0].count) == ((), 1)
    opened = replace(later, confirmed=None)
    await delays.note(records, later, opened)
    assert await delays.of_months(records, [NOVEMBER, DECEMBER]) == [opened]
    assert (await delays.summaries(records, [DECEMBER]))[DECEMBER][0].open == 1


async def test_a_month_that_stands_is_one_small_row(records):
    """Five years of which nothing changed are one read, and the open delays another."""
    months = [f"{year}-{month:02}" for year in range(2022, 2027) for month in range(1, 13)]
    for number in range(200):
        due = datetime(2022 + number % 5, 1 + number % 12, 3, tzinfo=UTC)
        await delays.note(records, None, a_delay(person=f"e{number}", due=due, confirmed=due + HOUR))
    first = await delays.summaries(records, months)
    assert sum(one.count for found in first.values() for one in found) == 200
    records.reads = 0
    assert await delays.summaries(records, months) == first
    assert records.reads == 1 + 16
    assert [row.key for row in await records.rows("delays") if len(row.value) > 1000] == []


async def test_a_late_confirmation_reaches_the_figures_of_its_month(records):
    """The figures were kept; a delay that ends months later has them computed anew, once."""
    await delays.note(records, None, a_delay(person="e2", took=HOUR))
    await delays.note(records, None, a_delay())
    (before,) = (await delays.summaries(records, [NOVEMBER]))[NOVEMBER]
    assert (before.count, before.open, before.max) == (2, 1, HOUR)
    long = timedelta(days=90)
    await delays.note(records, a_delay(), a_delay(took=long))
    (after,) = (await delays.summaries(records, [NOVEMBER]))[NOVEMBER]
    assert (after.count, after.open, after.within, after.max) == (2, 0, 1, long)
    records.reads = 0
    await delays.summaries(records, [NOVEMBER])
    assert records.reads == 1 + 16


async def test_what_ends_while_figures_are_computed_is_not_lost(records):
    """A reader that was overtaken keeps nothing: the next one counts everybody."""
    await delays.note(records, None, a_delay(took=HOUR))
    reached, waits = asyncio.Event(), asyncio.Event()
    read = records.rows

    async def slowly(partition, **bounds):
        found = await read(partition, **bounds)
        if partition.startswith(f"delays-{NOVEMBER}"):
            reached.set()
            await waits.wait()
        return found

    records.rows = slowly
    reader = asyncio.create_task(delays.summaries(records, [NOVEMBER]))
    await reached.wait()
    await delays.note(records, None, a_delay(person="e2", took=HOUR))
    waits.set()
    await reader
    assert (await delays.summaries(records, [NOVEMBER]))[NOVEMBER][0].count == 2


@pytest.mark.parametrize("write", range(1, 4))
async def test_a_death_between_two_writes_is_mended_by_the_next(records, write):
    """Whatever was written before it, writing again leaves one row and figures that count it."""
    records.crash_after = write
    try:
        await delays.note(records, None, a_delay(took=HOUR))
    except BaseException:  # noqa: BLE001 - the death
        records.crash_after = None
    await delays.summaries(records, [NOVEMBER])
    await delays.note(records, None, a_delay(took=HOUR))
    found = await delays.of_months(records, [NOVEMBER])
    assert found == [a_delay(took=HOUR)]
    assert (await delays.summaries(records, [NOVEMBER]))[NOVEMBER] == summarise(found)


async def test_many_leavers_of_one_day_lie_apart(records):
    """They lie in sixteen partitions, evenly, and none of them is read to count another month."""
    for number in range(1500):
        await delays.note(records, None, a_delay(Class.NOTICE, HOUR, person=f"e{number}"))
    shards = [name for name in records.partitions() if name.startswith(f"delays-{NOVEMBER}-")]
    assert len(shards) == 16
    assert max(len(records.keys(name)) for name in shards) < 200
    assert (await delays.summaries(records, [DECEMBER, NOVEMBER]))[NOVEMBER][0].count == 1500
