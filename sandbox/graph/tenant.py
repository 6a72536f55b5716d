"""A tenant: its directory, its assignments and requests, and the time that moves them. No I/O.

Everything that asks settles first, so that whoever looks sees the tenant as it is at `now`, however long nobody did.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Self

from sandbox.graph import submission, tenantfile
from sandbox.graph.directory import Directory
from sandbox.graph.faults import EXPIRY, OUTCOMES, Faults
from sandbox.graph.filters import Filter, find
from sandbox.graph.life import Life, Pace
from sandbox.graph.log import Log
from sandbox.graph.model import Assignment, GraphError, Request
from sandbox.graph.rows import Assignments, Requests, State
from sandbox.graph.seeding import seed
from sandbox.graph.tenantfile import TenantFile
from sandbox.graph.wire import Wire

REPROCESSABLE = timedelta(days=14)
"""How long after its end a failed request can be reprocessed (accesspackageassignmentrequest-reprocess)."""


@dataclass(slots=True)
class Settings:
    """How the tenant behaves; may change at any time.

    `permissions` "full" is EntitlementManagement.Read.All; "catalog" is a role in a catalog, with which assignments
    and requests can be listed only by access package.
    """

    pace: Pace = field(default_factory=Pace)
    page_size: int = 100
    permissions: Literal["full", "catalog"] = "full"
    writes_per_second: int | None = None


class Tenant:
    """A tenant in memory. `now` gives the virtual instant, aware, in UTC; `token` is the only bearer token it knows."""

    def __init__(self, *, now: Callable[[], datetime], token: str, seed: int = 0) -> None:
        self.now = now
        self.token = token
        self.settings = Settings()
        self.faults = Faults(seed)
        self.log = Log()
        self.state = State(Directory(), Assignments(), Requests())
        self.wire = Wire(self.state.directory, self.state.assignments.get)
        self._life = Life(self.state, self.settings.pace, seed, expires=self._expires)
        self._writes: deque[datetime] = deque()

    @classmethod
    def from_yaml(
        cls, source: Path | str | Mapping[str, Any], *, now: Callable[[], datetime], token: str, seed: int = 0
    ) -> Self:
        """Return the tenant that a file (or its content) describes; `tenantfile` has the format.

        Raises:
            TenantFileError: with path and rule.
            OSError: the file cannot be read.

        """
        tenant = cls(now=now, token=token, seed=seed)
        file = tenantfile.read(Path(source) if isinstance(source, str) else source)
        tenant.change(file)
        return tenant

    def settle(self) -> None:
        """Apply everything that is due by now, in order of time."""
        self._life.settle(self.now())

    def next_due(self, *, ends: bool = False) -> datetime | None:
        """Return when something in transit moves next; with `ends`, also when an assignment starts or ends."""
        return self._life.next_due(ends=ends)

    def in_transit(self) -> int:
        """Return how many requests are submitted or delivering; one that waits for approval is not."""
        self.settle()
        return self.state.requests.in_transit()

    def live(self, user_id: str | None = None) -> list[Assignment]:
        """Return the rows that give access or are about to, as they are (lists may lag), of one user or of all."""
        self.settle()
        rows: Iterable[Assignment] = (
            self.state.assignments.every() if user_id is None else self.state.assignments.of(user_id)
        )
        return [row for row in rows if row.live]

    def reseed(self, seed: int) -> None:
        """Start all sequences of random numbers of a seed."""
        self.faults.reseed(seed)
        self._life.reseed(seed)

    def new_id(self) -> str:
        """Return a GUID; the same seed gives the same sequence."""
        return self._life.new_id()

    def submit(self, content: bytes, path: str) -> Request:
        """Accept the body of `POST assignmentRequests` and return the request as submitted.

        Raises:
            GraphError: it is refused.

        """
        body, now = submission.read(content), self.now()
        request, approval = submission.accept(body, self.state, request_id=self.new_id(), now=now)
        self._begin(request, path, approval=approval)
        return request

    def reprocess_request(self, id_: str, path: str) -> None:
        """Deliver a request that failed once more, in whole or in part, within 14 days.

        Raises:
            GraphError: 404 for an unknown one, 400 for one that cannot be reprocessed.

        """
        request, now = self.request(id_), self.now()
        if request.state not in {"deliveryFailed", "partiallyDelivered"} or request.completed is None:
            raise GraphError(400, "InvalidRequestState", f"The request {id_} is {request.state}.")
        if now - request.completed > REPROCESSABLE:
            raise GraphError(400, "InvalidRequestState", f"The request {id_} ended more than 14 days ago.")
        submission.refuse_second(self.state, request.user_id, request.package_id)
        row = self.state.assignments.get(request.assignment_id or "")
        if row is None or row.state == "expired":
            raise GraphError(400, "InvalidRequestState", f"The assignment of request {id_} has ended.")
        again = replace(request, state="submitted", completed=None, outcome="delivered")
        self._begin(again, path, approval=False)

    def reprocess_assignment(self, id_: str) -> None:
        """Deliver a delivered assignment to its resources again, which the simulator does not have.

        Raises:
            GraphError: 404 for an unknown one, 400 for one that is not delivered.

        """
        row = self.assignment(id_)
        if row.state != "delivered":
            raise GraphError(400, "InvalidAssignmentState", f"The assignment {id_} is {row.state}.")

    def assignment(self, id_: str) -> Assignment:
        """Return an assignment as it is; raise 404 `GraphError` when there is none."""
        return _found(self.state.assignments.get(id_.lower()), id_)

    def request(self, id_: str) -> Request:
        """Return a request as it is; raise 404 `GraphError` when there is none."""
        return _found(self.state.requests.get(id_.lower()), id_)

    def check_list(self, filter_: Filter) -> None:
        """Raise 403 `GraphError` when the permissions do not reach as far as a list without access package."""
        if self.settings.permissions == "catalog" and find(filter_, "accesspackage/id") is None:
            raise GraphError(
                403, "accessDenied", "With a role in a catalog, a list needs the filter accessPackage/id eq."
            )

    def check_write_rate(self) -> None:
        """Count a write; raise 429 `GraphError` when there were too many within the last virtual second."""
        limit, now = self.settings.writes_per_second, self.now()
        while self._writes and self._writes[0] <= now - timedelta(seconds=1):
            self._writes.popleft()
        if limit is not None and len(self._writes) >= limit:
            raise GraphError(429, "TooManyRequests", "Too many writes within a second.", retry_after=1)
        self._writes.append(now)

    def change(self, change: TenantFile) -> dict[str, list[str]]:
        """Do to the tenant what others would: an admin, a user in My Access, HR provisioning. All of it or nothing.

        Returns the ids of the assignments and requests made.

        Raises:
            TenantFileError: with path and rule; nothing was changed.

        """
        self.settle()
        return seed(change, self.state, self._life, self.now())

    def _expires(self, row: Assignment) -> bool:
        return self.faults.fire(frozenset({"neverExpires"}), EXPIRY, f"/assignments/{row.id}") is None

    def _begin(self, request: Request, path: str, *, approval: bool) -> None:
        fault = self.faults.fire(OUTCOMES, "POST", path)
        match None if fault is None else fault.kind:
            case "pendingApproval":
                approval = True
            case "partiallyDelivered" | "deliveryFailed" as outcome:
                request = replace(request, outcome=outcome)
            case _:
                pass
        if request.type == "adminUpdate" and self.faults.fire(frozenset({"unmovedEnd"}), "POST", path) is not None:
            request = replace(request, unmoved=True)
        self._life.submit(request, self.now(), approval=approval)


def _found[T](row: T | None, id_: str) -> T:
    if row is None:
        raise GraphError(404, "ResourceNotFound", f"Resource '{id_}' does not exist.")
    return row
