"""A company's surroundings on virtual time: Records, queues, and a Graph that limits writes. For `closing`.

Time passes only while everybody waits, so hours cost what the app itself computes in them. Every call takes the time
that `Latency` says. Everything here keeps its books so that a step costs the same however much lies around: what grows
in a measurement is then the app's doing. Nothing fails here but writes beyond the limit.
"""

import asyncio
import heapq
import random
import selectors
from bisect import bisect_left, insort
from collections import defaultdict, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import assert_never

from lifecycle.errors import Lost, Throttled
from lifecycle.ports import (
    AlreadyOpen,
    AssignmentState,
    Change,
    Delete,
    Followed,
    Insert,
    Listed,
    Message,
    Page,
    PolicyTerms,
    Put,
    Queue,
    Replace,
    Request,
    RequestState,
    Row,
    Sighting,
    Submitted,
    User,
    Wire,
)

BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Latency:
    """What a call takes on average, in seconds; each takes between half and one and a half of it."""

    records: float = 0.003
    bus: float = 0.01
    read: float = 0.15
    write: float = 0.25
    delivery: float = 30.0


class _Leap(selectors.SelectSelector):
    """Waits for nothing: the loop's time leaps instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits for ever")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time leaps to the next timer."""

    def __init__(self) -> None:
        self._leap = _Leap()
        super().__init__(self._leap)

    def time(self) -> float:
        """Return the virtual seconds since it was made."""
        return self._leap.now


class Clock:
    """The wall's time, in step with the loop's."""

    def now(self) -> datetime:
        """Return the instant."""
        return BEGIN + timedelta(seconds=asyncio.get_running_loop().time())


class Delay:
    """Lets calls take their time; the same in every run."""

    def __init__(self) -> None:
        self._random = random.Random(1)  # noqa: S311 - latencies, not secrets

    async def __call__(self, seconds: float) -> None:
        """Wait about that long; 0 waits for nobody."""
        if seconds:
            await asyncio.sleep(seconds * (0.5 + self._random.random()))


class Records:
    """Implements the port `Records`."""

    def __init__(self, delay: Delay, seconds: float) -> None:
        self.seconds = seconds
        self._delay = delay
        self._rows: defaultdict[str, dict[str, Row]] = defaultdict(dict)
        self._keys: defaultdict[str, list[str]] = defaultdict(list)
        self._etags = count(1)

    async def read(self, partition: str, key: str) -> Row | None:
        """Return a row."""
        await self._delay(self.seconds)
        return self._rows[partition].get(key)

    async def rows(self, partition: str, *, after: str = "", before: str = "", limit: int = 0) -> list[Row]:
        """Return rows in order."""
        await self._delay(self.seconds)
        keys, rows = self._keys[partition], self._rows[partition]
        first = bisect_left(keys, after)
        last = bisect_left(keys, before) if before else len(keys)
        return [rows[key] for key in keys[first : min(last, first + limit) if limit else last]]

    async def write(self, partition: str, changes: Sequence[Change]) -> dict[str, str]:
        """Make all changes or none."""
        await self._delay(self.seconds)
        rows, keys = self._rows[partition], self._keys[partition]
        for change in changes:
            before = rows.get(change.key)
            match change:
                case Insert() if before is not None:
                    raise Lost(f"{partition}/{change.key} is there already")
                case Replace(etag=etag) | Delete(etag=str(etag)) if before is None or before.etag != etag:
                    raise Lost(f"{partition}/{change.key} was changed")
                case _:
                    pass
        etags: dict[str, str] = {}
        for change in changes:
            match change:
                case Delete(key):
                    if rows.pop(key, None) is not None:
                        del keys[bisect_left(keys, key)]
                case Insert(key, value) | Replace(key, value) | Put(key, value):
                    if key not in rows:
                        insort(keys, key)
                    etags[key] = str(next(self._etags))
                    rows[key] = Row(key, value, etags[key])
                case _ as never:
                    assert_never(never)
        return etags


@dataclass(slots=True)
class _Lying:
    """A queue: what can be received, what is scheduled, and who waits for either."""

    ready: deque[Message] = field(default_factory=deque)
    scheduled: list[tuple[datetime, int, Message]] = field(default_factory=list)
    busy: set[str] = field(default_factory=set)


class Bus:
    """Implements the port `Bus`, and hands out messages: one of a session at a time, a repeated id once."""

    def __init__(self, clock: Clock, delay: Delay, seconds: float) -> None:
        self._clock, self._delay, self._seconds = clock, delay, seconds
        self._queues: defaultdict[Queue, _Lying] = defaultdict(_Lying)
        self._seen: dict[tuple[Queue, str], datetime] = {}
        self._numbers = count()
        self._changed = asyncio.Event()
        self._held = 0
        self.sent: defaultdict[Queue, int] = defaultdict(int)

    @property
    def open(self) -> bool:
        """Whether any work lies ready or is scheduled or in hand."""
        own = [self._queues[queue] for queue in (Queue.WORK, Queue.SWEEPS)]
        return bool(self._held) or any(lying.ready or lying.scheduled for lying in own)

    async def send(self, queue: Queue, messages: Sequence[Message], *, at: datetime | None = None) -> None:
        """Send, or schedule."""
        await self._delay(self._seconds)
        now, lying = self._clock.now(), self._queues[queue]
        for message in messages:
            if now - self._seen.get((queue, message.id), BEGIN - timedelta(days=1)) < timedelta(minutes=10):
                continue
            self._seen[queue, message.id] = now
            self.sent[queue] += 1
            if at is not None and at > now:
                heapq.heappush(lying.scheduled, (at, next(self._numbers), message))
            else:
                lying.ready.append(message)
        self._wake()

    async def take(self, queue: Queue) -> Message:
        """Wait for a message whose session nobody has, and lock it."""
        lying = self._queues[queue]
        while True:
            now = self._clock.now()
            while lying.scheduled and lying.scheduled[0][0] <= now:
                lying.ready.append(heapq.heappop(lying.scheduled)[2])
            for place, message in enumerate(lying.ready):
                if message.session not in lying.busy:
                    del lying.ready[place]
                    if message.session is not None:
                        lying.busy.add(message.session)
                    self._held += 1
                    return message
            await self._news(lying.scheduled[0][0] - now if lying.scheduled else timedelta(hours=1))

    def done(self, queue: Queue, message: Message) -> None:
        """Complete a message."""
        self._held -= 1
        if message.session is not None:
            self._queues[queue].busy.discard(message.session)
        self._wake()

    async def _news(self, most: timedelta) -> None:
        try:
            async with asyncio.timeout(max(most.total_seconds(), 1e-6)):
                await self._changed.wait()
        except TimeoutError:
            return

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class Limit:
    """Takes so many writes a second, from a bucket of one second's worth, and refuses what is beyond."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.taken: list[float] = []
        self.refused = 0
        self._tokens, self._at = rate, 0.0

    def write(self) -> bool:
        """Whether this write is within the limit."""
        now = asyncio.get_running_loop().time()
        self._tokens, self._at = min(self.rate, self._tokens + self.rate * (now - self._at)), now
        if self._tokens < 1 - 1e-9:
            self.refused += 1
            return False
        self._tokens -= 1
        self.taken.append(now)
        return True


class Graph:
    """Implements the ports `Entitlements` and `Users` for people who hold rows and lose them.

    A removal is done about `delivery` later. A write beyond the limit is repeated after its Retry-After, as the Graph
    client repeats it. `reads` counts calls that list or get, pages of a hundred each by itself.
    """

    def __init__(self, clock: Clock, delay: Delay, latency: Latency, limit: Limit) -> None:
        self.limit, self.throttle, self.reads = limit, 0.0, 0
        self._clock, self._delay, self._latency = clock, delay, latency
        self._rows: dict[str, Listed] = {}
        self._of: defaultdict[str, list[str]] = defaultdict(list)
        self._requests: dict[str, Followed] = {}
        self._done: dict[str, datetime] = {}

    def give(self, user: str, package: str, policy: str) -> Listed:
        """Let the user hold the package."""
        row = Listed(f"row-{len(self._rows)}", package, policy, user, AssignmentState.DELIVERED, "Delivered", BEGIN)
        self._rows[row.id] = row
        self._of[user].append(row.id)
        return row

    def live(self) -> int:
        """Return how many rows are live."""
        return sum(self._row(name).state is AssignmentState.DELIVERED for name in self._rows)

    async def assignments_of(self, user: str, packages: Collection[str]) -> list[Listed]:
        """List a user's rows."""
        await self._read()
        return [self._row(name) for name in self._of[user] if self._rows[name].package in packages]

    async def submit(self, request: Request) -> Submitted | AlreadyOpen:
        """Take a removal, when it is within the limit."""
        for _ in range(4):
            await self._delay(self._latency.write)
            if self.limit.write():
                return self._take(request)
            self.throttle = 1.0
            await asyncio.sleep(1.0)  # Retry-After
        raise Throttled("429", retry_after=timedelta(seconds=1))

    def _take(self, request: Request) -> Submitted:
        now = self._clock.now()
        row = self._rows[request.assignment]
        if request.kind != "adminRemove" or request.assignment in self._done:
            raise RuntimeError(f"{request.kind} of {request.assignment} is none of a close, or was asked for twice")
        self._done[request.assignment] = now + timedelta(seconds=self._latency.delivery)
        name = f"request-{len(self._requests)}"
        state = RequestState.SUBMITTED
        self._requests[name] = Followed(
            name, request.kind, state, "Accepted", request.token, row.user, request.assignment, now
        )
        return Submitted(name, state, Wire(201, name, request.token, "hash"))

    async def request(self, request: str) -> Followed | None:
        """Return a request."""
        await self._read()
        found = self._requests.get(request)
        return None if found is None else self._told(found)

    async def requests_for(self, package: str, *, since: datetime) -> list[Followed]:
        """List a package's requests, newest last."""
        found: list[Followed] = []
        for one in reversed(self._requests.values()):  # in the order of their creation
            if one.created_at is not None and one.created_at < since:
                break
            if self._rows[one.assignment].package == package:
                found.append(self._told(one))
        for _ in range(max(1, -(-len(found) // 100))):
            await self._read()
        return found[::-1]

    async def by_employee_id(self, employee_id: str) -> list[User]:
        """Find the user of a person, whose name is made of the person's."""
        await self._read()
        return [User(f"user-{employee_id.casefold()}", employee_id, f"{employee_id}@example.org", enabled=True)]

    async def auto_policies(self) -> frozenset[str]:
        """Return none."""
        return frozenset()

    # --- what a close does not ask for ---

    async def by_principal_name(self, name: str) -> User | None:
        """Not asked for."""
        raise AssertionError("a close does not ask for this")

    async def page(self, *, link: str = "") -> Page[User]:
        """Not asked for."""
        raise AssertionError("a close does not ask for this")

    async def assignments_in(self, package: str, *, link: str = "") -> Page[Sighting]:
        """Not asked for."""
        raise AssertionError("a close does not ask for this")

    async def requests_created(self, since: datetime, until: datetime) -> int:
        """Not asked for."""
        raise AssertionError("a close does not ask for this")

    async def terms_of(self, policy: str) -> PolicyTerms:
        """Not asked for."""
        raise AssertionError("a close does not ask for this")

    async def _read(self) -> None:
        self.reads += 1
        await self._delay(self._latency.read)
        self.throttle = 0.0

    def _row(self, name: str) -> Listed:
        row, done = self._rows[name], self._done.get(name)
        if done is None or done > self._clock.now():
            return row
        return replace(row, state=AssignmentState.EXPIRED, status="Expired", expired_at=done)

    def _told(self, one: Followed) -> Followed:
        done = self._done[one.assignment]
        if done > self._clock.now():
            return one
        return replace(one, state=RequestState.DELIVERED, status="Fulfilled", completed_at=done)
