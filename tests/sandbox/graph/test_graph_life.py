"""Requests and assignments live through their states at the instants of the virtual clock."""

from datetime import timedelta

import pytest
from graph_world import EM, START, Clock, guid, small_tenant

from sandbox.graph import Tenant, filters

YEAR_END = {"expiration": {"type": "afterDateTime", "endDateTime": "2026-12-31T00:00:00Z"}}


async def test_a_request_goes_through_submitted_and_delivering_to_delivered(world):
    """201 means submitted; delivery comes 10 to 30 seconds later, and the request says when."""
    id_ = (await world.add()).json()["id"]
    states = []
    for _ in range(31):
        state = (await world.get(f"assignmentRequests/{id_}")).json()["state"]
        if state not in states:
            states.append(state)
        world.advance(1)
    request = world.tenant.request(id_)
    assert states == ["submitted", "delivering", "delivered"]
    assert timedelta(seconds=10) <= request.completed - START <= timedelta(seconds=30)


async def test_the_request_is_there_before_its_assignment(world):
    """Right after the POST there is a request, no row, and nothing to expand."""
    id_ = (await world.add()).json()["id"]
    assert (await world.get(f"assignmentRequests/{id_}", expand="assignment")).json()["assignment"] is None
    assert await world.values("assignments") == []


async def test_due_transitions_happen_at_their_own_instants_however_late_one_looks(world):
    """After an hour unseen, the request was completed within its latency, not an hour later."""
    await world.add()
    due = world.tenant.next_due()
    world.advance(3600)
    world.tenant.settle()
    (row,) = world.tenant.live()
    assert due < START + timedelta(seconds=11)
    assert row.schedule.start < START + timedelta(seconds=30)


async def test_in_transit_counts_what_ends_by_itself(world):
    """Submitted and delivering count; delivered, and what waits for a person, do not."""
    await world.add()
    await world.add(2, 2, 12)
    assert world.tenant.in_transit() == 2
    world.advance(30)
    world.tenant.settle()
    assert world.tenant.in_transit() == 0
    assert world.tenant.next_due() is None


async def test_the_same_seed_gives_the_same_life():
    """Ids and latencies repeat with the seed, and differ without."""

    def first_due(seed: int) -> tuple[str, object]:
        tenant = Tenant.from_yaml(small_tenant(), now=Clock().now, token="t", seed=seed)
        ids = f'"targetId":"{guid("d", 1)}","accessPackageId":"{guid("a", 1)}","assignmentPolicyId":"{guid("b", 1)}"'
        request = tenant.submit(f'{{"requestType":"adminAdd","assignment":{{{ids}}}}}'.encode(), "")
        return request.id, tenant.next_due()

    assert first_due(5) == first_due(5)
    assert first_due(5) != first_due(6)


async def test_a_removed_assignment_expires_and_stays_listed(world):
    """An adminRemove leads to state expired with expiredDateTime; the row is not dropped."""
    id_ = await world.delivered()
    removal = await world.post("adminRemove", {"id": id_})
    assert removal.status_code == 201
    world.advance(30)
    (row,) = await world.values("assignments")
    assert (row["id"], row["state"], row["expiredDateTime"] is not None) == (id_, "expired", True)
    assert world.tenant.live() == []


async def test_an_end_that_passes_ends_the_assignment_and_leaves_a_system_removal(world):
    """Graph ends access at the scheduled end by itself and tracks it as systemRemove, at that instant."""
    id_ = await world.delivered(schedule=YEAR_END)
    assert world.tenant.next_due() is None
    assert world.tenant.next_due(ends=True).isoformat() == "2026-12-31T00:00:00+00:00"
    world.advance(400 * 86400)
    row = (await world.get(f"assignments/{id_}")).json()
    assert (row["state"], row["expiredDateTime"]) == ("expired", "2026-12-31T00:00:00Z")
    assert [r["requestType"] for r in await world.values("assignmentRequests")] == ["adminAdd", "systemRemove"]


async def test_a_new_end_replaces_the_old_one(world):
    """After an adminUpdate with a request-level schedule the row has the new end, and survives the old."""
    id_ = await world.delivered(schedule=YEAR_END)
    later = {"expiration": {"type": "afterDateTime", "endDateTime": "2027-06-30T00:00:00Z"}}
    assert (await world.post("adminUpdate", {"id": id_}, schedule=later)).status_code == 201
    world.advance(400 * 86400)
    row = (await world.get(f"assignments/{id_}")).json()
    assert row["state"] == "delivered"
    assert row["schedule"]["expiration"]["endDateTime"] == "2027-06-30T00:00:00Z"


async def test_a_duration_counts_from_the_start(world):
    """An afterDuration becomes an end on the assignment."""
    id_ = await world.delivered(schedule={"expiration": {"type": "afterDuration", "duration": "P90D"}})
    row = world.tenant.assignment(id_)
    assert row.schedule.end == row.schedule.start + timedelta(days=90)


async def test_a_start_in_the_future_makes_the_request_wait_as_scheduled(world):
    """Scheduled is open but not in transit, and begins delivery at its start."""
    id_ = (await world.add(schedule={"startDateTime": "2026-02-01T00:00:00Z"})).json()["id"]
    world.advance(60)
    assert (await world.get(f"assignmentRequests/{id_}")).json()["state"] == "scheduled"
    assert (world.tenant.in_transit(), world.tenant.next_due()) == (0, None)
    assert world.tenant.next_due(ends=True).isoformat() == "2026-02-01T00:00:00+00:00"
    world.advance(32 * 86400)
    (row,) = world.tenant.live()
    assert (row.state, row.schedule.start.isoformat()) == ("delivered", "2026-02-01T00:00:00+00:00")


@pytest.mark.parametrize(("approve", "state", "rows"), [(True, "delivered", 1), (False, "denied", 0)])
async def test_a_policy_with_approval_waits_for_a_decision(world, approve, state, rows):
    """The state pendingApproval lasts until somebody decides, and the decision has its way."""
    id_ = (await world.add(1, 2, 12)).json()["id"]
    world.advance(86400)
    assert (await world.get(f"assignmentRequests/{id_}")).json()["state"] == "pendingApproval"
    await world.change(decisions=[{"request": id_, "approve": approve}])
    world.advance(30)
    assert (await world.get(f"assignmentRequests/{id_}")).json()["state"] == state
    assert len(world.tenant.live()) == rows


async def test_bypass_approval_is_honoured(world):
    """`parameters.bypassApproval` delivers without a decision."""
    await world.add(1, 2, 12, parameters={"bypassApproval": True})
    world.advance(30)
    assert len(world.tenant.live()) == 1


async def test_lists_lag_behind_additions_and_removals(world):
    """With a lag of 60 s a delivered row is not listed yet, and a removed one is still listed as delivered."""
    await world.faults(set={"lag": [60, 60]})
    id_ = await world.delivered()
    assert await world.values("assignments") == []
    assert (await world.get(f"assignments/{id_}")).json()["state"] == "delivered"
    world.advance(60)
    assert [r["state"] for r in await world.values("assignments")] == ["delivered"]
    await world.post("adminRemove", {"id": id_})
    world.advance(30)
    assert world.tenant.live() == []
    assert [r["state"] for r in await world.values("assignments")] == ["delivered"]
    world.advance(60)
    assert [r["state"] for r in await world.values("assignments")] == ["expired"]


async def test_a_list_never_goes_back_to_an_older_state(world):
    """A change with a short lag does not overtake, or get overwritten by, one with a long lag."""
    await world.faults(set={"lag": [100, 100], "latency": [3, 3]})
    await world.add()
    world.advance(1.5)
    world.tenant.settle()
    await world.faults(set={"lag": [0, 0]})
    seen = []
    for _ in range(120):
        world.advance(1)
        seen += [r["state"] for r in await world.values("assignments")]
    assert seen[-1] == "delivered"
    assert "delivering" not in seen[seen.index("delivered") :]


async def test_one_users_rows_are_found_without_looking_at_the_others():
    """Listing one user among 100,000 rows takes no longer than a few comparisons."""
    content = small_tenant()
    content["users"] = [{"id": guid("d", n), "userPrincipalName": f"u{n}@example.org"} for n in range(20_000)]
    content["assignments"] = [
        {"user": guid("d", n), "policy": guid("b", p)} for n in range(20_000) for p in (1, 2, 3, 12, 13)
    ]
    tenant = Tenant.from_yaml(content, now=Clock().now, token="t")

    class Counted(dict):
        reads = 0

        def get(self, key, default=None):
            Counted.reads += 1
            return super().get(key, default)

    tenant.state.assignments._listed = Counted(tenant.state.assignments._listed)
    wanted = filters.parse(f"target/objectId eq '{guid('d', 777)}'", filters.ASSIGNMENTS)
    rows, after = tenant.state.assignments.page(wanted, 0, 100)
    assert (len(rows), after) == (5, None)
    assert Counted.reads == 5


async def test_an_update_does_not_move_the_start(world):
    """A later startDateTime in an adminUpdate leaves the start of the assignment where it was."""
    id_ = await world.delivered()
    before = world.tenant.assignment(id_).schedule.start
    await world.post("adminUpdate", {"id": id_}, schedule={"startDateTime": "2026-03-01T00:00:00Z", **YEAR_END})
    world.advance(30)
    world.tenant.settle()
    after = world.tenant.assignment(id_).schedule
    assert (after.start, after.end.isoformat()) == (before, "2026-12-31T00:00:00+00:00")


async def test_an_update_that_its_assignment_does_not_outlive_fails(world):
    """An assignment removed by hand while its extension is in transit stays expired."""
    id_ = await world.delivered()
    update = (await world.post("adminUpdate", {"id": id_}, schedule=YEAR_END)).json()["id"]
    await world.change(removals=[{"assignment": id_}])
    world.advance(30)
    assert (await world.get(f"assignmentRequests/{update}")).json()["state"] == "deliveryFailed"
    assert (await world.get(f"assignments/{id_}")).json()["state"] == "expired"


async def test_an_ended_assignment_is_not_brought_back_by_reprocessing(world):
    """A request that was delivered in part cannot be reprocessed once its assignment has ended."""
    await world.fault("partiallyDelivered", count=1)
    request = (await world.add()).json()["id"]
    world.advance(30)
    (row,) = world.tenant.live()
    await world.change(removals=[{"assignment": row.id}])
    assert (await world.graph.post(f"{EM}/assignmentRequests/{request}/reprocess")).status_code == 400
    world.advance(60)
    assert world.tenant.live() == []
