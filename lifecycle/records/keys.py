"""Row keys and partition names from ids that came from outside, and values as bytes.

Stores forbid some characters in keys and bound their length; ids may hold anything. Two different ids never share a
key.
"""

import hashlib
import string
from datetime import UTC, datetime
from urllib.parse import unquote

import msgspec

_SAFE = frozenset(string.ascii_letters + string.digits + "_.@:+=, ")
_LONG = 160
_SHORT = 40


def safe(identifier: str) -> str:
    """Return the id with every other character as `~` and its UTF-8 bytes in hex; a very long one ends in its hash."""
    plain = identifier.replace("-", "")
    if (
        len(identifier) <= _SHORT and plain.isascii() and plain.encode().isalnum()
    ):  # ids of Graph; sweeps read a million
        return identifier.replace("-", "~2d")
    text = "".join(char if char in _SAFE else "".join(f"~{byte:02x}" for byte in char.encode()) for char in identifier)
    if len(text) <= _LONG:
        return text
    return f"{text[:_LONG]}~~{hashlib.sha256(identifier.encode()).hexdigest()}"


def plain(key: str) -> str:
    """Return the id of which `safe` made the key; a very long one cannot be read back and stays a key."""
    return key if "~~" in key else unquote(key.replace("~", "%"))


def instant(at: datetime) -> str:
    """Return a time as text that sorts as the times do."""
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def at_instant(text: str) -> datetime:
    """Read back what `instant` wrote."""
    return datetime.strptime(text, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)


def pack(value: object) -> bytes:
    """Return a value (a dataclass, a mapping, text) as the JSON bytes of a row."""
    return msgspec.json.encode(value, order="deterministic", enc_hook=_plain)


def _plain(value: object) -> str:
    """Return an id as text: ids are kinds of `str` that msgspec does not know."""
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"a {type(value).__name__} cannot be kept in a row")


def unpack[T](kind: type[T], value: bytes) -> T:
    """Read a row's value back as the type that it was written from."""
    return msgspec.json.decode(value, type=kind)
