"""The long lists: a package's rows, all users, everybody's requests, and what a policy allows."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from lifecycle.adapters.graph import GraphEntitlements, GraphUsers
from lifecycle.errors import Permanent, Refused, StaleLink, Throttled, Transient
from lifecycle.ports import Page, PolicyTerms, Sighting, User
from tests.adapters.graph.script import BASE, EM, PACKAGE, POLICY, USER, Script, assignment, error, page

LINK = f"{BASE}/identityGovernance/entitlementManagement/assignments?$skiptoken=2"
ENDS = datetime(2026, 6, 30, 22, 0, 0, 123456, tzinfo=UTC)
SINCE = datetime(2026, 3, 1, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=1)


async def test_a_page_of_a_packages_rows():
    """One page of delivered rows comes at low priority, with Graph's own link to the next."""
    graph = Script(page([assignment(accessPackage=None)], LINK), page([]))
    read = await GraphEntitlements(graph.client()).assignments_in(PACKAGE)
    assert read == Page([Sighting("as-1", USER, POLICY, ENDS)], LINK)
    request = graph.requests[0]
    assert request.url.path == f"{EM}/assignments"
    assert dict(request.url.params) == {
        "$filter": f"accessPackage/id eq '{PACKAGE}' and state eq 'Delivered'",
        "$expand": "target,assignmentPolicy",
    }
    assert request.headers["x-ms-throttle-priority"] == "Low"


async def test_a_link_is_followed_as_it_is():
    """The next page is read by the link alone; an empty page with a link is a page, and none behind it is the end."""
    graph = Script(page([], LINK + "1"), page([]))
    entitlements = GraphEntitlements(graph.client())
    assert await entitlements.assignments_in(PACKAGE, link=LINK) == Page([], LINK + "1")
    assert await entitlements.assignments_in(PACKAGE, link=LINK + "1") == Page([])
    assert [str(request.url) for request in graph.requests] == [LINK, LINK + "1"]


@pytest.mark.parametrize("link", ["https://evil.example/v1.0/users", "http://graph.microsoft.com/v1.0/x", "//x", "x"])
async def test_a_link_to_elsewhere_is_not_followed(link):
    """A link to another host carries no token there, whoever hands it in; nor is one taken from an answer."""
    graph = Script()
    with pytest.raises(Permanent, match="another host"):
        await GraphEntitlements(graph.client()).assignments_in(PACKAGE, link=link)
    assert graph.requests == []
    with pytest.raises(Permanent, match="another host"):
        await GraphEntitlements(Script(page([], link)).client()).assignments_in(PACKAGE)


async def test_a_page_that_names_itself_is_refused():
    """A list that would go on for ever ends."""
    with pytest.raises(Permanent, match="read before"):
        await GraphEntitlements(Script(page([], LINK)).client()).assignments_in(PACKAGE, link=LINK)


@pytest.mark.parametrize(
    "answer",
    [
        error(400, "Directory_ExpiredPageToken"),
        error(400, "BadRequest", "InvalidSkipToken"),
        error(410, "syncStateNotFound"),
        error(410),
        error(404, "ResourceNotFound"),
    ],
)
async def test_a_forgotten_link_is_stale_and_not_asked_for_again(answer):
    """Graph no longer knows the page: said at once, not repeated."""
    graph = Script(answer)
    with pytest.raises(StaleLink):
        await GraphEntitlements(graph.client()).assignments_in(PACKAGE, link=LINK)
    assert graph.slept == []


@pytest.mark.parametrize(
    ("link", "answer", "kind"),
    [
        ("", error(404, "ResourceNotFound"), Refused),
        ("", error(400, "Directory_ExpiredPageToken"), Refused),
        (LINK, error(400, "InvalidFilter"), Refused),
        (LINK, error(403, "accessDenied"), Refused),
        (LINK, error(429, retry_after="300"), Throttled),
    ],
)
async def test_other_answers_are_no_stale_link(link, answer, kind):
    """A first page cannot be stale, and a refusal or a throttle of a link stays what it is."""
    with pytest.raises(kind) as raised:
        await GraphEntitlements(Script(answer).client()).assignments_in(PACKAGE, link=link)
    assert not isinstance(raised.value, StaleLink)


@pytest.mark.parametrize(
    "row",
    [
        assignment(state="suspended"),
        assignment(state=None),
        assignment(target=None),
        assignment(assignmentPolicy=None),
        assignment(schedule={"expiration": {"type": "afterDateTime", "endDateTime": "soon"}}),
        assignment(schedule={"expiration": {"type": "afterDateTime", "endDateTime": "2026-01-01T00:00:00"}}),
        assignment(schedule={"expiration": {"type": "afterDateTime", "endDateTime": None}}),
        assignment(schedule={"expiration": {"type": "afterDuration", "duration": "P1D"}}),
        {"state": "delivered"},
    ],
)
async def test_a_row_that_cannot_be_told_never_vanishes(row):
    """The page raises; it is not told without the row."""
    with pytest.raises(Transient):
        await GraphEntitlements(Script(page([assignment(), row])).client()).assignments_in(PACKAGE)


async def test_odd_rows_that_can_be_told():
    """A guest who is not there yet has no id, a grace period is automatic, never is no end, an ended row is out."""
    start = "2026-01-01T00:00:00Z"
    rows = [
        assignment("1", target={"id": "s", "objectId": None}, state="Delivered"),
        assignment("2", status="AutoAssignmentInGracePeriod", schedule=None),
        assignment("3", schedule={"expiration": {"type": "NoExpiration", "endDateTime": "9999-12-31T23:59:59Z"}}),
        assignment("4", schedule={"startDateTime": start, "expiration": {"type": "afterDuration", "duration": "P1D"}}),
        assignment("5", state="expired", target=None),
    ]
    read = await GraphEntitlements(Script(page(rows)).client()).assignments_in(PACKAGE)
    assert read.rows == [
        Sighting("1", "", POLICY, ENDS),
        Sighting("2", USER, POLICY, None, auto=True),
        Sighting("3", USER, POLICY),
        Sighting("4", USER, POLICY, datetime(2026, 1, 2, tzinfo=UTC)),
    ]


async def test_a_page_of_all_users():
    """As many as Graph gives at once, only what correlation needs, at low priority."""
    link = f"{BASE}/users?$skiptoken=x"
    row = {"id": USER, "employeeId": None, "userPrincipalName": "a@example.org", "accountEnabled": True}
    graph = Script(page([row], link), error(400, "Directory_ExpiredPageToken"))
    users = GraphUsers(graph.client())
    assert await users.page() == Page([User(USER, None, "a@example.org", enabled=True)], link)
    request = graph.requests[0]
    assert dict(request.url.params) == {"$select": "id,employeeId,userPrincipalName,accountEnabled", "$top": "999"}
    assert request.headers["x-ms-throttle-priority"] == "Low"
    with pytest.raises(StaleLink):
        await users.page(link=link)


async def test_everybodys_requests_are_counted_page_by_page():
    """`since` counts, `until` does not, and what has no time yet was created now."""
    times = ["2026-02-28T23:59:59.9Z", "2026-03-01T00:00:00Z", "2026-03-01T23:59:59.9999999Z", "2026-03-02T00:00:00Z"]
    first = page([{"id": "r", "createdDateTime": time} for time in times], f"{BASE}/x?$skiptoken=1")
    graph = Script(first, page([{"id": "r", "createdDateTime": None}]))
    entitlements = GraphEntitlements(graph.client(), now=lambda: UNTIL - timedelta(seconds=1))
    assert await entitlements.requests_created(SINCE, UNTIL) == 3
    assert dict(graph.requests[0].url.params) == {
        "$filter": "createdDateTime gt 2026-02-28T23:59:59Z",
        "$select": "id,createdDateTime",
    }
    assert {request.headers["x-ms-throttle-priority"] for request in graph.requests} == {"Low"}


async def test_a_request_without_a_time_is_none_of_the_past():
    """A count up to an instant that has passed leaves out what was created now."""
    graph = Script(page([{"id": "r"}]))
    assert await GraphEntitlements(graph.client(), now=lambda: UNTIL).requests_created(SINCE, UNTIL) == 0


async def test_a_tenant_that_refuses_the_selection_is_asked_without_it():
    """After a 400 the whole requests are read, from then on at once."""
    graph = Script(error(400, "BadRequest"), page([{"id": "r", "createdDateTime": "2026-03-01T12:00:00Z"}]), page())
    entitlements = GraphEntitlements(graph.client())
    assert await entitlements.requests_created(SINCE, UNTIL) == 1
    assert await entitlements.requests_created(SINCE, UNTIL) == 0
    assert ["$select" in request.url.params for request in graph.requests] == [True, False, False]


@pytest.mark.parametrize("answer", [error(403, "accessDenied"), page([{"id": "r", "createdDateTime": "yesterday"}])])
async def test_a_count_that_cannot_be_made_raises(answer):
    """A refusal or an unreadable time is no zero."""
    with pytest.raises((Refused, Transient)):
        await GraphEntitlements(Script(answer).client()).requests_created(SINCE, UNTIL)


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        ({"expiration": {"type": "noExpiration"}}, PolicyTerms()),
        ({"expiration": None, "requestorSettings": None}, PolicyTerms()),
        ({"expiration": {"type": "AfterDuration", "duration": "P365D"}}, PolicyTerms(longest=timedelta(days=365))),
        ({"expiration": {"type": "afterDuration", "duration": "P1DT8H"}}, PolicyTerms(longest=timedelta(hours=32))),
        ({"expiration": {"type": "afterDuration", "duration": "P1Y2M"}}, PolicyTerms(longest=timedelta(days=421))),
        ({"expiration": {"type": "afterDuration", "duration": "P2W"}}, PolicyTerms(longest=timedelta(days=14))),
        (
            {"expiration": {"type": "afterDateTime", "endDateTime": "2026-06-30T22:00:00.1234567Z"}},
            PolicyTerms(last=ENDS),
        ),
        ({"requestorSettings": {"allowCustomAssignmentSchedule": False}}, PolicyTerms(custom=False)),
        ({"requestorSettings": {"allowCustomAssignmentSchedule": None}}, PolicyTerms()),
    ],
)
async def test_what_a_policy_allows(policy, allowed):
    """Expiration and custom schedules are told, months and years at their shortest, and kept for a while."""
    graph = Script(httpx.Response(200, json={"id": POLICY, **policy}))
    entitlements = GraphEntitlements(graph.client())
    assert await entitlements.terms_of(POLICY) == allowed
    assert await entitlements.terms_of(POLICY) == allowed
    assert [request.url.path for request in graph.requests] == [f"{EM}/assignmentPolicies/{POLICY}"]


@pytest.mark.parametrize(
    "expiration",
    [
        {"type": "afterDuration", "duration": "a year"},
        {"type": "afterDuration", "duration": "P"},
        {"type": "afterDuration", "duration": "P0D"},
        {"type": "afterDuration", "duration": "PT-5H"},
        {"type": "afterDuration", "duration": None},
        {"type": "afterDateTime", "endDateTime": "2026-06-30T22:00:00"},
        {"type": "afterDateTime"},
        {"type": "unknownFutureValue"},
    ],
)
async def test_terms_that_cannot_be_read_are_not_kept(expiration):
    """An expiration that nobody understands is no permission for every end; it is read again the next time."""
    bad, good = ({"id": POLICY, "expiration": each} for each in (expiration, {"type": "noExpiration"}))
    entitlements = GraphEntitlements(Script(*(httpx.Response(200, json=each) for each in (bad, good))).client())
    with pytest.raises(Transient):
        await entitlements.terms_of(POLICY)
    assert await entitlements.terms_of(POLICY) == PolicyTerms()


async def test_a_policy_that_is_not_there():
    """404 is refused, with its status."""
    with pytest.raises(Refused) as raised:
        await GraphEntitlements(Script(error(404, "ResourceNotFound")).client()).terms_of(POLICY)
    assert raised.value.status == 404


async def test_the_throttle_is_the_clients():
    """What Graph said of the limit is told by the port."""
    graph = Script(error(429), page())
    entitlements = GraphEntitlements(graph.client())
    assert entitlements.throttle == 0.0
    await entitlements.assignments_in(PACKAGE)
    assert entitlements.throttle == 1.0
