"""Drives the app over its fakes: through time, through deaths, and several parts of it interleaved step by step.

Nothing in the fakes waits for an event loop, so coroutines are driven by hand: deterministic, and fast enough that a
law sees weeks. Time jumps from one instant at which something happens to the next; timer ticks that would find nobody
due are left out, since they write nothing.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings

from lifecycle.attend import work
from lifecycle.contract.cloudevents import TYPES, encode_fact, type_of
from lifecycle.core.events import Fact
from lifecycle.drift import drift
from lifecycle.errors import Transient
from lifecycle.intake import intake
from lifecycle.ports import Message, Queue
from lifecycle.records import adoption, told
from lifecycle.records.keys import at_instant
from lifecycle.seal import seal
from lifecycle.sweep import FORGOTTEN, wake
from lifecycle.verify import Finding, verify
from tests.builders import Company
from tests.fakes.faults import Crash

TICK = timedelta(minutes=5)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DELIVERIES = 10
"""How often the broker delivers a message before it lies among the dead letters."""

ORPHAN = "nobody has opened it"
"""Why a project is set aside that histories speak of and never open; what was said of it is kept."""

_INTAKE = (Queue.HR, Queue.PROJECTS, Queue.DECISIONS)
FAR = datetime(9000, 1, 1, tzinfo=UTC)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def examples(few: int) -> settings:
    """Return how many examples a law looks at: `few`, and sixty times as many under the thorough profile."""
    return settings(max_examples=few * (60 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 1))


# --- one after the other -------------------------------------------------------------------------------------------


def run[T](coroutine: Coroutine[Any, Any, T]) -> T:
    """Drive one coroutine to its end."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as end:
            return end.value


def broken(company: Company) -> list[Finding]:
    """Verify the whole ledger; return what is not as it was written."""
    return asyncio.run(verify(company.ports)).findings


def sealed(company: Company) -> None:
    """Seal the ledger, as the nightly timer does."""
    asyncio.run(seal(company.ports))


async def handle(company: Company, queue: Queue, message: Message) -> None:
    """Do what the queue's trigger does."""
    if queue in _INTAKE:
        await intake(queue, message.body, company.ports)
    else:
        await work(message.body, company.ports, queue=queue, session=message.session)


@dataclass(slots=True)
class Days:
    """Lets a company live: messages are delivered until they are done, timers tick, and whatever dies comes back.

    `choose` picks which of the waiting messages is next (by default the oldest of the first queue that has any);
    `loses` is the number of a message on `work` that vanishes, `loses_sweep` of one on `sweeps`; `watchers` look after
    every step. Nothing may be set aside unless `may_set_aside`.
    """

    company: Company
    choose: Callable[[int], int] = lambda _: 0
    loses: int = 0
    loses_sweep: int = 0
    watchers: Sequence[Callable[[Company], None]] = ()
    may_set_aside: bool = False
    deaths: int = 0
    worked: int = 0
    swept: int = 0

    def tell(self, *facts: Fact) -> None:
        """Put events on their queues, then deliver everything that is due."""
        self.later(*facts)
        self.settle()

    def later(self, *facts: Fact) -> None:
        """Put events on their queues, to be delivered when the app next lives."""
        for fact in facts:
            run(self.company.send(TYPES[type_of(fact)].queue, encode_fact(fact)))

    def settle(self) -> None:
        """Deliver everything that is due now; a message whose handling dies or fails is delivered again."""
        delivered: Counter[str] = Counter()
        self._watch()
        while (chosen := self._next()) is not None:
            queue, message = chosen
            delivered[message.id] += 1
            assert delivered[message.id] < DELIVERIES, f"{queue}: a message burnt its delivery count"
            self.worked += queue is Queue.WORK
            self.swept += queue is Queue.SWEEPS
            vanishes = (queue is Queue.WORK and self.worked == self.loses) or (
                queue is Queue.SWEEPS and self.swept == self.loses_sweep
            )
            if vanishes or self._survives(handle(self.company, queue, message)):
                waiting = self.company.bus.waiting(queue)
                self.company.bus.pop(queue, next(n for n, one in enumerate(waiting) if one is message))
            self._watch()
        aside = [one.properties["reason"] for one in self.company.bus.waiting(Queue.QUARANTINE)]
        aside = [reason for reason in aside if ORPHAN not in reason]
        assert self.may_set_aside or not aside, f"something was set aside: {aside}"

    def _next(self) -> tuple[Queue, Message] | None:
        bus = self.company.bus
        bus.deliver_due()
        queues = (*_INTAKE, Queue.SWEEPS, Queue.WORK)
        waiting = [(queue, message) for queue in queues for message in bus.waiting(queue)]
        return waiting[self.choose(len(waiting)) % len(waiting)] if waiting else None

    def _watch(self) -> None:
        for watcher in self.watchers:
            watcher(self.company)

    def _survives(self, coroutine: Coroutine[Any, Any, Any]) -> bool:
        try:
            run(coroutine)
        except Crash:
            self.deaths += 1
            self.company.records.crash_before = None
            return False
        except Transient:
            return False
        return True

    def pass_by(self, span: timedelta) -> None:
        """Let that much time pass."""
        company = self.company
        end = company.clock.now() + span
        ticked = company.clock.now() - TICK
        self.settle()
        while company.clock.now() < end:
            tick = next_tick(company, ticked)
            after = min(at for at in (company.bus.next_due(), tick, end) if at is not None)
            company.clock.set(max(after, company.clock.now()))
            if tick is not None and company.clock.now() >= tick:
                ticked = tick
                self._survives(wake(company.ports))
            self.settle()

    def outage(self, span: timedelta) -> None:
        """Let that much time pass while nothing of ours runs: no message is handled and no timer ticks."""
        end = self.company.clock.now() + span
        while self.company.clock.now() < end:
            self.company.clock.set(min(self.company.clock.now() + HOUR, end))
            self._watch()

    def sweep(self) -> None:
        """Look at everybody, as the nightly timer does."""
        self._survives(drift(self.company.ports))
        self.settle()


def next_tick(company: Company, ticked: datetime) -> datetime | None:
    """Return the next tick of the wake timer that finds somebody due, None when nobody has a moment."""
    moments = [
        at_instant(key.split("-", 1)[0])
        for shard in "0123456789abcdef"
        for key in company.records.keys(f"wake-{shard}")[:1]
    ]
    moments += [one.mark.waits_since + FORGOTTEN + TICK for one in run(told.forgotten(company.records, FAR))]
    moments += [company.clock.now() + TICK for _ in company.records.keys("runs")]
    under = run(adoption.replanned(company.records))
    if under is None or under.hash != company.model.hash or not under.done:
        moments.append(company.clock.now() + TICK)
    if not moments:
        return None
    earliest = min(moments) - TICK
    on_grid = _EPOCH + -((_EPOCH - earliest) // TICK) * TICK
    return max(on_grid, ticked + TICK, company.clock.now())


# --- interleaved ---------------------------------------------------------------------------------------------------


class _Turn:
    """Gives the turn away once."""

    def __await__(self) -> Iterator[None]:
        yield


async def pause() -> None:
    """Stop here, so that another may run: the hook of every fake."""
    await _Turn()


@dataclass(frozen=True, slots=True)
class Turns:
    """Who runs for how many steps, one after the other; behind the end everybody in order to their end.

    `dies` is who dies, and after how many steps of their own.
    """

    order: tuple[tuple[int, int], ...] = ()
    dies: tuple[int, int] | None = None


def interleave(coroutines: Sequence[Coroutine[Any, Any, Any]], turns: Turns) -> list[BaseException | None]:
    """Run coroutines in turns; return what each ended with, None when it went well."""
    ended: dict[int, BaseException | None] = {}
    steps = Counter[int]()

    def advance(who: int) -> None:
        try:
            if turns.dies == (who, steps[who]):
                coroutines[who].throw(Crash())
            else:
                coroutines[who].send(None)
        except StopIteration:
            ended[who] = None
        except (Exception, Crash) as error:  # noqa: BLE001 - what it ended with is the result
            ended[who] = error
        steps[who] += 1

    for who, times in turns.order:
        for _ in range(times):
            if who % len(coroutines) not in ended:
                advance(who % len(coroutines))
    for who in range(len(coroutines)):
        while who not in ended:
            advance(who)
    return [ended[who] for who in range(len(coroutines))]
