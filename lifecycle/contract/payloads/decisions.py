"""What people decided: renewals, exceptions, freezes, links."""

from typing import Self

from lifecycle.contract.fields import Id, Moment, Reference
from lifecycle.contract.payloads.ground import Payload, moment, when
from lifecycle.core import events
from lifecycle.core.events import Recorded


class RenewalApproved(Payload, frozen=True):
    """Somebody who may approve extends a package: to `until`, or by what the access model says."""

    type = "lifecycle.renewal.approved"
    package: Id
    approver: Id
    justification: str
    until: Moment | None = None

    def fact(self, recorded: Recorded) -> events.RenewalApproved:
        """Return what happened."""
        package, approver, until = str(self.package), str(self.approver), when(self.until)
        return events.RenewalApproved(recorded, package, approver, self.justification, until)

    @classmethod
    def of(cls, fact: events.RenewalApproved) -> Self:
        """Return what travels."""
        package, approver, until = Id(fact.package), Id(fact.approver), moment(fact.until)
        return cls(package=package, until=until, approver=approver, justification=fact.justification)


class RenewalDenied(Payload, frozen=True):
    """Somebody who may approve lets a package end."""

    type = "lifecycle.renewal.denied"
    package: Id
    approver: Id
    justification: str

    def fact(self, recorded: Recorded) -> events.RenewalDenied:
        """Return what happened."""
        return events.RenewalDenied(recorded, str(self.package), str(self.approver), self.justification)

    @classmethod
    def of(cls, fact: events.RenewalDenied) -> Self:
        """Return what travels."""
        return cls(package=Id(fact.package), approver=Id(fact.approver), justification=fact.justification)


class ExceptionGranted(Payload, frozen=True):
    """A package beside the rules, for a named reason and until a named end."""

    type = "lifecycle.exception.granted"
    package: Id
    until: Moment
    approver: Id
    ticket: Id
    justification: str

    def fact(self, recorded: Recorded) -> events.ExceptionGranted:
        """Return what happened."""
        package, approver, ticket = str(self.package), str(self.approver), str(self.ticket)
        return events.ExceptionGranted(recorded, package, self.until.value, approver, ticket, self.justification)

    @classmethod
    def of(cls, fact: events.ExceptionGranted) -> Self:
        """Return what travels."""
        return cls(
            package=Id(fact.package),
            until=Moment(fact.until),
            approver=Id(fact.approver),
            ticket=Id(fact.ticket),
            justification=fact.justification,
        )


class ExceptionRevoked(Payload, frozen=True):
    """The exceptions for a package that were granted before this end now."""

    type = "lifecycle.exception.revoked"
    package: Id
    approver: Id
    justification: str

    def fact(self, recorded: Recorded) -> events.ExceptionRevoked:
        """Return what happened."""
        return events.ExceptionRevoked(recorded, str(self.package), str(self.approver), self.justification)

    @classmethod
    def of(cls, fact: events.ExceptionRevoked) -> Self:
        """Return what travels."""
        return cls(package=Id(fact.package), approver=Id(fact.approver), justification=fact.justification)


class Frozen(Payload, frozen=True):
    """An incident runs: nothing is added to this person."""

    type = "lifecycle.person.frozen"
    reason: str | None = None

    def fact(self, recorded: Recorded) -> events.Frozen:
        """Return what happened."""
        return events.Frozen(recorded, self.reason)

    @classmethod
    def of(cls, fact: events.Frozen) -> Self:
        """Return what travels."""
        return cls(reason=fact.reason)


class Thawed(Payload, frozen=True):
    """The incident is over."""

    type = "lifecycle.person.thawed"
    reason: str | None = None

    def fact(self, recorded: Recorded) -> events.Thawed:
        """Return what happened."""
        return events.Thawed(recorded, self.reason)

    @classmethod
    def of(cls, fact: events.Thawed) -> Self:
        """Return what travels."""
        return cls(reason=fact.reason)


class Recognised(Payload, frozen=True):
    """The person is that Entra user (object id) from now on, whatever employeeId and user principal name say."""

    type = "lifecycle.person.recognised"
    user: Reference
    approver: Id
    justification: str

    def fact(self, recorded: Recorded) -> events.Recognised:
        """Return what happened."""
        return events.Recognised(recorded, str(self.user), str(self.approver), self.justification)

    @classmethod
    def of(cls, fact: events.Recognised) -> Self:
        """Return what travels."""
        return cls(user=Reference(fact.user), approver=Id(fact.approver), justification=fact.justification)


class Linked(Payload, frozen=True):
    """The subject and `worker` are two worker ids of one person."""

    type = "lifecycle.person.linked"
    worker: Reference

    def fact(self, recorded: Recorded) -> events.Linked:
        """Return what happened."""
        return events.Linked(recorded, str(self.worker))

    @classmethod
    def of(cls, fact: events.Linked) -> Self:
        """Return what travels."""
        return cls(worker=Reference(fact.worker))
