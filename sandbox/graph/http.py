"""The tenant as an HTTP service under /v1.0: routes, query options, pages. What surrounds every call is in `door`."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from sandbox.graph import audits, filters, reviews, shape
from sandbox.graph.door import Door
from sandbox.graph.faults import STATES, UNKNOWN_STATE
from sandbox.graph.filters import Clause
from sandbox.graph.model import GraphError, User, guid
from sandbox.graph.reviews import Review
from sandbox.graph.shape import Kind, Shape
from sandbox.graph.tenant import Tenant

ROOT = "/v1.0"
EM = f"{ROOT}/identityGovernance/entitlementManagement"
ROLES = f"{ROOT}/roleManagement/entitlementManagement/roleAssignments"
REVIEWS = f"{ROOT}/identityGovernance/accessReviews/definitions"
AUDITS = f"{ROOT}/auditLogs/directoryAudits"

LIST_OPTIONS = frozenset({"$filter", "$select", "$expand", "$skiptoken"})
USER_LIST_OPTIONS = frozenset({"$filter", "$select", "$top", "$skiptoken"})
REVIEW_LIST_OPTIONS = frozenset({"$filter", "$skiptoken"})
READ_OPTIONS = frozenset({"$select", "$expand"})
MAX_TOP = 999
_TOKEN = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")

type Rows = tuple[list[dict[str, Any]], int | None]


def graph_app(tenant: Tenant) -> Starlette:
    """Return the application that serves a tenant under /v1.0.

    Serve it with uvicorn and h11: a closed connection is made through its transport. Run uvicorn with
    `date_header=False` for a single `date` header, that of the virtual clock.
    """
    graph = Graph(tenant)
    routes = [
        Route(f"{ROOT}/users", graph.users, methods=["GET"]),
        Route(f"{ROOT}/users/{{id}}", graph.user, methods=["GET"]),
        Route(f"{EM}/catalogs", graph.catalogs, methods=["GET"]),
        Route(f"{EM}/catalogs/{{id}}", graph.catalog, methods=["GET"]),
        Route(f"{EM}/accessPackages", graph.packages, methods=["GET"]),
        Route(f"{EM}/accessPackages/{{id}}", graph.package, methods=["GET"]),
        Route(f"{EM}/assignmentPolicies", graph.policies, methods=["GET"]),
        Route(f"{EM}/assignmentPolicies/{{id}}", graph.policy, methods=["GET"]),
        Route(f"{EM}/assignments", graph.assignments, methods=["GET"]),
        Route(f"{EM}/assignments/{{id}}", graph.assignment, methods=["GET"]),
        Route(f"{EM}/assignments/{{id}}/reprocess", graph.reprocess_assignment, methods=["POST"]),
        Route(f"{EM}/assignmentRequests", graph.requests, methods=["GET"]),
        Route(f"{EM}/assignmentRequests", graph.submit, methods=["POST"]),
        Route(f"{EM}/assignmentRequests/{{id}}", graph.request, methods=["GET"]),
        Route(f"{EM}/assignmentRequests/{{id}}/reprocess", graph.reprocess_request, methods=["POST"]),
        Route(f"{EM}/assignmentRequests/{{id}}/cancel", graph.cancel, methods=["POST"]),
        Route(ROLES, graph.roles, methods=["GET"]),
        Route(REVIEWS, graph.reviews, methods=["GET"]),
        Route(f"{REVIEWS}/{{id}}/instances", graph.instances, methods=["GET"]),
        Route(f"{REVIEWS}/{{id}}/instances/{{instance}}/decisions", graph.decisions, methods=["GET"]),
        Route(AUDITS, graph.audits, methods=["GET"]),
        Route("/{path:path}", graph.nothing, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Door, tenant=tenant)])


class Graph:
    """One method per route. A `GraphError` becomes Graph's error answer at the door."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    async def users(self, http: HttpRequest) -> Response:
        """Answer `GET /users`."""
        options = _options(http, USER_LIST_OPTIONS)
        wanted = filters.parse(options.get("$filter"), filters.USERS)
        directory = self._tenant.state.directory
        ids = [c.values for c in wanted if c.name == "employeeid"]
        names = {c.value for c in wanted if c.name == "userprincipalname"}
        found = directory.with_employee_ids(ids[0]) if ids else directory.named(names) if names else directory.present()
        for clause in wanted:
            found = [u for u in found if _fits(u, clause)]
        return self._list(http, options, "user", found, self._tenant.wire.user, size=_top(options))

    async def user(self, http: HttpRequest) -> Response:
        """Answer `GET /users/{id or userPrincipalName}`."""
        asked = _shape(http, "user")
        user = self._tenant.state.directory.user(http.path_params["id"])
        if user is None:
            raise GraphError(
                404,
                "Request_ResourceNotFound",
                f"Resource '{http.path_params['id']}' does not exist or one of its queried reference-property objects "
                "are not present.",
            )
        return _json(self._tenant.wire.user(user, asked))

    async def catalogs(self, http: HttpRequest) -> Response:
        """Answer `GET catalogs`."""
        options = _options(http, LIST_OPTIONS)
        filters.parse(options.get("$filter"), filters.NONE)
        found = list(self._tenant.state.directory.catalogs.values())
        return self._list(http, options, "catalog", found, self._tenant.wire.catalog)

    async def catalog(self, http: HttpRequest) -> Response:
        """Answer `GET catalogs/{id}`."""
        return self._one(http, "catalog", self._tenant.state.directory.catalogs, self._tenant.wire.catalog)

    async def roles(self, http: HttpRequest) -> Response:
        """Answer `GET roleAssignments` of entitlement management, which a role in a catalog alone may not read."""
        if self._tenant.settings.permissions == "catalog":
            raise GraphError(403, "accessDenied", "A role in a catalog does not let its holder list roles.")
        options = _options(http, REVIEW_LIST_OPTIONS)
        wanted = filters.parse(options.get("$filter"), filters.ROLES)
        found = self._tenant.state.directory.roles_of(wanted[0].value) if wanted else []
        return self._sliced(http, options, found, self._tenant.wire.role)

    async def packages(self, http: HttpRequest) -> Response:
        """Answer `GET accessPackages`."""
        options = _options(http, LIST_OPTIONS)
        wanted = filters.parse(options.get("$filter"), filters.PACKAGES)
        every = self._tenant.state.directory.packages.values()
        found = [p for p in every if all(p.display_name.casefold() == c.value for c in wanted)]
        return self._list(http, options, "accessPackage", found, self._tenant.wire.package)

    async def package(self, http: HttpRequest) -> Response:
        """Answer `GET accessPackages/{id}`."""
        return self._one(http, "accessPackage", self._tenant.state.directory.packages, self._tenant.wire.package)

    async def policies(self, http: HttpRequest) -> Response:
        """Answer `GET assignmentPolicies`."""
        options = _options(http, LIST_OPTIONS)
        filters.parse(options.get("$filter"), filters.NONE)
        found = list(self._tenant.state.directory.policies.values())
        return self._list(http, options, "assignmentPolicy", found, self._tenant.wire.policy)

    async def policy(self, http: HttpRequest) -> Response:
        """Answer `GET assignmentPolicies/{id}`."""
        return self._one(http, "assignmentPolicy", self._tenant.state.directory.policies, self._tenant.wire.policy)

    async def assignments(self, http: HttpRequest) -> Response:
        """Answer `GET assignments`: current and ended rows."""
        options = _options(http, LIST_OPTIONS)
        wanted = filters.parse(options.get("$filter"), filters.ASSIGNMENTS)
        self._tenant.check_list(wanted)
        asked = shape.parse("assignment", options.get("$select"), options.get("$expand"))
        start = self._position(http, options)
        found, after = self._tenant.state.assignments.page(wanted, start, self._tenant.settings.page_size)
        return self._page(http, ([self._tenant.wire.assignment(row, asked) for row in found], after))

    async def assignment(self, http: HttpRequest) -> Response:
        """Answer `GET assignments/{id}`."""
        asked = _shape(http, "assignment")
        row = self._tenant.assignment(http.path_params["id"])
        return _json(self._spell(http, self._tenant.wire.assignment(row, asked)))

    async def reprocess_assignment(self, http: HttpRequest) -> Response:
        """Answer `POST assignments/{id}/reprocess`."""
        self._tenant.reprocess_assignment(guid(http.path_params["id"], "The id"))
        return Response(status_code=202)

    async def requests(self, http: HttpRequest) -> Response:
        """Answer `GET assignmentRequests`."""
        options = _options(http, LIST_OPTIONS)
        wanted = filters.parse(options.get("$filter"), filters.REQUESTS)
        self._tenant.check_list(wanted)
        asked = shape.parse("assignmentRequest", options.get("$select"), options.get("$expand"))
        start = self._position(http, options)
        found, after = self._tenant.state.requests.page(wanted, start, self._tenant.settings.page_size)
        return self._page(http, ([self._tenant.wire.request(row, asked) for row in found], after))

    async def submit(self, http: HttpRequest) -> Response:
        """Answer `POST assignmentRequests`: submitted, with neither date yet."""
        request = self._tenant.submit(await http.body(), http.url.path)
        return _json({**self._tenant.wire.request(request, Shape()), "createdDateTime": None}, status=201)

    async def request(self, http: HttpRequest) -> Response:
        """Answer `GET assignmentRequests/{id}`."""
        asked = _shape(http, "assignmentRequest")
        row = self._tenant.request(http.path_params["id"])
        return _json(self._spell(http, self._tenant.wire.request(row, asked)))

    async def reprocess_request(self, http: HttpRequest) -> Response:
        """Answer `POST assignmentRequests/{id}/reprocess`."""
        self._tenant.reprocess_request(guid(http.path_params["id"], "The id"), http.url.path)
        return Response(status_code=202)

    async def cancel(self, http: HttpRequest) -> Response:
        """Refuse `POST assignmentRequests/{id}/cancel`: applications cannot cancel."""
        self._tenant.request(http.path_params["id"])
        raise GraphError(403, "accessDenied", "cancel is not supported with application permissions.")

    async def reviews(self, http: HttpRequest) -> Response:
        """Answer `GET definitions`: all of them are of packages."""
        options = _options(http, REVIEW_LIST_OPTIONS)
        admitted = reviews.check_filter(options.get("$filter"))
        found = list(self._tenant.state.directory.reviews.values()) if admitted else []
        return self._sliced(http, options, found, self._tenant.wire.review)

    async def instances(self, http: HttpRequest) -> Response:
        """Answer `GET definitions/{id}/instances`."""
        options = _options(http, REVIEW_LIST_OPTIONS)
        filters.parse(options.get("$filter"), filters.NONE)
        review = self._review(http)
        return self._sliced(http, options, review.instances, partial(self._tenant.wire.instance, review))

    async def decisions(self, http: HttpRequest) -> Response:
        """Answer `GET definitions/{id}/instances/{id}/decisions`."""
        options = _options(http, REVIEW_LIST_OPTIONS)
        wanted = filters.parse(options.get("$filter"), filters.DECISIONS)
        review, id_ = self._review(http), http.path_params["instance"]
        if (instance := review.instance(id_)) is None:
            raise GraphError(404, "ResourceNotFound", f"Resource '{id_}' does not exist.")
        found = [decision for decision in instance.decisions if reviews.fits(decision, wanted)]
        return self._sliced(http, options, found, partial(self._tenant.wire.decision, review, instance))

    async def audits(self, http: HttpRequest) -> Response:
        """Answer `GET directoryAudits`: what entitlement management did, for as long as Entra keeps it."""
        options = _options(http, REVIEW_LIST_OPTIONS)
        wanted = filters.parse(options.get("$filter"), filters.AUDITS)
        found = audits.entries(self._tenant.state.requests.every(), wanted, self._tenant.now())
        return self._sliced(http, options, found, self._tenant.wire.audit)

    def _review(self, http: HttpRequest) -> Review:
        id_ = http.path_params["id"]
        if (review := self._tenant.state.directory.reviews.get(id_.lower())) is None:
            raise GraphError(404, "ResourceNotFound", f"Resource '{id_}' does not exist.")
        return review

    async def nothing(self, http: HttpRequest) -> Response:
        """Refuse everything else, `PATCH assignments/{id}` for one, which Graph's SDK offers and Graph lacks."""
        message = f"No HTTP resource was found that matches the request URI '{http.url.path}'."
        raise GraphError(404, "ResourceNotFound", message)

    def _one[T](
        self, http: HttpRequest, kind: Kind, known: Mapping[str, T], write: Callable[[T, Shape], dict[str, Any]]
    ) -> Response:
        asked, id_ = _shape(http, kind), http.path_params["id"].lower()
        if id_ not in known:
            raise GraphError(404, "ResourceNotFound", f"Resource '{id_}' does not exist.")
        return _json(write(known[id_], asked))

    def _list[T](
        self,
        http: HttpRequest,
        options: Mapping[str, str],
        kind: Kind,
        found: list[T],
        write: Callable[[T, Shape], dict[str, Any]],
        *,
        size: int | None = None,
    ) -> Response:
        asked = shape.parse(kind, options.get("$select"), options.get("$expand"))
        return self._sliced(http, options, found, lambda row: write(row, asked), size=size)

    def _sliced[T](
        self,
        http: HttpRequest,
        options: Mapping[str, str],
        found: Sequence[T],
        write: Callable[[T], dict[str, Any]],
        *,
        size: int | None = None,
    ) -> Response:
        start = self._position(http, options)
        end = start + (size or self._tenant.settings.page_size)
        return self._page(http, ([write(f) for f in found[start:end]], end if end < len(found) else None))

    def _position(self, http: HttpRequest, options: Mapping[str, str]) -> int:
        """Return where a page begins; the fault of an expired page token hits pages behind the first."""
        text = options.get("$skiptoken")
        if text is None:
            return 0
        if self._tenant.faults.fire(frozenset({"expiredPageToken"}), "GET", http.url.path) is not None:
            raise GraphError(400, "Directory_ExpiredPageToken", "The specified page token has expired.")
        if (match := _TOKEN.fullmatch(text)) is None:
            raise GraphError(400, "BadRequest", "The $skiptoken is not one that this list gave.")
        return int(match[1])

    def _page(self, http: HttpRequest, rows: Rows) -> Response:
        """Answer one page; the fault of an empty page shifts its rows to the next, which has another link."""
        shown, after = rows
        token = "" if after is None else str(after)
        if self._tenant.faults.fire(frozenset({"emptyPage"}), "GET", http.url.path) is not None:
            shown, token = [], _again(http.query_params.get("$skiptoken", "0"))
        answer: dict[str, Any] = {"value": [self._spell(http, row) for row in shown]}
        if token:
            answer["@odata.nextLink"] = str(http.url.include_query_params(**{"$skiptoken": token}))
        return _json(answer)

    def _spell(self, http: HttpRequest, row: dict[str, Any]) -> dict[str, Any]:
        """Write a state as an armed fault wants it, or as it is."""
        if "state" not in row or "/assignment" not in http.url.path:
            return row
        fault = self._tenant.faults.fire(STATES, "GET", http.url.path)
        if fault is None:
            return row
        state: str = row["state"]
        return {**row, "state": UNKNOWN_STATE if fault.kind == "unknownState" else state[:1].upper() + state[1:]}


def _again(token: str) -> str:
    """Return another token for the page that a token names."""
    position, _, turn = token.partition("-")
    return f"{position}-{int(turn or 0) + 1}"


def _fits(user: User, clause: Clause) -> bool:
    mine = user.employee_id if clause.name == "employeeid" else user.user_principal_name
    return (mine or "").casefold() in clause.values


def _options(http: HttpRequest, known: frozenset[str]) -> dict[str, str]:
    options = dict(http.query_params)
    for name in options.keys() - known:
        raise GraphError(400, "BadRequest", f"The query option '{name}' is not supported here.")
    return options


def _shape(http: HttpRequest, kind: Kind) -> Shape:
    options = _options(http, READ_OPTIONS)
    return shape.parse(kind, options.get("$select"), options.get("$expand"))


def _top(options: Mapping[str, str]) -> int | None:
    text = options.get("$top")
    if text is None:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= MAX_TOP:
        raise GraphError(400, "Request_UnsupportedQuery", f"$top must be 1 to {MAX_TOP}.")
    return int(text)


def _json(answer: dict[str, Any], *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(answer), status_code=status, media_type="application/json")
