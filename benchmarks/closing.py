"""How a project of ten thousand people is closed under Graph's limit of writes: how much of the limit is used.

The whole app from `intake` on, on virtual time: `WORKERS` receivers of `work`, as many of `sweeps` (what host.json
allows), `lifecycle.attend.work` behind each, the real `SharedPace`, and the timer that wakes every five minutes. Around
them are the stand-ins of `benchmarks.virtual`: Records, queues with sessions, and a Graph that takes 20 writes a second
and answers 429 beyond. Everybody holds one package because of the project alone; the guard's limits are wide enough.
What changing sessions takes the Service Bus SDK is not in it: `sandbox_session_switching_share` has that.

The run fails unless, when the queues are quiet, nobody has a row, nothing is under way, and each was asked for once.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from benchmarks.measurement import Figure, Measurement
from benchmarks.virtual import BEGIN, Bus, Clock, Delay, Graph, Latency, Limit, Records, VirtualLoop
from lifecycle.attend import work
from lifecycle.contract.cloudevents import encode_fact
from lifecycle.core.events import Closed, Joined, Opened, Recorded, Staffed, Worker, key
from lifecycle.core.evidence import Tag
from lifecycle.core.model import AccessModel, GuardLimits, Package, ProjectRules, Sources
from lifecycle.core.model import Limit as GuardLimit
from lifecycle.intake import intake
from lifecycle.pace import WRITES_PER_SECOND, SharedPace
from lifecycle.ports import Ports, Queue
from lifecycle.records import adoption, claims, facts, holders, people
from lifecycle.records.budget import Meter
from lifecycle.records.dossier import Correlation, Holding, open_dossier, put_correlation, put_holding
from lifecycle.records.holders import Holder, Mark
from lifecycle.records.identities import join
from lifecycle.sweep import wake

PEOPLE = 10_000
FEW = 2_000
WORKERS = 16
_PROJECT, _PACKAGE = "bridge", "project-site"
_TICK = timedelta(minutes=5)
_LIMIT = timedelta(hours=3)
_PLENTY = GuardLimit(1_000_000, floor=1_000_000)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a close of `people`; seconds are virtual, `computed` are the processor's."""

    people: int
    removed_at: list[float]
    refused: int
    reads: int
    seconds: float
    computed: float

    @property
    def used(self) -> float:
        """The share of the limit's writes between the first and the last removal that were used."""
        return (len(self.removed_at) - 1) / (self.removed_at[-1] - self.removed_at[0]) / WRITES_PER_SECOND

    @property
    def throttled(self) -> float:
        """The share of 429s among all POSTs."""
        return self.refused / (self.refused + len(self.removed_at))

    @property
    def calls(self) -> float:
        """Graph calls a person."""
        return (self.reads + self.refused + len(self.removed_at)) / self.people


def figures(many: int = PEOPLE, few: int = FEW) -> Iterator[Figure]:
    """Yield the figures of a large close, and what a person costs in it over what one costs in a small one."""
    small, large = closed(few), closed(many)
    yield "close_limit_used", large.used, "of the limit"
    yield "close_throttled_share", large.throttled, "of the POSTs"
    yield "close_graph_calls_per_person", large.calls, "calls"
    yield "close_minutes", large.seconds / 60, "virtual min"
    yield "close_last_removal_minutes", large.removed_at[-1] / 60, "virtual min"
    yield "close_computed_ms_per_person", large.computed / many * 1000, "ms"
    yield "close_cost_growth", large.computed / many / (small.computed / few), "times"


def closed(many: int, latency: Latency | None = None) -> Outcome:
    """Close a project of that many people."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        company = _Company(latency or Latency(), runner.get_loop())
        return runner.run(company.close(many))


class _Company:
    """The app and what is around it."""

    def __init__(self, latency: Latency, loop: asyncio.AbstractEventLoop) -> None:
        clock, delay = Clock(), Delay()
        unused: Any = None
        self.latency = latency
        self.limit = Limit(WRITES_PER_SECOND)
        self.graph = Graph(clock, delay, latency, self.limit)
        self.records = Records(delay, 0.0)
        self.bus = Bus(clock, delay, latency.bus)
        self.pace = SharedPace(self.records, clock, time=loop.time, sleep=asyncio.sleep)
        self.ports = Ports(
            clock=clock,
            records=self.records,
            bus=self.bus,
            bodies=unused,
            seals=unused,
            users=self.graph,
            entitlements=self.graph,
            reviews=unused,
            pace=self.pace,
            meter=Meter(self.records),
            model=_model(),
            lectern=unused,
        )

    async def close(self, many: int) -> Outcome:
        """Let the project exist, close it, and work until the queues are quiet."""
        await self._staff(many)
        self.records.seconds = self.latency.records
        loop = asyncio.get_running_loop()
        began, computed = loop.time(), time.process_time()
        await intake(Queue.PROJECTS, encode_fact(Closed(_recorded("close", _PROJECT, BEGIN), BEGIN)), self.ports)
        tasks = [loop.create_task(self._work(queue)) for queue in (Queue.WORK, Queue.SWEEPS) for _ in range(WORKERS)]
        tasks.append(loop.create_task(self._tick()))
        try:
            while self.graph.live() or self.bus.open:
                if loop.time() - began > _LIMIT.total_seconds():
                    raise RuntimeError(f"{self.graph.live()} of {many} rows are live after {_LIMIT}")
                await asyncio.sleep(10)
                self._look_at(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        spent = time.process_time() - computed
        await self._check(many)
        taken = self.limit.taken
        return Outcome(many, taken, self.limit.refused, self.graph.reads, loop.time() - began, spent)

    async def _staff(self, many: int) -> None:
        """Let everybody work on the project and hold its package, as after their first looks."""
        await adoption.adopt(self.records, _model(), _LONG_AGO, keep=True)
        await adoption.note_replanned(self.records, adoption.Replanned(_model().hash, _LONG_AGO, done=True))
        await facts.keep(self.records, Opened(_recorded("open", _PROJECT, _LONG_AGO), "owner"))
        for number in range(many):
            name = key(f"E{number:05d}")
            await facts.keep(
                self.records, Joined(_recorded(f"{name}-joined", name, _LONG_AGO), _HIRED, Worker(id=name))
            )
            staffed = Staffed(_recorded(f"{name}-staffed", _PROJECT, _LONG_AGO), name, "engineer")
            await facts.keep(self.records, staffed)
            await join(self.records, _LONG_AGO, "seed", workers={name}, people=set())
            row = self.graph.give(f"user-{name}", _model().packages[_PACKAGE].access_package, "policy")
            await people.note(self.records, people.Known(name, employed=True, assignments=1, user=row.user))
            await claims.claim(self.records, row.user, name)
            dossier = await open_dossier(self.records, name)
            user = put_correlation(dossier, Correlation(row.user, "employeeId", _LONG_AGO))
            held = put_holding(dossier, Holding(package=_PACKAGE, assignment=row.id, ends=None, at=_LONG_AGO))
            await dossier.append(_LONG_AGO, Tag.ADOPTED, "seed", {"assignment": row.id}, user, held)
            index = {_PACKAGE: [Holder(row.user, row.id, Mark.JUSTIFIED, None, name)]}
            await holders.note(dossier, row.user, index)

    async def _work(self, queue: Queue) -> None:
        while True:
            message = await self.bus.take(queue)
            await work(message.body, self.ports, queue=queue, session=message.session)
            self.bus.done(queue, message)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK.total_seconds())
            await wake(self.ports)

    @staticmethod
    def _look_at(tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            if task.done():
                task.result()

    async def _check(self, many: int) -> None:
        """Nobody has a row, nothing is under way or set aside, each removal was asked for once."""
        self.records.seconds = 0.0
        assert len(self.limit.taken) == many
        assert not self.graph.live()
        assert not self.bus.sent[Queue.QUARANTINE]
        for name in await people.everybody(self.records):
            dossier = await open_dossier(self.records, name)
            assert not dossier.flights, name
            assert dossier.withheld is None, name
            assert all(holding.taken for holding in dossier.holdings.values()), name


_LONG_AGO = datetime(2026, 1, 5, 12, tzinfo=UTC)
_HIRED = date(2025, 1, 1)


def _recorded(identifier: str, subject: str, at: datetime) -> Recorded:
    return Recorded(identifier, "/pmo" if subject == _PROJECT else "/hr", subject, at)


def _model() -> AccessModel:
    return AccessModel(
        hash="benchmark",
        time_zone="Europe/Berlin",
        packages={_PACKAGE: Package(_PACKAGE, "package", "policy", "catalog")},
        sources=Sources(frozenset({"/hr"}), frozenset({"/pmo"}), frozenset()),
        projects=ProjectRules(own={_PROJECT: {"engineer": (_PACKAGE,)}}),
        guard=GuardLimits(removals=_PLENTY, additions=_PLENTY, leavers=_PLENTY),
    )


MEASUREMENTS = (
    Measurement(
        {
            "close_limit_used": f"Of the 20 writes a second that Graph takes, how many were used from the first "
            f"removal to the last of {PEOPLE}, with {WORKERS} workers; at least 0.90. Falls when looks "
            "and calls take so long that the workers cannot keep up.",
            "close_throttled_share": "429s among all POSTs of that; under 0.02.",
            "close_graph_calls_per_person": "Reads and writes a person: a list before, the removal, a list after, and "
            "a share of the lists that follow a hundred requests each.",
            "close_last_removal_minutes": "Virtual minutes from the event to the last removal; grows with the people.",
            "close_minutes": "Virtual minutes until the last look is over and every queue is quiet.",
            "close_computed_ms_per_person": "Processor time a person, the stand-ins included.",
            "close_cost_growth": f"That, over the same in a close of {FEW}: 1 when a person costs the same in any run.",
        },
        figures,
    ),
)
