"""How requests are counted, on the stand-in for the store."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.core.budget import Spent
from lifecycle.errors import Lost, Transient
from lifecycle.records import budget
from lifecycle.records.budget import Meter, Span
from tests.fakes.records import MemoryRecords


def utc(year, month, day):
    return datetime(year, month, day, tzinfo=UTC)


NOW = utc(2026, 4, 1) + timedelta(hours=12, minutes=30)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TODAY, YESTERDAY = utc(2026, 4, 1), utc(2026, 3, 31)


async def send(records, many, at):
    for number in range(many):
        await budget.count(records, f"{at.isoformat()} {number}", at)


async def test_ours_count_when_nothing_was_asked():
    """Without a word from Graph the tenant's requests are ours."""
    records = MemoryRecords()
    await send(records, 30, NOW)
    await send(records, 3, NOW - 5 * DAY)
    assert await budget.spent(records, NOW) == Spent(33, 33)


async def test_concurrent_senders_lose_no_count():
    """Forty senders interleaved at every access count forty, in rows that most of them have to themselves."""
    dice = random.Random(7)  # noqa: S311 - dice for interleavings

    async def pause():
        for _ in range(dice.randrange(4)):
            await asyncio.sleep(0)

    records = MemoryRecords(pause=pause)
    await asyncio.gather(*(budget.count(records, f"token {number}", NOW) for number in range(40)))
    assert await budget.spent(records, NOW) == Spent(40, 40)
    assert len(records.keys("budget")) > 8


async def test_a_row_that_moved_sends_the_count_to_the_next():
    """A sender who loses a row takes another one, and gives up only when it lost all sixteen."""
    records = MemoryRecords()
    write, losses, tried = records.write, [Lost("moved")] * 15, set()

    async def losing(partition, changes):
        tried.update(change.key for change in changes)
        if losses:
            raise losses.pop()
        return await write(partition, changes)

    records.write = losing
    await budget.count(records, "token", NOW)
    assert await budget.spent(records, NOW) == Spent(1, 1)
    assert len(tried) == 16
    losses += [Lost("moved")] * 16
    with pytest.raises(Lost):
        await budget.count(records, "token", NOW)


async def test_graph_s_number_holds_for_a_closed_day():
    """What Graph counted on a whole day includes ours of that day; ours of today come on top."""
    records = MemoryRecords()
    await send(records, 10, YESTERDAY + HOUR)
    await send(records, 4, TODAY + HOUR)
    await budget.calibrated(records, Span(YESTERDAY, TODAY), 100)
    assert await budget.spent(records, NOW) == Spent(104, 14)


async def test_ours_since_graph_was_asked_come_on_top():
    """On a day that Graph was asked about in part, ours from that hour on are added and ours before it are not."""
    records = MemoryRecords()
    await send(records, 10, TODAY + 8 * HOUR)
    await send(records, 3, TODAY + 12 * HOUR)
    await budget.calibrated(records, Span(TODAY, TODAY + 12 * HOUR), 50)
    assert await budget.spent(records, NOW) == Spent(53, 13)


async def test_a_day_never_counts_less_than_ours():
    """Where Graph tells of fewer requests than we sent, ours count."""
    records = MemoryRecords()
    await send(records, 10, YESTERDAY)
    await budget.calibrated(records, Span(YESTERDAY, TODAY), 2)
    assert await budget.spent(records, NOW) == Spent(10, 10)


async def test_a_closed_day_is_one_row():
    """Closing a day folds our rows into its own in one write; ours are as many as before."""
    records = MemoryRecords()
    await send(records, 40, YESTERDAY)
    writes = records.writes
    await budget.calibrated(records, Span(YESTERDAY, TODAY), 60)
    assert records.keys("budget") == ["20260331"]
    assert records.writes == writes + 1
    assert await budget.spent(records, NOW) == Spent(60, 40)


async def test_a_late_count_of_a_closed_day_is_not_lost():
    """A count that arrives after its day was closed is ours all the same, and Graph's number has it already."""
    records = MemoryRecords()
    await budget.calibrated(records, Span(YESTERDAY, TODAY), 60)
    await send(records, 2, TODAY - timedelta(seconds=1))
    assert await budget.spent(records, NOW) == Spent(60, 2)


async def test_what_was_asked_later_stands():
    """An answer about less of a day than is known changes nothing, and closing a day twice is closing it once."""
    records = MemoryRecords()
    await send(records, 5, YESTERDAY)
    for _ in range(2):
        await budget.calibrated(records, Span(YESTERDAY, TODAY), 60)
    await budget.calibrated(records, Span(YESTERDAY, YESTERDAY + HOUR), 1)
    assert await budget.spent(records, NOW) == Spent(60, 5)


async def test_a_count_that_comes_while_a_day_is_closed_is_kept():
    """Closing a day loses its race against a count, reads again and keeps it."""
    records = MemoryRecords()
    await budget.count(records, "token", YESTERDAY)
    read = records.rows

    async def counted_behind_our_back(partition, **bounds):
        found = await read(partition, **bounds)
        records.rows = read
        await budget.count(records, "token", YESTERDAY)
        return found

    records.rows = counted_behind_our_back
    await budget.calibrated(records, Span(YESTERDAY, TODAY), 60)
    assert await budget.spent(records, NOW) == Spent(60, 2)


async def test_every_day_of_the_quarter_is_asked_about_once():
    """At first all 91 days are open, today's up to the last settled hour; a day that was told is not asked again."""
    records = MemoryRecords()
    spans = await budget.uncalibrated(records, NOW)
    assert len(spans) == 91
    assert spans[0] == Span(utc(2026, 1, 1), utc(2026, 1, 2))
    assert spans[-1] == Span(TODAY, TODAY + 12 * HOUR)
    for span in spans:
        await budget.calibrated(records, span, 1)
    assert await budget.uncalibrated(records, NOW + timedelta(minutes=5)) == []
    assert await budget.uncalibrated(records, NOW + HOUR) == [Span(TODAY, TODAY + 13 * HOUR)]
    assert await budget.uncalibrated(records, TODAY + DAY + HOUR) == [
        Span(TODAY, TODAY + DAY),
    ]


async def test_an_hour_is_not_asked_about_before_it_settled():
    """Just after an hour, and just after a day, Graph's lists may lack the newest requests."""
    records = MemoryRecords()
    spans = await budget.uncalibrated(records, TODAY + timedelta(minutes=9))
    assert spans[-1] == Span(YESTERDAY, TODAY - HOUR)
    spans = await budget.uncalibrated(records, TODAY + timedelta(minutes=10))
    assert spans[-1] == Span(YESTERDAY, TODAY)


async def test_days_older_than_the_quarter_go():
    """Pruning forgets what no longer counts, however much it is, and nothing else."""
    records = MemoryRecords()
    for day in range(102, 85, -1):
        await send(records, 30, NOW - day * DAY)
    await budget.note_warning(records, NOW)
    assert await budget.spent(records, NOW) == Spent(150, 150)
    await budget.prune(records, NOW)
    assert await budget.spent(records, NOW) == Spent(150, 150)
    assert min(records.keys("budget")).startswith("20260101")
    assert await budget.warned(records, NOW)


async def test_a_warning_holds_for_its_day():
    """Whether a notice went out is known for that UTC day alone."""
    records = MemoryRecords()
    assert not await budget.warned(records, NOW)
    await budget.note_warning(records, NOW)
    assert await budget.warned(records, NOW + 11 * HOUR)
    assert not await budget.warned(records, NOW + 12 * HOUR)


async def test_a_meter_reads_once_a_minute():
    """Asked before every change, by many at once, the meter reads once a minute and counts its own at once."""
    records = MemoryRecords()
    await send(records, 5, NOW)
    reads = 0
    read = records.rows

    async def counted(partition, **bounds):
        nonlocal reads
        reads += 1
        await asyncio.sleep(0)
        return await read(partition, **bounds)

    records.rows = counted
    meter = Meter(records)
    assert await asyncio.gather(*(meter.spent(NOW) for _ in range(16))) == [Spent(5, 5)] * 16
    await meter.count("mine", NOW)
    await budget.count(records, "another instance's", NOW)
    assert await meter.spent(NOW + timedelta(seconds=59)) == Spent(6, 6)
    assert reads == 1
    assert await meter.spent(NOW + timedelta(seconds=60)) == Spent(7, 7)
    assert reads == 2


async def test_a_meter_that_cannot_read_says_so():
    """A failed read is no empty one, and the next asking reads again."""
    records = MemoryRecords()
    await send(records, 5, NOW)
    meter, read = Meter(records), records.rows

    async def failing(partition, **bounds):
        raise Transient("no answer")

    records.rows = failing
    with pytest.raises(Transient):
        await meter.spent(NOW)
    records.rows = read
    assert await meter.spent(NOW) == Spent(5, 5)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 71), st.booleans()), max_size=40),
    st.lists(st.integers(0, 73), max_size=4),
)
def test_counting_equals_an_oracle(sent, asked_at):
    """Whoever sends when, and whenever Graph is asked: what it was asked about counts whole, since then ours do."""

    async def law():
        records, start = MemoryRecords(), utc(2026, 3, 1)
        told = range(0)
        for hour in range(74):
            at = start + hour * HOUR
            for number, (when, ours) in enumerate(sent):
                if when == hour and ours:
                    await budget.count(records, f"{number}", at)
            if hour in asked_at:
                for span in await budget.uncalibrated(records, at + timedelta(minutes=30)):
                    counted = sum(span.since <= start + when * HOUR < span.until for when, _ in sent)
                    await budget.calibrated(records, span, counted)
                told = range(hour)
        expected = sum(ours or when in told for when, ours in sent)
        mine = sum(ours for _, ours in sent)
        assert await budget.spent(records, start + 74 * HOUR) == Spent(expected, mine)

    asyncio.run(law())
