"""A tenant and a namespace in memory as `lifecycle check` looks at them; what a test puts in is what is seen."""

from collections.abc import Mapping
from datetime import datetime

from lifecycle.core.configured import CatalogSeen, PackageSeen, PolicySeen, QueueSeen
from lifecycle.core.model import AccessModel
from lifecycle.errors import LifecycleError, Refused
from lifecycle.ports import Clock, Queue, User
from lifecycle.ports.inspection import Bearer, Grant, Read, Rows

MANAGER = "e2182095-804a-4656-ae11-64734e9b7ae5"
ROLES = frozenset({"User.Read.All", "EntitlementManagement.Read.All", "AccessReview.Read.All"})
APP = Bearer("tenant", "app", "principal", ROLES)
_LISTS = ("/users", "/assignments", "/assignmentRequests", "/assignmentPolicies", "/definitions")


def refused(status: int, code: str = "accessDenied") -> Refused:
    return Refused(f"Graph answered with {status} {code}", status=status, code=code)


class MemoryTenancy:
    """Implements `Tenancy`. `failing` maps a part of an address to what asking for it comes to; `date` is its clock."""

    def __init__(self, clock: Clock, *, users: tuple[User, ...] = ()) -> None:
        self.clock = clock
        self.date: datetime | None = None
        self.who: Bearer | LifecycleError = APP
        self.catalogs: dict[str, CatalogSeen] = {}
        self.packages: dict[str, PackageSeen] = {}
        self.policies: dict[str, PolicySeen] = {}
        self.roles_of: dict[str, tuple[Grant, ...]] = {"principal": (Grant(MANAGER),)}
        self.users = list(users)
        self.failing: dict[str, BaseException] = {}
        self.asked: list[str] = []

    def fill(self, model: AccessModel) -> None:
        """Have everything that the model names, as it should be."""
        for one in model.packages.values():
            self.catalogs[one.catalog] = CatalogSeen(one.catalog, "published")
            self.packages[one.access_package] = PackageSeen(one.access_package, one.catalog)
            self.policies[one.policy] = PolicySeen(id=one.policy, package=one.access_package, scope="notSpecified")

    @property
    def assignment_manager(self) -> str:
        return MANAGER

    @property
    def roles(self) -> frozenset[str]:
        return ROLES

    @property
    def endpoints(self) -> tuple[str, ...]:
        return _LISTS

    @property
    def probes(self) -> Mapping[str, str]:
        return {"3-top": "whether it may", "6": "whether it can"}

    async def bearer(self) -> Bearer:
        if isinstance(self.who, LifecycleError):
            raise self.who
        return self.who

    async def catalog(self, catalog: str) -> Read[CatalogSeen]:
        return self._one("catalogs", catalog, self.catalogs)

    async def package(self, package: str) -> Read[PackageSeen]:
        return self._one("accessPackages", package, self.packages)

    async def policy(self, policy: str) -> Read[PolicySeen]:
        return self._one("assignmentPolicies", policy, self.policies)

    async def grants(self, principal: str) -> Read[tuple[Grant, ...]]:
        return self._read("roleAssignments", self.roles_of.get(principal, ()))

    async def user(self, name: str) -> Read[User]:
        named = {name.casefold()}
        found = [one for one in self.users if {one.id.casefold(), one.user_principal_name.casefold()} & named]
        return self._read(f"users/{name}", found[0] if found else None)

    async def users_with(self, employee_id: str) -> Read[tuple[User, ...]]:
        return self._read("users?employeeId", tuple(one for one in self.users if one.employee_id == employee_id))

    async def touch(self, endpoint: str, package: str, now: datetime) -> Read[Rows]:
        return self._read(endpoint.removeprefix("/"), Rows(0, last=True))

    async def probe(self, number: str, package: str, now: datetime) -> Read[Rows]:
        return self._read(f"probe/{number}", Rows(1, last=False))

    def _one[T](self, kind: str, name: str, known: Mapping[str, T]) -> Read[T]:
        read = self._read(f"{kind}/{name}", known.get(name))
        if read.failed is None and read.found is None:
            return Read(read.url, failed=refused(404, "ResourceNotFound"))
        return read

    def _read[T](self, address: str, found: T | None) -> Read[T]:
        url = f"https://graph.example/v1.0/{address}"
        self.asked.append(url)
        error = next((error for part, error in self.failing.items() if part in url), None)
        if isinstance(error, LifecycleError):
            return Read(url, failed=error)
        if error is not None:
            raise error
        return Read(url, found, date=self.date or self.clock.now())


SOUND = QueueSeen(sessions=False, duplicates=True, waiting=0, dead=0, active=True)


class MemoryNamespace:
    """Implements `Namespace`: each queue as it should be, until a test says otherwise."""

    def __init__(self) -> None:
        self.queues: dict[Queue, QueueSeen | BaseException] = dict.fromkeys(Queue, SOUND)
        self.queues[Queue.WORK] = QueueSeen(sessions=True, duplicates=True, waiting=0, dead=0, active=True)

    @property
    def sessions(self) -> frozenset[Queue]:
        return frozenset({Queue.WORK})

    async def look(self, queue: Queue) -> QueueSeen:
        seen = self.queues[queue]
        if isinstance(seen, BaseException):
            raise seen
        return seen
