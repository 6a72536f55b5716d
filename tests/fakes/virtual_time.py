"""A loop whose time leaps: it passes only while everybody waits, exactly and without any waiting."""

import asyncio
import selectors
from datetime import timedelta

from tests.fakes.clock import NOON


class _Leap(selectors.SelectSelector):
    """Waits for nothing: the loop's time leaps instead."""

    now = 0.0

    def select(self, timeout=None):
        if timeout is None:
            raise AssertionError("everybody waits for ever")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        self.leap = _Leap()
        super().__init__(self.leap)

    def time(self):
        return self.leap.now


class VirtualClock:
    """The wall's time, in step with the loop's."""

    def __init__(self, loop):
        self.loop = loop

    def now(self):
        return NOON + timedelta(seconds=self.loop.time())


def virtually(test):
    """Run the test, a coroutine function, in virtual time."""

    def run():
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(test())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run
