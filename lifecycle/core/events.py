"""Facts about people and projects, in the past tense: what outside systems told us, decoded.

Pure values: nothing here reads a clock, a queue or a wire format (see `lifecycle.contract.cloudevents` for that).
Two clocks matter and neither is arrival: `Recorded.time` is when the source wrote the fact down, `effective` is
when it holds. Facts carry no order of arrival, so folding them cannot depend on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

type Effective = date | datetime
"""A date in the worker's own zone, or an aware instant. (`datetime` is a `date`: test for it first.)"""

type Scalar = str | int | float | bool | None


def key(identifier: str) -> str:
    """Return the form in which ids are compared and stored: trimmed and case-folded.

    HR systems differ in the case and white space of one id, never mean two people by it, and Entra compares
    `employeeId` without case too.
    """
    return identifier.strip().casefold()


class Status(StrEnum):
    """HR's own word for an employment, as of the snapshot's effective date."""

    PREBOARDING = "preboarding"
    ACTIVE = "active"
    LEAVE = "leave"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Origin:
    """How a fact came to be: `named` (somebody said it of this worker), `derived-from-absence`, or `bulk:<run>`."""

    kind: str = "named"
    run: str = ""

    @property
    def is_named(self) -> bool:
        """Whether somebody said this of this very worker; only then may a leaver pass the removal limit."""
        return self.kind == "named"

    def __str__(self) -> str:
        return f"{self.kind}:{self.run}" if self.run else self.kind


@dataclass(frozen=True, slots=True)
class Recorded:
    """What every fact carries: who said it, about whom, and when it was written down."""

    id: str
    source: str
    subject: str
    time: datetime
    sequence: str = ""
    origin: Origin = field(default_factory=Origin)

    @property
    def order(self) -> tuple[datetime, str, str]:
        """The source's own order of recording; digits compare as numbers."""
        sequence = self.sequence.zfill(20) if self.sequence.isdigit() else self.sequence
        return (self.time, sequence, self.id)

    @property
    def run(self) -> str:
        """The run under which plans of this fact are held together; a single event that somebody said has none."""
        if self.origin.is_named:
            return ""
        return self.origin.run or f"{self.source}@{self.time:%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A whole snapshot of one employment, as HR describes it. `None` means HR says empty."""

    id: str
    person_id: str | None = None
    user_principal_name: str | None = None
    employee_type: str | None = None
    status: Status = Status.ACTIVE
    department: str | None = None
    cost_center: str | None = None
    job_code: str | None = None
    job_title: str | None = None
    location: str | None = None
    country: str | None = None
    time_zone: str | None = None
    manager: str | None = None
    company: str | None = None
    contract_end: date | None = None
    attributes: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Joined:
    """An employment begins (or its beginning is corrected); `effective` is the first day."""

    recorded: Recorded
    effective: Effective
    worker: Worker


@dataclass(frozen=True, slots=True)
class Moved:
    """The attributes of an employment change from `effective` on. Never opens, reopens or extends one."""

    recorded: Recorded
    effective: Effective
    worker: Worker


@dataclass(frozen=True, slots=True)
class Left:
    """An employment ends; `effective` is the last day, and access ends when that day is over everywhere it could be.

    `immediate` ends it at the instant of recording.
    """

    recorded: Recorded
    effective: Effective
    immediate: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Rescinded:
    """The fact with the id `rescinds`, of the same source and worker, never happened."""

    recorded: Recorded
    rescinds: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A project begins; recorded after a close it reopens the project."""

    recorded: Recorded
    owner: str
    planned_close: Effective | None = None
    name: str | None = None
    sponsor: str | None = None


@dataclass(frozen=True, slots=True)
class Rescheduled:
    """The project's planned close moves; a date is its last day."""

    recorded: Recorded
    planned_close: Effective | None


@dataclass(frozen=True, slots=True)
class Closed:
    """The project is closed from `effective` on; a date means from the beginning of that day."""

    recorded: Recorded
    effective: Effective


@dataclass(frozen=True, slots=True)
class Staffed:
    """A person works on the project in a role; `until` as a date is the last day."""

    recorded: Recorded
    person: str
    role: str
    starts: Effective | None = None
    until: Effective | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """A person no longer works on the project in a role, from the instant of recording."""

    recorded: Recorded
    person: str
    role: str


@dataclass(frozen=True, slots=True)
class RenewalApproved:
    """Somebody who may approve extends a package; without `until`, by the model's `extend`."""

    recorded: Recorded
    package: str
    approver: str
    justification: str
    until: Effective | None = None


@dataclass(frozen=True, slots=True)
class RenewalDenied:
    """Somebody who may approve lets a package end."""

    recorded: Recorded
    package: str
    approver: str
    justification: str


@dataclass(frozen=True, slots=True)
class ExceptionGranted:
    """A named, time-boxed reason beside the rules; `until` is required."""

    recorded: Recorded
    package: str
    until: Effective
    approver: str
    ticket: str
    justification: str


@dataclass(frozen=True, slots=True)
class ExceptionRevoked:
    """The exceptions for a package that were granted before this end now."""

    recorded: Recorded
    package: str
    approver: str
    justification: str


@dataclass(frozen=True, slots=True)
class Frozen:
    """An incident runs: nothing is added to this person."""

    recorded: Recorded
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Thawed:
    """The incident is over."""

    recorded: Recorded
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Linked:
    """Two worker ids are one person."""

    recorded: Recorded
    worker: str


@dataclass(frozen=True, slots=True)
class Recognised:
    """Somebody who may decide says which Entra user the person is, whatever the directory's names say."""

    recorded: Recorded
    user: str
    approver: str
    justification: str


type WorkerFact = Joined | Moved | Left | Rescinded
type ProjectFact = Opened | Rescheduled | Closed
type MembershipFact = Staffed | Released
type DecisionFact = (
    RenewalApproved | RenewalDenied | ExceptionGranted | ExceptionRevoked | Frozen | Thawed | Linked | Recognised
)
type Fact = WorkerFact | ProjectFact | MembershipFact | DecisionFact
