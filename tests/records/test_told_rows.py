"""Marks of what was told: set before the look, taken away by the look that read it, and by no other."""

from datetime import timedelta

from lifecycle.records.told import Mark, done, forgotten, put_off, read, tell
from tests.builders import START
from tests.fakes.records import MemoryRecords

MINUTE = timedelta(minutes=1)


def mark(name="e1", cause="event:a", at=START, **changes):
    return Mark(name, cause, "", at, **changes)


async def test_a_mark_is_gone_once_it_is_done():
    """And doing it twice is doing it once."""
    records = MemoryRecords()
    await tell(records, mark())
    found = await read(records, "e1")
    assert found.mark == mark()
    await done(records, found)
    await done(records, found)
    await done(records, None)
    assert await read(records, "e1") is None


async def test_what_was_told_since_stays():
    """A look takes away only the mark that it read."""
    records = MemoryRecords()
    await tell(records, mark())
    found = await read(records, "e1")
    await tell(records, mark(cause="event:b"))
    await done(records, found)
    await put_off(records, found, START + 99 * MINUTE)
    assert (await read(records, "e1")).mark == mark(cause="event:b")


async def test_the_same_mark_told_again_stays_too():
    """It is the telling that counts, not what it says."""
    records = MemoryRecords()
    await tell(records, mark())
    found = await read(records, "e1")
    await tell(records, mark())
    await done(records, found)
    assert await read(records, "e1") is not None


async def test_what_is_put_off_is_forgotten_later():
    """A look that was scheduled for later is no lost one."""
    records = MemoryRecords()
    await tell(records, mark())
    await put_off(records, await read(records, "e1"), START + 60 * MINUTE)
    assert await forgotten(records, START + 60 * MINUTE) == []
    (one,) = await forgotten(records, START + 61 * MINUTE)
    assert one.mark == mark(due=START + 60 * MINUTE)


async def test_a_person_and_a_project_of_one_name_are_two():
    """Ids of persons and of projects may be alike."""
    records = MemoryRecords()
    await tell(records, mark("p1"))
    await tell(records, mark("p1", project=True))
    await done(records, await read(records, "p1"))
    assert (await read(records, "p1", project=True)).mark.project


async def test_everybody_is_found_in_whatever_shard():
    """Only those before the instant, and that one excluded."""
    records = MemoryRecords()
    names = [f"e{number}" for number in range(60)]
    for name in names:
        await tell(records, mark(name))
    await tell(records, mark("young", at=START + MINUTE))
    assert {one.mark.name for one in await forgotten(records, START + MINUTE)} == set(names)
    assert len([name for name in records.partitions() if name.startswith("told-")]) > 8
