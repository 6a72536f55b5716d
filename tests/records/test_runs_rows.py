"""Runs and their backlog as rows: conditional, repeatable, and never beyond what fits."""

from datetime import timedelta

import pytest

from lifecycle.errors import Lost
from lifecycle.records.runs import (
    Queued,
    Run,
    add,
    asked,
    begin,
    close,
    find,
    lost,
    next_of,
    progress,
    reserve,
    taken_up,
    unfinished,
)
from tests.builders import START
from tests.fakes.records import MemoryRecords

RUN = Run("r", "test", START)
NAMES = [f"p{number:03d}" for number in range(200)]


async def test_the_next_people_come_in_order_and_once():
    """As many as there is room for; who was asked for does not come again."""
    records = MemoryRecords()
    await add(records, RUN, NAMES)
    run, people = await next_of(records, "r", 120)
    assert people == NAMES[:120]
    assert await asked(records, run, people)
    run, people = await next_of(records, "r", 120)
    assert (run.asked, people) == (120, NAMES[120:])
    assert not await asked(records, run, people)


async def test_a_run_that_nobody_began_has_nobody_next():
    """Neither counts nor people."""
    records = MemoryRecords()
    assert await next_of(records, "r", 10) is None
    assert await find(records, "r") is None
    assert await progress(records, "r") is None


async def test_adding_does_not_begin_anew():
    """The counts go on, and whole stays whole."""
    records = MemoryRecords()
    await add(records, RUN, ["a"], whole=True)
    await asked(records, RUN, ["a"])
    await add(records, RUN, ["b"])
    run = await find(records, "r")
    assert (run.asked, run.whole) == (1, True)
    await begin(records, RUN)
    assert (await find(records, "r")).asked == 0


async def test_an_empty_run_is_whole():
    """Nobody differs, and that is known."""
    records = MemoryRecords()
    await add(records, RUN, [], whole=True)
    assert (await progress(records, "r")).people == 0
    assert (await find(records, "r")).whole


async def test_a_closed_run_is_not_unfinished_and_keeps_its_counts():
    """What is asked of it later still has an answer."""
    records = MemoryRecords()
    await add(records, RUN, ["a"])
    assert await unfinished(records) == ["r"]
    await close(records, RUN, RUN.begun)
    assert await unfinished(records) == []
    assert (await progress(records, "r")).people == 1


async def test_no_more_is_reserved_than_there_is_room_for():
    """A batch at a time, and nothing when the backlog is full."""
    records = MemoryRecords()
    chosen = []
    while more := await reserve(records, "r", [name for name in NAMES if name not in chosen], 150, START, share=150):
        chosen += more
    assert chosen == NAMES[:150]
    await taken_up(records, "r", NAMES[7])
    assert await reserve(records, "r", NAMES[150:], 150, START, share=200) == NAMES[150:151]


async def test_a_run_reserves_no_more_than_its_share():
    """However much room there is; what others have does not count against it."""
    records = MemoryRecords()
    assert await reserve(records, "rr", NAMES[:30], 150, START, share=30) == NAMES[:30]
    assert await reserve(records, "r", NAMES, 150, START, share=40) == NAMES[:40]
    assert await reserve(records, "r", NAMES[40:], 150, START, share=40) == []
    assert await reserve(records, "other", NAMES, 100, START, share=40) == NAMES[:30]


async def test_two_who_reserve_at_once_share_the_room():
    """The second one loses its write and reads again; together they have what there is."""
    records = MemoryRecords()
    rows, others = records.rows, []

    async def overtaken(partition, **bounds):
        found = await rows(partition, **bounds)
        if not others:
            others.append("at it")
            others.extend(await reserve(records, "a", NAMES[:60], 100, START, share=100))
        return found

    records.rows = overtaken
    chosen = await reserve(records, "b", NAMES[:60], 100, START, share=100)
    assert (len(others) - 1, len(chosen)) == (60, 40)


async def test_a_backlog_that_keeps_moving_is_tried_again_later():
    """Not for ever: it is raised as lost."""
    records = MemoryRecords()
    records.failures.plan(*[None, None, Lost("moved")] * 20)
    with pytest.raises(Lost, match="backlog"):
        await reserve(records, "r", NAMES, 10, START, share=10)


async def test_a_check_that_was_never_taken_up_is_lost():
    """From so long ago, and only those."""
    records = MemoryRecords()
    later = START + timedelta(minutes=1)
    await reserve(records, "r", ["a", "b"], 10, START, share=10)
    await reserve(records, "r", ["c"], 10, later, share=10)
    await taken_up(records, "r", "a")
    assert await lost(records, later) == [Queued("r", "b", START)]
