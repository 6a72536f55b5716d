"""`feed --dry-run` on every format: what would be said of each example, and one line for what cannot be read."""

import json
import re
from pathlib import Path

import pytest

from lifecycle.core.model import Sources
from tests.builders import EVERYONE, START, Company, a_model
from tests.triggers.cli_shell import Shell

EXAMPLES = Path(__file__).parents[2] / "examples"
SOURCES = frozenset({"/hr/scim", "/hr/workday-report", "/hr/bamboohr"})


@pytest.fixture
def hospital():
    """A company whose model lists the examples' sources."""
    shell = Shell(Company(a_model(EVERYONE, sources=Sources(worker=SOURCES))))
    shell.company.clock.set(START.replace(month=6))
    return shell


def words(file, *more):
    kind = file.partition("-")[0]
    mapping = str(EXAMPLES / "mappings" / f"{kind}.yaml")
    as_of = [] if kind == "workday" else ["--as-of", "2026-03-02"]
    return ["feed", str(EXAMPLES / "feeds" / f"{file}.json"), "--mapping", mapping, *as_of, *more]


GOLDEN = {
    "scim": ["joined e1001 2026-03-02", "joined e1002 2026-03-02", "joined e1004 2026-03-02", "left e1006 2026-03-02"],
    "scim-user": ["joined e1001 2026-03-02"],
    "workday": [
        "joined 21001 2019-04-01", "joined 21002 2021-09-15", "joined 21004 2015-01-01", "joined c-310 2026-01-12",
        "left 21006 2026-02-27",
    ],
    "bamboohr": ["joined 1001 2019-04-01", "joined 1002 2019-04-01", "joined 1004 2019-04-01", "left 1006 2026-02-27"],
    "bamboohr-employee": ["joined 1001 2019-04-01"],
}  # fmt: skip


@pytest.mark.parametrize("file", sorted(GOLDEN))
def test_a_dry_run_of_each_example(hospital, file):
    """The golden events of each payload; nothing is sent, nothing remembered."""
    shown = hospital(*words(file, "--dry-run"))
    assert re.findall(r"^  (\w.*?)\s*$", shown.stdout, re.MULTILINE) == GOLDEN[file]
    assert (hospital.company.bus.sent, hospital.company.records.writes) == ([], 0)


def test_one_user_after_the_list_says_what_changed(hospital):
    """A single resource is no list of everybody: a mover, and nobody is missing; the next list is compared as ever."""
    hospital(*words("scim"))
    report = hospital.json("feed", *words("scim-user")[1:-1], "2026-03-03")
    assert [(one["kind"], one["changed"]) for one in report["said"]] == [("moved", ["job_title"])]
    assert report["absent"] == []
    again = hospital.json("feed", *words("scim")[1:-1], "2026-03-04")
    assert [(one["kind"], one["worker"]) for one in again["said"]] == [("moved", "e1001")]


def test_the_example_webhook_is_no_feed(hospital):
    """What a notice holds is not the person; it is refused with what is missing."""
    refused = hospital(*words("bamboohr-webhook"), code=1).stderr
    assert "`employeeNumber`, the key, is not there" in refused
    assert "Traceback" not in refused


@pytest.mark.parametrize("content", ["", "[]", '{"Report_Entry": [{"Employee_ID": 1}]}', "{" * 200_000])
def test_a_file_that_is_no_such_list_is_one_message(hospital, tmp_path, content):
    """Code 1 and the reasons, never a traceback."""
    (tmp_path / "list.json").write_text(content)
    mapping = str(EXAMPLES / "mappings" / "workday.yaml")
    shown = hospital("feed", str(tmp_path / "list.json"), "--mapping", mapping, "--dry-run", code=1).stderr
    assert "refused" in shown
    assert "Traceback" not in shown


def test_the_example_webhook_names_an_employee_of_the_example():
    """The examples are of one company."""
    notice = json.loads((EXAMPLES / "feeds" / "bamboohr-webhook.json").read_text())
    assert notice["data"]["employeeId"] == json.loads((EXAMPLES / "feeds" / "bamboohr-employee.json").read_text())["id"]
