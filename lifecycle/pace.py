"""Shares the rate of writes to Graph among the instances, urgent ones first.

Graph takes 3,000 writes in 150 seconds to the directory (Graph docs, "throttling limits": identity and access) and
publishes no number for entitlement management, so the shared rate starts there and gives way to what Graph says. Each
writing instance holds a lease in the records and takes its part of the rate; no instance asks another before a write.
"""

import asyncio
import time as machine
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta

from lifecycle.errors import SentAway, Transient
from lifecycle.ports import Clock, Records
from lifecycle.records import leases

WRITES_PER_SECOND = 20.0
"""3,000 in 150 seconds."""

RENEWED = timedelta(seconds=20).total_seconds()
"""How long an instance relies on what it knows of the others; a third of a lease."""

PATIENCE = timedelta(seconds=5).total_seconds()
"""How long a write that is not urgent waits in place; beyond that its message should not hold a worker."""

FURTHEST = timedelta(minutes=10).total_seconds()
"""How far in the future a write is sent away at most."""

_LASTS = leases.LASTS.total_seconds()
_BURST = 0.25  # seconds' worth of turns that may be saved up: enough for a late wake-up, too little to be noticed
_NEWCOMER = 0.1  # of its part, until the others have learned of it
_COMPLAINT = 0.8  # of the limit, from where Graph says how much is used
_CUT = 0.3  # at the limit
_RECOVERY = 0.05  # of the full rate, each second without a complaint
_ENOUGH = 1 - 1e-9  # a turn, but for the rounding of sums of small times


class _Ease:
    """How much of the full rate Graph is content with: cut at complaints, growing back evenly."""

    def __init__(self) -> None:
        self._factor = 1.0
        self._since = self._cut_at = float("-inf")

    def factor(self, now: float) -> float:
        """Return the share of the full rate, up to 1; what grows back between two cuts keeps it above a tenth."""
        return min(1.0, self._factor + _RECOVERY * (now - self._since))

    def complain(self, used: float, now: float) -> None:
        """Slow down in proportion to the share of the limit that is used, at most once a second."""
        self._factor, self._since = self.factor(now), now
        if now - self._cut_at >= 1.0:
            cut = _CUT * (min(used, 1.0) - _COMPLAINT) / (1.0 - _COMPLAINT)
            self._factor *= 1.0 - cut
            self._cut_at = now


class _Bucket:
    """Turns that have come and were not taken; they come at a rate and only a few are kept."""

    def __init__(self, now: float) -> None:
        self._turns, self._at = 1.0, now

    def settle(self, now: float, rate: float) -> None:
        """Let the turns come that came since it was last looked at."""
        most = max(1.0, rate * _BURST)
        self._turns = min(most, self._turns + rate * (now - self._at))
        self._at = now

    def take(self) -> bool:
        """Take a turn, if there is one."""
        if self._turns < _ENOUGH:
            return False
        self._turns -= 1.0
        return True

    def missing(self, turns: int) -> float:
        """Return how many turns must still come before that many can be taken."""
        return max(0.0, turns - self._turns)


class SharedPace:
    """Implements `Pace`, for one event loop.

    `writes_per_second` is the rate of all instances together. `time` gives seconds that only grow; `clock` dates the
    leases, which instances compare with each other. Call `close` when the instance stops.
    """

    def __init__(
        self,
        records: Records,
        clock: Clock,
        *,
        writes_per_second: float = WRITES_PER_SECOND,
        instance: str = "",
        time: Callable[[], float] = machine.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._records, self._clock, self._time, self._sleep = records, clock, time, sleep
        self._full = writes_per_second
        self._instance = instance or uuid.uuid4().hex
        self._ease, self._bucket = _Ease(), _Bucket(time())
        self._live = 0  # until the first renewal
        self._renewing = asyncio.Lock()
        self._renew_at = self._renewed_at = self._newcomer_until = float("-inf")
        self._urgent_line, self._line = asyncio.Lock(), asyncio.Lock()  # a lock lets in whoever came first
        self._urgent = self._others = 0
        self._sent_away = float("-inf")

    # --- the port ---

    async def turn(self, *, urgent: bool) -> None:
        """Return when the next write may be sent: what is urgent waits in place, before all that is not.

        Raises `SentAway` when a write that is not urgent would wait for longer than `PATIENCE` or behind urgent ones.
        """
        await self._know_the_others()
        if urgent:
            await self._urgent_turn()
        else:
            await self._other_turn()

    def heard(self, throttle: float) -> None:
        """Slow down when Graph says that 0.8 of the limit or more is used (1: it refused); recover when it does not."""
        if throttle >= _COMPLAINT:
            now = self._settled()
            self._ease.complain(throttle, now)

    async def close(self) -> None:
        """Give up this instance's part. A failure is no matter: the lease ends by itself."""
        try:
            await leases.release(self._records, self._instance)
        except Transient:
            return

    # --- turns ---

    async def _urgent_turn(self) -> None:
        self._urgent += 1
        try:
            async with self._urgent_line:
                while not self._take():
                    await self._sleep(self._until_next())
        finally:
            self._urgent -= 1

    async def _other_turn(self) -> None:
        arrived = self._settled()
        if self._urgent or self._wait(self._others + 1) > PATIENCE:
            raise self._away()
        self._others += 1
        try:
            async with self._line:
                while self._urgent or not self._take():
                    if self._urgent or self._time() - arrived > PATIENCE:
                        raise self._away()
                    await self._sleep(self._until_next())
        finally:
            self._others -= 1

    def _take(self) -> bool:
        self._settled()
        return self._bucket.take()

    def _wait(self, turns: int) -> float:
        """Return how many seconds it takes until that many more turns have come."""
        return self._bucket.missing(turns) / self._rate(self._time())

    def _until_next(self) -> float:
        """Return how long to sleep for the next turn; never long, because the rate may have grown meanwhile."""
        return min(1.0, self._wait(1))

    def _away(self) -> SentAway:
        """Send away, each behind the one before: they would all come back at once otherwise."""
        now = self._settled()
        rate = self._rate(now)
        self._sent_away = max(self._sent_away, now + self._wait(self._urgent + self._others)) + 1 / rate
        later = timedelta(seconds=min(self._sent_away - now, FURTHEST))
        return SentAway("Writes to Graph wait for their turn; this one is looked at again later.", retry_after=later)

    # --- the rate ---

    def _settled(self) -> float:
        """Bring the bucket up to now, at the rate that held until now, and return now."""
        now = self._time()
        self._bucket.settle(now, self._rate(now))
        return now

    def _rate(self, now: float) -> float:
        """Return this instance's writes a second."""
        part = self._full / max(1, self._live) * self._ease.factor(now)
        return part * _NEWCOMER if now < self._newcomer_until else part

    async def _know_the_others(self) -> None:
        """Renew the lease when it is time; the first time all wait for it, later only the one who does it."""
        if self._time() < self._renew_at or (self._live and self._renewing.locked()):
            return
        async with self._renewing:
            if self._time() < self._renew_at:
                return
            try:
                live = await leases.renew(self._records, self._instance, self._clock.now())
            except Transient:  # what was known before must do; writing goes on
                self._live = max(1, self._live)
                self._renew_at = self._time() + RENEWED
            else:
                self._learn(live)

    def _learn(self, live: int) -> None:
        """Take the new part.

        Whoever joins others that are writing begins slowly: until each of them has renewed its own lease, they still
        share the whole rate among themselves.
        """
        now = self._settled()
        joined = now - self._renewed_at > _LASTS
        self._live = live
        self._renewed_at, self._renew_at = now, now + RENEWED
        if joined and live > 1:
            self._newcomer_until = now + RENEWED
