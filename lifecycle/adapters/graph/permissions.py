"""Which endpoints the app may call, and the least permission that each one needs.

The table is the whole surface of this app in Graph: the client refuses any other endpoint before a byte is sent, so
that what an administrator grants and what the code does cannot drift apart. Least privilege as documented on each
operation's page of the Graph reference and in "Delegation and roles in entitlement management" (Entra documentation).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from lifecycle.errors import Misconfigured

type Method = Literal["GET", "POST"]

ENTITLEMENTS = "/identityGovernance/entitlementManagement"
ASSIGNMENTS = f"{ENTITLEMENTS}/assignments"
REQUESTS = f"{ENTITLEMENTS}/assignmentRequests"
REQUEST = f"{ENTITLEMENTS}/assignmentRequests/{{id}}"
POLICIES = f"{ENTITLEMENTS}/assignmentPolicies"
POLICY = f"{ENTITLEMENTS}/assignmentPolicies/{{id}}"
REVIEWS = "/identityGovernance/accessReviews/definitions"
INSTANCES = f"{REVIEWS}/{{definition}}/instances"
DECISIONS = f"{INSTANCES}/{{instance}}/decisions"
USERS = "/users"
USER = "/users/{id}"
CATALOG = f"{ENTITLEMENTS}/catalogs/{{id}}"
PACKAGE = f"{ENTITLEMENTS}/accessPackages/{{id}}"
APPROVAL = f"{ENTITLEMENTS}/accessPackageAssignmentApprovals/{{id}}"
GRANTS = "/roleManagement/entitlementManagement/roleAssignments"
ASSIGNMENT = f"{ENTITLEMENTS}/assignments/{{id}}"
AUDITS = "/auditLogs/directoryAudits"

ASSIGNMENT_MANAGER = "e2182095-804a-4656-ae11-64734e9b7ae5"
"""Role definition id of *Access package assignment manager*, the same in every tenant."""


class ListingMode(StrEnum):
    """How far the app may read: the assignments of the whole directory, or of the catalogs it has a role in."""

    DIRECTORY = "directory"
    CATALOG = "catalog"


@dataclass(frozen=True, slots=True)
class Permission:
    """What an administrator grants: its name in Entra, and how it is granted."""

    name: str
    how: str


def _application(name: str) -> Permission:
    how = (
        f"grant the application permission {name} of Microsoft Graph to the app's identity (an appRoleAssignment on "
        "its service principal) with an administrator's consent"
    )
    return Permission(name, how)


_ROLE = Permission(
    "Access package assignment manager",
    "assign the role to the app's service principal for each catalog: POST /roleManagement/entitlementManagement/"
    f'roleAssignments {{"principalId": "<object id>", "roleDefinitionId": "{ASSIGNMENT_MANAGER}", '
    '"appScopeId": "/AccessPackageCatalog/<catalog id>"}',
)
_READ = _application("EntitlementManagement.Read.All")
_USERS = _application("User.Read.All")
_REVIEWS = _application("AccessReview.Read.All")
_AUDITS = _application("AuditLog.Read.All")

_READING: Mapping[ListingMode, Permission] = {ListingMode.DIRECTORY: _READ, ListingMode.CATALOG: _ROLE}
_WRITING: Mapping[ListingMode, Permission] = dict.fromkeys(ListingMode, _ROLE)
_CORRELATING: Mapping[ListingMode, Permission] = dict.fromkeys(ListingMode, _USERS)
_REVIEWING: Mapping[ListingMode, Permission] = dict.fromkeys(ListingMode, _REVIEWS)
_AUDITING: Mapping[ListingMode, Permission] = dict.fromkeys(ListingMode, _AUDITS)

TABLE: Mapping[tuple[Method, str], Mapping[ListingMode, Permission]] = {
    ("GET", USERS): _CORRELATING,
    ("GET", ASSIGNMENTS): _READING,
    ("GET", REQUESTS): _READING,
    ("GET", REQUEST): _READING,
    ("POST", REQUESTS): _WRITING,
    ("GET", POLICIES): _READING,
    ("GET", POLICY): _READING,
    ("GET", REVIEWS): _REVIEWING,
    ("GET", INSTANCES): _REVIEWING,
    ("GET", DECISIONS): _REVIEWING,
    ("GET", ASSIGNMENT): _READING,
    ("GET", PACKAGE): _READING,
    ("GET", AUDITS): _AUDITING,
}
"""(method, path template) → the least permission in each mode. Paths as in the SDK's request builders."""

CHECKED: Mapping[str, Mapping[ListingMode, Permission]] = {
    USER: _CORRELATING,
    CATALOG: _READING,
    GRANTS: dict.fromkeys(ListingMode, _READ),
    APPROVAL: dict.fromkeys(ListingMode, _READ),
}
"""What `lifecycle check` alone reads. Nothing more is granted for it: where the app may not, the check says so."""


FOR_PACKETS = frozenset({ASSIGNMENT, PACKAGE, AUDITS})
"""What `lifecycle evidence` alone asks, as who is signed in: the worker needs no permission for it."""


def permission_for(method: Method, path: str, mode: ListingMode) -> Permission:
    """Return what the endpoint needs. Raises `Misconfigured` when the table does not have the endpoint."""
    try:
        table = TABLE.get((method, path)) or (CHECKED if method == "GET" else {})[path]
        return table[mode]
    except KeyError as exc:
        raise Misconfigured(
            f"{method} {path} is not in the table of Graph endpoints, so nothing was sent; add it to "
            "lifecycle/adapters/graph/permissions.py with the least permission that it needs"
        ) from exc


def permissions_for(mode: ListingMode, *, packets: bool = False) -> list[Permission]:
    """Return every permission that the app needs in that mode, each once, in the order of the table.

    With `packets` those that somebody needs beside them to make an evidence packet in which nothing is unavailable.
    """
    asked = ((path, needed) for (_, path), needed in TABLE.items() if packets or path not in FOR_PACKETS)
    return list(dict.fromkeys(needed[mode] for _, needed in asked))
