"""The file a tenant begins with, and the same format for changing it while it runs.

YAML, keys in Graph's spelling; ids are GUIDs, written out so that an access model can name them:

    catalogs:
      - {id: <guid>, displayName: Hospital}  # state: unpublished, when it is
    accessPackages:
      - id: <guid>
        displayName: Staff baseline
        catalog: <guid of a catalog>
        groups: [<guid>]                     # groups whose member role it gives; optional
        assignmentPolicies:
          - id: <guid>
            displayName: Direct assignment
            approvalForAdd: false            # true: a request waits as pendingApproval until it is decided
            approvalForUpdate: false
            customSchedule: true             # allowCustomAssignmentSchedule: may a request set its own end?
            automatic: false                 # an auto-assignment policy; nobody can request by it
            expiration: P365D                # the longest an assignment may last; absent: no limit
            allowedTargetScope: notSpecified
    catalogRoles:                            # absent: whoever asks is assignment manager of every catalog
      - principal: <guid>
        catalog: <guid of a catalog>         # absent: of every one
        role: <guid>                         # absent: Access package assignment manager
    users:
      - id: <guid>
        userPrincipalName: ada@hospital.example
        employeeId: E1001                    # at most 16 characters; may be absent, need not be unique
        displayName, mail, department, jobTitle, accountEnabled, userType, employeeHireDate,
        onPremisesSyncEnabled, deleted       # all optional; deleted: in the recycle bin
    assignments:                             # rows that are there already
      - user: <id or userPrincipalName>
        policy: <guid of a policy>
        id, state (delivered), status, start (now), end, requestType   # all optional

`requestType` (`userAdd` for one requested in My Access) also leaves the finished request behind; without it the
request is taken to be older than Graph keeps them.

    reviews:                                 # access reviews, each of the assignments of one policy
      - id: <guid>
        policy: <guid of a policy>
        displayName: Quarterly review
        instances:                           # one a round
          - id: <guid>
            status: Completed                # InProgress: nobody's last word; Applied: what is denied ends
            start, end: 2026-01-01T00:00:00Z
            decisions:
              - user: <id or userPrincipalName>
                decision: Deny               # or Approve, NotReviewed, DontKnow
                id, reviewed, applied, justification, reviewer   # all optional

A Deny without `applied` in an instance that is Applied is applied now: the user's rows by that policy end. With
`applied` that is history, and nothing ends.

A change while the tenant runs may hold the same keys (a user or a review of a known id is replaced) and these:

    requests:    [{user: …, policy: …, justification: …, end: …}]   # made in My Access: lives like any request
    removals:    [{assignment: <guid>, by: admin | user}]           # by hand; done at once
    decisions:   [{request: <guid>, approve: true | false, by: …}]  # of a request that is pendingApproval

Errors name the path and the rule, as in `users[3].employeeId: …`.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml

from sandbox.graph.directory import ASSIGNMENT_MANAGER, Directory
from sandbox.graph.model import AssignmentState, Catalog, CatalogRole, GraphError, Package, Policy, RequestType, User
from sandbox.graph.reviews import Status, Verdict
from sandbox.graph.schedule import span

type Guid = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
type Text = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
type Instant = Annotated[datetime, msgspec.Meta(tz=True)]

_WHERE = re.compile(r" - at `\$\.?(.*)`$")


class TenantFileError(ValueError):
    """A tenant file, or a change of a running tenant, that cannot be used. The message is path and rule."""


class Entry(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """An object of the file; unknown keys are refused."""


class CatalogEntry(Entry):
    """A catalog."""

    id: Guid
    display_name: Text
    state: Literal["published", "unpublished"] = "published"


class CatalogRoleEntry(Entry):
    """A role in entitlement management."""

    principal: Guid
    catalog: Guid | None = None
    role: Guid = ASSIGNMENT_MANAGER


class PolicyEntry(Entry):
    """An assignment policy of the package it stands under."""

    id: Guid
    display_name: Text = "Direct assignment"
    approval_for_add: bool = False
    approval_for_update: bool = False
    custom_schedule: bool = True
    automatic: bool = False
    expiration: str | None = None
    allowed_target_scope: Text = "notSpecified"


class PackageEntry(Entry):
    """An access package with its policies."""

    id: Guid
    display_name: Text
    catalog: Guid
    groups: list[Guid] = []
    assignment_policies: list[PolicyEntry] = []


class UserEntry(Entry):
    """An Entra user."""

    id: Guid
    user_principal_name: Text
    employee_id: Annotated[str, msgspec.Meta(min_length=1, max_length=16)] | None = None
    display_name: str | None = None
    mail: str | None = None
    account_enabled: bool = True
    user_type: Literal["Member", "Guest"] = "Member"
    department: str | None = None
    job_title: str | None = None
    employee_hire_date: Instant | None = None
    on_premises_sync_enabled: bool | None = None
    deleted: bool = False


class AssignmentEntry(Entry):
    """An assignment that is there already."""

    user: Text
    policy: Guid
    id: Guid | None = None
    state: AssignmentState = "delivered"
    status: str | None = None
    start: Instant | None = None
    end: Instant | None = None
    request_type: RequestType | None = None


class ReviewDecisionEntry(Entry):
    """What a reviewer decided of one user."""

    user: Text
    decision: Verdict
    id: Guid | None = None
    reviewed: Instant | None = None
    applied: Instant | None = None
    justification: str | None = None
    reviewer: Text | None = None


class InstanceEntry(Entry):
    """One round of a review."""

    id: Guid
    status: Status
    start: Instant
    end: Instant
    decisions: list[ReviewDecisionEntry] = []


class ReviewEntry(Entry):
    """An access review of the assignments of a policy."""

    id: Guid
    policy: Guid
    display_name: Text = "Review"
    instances: list[InstanceEntry] = []


class RequestEntry(Entry):
    """A request made in My Access."""

    user: Text
    policy: Guid
    justification: str | None = None
    end: Instant | None = None


class RemovalEntry(Entry):
    """An assignment ended by hand: by an admin in the portal, or by the user in My Access."""

    assignment: Guid
    by: Literal["admin", "user"] = "admin"


class DecisionEntry(Entry):
    """The decision of a request that is pendingApproval."""

    request: Guid
    approve: bool
    by: Text | None = None


class TenantFile(Entry):
    """What a tenant begins with."""

    catalogs: list[CatalogEntry] = []
    access_packages: list[PackageEntry] = []
    catalog_roles: list[CatalogRoleEntry] | None = None
    users: list[UserEntry] = []
    assignments: list[AssignmentEntry] = []
    reviews: list[ReviewEntry] = []


class TenantChange(TenantFile):
    """What may be done to a running tenant beside Graph."""

    requests: list[RequestEntry] = []
    removals: list[RemovalEntry] = []
    decisions: list[DecisionEntry] = []


def read(source: Path | Mapping[str, Any]) -> TenantFile:
    """Return a tenant from a YAML file, or from its content as a mapping.

    Raises:
        TenantFileError: with path and rule.
        OSError: the file cannot be read.

    """
    if isinstance(source, Mapping):
        return decode(source, TenantFile)
    try:
        content = yaml.load(source.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 both are safe
    except yaml.YAMLError as error:
        raise TenantFileError(f"{source}: not YAML: {error}") from error
    return decode(content or {}, TenantFile)


def decode[F: TenantFile](content: object, kind: type[F]) -> F:
    """Return a mapping as a file or a change.

    Raises:
        TenantFileError: with path and rule.

    """
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        text = str(error)
        where = _WHERE.search(text)
        path = "" if where is None else where[1]
        raise TenantFileError(f"{path or 'tenant'}: {_WHERE.sub('', text)}") from error


def merge(file: TenantFile, directory: Directory) -> None:
    """Put the objects of a file into a directory, which is left half done when an error is raised.

    Raises:
        TenantFileError: a reference leads nowhere, an id or principal name is taken, a duration cannot be read.

    """
    for catalog in file.catalogs:
        directory.catalogs[catalog.id] = Catalog(catalog.id, catalog.display_name, catalog.state)
    if file.catalog_roles is not None:
        directory.roles = [CatalogRole(one.principal, one.catalog, one.role) for one in file.catalog_roles]
    for n, package in enumerate(file.access_packages):
        if package.catalog not in directory.catalogs:
            raise TenantFileError(f"accessPackages[{n}].catalog: no catalog has this id")
        directory.packages[package.id] = Package(
            package.id, package.display_name, package.catalog, tuple(package.groups)
        )
        for m, policy in enumerate(package.assignment_policies):
            _put_policy(policy, package.id, directory, f"accessPackages[{n}].assignmentPolicies[{m}]")
    _refuse_twins("catalogs", [c.id for c in file.catalogs])
    _refuse_twins("accessPackages", [p.id for p in file.access_packages])
    _refuse_twins("users", [u.id for u in file.users])
    for n, user in enumerate(file.users):
        holder = directory.user(user.user_principal_name)
        if holder is not None and holder.id != user.id and not user.deleted:
            raise TenantFileError(f"users[{n}].userPrincipalName: another user has it")
        directory.put_user(User(**msgspec.structs.asdict(user)))


def _put_policy(entry: PolicyEntry, package_id: str, directory: Directory, path: str) -> None:
    before = directory.policies.get(entry.id)
    if before is not None and before.package_id != package_id:
        raise TenantFileError(f"{path}.id: a policy of another access package has it")
    if entry.expiration is not None:
        try:
            span(entry.expiration)
        except GraphError as error:
            raise TenantFileError(f"{path}.expiration: {error.message}") from error
    directory.policies[entry.id] = Policy(package_id=package_id, **msgspec.structs.asdict(entry))


def _refuse_twins(key: str, ids: list[str]) -> None:
    seen: set[str] = set()
    for n, id_ in enumerate(ids):
        if id_ in seen:
            raise TenantFileError(f"{key}[{n}].id: another entry has it")
        seen.add(id_)
