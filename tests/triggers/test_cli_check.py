"""`check`: what it shows, how it ends, and that its JSON can be attached to a ticket."""

import json
import re
import shlex
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from lifecycle.check import Premises
from lifecycle.cli.check import Site, by_hand, for_a_ticket
from lifecycle.cli.program import app
from lifecycle.core.configured import CatalogSeen, PackageSeen, PolicySeen, QueueSeen
from lifecycle.core.health import Check, Name, Problem, Report, finding
from lifecycle.core.model import Package
from lifecycle.errors import Misconfigured, Permanent, Transient
from lifecycle.ports import Queue, User
from lifecycle.ports.inspection import Bearer
from lifecycle.records.heartbeats import Beat, beat
from tests.builders import EVERYONE, START, Company, a_model
from tests.fakes.tenancy import APP, MemoryNamespace, MemoryTenancy, refused

PACKAGE, POLICY, CATALOG = (f"{kind}0000000-0000-0000-0000-000000000001" for kind in "abc")
USER = "d0000000-0000-0000-0000-000000000001"
LEAKS = (
    "ada.secret@contoso.example",
    "Ada Lovelace",
    "eyJhbGciOiJub25lIn0.eyJvaWQiOiJ4In0.c2VjcmV0",
    "AccountKey=c2VjcmV0",
    "vault.contoso.internal",
    "/ho" + "me/ada/model.yaml",
    "E1001",
    USER,
)
HOSTILE = " ".join(LEAKS) + "\x1b[2J"


class World:
    """One package with ids as Graph has them, all sound until a test breaks it."""

    def __init__(self):
        model = a_model(EVERYONE)
        packages = {"base": Package("base", PACKAGE, POLICY, CATALOG)}
        self.company = Company(replace(model, packages=packages))
        self.tenancy = MemoryTenancy(self.company.clock, users=(User(USER, "E1001", LEAKS[0], enabled=True),))
        self.tenancy.fill(self.company.model)
        self.namespace = MemoryNamespace()
        self.error = None
        self.name = "contoso.servicebus.windows.net"
        self.schedules = {"wake": "0 */5 * * * *"}

    async def model(self):
        return self.company.model

    @asynccontextmanager
    async def open(self, ready):
        if self.error is not None:
            raise self.error
        ports = self.company.ports
        await beat(ports.records, Beat("wake", START - timedelta(minutes=1)))
        premises = Premises(
            clock=ports.clock,
            records=ports.records,
            meter=ports.meter,
            tenancy=self.tenancy,
            namespace=self.namespace,
            model=self.model,
            schedules=self.schedules,
        )
        yield Site(premises, self.name)

    def __call__(self, *arguments, code=0):
        result = CliRunner().invoke(app, ["check", *arguments], obj=self.open, prog_name="lifecycle")
        assert result.exit_code == code, (result.exit_code, result.stdout, result.stderr, result.exception)
        return result

    def json(self, *arguments, code=0):
        return json.loads(self("--json", *arguments, code=code).stdout)


@pytest.fixture
def world():
    return World()


def test_a_sound_installation_ends_well(world):
    """Code 0, each check on a line, the counts for a person, and a way to repeat each read."""
    shown = world()
    assert f"= policy base {POLICY}: ok, ours alone, no approval, any end\n" in shown.stdout
    assert f"    az rest --method get --url https://graph.example/v1.0/accessPackages/{PACKAGE}\n" in shown.stdout
    assert shown.stderr.startswith("0 findings, 0 warnings, ")


def test_a_finding_ends_badly_and_says_what_next(world):
    """Code 1; what was seen and the next step, no traceback; the others are there."""
    world.tenancy.policies[POLICY] = PolicySeen(id=POLICY, package=PACKAGE, approval_to_add=True)
    world.namespace.queues[Queue.WORK] = Permanent("The queue work does not exist; deploy it.")
    shown = world(code=1)
    assert f"! policy base {POLICY}: finding\n    finding: it requires approval to add" in shown.stdout
    assert "    next: Turn approval off" in shown.stdout
    assert "! queue work: finding\n" in shown.stdout
    assert "    next: The queue work does not exist; deploy it.\n" in shown.stdout
    assert f"= package base {PACKAGE}: ok" in shown.stdout
    assert "Traceback" not in shown.stdout + shown.stderr


def test_a_warning_alone_ends_well(world):
    """It is shown, and fails no pipeline."""
    world.tenancy.catalogs[CATALOG] = CatalogSeen(CATALOG, "unpublished")
    shown = world()
    assert f"~ catalog {CATALOG}: warning\n" in shown.stdout
    assert shown.stderr.startswith("0 findings, 1 warning, ")


def test_settings_that_are_wrong_are_a_finding(world):
    """Which ones, on a terminal; in the JSON only that."""
    world.error = Misconfigured("settings: LIFECYCLE_MODEL is not set: Path of the access model (YAML)")
    assert "LIFECYCLE_MODEL is not set" in world(code=1).stdout
    found = world.json(code=1)
    assert found["states"] == {"ok": 0, "unknown": 0, "warning": 0, "finding": 1}
    assert found["checks"][0]["problems"] == [{"problem": "misconfigured", "state": "finding"}]


def test_a_read_is_quoted_for_a_shell():
    """The URL arrives as one argument, whatever is in it."""
    for url in ("https://g/v1.0/users?$filter=a eq 'o''neil'&$top=1", 'https://g/$(rm -rf ~)`x`"\\', "https://g/a b"):
        assert shlex.split(by_hand(url)) == ["az", "rest", "--method", "get", "--url", url]


def test_a_user_is_shown_on_a_terminal_and_hashed_for_a_ticket(world):
    """By the same short hash, whichever way they were asked for."""
    assert f"user {USER}" in world("--user", LEAKS[0]).stdout
    told = [world.json("--user", name)["checks"] for name in (USER, LEAKS[0], LEAKS[0].upper())]
    abouts = {one["about"] for checks in told for one in checks if one["check"] == "user"}
    assert len(abouts) == 1
    assert re.fullmatch(r"sha256:[0-9a-f]{12}", abouts.pop())
    assert USER not in json.dumps(told)
    assert not any(one["check"] == "user" for one in world.json()["checks"])


def test_a_ticket_names_packages_policies_and_catalogs(world):
    """By Graph's ids, with what was read: path without host and query."""
    found = world.json()
    by_check = {one["check"]: one for one in found["checks"]}
    assert [by_check[name]["about"] for name in ("package", "policy", "catalog")] == [PACKAGE, POLICY, CATALOG]
    assert by_check["package"]["get"] == f"/v1.0/accessPackages/{PACKAGE}"
    assert found["namespace"] == "contoso.servicebus.windows.net"


def test_nothing_hostile_leaves_with_a_ticket(world):
    """Names, addresses, tokens, keys, hosts, paths, people: in every place that others write, and none comes out."""
    tenancy = world.tenancy
    world.name = HOSTILE
    world.schedules = {"wake": HOSTILE}
    tenancy.who = Bearer(LEAKS[1], LEAKS[2], "principal", APP.roles | {HOSTILE})
    tenancy.catalogs[CATALOG] = CatalogSeen(HOSTILE, HOSTILE)
    tenancy.packages[PACKAGE] = PackageSeen(HOSTILE, HOSTILE)
    tenancy.policies[POLICY] = PolicySeen(id=HOSTILE, package=HOSTILE, scope=HOSTILE, unread=HOSTILE)
    tenancy.failing = {
        "users?": refused(403, HOSTILE),
        "assignments": Transient(HOSTILE),
        "definitions": ValueError(HOSTILE),
        "probe/6": refused(400, HOSTILE),
    }
    world.namespace.queues[Queue.HR] = QueueSeen(hidden=HOSTILE)
    world.namespace.queues[Queue.WORK] = Permanent(HOSTILE)
    for user in (LEAKS[0], LEAKS[1], USER, HOSTILE):
        text = world("--json", "--user", user, code=1).stdout
        assert [leak for leak in LEAKS if leak.casefold() in text.casefold()] == []
    assert "\x1b" not in world(code=1).stdout


@pytest.mark.parametrize("name", list(Name))
def test_an_id_that_is_none_of_graphs_is_hashed(name):
    """A model may name anything; whatever the check, only what is surely an id or a word of ours is told."""
    for leak in LEAKS[:-1]:
        one = Check(
            name, leak, leak, leak, (finding(Problem.ABSENT, leak, leak),), url=f"https://{leak}/{leak}?$filter={leak}"
        )
        assert leak not in json.dumps(for_a_ticket(Report((one,)), leak))


def test_the_shape_of_the_ticket(world):
    """As docs/commands.md says."""
    found = world.json()
    assert set(found) == {"namespace", "states", "checks"}
    assert {key for one in found["checks"] for key in one} == {"check", "about", "state", "problems", "numbers", "get"}
    assert all(isinstance(number, int) for one in found["checks"] for number in one["numbers"].values())
