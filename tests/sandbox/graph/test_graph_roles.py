"""Roles in entitlement management, catalogs that are not published, and a token that says whom it is of."""

import base64
import json

import pytest
from graph_world import guid

from sandbox.graph import Tenant, app_token
from sandbox.graph.directory import ASSIGNMENT_MANAGER
from sandbox.graph.tenantfile import TenantFileError
from sandbox.graph.token import APP, PRINCIPAL, TENANT

PATH = "/v1.0/roleManagement/entitlementManagement/roleAssignments"


async def roles(world, principal=PRINCIPAL):
    answer = await world.graph.get(PATH, params={"$filter": f"principalId eq '{principal}'"})
    assert answer.status_code == 200, answer.text
    return [(row["principalId"], row["roleDefinitionId"], row["appScopeId"]) for row in answer.json()["value"]]


async def test_until_the_tenant_says_otherwise_whoever_asks_may_assign(world):
    """Everywhere, as the simulator lets them."""
    assert await roles(world) == [(PRINCIPAL, ASSIGNMENT_MANAGER, "/")]


async def test_roles_that_the_tenant_names(world):
    """In a catalog or everywhere; a principal without one has none."""
    await world.change(
        catalogRoles=[
            {"principal": PRINCIPAL, "catalog": guid("c", 1)},
            {"principal": PRINCIPAL, "role": guid("e", 1)},
        ]
    )
    scope = f"/AccessPackageCatalog/{guid('c', 1)}"
    assert await roles(world) == [(PRINCIPAL, ASSIGNMENT_MANAGER, scope), (PRINCIPAL, guid("e", 1), "/")]
    assert await roles(world, guid("5", 9)) == []
    await world.change(users=[])
    assert len(await roles(world)) == 2
    await world.change(catalogRoles=[])
    assert await roles(world) == []


async def test_a_role_in_a_catalog_does_not_let_one_list_roles(world):
    """403, as for other lists beyond its catalog; an unknown filter is refused."""
    answer = await world.graph.get(PATH, params={"$filter": "roleDefinitionId eq 'x'"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidFilter")
    await world.faults(set={"permissions": "catalog"})
    assert (await world.graph.get(PATH)).status_code == 403


async def test_a_catalog_that_is_not_published(world):
    """As the tenant says; published otherwise."""
    catalog = {"id": guid("c", 1), "displayName": "Catalog"}
    assert (await world.get(f"catalogs/{catalog['id']}")).json()["state"] == "published"
    await world.change(catalogs=[{**catalog, "state": "unpublished"}])
    assert (await world.get(f"catalogs/{catalog['id']}")).json()["state"] == "unpublished"


def test_a_role_is_checked_as_the_rest_of_the_file():
    """An id that is none is refused with its path."""
    with pytest.raises(TenantFileError, match=r"catalogRoles\[0\].principal"):
        Tenant.from_yaml({"catalogRoles": [{"principal": "x"}]}, now=lambda: None, token="t")


def test_the_token_says_whom_it_is_of():
    """Tenant, application, principal and permissions, as Entra's would; each one has a secret of its own."""
    first, second = app_token(), app_token()
    head, body, secret = first.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    assert (claims["tid"], claims["appid"], claims["oid"]) == (TENANT, APP, PRINCIPAL)
    assert "User.Read.All" in claims["roles"]
    assert second.rpartition(".")[0] == f"{head}.{body}"
    assert len(secret) >= 32
    assert second != first
