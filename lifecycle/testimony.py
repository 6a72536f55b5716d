"""What Graph says for an evidence packet, as fields: a read that fails is a field that is unavailable, with the reason.

Each thing is asked once a packet. What was denied is not asked again, and a Graph that does not answer is left alone
after three times, so that a packet over many people still ends. Reads only.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from lifecycle.core.packet import Field, Told, Unavailable, Value
from lifecycle.errors import Permanent, Refused, Transient
from lifecycle.ports import Followed, Listed, Ports
from lifecycle.ports.witness import Audited, Policy, Reviewed, Role, Witness

EM = "/identityGovernance/entitlementManagement"
ASSIGNMENTS = f"Graph GET {EM}/assignments"
REQUESTS = f"Graph GET {EM}/assignmentRequests"
POLICIES = f"Graph GET {EM}/assignmentPolicies"
PACKAGES = f"Graph GET {EM}/accessPackages"
APPROVALS = f"Graph GET {EM}/accessPackageAssignmentApprovals"
REVIEWS = "Graph GET /identityGovernance/accessReviews/definitions"
AUDITS = "Graph GET /auditLogs/directoryAudits"

AUDIT_KEPT = timedelta(days=30)
"""How long Entra keeps its audit log with the licences that entitlement management needs."""
REQUESTS_ASKED = timedelta(days=100)
"""How far back requests are asked for; Graph keeps them for about three months."""
_ENOUGH = 3

NO_APPROVALS = (
    "Graph lets no application read approvals (accessPackageAssignmentApprovals supports delegated permissions alone)"
)


@dataclass(frozen=True, slots=True)
class Heard[T]:
    """An answer of Graph, what was asked, and when it was read."""

    value: T
    source: str
    read_at: datetime

    def told(self, value: Value) -> Told:
        """Return a field that says `value`, which the answer holds."""
        return Told(value, self.source, self.read_at)

    def silent(self, reason: str) -> Unavailable:
        """Return a field of which the answer says nothing."""
        return Unavailable(reason, self.source, self.read_at)


class Testimony:
    """Graph's answers for one packet, each asked for once."""

    def __init__(self, ports: Ports, witness: Witness) -> None:
        self._ports, self._witness = ports, witness
        self._kept: dict[str, Any] = {}
        self._denied: dict[str, str] = {}
        self._failed = 0
        self._now = ports.clock.now()

    async def rows(self, user: str) -> Heard[Mapping[str, Listed]] | Unavailable:
        """Return the user's assignments in the model's packages, expired ones included, by id."""
        packages = [package.access_package for package in self._ports.model.packages.values()]

        async def ask() -> Mapping[str, Listed]:
            return {row.id: row for row in await self._ports.entitlements.assignments_of(user, packages)}

        return await self._ask(ASSIGNMENTS, f"{ASSIGNMENTS} of user {user}", ask)

    async def row(self, assignment: str) -> Heard[Listed | None] | Unavailable:
        """Return one assignment by its id."""
        source = f"{ASSIGNMENTS}/{assignment}"
        return await self._ask(f"{ASSIGNMENTS}/", source, lambda: self._witness.assignment(assignment))

    async def requests(self, package: str) -> Heard[list[Followed]] | Unavailable:
        """Return every request for a package (id) that Graph still has."""
        since = self._now - REQUESTS_ASKED
        source = f"{REQUESTS} of access package {package}"
        entitlements = self._ports.entitlements
        return await self._once(REQUESTS, source, lambda: entitlements.requests_for(package, since=since))

    async def policy(self, policy: str) -> Heard[Policy] | Unavailable:
        """Return a policy's settings."""
        return await self._once(POLICIES, f"{POLICIES}/{policy}", lambda: self._witness.policy(policy))

    async def roles(self, package: str) -> Heard[list[Role]] | Unavailable:
        """Return the resource roles of a package (id)."""
        source = f"{PACKAGES}/{package}?$expand=resourceRoleScopes"
        return await self._once(PACKAGES, source, lambda: self._witness.roles(package))

    async def reviews(self) -> Heard[list[Reviewed]] | Unavailable:
        """Return the decisions of reviewers about the model's packages."""
        packages = [package.access_package for package in self._ports.model.packages.values()]
        return await self._once(REVIEWS, f"{REVIEWS} (decisions)", lambda: self._witness.reviewed(packages))

    async def audits(self) -> Heard[list[Audited]] | Unavailable:
        """Return what entitlement management wrote into the audit log, as far back as it is kept."""
        since = self._now - AUDIT_KEPT
        return await self._once(AUDITS, f"audit log, {AUDITS}", lambda: self._witness.audited(since))

    def approvals(self) -> Field:
        """Return what Graph says of approvals to an application: nothing."""
        return Unavailable(NO_APPROVALS, APPROVALS, self._now)

    async def _once[T](self, kind: str, source: str, ask: Callable[[], Awaitable[T]]) -> Heard[T] | Unavailable:
        if source not in self._kept:
            self._kept[source] = await self._ask(kind, source, ask)
        kept: Heard[T] | Unavailable = self._kept[source]
        return kept

    async def _ask[T](self, kind: str, source: str, ask: Callable[[], Awaitable[T]]) -> Heard[T] | Unavailable:
        if kind in self._denied:
            return Unavailable(self._denied[kind], source, self._ports.clock.now())
        if self._failed >= _ENOUGH:
            reason = f"Graph did not answer {_ENOUGH} times in a row, so it was not asked again; make the packet anew"
            return Unavailable(reason, source, self._ports.clock.now())
        try:
            value = await ask()
        except (Transient, Permanent) as error:
            if isinstance(error, Refused) and error.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                self._denied[kind] = str(error)
            self._failed = self._failed + 1 if isinstance(error, Transient) else 0
            return Unavailable(str(error), source, self._ports.clock.now())
        self._failed = 0
        return Heard(value, source, self._ports.clock.now())
