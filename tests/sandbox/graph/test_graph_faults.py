"""Every fault that can be armed, happening."""

import asyncio

import pytest
from graph_world import EM, guid


@pytest.mark.parametrize("status", ["429", "503", "500", "504", "403"])
async def test_an_answer_before_the_work(world, status):
    """The call is refused with that status, nothing was done, and the next call is well."""
    await world.fault(status, method="POST", path="assignmentRequests$", count=1)
    response = await world.add()
    assert response.status_code == int(status)
    assert "retry-after" not in response.headers
    assert response.json()["error"]["innerError"]["request-id"] == response.headers["request-id"]
    assert world.tenant.in_transit() == 0
    assert (await world.add()).status_code == 201


@pytest.mark.parametrize("seconds", [1, 300])
async def test_a_throttled_call_may_say_how_long_to_wait(world, seconds):
    """Retry-After is what the fault says, also beyond the 180 seconds at which the SDK gives up."""
    await world.fault("429", retry_after=seconds)
    response = await world.get("assignments")
    assert (response.status_code, response.headers["retry-after"]) == (429, str(seconds))


async def test_a_gateway_timeout_after_the_work(world):
    """504, but the request exists: posting again meets ExistingOpenRequest."""
    await world.fault("504", method="POST", committed=True, count=1)
    assert (await world.add()).status_code == 504
    assert (await world.add()).json()["error"]["code"] == "ExistingOpenRequest"


async def test_a_fault_after_the_work_waits_for_work_that_succeeds(world):
    """A refused call neither does anything nor uses the fault up."""
    await world.fault("504", method="POST", committed=True, count=1)
    assert (await world.add(9)).status_code == 400
    assert (await world.add()).status_code == 504


@pytest.mark.parametrize(("committed", "requests"), [(False, 0), (True, 1)])
async def test_a_connection_closed_without_an_answer(world, committed, requests):
    """The client sees no answer at all; the work is done or not, and the log has no status."""
    await world.fault("reset", method="POST", committed=committed, count=1)
    with pytest.raises(ConnectionResetError):
        await world.add()
    assert world.tenant.in_transit() == requests
    assert (await world.log())[-1]["status"] is None


async def test_a_server_that_says_nothing(world):
    """A timeout keeps the client waiting; the client's own patience ends it."""
    await world.fault("timeout", seconds=60)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(world.get("assignments"), timeout=0.05)


async def test_a_server_that_hangs_closes_the_connection_in_the_end(world):
    """After its seconds a timeout ends like a reset."""
    await world.fault("timeout", seconds=0.01)
    with pytest.raises(ConnectionResetError):
        await world.get("assignments")


@pytest.mark.parametrize("outcome", ["partiallyDelivered", "deliveryFailed"])
async def test_a_delivery_that_does_not_succeed(world, outcome):
    """Request and assignment end in that state."""
    await world.fault(outcome, count=1)
    id_ = (await world.add()).json()["id"]
    world.advance(30)
    assert (await world.get(f"assignmentRequests/{id_}")).json()["state"] == outcome
    assert [r["state"] for r in await world.values("assignments")] == [outcome]


async def test_a_removal_that_fails_leaves_the_assignment(world):
    """The access is still there after a removal whose delivery failed."""
    id_ = await world.delivered()
    await world.fault("deliveryFailed", count=1)
    await world.post("adminRemove", {"id": id_})
    world.advance(30)
    assert [r.id for r in world.tenant.live()] == [id_]


async def test_an_approval_nobody_expected(world):
    """A direct policy's request can turn up pendingApproval."""
    await world.fault("pendingApproval", count=1)
    id_ = (await world.add()).json()["id"]
    world.advance(30)
    assert (await world.get(f"assignmentRequests/{id_}")).json()["state"] == "pendingApproval"
    assert world.tenant.live() == []


@pytest.mark.parametrize(
    ("kind", "state"), [("mixedCaseState", "Delivered"), ("unknownState", "suspendedForMigration")]
)
async def test_a_state_written_otherwise(world, kind, state):
    """A state may be capitalised, or be one that no client knows, in lists and single reads."""
    id_ = await world.delivered()
    await world.fault(kind)
    assert [r["state"] for r in await world.values("assignments")] == [state]
    assert (await world.get(f"assignments/{id_}")).json()["state"] == state
    assert [r["state"] for r in await world.values("assignmentRequests")] == [state]


async def test_an_empty_page_with_a_next_link(world):
    """The rows come on the page after the empty one; who stops early misses them all."""
    id_ = await world.delivered()
    await world.fault("emptyPage", count=1)
    first = (await world.get("assignments")).json()
    assert first["value"] == []
    second = (await world.graph.get(first["@odata.nextLink"])).json()
    assert [r["id"] for r in second["value"]] == [id_]
    assert "@odata.nextLink" not in second


async def test_an_empty_page_behind_the_first_has_a_link_of_its_own(world):
    """No page names itself as the next, however many empty ones come in a row."""
    world.tenant.settings.page_size = 1
    await world.delivered(1)
    await world.delivered(2)
    await world.fault("emptyPage", skip=1, count=2)
    links, found = [f"{EM}/assignments"], 0
    while links[-1]:
        answer = (await world.graph.get(links[-1])).json()
        found += len(answer["value"])
        links.append(answer.get("@odata.nextLink", ""))
    assert (len(set(links)), found) == (5, 2)


async def test_a_page_token_that_expired(world):
    """A page behind the first is refused with that code; the first never is, and the list can begin anew."""
    world.tenant.settings.page_size = 1
    await world.delivered(1)
    await world.delivered(2)
    await world.fault("expiredPageToken", count=1)
    link = (await world.get("assignments")).json()["@odata.nextLink"]
    refused = await world.graph.get(link)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "Directory_ExpiredPageToken")
    assert (await world.graph.get(link)).status_code == 200


async def test_an_update_that_moves_nothing(world):
    """It is delivered, and the end is where it was; other requests neither meet nor use the fault up."""
    await world.fault("unmovedEnd", count=1)
    id_ = await world.delivered(schedule=until("2026-06-01"))
    for end in ("2026-06-01", "2026-07-01"):
        request = (await world.post("adminUpdate", {"id": id_}, schedule=until("2026-07-01"))).json()["id"]
        world.advance(30)
        assert (await world.get(f"assignmentRequests/{request}")).json()["state"] == "delivered"
        row = (await world.get(f"assignments/{id_}")).json()
        assert row["schedule"]["expiration"]["endDateTime"] == f"{end}T00:00:00Z"


async def test_a_row_that_does_not_expire(world):
    """It stays delivered behind its end with no request about it; a later end is honoured again."""
    late = await world.delivered(1, schedule=until("2026-02-01"))
    await world.delivered(2, schedule=until("2026-02-01"))
    await world.fault("neverExpires", path=late, count=1)
    world.advance(40 * 86400)
    assert [r["state"] for r in await world.values("assignments")] == ["delivered", "expired"]
    assert len(await world.values("assignmentRequests")) == 3
    await world.post("adminUpdate", {"id": late}, schedule=until("2026-03-01"))
    world.advance(40 * 86400)
    assert [r["state"] for r in await world.values("assignments")] == ["expired", "expired"]


def until(day):
    return {"expiration": {"type": "afterDateTime", "endDateTime": f"{day}T00:00:00Z"}}


async def test_a_warning_that_the_limit_is_near(world):
    """x-ms-throttle-limit-percentage comes with the answer."""
    await world.fault("throttleLimitPercentage", percentage=0.95)
    assert (await world.get("assignments")).headers["x-ms-throttle-limit-percentage"] == "0.95"


async def test_a_clock_that_is_off(world):
    """The date of the answer is ahead, or behind, and nothing else is; then it is right again."""
    await world.fault("clockSkew", skew=600, count=1)
    await world.fault("clockSkew", skew=-1.5, count=1)
    dates = [(await world.get("assignments")).headers["date"] for _ in range(3)]
    assert [date[17:25] for date in dates] == ["00:10:00", "23:59:58", "00:00:00"]


async def test_a_limit_on_writes_counts_on_the_virtual_clock(world):
    """Beyond the limit writes are 429 until a virtual second has passed; reads are not counted."""
    await world.faults(set={"writes_per_second": 2})
    assert [(await world.add(n)).status_code for n in (1, 2, 3)] == [201, 201, 429]
    assert (await world.get("assignments")).status_code == 200
    world.advance(1)
    assert (await world.add(3)).status_code == 201


async def test_everything_forbidden(world):
    """403 on every path, until it is cleared."""
    await world.fault("403")
    assert (await world.get("assignments")).status_code == 403
    assert (await world.graph.get("/v1.0/users")).status_code == 403
    assert (await world.add()).status_code == 403
    await world.faults(clear=True)
    assert (await world.add()).status_code == 201


async def test_latency_and_lag_are_ranges_that_can_be_changed(world):
    """With no latency a request is delivered by the next look."""
    await world.faults(set={"latency": [0, 0]})
    response = await world.add()
    assert response.json()["state"] == "submitted"
    assert world.tenant.in_transit() == 0
    assert [r["state"] for r in await world.values("assignments")] == ["delivered"]


async def test_a_fault_hits_only_what_it_matches_after_what_it_skips(world):
    """Method, path, skip and count select the third and fourth read of the users."""
    await world.fault("503", method="get", path="/users", skip=2, count=2)
    await world.add()
    await world.get("assignments")
    statuses = [(await world.graph.get("/v1.0/users")).status_code for _ in range(6)]
    assert statuses == [200, 200, 503, 503, 200, 200]


async def test_a_probable_fault_repeats_with_the_seed(world):
    """The same seed hits the same calls; about half of them at one half."""

    async def hits() -> list[int]:
        await world.faults(clear=True, set={"seed": 7}, add=[{"kind": "503", "probability": 0.5}])
        return [(await world.get("assignments")).status_code for _ in range(40)]

    first = await hits()
    assert first == await hits()
    assert 8 < first.count(503) < 32


async def test_faults_do_not_reach_who_has_no_token(world):
    """A call without token is 401 and uses nothing up."""
    await world.fault("503", count=1)
    assert (await world.graph.get(f"{EM}/assignments", headers={"Authorization": ""})).status_code == 401
    assert (await world.get("assignments", filter=f"target/objectId eq '{guid('d', 1)}'")).status_code == 503
    assert (await world.get("assignments")).status_code == 200
