"""How far a sweep is: kept, read back, and forgotten whole."""

from datetime import timedelta

from lifecycle.records.checkpoints import Checkpoint, Stray, open_checkpoint
from tests.builders import START
from tests.fakes.faults import Crash
from tests.fakes.records import MemoryRecords

STRAY = Stray("a-9", "user-9", "e9", auto=True)


async def read_on(at, pages, *, first=0, last=False, strays=(), each=timedelta()):
    """Keep so many pages of two rows, each of which takes so long; `last`: there is none behind them."""
    for number in range(first, first + pages):
        link = "" if last and number == first + pages - 1 else f"link-{number + 1}"
        await at.keep(link, [number], list(strays), 2, START + number * each)


async def test_what_was_kept_is_read_back():
    """Link, counts, marks and strays, of every page that was saved."""
    records = MemoryRecords()
    at = await open_checkpoint(records, "night", "care")
    await read_on(at, 3, strays=[STRAY])
    await at.save()
    await read_on(at, 2, first=3)
    await at.save()
    again = await open_checkpoint(records, "night", "care")
    assert (again.link, again.pages, again.rows, again.whole) == ("link-5", 5, 10, False)
    assert (list(again.seen), again.strays) == ([0, 1, 2, 3, 4], [STRAY] * 3)


async def test_it_saves_itself_every_few_pages():
    """A sweep that dies reads a few pages again, not all of them."""
    records = MemoryRecords()
    await read_on(await open_checkpoint(records, "night", "care"), 25)
    again = await open_checkpoint(records, "night", "care")
    assert 15 <= again.pages <= 25
    assert again.link == f"link-{again.pages}"
    assert len(again.seen) == again.pages


async def test_pages_that_take_their_time_are_saved_one_by_one():
    """As Graph sends them: nothing is read twice but the page that was under way."""
    records = MemoryRecords()
    await read_on(await open_checkpoint(records, "night", "care"), 7, each=timedelta(milliseconds=250))
    assert (await open_checkpoint(records, "night", "care")).pages == 7


async def test_saving_nothing_new_writes_nothing():
    """Twice is once."""
    records = MemoryRecords()
    at = await open_checkpoint(records, "night", "care")
    await at.save()
    await read_on(at, 1)
    await at.save()
    await at.save()
    assert records.writes == 1


async def test_behind_the_last_page_it_is_whole():
    """And not at its beginning again, though neither has a link."""
    records = MemoryRecords()
    at = await open_checkpoint(records, "night", "care")
    assert not at.whole
    await read_on(at, 4, last=True)
    await at.save()
    assert (await open_checkpoint(records, "night", "care")).whole
    await at.drop()
    assert not at.whole


async def test_each_run_and_package_has_its_own():
    """One does not go on where another was left."""
    records = MemoryRecords()
    at = await open_checkpoint(records, "night", "care")
    await read_on(at, 1)
    await at.save()
    assert (await open_checkpoint(records, "night", "base")).pages == 0
    assert (await open_checkpoint(records, "morrow", "care")).pages == 0


async def test_a_death_while_it_is_forgotten_leaves_nothing_for_the_next():
    """Rows of pages behind the head that is kept anew are not believed."""
    records = MemoryRecords()
    at = await open_checkpoint(records, "night", "care")
    for _ in range(150):
        await read_on(at, 1, first=at.pages, strays=[STRAY])
        await at.save()
    records.crash_after = records.writes + 1
    try:
        await at.drop()
    except Crash:
        records.crash_after = None
    anew = await open_checkpoint(records, "night", "care")
    assert (anew.pages, anew.strays) == (0, [])
    await read_on(anew, 2)
    await anew.save()
    again = await open_checkpoint(records, "night", "care")
    assert (again.pages, list(again.seen), again.strays) == (2, [0, 1], [])


async def test_that_of_a_dry_run_is_dropped_without_a_write():
    """It has no place among the records."""
    records = MemoryRecords()
    at = Checkpoint(records, "", link="x", pages=3, strays=[STRAY])
    await at.drop()
    assert (at.link, at.pages, at.strays, records.writes) == ("", 0, [], 0)
