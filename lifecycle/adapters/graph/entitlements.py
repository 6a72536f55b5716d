"""The port `Entitlements` in Graph: list a person's assignments, post one request, follow requests.

Nothing here decides, waits or repeats; what an answer means for a plan is the verbs' business.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from time import monotonic

import msgspec

from lifecycle.adapters.graph import terms, wire
from lifecycle.adapters.graph.ahead import Ahead
from lifecycle.adapters.graph.answers import Answer
from lifecycle.adapters.graph.client import GraphClient
from lifecycle.adapters.graph.permissions import ASSIGNMENTS, POLICIES, POLICY, REQUEST, REQUESTS, ListingMode
from lifecycle.adapters.graph.wire import Assignment, quoted
from lifecycle.errors import Ambiguous, LifecycleError, Permanent, Refused, Transient
from lifecycle.ports import (
    AlreadyOpen,
    AssignmentState,
    Followed,
    Listed,
    Page,
    PolicyTerms,
    Request,
    Sighting,
    Submitted,
    Wire,
)

_OPEN = "ExistingOpenRequest"
_POLICIES_KEPT = 600.0
_EXPAND = "accessPackage,assignmentPolicy,target"
_MOST_PAGES = 10_000  # of a count: at 100 rows a page five times what a tenant may ask for in three months
_MOMENT = timedelta(seconds=1)


def _of_user(user: str, _packages: Iterable[str]) -> list[str]:
    """One list of the user, whatever the packages; needs a permission on the whole directory."""
    return [f"target/objectId eq {quoted(user)}"]


def _of_user_in_each(user: str, packages: Iterable[str]) -> list[str]:
    """One list per package: to a catalog role alone, Graph gives no list without the package in its filter."""
    return [f"accessPackage/id eq {quoted(package)} and target/objectId eq {quoted(user)}" for package in packages]


_LISTINGS: Mapping[ListingMode, Callable[[str, Iterable[str]], list[str]]] = {
    ListingMode.DIRECTORY: _of_user,
    ListingMode.CATALOG: _of_user_in_each,
}
"""The filters of the lists that together hold a user's assignments; they may hold other packages as well."""


class GraphEntitlements:
    """Entitlement management of one tenant; how it lists follows the client's mode. Closes nothing but its client.

    `now` dates requests that Graph has not dated yet.
    """

    def __init__(self, client: GraphClient, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._client = client
        self._now = now
        self._filters = _LISTINGS[client.mode]
        self._joint_filter = True
        self._narrow = True
        self._auto: tuple[float, frozenset[str]] | None = None
        self._terms: dict[str, tuple[float, PolicyTerms]] = {}
        self._ahead = Ahead(self._delivered)

    @property
    def throttle(self) -> float:
        """Return the share of the limit that is used, as the client last heard."""
        return self._client.throttle

    async def assignments_of(self, user: str, packages: Collection[str]) -> list[Listed]:
        """Return the user's assignments in those packages (ids, in the caller's spelling), expired ones included.

        Raises as `GraphClient.rows` does; `Transient` for a row of another user too, or of no package.
        """
        if not packages:
            return []
        wanted = {package.casefold(): package for package in packages}
        found: list[Listed] = []
        for filter_ in self._filters(user, wanted.values()):  # in turn: people are worked on in parallel already
            query = {"expand": _EXPAND, "filter": filter_}
            async for rows in self._client.pages(ASSIGNMENTS, wire.assignments, query=query):
                found += _listed(rows, user, wanted)
        return found

    async def submit(self, request: Request) -> Submitted | AlreadyOpen:
        """Post one request, once; 201 means submitted.

        Raises `Throttled` or `Transient` when it was certainly not done, `Ambiguous` when nobody knows (an answer that
        cannot be read among them), `Refused` when Graph said no.
        """
        body = wire.body_of(request)
        digest = hashlib.sha256(body).hexdigest()
        try:
            answer = await self._client.post(REQUESTS, body, token=request.token)
            posted = _posted(answer)
        except LifecycleError as exc:
            exc.sent(request.token, digest)
            if isinstance(exc, Refused) and exc.code == _OPEN:
                return AlreadyOpen(exc.wire)
            raise
        sent = Wire(answer.status, answer.request_id, request.token, digest)
        return Submitted(posted.id, wire.state_of(posted), sent)

    async def request(self, request: str) -> Followed | None:
        """Return the request, or None when Graph says that it has none by that id.

        Raises as `GraphClient.get` does; a 404 without an error of Graph in it is `Refused`, not None.
        """
        query = {"expand": "requestor,assignment($expand=target)"}
        try:
            row = await self._client.get(REQUEST, wire.request, ids={"id": request}, query=query)
        except Refused as exc:
            if exc.status == HTTPStatus.NOT_FOUND and exc.code:
                return None
            raise
        return _followed([row])[0]

    async def auto_policies(self) -> frozenset[str]:
        """Return the ids of the policies that assign by themselves, read once in ten minutes.

        Raises as `GraphClient.rows` does.
        """
        now = monotonic()
        if self._auto is None or self._auto[0] < now:
            rows = await self._client.rows(POLICIES, wire.policies, query={"select": "id,automaticRequestSettings"})
            automatic = [row.id for row in rows if _assigns_itself(row)]
            self._auto = (now + _POLICIES_KEPT, frozenset(automatic))
        return self._auto[1]

    async def requests_for(self, package: str, *, since: datetime) -> list[Followed]:
        """Return the requests for a package created at or after `since`, and those without a time as yet.

        Graph documents the filters on package and on creation, but not both together; where it refuses them together,
        the package alone is asked for from then on, and the time is looked at here.
        """
        rows = await self._requests(package, since)
        return [found for found in _followed(rows) if found.created_at is None or found.created_at >= since]

    async def _requests(self, package: str, since: datetime) -> list[wire.AssignmentRequest]:
        filter_ = f"accessPackage/id eq {quoted(package)}"
        query = {"expand": "requestor,assignment"}
        if self._joint_filter:
            # `gt` is the documented operator; a second earlier makes it `at or after`.
            joint = f"{filter_} and createdDateTime gt {wire.instant(since - timedelta(seconds=1))}"
            try:
                return await self._client.rows(REQUESTS, wire.requests, query={**query, "filter": joint})
            except Refused as exc:
                if exc.code != "InvalidFilter":
                    raise
                self._joint_filter = False
        return await self._client.rows(REQUESTS, wire.requests, query={**query, "filter": filter_})

    async def assignments_in(self, package: str, *, link: str = "") -> Page[Sighting]:
        """Return one page of a package's delivered rows; a user who is not in the tenant yet has no id ("").

        The next page is read meanwhile (`lifecycle.adapters.graph.ahead`). Raises as `GraphClient.page` does,
        `StaleLink` among them; `Transient` for a row that cannot be told.
        """
        return await self._ahead.page(package, link)

    async def _delivered(self, package: str, link: str) -> Page[Sighting]:
        filter_ = f"accessPackage/id eq {quoted(package)} and state eq 'Delivered'"
        query = {"filter": filter_, "expand": "target,assignmentPolicy"}
        page = await self._client.page(ASSIGNMENTS, wire.sighted, query=query, link=link)
        return Page(_sightings(page.value, package), page.next_link or "")

    async def requests_created(self, since: datetime, until: datetime) -> int:
        """Count the tenant's requests with `since <= created < until`; one without a time counts as created now.

        Graph filters from below alone, so everything since then is read, a page at a time. Raises as
        `GraphClient.page` does; with catalog roles alone Graph refuses the list (403).
        """
        now = self._now()
        count, link = 0, ""
        for _ in range(_MOST_PAGES):
            page = await self._created_after(since - _MOMENT, link)
            count += sum(since <= created < until for created in _times(page.value, now))
            if not (link := page.next_link or ""):
                return count
        raise Permanent(f"GET {REQUESTS} has more than {_MOST_PAGES} pages since the instant asked for; ask for less")

    async def _created_after(self, instant: datetime, link: str) -> wire.Page[wire.Created]:
        query = {"filter": f"createdDateTime gt {wire.instant(instant)}"}
        if self._narrow and not link:
            try:
                return await self._client.page(REQUESTS, wire.created, query={**query, "select": "id,createdDateTime"})
            except Refused as exc:  # `$select` is documented for this list, `$select` beside `$filter` is not
                if exc.status != HTTPStatus.BAD_REQUEST:
                    raise
                self._narrow = False
        return await self._client.page(REQUESTS, wire.created, query=query, link=link)

    async def terms_of(self, policy: str) -> PolicyTerms:
        """Return what a policy allows of a schedule, read once in ten minutes.

        Raises as `GraphClient.get` does; `Transient` for an expiration that cannot be read.
        """
        now = monotonic()
        kept = self._terms.get(policy)
        if kept is None or kept[0] < now:
            read = await self._client.get(POLICY, terms.decoder, ids={"id": policy})
            try:
                kept = self._terms[policy] = (now + _POLICIES_KEPT, terms.told(read))
            except ValueError as exc:
                raise Transient(f"GET {POLICY}: the expiration of policy {policy} cannot be read: {exc}") from exc
        return kept[1]

    async def close(self) -> None:
        """Close the client's connections."""
        await self._ahead.close()
        await self._client.close()


def _listed(rows: Iterable[Assignment], user: str, wanted: Mapping[str, str]) -> list[Listed]:
    """Return the rows of wanted packages (folded id → as the caller spells it); a row that cannot be told raises."""
    folded = user.casefold()
    found: list[Listed] = []
    for row in rows:
        try:
            if (package := _package(row, folded)) is not None and package in wanted:
                found.append(wire.listed(row, user=user, package=wanted[package]))
        except ValueError as exc:
            raise Transient(f"GET {ASSIGNMENTS}: assignment {row.id} of user {user} cannot be read: {exc}") from exc
    return found


def _sightings(rows: Iterable[wire.Sighted], package: str) -> list[Sighting]:
    found: list[Sighting] = []
    for row in rows:
        try:
            if (seen := wire.sighting(row)) is not None:
                found.append(seen)
        except ValueError as exc:
            raise Transient(f"GET {ASSIGNMENTS}: assignment {row.id} of {package} cannot be read: {exc}") from exc
    return found


def _times(rows: Iterable[wire.Created], now: datetime) -> list[datetime]:
    try:
        return [wire.at(row.created_date_time) or now for row in rows]
    except ValueError as exc:
        raise Transient(f"GET {REQUESTS}: the time of a request cannot be read: {exc}") from exc


def _package(row: Assignment, user: str) -> str | None:
    """Return the folded id of the row's package; None for an expired row, whose package may be gone."""
    if row.target is None or (row.target.object_id or "").casefold() != user:
        raise ValueError("it is not of this user, though the filter asked for nobody else")
    if row.access_package is not None:
        return row.access_package.id.casefold()
    if (row.state or "").casefold() != AssignmentState.EXPIRED:
        raise ValueError("it does not say of which access package it is, and would be overlooked")
    return None


def _assigns_itself(policy: wire.Policy) -> bool:
    settings = policy.automatic_request_settings
    return settings is not None and settings.request_access_for_allowed_targets is not False


def _posted(answer: Answer) -> wire.AssignmentRequest:
    try:
        posted = wire.request.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise _unreadable(answer) from exc
    if not posted.id:
        raise _unreadable(answer)
    return posted


def _unreadable(answer: Answer) -> Ambiguous:
    error = Ambiguous(
        f"POST {REQUESTS}: Graph answered {answer.status} without a request's id, request-id "
        f"{answer.request_id or 'absent'}; look for its token before repeating it"
    )
    error.wire = Wire(answer.status, answer.request_id)
    return error


def _followed(rows: Iterable[wire.AssignmentRequest]) -> list[Followed]:
    try:
        return [wire.followed(row) for row in rows]
    except ValueError as exc:
        raise Transient(f"GET {REQUESTS}: a request cannot be read: {exc}") from exc
