"""The port `Tenancy` in Graph: how the tenant is set up, as far as the app depends on it. Reads alone.

What fails is told with the address that was asked, so that it can be repeated by hand. Nobody's assignments are read:
lists are asked for a user who cannot be, or for what is created from now on.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec

from lifecycle.adapters.graph import terms, wire
from lifecycle.adapters.graph.answers import Answer
from lifecycle.adapters.graph.bearer import bearer_of
from lifecycle.adapters.graph.client import GraphClient
from lifecycle.adapters.graph.permissions import (
    APPROVAL,
    ASSIGNMENT_MANAGER,
    ASSIGNMENTS,
    CATALOG,
    GRANTS,
    PACKAGE,
    POLICIES,
    POLICY,
    REQUESTS,
    REVIEWS,
    USER,
    USERS,
    ListingMode,
    permissions_for,
)
from lifecycle.adapters.graph.reviews import OF_PACKAGES
from lifecycle.adapters.graph.wire import quoted
from lifecycle.core.configured import CatalogSeen, PackageSeen, PolicySeen
from lifecycle.errors import LifecycleError, Refused, Transient
from lifecycle.ports import PolicyTerms, User
from lifecycle.ports.inspection import Bearer, Grant, Read, Rows

NOBODY = "00000000-0000-0000-0000-000000000000"
"""An id that no object has."""
_USER = "id,employeeId,userPrincipalName,accountEnabled"
_SCOPE = "/AccessPackageCatalog/"
_NONE: Mapping[str, str] = MappingProxyType({})
_PROBES: Mapping[str, str] = MappingProxyType(
    {
        "3-page": "how many assignments a page has",
        "3-top": "whether `$top` is taken for assignments",
        "3-or": "whether a filter of assignments may have `or`",
        "4-joint": "whether requests can be filtered by package and creation at once",
        "4-requestor": "whether requests can be filtered by their requestor",
        "6": "whether approvals can be read without a person",
        "9": "whether `$expand` may have a `$select` inside",
    }
)


class _Catalog(msgspec.Struct, gc=False):
    id: str
    state: str | None = None


class _Package(msgspec.Struct, gc=False):
    id: str
    catalog: wire.Reference | None = None


class _Approval(msgspec.Struct, rename="camel", gc=False):
    is_approval_required_for_add: bool | None = None
    is_approval_required_for_update: bool | None = None


class _Policy(terms.Policy, rename="camel", gc=False):
    """What `terms` reads of a policy, and what else decides whether it can be ours."""

    id: str = ""
    allowed_target_scope: str | None = None
    request_approval_settings: _Approval | None = None
    automatic_request_settings: wire.Automatic | None = None
    access_package: wire.Reference | None = None


class _Grant(msgspec.Struct, rename="camel", gc=False):
    role_definition_id: str
    app_scope_id: str | None = None


_catalog = msgspec.json.Decoder(_Catalog)
_package = msgspec.json.Decoder(_Package)
_policy = msgspec.json.Decoder(_Policy)
_grants = msgspec.json.Decoder(wire.Page[_Grant])
_user = msgspec.json.Decoder(wire.DirectoryUser)
_rows = msgspec.json.Decoder(wire.Page[Any])


class GraphTenancy:
    """One tenant through the app's own client, which stays its owner's to close."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    @property
    def assignment_manager(self) -> str:
        """Return the role's id, the same in every tenant."""
        return ASSIGNMENT_MANAGER

    @property
    def roles(self) -> frozenset[str]:
        """Return the application permissions of the table, in the client's mode; a catalog role is none of them."""
        return frozenset(one.name for one in permissions_for(self._client.mode) if "." in one.name)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Return the lists of the table."""
        return (USERS, ASSIGNMENTS, REQUESTS, POLICIES, REVIEWS)

    @property
    def probes(self) -> Mapping[str, str]:
        """Return what Graph's documentation leaves open and a read answers."""
        return _PROBES

    async def bearer(self) -> Bearer:
        """Return whom the token is of. Raises `Transient` when there is none to be had."""
        return bearer_of(await self._client.token())

    async def catalog(self, catalog: str) -> Read[CatalogSeen]:
        """Read a catalog."""

        def told(answer: Answer) -> CatalogSeen:
            row = _catalog.decode(answer.body)
            return CatalogSeen(row.id, row.state or "")

        return await self._read(CATALOG, told, ids={"id": catalog})

    async def package(self, package: str) -> Read[PackageSeen]:
        """Read an access package with its catalog."""

        def told(answer: Answer) -> PackageSeen:
            row = _package.decode(answer.body)
            return PackageSeen(row.id, row.catalog.id if row.catalog else "")

        return await self._read(PACKAGE, told, ids={"id": package}, query={"expand": "catalog"})

    async def policy(self, policy: str) -> Read[PolicySeen]:
        """Read an assignment policy with its package."""
        return await self._read(
            POLICY,
            lambda answer: _policy_seen(_policy.decode(answer.body)),
            ids={"id": policy},
            query={"expand": "accessPackage"},
        )

    async def grants(self, principal: str) -> Read[tuple[Grant, ...]]:
        """Read a principal's roles in entitlement management, the first page of them."""

        def told(answer: Answer) -> tuple[Grant, ...]:
            rows = _grants.decode(answer.body).value
            return tuple(Grant(row.role_definition_id, _catalog_of(row.app_scope_id or "")) for row in rows)

        return await self._read(GRANTS, told, query={"filter": f"principalId eq {quoted(principal)}"})

    async def user(self, name: str) -> Read[User]:
        """Read a user by object id, else by principal name: a name is asked as a filter and never as a path."""
        if _is_id(name):
            read = await self._read(
                USER, lambda answer: _told_user(_user.decode(answer.body)), ids={"id": name}, query={"select": _USER}
            )
            if isinstance(read.failed, Refused) and read.failed.status == HTTPStatus.NOT_FOUND and read.failed.code:
                return Read(read.url, date=read.date)
            return read
        read_all = await self._users(f"userPrincipalName eq {quoted(name)}")
        found = next(iter(read_all.found or ()), None)
        return Read(read_all.url, found, read_all.failed, read_all.date)

    async def users_with(self, employee_id: str) -> Read[tuple[User, ...]]:
        """Read the users of an employeeId."""
        return await self._users(f"employeeId eq {quoted(employee_id)}")

    async def touch(self, endpoint: str, package: str, now: datetime) -> Read[Rows]:
        """Read as little as a list of the app's gives."""
        later = f"createdDateTime gt {wire.instant(now)}"
        mine = f"accessPackage/id eq {quoted(package or NOBODY)}"
        alone = self._client.mode is ListingMode.CATALOG
        queries = {
            USERS: {"select": "id", "top": "1"},
            ASSIGNMENTS: {"expand": "target,accessPackage,assignmentPolicy", "filter": self._nobodys(package)},
            REQUESTS: {"filter": mine if alone else later},
            POLICIES: {"select": "id"},
            REVIEWS: {"filter": OF_PACKAGES},
        }
        return await self._read(endpoint, _rows_of, query=queries[endpoint])

    async def probe(self, number: str, package: str, now: datetime) -> Read[Rows]:
        """Ask one of `probes`."""
        mine = f"accessPackage/id eq {quoted(package or NOBODY)}"
        if number == "6":
            return await self._read(APPROVAL, lambda _: Rows(1, last=True), ids={"id": NOBODY})
        queries = {
            "3-page": {"filter": mine, "select": "id"},
            "3-top": {"filter": mine, "select": "id", "top": "1"},
            "3-or": {"filter": f"{mine} or accessPackage/id eq {quoted(NOBODY)}", "select": "id"},
            "4-joint": {"filter": f"{mine} and createdDateTime gt {wire.instant(now)}", "select": "id"},
            "4-requestor": {"filter": f"requestor/objectId eq {quoted(NOBODY)}", "select": "id"},
            "9": {
                "filter": self._nobodys(package),
                "expand": "accessPackage($select=id),target($select=objectId)",
            },
        }
        path = REQUESTS if number.startswith("4") else ASSIGNMENTS
        return await self._read(path, _rows_of, query=queries[number])

    def _nobodys(self, package: str) -> str:
        nobody = f"target/objectId eq {quoted(NOBODY)}"
        if self._client.mode is ListingMode.DIRECTORY:
            return nobody
        return f"accessPackage/id eq {quoted(package or NOBODY)} and {nobody}"

    async def _users(self, filter_: str) -> Read[tuple[User, ...]]:
        def told(answer: Answer) -> tuple[User, ...]:
            return tuple(_told_user(row) for row in wire.users.decode(answer.body).value)

        return await self._read(USERS, told, query={"filter": filter_, "select": _USER})

    async def _read[T](
        self,
        path: str,
        told: Callable[[Answer], T],
        *,
        ids: Mapping[str, str] = _NONE,
        query: Mapping[str, str] = _NONE,
    ) -> Read[T]:
        url = self._client.url(path, ids=ids, query=query)
        try:
            answer = await self._client.answer(path, ids=ids, query=query)
        except LifecycleError as error:
            return Read(url, failed=error)
        date = _date(answer)
        try:
            return Read(url, told(answer), date=date)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Read(url, failed=Transient(f"GET {path}: the answer cannot be read"), date=date)


def _policy_seen(row: _Policy) -> PolicySeen:
    approval = row.request_approval_settings or _Approval()
    automatic = row.automatic_request_settings
    unread, bounds = "", PolicyTerms()
    try:
        bounds = terms.told(row)
    except ValueError as error:
        unread = str(error)
    settings = row.requestor_settings
    return PolicySeen(
        id=row.id,
        package=row.access_package.id if row.access_package else "",
        approval_to_add=bool(approval.is_approval_required_for_add),
        approval_to_update=bool(approval.is_approval_required_for_update),
        custom_schedule=settings is None or settings.allow_custom_assignment_schedule is not False,
        automatic=automatic is not None and automatic.request_access_for_allowed_targets is not False,
        scope=row.allowed_target_scope or "",
        longest=bounds.longest,
        last=bounds.last,
        unread=unread,
    )


def _told_user(row: wire.DirectoryUser) -> User:
    return User(row.id, row.employee_id, row.user_principal_name, row.account_enabled)


def _rows_of(answer: Answer) -> Rows:
    page = _rows.decode(answer.body)
    return Rows(len(page.value), last=not page.next_link)


def _catalog_of(scope: str) -> str:
    """Return the catalog that a role is for; `/` is everywhere, told as empty."""
    return scope.removeprefix(_SCOPE) if scope.startswith(_SCOPE) else scope.strip("/")


def _is_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name.casefold()
    except ValueError:
        return False


def _date(answer: Answer) -> datetime | None:
    try:
        date = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None
    return date if date.tzinfo is not None else None
