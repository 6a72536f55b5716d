"""A message in a queue: what was sent, unchanged, and what the queue knows about it.

May not know queues, links or clocks. The annotations that it writes are the ones the client library reads
(azure-servicebus 7.15, `_common/constants.py`).
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from proton import int32, symbol, timestamp, uint

from sandbox.broker import wire

_HEADER_FIELDS, _TTL, _DELIVERY_COUNT = 5, 2, 4
_MESSAGE_ID, _GROUP_ID = 0, 10
_SCHEDULED_TIME = "x-opt-scheduled-enqueue-time"


class State(IntEnum):
    """The values of the annotation x-opt-message-state."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


@dataclass(frozen=True, slots=True)
class Content:
    """What a sender sent. `bare` is the message from its properties on, byte for byte; times are in unix seconds."""

    header: tuple[Any, ...]
    annotations: Mapping[Any, Any]
    bare: bytes
    message_id: str | int | uuid.UUID | bytes | None
    session_id: str | None
    ttl: float
    scheduled_for: float | None

    @classmethod
    def parse(cls, payload: bytes) -> "Content":
        """Read an encoded message. Raises WireError."""
        header: Any = ()
        annotations: Any = {}
        properties: Any = ()
        bare = b""
        for part in wire.sections(payload):
            if part.code >= wire.PROPERTIES and not bare:
                bare = payload[part.start :]
            match part.code:
                case wire.HEADER:
                    header = wire.decode(payload[part.value : part.end])
                case wire.MESSAGE_ANNOTATIONS:
                    annotations = wire.decode(payload[part.value : part.end])
                case wire.PROPERTIES:
                    properties = wire.decode(payload[part.value : part.end])
        if not (isinstance(header, list | tuple) and isinstance(annotations, dict | None)):
            raise wire.WireError("The header is no list or the annotations are no map.")
        if not isinstance(properties, list | tuple):
            raise wire.WireError("The properties are no list.")
        annotations = annotations or {}
        ttl = _field(header, _TTL, int)
        scheduled = annotations.get(_SCHEDULED_TIME)
        if scheduled is not None and not isinstance(scheduled, int):
            raise wire.WireError(f"{_SCHEDULED_TIME} is no timestamp.")
        return cls(
            header=tuple(header),
            annotations=annotations,
            bare=bare,
            message_id=_field(properties, _MESSAGE_ID, str | int | uuid.UUID | bytes),
            session_id=_field(properties, _GROUP_ID, str),
            ttl=(ttl or 0) / 1000,
            scheduled_for=None if scheduled is None else scheduled / 1000,
        )


def _field(fields: list[Any] | tuple[Any, ...], index: int, kind: Any) -> Any:
    """A field of a list section, None when absent; trailing nulls are left out on the wire."""
    value = fields[index] if index < len(fields) else None
    if value is not None and not isinstance(value, kind):
        raise wire.WireError(f"Field {index} of a section has the wrong type.")
    return value


@dataclass(frozen=True, slots=True)
class Lock:
    """A receiver's hold on a message until a real time; infinite where the session's lock decides."""

    token: uuid.UUID
    until: float


@dataclass(slots=True, eq=False)
class Message:
    """A message in a queue. `enqueued`, `due` and `expires` are virtual unix seconds; the lock runs on real time."""

    content: Content
    enqueued: float
    sequence_number: int = 0
    state: State = State.ACTIVE
    due: float | None = None
    expires: float | None = None
    delivery_count: int = 0
    lock: Lock | None = None
    dead_letter_source: str | None = None

    @property
    def session_id(self) -> str | None:
        """The session that orders this message, if its sender named one."""
        return self.content.session_id

    def add_properties(self, extra: Mapping[str, str]) -> None:
        """Add application properties, as dead-lettering does."""
        bare = wire.add_application_properties(self.content.bare, extra)
        self.content = replace(self.content, bare=bare)

    def encode(self, *, locked_until: float | None = None) -> bytes:
        """The message as a receiver sees it; `locked_until` is told for a message lock, not for a session's."""
        header = [*self.content.header, *[None] * _HEADER_FIELDS][:_HEADER_FIELDS]
        header[_DELIVERY_COUNT] = uint(self.delivery_count)
        annotations = dict(self.content.annotations)
        annotations[symbol("x-opt-enqueued-time")] = milliseconds(self.enqueued)
        annotations[symbol("x-opt-sequence-number")] = self.sequence_number
        annotations[symbol("x-opt-enqueue-sequence-number")] = self.sequence_number
        annotations[symbol("x-opt-message-state")] = int32(self.state)
        if locked_until is not None:
            annotations[symbol("x-opt-locked-until")] = milliseconds(locked_until)
        if self.due is not None:
            annotations[symbol(_SCHEDULED_TIME)] = milliseconds(self.due)
        if self.dead_letter_source is not None:
            annotations[symbol("x-opt-deadletter-source")] = self.dead_letter_source
        encoded = wire.encode_section(wire.HEADER, header)
        if self.lock is not None:
            encoded += wire.encode_section(wire.DELIVERY_ANNOTATIONS, {symbol("x-opt-lock-token"): self.lock.token})
        return encoded + wire.encode_section(wire.MESSAGE_ANNOTATIONS, annotations) + self.content.bare


def milliseconds(at: float) -> timestamp:
    """An AMQP timestamp of unix seconds."""
    return timestamp(int(at * 1000))
