"""What the project office says of projects and who works on them."""

from typing import Self

from lifecycle.contract.fields import Id, Moment, Reference
from lifecycle.contract.payloads.ground import Payload, identifier, moment, text, when
from lifecycle.core import events
from lifecycle.core.events import Recorded


class Opened(Payload, frozen=True):
    """A project begins; after a close it reopens. `plannedClose` as a date is the last day."""

    type = "lifecycle.project.opened"
    owner: Id
    planned_close: Moment | None
    name: str | None = None
    sponsor: Id | None = None

    def fact(self, recorded: Recorded) -> events.Opened:
        """Return what happened."""
        return events.Opened(recorded, str(self.owner), when(self.planned_close), self.name, text(self.sponsor))

    @classmethod
    def of(cls, fact: events.Opened) -> Self:
        """Return what travels."""
        close, sponsor = moment(fact.planned_close), identifier(Id, fact.sponsor)
        return cls(name=fact.name, owner=Id(fact.owner), sponsor=sponsor, planned_close=close)


class Rescheduled(Payload, frozen=True):
    """The project's planned close moves; `null` takes it away."""

    type = "lifecycle.project.rescheduled"
    planned_close: Moment | None

    def fact(self, recorded: Recorded) -> events.Rescheduled:
        """Return what happened."""
        return events.Rescheduled(recorded, when(self.planned_close))

    @classmethod
    def of(cls, fact: events.Rescheduled) -> Self:
        """Return what travels."""
        return cls(planned_close=moment(fact.planned_close))


class Closed(Payload, frozen=True):
    """The project is closed from `effective` on; a date means from the beginning of that day."""

    type = "lifecycle.project.closed"
    effective: Moment

    def fact(self, recorded: Recorded) -> events.Closed:
        """Return what happened."""
        return events.Closed(recorded, self.effective.value)

    @classmethod
    def of(cls, fact: events.Closed) -> Self:
        """Return what travels."""
        return cls(effective=Moment(fact.effective))


class Staffed(Payload, frozen=True, rename={"starts": "from"}):
    """A person works on the project in a role; `until` as a date is the last day."""

    type = "lifecycle.project.staffed"
    person: Reference
    role: Id
    starts: Moment | None = None
    until: Moment | None = None

    def fact(self, recorded: Recorded) -> events.Staffed:
        """Return what happened."""
        return events.Staffed(recorded, str(self.person), str(self.role), when(self.starts), when(self.until))

    @classmethod
    def of(cls, fact: events.Staffed) -> Self:
        """Return what travels."""
        starts, until = moment(fact.starts), moment(fact.until)
        return cls(person=Reference(fact.person), role=Id(fact.role), starts=starts, until=until)


class Released(Payload, frozen=True):
    """A person no longer works on the project in a role."""

    type = "lifecycle.project.released"
    person: Reference
    role: Id

    def fact(self, recorded: Recorded) -> events.Released:
        """Return what happened."""
        return events.Released(recorded, str(self.person), str(self.role))

    @classmethod
    def of(cls, fact: events.Released) -> Self:
        """Return what travels."""
        return cls(person=Reference(fact.person), role=Id(fact.role))
