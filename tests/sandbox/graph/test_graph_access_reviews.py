"""Access reviews: what is listed of them, and what an applied Deny does."""

import pytest
from graph_world import guid

REVIEWS = "/v1.0/identityGovernance/accessReviews/definitions"
OF_PACKAGES = "contains(scope/microsoft.graph.accessReviewQueryScope/query,'accessPackageAssignments')"


def review(status, **of_first):
    decisions = [
        {"user": "u1@example.org", "decision": "Deny", "reviewed": "2026-01-01T00:00:00Z", **of_first},
        {"user": guid("d", 2), "decision": "Approve"},
        {"user": guid("d", 3), "decision": "NotReviewed"},
    ]
    instance = {"id": guid("f", 1), "start": "2026-01-01T00:00:00Z", "end": "2026-01-08T00:00:00Z"}
    instances = [instance | {"status": status, "decisions": decisions}]
    return {"id": guid("e", 1), "policy": guid("b", 1), "displayName": "Quarterly", "instances": instances}


async def values(world, path="", **options):
    response = await world.graph.get(REVIEWS + path, params={f"${k}": v for k, v in options.items()})
    assert response.status_code == 200, response.text
    return response.json()["value"]


async def decisions(world, **options):
    return await values(world, f"/{guid('e', 1)}/instances/{guid('f', 1)}/decisions", **options)


async def test_definitions_instances_and_decisions(world):
    """Each list shows its own, in Graph's words; the resource of a decision names the package."""
    await world.change(reviews=[review("InProgress")])
    (definition,) = await values(world, filter=OF_PACKAGES)
    assert (definition["id"], definition["displayName"]) == (guid("e", 1), "Quarterly")
    assert guid("a", 1) in definition["scope"]["query"]
    (instance,) = await values(world, f"/{guid('e', 1)}/instances")
    assert (instance["status"], instance["endDateTime"]) == ("InProgress", "2026-01-08T00:00:00Z")
    (denied,) = await decisions(world, filter="decision eq 'Deny'")
    assert (denied["principal"]["id"], denied["resource"]["accessPackageId"]) == (guid("d", 1), guid("a", 1))
    assert (denied["reviewedDateTime"], denied["appliedDateTime"]) == ("2026-01-01T00:00:00Z", None)
    assert len(await decisions(world)) == 3
    assert await decisions(world, filter="applyResult eq 'AppliedSuccessfully'") == []


async def test_decisions_come_in_pages(world):
    """A list of decisions has links as every list has."""
    await world.change(reviews=[review("Completed")])
    world.tenant.settings.page_size = 2
    path = f"{REVIEWS}/{guid('e', 1)}/instances/{guid('f', 1)}/decisions"
    first = (await world.graph.get(path)).json()
    second = (await world.graph.get(first["@odata.nextLink"])).json()
    assert [len(first["value"]), len(second["value"])] == [2, 1]
    assert "@odata.nextLink" not in second


@pytest.mark.parametrize("status", ["InProgress", "Completed"])
async def test_a_deny_that_is_not_applied_ends_nothing(world, status):
    """A reviewer may still change their mind, or the result waits to be applied."""
    await world.delivered()
    await world.change(reviews=[review(status)])
    assert len(world.tenant.live(guid("d", 1))) == 1


async def test_an_applied_deny_ends_the_assignment(world):
    """The row of that user by that policy ends, is tracked as the service's own request, and nobody else's does."""
    await world.delivered(1)
    await world.delivered(1, 2)
    await world.delivered(2)
    await world.change(reviews=[review("InProgress")])
    await world.change(reviews=[review("Applied")])
    assert [row.package_id for row in world.tenant.live(guid("d", 1))] == [guid("a", 2)]
    assert len(world.tenant.live(guid("d", 2))) == 1
    assert (await world.values("assignmentRequests"))[-1]["requestType"] == "systemRemove"
    applied = {d["principal"]["id"]: d["appliedDateTime"] for d in await decisions(world)}
    assert [applied[guid("d", n)] is not None for n in (1, 2, 3)] == [True, True, False]


async def test_a_deny_applied_long_ago_is_history(world):
    """A tenant may begin with an applied Deny and a later assignment of the same user."""
    await world.delivered()
    await world.change(reviews=[review("Applied", applied="2025-12-01T00:00:00Z")])
    assert len(world.tenant.live(guid("d", 1))) == 1
    (denied,) = await decisions(world, filter="applyResult eq 'AppliedSuccessfully' and decision eq 'Deny'")
    assert denied["appliedDateTime"] == "2025-12-01T00:00:00Z"


@pytest.mark.parametrize(
    ("path", "filter_", "status"),
    [
        ("", "status eq 'Completed'", 400),
        (f"/{guid('e', 1)}/instances", "status eq 'Completed'", 400),
        (f"/{guid('e', 1)}/instances/{guid('f', 1)}/decisions", "principal/id eq 'x'", 400),
        (f"/{guid('e', 2)}/instances", None, 404),
        (f"/{guid('e', 1)}/instances/{guid('f', 2)}/decisions", None, 404),
    ],
)
async def test_what_graph_does_not_offer_is_refused(world, path, filter_, status):
    """Undocumented filters and unknown ids."""
    await world.change(reviews=[review("Completed")])
    response = await world.graph.get(REVIEWS + path, params={} if filter_ is None else {"$filter": filter_})
    assert response.status_code == status


async def test_reviews_of_other_things_are_not_there(world):
    """A tenant here has reviews of packages alone."""
    await world.change(reviews=[review("Completed")])
    assert await values(world, filter="contains(scope/microsoft.graph.accessReviewQueryScope/query,'groups')") == []
