"""What Graph can testify beside the ledger, for evidence packets: policies, roles, reviews, its audit log. Reads only.

Nothing that the app decides rests on these; so they are no part of `Ports`, and only ids come out of them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lifecycle.core.packet import Value
from lifecycle.ports.directory import Listed


@dataclass(frozen=True, slots=True)
class Policy:
    """An assignment policy as it is now: its settings by their Graph names, texts that people wrote left out."""

    id: str
    settings: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Role:
    """A role on a resource that a package gives: for a group `role` is `Member_<group>` and `resource` the group."""

    role: str
    resource: str
    system: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """What a reviewer decided of a user in a package (ids); `reviewer` is empty while nobody has decided.

    `decision` is Approve, Deny, NotReviewed or DontKnow, `status` that of the review's instance, `result` what became
    of the decision.
    """

    instance: str
    package: str
    user: str
    decision: str
    status: str
    reviewer: str = ""
    result: str = ""
    reviewed_at: datetime | None = None
    applied_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """An entry of Entra's audit log: who (a user's or an app's id) did what, and every id that it names."""

    id: str
    activity: str
    at: datetime
    by: str
    result: str
    correlation: str = ""
    ids: frozenset[str] = frozenset()


class Witness(Protocol):
    """Asks Graph for what a packet says beside the ledger. Each read raises; it never looks like an empty one."""

    async def assignment(self, assignment: str) -> Listed | None:
        """Return one assignment by its id, or None when Graph has none."""
        ...

    async def policy(self, policy: str) -> Policy:
        """Return a policy's settings. Raises `Refused` (404) when there is none."""
        ...

    async def roles(self, package: str) -> list[Role]:
        """Return the resource roles that a package (id) gives. Raises `Refused` (404) when there is none."""
        ...

    async def reviewed(self, packages: Collection[str]) -> list[Reviewed]:
        """Return every decision about those packages (ids) in the access reviews that Graph still has.

        Raises `Refused` (403) when reviews may not be read.
        """
        ...

    async def audited(self, since: datetime) -> list[Audited]:
        """Return what entitlement management wrote into the audit log at or after `since`; it keeps about 30 days.

        Raises `Refused` (403) when the log may not be read.
        """
        ...
