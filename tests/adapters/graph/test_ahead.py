"""That one page is read ahead of who reads a list, and that nothing comes of it that was not asked for."""

import asyncio

import pytest

from lifecycle.adapters.graph.ahead import Ahead
from lifecycle.errors import Transient
from lifecycle.ports import Page


class Lists:
    """Lists of four pages; `broken` ones cannot be read, `held` lets reading wait, `turns` pass before one is asked."""

    def __init__(self):
        self.read: list[tuple[str, str]] = []
        self.broken: set[str] = set()
        self.held = asyncio.Event()
        self.held.set()
        self.turns = 0

    async def __call__(self, name, link):
        for _ in range(self.turns):
            await asyncio.sleep(0)
        self.read.append((name, link))
        await self.held.wait()
        if link in self.broken:
            raise Transient("it cannot be read")
        number = int(link or 1)
        return Page([number], str(number + 1) if number < 4 else "")


async def _idle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_every_page_is_read_once_and_in_order():
    """Reading a list through gives each page, and reads each once."""
    lists = Lists()
    ahead, link, rows = Ahead(lists), "", []
    while True:
        page = await ahead.page("a", link)
        rows += page.rows
        await _idle()
        if not (link := page.link):
            break

    assert rows == [1, 2, 3, 4]
    assert lists.read == [("a", ""), ("a", "2"), ("a", "3"), ("a", "4")]


async def test_the_next_page_is_read_before_it_is_asked_for_and_no_further_one():
    """One page lies ahead of each list, whoever reads the other."""
    lists = Lists()
    ahead = Ahead(lists)
    await ahead.page("a", "")
    await ahead.page("b", "")
    await _idle()

    assert sorted(lists.read) == [("a", ""), ("a", "2"), ("b", ""), ("b", "2")]
    assert (await ahead.page("a", "2")).rows == [2]
    assert lists.read.count(("a", "2")) == 1
    await ahead.close()


async def test_the_next_page_is_asked_for_before_the_caller_goes_on():
    """Whoever works on a page at once, without a pause, does not hold up the request for the next one."""
    lists = Lists()
    lists.turns = 6
    ahead = Ahead(lists)
    await ahead.page("a", "")

    assert lists.read == [("a", ""), ("a", "2")]
    await ahead.close()


async def test_what_could_not_be_read_ahead_raises_when_it_is_asked_for_and_is_then_read_again():
    """A failure ahead is silent until somebody wants that page; the next try reads it anew."""
    lists = Lists()
    lists.broken = {"2"}
    ahead = Ahead(lists)
    await ahead.page("a", "")
    await _idle()

    with pytest.raises(Transient):
        await ahead.page("a", "2")
    lists.broken.clear()
    assert (await ahead.page("a", "2")).rows == [2]
    await ahead.close()


async def test_a_failure_that_nobody_asks_for_is_no_error():
    """The loop hears of it, so that it does not complain of an exception that was never retrieved."""
    said = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
    lists = Lists()
    lists.broken = {"2"}
    ahead = Ahead(lists)
    await ahead.page("a", "")
    await _idle()
    await ahead.close()
    del ahead
    await _idle()

    assert said == []


async def test_another_page_than_the_next_is_read_as_it_is_now():
    """Who begins anew gets nothing that was read for the one before, whose reading is given up."""
    lists = Lists()
    lists.turns = 20
    ahead = Ahead(lists)
    await ahead.page("a", "")

    assert (await ahead.page("a", "")).rows == [1]
    assert lists.read == [("a", ""), ("a", "")]
    await ahead.close()


async def test_an_old_page_is_not_served(monkeypatch):
    """What was read ahead a minute ago is read again."""
    now = [0.0]
    monkeypatch.setattr("lifecycle.adapters.graph.ahead.monotonic", lambda: now[0])
    lists = Lists()
    ahead = Ahead(lists)
    await ahead.page("a", "")
    await _idle()
    now[0] = 61.0
    await ahead.page("a", "2")
    await ahead.close()

    assert lists.read.count(("a", "2")) == 2


async def test_close_ends_what_is_being_read():
    """No task is left when it returns."""
    lists = Lists()
    lists.turns = 20
    ahead = Ahead(lists)
    await ahead.page("a", "")
    await ahead.close()

    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_another_event_loop_begins_afresh():
    """What one loop read ahead is nothing to the next."""
    lists = None

    async def first():
        nonlocal lists
        lists = Lists()
        ahead = Ahead(lists)
        await ahead.page("a", "")
        return ahead

    async def second(ahead):
        lists.held = asyncio.Event()
        lists.held.set()
        assert (await ahead.page("a", "2")).rows == [2]
        await ahead.close()

    asyncio.run(second(asyncio.run(first())))
