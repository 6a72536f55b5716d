"""Access reviews of packages: what reviewers decided, and the filters with which Graph lists it.

A review belongs to one assignment policy, has instances (one a round), and an instance has a decision for each user.
Values only; that an applied Deny ends an assignment is done in `seeding`.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sandbox.graph.filters import Filter
from sandbox.graph.model import GraphError

type Status = Literal["NotStarted", "InProgress", "Completing", "Completed", "AutoReviewing", "Applying", "Applied"]
type Verdict = Literal["Approve", "Deny", "NotReviewed", "DontKnow"]

QUERY_TYPE = "accessPackageAssignments"
"""What the scope of a review of packages queries; the only kind of review that a tenant has here."""

_CONTAINS = re.compile(r"contains\(scope/microsoft\.graph\.accessReviewQueryScope/query,\s*'([^']*)'\)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided of one user; `applied` is None until it took effect."""

    id: str
    user_id: str
    verdict: Verdict
    reviewed: datetime | None = None
    applied: datetime | None = None
    justification: str | None = None
    reviewer: str | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """One round of a review."""

    id: str
    status: Status
    start: datetime
    end: datetime
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """A review of the assignments of a policy: Graph's accessReviewScheduleDefinition."""

    id: str
    display_name: str
    policy_id: str
    instances: tuple[Instance, ...] = ()

    def instance(self, id_: str) -> Instance | None:
        """Return the instance of that id, None when there is none."""
        return next((i for i in self.instances if i.id == id_.lower()), None)


def check_filter(text: str | None) -> bool:
    """Return whether the filter of a list of definitions admits reviews of packages.

    Raises:
        GraphError: 400 `InvalidFilter`, for anything but the `contains` that Graph documents.

    """
    if text is None:
        return True
    match = _CONTAINS.fullmatch(text.strip())
    if match is None:
        raise GraphError(400, "InvalidFilter", f"The OData query is invalid: Filter '{text}' is not supported.")
    return match[1].casefold() in QUERY_TYPE.casefold()


def fits(decision: Decision, filter_: Filter) -> bool:
    """Return whether a decision is one that the filter asks for."""
    told = {"decision": decision.verdict, "applyresult": apply_result(decision)}
    return all(told[clause.name].casefold() == clause.value for clause in filter_)


def apply_result(decision: Decision) -> str:
    """Return Graph's word for what became of a decision."""
    return "New" if decision.applied is None else "AppliedSuccessfully"
