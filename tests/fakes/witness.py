"""What Graph testifies for evidence packets, over the directory in memory; each read can be made to fail."""

from collections.abc import Collection
from datetime import datetime

from lifecycle.errors import LifecycleError, Refused
from lifecycle.ports import Listed
from lifecycle.ports.witness import Audited, Policy, Reviewed, Role
from tests.fakes.directory import MemoryDirectory


class MemoryWitness:
    """Implements `Witness`.

    `settings` (by policy), `given` (roles by package) and `log` are for a test to fill; a policy or package that is not
    in them has an ordinary answer. `missing` are ids of which Graph has nothing; `errors` maps a read's name to what it
    raises. `asked` counts the reads by name.
    """

    def __init__(self, directory: MemoryDirectory) -> None:
        self.settings: dict[str, dict[str, object]] = {}
        self.given: dict[str, list[Role]] = {}
        self.log: list[Audited] = []
        self.missing: set[str] = set()
        self.errors: dict[str, LifecycleError] = {}
        self.asked: dict[str, int] = {}
        self._directory = directory

    async def assignment(self, assignment: str) -> Listed | None:
        self._called("assignment")
        return next((row for row in self._directory.rows() if row.id == assignment), None)

    async def policy(self, policy: str) -> Policy:
        self._called("policy", policy)
        ordinary = {"allowedTargetScope": "notSpecified", "expiration": {"type": "noExpiration"}}
        return Policy(policy, self.settings.get(policy, ordinary))

    async def roles(self, package: str) -> list[Role]:
        self._called("roles", package)
        return self.given.get(package, [Role(f"Member_group-{package}", f"group-{package}", "AadGroup")])

    async def reviewed(self, packages: Collection[str]) -> list[Reviewed]:
        self._called("reviewed")
        return [
            Reviewed(
                instance=one.instance,
                package=one.package,
                user=one.user,
                decision=decision,
                status="Applied" if finished else "InProgress",
                reviewer="reviewer-1",
                result="AppliedSuccessfully" if finished else "New",
                reviewed_at=one.at,
                applied_at=one.at if finished else None,
            )
            for one, decision, finished in self._directory.reviews
            if one.package in packages
        ]

    async def audited(self, since: datetime) -> list[Audited]:
        self._called("audited")
        return sorted((one for one in self.log if one.at >= since), key=lambda one: (one.at, one.id))

    def _called(self, name: str, about: str = "") -> None:
        self.asked[name] = self.asked.get(name, 0) + 1
        if name in self.errors:
            raise self.errors[name]
        if about in self.missing:
            raise Refused(f"404 ResourceNotFound {about}", status=404, code="ResourceNotFound")
