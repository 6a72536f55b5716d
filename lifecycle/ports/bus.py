"""The queues: sending, reading what was set aside, and keeping bodies that are too large for a message."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Queue(StrEnum):
    """The queues by role; their names are settings."""

    HR = "hr"
    PROJECTS = "projects"
    DECISIONS = "decisions"
    WORK = "work"
    SWEEPS = "sweeps"
    NOTICES = "notices"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class Message:
    """A message to send: `body` is a CloudEvent as JSON; `session` is the person, on `work` alone."""

    id: str
    body: bytes
    session: str | None = None
    properties: dict[str, str] = field(default_factory=dict)


class Bus(Protocol):
    """Sends messages, now or at an instant. Sending one id twice within minutes is sending it once."""

    async def send(self, queue: Queue, messages: Sequence[Message], *, at: datetime | None = None) -> None:
        """Send, or schedule for `at`. Raises `Transient`, `Throttled` or `Permanent` (too large)."""
        ...


@dataclass(frozen=True, slots=True)
class SetAside:
    """A message that lies in a quarantine or dead-letter queue."""

    queue: Queue
    dead: bool
    number: int
    id: str
    at: datetime
    body: bytes
    reason: str
    session: str | None = None
    properties: dict[str, str] = field(default_factory=dict)


class Lectern(Protocol):
    """Reads what was set aside without taking it, and takes one message away once it was dealt with."""

    async def browse(self, queue: Queue, *, dead: bool = False) -> list[SetAside]:
        """Return the messages that lie in the queue (or in its dead-letter queue), oldest first."""
        ...

    async def take(self, message: SetAside) -> bool:
        """Remove exactly that message; False when it is already gone. Others keep their place and count."""
        ...


class Bodies(Protocol):
    """Keeps bodies that are too large for a message."""

    async def put(self, name: str, body: bytes) -> str:
        """Keep the body and return the reference to it; the same name and body twice is once."""
        ...

    async def get(self, reference: str) -> bytes:
        """Return the body. Raises `Permanent` when there is none by that reference."""
        ...
