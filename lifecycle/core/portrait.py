"""What the dashboard shows of one person: their access and a page of what happened, in ids alone.

Pure values, and the one rule about what a viewer may see beyond ids: what HR calls the person, for who may see names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lifecycle.core.events import Worker
from lifecycle.core.evidence import Record

_CALLED = ("displayName", "name", "givenName", "surname")
"""Attributes of a snapshot in which HR systems put what somebody is called; shown as far as they are there."""


@dataclass(frozen=True, slots=True)
class Held:
    """A row of the person's access as we last knew it; `taken` when it is gone."""

    package: str
    assignment: str
    since: datetime
    ends: datetime | None
    taken: bool = False


@dataclass(frozen=True, slots=True)
class Going:
    """A request under way for the person."""

    package: str
    kind: str
    stage: str
    since: datetime
    look_at: datetime
    request: str
    cause: str


@dataclass(frozen=True, slots=True)
class Said:
    """A fact about the person, without what it says of them: its type, id, source, when recorded, since when."""

    kind: str
    id: str
    source: str
    time: datetime
    effective: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """One person: who, what they have, and a page of their chain, newest first.

    `records` end with number `length - (page - 1) * size`. `called` is empty unless the viewer may see names.
    """

    person: str
    workers: tuple[str, ...]
    people: tuple[str, ...]
    user: str
    at: datetime
    next_look: datetime | None
    late: datetime | None
    waits: tuple[str, ...]
    held: tuple[Held, ...]
    going: tuple[Going, ...]
    said: tuple[Said, ...]
    records: tuple[Record, ...]
    length: int
    page: int
    pages: int
    called: Mapping[str, str]


def called(worker: Worker) -> dict[str, str]:
    """Return what HR's snapshot calls somebody, by field; empty where it says nothing."""
    fields = {name: str(value) for name in _CALLED if (value := worker.attributes.get(name)) not in {None, ""}}
    known = {
        "user principal name": worker.user_principal_name,
        "job title": worker.job_title,
        "department": worker.department,
        "location": worker.location,
    }
    return fields | {name: value for name, value in known.items() if value}
