"""The adapter against the simulator: both speak the same Graph, without a network between them."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from lifecycle.adapters.graph import GraphClient, GraphEntitlements, GraphReviews, GraphUsers, ListingMode, StaticToken
from lifecycle.errors import Refused, StaleLink, Throttled, Transient
from lifecycle.ports import Denied, Page, PolicyTerms, Request, RequestState, Sighting
from sandbox.graph import Tenant, graph_app, tenantfile
from sandbox.graph.faults import Fault

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def guid(kind, number):
    return f"{kind}0000000-0000-0000-0000-{number:012d}"


PACKAGE, POLICY, REVIEW, ROUND = guid("a", 1), guid("b", 1), guid("e", 1), guid("f", 1)
USERS = [guid("d", number) for number in range(1, 6)]


def tenant_file():
    policies = [{"id": POLICY, "expiration": "P365D"}, {"id": guid("b", 2), "customSchedule": False}]
    package = {"id": PACKAGE, "displayName": "P", "catalog": guid("c", 1), "assignmentPolicies": policies}
    return {
        "catalogs": [{"id": guid("c", 1), "displayName": "C"}],
        "accessPackages": [package],
        "users": [{"id": id_, "userPrincipalName": f"{id_}@example.org", "employeeId": id_[-4:]} for id_ in USERS],
        "assignments": [
            {"user": id_, "policy": POLICY, "id": guid("9", number), "end": START + 30 * DAY, "requestType": "userAdd"}
            for number, id_ in enumerate(USERS)
        ],
    }


class Simulated:
    """A tenant on a clock that stands still, and a client of it."""

    def __init__(self):
        self.at = START
        self.tenant = Tenant.from_yaml(tenant_file(), now=lambda: self.at, token="secret")
        self.tenant.settings.page_size = 2
        self.client = self.client_in(ListingMode.DIRECTORY)

    def client_in(self, mode):
        return GraphClient(
            StaticToken("secret"),
            mode=mode,
            base_url="http://127.0.0.1/v1.0",
            sleep=self.sleep,
            transport=httpx.ASGITransport(graph_app(self.tenant)),
        )

    async def sleep(self, seconds):
        self.at += timedelta(seconds=seconds)

    def fault(self, kind, **more):
        self.tenant.faults.add([Fault(kind=kind, **more)])

    def change(self, **content):
        return self.tenant.change(tenantfile.decode(content, tenantfile.TenantChange))


@pytest.fixture
async def graph():
    simulated = Simulated()
    yield simulated
    await simulated.client.close()


async def all_of(read):
    found, link = Page([], "begin"), ""
    rows, sizes = [], []
    while found.link:
        found = await read(link)
        link = found.link
        rows += found.rows
        sizes.append(len(found.rows))
    return rows, sizes


async def test_a_packages_rows_through_empty_pages(graph):
    """Every delivered row is seen once, and an empty page is no end; an expired one is not seen."""
    graph.change(removals=[{"assignment": guid("9", 1)}])
    graph.fault("emptyPage", skip=1, count=2)
    entitlements = GraphEntitlements(graph.client)
    rows, sizes = await all_of(lambda link: entitlements.assignments_in(PACKAGE, link=link))
    assert [row.assignment for row in rows] == [guid("9", number) for number in (0, 2, 3, 4)]
    assert sizes == [2, 0, 0, 2]
    assert rows[0] == Sighting(guid("9", 0), USERS[0], POLICY, START + 30 * DAY)


async def test_a_page_token_that_expired(graph):
    """The link is stale, and the list can begin anew."""
    first = await GraphEntitlements(graph.client).assignments_in(PACKAGE)
    entitlements = GraphEntitlements(graph.client)  # one that has not read the second page ahead
    graph.fault("expiredPageToken", count=1)
    with pytest.raises(StaleLink):
        await entitlements.assignments_in(PACKAGE, link=first.link)
    assert await entitlements.assignments_in(PACKAGE) == first


async def test_a_state_that_nobody_knows(graph):
    """The page raises rather than leave the row out."""
    graph.fault("unknownState", count=1)
    with pytest.raises(Transient):
        await GraphEntitlements(graph.client).assignments_in(PACKAGE)


async def test_all_users(graph):
    """Pages of users are as large as asked for, whatever the other lists do."""
    rows, sizes = await all_of(lambda link: GraphUsers(graph.client).page(link=link))
    assert [user.id for user in rows] == USERS
    assert sizes == [5]


async def test_requests_of_everybody(graph):
    """Those of My Access and those of the service itself count; with a role in a catalog alone, Graph refuses."""
    entitlements = GraphEntitlements(graph.client)
    graph.at += 31 * DAY
    assert await entitlements.requests_created(START, START + DAY) == 5
    assert await entitlements.requests_created(START, graph.at) == 10
    assert await entitlements.requests_created(START + DAY, START + 30 * DAY) == 0
    graph.tenant.settings.permissions = "catalog"
    with pytest.raises(Refused):
        await GraphEntitlements(graph.client_in(ListingMode.CATALOG)).requests_created(START, graph.at)


async def test_terms_and_what_they_forbid(graph):
    """An update beyond what the policy allows is refused, one within is not."""
    entitlements = GraphEntitlements(graph.client)
    terms = await entitlements.terms_of(POLICY)
    assert terms == PolicyTerms(longest=365 * DAY)
    assert await entitlements.terms_of(guid("b", 2)) == PolicyTerms(custom=False)
    with pytest.raises(Refused, match="404"):
        await entitlements.terms_of(guid("b", 9))
    with pytest.raises(Refused, match="InvalidSchedule"):
        await entitlements.submit(update(START + terms.longest + timedelta(seconds=1)))
    await entitlements.submit(update(START + terms.longest))


async def test_an_update_that_is_delivered_and_moves_nothing(graph):
    """Only the row itself tells that its end is where it was; the next update does move it."""
    entitlements = GraphEntitlements(graph.client)
    graph.fault("unmovedEnd", count=1)
    for ends in (START + 30 * DAY, START + 60 * DAY):
        sent = await entitlements.submit(update(START + 60 * DAY))
        graph.at += timedelta(minutes=1)
        assert (await entitlements.request(sent.request)).state is RequestState.DELIVERED
        (row,) = await entitlements.assignments_of(USERS[0], [PACKAGE])
        assert row.ends == ends


async def test_a_row_that_outlives_its_end(graph):
    """It stays delivered behind its end, while the others expire."""
    graph.fault("neverExpires", path=guid("9", 2))
    graph.at += 31 * DAY
    rows, _ = await all_of(lambda link: GraphEntitlements(graph.client).assignments_in(PACKAGE, link=link))
    assert [(row.assignment, row.ends < graph.at) for row in rows] == [(guid("9", 2), True)]


async def test_denials_of_a_review(graph):
    """Nothing is told while the review runs; when it is applied the denied row ends and the denial is told."""
    reviews, entitlements = GraphReviews(graph.client), GraphEntitlements(graph.client)
    graph.change(reviews=[review("InProgress")])
    assert await reviews.denied([PACKAGE], since=START) == []
    graph.at += DAY
    graph.change(reviews=[review("Completed")])
    assert await reviews.denied([PACKAGE], since=START) == [Denied(ROUND, PACKAGE, USERS[0], START)]
    assert await reviews.denied([guid("a", 9)], since=START) == []
    graph.change(reviews=[review("Applied")])
    assert await reviews.denied([PACKAGE], since=START) == [Denied(ROUND, PACKAGE, USERS[0], graph.at)]
    rows, _ = await all_of(lambda link: entitlements.assignments_in(PACKAGE, link=link))
    assert [row.user for row in rows] == USERS[1:]


async def test_a_throttled_write_shows_until_the_next_call(graph):
    """Too many writes within a second meet 429 inside the client; the throttle is 1 after it, and 0 after the next."""
    graph.tenant.settings.writes_per_second = 1
    entitlements = GraphEntitlements(graph.client)
    await entitlements.submit(update(START + 60 * DAY))
    assert entitlements.throttle == 0.0
    await entitlements.submit(update(START + 60 * DAY, row=1))
    assert entitlements.throttle == 1.0
    await entitlements.terms_of(POLICY)
    assert entitlements.throttle == 0.0
    graph.fault("429", retry_after=300)
    with pytest.raises(Throttled):
        await entitlements.submit(update(START + 60 * DAY, row=2))
    assert entitlements.throttle == 1.0


def update(ends, *, row=0):
    return Request(
        kind="adminUpdate",
        package=PACKAGE,
        token=f"t{row}",
        justification="",
        assignment=guid("9", row),
        starts=START,
        ends=ends,
    )


def review(status):
    decisions = [
        {"user": USERS[0], "decision": "Deny", "reviewed": START},
        {"user": USERS[1], "decision": "Approve", "reviewed": START},
        {"user": USERS[2], "decision": "NotReviewed"},
    ]
    instance = {"id": ROUND, "status": status, "start": START, "end": START + 7 * DAY, "decisions": decisions}
    return {"id": REVIEW, "policy": POLICY, "instances": [instance]}
