"""Reads the next page of a long list while the last one is being worked on: one page ahead of each list, never more.

Nobody waits for a page that is not asked for: it is dropped when another one is, or when it has grown old. A page that
could not be read ahead raises when it is asked for, and only then.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic

from lifecycle.ports import Page

_FRESH = 60.0
"""Seconds for which a page that was read ahead may wait: who comes later wants to know how it is then."""


_TURNS = 8
"""Turns of the event loop until a request is on the wire: six over HTTP/2, counted through the whole pipeline."""


@dataclass(frozen=True, slots=True)
class _Next[T]:
    link: str
    task: asyncio.Task[Page[T]]
    at: float


class Ahead[T]:
    """Pages of lists that have names, by `read(name, link)`; each page starts the reading of the one behind it."""

    def __init__(self, read: Callable[[str, str], Awaitable[Page[T]]]) -> None:
        self._read = read
        self._next: dict[str, _Next[T]] = {}

    async def page(self, name: str, link: str) -> Page[T]:
        """Return that page, read by now or not. Raises as `read` does."""
        task = self._taken(name, link)
        page = await (self._read(name, link) if task is None else task)
        if page.link:
            self._drop(name)  # somebody else reads the same list
            task = asyncio.create_task(self._reading(name, page.link))
            task.add_done_callback(_heard)
            self._next[name] = _Next(page.link, task, monotonic())
            await _under_way(task)
        return page

    async def close(self) -> None:
        """Drop everything that was read ahead; the tasks of this event loop have ended when this returns."""
        tasks = [dropped for name in list(self._next) if (dropped := self._drop(name)) is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _reading(self, name: str, link: str) -> Page[T]:
        return await self._read(name, link)

    def _taken(self, name: str, link: str) -> asyncio.Task[Page[T]] | None:
        """Return the task that reads this page, which is the caller's from now on."""
        ahead = self._next.get(name)
        fits = ahead is not None and ahead.link == link and monotonic() - ahead.at < _FRESH and _is_here(ahead.task)
        if ahead is None or not fits:
            self._drop(name)
            return None
        del self._next[name]
        return ahead.task

    def _drop(self, name: str) -> asyncio.Task[Page[T]] | None:
        ahead = self._next.pop(name, None)
        if ahead is None or not _is_here(ahead.task):
            return None  # the loop that it ran in has ended it
        ahead.task.cancel()
        return ahead.task


async def _under_way[T](task: asyncio.Task[Page[T]]) -> None:
    """Let a reading begin: whoever works on a page without a pause would else hold up the request for the next one."""
    for _ in range(_TURNS):
        if task.done():
            return
        await asyncio.sleep(0)


def _is_here[T](task: asyncio.Task[Page[T]]) -> bool:
    return task.get_loop() is asyncio.get_running_loop()


def _heard[T](task: asyncio.Task[Page[T]]) -> None:
    """Take note of how it ended, as asyncio complains of errors that nobody asks for."""
    if not task.cancelled():
        task.exception()
