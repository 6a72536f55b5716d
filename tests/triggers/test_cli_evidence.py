"""`evidence`: packets for auditors, on the screen, as JSON, as a table and as a page; nothing is changed by one."""

import asyncio
import csv
import io
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from lifecycle.core.model import ProjectRules
from lifecycle.core.packet import OfAssignment, OfPerson
from lifecycle.errors import Permanent, Refused, Transient
from lifecycle.ports.witness import Audited
from tests.builders import (
    CARE,
    EVERYONE,
    SALES,
    START,
    Company,
    a_model,
    a_worker,
    joined,
    left,
    moved,
    opened,
    staffed,
)
from tests.triggers.cli_shell import FIRST, Shell

DAY = timedelta(days=1)


def company():
    projects = ProjectRules(roles={"engineer": ("site",)})
    return Company(a_model(EVERYONE, CARE, SALES, projects=projects, packages=("extra",)), users=("E1", "E2", "E3"))


@pytest.fixture
def shell():
    """E1 joins Care, moves to Sales and leaves, day by day; E2 works on project p1; nobody heard of E3."""
    shell = Shell(company())
    shell.say(joined("j", START, FIRST, a_worker(department="Care")), joined("j2", START, FIRST, a_worker("E2")))
    shell.say(opened("o", START), staffed("s", START, "E2"))
    later(shell)
    shell.say(moved("m", START + DAY, FIRST + DAY, a_worker(department="Sales")))
    later(shell)
    shell.say(left("l", START + 2 * DAY, FIRST + 2 * DAY))
    later(shell)
    return shell


def later(shell):
    """Go on to the next morning."""
    company_ = shell.company
    days = (company_.clock.now() - START) // DAY
    asyncio.run(company_.time(START + DAY * (days + 1) - company_.clock.now(), tick=DAY / 8))


def told_of(row, activity, shell):
    """An entry of the audit log about a row."""
    at = shell.company.clock.now()
    return Audited(id="a", activity=activity, at=at, by="\rx", result="success", ids=frozenset({row.id}))


def packages(packet):
    return {one["person"]: [sheet["package"] for sheet in one["assignments"]] for one in packet["people"]}


def field(packet, name, package, person="e1"):
    (part,) = [one for one in packet["people"] if one["person"] == person]
    return next(one["fields"][name] for one in part["assignments"] if one["package"] == package)


def test_a_person_on_the_screen(shell):
    """Who asked, when employment and access ended, each assignment with reasons and requests, what is unavailable."""
    shown = shell("evidence", "person", "E1")
    assert "evidence of person e1\n  asked by sandbox:tester at 2026-01-08T09:00:00Z, model model-1" in shown.stdout
    assert "leaving  employment ends: 2026-01-07T23:00:00Z, fact: l, access ended: 2026-01-07T23:00:00Z" in shown.stdout
    assert "  package care  assignment-" in shown.stdout
    assert (
        "reasons  rule sales (e1) since 2026-01-05T23:00:00Z until 2026-01-07T23:00:00Z  [ledger person e1"
        in shown.stdout
    )
    assert "HTTP status: 201, ended as: delivered" in shown.stdout
    assert "! unavailable: approvals" in shown.stdout
    assert "fields are unavailable; each says why" in shown.stderr


def test_a_person_as_json(shell):
    """Every field of every assignment is told or unavailable, with its source and when it was read."""
    packet = shell.json("evidence", "person", " e1")
    assert packages(packet) == {"e1": ["base", "care", "crm"]}
    (person,) = packet["people"]
    assert list(person["fields"]) == list(OfPerson)
    for sheet in person["assignments"]:
        assert list(sheet["fields"]) == list(OfAssignment)
        for one in (one for fields in sheet["fields"].values() for one in fields):
            assert one.keys() in ({"value", "source", "read_at"}, {"unavailable", "source", "read_at"})
            assert one["source"]
            assert one.get("unavailable", one.get("value")) not in ("", [], {}, None) or one["value"] is None
    assert packet["cover"]["asked_by"]["value"] == "sandbox:tester"
    assert packet["closing"] == shell.json("evidence", "person", "E1")["closing"]


def test_a_table_and_a_page_at_once(shell, tmp_path):
    """Both are written whole, say the same, and nothing is left beside them."""
    table, page = tmp_path / "e1.csv", tmp_path / "e1.html"
    shown = shell("evidence", "person", "E1", "--csv", str(table), "--html", str(page))
    assert shown.stdout == ""
    assert f"written: {table}" in shown.stderr
    rows = list(csv.DictReader(io.StringIO(table.read_text(), newline="")))
    assert {row["package"] for row in rows} == {"", "base", "care", "crm"}
    assert {row["field"] for row in rows if row["part"] == "assignment"} == set(OfAssignment)
    digest = next(row["value"] for row in rows if row["field"] == "digest")
    assert digest in page.read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"e1.csv", "e1.html"}


def test_standard_output_takes_one_form(shell):
    """`-` is standard output; two forms there are a usage error before anything is read."""
    shown = shell("evidence", "person", "E1", "--csv", "-").stdout
    assert shown.startswith('"part","person","package"')
    assert "two forms" in shell("evidence", "person", "E1", "--csv", "-", "--json", code=64).stderr
    assert "two forms" in shell("evidence", "person", "E1", "--csv", "-", "--html", "-", code=64).stderr


def test_a_file_that_cannot_be_written(shell, tmp_path):
    """One message; and a packet that fails half way leaves no file behind."""
    assert "No such file" in shell("evidence", "person", "E1", "--csv", str(tmp_path / "no" / "x"), code=1).stderr
    records = shell.company.records
    whole = records.rows

    async def breaks(partition, **bounds):
        if partition.startswith("worker-"):
            raise Transient("the records cannot be read")
        return await whole(partition, **bounds)

    records.rows = breaks
    assert "cannot be read" in shell("evidence", "person", "E1", "--html", str(tmp_path / "x.html"), code=1).stderr
    assert list(tmp_path.iterdir()) == []


def test_a_package(shell):
    """Everybody who ever had it, also who has it no more; by the model's name or by Graph's id."""
    assert packages(shell.json("evidence", "package", "base")) == {"e1": ["base"], "e2": ["base"]}
    assert packages(shell.json("evidence", "package", "package-care")) == {"e1": ["care"]}
    nobody = shell.json("evidence", "package", "extra")
    assert (nobody["people"], nobody["closing"]["people"]) == ([], 0)
    assert nobody["cover"]["fields"][0]["value"] == "package-extra"


def test_a_package_that_the_model_dropped(shell):
    """It is known as long as a chain names it, and its ids are unavailable."""
    model = shell.company.model
    shell.company.model = replace(model, packages={k: v for k, v in model.packages.items() if k != "care"})
    packet = shell.json("evidence", "package", "care")
    assert packages(packet) == {"e1": ["care"]}
    assert "has no package care any more" in field(packet, "access package", "care")[0]["unavailable"]


def test_a_project(shell):
    """Its facts, its members, and what they had by it alone."""
    packet = shell.json("evidence", "project", "P1")
    assert packages(packet) == {"e2": ["site"]}
    assert packet["cover"]["fields"][0]["source"] == "project fact o of /pmo"
    assert "project engineer (p1) since" in field(packet, "reasons", "site", "e2")[0]["value"][0]


def test_an_assignment(shell):
    """Whose it is, Graph says; when it cannot, every chain is searched."""
    packet = shell.json("evidence", "assignment", "assignment-1")
    (before,) = packages(packet).items()
    assert len(before[1]) == 1
    for error in (Transient("503 ServiceUnavailable"), Refused("403 accessDenied", status=403)):
        shell.company.witness.errors["assignment"] = error
        assert dict([before]) == packages(shell.json("evidence", "assignment", "assignment-1"))


def test_a_period(shell):
    """Whoever had something recorded in it, with the assignments that it was about; days are whole, in UTC."""
    assert packages(shell.json("evidence", "period", "2026-01-06", "2026-01-06")) == {"e1": ["care", "crm"]}
    assert packages(shell.json("evidence", "period", "2026-01-01", "2026-01-04")) == {}
    whole = shell.json("evidence", "period", "2026-01-01", "2027-01-01")
    assert packages(whole) == {"e1": ["base", "care", "crm"], "e2": ["base", "site"]}
    assert whole["cover"]["subject"] == "2026-01-01T00:00:00Z to 2026-01-08T09:00:00Z"
    instant = ("2026-01-06T09:00:00Z", "2026-01-06T09:00:01+00:00")
    assert packages(shell.json("evidence", "period", *instant)) == {"e1": ["care", "crm"]}


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        (("2026-02-30", "2026-03-01"), "FROM"),
        (("2026-01-01", "yesterday"), "TO"),
        (("2026-01-07", "2026-01-06"), "ends before it begins"),
        (("2026-01-06T09:00:00Z", "2026-01-06T09:00:00Z"), "ends before it begins"),
        (("2026-01-06T09:00:00", "2026-01-07"), "FROM"),
        (("2026-01-09", "2026-01-10"), "lies in the future"),
        (("2026-01-01", "9999-12-31"), "lies outside the years"),
    ],
)
def test_a_period_that_is_none(shell, bounds, said):
    """A usage error that says which bound, and why."""
    assert said in " ".join(shell("evidence", "period", *bounds, code=64).stderr.split())


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (("person", "E9"), "nobody is known by this id"),
        (("package", "nothing"), "the access model has no package of this name or id"),
        (("project", "p9"), "no event named it"),
        (("assignment", "a9"), "no chain of evidence names it"),
    ],
)
def test_what_nobody_knows(shell, what, said, tmp_path):
    """One clear message, exit code 1, and no file."""
    shown = shell("evidence", *what, "--html", str(tmp_path / "x.html"), code=1)
    assert said in shown.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_assignment_that_was_never_ours(shell):
    """Graph knows it, the ledger does not: both is said."""
    row = shell.company.directory.give("user-e1", "package-extra", "policy-extra")
    assert "it was never ours (user user-e1" in shell("evidence", "assignment", row.id, code=1).stderr


def test_a_permission_that_is_missing(shell):
    """Each field that needs it says so; the others are told; it is asked for once."""
    denied = Refused("Graph answered with 403: the app needs AuditLog.Read.All", status=403, code="accessDenied")
    shell.company.witness.errors["audited"] = denied
    asked = dict(shell.company.witness.asked)
    packet = shell.json("evidence", "person", "E1")
    for package in ("base", "care", "crm"):
        (audit,) = field(packet, "audit log", package)
        assert "AuditLog.Read.All" in audit["unavailable"]
        assert "value" in field(packet, "state", package)[0]
    assert shell.company.witness.asked["audited"] == asked.get("audited", 0) + 1


def test_a_graph_that_cannot_be_reached(shell):
    """The ledger alone makes the packet, each field of Graph says why not, and Graph is soon left alone."""
    for name in ("policy", "roles", "reviewed", "audited", "assignment"):
        shell.company.witness.errors[name] = Transient("connection refused")
    shell.company.directory.failures.plan(*[Transient("connection refused")] * 20)
    packet = shell.json("evidence", "package", "base")
    assert packages(packet) == {"e1": ["base"], "e2": ["base"]}
    for name in ("state", "policy snapshot", "requests in Graph", "resource roles", "audit log"):
        assert field(packet, name, "base")[0]["unavailable"]
    assert "not asked again" in field(packet, "audit log", "base", "e2")[0]["unavailable"]
    assert sum(shell.company.witness.asked.values()) < 6


def test_a_hostile_value_makes_no_line_and_steers_no_terminal(shell):
    """What somebody wrote into Entra's log stays inside its line, spelled out."""
    hostile = "Approve\x1b[2J\nperson forged\u202e"
    row = shell.company.directory.rows("user-e1")[0]
    shell.company.witness.log.append(told_of(row, hostile, shell))
    shown = shell("evidence", "person", "E1").stdout
    assert "activity: Approve\\x1b[2J\\nperson forged\\u202e" in shown
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert "\nperson forged" not in shown


def test_a_request_that_graph_keeps_no_more(shell):
    """After three months ours is said to be gone, not left out; what the ledger has of it stays."""
    shell.company.clock.move(timedelta(days=120))
    packet = shell.json("evidence", "person", "E1")
    gone = [one["unavailable"] for one in field(packet, "requests in Graph", "care")]
    assert len(gone) == 2
    assert all("about three months" in reason for reason in gone)
    assert field(packet, "requests", "care")[0]["value"]["HTTP status"] == "201"
    assert "about 30 days" in field(packet, "audit log", "care")[0]["unavailable"]


def test_nobody_is_signed_in(shell):
    """A packet is made all the same, and says that nobody is known to have asked."""

    async def who():
        raise Permanent("nobody is signed in")

    whole = shell.open

    @asynccontextmanager
    async def nobody(ready):
        async with whole(ready) as world:
            yield replace(world, who=who)

    shell.open = nobody
    assert shell.json("evidence", "person", "E1")["cover"]["asked_by"]["unavailable"] == "nobody is signed in"


def test_a_person_without_any_access(shell):
    """Who was only heard of has a packet too: their facts, and that nothing was recorded."""
    shell.learn(joined("j3", START, FIRST + 90 * DAY, a_worker("E3")))
    (person,) = shell.json("evidence", "person", "E3")["people"]
    assert person["assignments"] == []
    assert person["fields"]["chain"][0]["unavailable"] == "nothing was recorded of this person yet"


def test_nothing_is_written_and_nothing_sent(shell):
    """Neither records nor messages nor requests."""
    before = (shell.company.records.writes, len(shell.company.bus.sent), len(shell.company.directory.posted))
    for question in (("person", "E1"), ("package", "base"), ("project", "p1"), ("period", "2026-01-01", "2026-01-08")):
        shell("evidence", *question)
    assert (shell.company.records.writes, len(shell.company.bus.sent), len(shell.company.directory.posted)) == before


def test_a_denied_read_is_not_asked_again(shell):
    """Not for another package or person either, whatever it costs Graph to say no."""
    shell.company.witness.errors["roles"] = Refused("403: the app needs what it has not", status=403)
    packet = shell.json("evidence", "period", "2026-01-01", "2026-01-08")
    said = [field(packet, "resource roles", package)[0]["unavailable"] for package in ("base", "care", "crm")]
    assert set(said) == {"403: the app needs what it has not"}
    assert shell.company.witness.asked["roles"] == 1


def test_two_keys_of_one_person_are_one_packet(shell):
    """A worker whose HR id of a person comes late is told once, with the records of both chains."""
    shell.say(moved("m2", START + 3 * DAY, FIRST + 3 * DAY, a_worker("E2", person_id="P9", department="Sales")))
    later(shell)
    packet = shell.json("evidence", "period", "2026-01-01", "2026-01-09")
    assert packages(packet) == {"e1": ["base", "care", "crm"], "p9": ["base", "site", "crm"]}
    (part,) = [one for one in packet["people"] if one["person"] == "p9"]
    assert [one["source"] for one in part["fields"]["chain"]] == ["ledger person p9", "ledger person e2"]
    assert packages(shell.json("evidence", "person", "E2")) == {"p9": ["base", "site", "crm"]}
