"""The two lists that only grow, assignments and requests, with the indexes that keep one user's rows cheap to list.

An assignment is kept twice: as it is, and as lists show it, which may be older (Graph's lists are eventually
consistent) or absent. Rows are never dropped: an expired one stays listed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sandbox.graph.directory import Directory
from sandbox.graph.filters import Clause, Filter, find
from sandbox.graph.model import IN_TRANSIT, OPEN, Assignment, Request


class Assignments:
    """Assignments as they are, and as lists show them; by user and by package."""

    def __init__(self) -> None:
        self._rows: dict[str, Assignment] = {}
        self._listed: dict[str, Assignment] = {}
        self._all: list[str] = []
        self._by_user: dict[str, list[str]] = {}
        self._by_package: dict[str, list[str]] = {}

    def put(self, row: Assignment) -> None:
        """Store a row as it is now; lists do not show it before `publish`."""
        if row.id not in self._rows:
            self._all.append(row.id)
            self._by_user.setdefault(row.user_id, []).append(row.id)
            self._by_package.setdefault(row.package_id, []).append(row.id)
        self._rows[row.id] = row

    def publish(self, row: Assignment) -> None:
        """Make lists show the row as given."""
        self._listed[row.id] = row

    def get(self, id_: str) -> Assignment | None:
        """Return a row as it is; a single read does not lag."""
        return self._rows.get(id_)

    def of(self, user_id: str) -> list[Assignment]:
        """Return one user's rows as they are, the ended ones included."""
        return [self._rows[i] for i in self._by_user.get(user_id, ())]

    def every(self) -> Iterator[Assignment]:
        """Yield all rows as they are."""
        return iter(self._rows.values())

    def page(self, filter_: Filter, position: int, size: int) -> tuple[list[Assignment], int | None]:
        """Return up to `size` listed rows from a position, and the position of the next page, None at the end.

        A position stays valid while rows are added: ids keep their places.
        """
        ids = self._all
        if (package := find(filter_, "accesspackage/id")) is not None:
            ids = self._by_package.get(package, [])
        if (user := find(filter_, "target/objectid")) is not None:
            ids = self._by_user.get(user, [])
        found: list[Assignment] = []
        for at in range(position, len(ids)):
            row = self._listed.get(ids[at])
            if row is None or not all(_assignment_fits(row, c) for c in filter_):
                continue
            if len(found) == size:
                return found, at
            found.append(row)
        return found, None


class Requests:
    """Assignment requests by id and package, the open one per user and package, and how many are in transit."""

    def __init__(self) -> None:
        self._rows: dict[str, Request] = {}
        self._all: list[str] = []
        self._by_package: dict[str, list[str]] = {}
        self._open: dict[tuple[str, str], str] = {}
        self._in_transit: set[str] = set()

    def put(self, request: Request) -> None:
        """Store a request as it is now; lists show it at once."""
        if request.id not in self._rows:
            self._all.append(request.id)
            self._by_package.setdefault(request.package_id, []).append(request.id)
        self._rows[request.id] = request
        key = (request.user_id, request.package_id)
        if request.state in OPEN:
            self._open[key] = request.id
        elif self._open.get(key) == request.id:
            del self._open[key]
        if request.state in IN_TRANSIT:
            self._in_transit.add(request.id)
        else:
            self._in_transit.discard(request.id)

    def get(self, id_: str) -> Request | None:
        """Return a request as it is."""
        return self._rows.get(id_)

    def every(self) -> Iterator[Request]:
        """Yield all requests as they are."""
        return iter(self._rows.values())

    def open_of(self, user_id: str, package_id: str) -> Request | None:
        """Return the request that has not ended for this user and package, None when there is none."""
        id_ = self._open.get((user_id, package_id))
        return None if id_ is None else self._rows[id_]

    def in_transit(self) -> int:
        """Return how many are submitted or delivering."""
        return len(self._in_transit)

    def page(self, filter_: Filter, position: int, size: int) -> tuple[list[Request], int | None]:
        """Return up to `size` requests from a position, and the position of the next page, None at the end."""
        ids = self._all
        if (package := find(filter_, "accesspackage/id")) is not None:
            ids = self._by_package.get(package, [])
        after = [(c.instant, c.operator == "ge") for c in filter_ if c.name == "createddatetime"]
        clauses = [c for c in filter_ if c.name != "createddatetime"]
        found: list[Request] = []
        for at in range(position, len(ids)):
            row = self._rows[ids[at]]
            if not (_created(row, after) and all(_request_fits(row, c) for c in clauses)):
                continue
            if len(found) == size:
                return found, at
            found.append(row)
        return found, None


def _assignment_fits(row: Assignment, clause: Clause) -> bool:
    match clause.name:
        case "state":
            return row.state.casefold() == clause.value
        case "accesspackage/id":
            return row.package_id == clause.value
        case "assignmentpolicy/id":
            return row.policy_id == clause.value
        case "target/objectid":
            return row.user_id == clause.value
        case name:
            raise LookupError(f"{name}: filters.ASSIGNMENTS admits it, no comparison here does it")


def _request_fits(row: Request, clause: Clause) -> bool:
    match clause.name:
        case "state":
            return row.state.casefold() == clause.value
        case "accesspackage/id":
            return row.package_id == clause.value
        case name:
            raise LookupError(f"{name}: filters.REQUESTS admits it, no comparison here does it")


def _created(row: Request, after: list[tuple[datetime, bool]]) -> bool:
    return all(row.created > at or (inclusive and row.created == at) for at, inclusive in after)


@dataclass(frozen=True, slots=True)
class State:
    """Everything a tenant knows: its directory, its assignments, its requests."""

    directory: Directory
    assignments: Assignments
    requests: Requests
