"""Every type this app reads: where it may arrive, who may send it, and what it becomes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lifecycle.contract import payloads
from lifecycle.core import events
from lifecycle.core.work import Check, Dispose, Erase, FanOut, Release, ReleaseRefused, Reread, SweepSlice, Undo, Work
from lifecycle.ports import Queue


class Group(StrEnum):
    """Who may say it: the model lists the sources of the first three, the last is the app's own."""

    WORKER = "worker"
    PROJECT = "project"
    DECISION = "decision"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class TypeInfo:
    """The one queue a type may arrive on, and the group of sources that may send it."""

    queue: Queue
    group: Group


PAYLOADS = {
    payload.type: payload
    for payload in (
        payloads.Joined,
        payloads.Moved,
        payloads.Left,
        payloads.Rescinded,
        payloads.Opened,
        payloads.Rescheduled,
        payloads.Closed,
        payloads.Staffed,
        payloads.Released,
        payloads.RenewalApproved,
        payloads.RenewalDenied,
        payloads.ExceptionGranted,
        payloads.ExceptionRevoked,
        payloads.Frozen,
        payloads.Thawed,
        payloads.Linked,
        payloads.Recognised,
    )
}
"""What `data` must look like, by the type of an event from outside."""

WORK: dict[str, tuple[type[Work], str, Queue]] = {
    "lifecycle.person.check": (Check, "person", Queue.WORK),
    "lifecycle.person.erase": (Erase, "person", Queue.WORK),
    "lifecycle.person.reread": (Reread, "reference", Queue.WORK),
    "lifecycle.plan.released": (Release, "run", Queue.SWEEPS),
    "lifecycle.release.refused": (ReleaseRefused, "run", Queue.SWEEPS),
    "lifecycle.quarantine.dispose": (Dispose, "request", Queue.SWEEPS),
    "lifecycle.project.fanout": (FanOut, "project", Queue.SWEEPS),
    "lifecycle.sweep.slice": (SweepSlice, "run", Queue.SWEEPS),
    "lifecycle.undo.requested": (Undo, "run", Queue.SWEEPS),
}
"""The app's own messages: the value each becomes, which field of it is the subject, and where it travels."""

PAYLOAD_OF: dict[type[Any], Any] = {getattr(events, payload.__name__): payload for payload in PAYLOADS.values()}
WORK_TYPE_OF: dict[type[Any], tuple[str, str]] = {kind: (name, about) for name, (kind, about, _) in WORK.items()}


def _info(event_type: str) -> TypeInfo:
    if event_type.startswith("lifecycle.worker."):
        return TypeInfo(Queue.HR, Group.WORKER)
    if event_type.startswith("lifecycle.project."):
        return TypeInfo(Queue.PROJECTS, Group.PROJECT)
    return TypeInfo(Queue.DECISIONS, Group.DECISION)


TYPES: Mapping[str, TypeInfo] = {name: _info(name) for name in PAYLOADS} | {
    name: TypeInfo(queue, Group.INTERNAL) for name, (_, _, queue) in WORK.items()
}
"""Every type this app reads."""
