"""A bus in memory: queues by role, duplicate detection, scheduled messages, dead letters."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from lifecycle.contract.notices import NOTICES
from lifecycle.errors import Permanent
from lifecycle.ports import Clock, Message, Queue, SetAside
from tests.fakes.faults import Pause, no_pause

MAX_MESSAGE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Lying:
    """A message in a queue: `at` is when it was enqueued or falls due."""

    number: int
    at: datetime
    message: Message
    reason: str = ""


@dataclass(slots=True)
class _Failure:
    error: BaseException
    done: bool


class MemoryBus:
    """Implements `Bus` and `Lectern`.

    Delivers nothing by itself: a test takes messages with `pop` and calls what a trigger would. Duplicates are found
    by id, per queue, for `window` of the clock. `sent` holds every message accepted, duplicates left out. A notice of
    ours that is not what `lifecycle.contract.notices` says of it is a defect.
    """

    def __init__(self, clock: Clock, *, window: timedelta = timedelta(minutes=10), pause: Pause = no_pause) -> None:
        self.pause = pause
        self.sent: list[tuple[Queue, Message, datetime | None]] = []
        self._clock, self._window = clock, window
        self._numbers = 0
        self._lying: dict[tuple[Queue, bool], list[Lying]] = {}
        self._scheduled: dict[Queue, list[Lying]] = {}
        self._seen: dict[tuple[Queue, str], datetime] = {}
        self._failures: deque[_Failure] = deque()

    # --- faults ---

    def fail_next(self, times: int, error: BaseException, *, done: bool = False) -> None:
        """Let the next sends raise the error; `done` means that the messages arrive all the same."""
        self._failures.extend(_Failure(error, done) for _ in range(times))

    # --- Bus ---

    async def send(self, queue: Queue, messages: Sequence[Message], *, at: datetime | None = None) -> None:
        await self.pause()
        failure = self._failures.popleft() if self._failures else None
        if failure is not None and not failure.done:
            raise failure.error
        if too_large := [message.id for message in messages if len(message.body) > MAX_MESSAGE]:
            raise Permanent(f"Message {too_large[0]} is too large for the queue {queue}; send a reference to its body.")
        for message in messages:
            if queue is Queue.NOTICES and b'"source":"/lifecycle"' in message.body:
                _check_notice(message.body)
            self._accept(queue, message, at)
        if failure is not None:
            raise failure.error

    def _accept(self, queue: Queue, message: Message, at: datetime | None) -> None:
        now = self._clock.now()
        seen = self._seen.get((queue, message.id))
        if seen is not None and now - seen < self._window:
            return
        self._seen[queue, message.id] = now
        self.sent.append((queue, message, at))
        lying = Lying(self._next_number(), now if at is None else max(at, now), message)
        if lying.at > now:
            self._scheduled.setdefault(queue, []).append(lying)
        else:
            self._lying.setdefault((queue, False), []).append(lying)

    # --- Lectern ---

    async def browse(self, queue: Queue, *, dead: bool = False) -> list[SetAside]:
        await self.pause()
        self.deliver_due()
        return [
            SetAside(
                queue,
                dead,
                lying.number,
                lying.message.id,
                lying.at,
                lying.message.body,
                lying.reason or lying.message.properties.get("reason", ""),
                lying.message.session,
                dict(lying.message.properties),
            )
            for lying in self._lying.get((queue, dead), [])
        ]

    async def take(self, message: SetAside) -> bool:
        await self.pause()
        lying = self._lying.get((message.queue, message.dead), [])
        left = [other for other in lying if other.number != message.number]
        self._lying[message.queue, message.dead] = left
        return len(left) < len(lying)

    # --- for tests ---

    def deliver_due(self, now: datetime | None = None) -> int:
        """Put the scheduled messages that are due into their queues, oldest first; return how many."""
        at = self._clock.now() if now is None else now
        count = 0
        for queue, scheduled in self._scheduled.items():
            due = sorted((lying for lying in scheduled if lying.at <= at), key=lambda lying: (lying.at, lying.number))
            self._scheduled[queue] = [lying for lying in scheduled if lying.at > at]
            for lying in due:
                arrived = Lying(self._next_number(), lying.at, lying.message)
                self._lying.setdefault((queue, False), []).append(arrived)
            count += len(due)
        return count

    def next_due(self) -> datetime | None:
        """When the earliest scheduled message falls due."""
        return min((lying.at for scheduled in self._scheduled.values() for lying in scheduled), default=None)

    def waiting(self, queue: Queue) -> list[Message]:
        """The messages that can be received now, in order."""
        return [lying.message for lying in self._lying.get((queue, False), [])]

    def scheduled(self, queue: Queue) -> list[tuple[datetime, Message]]:
        """The messages that are not due yet, earliest first."""
        lying = sorted(self._scheduled.get(queue, []), key=lambda one: (one.at, one.number))
        return [(one.at, one.message) for one in lying]

    def pop(self, queue: Queue, index: int = 0) -> Message | None:
        """Receive and complete one message, the oldest unless another is asked for; None when none waits."""
        lying = self._lying.get((queue, False), [])
        return lying.pop(index).message if index < len(lying) else None

    def dead_letter(self, queue: Queue, message: Message, reason: str) -> None:
        """Lay a message into the queue's dead letters, as the broker does."""
        lying = Lying(self._next_number(), self._clock.now(), message, reason)
        self._lying.setdefault((queue, True), []).append(lying)

    def _next_number(self) -> int:
        self._numbers += 1
        return self._numbers


def _check_notice(body: bytes) -> None:
    event = msgspec.json.decode(body)
    kind = NOTICES.get(event["type"].removeprefix("lifecycle."))
    assert kind is not None, f"{event['type']} is not in lifecycle.contract.notices"
    msgspec.convert(event["data"], kind)
