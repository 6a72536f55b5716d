"""The port `Witness` in Graph: what an evidence packet says beside the ledger. Reads only, and only ids come out.

Approvals themselves are not among it: `accessPackageAssignmentApprovals` supports no application permission (Graph
reference, approval resource), so who approved is told by the audit log and by our own decisions.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

import msgspec

from lifecycle.adapters.graph import wire
from lifecycle.adapters.graph.client import GraphClient
from lifecycle.adapters.graph.permissions import (
    ASSIGNMENT,
    AUDITS,
    DECISIONS,
    INSTANCES,
    PACKAGE,
    POLICY,
    REVIEWS,
)
from lifecycle.adapters.graph.wire import Page, Reference, at
from lifecycle.core.packet import Value
from lifecycle.errors import Refused, Transient
from lifecycle.ports import Listed
from lifecycle.ports.witness import Audited, Policy, Reviewed, Role

_OF_PACKAGES = "contains(scope/microsoft.graph.accessReviewQueryScope/query,'accessPackageAssignments')"
_BY = "loggedByService eq 'Entitlement Management'"
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_WRITTEN_BY_PEOPLE = frozenset({"displayname", "description", "email", "questions", "text", "localizations"})
"""Properties of a policy, at any depth, that hold names or prose; ids say as much."""


class Instance(msgspec.Struct, rename="camel", gc=False):
    """An accessReviewInstance."""

    id: str
    status: str | None = None


class Resource(msgspec.Struct, rename="camel", gc=False):
    """The resource of a decision: a policy of an access package, of which the package counts."""

    access_package_id: str | None = None


class Decision(msgspec.Struct, rename="camel", gc=False):
    """An accessReviewInstanceDecisionItem."""

    id: str
    decision: str | None = None
    reviewed_by: Reference | None = None
    reviewed_date_time: str | None = None
    applied_date_time: str | None = None
    apply_result: str | None = None
    principal: Reference | None = None
    resource: Resource | None = None


class Origin(msgspec.Struct, rename="camel", gc=False):
    """An accessPackageResourceRole or -Scope: what it is in the system that it comes from."""

    origin_id: str | None = None
    origin_system: str | None = None


class RoleScope(msgspec.Struct, gc=False):
    """An accessPackageResourceRoleScope."""

    role: Origin | None = None
    scope: Origin | None = None


class Package(msgspec.Struct, rename="camel", gc=False):
    """An accessPackage with its resource roles expanded; decoding fails when they are not."""

    resource_role_scopes: list[RoleScope]


class Named(msgspec.Struct, rename="camel", gc=False):
    """A user, app or resource in an audit entry; an app without an object has the id of its registration."""

    id: str | None = None
    service_principal_id: str | None = None
    app_id: str | None = None


class Initiator(msgspec.Struct, gc=False):
    """Who did what an audit entry tells."""

    user: Named | None = None
    app: Named | None = None


class Detail(msgspec.Struct, gc=False):
    """A detail of an audit entry."""

    value: str | None = None


class Audit(msgspec.Struct, rename="camel", gc=False):
    """A directoryAudit."""

    id: str
    activity_date_time: str
    activity_display_name: str | None = None
    correlation_id: str | None = None
    result: str | None = None
    initiated_by: Initiator | None = None
    target_resources: list[Named] = []
    additional_details: list[Detail] = []


_definitions = msgspec.json.Decoder(Page[Reference])
_instances = msgspec.json.Decoder(Page[Instance])
_decisions = msgspec.json.Decoder(Page[Decision])
_assignment = msgspec.json.Decoder(wire.Assignment)
_policy = msgspec.json.Decoder(dict[str, Any])
_package = msgspec.json.Decoder(Package)
_audits = msgspec.json.Decoder(Page[Audit])


class GraphWitness:
    """One tenant's testimony. Closes nothing but its client."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    async def assignment(self, assignment: str) -> Listed | None:
        """Return the assignment with its user and package; None when Graph says that it has none by that id.

        Raises as `GraphClient.get` does; `Transient` for one that cannot be told.
        """
        query = {"expand": "accessPackage,assignmentPolicy,target"}
        try:
            row = await self._client.get(ASSIGNMENT, _assignment, ids={"id": assignment}, query=query)
        except Refused as exc:
            if exc.status in {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST} and exc.code:
                return None
            raise
        user = (row.target.object_id if row.target else None) or ""
        try:
            return wire.listed(row, user=user, package=row.access_package.id if row.access_package else "")
        except ValueError as exc:
            raise Transient(f"GET {ASSIGNMENT}: assignment {row.id} cannot be read: {exc}") from exc

    async def policy(self, policy: str) -> Policy:
        """Return every setting of the policy but names and prose. Raises as `GraphClient.get` does."""
        read = await self._client.get(POLICY, _policy, ids={"id": policy})
        return Policy(policy, {name: value for name, value in _settings(read) if name != "id"})

    async def roles(self, package: str) -> list[Role]:
        """Return the package's resource roles, in a fixed order. Raises as `GraphClient.get` does."""
        query = {"select": "id", "expand": "resourceRoleScopes($expand=role,scope)"}
        read = await self._client.get(PACKAGE, _package, ids={"id": package}, query=query)
        found = [_role(one) for one in read.resource_role_scopes]
        return sorted(found, key=lambda role: (role.system, role.resource, role.role))

    async def reviewed(self, packages: Collection[str]) -> list[Reviewed]:
        """Return the decisions, of running instances too. Raises as `GraphClient.rows` does."""
        wanted = {package.casefold(): package for package in packages}
        found: list[Reviewed] = []
        for review in await self._client.rows(REVIEWS, _definitions, query={"filter": _OF_PACKAGES}):
            for instance in await self._client.rows(INSTANCES, _instances, ids={"definition": review.id}):
                ids = {"definition": review.id, "instance": instance.id}
                rows = await self._client.rows(DECISIONS, _decisions, ids=ids)
                found += (told for row in rows if (told := _reviewed(row, instance, wanted)) is not None)
        return found

    async def audited(self, since: datetime) -> list[Audited]:
        """Return the entries, oldest first. Raises as `GraphClient.rows` does; `Transient` for an unreadable time."""
        filter_ = f"{_BY} and activityDateTime ge {wire.instant(since)}"
        found = [_audited(row) for row in await self._client.rows(AUDITS, _audits, query={"filter": filter_})]
        return sorted(found, key=lambda entry: (entry.at, entry.id))

    async def close(self) -> None:
        """Close the client's connections."""
        await self._client.close()


def _settings(read: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    """Yield a policy's settings in order of their names, without annotations, names and prose."""
    for name in sorted(read):
        if "@" in name or name.casefold() in _WRITTEN_BY_PEOPLE:
            continue
        yield name, _setting(read[name])


def _setting(value: Any) -> Value:
    match value:
        case dict():
            return dict(_settings(value))
        case list():
            return [_setting(inner) for inner in value]
        case float():
            return str(value)
        case str() | int() | None:
            return value
        case _ as other:
            return str(other)


def _role(one: RoleScope) -> Role:
    role, scope = one.role or Origin(), one.scope or Origin()
    return Role(role.origin_id or "", scope.origin_id or "", scope.origin_system or role.origin_system or "")


def _reviewed(row: Decision, instance: Instance, wanted: Mapping[str, str]) -> Reviewed | None:
    """Return the decision; None for another package, or a principal who is no more."""
    package = None if row.resource is None else wanted.get((row.resource.access_package_id or "").casefold())
    if package is None or row.principal is None:
        return None
    return Reviewed(
        instance=instance.id,
        package=package,
        user=row.principal.id,
        decision=row.decision or "",
        status=instance.status or "",
        reviewer=row.reviewed_by.id if row.reviewed_by else "",
        result=row.apply_result or "",
        reviewed_at=_at(row.reviewed_date_time, DECISIONS, row.id),
        applied_at=_at(row.applied_date_time, DECISIONS, row.id),
    )


def _audited(row: Audit) -> Audited:
    by = row.initiated_by or Initiator()
    named = [one for one in (by.user, by.app) if one is not None]
    who = next((found for one in named if (found := one.id or one.service_principal_id or one.app_id)), "")
    told = _at(row.activity_date_time, AUDITS, row.id)
    if told is None:
        raise Transient(f"GET {AUDITS}: entry {row.id} does not say when it was")
    return Audited(
        id=row.id,
        activity=row.activity_display_name or "",
        at=told,
        by=who,
        result=row.result or "",
        correlation=row.correlation_id or "",
        ids=frozenset(_ids(row)),
    )


def _ids(row: Audit) -> Iterable[str]:
    """Yield every id that an entry names; which of them stands where is documented nowhere."""
    texts = [target.id or "" for target in row.target_resources]
    texts += [detail.value or "" for detail in row.additional_details]
    for text in texts:
        yield from (found.casefold() for found in _GUID.findall(text))


def _at(text: str | None, where: str, row: str) -> datetime | None:
    try:
        return at(text)
    except ValueError as exc:
        raise Transient(f"GET {where}: a time of {row} cannot be read: {exc}") from exc
