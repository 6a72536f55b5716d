"""What HR says of workers."""

from typing import Self

from msgspec import Struct

from lifecycle.contract.fields import End, Id, Moment, Reference, Zone
from lifecycle.contract.payloads.ground import Payload, identifier, text
from lifecycle.core import events
from lifecycle.core.events import Recorded, Scalar, Status


class Snapshot(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One employment as HR describes it, whole: a partial one would be a mover nobody meant."""

    id: Id
    person_id: Reference | None = None
    user_principal_name: Id | None = None
    employee_type: str | None
    status: Status
    department: str | None
    cost_center: str | None
    job_code: str | None
    job_title: str | None
    location: str | None
    country: str | None
    time_zone: Zone | None
    manager: Id | None
    company: str | None
    contract_end: End | None
    attributes: dict[str, str | int | float | bool | None] | None

    def worker(self) -> events.Worker:
        """Return the snapshot as the core knows it."""
        attributes: dict[str, Scalar] = dict(self.attributes or {})
        return events.Worker(
            id=str(self.id),
            person_id=text(self.person_id),
            user_principal_name=text(self.user_principal_name),
            employee_type=self.employee_type,
            status=self.status,
            department=self.department,
            cost_center=self.cost_center,
            job_code=self.job_code,
            job_title=self.job_title,
            location=self.location,
            country=self.country,
            time_zone=text(self.time_zone),
            manager=text(self.manager),
            company=self.company,
            contract_end=self.contract_end.value if self.contract_end else None,
            attributes=attributes,
        )

    @classmethod
    def of(cls, worker: events.Worker) -> Self:
        """Return the worker as it travels."""
        return cls(
            id=Id(worker.id),
            person_id=identifier(Reference, worker.person_id),
            user_principal_name=identifier(Id, worker.user_principal_name),
            employee_type=worker.employee_type,
            status=worker.status,
            department=worker.department,
            cost_center=worker.cost_center,
            job_code=worker.job_code,
            job_title=worker.job_title,
            location=worker.location,
            country=worker.country,
            time_zone=Zone(worker.time_zone) if worker.time_zone is not None else None,
            manager=identifier(Id, worker.manager),
            company=worker.company,
            contract_end=End(worker.contract_end) if worker.contract_end else None,
            attributes=dict(worker.attributes),
        )


class Joined(Payload, frozen=True):
    """An employment begins, or its beginning is corrected; `effective` is the first day."""

    type = "lifecycle.worker.joined"
    effective: Moment
    worker: Snapshot

    def fact(self, recorded: Recorded) -> events.Joined:
        """Return what happened."""
        return events.Joined(recorded, self.effective.value, self.worker.worker())

    @classmethod
    def of(cls, fact: events.Joined) -> Self:
        """Return what travels."""
        return cls(effective=Moment(fact.effective), worker=Snapshot.of(fact.worker))


class Moved(Payload, frozen=True):
    """The attributes of an employment change from `effective` on."""

    type = "lifecycle.worker.moved"
    effective: Moment
    worker: Snapshot

    def fact(self, recorded: Recorded) -> events.Moved:
        """Return what happened."""
        return events.Moved(recorded, self.effective.value, self.worker.worker())

    @classmethod
    def of(cls, fact: events.Moved) -> Self:
        """Return what travels."""
        return cls(effective=Moment(fact.effective), worker=Snapshot.of(fact.worker))


class Left(Payload, frozen=True):
    """An employment ends; `effective` is the last day, `immediate` ends access at the instant of recording."""

    type = "lifecycle.worker.left"
    effective: Moment
    immediate: bool
    reason: str | None = None

    def fact(self, recorded: Recorded) -> events.Left:
        """Return what happened."""
        return events.Left(recorded, self.effective.value, self.immediate, self.reason)

    @classmethod
    def of(cls, fact: events.Left) -> Self:
        """Return what travels."""
        return cls(effective=Moment(fact.effective), immediate=fact.immediate, reason=fact.reason)


class Rescinded(Payload, frozen=True):
    """The event with the id `rescinds`, of the same source and worker, never happened."""

    type = "lifecycle.worker.rescinded"
    rescinds: Id

    def fact(self, recorded: Recorded) -> events.Rescinded:
        """Return what happened."""
        return events.Rescinded(recorded, str(self.rescinds))

    @classmethod
    def of(cls, fact: events.Rescinded) -> Self:
        """Return what travels."""
        return cls(rescinds=Id(fact.rescinds))
