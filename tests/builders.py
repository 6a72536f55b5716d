"""Values and a small company for tests: defaults are named here, a test passes only what matters to it."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from lifecycle.attend import work
from lifecycle.contract.cloudevents import TYPES, encode_fact, type_of
from lifecycle.core.events import (
    Closed,
    Effective,
    ExceptionGranted,
    ExceptionRevoked,
    Fact,
    Frozen,
    Joined,
    Left,
    Moved,
    Opened,
    Origin,
    Recorded,
    Released,
    RenewalApproved,
    RenewalDenied,
    Rescheduled,
    Rescinded,
    Staffed,
    Status,
    Thawed,
    Worker,
    key,
)
from lifecycle.core.model import (
    AccessModel,
    GuardLimits,
    Limit,
    Package,
    ProjectRules,
    Renewal,
    RenewalMode,
    Rule,
    Sources,
)
from lifecycle.drift import drift
from lifecycle.intake import intake
from lifecycle.ports import Fetch, Message, Ports, Queue, User
from lifecycle.records.budget import Meter
from lifecycle.sweep import wake
from tests.fakes.bodies import MemoryBodies
from tests.fakes.bus import MemoryBus
from tests.fakes.clock import MovableClock
from tests.fakes.directory import MemoryDirectory
from tests.fakes.faults import Pause, no_pause
from tests.fakes.pace import OpenPace
from tests.fakes.records import MemoryRecords
from tests.fakes.seals import MemorySeals
from tests.fakes.witness import MemoryWitness

HR, PMO, ITSM = "/hr/test", "/pmo", "/itsm"
START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
_PLENTY = Limit(10_000, floor=10_000)
UNLIMITED = GuardLimits(removals=_PLENTY, additions=_PLENTY, leavers=_PLENTY)


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def a_package(name: str, **changes) -> Package:
    return Package(name, f"package-{name}", f"policy-{name}", "catalog", **changes)


def a_rule(name: str, *grant: str, **changes) -> Rule:
    return Rule(name, f"<{name}>", grant, **changes)


type When = Callable[[Worker], bool]


def a_model(*rules: tuple[Rule, When], packages: tuple[str, ...] = (), **changes) -> AccessModel:
    """A model whose rules are Python functions; packages are the ones that anything grants, and `packages`."""
    projects = changes.get("projects", ProjectRules())
    granted = {name for rule, _ in rules for name in rule.grant}
    granted |= {name for names in projects.roles.values() for name in names}
    granted |= {name for roles in projects.own.values() for names in roles.values() for name in names}
    defaults = {
        "hash": "model-1",
        "time_zone": "Europe/Berlin",
        "packages": {name: a_package(name) for name in sorted(granted | set(packages))},
        "rules": tuple(rule for rule, _ in rules),
        "matches": lambda worker: tuple(when(worker) for _, when in rules),
        "sources": Sources(frozenset({HR}), frozenset({PMO}), frozenset({ITSM})),
        "guard": UNLIMITED,
    }
    return AccessModel(**{**defaults, **changes})


EVERYONE = (a_rule("everyone", "base"), lambda worker: worker.status in {Status.ACTIVE, Status.LEAVE})
CARE = (a_rule("care", "care"), lambda worker: worker.department == "Care")
SALES = (a_rule("sales", "crm"), lambda worker: worker.department == "Sales")


def a_worker(identifier: str = "E1", **changes) -> Worker:
    return Worker(id=identifier, **changes)


def recorded(
    identifier: str, subject: str, time: datetime, *, source: str = HR, sequence: str = "", origin: Origin | None = None
) -> Recorded:
    return Recorded(identifier, source, key(subject), time, sequence, origin or Origin())


def joined(
    name: str, time: datetime, effective: Effective, worker: Worker | None = None, origin: Origin | None = None
) -> Joined:
    worker = worker or a_worker()
    return Joined(recorded(name, worker.id, time, origin=origin), effective, worker)


def moved(name: str, time: datetime, effective: Effective, worker: Worker) -> Moved:
    return Moved(recorded(name, worker.id, time), effective, worker)


def left(
    name: str,
    time: datetime,
    last_day: Effective,
    worker: str = "E1",
    *,
    immediate: bool = False,
    origin: Origin | None = None,
) -> Left:
    return Left(recorded(name, worker, time, origin=origin), last_day, immediate)


def rescinded(name: str, time: datetime, rescinds: str, worker: str = "E1") -> Rescinded:
    return Rescinded(recorded(name, worker, time), rescinds)


def opened(name: str, time: datetime, project: str = "p1", planned: Effective | None = None) -> Opened:
    return Opened(recorded(name, project, time, source=PMO), "owner", planned)


def closed(name: str, time: datetime, effective: Effective, project: str = "p1") -> Closed:
    return Closed(recorded(name, project, time, source=PMO), effective)


def staffed(  # noqa: PLR0917
    name: str,
    time: datetime,
    person: str = "E1",
    project: str = "p1",
    role: str = "engineer",
    starts: Effective | None = None,
    until: Effective | None = None,
) -> Staffed:
    return Staffed(recorded(name, project, time, source=PMO), key(person), role, starts, until)


def released(name: str, time: datetime, person: str = "E1", project: str = "p1", role: str = "engineer") -> Released:
    return Released(recorded(name, project, time, source=PMO), key(person), role)


def rescheduled(name: str, time: datetime, planned: Effective | None, project: str = "p1") -> Rescheduled:
    return Rescheduled(recorded(name, project, time, source=PMO), planned)


def renewable(name: str, mode: RenewalMode = RenewalMode.APPROVAL, *, window: int = 7, extend: int = 30) -> Package:
    """A package that can be renewed; `window` and `extend` are days."""
    terms = Renewal(mode, timedelta(days=window), timedelta(days=extend))
    return a_package(name, renewal=terms)


def approved(  # noqa: PLR0917
    name: str,
    time: datetime,
    package: str,
    worker: str = "E1",
    until: Effective | None = None,
    approver: str = "boss",
) -> RenewalApproved:
    return RenewalApproved(recorded(name, worker, time, source=ITSM), package, approver, "needed", until)


def refused(name: str, time: datetime, package: str, worker: str = "E1", approver: str = "boss") -> RenewalDenied:
    return RenewalDenied(recorded(name, worker, time, source=ITSM), package, approver, "not needed")


def granted(name: str, time: datetime, package: str, until: Effective, worker: str = "E1") -> ExceptionGranted:
    return ExceptionGranted(recorded(name, worker, time, source=ITSM), package, until, "boss", "T-1", "needed")


def revoked(name: str, time: datetime, package: str, worker: str = "E1") -> ExceptionRevoked:
    return ExceptionRevoked(recorded(name, worker, time, source=ITSM), package, "boss", "not needed")


def frozen(name: str, time: datetime, worker: str = "E1") -> Frozen:
    return Frozen(recorded(name, worker, time, source=ITSM))


def thawed(name: str, time: datetime, worker: str = "E1") -> Thawed:
    return Thawed(recorded(name, worker, time, source=ITSM))


def a_user(worker: str = "E1") -> User:
    return User(f"user-{key(worker)}", worker, f"{worker}@example.org", enabled=True)


class _NoDefects(logging.Handler):
    """Lets a test fail on what the app would only log and try again: a defect of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        raise AssertionError(record.getMessage())


logging.getLogger("lifecycle").addHandler(_NoDefects(logging.ERROR))


class Company:
    """The whole app on fakes: `say` an event, let `time` pass, look at what people really have."""

    def __init__(
        self, model: AccessModel, *, users: tuple[str, ...] = ("E1",), start: datetime = START, pause: Pause = no_pause
    ) -> None:
        self.clock = MovableClock(start)
        self.records = MemoryRecords(pause=pause)
        self.bus = MemoryBus(self.clock, pause=pause)
        self.directory = MemoryDirectory(self.clock, users=[a_user(name) for name in users], pause=pause)
        self.witness = MemoryWitness(self.directory)
        self.bodies = MemoryBodies()
        self.pace = OpenPace()
        self.meter = Meter(self.records)
        self.seals = MemorySeals(pause=pause)
        self.model = model
        self.retention = timedelta(days=2190)
        self.fetch: Fetch | None = None

    @property
    def ports(self) -> Ports:
        return Ports(
            clock=self.clock,
            records=self.records,
            bus=self.bus,
            bodies=self.bodies,
            users=self.directory,
            entitlements=self.directory,
            reviews=self.directory,
            pace=self.pace,
            meter=self.meter,
            seals=self.seals,
            model=self.model,
            lectern=self.bus,
            retention=self.retention,
            fetch=self.fetch,
        )

    async def say(self, *facts: Fact) -> None:
        """Send events by their own queues, then let everything that is due be done."""
        for fact in facts:
            await self.send(TYPES[type_of(fact)].queue, encode_fact(fact))
        await self.settle()

    async def send(self, queue: Queue, body: bytes) -> None:
        """Put bytes on a queue as somebody outside would."""
        number = len(self.bus.sent)
        await self.bus.send(queue, [Message(f"outside-{number}", body)])

    async def settle(self) -> None:
        """Handle every message that is due now, until none is."""
        while await self.step():
            pass

    async def step(self) -> bool:
        """Handle one message; False when none is due. A crash leaves it in the queue."""
        self.bus.deliver_due()
        for queue in (Queue.HR, Queue.PROJECTS, Queue.DECISIONS, Queue.SWEEPS, Queue.WORK):
            waiting = self.bus.waiting(queue)
            if not waiting:
                continue
            message = waiting[0]
            if queue in {Queue.WORK, Queue.SWEEPS}:
                carried = message.properties
                await work(message.body, self.ports, queue=queue, session=message.session, carried=carried)
            else:
                await intake(queue, message.body, self.ports, message.properties)
            self.bus.pop(queue)
            return True
        return False

    async def time(self, span: timedelta, *, tick: timedelta = timedelta(minutes=5)) -> None:
        """Let time pass: scheduled messages fall due one after the other, the wake timer ticks."""
        end = self.clock.now() + span
        next_tick = self.clock.now() + tick
        while self.clock.now() < end:
            due = min([at for at in (self.bus.next_due(), next_tick, end) if at is not None])
            self.clock.set(max(due, self.clock.now()))
            if self.clock.now() >= next_tick:
                await wake(self.ports)
                next_tick += tick
            await self.settle()

    async def sweep(self) -> None:
        """Look at everybody, as the nightly timer does."""
        await drift(self.ports)
        await self.settle()

    def has(self, worker: str = "E1") -> set[str]:
        """What the worker's user really has, by the model's names."""
        names = {package.access_package: package.name for package in self.model.packages.values()}
        return {names.get(package, package) for package in self.directory.live(f"user-{key(worker)}")}
