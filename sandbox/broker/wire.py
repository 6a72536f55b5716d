"""AMQP 1.0 message sections, split without decoding the body.

The broker changes header and annotations and must leave everything from properties on as the sender's own bytes, which
Proton's `Message` cannot do. All bytes come from outside: whatever is wrong with them ends as `WireError`.
Source of the layout: OASIS AMQP 1.0, part 1.6 (constructors) and part 3.2 (sections).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proton import Array, Data, DataException, Described, ulong

HEADER, DELIVERY_ANNOTATIONS, MESSAGE_ANNOTATIONS = 0x70, 0x71, 0x72
PROPERTIES, APPLICATION_PROPERTIES, DATA = 0x73, 0x74, 0x75
_LAST_SECTION = 0x78
_DESCRIBED = 0x00
_FIXED_WIDTH = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}
_ONE_BYTE_SIZE, _FOUR_BYTE_SIZE = (0xA, 0xC, 0xE), (0xB, 0xD, 0xF)


class WireError(ValueError):
    """Bytes that are no AMQP 1.0 message."""


@dataclass(frozen=True, slots=True)
class Section:
    """Where a section lies in a message: `start` at its descriptor, `value` at its value, `end` just past it."""

    code: int
    start: int
    value: int
    end: int


def _past(message: bytes, at: int) -> int:
    """Index just past the AMQP value that starts at `at`; a loop, for nesting must not cost stack."""
    values = 1
    while values:
        constructor = message[at]
        kind = constructor >> 4
        if constructor == _DESCRIBED:
            at += 1
            values += 1  # a descriptor and a value in the place of one value
            continue
        if kind in _FIXED_WIDTH:
            at += 1 + _FIXED_WIDTH[kind]
        elif kind in _ONE_BYTE_SIZE:
            at += 2 + message[at + 1]
        elif kind in _FOUR_BYTE_SIZE:
            at += 5 + int.from_bytes(message[at + 1 : at + 5])
        else:
            raise WireError(f"0x{constructor:02x} at byte {at} is no AMQP constructor.")
        values -= 1
    return at


def sections(message: bytes) -> list[Section]:
    """The sections of a whole encoded message, in order. Raises WireError."""
    found: list[Section] = []
    at = 0
    try:
        while at < len(message):
            match message[at], message[at + 1]:
                case (0x00, 0x53):  # a described value whose descriptor is a small ulong
                    code, value = message[at + 2], at + 3
                case (0x00, 0x80):
                    code, value = int.from_bytes(message[at + 2 : at + 10]), at + 10
                case _:
                    raise WireError(f"No section starts at byte {at}.")
            end = _past(message, value)
            if end > len(message) or not HEADER <= code <= _LAST_SECTION:
                raise WireError(f"The section at byte {at} is truncated or unknown.")
            found.append(Section(code, at, value, end))
            at = end
    except IndexError as error:
        raise WireError(f"The message ends inside the section at byte {at}.") from error
    return found


def decode(value: bytes) -> Any:
    """The Python value of one encoded AMQP value. Raises WireError."""
    data = Data()
    try:
        data.decode(value)
        data.rewind()
        data.next()
        return _owned(data.get_object())
    except (DataException, ValueError, TypeError, KeyError) as error:
        raise WireError("A section holds no decodable AMQP value.") from error


def _owned(value: Any) -> Any:
    """The value with its binaries copied: Proton's are views of memory that is freed with the Data."""
    match value:
        case memoryview():
            return bytes(value)
        case dict():
            return {_owned(key): _owned(item) for key, item in value.items()}
        case list():
            return [_owned(item) for item in value]
        case Described():
            return Described(_owned(value.descriptor), _owned(value.value))
        case Array():
            return Array(value.descriptor, value.type, *map(_owned, value.elements))
        case _:
            return value


def encode_section(code: int, value: Any) -> bytes:
    """A section with this descriptor code."""
    data = Data()
    data.put_object(Described(ulong(code), value))
    return data.encode()


def _binary(message: bytes, at: int) -> bytes:
    """The content of the binary value at `at`, a Data section's only allowed value."""
    match message[at]:
        case 0xA0:
            return message[at + 2 : at + 2 + message[at + 1]]
        case 0xB0:
            return message[at + 5 : at + 5 + int.from_bytes(message[at + 1 : at + 5])]
        case other:
            raise WireError(f"A data section holds 0x{other:02x}, not binary.")


def unbatch(transfer: bytes) -> list[bytes]:
    """The messages in a transfer: a Service Bus batch is Data sections that each hold an encoded message.

    Proton does not show the transfer's message-format (0x80013700), so a batch is told by its shape. A single message
    whose body is itself an encoded message and that has neither header nor application properties is taken for a batch.
    """
    parts = sections(transfer)
    bodies = [part for part in parts if part.code == DATA]
    if not bodies or any(part.code in (HEADER, APPLICATION_PROPERTIES) for part in parts):
        return [transfer]
    messages = [_binary(transfer, body.value) for body in bodies]
    return messages if all(_is_message(message) for message in messages) else [transfer]


def _is_message(content: bytes) -> bool:
    try:
        return bool(sections(content))
    except WireError:
        return False


def add_application_properties(bare: bytes, extra: Mapping[str, Any]) -> bytes:
    """A bare message (properties and what follows) with application properties added or replaced."""
    at = 0
    for part in sections(bare):
        if part.code == PROPERTIES:
            at = part.end
        elif part.code == APPLICATION_PROPERTIES:
            present = decode(bare[part.value : part.end]) or {}
            merged = encode_section(APPLICATION_PROPERTIES, {**present, **extra})
            return bare[: part.start] + merged + bare[part.end :]
    return bare[:at] + encode_section(APPLICATION_PROPERTIES, dict(extra)) + bare[at:]
