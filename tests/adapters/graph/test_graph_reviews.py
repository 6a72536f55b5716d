"""Denials of reviewers, out of access reviews that are finished."""

from datetime import UTC, datetime

import pytest

from lifecycle.adapters.graph import GraphReviews
from lifecycle.errors import Refused, Transient
from lifecycle.ports import Denied
from tests.adapters.graph.script import OTHER, PACKAGE, USER, Script, error, page

SINCE = datetime(2026, 3, 1, tzinfo=UTC)
ROOT = "/v1.0/identityGovernance/accessReviews/definitions"


def instance(id_="in-1", **changes):
    return {"id": id_, "status": "Completed", "endDateTime": "2026-03-05T00:00:00Z", **changes}


def decision(package=PACKAGE, **changes):
    return {
        "id": "de-1",
        "decision": "Deny",
        "reviewedDateTime": "2026-03-03T00:00:00Z",
        "appliedDateTime": "2026-03-06T00:00:00Z",
        "principal": {"@odata.type": "#microsoft.graph.userIdentity", "id": USER, "displayName": "Erika"},
        "resource": {"id": "p", "accessPackageId": package},
        **changes,
    }


def script(*decisions, rounds=None):
    return Script(page([{"id": "re-1"}]), page(rounds or [instance()]), page(decisions))


def day(number):
    return datetime(2026, 3, number, tzinfo=UTC)


async def test_a_denial_and_the_calls_that_find_it():
    """Definitions of packages, their instances, and the denials of a finished one are read."""
    graph = script(decision(PACKAGE.upper()), decision(OTHER))
    found = await GraphReviews(graph.client()).denied([PACKAGE], since=SINCE)
    assert found == [Denied("in-1", PACKAGE, USER, day(6))]
    assert [request.url.path for request in graph.requests] == [
        ROOT,
        f"{ROOT}/re-1/instances",
        f"{ROOT}/re-1/instances/in-1/decisions",
    ]
    assert graph.filters == [
        "contains(scope/microsoft.graph.accessReviewQueryScope/query,'accessPackageAssignments')",
        None,
        "decision eq 'Deny'",
    ]


@pytest.mark.parametrize(
    ("changes", "at"),
    [({"appliedDateTime": None}, 3), ({"appliedDateTime": None, "reviewedDateTime": None}, 5)],
)
async def test_a_denial_that_was_not_applied_has_an_instant_too(changes, at):
    """Else when it was made, else when the instance ended."""
    (found,) = await GraphReviews(script(decision(**changes)).client()).denied([PACKAGE], since=SINCE)
    assert found.at == day(at)


@pytest.mark.parametrize(
    ("changes", "read"),
    [
        ({"status": "applied"}, True),
        ({"status": "InProgress"}, False),
        ({"status": "Completing"}, False),
        ({"status": None}, False),
        ({"endDateTime": "2026-02-01T00:00:00Z"}, True),
        ({"endDateTime": "2026-01-01T00:00:00Z"}, False),
        ({"endDateTime": None}, True),
    ],
)
async def test_which_instances_are_read(changes, read):
    """Completed or applied ones, however it is spelled, that ended no more than a month before."""
    graph = script(decision(), rounds=[instance(**changes)])
    assert len(await GraphReviews(graph.client()).denied([PACKAGE], since=SINCE)) == read
    assert len(graph.requests) == 2 + read


@pytest.mark.parametrize("changes", [{"decision": "Approve"}, {"decision": None}, {"principal": None}])
async def test_what_is_no_denial_of_anybody(changes):
    """Another decision, though the filter asked for none, and a principal who is no more."""
    assert await GraphReviews(script(decision(**changes)).client()).denied([PACKAGE], since=SINCE) == []


@pytest.mark.parametrize(
    "row",
    [decision(resource=None), decision(resource={"id": "p"}), decision(appliedDateTime="2026-03-06T00:00:00")],
)
async def test_a_denial_that_cannot_be_told_raises(row):
    """A denial without its package, or with an unreadable time, does not vanish."""
    with pytest.raises(Transient):
        await GraphReviews(script(decision(), row).client()).denied([PACKAGE], since=SINCE)


async def test_a_denial_that_nobody_can_date_raises():
    """No instant anywhere, none is invented."""
    row = decision(appliedDateTime=None, reviewedDateTime=None)
    with pytest.raises(Transient):
        await GraphReviews(script(row, rounds=[instance(endDateTime=None)]).client()).denied([PACKAGE], since=SINCE)


async def test_an_app_that_may_not_read_reviews():
    """403 is refused and names the permission."""
    with pytest.raises(Refused, match=r"AccessReview\.Read\.All"):
        await GraphReviews(Script(error(403, "accessDenied")).client()).denied([PACKAGE], since=SINCE)


async def test_no_packages_need_no_call():
    """Who is interested in no package asks Graph nothing."""
    assert await GraphReviews(Script().client()).denied([], since=SINCE) == []
