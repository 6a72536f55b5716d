"""The port `Reviews` in Graph: who was denied a package by a reviewer. Reads only, and only finished instances.

A running review is nobody's decision yet: its reviewers may still change their minds.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import msgspec

from lifecycle.adapters.graph.client import GraphClient
from lifecycle.adapters.graph.permissions import DECISIONS, INSTANCES, REVIEWS
from lifecycle.adapters.graph.wire import Page, Reference, at
from lifecycle.errors import Transient
from lifecycle.ports import Denied

OF_PACKAGES = "contains(scope/microsoft.graph.accessReviewQueryScope/query,'accessPackageAssignments')"
_FINISHED = frozenset({"completed", "applied"})
# How long before `since` an instance may have ended: Graph tells when it was to end, not when it was applied.
_MARGIN = timedelta(days=30)


class Instance(msgspec.Struct, rename="camel", gc=False):
    """An accessReviewInstance."""

    id: str
    status: str | None = None
    end_date_time: str | None = None


class Package(msgspec.Struct, rename="camel", gc=False):
    """The resource of a decision: a policy of an access package, of which the package counts."""

    access_package_id: str | None = None


class Decision(msgspec.Struct, rename="camel", gc=False):
    """An accessReviewInstanceDecisionItem."""

    id: str
    decision: str | None = None
    applied_date_time: str | None = None
    reviewed_date_time: str | None = None
    principal: Reference | None = None
    resource: Package | None = None


_definitions = msgspec.json.Decoder(Page[Reference])
_instances = msgspec.json.Decoder(Page[Instance])
_decisions = msgspec.json.Decoder(Page[Decision])


class GraphReviews:
    """The access reviews of one tenant. Closes nothing but its client."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    async def denied(self, packages: Collection[str], *, since: datetime) -> list[Denied]:
        """Return the denials of those packages (ids, in the caller's spelling), at the instant they took effect.

        That is when the decision was applied, else when it was made, else when the instance ended. An instance is
        read whole as long as it ended no more than 30 days before `since`: a denial may be told again, and with an
        instant before `since`. Raises as `GraphClient.rows` does; `Transient` for what cannot be told.
        """
        if not packages:
            return []
        wanted = {package.casefold(): package for package in packages}
        found: list[Denied] = []
        for review in await self._client.rows(REVIEWS, _definitions, query={"filter": OF_PACKAGES}):
            for instance in await self._client.rows(INSTANCES, _instances, ids={"definition": review.id}):
                if _counts(instance, since - _MARGIN):
                    found += await self._denied_in(review.id, instance, wanted)
        return found

    async def _denied_in(self, review: str, instance: Instance, wanted: Mapping[str, str]) -> list[Denied]:
        ids = {"definition": review, "instance": instance.id}
        rows = await self._client.rows(DECISIONS, _decisions, ids=ids, query={"filter": "decision eq 'Deny'"})
        told = (_told(row, instance, wanted) for row in rows)
        return [denied for denied in told if denied is not None]

    async def close(self) -> None:
        """Close the client's connections."""
        await self._client.close()


def _counts(instance: Instance, earliest: datetime) -> bool:
    if (instance.status or "").casefold() not in _FINISHED:
        return False
    ended = _at(instance.end_date_time, f"instance {instance.id}")
    return ended is None or ended >= earliest


def _told(row: Decision, instance: Instance, wanted: Mapping[str, str]) -> Denied | None:
    """Return the denial; None for another decision, another package, or a principal who is no more."""
    what = f"decision {row.id} of instance {instance.id}"
    if (row.decision or "").casefold() != "deny":
        return None
    if row.resource is None or row.resource.access_package_id is None:
        raise Transient(f"GET {DECISIONS}: {what} denies, but does not say which access package")
    package = wanted.get(row.resource.access_package_id.casefold())
    if package is None or row.principal is None:
        return None
    taken = _at(row.applied_date_time, what) or _at(row.reviewed_date_time, what) or _at(instance.end_date_time, what)
    if taken is None:
        raise Transient(f"GET {DECISIONS}: {what} denies, but nothing says since when")
    return Denied(instance.id, package, row.principal.id, taken)


def _at(text: str | None, what: str) -> datetime | None:
    try:
        return at(text)
    except ValueError as exc:
        raise Transient(f"GET {REVIEWS}: a time of {what} cannot be read: {exc}") from exc
