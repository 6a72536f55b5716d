"""What all payloads stand on: their base, and the way between an optional field and an optional value."""

from typing import ClassVar

from msgspec import Struct

from lifecycle.contract.fields import Id, Moment
from lifecycle.core.events import Effective


class Payload(Struct, frozen=True, rename="camel", omit_defaults=True):
    """The ground of all payloads; `type` is the event's type."""

    type: ClassVar[str]


def text(value: str | None) -> str | None:
    """Return the core's plain text."""
    return None if value is None else str(value)


def identifier[I: Id](kind: type[I], value: str | None) -> I | None:
    """Return the id as it travels."""
    return None if value is None else kind(value)


def when(moment: Moment | None) -> Effective | None:
    """Return the core's date or instant."""
    return None if moment is None else moment.value


def moment(value: Effective | None) -> Moment | None:
    """Return the date or instant as it travels."""
    return None if value is None else Moment(value)
