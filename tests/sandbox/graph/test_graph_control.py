"""The control routes: the log, the armed faults, and what others do to the tenant."""

import re
from pathlib import Path

import pytest
from graph_world import guid

from sandbox.graph.control import NewSettings
from sandbox.graph.faults import KINDS, Fault


async def test_the_log_has_every_call(world):
    """Reads and writes with status, ids and body, refused ones included, from any index on."""
    await world.graph.get("/v1.0/users", params={"$top": "5"}, headers={"client-request-id": "mine"})
    await world.add(justification="why")
    await world.fault("503")
    await world.get("assignments")
    read, write, refused = await world.log()
    assert (read["kind"], read["status"], read["client-request-id"], read["query"]) == ("read", 200, "mine", "%24top=5")
    assert (write["kind"], write["status"], write["body"]["justification"]) == ("write", 201, "why")
    assert (refused["status"], refused["at"], refused["index"]) == (503, "2026-01-01T00:00:00Z", 2)
    assert await world.log(since=2) == [refused]


async def test_an_account_may_appear_and_change(world):
    """A pre-hire's account is found after it was added; a user of a known id is replaced."""
    user = {"id": guid("d", 7), "userPrincipalName": "new@example.org", "employeeId": "E7"}
    await world.change(users=[user])
    assert (await world.graph.get("/v1.0/users/new@example.org")).status_code == 200
    await world.change(users=[user | {"employeeId": "E8"}])
    for employee_id, count in (("E7", 0), ("E8", 1)):
        found = await world.graph.get("/v1.0/users", params={"$filter": f"employeeId eq '{employee_id}'"})
        assert len(found.json()["value"]) == count
        assert len(world.tenant.state.directory.with_employee_ids([employee_id])) == count


async def test_a_deleted_user_is_404_and_keeps_its_assignments(world):
    """Assignments outlive the account, as Graph keeps them while it is in the recycle bin."""
    await world.delivered()
    await world.change(users=[{"id": guid("d", 1), "userPrincipalName": "u1@example.org", "deleted": True}])
    assert (await world.graph.get(f"/v1.0/users/{guid('d', 1)}")).status_code == 404
    (row,) = await world.values("assignments", expand="target")
    assert row["target"]["objectId"] == guid("d", 1)


async def test_a_request_in_my_access_waits_for_its_approval(world):
    """It is a userAdd by another policy, pendingApproval until decided, and blocks our own requests meanwhile."""
    made = await world.change(requests=[{"user": "u1@example.org", "policy": guid("b", 12), "justification": "mine"}])
    world.advance(30)
    (row,) = await world.values("assignmentRequests", filter="state eq 'pendingApproval'")
    assert (row["id"], row["requestType"]) == (made["requests"][0], "userAdd")
    assert (await world.add(1, 2)).json()["error"]["code"] == "ExistingOpenRequest"
    await world.change(decisions=[{"request": row["id"], "approve": True}])
    world.advance(30)
    assert [r.policy_id for r in world.tenant.live()] == [guid("b", 12)]


async def test_rows_of_other_policies_can_be_there(world):
    """A delivered My Access row with its request, and an auto-assigned one in its grace period."""
    rows = [
        {"user": guid("d", 1), "policy": guid("b", 12), "requestType": "userAdd"},
        {"user": guid("d", 1), "policy": guid("b", 13), "status": "AutoAssignmentInGracePeriod"},
    ]
    made = await world.change(assignments=rows)
    assert (len(made["assignments"]), len(made["requests"])) == (2, 1)
    assert [r["status"] for r in await world.values("assignments")] == ["Delivered", "AutoAssignmentInGracePeriod"]
    assert [r["requestType"] for r in await world.values("assignmentRequests")] == ["userAdd"]


@pytest.mark.parametrize(("by", "request_type"), [("admin", "adminRemove"), ("user", "userRemove")])
async def test_a_removal_by_hand_leaves_a_request_behind(world, by, request_type):
    """The row is expired at once, and a finished request says who did it."""
    id_ = await world.delivered()
    await world.change(removals=[{"assignment": id_, "by": by}])
    assert [r["state"] for r in await world.values("assignments")] == ["expired"]
    assert [r["requestType"] for r in await world.values("assignmentRequests")] == ["adminAdd", request_type]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"removals": [{"assignment": guid("f", 1)}]}, "removals[0].assignment: no live assignment has this id"),
        (
            {"decisions": [{"request": guid("f", 1), "approve": True}]},
            "decisions[0].request: no request of this id is pendingApproval",
        ),
        (
            {"requests": [{"user": "nobody", "policy": guid("b", 1)}]},
            "requests[0].user: no user has this id or userPrincipalName",
        ),
        ({"people": []}, "tenant: Object contains unknown field `people`"),
    ],
)
async def test_a_change_that_cannot_be_done_changes_nothing(world, body, error):
    """400 names path and rule, and the rest of the change is not done either."""
    user = {"id": guid("d", 7), "userPrincipalName": "new@example.org"}
    response = await world.control.post("/graph/tenant", json={"users": [user], **body})
    assert (response.status_code, response.json()["error"]) == (400, error)
    assert (await world.graph.get("/v1.0/users/new@example.org")).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"added": []},
        {"add": [{"kind": "503", "often": 1}]},
        {"add": [{"kind": "418"}]},
        {"set": {"latencies": [1, 2]}},
        {"set": {"lag": [2, 1]}},
        {"set": {"page_size": 0}},
        {"add": [{"kind": "503", "path": "("}]},
    ],
)
async def test_a_fault_that_cannot_be_armed_is_400_with_the_known_keys(world, body):
    """Unknown keys, kinds and impossible values are refused, and what was armed stays."""
    await world.fault("500")
    response = await world.control.post("/faults", json={"clear": True, **body})
    assert response.status_code == 400
    for known in ("clear", "retry_after", "page_size", "emptyPage"):
        assert known in response.json()["error"]
    assert [f["kind"] for f in (await world.control.get("/faults")).json()["faults"]] == ["500"]


async def test_the_report_says_what_is_armed_and_set(world):
    """GET /faults shows the faults with how often they fired, and the settings."""
    await world.faults(set={"latency": [1, 3], "page_size": 50}, add=[{"kind": "503", "count": 2}])
    await world.get("assignments")
    report = (await world.control.get("/faults")).json()
    assert (report["faults"][0]["kind"], report["faults"][0]["fired"]) == ("503", 1)
    assert (report["settings"]["latency"], report["settings"]["page_size"]) == ([1.0, 3.0], 50)
    assert report["settings"]["lag"] == [0.0, 0.0]


def test_the_docs_have_every_fault_and_setting():
    """docs/sandbox.md names every kind of fault, what a fault may say, and what can be set."""
    page = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    said = set(re.findall(r"`(\w+)`", page.split("\n## Faults\n")[1].split("\n## ")[0]))
    assert {*KINDS, *Fault.__struct_fields__} - said <= {"kind"}
    assert set(NewSettings.__struct_fields__) <= said
