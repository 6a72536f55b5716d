"""What a plain HTTP client sees: shapes, pages, refusals, ids."""

import pytest
from graph_world import EM, guid


async def test_a_user_is_found_by_employee_id_whatever_its_case(world):
    """An employeeId is compared without regard to case and shown only when selected."""
    response = await world.graph.get(
        "/v1.0/users", params={"$filter": "employeeId eq 'e2'", "$select": "id,employeeId"}
    )
    assert response.json()["value"] == [{"id": guid("d", 2), "employeeId": "E2"}]
    plain = await world.graph.get("/v1.0/users", params={"$filter": "employeeId in ('E1','E3')"})
    assert [u["id"] for u in plain.json()["value"]] == [guid("d", 1), guid("d", 3)]
    assert "employeeId" not in plain.json()["value"][0]


async def test_a_user_is_found_by_principal_name_and_by_id(world):
    """A filter on userPrincipalName and both spellings of the key lead to the same user."""
    listed = await world.graph.get("/v1.0/users", params={"$filter": "userPrincipalName eq 'U1@example.org'"})
    assert [u["id"] for u in listed.json()["value"]] == [guid("d", 1)]
    for key in (guid("d", 1), "u1@example.org"):
        assert (await world.graph.get(f"/v1.0/users/{key}")).json()["id"] == guid("d", 1)


async def test_filters_on_users_are_all_applied(world):
    """Two comparisons that no user meets together find nobody."""
    both = "employeeId eq 'E1' and userPrincipalName eq 'u2@example.org'"
    assert (await world.graph.get("/v1.0/users", params={"$filter": both})).json()["value"] == []


async def test_an_absent_user_is_404_in_graphs_shape(world):
    """The error has code, message, and an innerError with both ids and the date."""
    response = await world.graph.get("/v1.0/users/nobody@example.org", headers={"client-request-id": "mine"})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (404, "Request_ResourceNotFound")
    assert error["innerError"]["client-request-id"] == response.headers["client-request-id"] == "mine"
    assert error["innerError"]["request-id"] == response.headers["request-id"]
    assert error["innerError"]["date"] == "2026-01-01T00:00:00"
    assert response.headers["date"] == "Thu, 01 Jan 2026 00:00:00 GMT"


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic secret"])
async def test_a_call_without_the_token_is_401(world, authorization):
    """Nothing is answered, and nothing is done, without the bearer token."""
    world.graph.headers.pop("Authorization")
    headers = {} if authorization is None else {"Authorization": authorization}
    response = await world.graph.get(f"{EM}/assignments", headers=headers)
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "InvalidAuthenticationToken"


async def test_pages_follow_nextlink_to_the_end(world):
    """Every row comes once, in pages of the configured size, with the query kept."""
    await world.faults(set={"page_size": 2})
    await world.change(assignments=[{"user": guid("d", n), "policy": guid("b", p)} for n in (1, 2, 3) for p in (1, 2)])
    url, rows, pages = f"{EM}/assignments?$filter=accessPackage/id eq '{guid('a', 1)}'&$expand=target", [], 0
    while url:
        page = (await world.graph.get(url)).json()
        rows += [r["target"]["objectId"] for r in page["value"]]
        url, pages = page.get("@odata.nextLink"), pages + 1
    assert rows == [guid("d", n) for n in (1, 2, 3)]
    assert pages == 2


async def test_navigation_properties_are_absent_unless_expanded(world):
    """Package, policy and target show only with $expand, and no more of them than selected."""
    await world.delivered()
    (bare,) = await world.values("assignments")
    assert not {"target", "accessPackage", "assignmentPolicy"} & bare.keys()
    (full,) = await world.values("assignments", expand="target,accessPackage($select=id),assignmentPolicy", select="id")
    assert full.keys() == {"id", "target", "accessPackage", "assignmentPolicy"}
    assert full["accessPackage"] == {"id": guid("a", 1)}
    assert full["target"]["objectId"] == guid("d", 1)
    assert full["target"]["id"] != guid("d", 1)


async def test_assignments_are_filtered_by_all_documented_properties(world):
    """Package, policy, target and state in one filter find the row; one wrong value does not."""
    id_ = await world.delivered(2, 2)
    await world.delivered(2, 1)

    def text(state: str) -> str:
        parts = (("accessPackage/id", "a"), ("assignmentPolicy/id", "b"), ("target/objectid", "d"))
        return " and ".join([*(f"{name} eq '{guid(k, 2)}'" for name, k in parts), f"state eq '{state}'"])

    assert [r["id"] for r in await world.values("assignments", filter=text("Delivered"))] == [id_]
    assert await world.values("assignments", filter=text("expired")) == []


@pytest.mark.parametrize("option", ["top", "orderby", "count", "skip", "search"])
async def test_undocumented_query_options_are_refused(world, option):
    """The simulator answers 400 to options that Graph does not document for these lists."""
    assert (await world.get("assignments", **{option: "1"})).status_code == 400


async def test_an_unsupported_filter_is_invalid_filter(world):
    """Graph has no filter on the end of an assignment; so has the simulator."""
    response = await world.get("assignments", filter="schedule/expiration/endDateTime lt 2026-01-01T00:00:00Z")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "InvalidFilter")


async def test_a_post_answers_201_submitted_without_dates(world):
    """The createdDateTime is null in the answer to the POST and present on the next read."""
    response = await world.add(justification="event 1")
    body = response.json()
    assert (response.status_code, body["state"], body["status"]) == (201, "submitted", "Accepted")
    assert (body["createdDateTime"], body["completedDateTime"]) == (None, None)
    read = (await world.get(f"assignmentRequests/{body['id']}")).json()
    assert (read["createdDateTime"], read["justification"]) == ("2026-01-01T00:00:00Z", "event 1")


async def test_requests_are_filtered_and_expanded(world):
    """By package, state and instant; requestor of a direct assignment is its target."""
    await world.delivered(1, 1)
    second = (await world.add(2, 1)).json()["id"]
    text = f"accessPackage/id eq '{guid('a', 1)}' and createdDateTime gt 2026-01-01T00:00:00Z and state eq 'submitted'"
    (row,) = await world.values("assignmentRequests", filter=text, expand="requestor,accessPackage")
    assert (row["id"], row["requestor"]["objectId"]) == (second, guid("d", 2))
    inclusive = "createdDateTime ge 2026-01-01T00:00:00Z"
    assert len(await world.values("assignmentRequests", filter=inclusive)) == 2


async def test_an_expanded_assignment_of_a_request_lacks_its_schedule(world):
    """Who needs the end reads the assignment itself."""
    await world.delivered()
    (row,) = await world.values("assignmentRequests", expand="assignment($expand=target)")
    assert row["assignment"]["schedule"] is None
    assert row["assignment"]["target"]["objectId"] == guid("d", 1)


async def test_a_second_open_request_is_refused(world):
    """One open request per user and package, whatever it asks for."""
    await world.add()
    response = await world.add()
    assert (response.status_code, response.json()["error"]["code"]) == (400, "ExistingOpenRequest")
    assert (await world.add(1, 2)).status_code == 201


async def test_a_duplicate_of_a_delivered_assignment_is_409(world):
    """Same user, package and policy; another policy of the package is accepted."""
    await world.delivered(1, 2)
    assert (await world.add(1, 2)).status_code == 409
    assert (await world.add(1, 2, 12)).status_code == 201


async def test_removing_twice_is_refused(world):
    """A missing assignment is 404, one that has ended or is being removed is 400."""
    assert (await world.post("adminRemove", {"id": guid("f", 1)})).status_code == 404
    id_ = await world.delivered()
    await world.post("adminRemove", {"id": id_})
    assert (await world.post("adminRemove", {"id": id_})).json()["error"]["code"] == "ExistingOpenRequest"
    world.advance(30)
    assert (await world.post("adminRemove", {"id": id_})).status_code == 400


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"targetId": guid("d", 9)}, "SubjectNotFound"),
        ({"accessPackageId": guid("a", 9)}, "AccessPackageNotFound"),
        ({"assignmentPolicyId": guid("b", 9)}, "AssignmentPolicyNotFound"),
        ({"assignmentPolicyId": guid("b", 2)}, "InvalidPolicy"),
        ({"targetId": "u1@example.org"}, "BadRequest"),
        ({"targetId": None}, "BadRequest"),
        ({"target_id": guid("d", 1)}, "InvalidModel"),
    ],
)
async def test_an_addition_that_cannot_be_is_400(world, change, code):
    """Unknown ids, a policy of another package, a key that Graph does not know."""
    ids = {"targetId": guid("d", 1), "accessPackageId": guid("a", 1), "assignmentPolicyId": guid("b", 1)}
    response = await world.post("adminAdd", ids | change)
    assert (response.status_code, response.json()["error"]["code"]) == (400, code)


async def test_nobody_is_assigned_by_an_auto_policy(world):
    """The rows of an auto-assignment policy are Graph's own."""
    assert (await world.add(1, 3, 13)).json()["error"]["code"] == "InvalidPolicy"


@pytest.mark.parametrize(
    ("policy", "schedule"),
    [
        (2, {"expiration": {"type": "afterDateTime", "endDateTime": "2025-01-01T00:00:00Z"}}),
        (2, {"expiration": {"type": "afterDateTime"}}),
        (2, {"expiration": {"type": "afterDuration", "duration": "soon"}}),
        (2, {"expiration": {"type": "noExpiration", "endDateTime": "2026-02-01T00:00:00Z"}}),
        (12, {"expiration": {"type": "afterDateTime", "endDateTime": "2026-02-01T00:00:00Z"}}),
        (12, {"expiration": {"type": "noExpiration"}}),
    ],
)
async def test_a_schedule_that_the_policy_does_not_allow_is_400(world, policy, schedule):
    """Ends in the past, contradictions, and custom ends where the policy has none."""
    response = await world.add(1, 2, policy, schedule=schedule)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "InvalidSchedule")


@pytest.mark.parametrize(
    ("request_type", "status"), [("userAdd", 403), ("userRemove", 403), ("systemAdd", 400), ("adminadd", 400)]
)
async def test_request_types_that_an_application_cannot_post(world, request_type, status):
    """Self-service is delegated only; system requests are Graph's own."""
    assert (await world.post(request_type, {"id": guid("f", 1)})).status_code == status


async def test_an_update_needs_a_known_assignment_and_a_schedule(world):
    """Both are 400."""
    later = {"expiration": {"type": "noExpiration"}}
    assert (await world.post("adminUpdate", {"id": guid("f", 1)}, schedule=later)).status_code == 400
    assert (await world.post("adminUpdate", {"id": await world.delivered()})).status_code == 400


async def test_a_delivered_assignment_can_be_reprocessed(world):
    """202; 404 for an unknown id, 400 for one that is no GUID or not delivered."""
    id_ = await world.delivered()
    calls = {id_: 202, guid("f", 1): 404, "x": 400}
    for key, status in calls.items():
        assert (await world.graph.post(f"{EM}/assignments/{key}/reprocess")).status_code == status
    await world.change(removals=[{"assignment": id_}])
    assert (await world.graph.post(f"{EM}/assignments/{id_}/reprocess")).status_code == 400


async def test_a_failed_request_can_be_reprocessed_within_fourteen_days(world):
    """It is delivered the second time; a delivered one cannot be reprocessed, nor one that failed long ago."""
    await world.fault("deliveryFailed", count=2)
    failed, late = [(await world.add(n)).json()["id"] for n in (1, 2)]
    world.advance(30)
    url = f"{EM}/assignmentRequests/{failed}/reprocess"
    assert (await world.graph.post(url)).status_code == 202
    world.advance(30)
    assert [r.user_id for r in world.tenant.live()] == [guid("d", 1)]
    assert (await world.graph.post(url)).status_code == 400
    world.advance(15 * 86400)
    assert (await world.graph.post(f"{EM}/assignmentRequests/{late}/reprocess")).status_code == 400


async def test_an_application_cannot_cancel_a_request(world):
    """A cancel is 403 with application permissions, whatever the state."""
    id_ = (await world.add()).json()["id"]
    assert (await world.graph.post(f"{EM}/assignmentRequests/{id_}/cancel")).status_code == 403


async def test_an_assignment_cannot_be_patched(world):
    """The SDK offers PATCH, Graph answers that there is no such resource."""
    id_ = await world.delivered()
    assert (await world.graph.patch(f"{EM}/assignments/{id_}", json={})).status_code == 404


async def test_catalogs_packages_and_policies_are_listed_and_read(world):
    """Lists, single reads and expansions of what the model refers to."""
    assert [c["id"] for c in await world.values("catalogs")] == [guid("c", 1)]
    (package,) = await world.values("accessPackages", filter="displayName eq 'Package 2'", expand="assignmentPolicies")
    assert [p["id"] for p in package["assignmentPolicies"]] == [guid("b", 2), guid("b", 12)]
    one = (await world.get(f"accessPackages/{guid('a', 1)}", expand="catalog")).json()
    assert one["catalog"]["displayName"] == "Catalog"
    policy = (await world.get(f"assignmentPolicies/{guid('b', 13)}", expand="accessPackage")).json()
    assert policy["automaticRequestSettings"]["requestAccessForAllowedTargets"] is True
    assert policy["accessPackage"]["id"] == guid("a", 3)
    assert len(await world.values("assignmentPolicies")) == 5
    for path in ("catalogs", "accessPackages", "assignmentPolicies"):
        assert (await world.get(f"{path}/{guid('f', 1)}")).status_code == 404


async def test_catalog_permissions_need_the_package_in_every_list(world):
    """With a catalog role, a list of one user's rows is 403 and a list of one package's rows is not."""
    await world.faults(set={"permissions": "catalog"})
    for path in ("assignments", "assignmentRequests"):
        assert (await world.get(path)).status_code == 403
        assert (await world.get(path, filter=f"accessPackage/id eq '{guid('a', 1)}'")).status_code == 200
    assert (await world.get("assignments", filter=f"target/objectId eq '{guid('d', 1)}'")).status_code == 403


async def test_hostile_bodies_are_400(world):
    """Bytes that are no JSON, or no object, are refused and change nothing."""
    for content in (b"", b"\xff\xfe", b"[]", b'{"requestType": 1}', b"{" * 50):
        response = await world.graph.post(f"{EM}/assignmentRequests", content=content)
        assert response.status_code == 400, content
    assert world.tenant.in_transit() == 0
