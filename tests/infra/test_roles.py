"""Who may do what: the grants in Bicep against docs/permissions.md, and the tenant's against the table of endpoints."""

import os
import re
import stat
import subprocess

import pytest

from lifecycle.adapters.graph.permissions import ASSIGNMENT_MANAGER, ListingMode, permissions_for
from lifecycle.ports import Queue
from lifecycle.settings import from_environment
from tests.infra.templates import INFRA, ROOT, parameters, parsed, resource, variable
from tests.triggers.test_settings import ENOUGH

PAGE = (ROOT / "docs/permissions.md").read_text(encoding="utf-8")
ROLE_IDS = {
    "receiver": "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0",
    "sender": "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39",
    "blobOwner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "blobContributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "blobReader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "tableContributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "tableReader": "76199698-9eea-4c19-bc75-cec21354c6b6",
    "publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
}
"""Azure's built-in roles, the same everywhere ("Azure built-in roles", Azure documentation)."""


def granted():
    """(who, where, role) of all three templates."""
    queues = [
        (one["who"], f"queue {one['queue']}", role)
        for one in variable("queues.bicep", "grants")
        for role in one["roles"]
    ]
    others = [
        (one["who"], one["at"], one["role"])
        for name in ("storage.bicep", "telemetry.bicep")
        for one in variable(name, "grants")
    ]
    return queues + others


def test_the_page_says_what_is_granted():
    """Every row of docs/permissions.md is a grant and every grant has its row."""
    rows = re.findall(r"^\| `(\w+)` \| (queue )?`(\w+)` \| ([\w, ]+) \|$", PAGE, re.MULTILINE)
    said = [(who, f"{queue}{where}", role) for who, queue, where, roles in rows for role in roles.split(", ")]
    assert sorted(said) == sorted(granted())
    assert len(set(said)) == len(said)


def test_trust_follows_the_queue():
    """Each intake queue has its own senders; only the app and operators send to what the app alone believes."""
    senders = {
        queue: {who for who, at, role in granted() if (at, role) == (f"queue {queue}", "sender")} for queue in Queue
    }
    assert senders == {
        Queue.HR: {"app", "hrSenders", "feedRunners"},
        Queue.PROJECTS: {"app", "projectSenders"},
        Queue.DECISIONS: {"app", "decisionSenders"},
        Queue.WORK: {"app", "operators"},
        Queue.SWEEPS: {"app", "operators"},
        Queue.NOTICES: {"app"},
        Queue.QUARANTINE: {"app"},
    }


def test_nobody_owns_what_lifecycle_knows():
    """Only the app and the feed write records; only the app writes seals and bodies; auditors reach no queue."""
    writers = {(who, at) for who, at, role in granted() if role.endswith(("Contributor", "Owner"))}
    app = {("app", at) for at in ("host", "state", "seals", "bodies")}
    assert writers == app | {("feedRunners", "state")}
    assert {at for who, at, _ in granted() if who == "auditors"} == {"state", "seals"}
    assert {(who, at) for who, at, role in granted() if role.endswith("Owner")} == {("app", "host")}


@pytest.mark.parametrize("name", ["queues.bicep", "storage.bicep", "telemetry.bicep"])
def test_a_role_is_the_one_that_its_name_says(name):
    """The ids of the built-in roles, and no role that nobody is given."""
    ids = variable(name, "roleIds")
    assert ids == {role: ROLE_IDS[role] for role in ids}
    used = {one.get("role") for one in variable(name, "grants")} - {None}
    used |= {role for one in variable(name, "grants") for role in one.get("roles", [])}
    assert used == set(ids)


def test_every_grant_is_for_somebody_that_main_names():
    """The keys of `principals` are exactly those that the grants name, and each but the app is a parameter."""
    named = {who for who, _, _ in granted()}
    assert set(variable("main.bicep", "principals")) == named
    assert named - {"app"} <= set(parameters("main.bicep"))


def test_no_role_is_assigned_beside_the_grants():
    """Every role assignment of every template is a loop over what came of `grants`, at the scope that it says."""
    scopes = {
        "queues.bicep": {"role": ("assignments", None)},
        "telemetry.bicep": {"role": ("assignments", "insights")},
        "storage.bicep": {
            "hostRole": ("atHost", "host"),
            "stateRole": ("atState", "state"),
            "sealsRole": ("atSeals", "seals"),
            "bodiesRole": ("atBodies", "bodies"),
        },
    }
    found = {}
    for path in INFRA.glob("*.bicep"):
        for name, one in parsed(path.name).get("resources", {}).items():
            if one["type"] == "Microsoft.Authorization/roleAssignments":
                scope = resource(path.name, name)["scope"]
                over = one["config"]["loop_type"]["detail"]["array_name"]
                found.setdefault(path.name, {})[name] = (over, scope if isinstance(scope, str) else None)
    assert found == scopes
    for which in ("Host", "State", "Seals", "Bodies"):
        chosen = variable("storage.bicep", f"at{which}")["function"]["parameters"]
        assert f"'{which.lower()}'" in str(chosen)


@pytest.mark.parametrize("name", ["queues.bicep", "storage.bicep", "telemetry.bicep"])
def test_who_is_named_twice_is_granted_once(name):
    """The same person among operators and auditors must not be the same assignment twice, which Azure refuses."""
    merged = variable(name, "assignments")["function"]
    assert merged["type"] == "union"
    assert merged["parameters"]["arg_1"] == []


def test_an_id_is_the_same_however_it_is_written():
    """Capital and small letters, and spaces, make no other person of it; nobody is named by nothing."""
    text = (INFRA / "main.bicep").read_text(encoding="utf-8")
    for name in set(variable("main.bicep", "principals")) - {"app"}:
        assert f"{name}: filter(split(toLower(replace({name}, ' ', '')), ','), id => !empty(id))" in text


@pytest.mark.parametrize("mode", ListingMode)
def test_the_tenant_grants_what_the_endpoints_need(mode):
    """infra/graph against the table of endpoints, and the page against both."""
    needed = {one.name for one in permissions_for(mode)}
    roles = set(variable("graph/main.bicep", "permissions")[mode])
    assert needed == roles | {"Access package assignment manager"}
    column = {ListingMode.DIRECTORY: 0, ListingMode.CATALOG: 1}[mode]
    rows = re.findall(r"^\| `?([\w. ]+?)`?(?:, in each .*)? \| (yes|no) \| (yes|no) \|$", PAGE, re.MULTILINE)
    assert {name for name, *said in rows if said[column] == "yes"} == needed


def test_the_dashboards_roles_are_those_that_the_app_asks_for():
    """The registration's app roles against the settings' defaults."""
    made = {one["value"] for one in resource("graph/main.bicep", "dashboard")["appRoles"]}
    settings = from_environment(ENOUGH)
    assert made == {settings.dashboard_role, settings.names_role}
    assert resource("graph/main.bicep", "enterprise")["appRoleAssignmentRequired"] is True


APP, CATALOG, OTHER = (f"{n * 8}-{n * 4}-{n * 4}-{n * 4}-{n * 12}" for n in "123")
SCRIPT = INFRA / "graph/catalog-roles.sh"


def run(tmp_path, *arguments):
    """Run the script with an `az` that writes down how it was called and knows one role already."""
    az = tmp_path / "az"
    az.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$*" >> "{tmp_path}/calls"\n'
        f'case "$*" in *"--method get"*{OTHER}*) echo 1;; *"--method get"*) echo 0;; esac\n',
        encoding="utf-8",
    )
    az.chmod(az.stat().st_mode | stat.S_IXUSR)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, check=False, env={"PATH": path})
    calls = tmp_path / "calls"
    return done, calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []


def test_the_role_in_a_catalog_is_given_once(tmp_path):
    """The role, principal and scope that the app needs; where it is there already nothing is sent."""
    done, calls = run(tmp_path, APP, CATALOG, OTHER)
    assert (done.returncode, done.stdout) == (0, f"{CATALOG}: granted\n{OTHER}: there already\n")
    posts = [call for call in calls if "--method post" in call]
    assert len(posts) == 1
    for part in (APP, ASSIGNMENT_MANAGER, f"/AccessPackageCatalog/{CATALOG}", "entitlementManagement/roleAssignments"):
        assert part in posts[0]


@pytest.mark.parametrize("arguments", [(), (APP,), (APP, "everything"), (f"{APP}' or '1", CATALOG)])
def test_what_is_no_id_reaches_nobody(tmp_path, arguments):
    """Nothing is asked and nothing is granted, not even for the ids that are right."""
    done, calls = run(tmp_path, *arguments)
    assert (done.returncode, calls) == (64, [])
