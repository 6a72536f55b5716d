"""What `lifecycle check` asks of the tenant and of the namespace. Reads alone, and none that the app's work needs.

Unlike everywhere else a read of the tenant that fails is a value here, not an exception: a check tells it, with the
address that was asked, and goes on. It is never mistaken for an empty one: `failed` says which it is.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lifecycle.core.configured import CatalogSeen, PackageSeen, PolicySeen, QueueSeen
from lifecycle.errors import LifecycleError
from lifecycle.ports.bus import Queue
from lifecycle.ports.directory import User


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom a token is of, as it says itself: the signature is Graph's business.

    `app` and `object` are the ids of the application and of its service principal (or of the user), `roles` the
    application permissions in it. `delegated` is a person's token, `opaque` one that says nothing.
    """

    tenant: str = ""
    app: str = ""
    object: str = ""
    roles: frozenset[str] = frozenset()
    delegated: bool = False
    opaque: bool = False


@dataclass(frozen=True, slots=True)
class Read[T]:
    """What one GET came to: its whole URL, and what was found, or why not. `date` is Graph's clock, when it told."""

    url: str
    found: T | None = None
    failed: LifecycleError | None = None
    date: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """A role in entitlement management: its definition's id, and the catalog's id (empty: everywhere)."""

    role: str
    catalog: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of a list, of which only this counts: how many rows it had, and whether it was the last."""

    count: int
    last: bool


class Tenancy(Protocol):
    """Looks at one tenant as the app's identity sees it."""

    @property
    def assignment_manager(self) -> str:
        """Return the id of the role *Access package assignment manager*."""
        ...

    @property
    def roles(self) -> frozenset[str]:
        """Return the application permissions that the app needs in its mode."""
        ...

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Return the templates of the lists that the app reads, each of which `touch` asks once."""
        ...

    @property
    def probes(self) -> Mapping[str, str]:
        """Return the open questions about Graph that a read can answer, by number."""
        ...

    async def bearer(self) -> Bearer:
        """Return whom the token is of. Raises `Transient` when there is none to be had."""
        ...

    async def catalog(self, catalog: str) -> Read[CatalogSeen]:
        """Read a catalog."""
        ...

    async def package(self, package: str) -> Read[PackageSeen]:
        """Read an access package, with the catalog it lies in."""
        ...

    async def policy(self, policy: str) -> Read[PolicySeen]:
        """Read an assignment policy, with the package it belongs to."""
        ...

    async def grants(self, principal: str) -> Read[tuple[Grant, ...]]:
        """Read which roles in entitlement management a principal has. With catalog roles alone Graph refuses it."""
        ...

    async def user(self, name: str) -> Read[User]:
        """Read a user by object id or user principal name; `found` None and nothing failed: there is none."""
        ...

    async def users_with(self, employee_id: str) -> Read[tuple[User, ...]]:
        """Read the users of an employeeId."""
        ...

    async def touch(self, endpoint: str, package: str, now: datetime) -> Read[Rows]:
        """Read as little as one of `endpoints` gives: for nobody, for what is created from now on, or one row."""
        ...

    async def probe(self, number: str, package: str, now: datetime) -> Read[Rows]:
        """Ask one of `probes`; Graph's refusal is an answer too."""
        ...


class Namespace(Protocol):
    """Looks at the queues without taking, counting or locking anybody's message."""

    async def look(self, queue: Queue) -> QueueSeen:
        """Return how the queue is set up and how much lies in it.

        Raises `Refused` when it does not exist (404) or may not be read (403), `Transient` when nobody answers.
        """
        ...

    @property
    def sessions(self) -> Collection[Queue]:
        """Return the queues that must have sessions."""
        ...
