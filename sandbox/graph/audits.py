"""Entra's audit log of entitlement management, as far as the tenant's requests tell it; nothing is kept twice.

Activities and their words are those of "View reports and logs in entitlement management" (Entra documentation). What
stands in `targetResources` is documented nowhere: here the user, the access package and the request.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from sandbox.graph.filters import Filter
from sandbox.graph.model import Request, RequestType

KEPT = timedelta(days=30)
SERVICE = "Entitlement Management"

_ASKED: Mapping[RequestType, str] = {
    "adminAdd": "Administrator directly assigns user to access package",
    "adminUpdate": "Administrator directly updates user access package assignment",
    "adminRemove": "Administrator directly removes user access package assignment",
    "userAdd": "User requests access package assignment",
    "userUpdate": "User requests to extend access package assignment",
    "userRemove": "User requests to remove access package assignment",
    "systemAdd": "Entitlement Management creates access package assignment request for user",
    "systemRemove": "Entitlement Management removes access package assignment request for user",
}


@dataclass(frozen=True, slots=True)
class Audit:
    """One entry; `by_user` is the id of the user who did it, None for an application."""

    id: str
    activity: str
    at: datetime
    by_user: str | None
    request: Request


def entries(requests: Iterable[Request], filter_: Filter, now: datetime) -> list[Audit]:
    """Return the entries that are kept and fit a filter, newest first, as Graph lists them."""
    found = (entry for request in requests for entry in _of(request))
    kept = [entry for entry in found if now - KEPT <= entry.at <= now and _fits(entry, filter_)]
    return sorted(kept, key=lambda entry: (entry.at, entry.id), reverse=True)


def _of(request: Request) -> Iterator[Audit]:
    asked_by = request.user_id if request.type.startswith("user") else None
    yield _entry(request, _ASKED[request.type], request.created, asked_by)
    if request.decided is not None:
        word = "Approve" if request.state != "denied" else "Deny"
        yield _entry(request, f"{word} access package assignment request", request.decided, request.approver)
    if request.completed is not None and request.state == "delivered":
        word = "Remove" if request.type.endswith("Remove") else "Fulfill"
        yield _entry(request, f"{word} access package assignment", request.completed, None)


def _entry(request: Request, activity: str, at: datetime, by_user: str | None) -> Audit:
    return Audit(str(uuid5(NAMESPACE_URL, f"audit:{request.id}:{activity}")), activity, at, by_user, request)


def _fits(entry: Audit, filter_: Filter) -> bool:
    for clause in filter_:
        match clause.name, clause.operator:
            case "loggedbyservice", _:
                fits = clause.value == SERVICE.casefold()
            case _, "ge":
                fits = entry.at >= clause.instant
            case _:
                fits = entry.at <= clause.instant
        if not fits:
            return False
    return True
