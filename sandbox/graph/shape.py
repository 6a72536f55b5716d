"""OData `$select` and `$expand`: which properties of which objects an answer shows.

A navigation property (the package of an assignment, say) is absent unless expanded, as in Graph, where forgetting the
`$expand` is the usual mistake.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.graph.model import GraphError

type Kind = Literal[
    "user",
    "catalog",
    "accessPackage",
    "assignmentPolicy",
    "assignment",
    "assignmentRequest",
    "subject",
    "resourceRoleScope",
    "resourceRole",
]

PROPERTIES: Mapping[Kind, tuple[str, ...]] = {
    "user": (
        *("id", "displayName", "jobTitle", "mail", "userPrincipalName"),
        *("employeeId", "accountEnabled", "userType", "department", "employeeHireDate", "onPremisesSyncEnabled"),
    ),
    "catalog": ("id", "displayName", "state", "catalogType"),
    "accessPackage": ("id", "displayName", "isHidden"),
    "assignmentPolicy": (
        *("id", "displayName", "allowedTargetScope", "expiration", "requestorSettings"),
        *("requestApprovalSettings", "automaticRequestSettings"),
    ),
    "assignment": ("id", "state", "status", "expiredDateTime", "schedule", "customExtensionCalloutInstances"),
    "assignmentRequest": (
        *("id", "requestType", "state", "status", "createdDateTime", "completedDateTime", "schedule"),
        *("justification", "answers", "customExtensionCalloutInstances"),
    ),
    "subject": ("id", "objectId", "displayName", "email", "principalName", "subjectType"),
    "resourceRoleScope": ("id", "createdDateTime"),
    "resourceRole": ("id", "displayName", "description", "originId", "originSystem"),
}
"""What `$select` may name."""

DEFAULT_USER = frozenset(PROPERTIES["user"][:5])
"""What a user shows without `$select`; employeeId and others come only when selected."""

NAVIGATION: Mapping[Kind, Mapping[str, Kind]] = {
    "user": {},
    "catalog": {"accessPackages": "accessPackage"},
    "accessPackage": {
        "catalog": "catalog",
        "assignmentPolicies": "assignmentPolicy",
        "resourceRoleScopes": "resourceRoleScope",
    },
    "assignmentPolicy": {"accessPackage": "accessPackage", "catalog": "catalog"},
    "assignment": {"target": "subject", "accessPackage": "accessPackage", "assignmentPolicy": "assignmentPolicy"},
    "assignmentRequest": {"requestor": "subject", "assignment": "assignment", "accessPackage": "accessPackage"},
    "subject": {},
    "resourceRoleScope": {"role": "resourceRole", "scope": "resourceRole"},
    "resourceRole": {},
}
"""What `$expand` may name, and what comes out."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What to show of one kind of object: selected properties (None: the default) and expanded neighbours."""

    select: frozenset[str] | None = None
    expand: Mapping[str, "Shape"] = field(default_factory=dict)

    def cut(self, whole: dict[str, Any]) -> dict[str, Any]:
        """Return the selected properties of a whole object."""
        return whole if self.select is None else {k: v for k, v in whole.items() if k in self.select}


def parse(kind: Kind, select: str | None, expand: str | None) -> Shape:
    """Return the shape that `$select` and `$expand` ask of one kind of object.

    Raises:
        GraphError: 400 `BadRequest`, for a name that the object does not have or an option that cannot be read.

    """
    return Shape(
        select=None if select is None else frozenset(_selected(kind, select)),
        expand={} if expand is None else dict(_expanded(kind, expand)),
    )


def _selected(kind: Kind, text: str) -> Iterator[str]:
    known = {p.casefold(): p for p in PROPERTIES[kind]}
    for name in text.split(","):
        yield known.get(name.strip().casefold()) or _refuse(f"Could not find a property named '{name.strip()}'.")


def _expanded(kind: Kind, text: str) -> Iterator[tuple[str, Shape]]:
    known = {n.casefold(): n for n in NAVIGATION[kind]}
    for item in _split(text, ","):
        head, bracket, rest = item.strip().partition("(")
        if bracket and not rest.endswith(")"):
            _refuse(f"$expand cannot be read at '{item}'.")
        name = known.get(head.casefold()) or _refuse(f"'{head}' cannot be expanded here.")
        options = dict(_options(rest[:-1])) if bracket else {}
        yield name, parse(NAVIGATION[kind][name], options.get("$select"), options.get("$expand"))


def _options(text: str) -> Iterator[tuple[str, str]]:
    for option in _split(text, ";"):
        name, equals, value = option.strip().partition("=")
        if not equals or name not in {"$select", "$expand"}:
            _refuse(f"'{option}' is not supported inside $expand.")
        yield name, value


def _split(text: str, separator: str) -> list[str]:
    """Split at separators that stand outside parentheses."""
    parts, depth = [""], 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def _refuse(message: str) -> str:
    raise GraphError(400, "BadRequest", message)
