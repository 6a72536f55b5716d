"""The tenant file: what it may hold, and how it says what is wrong."""

from pathlib import Path

import pytest
from graph_world import Clock, guid, small_tenant

from sandbox.graph import Tenant
from sandbox.graph.tenantfile import TenantFileError

EXAMPLE = Path(__file__).parents[3] / "examples" / "tenant.yaml"


def load(content) -> Tenant:
    return Tenant.from_yaml(content, now=Clock().now, token="t")


def test_the_example_tenant_loads():
    """Each package has a direct policy without approval that allows custom schedules, and one has My Access."""
    tenant = load(EXAMPLE)
    directory = tenant.state.directory
    assert len(directory.packages) == 6
    for package in directory.packages:
        direct, *_ = directory.policies_of(package)
        assert (direct.approval_for_add, direct.custom_schedule) == (False, True)
    assert [p.display_name for p in directory.policies.values() if p.approval_for_add] == ["My Access"]
    assert len(tenant.live()) == 1


def user(**change) -> dict:
    return {"users": [*small_tenant()["users"], {"id": guid("d", 4), "userPrincipalName": "u4@example.org", **change}]}


def reviews(*, policy=1, user="u1@example.org", twice=False, **change) -> dict:
    start, end = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
    instance = {"id": guid("f", 1), "status": "Completed", "start": start, "end": end}
    instance |= {"decisions": [{"user": user, "decision": "Deny"}]} | change
    return {"reviews": [{"id": guid("e", 1), "policy": guid("b", policy), "instances": [instance]}] * (1 + twice)}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (user(employeeId="E" * 17), "users[3].employeeId: Expected `str` of length <= 16"),
        (user(employeeId=1001), "users[3].employeeId: Expected `str | null`, got `int`"),
        (user(userPrincipalName="U1@example.org"), "users[3].userPrincipalName: another user has it"),
        (user(id=guid("d", 1), userPrincipalName="x"), "users[3].id: another entry has it"),
        (user(mobile="1"), "users[3]: Object contains unknown field `mobile`"),
        ({"catalogs": []}, "accessPackages[0].catalog: no catalog has this id"),
        (
            {"assignments": [{"user": "u1@example.org", "policy": guid("b", 99)}]},
            "assignments[0].policy: no assignment policy has this id",
        ),
        (
            {"assignments": [{"user": "u1@example.org", "policy": guid("b", 1), "end": "2020-01-01T00:00:00Z"}]},
            "assignments[0].end: must be later than the start",
        ),
        (reviews(policy=99), "reviews[0].policy: no assignment policy has this id"),
        (reviews(user="nobody"), "reviews[0].instances[0].decisions[0].user: no user has this id"),
        (reviews(end="2026-01-01T00:00:00Z"), "reviews[0].instances[0].end: must be later than the start"),
        (reviews(status="Done"), "reviews[0].instances[0].status: Invalid enum value 'Done'"),
        (reviews(twice=True), "reviews: two entries have one id"),
        (
            {
                "accessPackages": [
                    {
                        "id": guid("a", 1),
                        "displayName": "x",
                        "catalog": guid("c", 1),
                        "assignmentPolicies": [{"id": guid("b", 1), "expiration": "a year"}],
                    }
                ]
            },
            "accessPackages[0].assignmentPolicies[0].expiration: The schedule is not valid: 'a year' is not a duration",
        ),
    ],
)
def test_an_error_names_path_and_rule(change, error):
    """Whoever wrote the file is told where and what."""
    with pytest.raises(TenantFileError) as caught:
        load(small_tenant() | change)
    assert str(caught.value).startswith(error)


def test_a_file_that_is_no_yaml_is_refused(tmp_path):
    """The message names the file."""
    path = tmp_path / "tenant.yaml"
    path.write_text("users: [")
    with pytest.raises(TenantFileError, match=r"tenant\.yaml: not YAML"):
        load(path)


def test_an_employee_id_may_be_held_twice():
    """An employeeId is not unique in Entra; both users are found."""
    tenant = load(small_tenant() | user(employeeId="e1"))
    assert [u.id for u in tenant.state.directory.with_employee_ids(["E1"])] == [guid("d", 1), guid("d", 4)]
