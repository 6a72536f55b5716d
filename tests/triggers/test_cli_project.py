"""`project show` and `project close`: what a project is, and its end with what that takes."""

import json
from datetime import timedelta

import pytest

from lifecycle.core.model import GuardLimits, Limit, ProjectRules, Sources
from lifecycle.ports import Queue
from tests.builders import EVERYONE, HR, PMO, START, UNLIMITED, Company, a_model, a_worker, joined, opened, staffed
from tests.triggers.cli_shell import FIRST, Shell

CLI, HOUR = "/lifecycle/cli", timedelta(hours=1)
ROLES = ProjectRules(roles={"engineer": ("site",)}, own={"p1": {"engineer": ("vault",)}})


def running(*, sources=(PMO, CLI), guard=UNLIMITED, members=("E1", "E2")):
    """An open project with engineers, who have what it gives."""
    known = Sources(frozenset({HR}), frozenset(sources))
    shell = Shell(Company(a_model(EVERYONE, projects=ROLES, sources=known, guard=guard), users=("E1", "E2")))
    shell.say(*(joined(f"j{name}", START, FIRST, a_worker(name)) for name in members))
    shell.say(opened("o", START), *(staffed(f"s{name}", START, name) for name in members))
    shell.time(HOUR)
    return shell


def closes(shell):
    return shell.bodies(Queue.PROJECTS)[3:]


def test_a_project_is_shown_whole():
    """Who answers for it, since when it is open, who works on it, what that gives, how far its runs are."""
    shown = running()("project", "show", "P1").stdout
    assert shown.startswith("project p1  open  as of 2026-01-05T10:00:00Z\n  owner owner\n")
    assert "  open since 2026-01-05T09:00:00Z without end\n  planned close none\n" in shown
    assert "  engineer: site, vault\n" in shown
    assert "members: 2, 2 working now\n" in shown
    assert "  e1  engineer  since 2026-01-05T09:00:00Z without end  works\n" in shown
    assert "  project:p1:o  begun 2026-01-05T09:00:00Z: " in shown


def test_a_project_for_a_program():
    """The same, by name."""
    found = running().json("project", "show", "p1")
    assert (found["project"], found["closed"], found["owner"], found["members_count"]) == ("p1", False, "owner", 2)
    assert [(one["id"], one["now"]) for one in found["members"]] == [("e1", True), ("e2", True)]
    assert [(one["event"], one["held"]) for one in found["runs"]] == [("o", 0)]


@pytest.mark.parametrize("arguments", [["show", "P9"], ["close", "P9", "--yes"]])
def test_a_project_that_nobody_opened(arguments):
    """It says what to look at next, and nothing is sent."""
    shell = running()
    assert "project p9: nobody has heard of it; check the id" in shell("project", *arguments, code=1).stderr
    assert closes(shell) == []


def test_a_close_shows_what_it_takes_then_is_one_event():
    """People, packages and the guard's limit first; then the event, named by who said it; then the access is gone."""
    shell = running()
    before = shell.company.records.writes
    shown = shell("project", "close", "p1", "--yes").stdout
    assert "closing project p1: 2 members\n" in shown
    assert "  - site  taken from, or ended earlier for, 2 people\n" in shown
    assert "  2 people would lose access; the guard allows 10000 removals\n" in shown
    assert shell.company.records.writes == before
    (body,) = closes(shell)
    assert (body["type"], body["source"], body["subject"]) == ("lifecycle.project.closed", CLI, "p1")
    assert body["id"].startswith("sandbox:tester:")
    assert body["actor"] == "sandbox:tester"
    assert body["data"] == {"effective": "2026-01-05T10:00:00Z"}
    shell.settle()
    shell.time(HOUR)
    assert shell.company.has("E1") == shell.company.has("E2") == {"base"}
    assert "it is closed already" in shell("project", "close", "p1", "--yes", code=1).stderr


def test_a_close_on_a_day_to_come_ends_access_then():
    """The date travels as it was given, and what ends earlier counts as lost."""
    shell = running()
    result = json.loads(shell("project", "close", "p1", "--effective", "2026-03-31", "--yes", "--json").stdout)
    assert (result["people"], result["packages"]) == (2, {"site": 2, "vault": 2})
    assert closes(shell)[0]["data"] == {"effective": "2026-03-31"}


@pytest.mark.parametrize(("answer", "code", "sent"), [("y\n", 0, 1), ("n\n", 1, 0), ("", 130, 0)])
def test_it_asks_first(answer, code, sent):
    """Yes sends, no and the end of input send nothing."""
    shell = running()
    shell("project", "close", "p1", stdin=answer, code=code)
    assert len(closes(shell)) == sent


def test_what_the_guard_would_hold_is_said_and_then_held():
    """With its arithmetic; what is then held is what was said."""
    shell = running(guard=GuardLimits(removals=Limit(0), additions=UNLIMITED.additions, leavers=UNLIMITED.leavers))
    shown = shell("project", "close", "p1", "--yes").stdout
    assert "! the guard would hold it for 2 people: project p1 is closed for more than 0 people" in shown
    shell.settle()
    shell.time(HOUR)
    (held,) = shell.json("held")
    assert len(held["plans"]) == 2
    event = closes(shell)[0]["id"]
    assert {one["event"]: one["held"] for one in shell.json("project", "show", "p1")["runs"]} == {"o": 0, event: 2}


def test_a_source_that_the_model_does_not_list_is_refused_early():
    """It says where to add it."""
    shell = running(sources=(PMO,))
    assert (
        "/lifecycle/cli is not listed under sources.project" in shell("project", "close", "p1", "--yes", code=1).stderr
    )
    assert closes(shell) == []


def test_a_bad_date():
    """A usage error that names the option."""
    assert "--effective" in running()("project", "close", "p1", "--effective", "31.3.", "--yes", code=64).stderr
