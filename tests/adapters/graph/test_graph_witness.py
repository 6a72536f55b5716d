"""What Graph testifies for evidence packets: read whole, ids alone, and what cannot be told raises."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from lifecycle.adapters.graph.witness import GraphWitness
from lifecycle.errors import Permanent, Refused, Transient
from lifecycle.ports import AssignmentState
from lifecycle.ports.witness import Audited, Reviewed, Role
from tests.adapters.graph.script import EM, OTHER, PACKAGE, POLICY, USER, Script, assignment, error, page
from tests.adapters.graph.test_graph_simulated import PACKAGE as SIMULATED
from tests.adapters.graph.test_graph_simulated import POLICY as SIMULATED_POLICY
from tests.adapters.graph.test_graph_simulated import ROUND, START, USERS, Simulated, guid, review

GROUP = guid("7", 1)
SINCE = datetime(2026, 3, 1, tzinfo=UTC)
LOG = "/v1.0/auditLogs/directoryAudits"


def body(content):
    return httpx.Response(200, json=content)


async def test_an_assignment_by_its_id():
    """With its user, package and policy."""
    graph = Script(body(assignment("as-1")))
    found = await GraphWitness(graph.client()).assignment("as-1")
    assert (found.id, found.user, found.package, found.policy) == ("as-1", USER, PACKAGE, POLICY)
    assert found.state is AssignmentState.DELIVERED
    assert graph.requests[0].url.path == f"{EM}/assignments/as-1"


@pytest.mark.parametrize("status", [404, 400])
async def test_no_such_assignment(status):
    """Graph says so with a code: there is none; a page of a gateway says nothing."""
    assert await GraphWitness(Script(error(status, "ResourceNotFound")).client()).assignment("as-1") is None
    with pytest.raises(Refused):
        await GraphWitness(Script(error(status)).client()).assignment("as-1")


async def test_an_id_that_is_none_is_not_sent():
    """It would lead to another path."""
    with pytest.raises(Permanent):
        await GraphWitness(Script().client()).assignment("../users")


async def test_a_policys_settings_without_names_and_prose():
    """Every setting at any depth, but none that a person wrote, and no annotation."""
    approver = {"@odata.type": "#microsoft.graph.singleUser", "userId": USER, "description": "Erika"}
    policy = {
        "@odata.context": "…",
        "id": POLICY,
        "displayName": "Erika's policy",
        "description": "Erika",
        "questions": [{"text": {"defaultText": "Erika"}}],
        "expiration": {"type": "afterDuration", "duration": "P90D"},
        "requestApprovalSettings": {"isApprovalRequiredForAdd": True, "stages": [{"primaryApprovers": [approver]}]},
        "share": 0.5,
    }
    found = await GraphWitness(Script(body(policy)).client()).policy(POLICY)
    assert "Erika" not in str(found)
    assert found.settings == {
        "expiration": {"duration": "P90D", "type": "afterDuration"},
        "requestApprovalSettings": {
            "isApprovalRequiredForAdd": True,
            "stages": [{"primaryApprovers": [{"userId": USER}]}],
        },
        "share": "0.5",
    }


async def test_a_package_without_its_roles_expanded_raises():
    """Roles that are not told are not taken for none."""
    with pytest.raises(Transient):
        await GraphWitness(Script(body({"id": PACKAGE})).client()).roles(PACKAGE)


async def test_decisions_of_running_reviews_too():
    """Whoever reviewed, of packages asked for, with the state of the instance."""
    row = {
        "id": "de-1",
        "decision": "Approve",
        "reviewedBy": {"id": "boss", "displayName": "Erika"},
        "reviewedDateTime": "2026-03-03T00:00:00Z",
        "applyResult": "New",
        "justification": "Erika said so",
        "principal": {"id": USER},
        "resource": {"accessPackageId": PACKAGE.upper()},
    }
    other = row | {"resource": {"accessPackageId": OTHER}}
    graph = Script(page([{"id": "re-1"}]), page([{"id": "in-1", "status": "InProgress"}]), page([row, other]))
    found = await GraphWitness(graph.client()).reviewed([PACKAGE])
    assert found == [
        Reviewed(
            instance="in-1",
            package=PACKAGE,
            user=USER,
            decision="Approve",
            status="InProgress",
            reviewer="boss",
            result="New",
            reviewed_at=datetime(2026, 3, 3, tzinfo=UTC),
        )
    ]


def audit(**changes):
    return {
        "id": "au-1",
        "activityDisplayName": "Approve access package assignment request",
        "activityDateTime": "2026-03-03T00:00:00Z",
        "result": "success",
        "initiatedBy": {"user": {"id": "boss", "displayName": "Erika"}, "app": None},
        "targetResources": [{"id": USER.upper(), "displayName": "Erika"}, {"id": None}],
        "additionalDetails": [{"key": "RequestId", "value": f"x {PACKAGE}"}, {"key": "Reason", "value": "Erika"}],
        **changes,
    }


async def test_entries_of_the_audit_log():
    """Those of entitlement management from an instant on, oldest first, with every id that they name."""
    later = audit(id="au-2", activityDateTime="2026-03-04T00:00:00Z", initiatedBy={"app": {"appId": "app-1"}})
    graph = Script(page([later], f"https://graph.microsoft.com{LOG}?$skiptoken=1"), page([audit()]))
    first, second = await GraphWitness(graph.client()).audited(SINCE)
    assert first == Audited(
        id="au-1",
        activity="Approve access package assignment request",
        at=datetime(2026, 3, 3, tzinfo=UTC),
        by="boss",
        result="success",
        ids=frozenset({USER, PACKAGE}),
    )
    assert second.by == "app-1"
    expected = "loggedByService eq 'Entitlement Management' and activityDateTime ge 2026-03-01T00:00:00Z"
    assert graph.filters[0] == expected


@pytest.mark.parametrize("row", [audit(activityDateTime="2026-03-03"), audit(activityDateTime="then")])
async def test_an_entry_that_cannot_be_dated_raises(row):
    """No instant is invented, and no entry left out."""
    with pytest.raises(Transient):
        await GraphWitness(Script(page([row])).client()).audited(SINCE)


@pytest.mark.parametrize(
    ("ask", "permission"),
    [
        (lambda witness: witness.audited(SINCE), r"AuditLog\.Read\.All"),
        (lambda witness: witness.reviewed([PACKAGE]), r"AccessReview\.Read\.All"),
        (lambda witness: witness.roles(PACKAGE), r"EntitlementManagement\.Read\.All"),
    ],
)
async def test_what_may_not_be_read_names_the_permission(ask, permission):
    """403 is refused, and says what is missing."""
    with pytest.raises(Refused, match=permission):
        await ask(GraphWitness(Script(error(403, "accessDenied")).client()))


# --- against the simulator ----------------------------------------------------------------------------------------


@pytest.fixture
async def graph():
    simulated = Simulated()
    yield simulated
    await simulated.client.close()


async def test_a_simulated_tenant_testifies(graph):
    """Policy, roles, reviewers and audit log come out of one tenant as they went in."""
    package = {"id": SIMULATED, "displayName": "P", "catalog": guid("c", 1), "groups": [GROUP]}
    rounds = review("Completed")
    rounds["instances"][0]["decisions"][0]["reviewer"] = USERS[3]
    graph.change(accessPackages=[package], reviews=[rounds])
    graph.change(removals=[{"assignment": guid("9", 1)}])
    graph.at += timedelta(minutes=1)
    witness = GraphWitness(graph.client)
    assert await witness.roles(SIMULATED) == [Role(f"Member_{GROUP}", GROUP, "AadGroup")]
    assert (await witness.policy(SIMULATED_POLICY)).settings["expiration"]["duration"] == "P365D"
    denied = next(one for one in await witness.reviewed([SIMULATED]) if one.decision == "Deny")
    assert (denied.instance, denied.user, denied.reviewer) == (ROUND, USERS[0], USERS[3])
    log = await witness.audited(START)
    assert "Administrator directly removes user access package assignment" in {entry.activity for entry in log}
    assert {USERS[1], SIMULATED} <= next(entry.ids for entry in log if "removes" in entry.activity)
    assert (await witness.assignment(guid("9", 2))).user == USERS[2]
    assert await witness.assignment(guid("9", 99)) is None


async def test_a_simulated_audit_log_forgets(graph):
    """Entra keeps about 30 days, whatever is asked for."""
    graph.change(removals=[{"assignment": guid("9", 1)}])
    graph.at += timedelta(days=31)
    found = await GraphWitness(graph.client).audited(START - timedelta(days=365))
    assert {entry.activity.partition(" ")[0] for entry in found} == {"Entitlement", "Remove"}  # rows that ended since
    assert all(entry.at >= graph.at - timedelta(days=30) for entry in found)


async def test_who_approved_in_my_access(graph):
    """The approver is in the audit log, where an application can read it."""
    policies = [{"id": guid("b", 3), "approvalForAdd": True}]
    package = {"id": guid("a", 2), "displayName": "Q", "catalog": guid("c", 1), "assignmentPolicies": policies}
    graph.change(accessPackages=[package])
    made = graph.change(requests=[{"user": USERS[0], "policy": guid("b", 3)}])
    graph.at += timedelta(minutes=1)
    graph.change(decisions=[{"request": made["requests"][0], "approve": True, "by": USERS[4]}])
    (approval,) = [one for one in await GraphWitness(graph.client).audited(START) if one.activity.startswith("Approve")]
    assert approval.by == USERS[4]
    assert {made["requests"][0], USERS[0], guid("a", 2)} <= approval.ids
