"""The rules' conditions: what they see, what they answer, and what is found out about them at load."""

import subprocess
import sys
from datetime import date

import pytest

from lifecycle.adapters.rules import parse
from lifecycle.core.events import Status, Worker
from lifecycle.errors import Misconfigured, Permanent

HEAD = """\
timeZone: UTC
sources: {worker: [/hr]}
packages:
  p:
    accessPackage: a0000000-0000-0000-0000-000000000001
    policy: b0000000-0000-0000-0000-000000000001
    catalog: c0000000-0000-0000-0000-000000000001
rules:
"""

FULL = Worker(
    id="E1",
    person_id="p1",
    user_principal_name="u@x.example",
    employee_type="employee",
    status=Status.LEAVE,
    department="Care",
    cost_center="4100",
    job_code="N1",
    job_title="Nurse",
    location="Berlin",
    country="DE",
    time_zone="Europe/Berlin",
    manager="E2",
    company="Hospital",
    contract_end=date(2026, 12, 31),
    attributes={"grade": 7, "rate": 0.5, "deputy": True, "team": "A", "gone": None},
)
EMPTY = Worker(id="E2")


def model(*conditions):
    rules = (f"  - {{name: r{i}, grant: [p], when: '{when}'}}\n" for i, when in enumerate(conditions))
    return parse(HEAD + ("".join(rules) or "  []\n"), where="m.yaml")


def fault(condition):
    with pytest.raises(Misconfigured) as caught:
        model(condition)
    assert "rules[0].when (rule r0): " in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("condition", "full", "empty"),
    [
        ('worker.id == "E1"', True, False),
        ('worker.personId == "p1"', True, False),
        ('worker.userPrincipalName == "u@x.example"', True, False),
        ('worker.employeeType == "employee"', True, False),
        ('worker.status == "leave"', True, False),
        ('worker.department == "Care"', True, False),
        ('worker.costCenter == "4100"', True, False),
        ('worker.jobCode in ["N1", "N2"]', True, False),
        ('worker.jobTitle == "Nurse"', True, False),
        ('worker.location == "Berlin"', True, False),
        ('worker.country == "DE"', True, False),
        ('worker.timeZone == "Europe/Berlin"', True, False),
        ('worker.manager == "E2"', True, False),
        ('worker.company == "Hospital"', True, False),
        ('worker.contractEnd == "2026-12-31"', True, False),
        ("worker.contractEnd == null", False, True),
        ('worker.department != "Sales"', True, True),
        ('worker.contractEnd != null && worker.contractEnd < "2027-01-01"', True, False),
        ('worker.jobCode != null && worker.jobCode.startsWith("N")', True, False),
        ("has(worker.attributes.grade) && worker.attributes.grade >= 5", True, False),
        ("has(worker.attributes.rate) && worker.attributes.rate < 1.0", True, False),
        ("has(worker.attributes.deputy) && worker.attributes.deputy == true", True, False),
        ('has(worker.attributes.team) && worker.attributes.team.matches("^[AB]$")', True, False),
        ('"team" in worker.attributes && worker.attributes["team"] == "A"', True, False),
        ("has(worker.attributes.gone)", False, False),
        ('["N1"].exists(code, code == worker.jobCode)', True, False),
        ("true", True, True),
        ("false", False, False),
    ],
)
def test_what_a_rule_sees(condition, full, empty):
    """A rule sees every field of the snapshot in HR's words, nulls compare, and empty attributes are absent."""
    matches = model(condition).matches
    assert matches(FULL) == (full,)
    assert matches(EMPTY) == (empty,)


def test_answers_come_in_the_order_of_the_rules():
    """One answer a rule, in the model's order."""
    assert model("true", "false", 'worker.id == "E1"').matches(FULL) == (True, False, True)
    assert model().matches(FULL) == ()


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("worker.status ==", "line 1 column 17"),
        ('worker.departmnt == "Care"', "`department`"),
        ('true || worker.departmnt == "Care"', "`department`"),
        ('worker.grade == "x"', "`worker.attributes`"),
        ('wroker.status == "active"', "`wroker` is unknown"),
        ('worker["status"] == "active"', "write `worker.name`"),
        ('worker.status.startWith("a")', "`startsWith`"),
        ('worker.status == "x" && nope(1)', "`nope(…)` is no function"),
        ("worker.department", "returned text"),
        ("1", "returned a number"),
        ("null", "returned null"),
        ("[true]", "returned a list"),
        ('worker.status == "leave" ? 1 : true', "returned a number"),
        ('worker.department == "Care" ? "yes" : false', "returned text"),
        ("worker.jobCode > 5", "do not fit"),
        ('worker.department == "Care" && worker.jobCode > 5', "do not fit"),
        ('worker.jobCode.startsWith("N")', "worker.jobCode != null"),
        ('worker.department == "Care" && worker.jobCode.startsWith("N")', "worker.jobCode != null"),
        ('worker.contractEnd < "2027-01-01"', "worker.contractEnd != null"),
        ('worker.attributes.team == "A"', "has(worker.attributes.team)"),
        ('worker.department == "Care" && worker.attributes.team == "A"', "has(worker.attributes.team)"),
        ('worker.attributes["team"] == "A"', "has(worker.attributes.team)"),
        ("has(worker.attributes.team) && worker.attributes.team.nope == 1", ""),
        ("1 / 0 == 1", "ZeroDivisionError"),
        ("", "column 1"),
    ],
)
def test_faults_are_found_at_load(condition, why):
    """A rule that could not answer for some worker is refused when the model is read, not when the worker comes."""
    assert why in fault(condition)


def test_what_load_cannot_foresee_is_an_error_that_names_the_rule():
    """An attribute of a kind the rule cannot compare stops that person with the rule's name, and is no silent no."""
    matches = model("true", "has(worker.attributes.grade) && worker.attributes.grade >= 5").matches
    with pytest.raises(Permanent, match=r"rule r1: .*do not fit"):
        matches(Worker(id="E1", attributes={"grade": "seven"}))


def test_an_answer_that_is_neither_true_nor_false_is_an_error():
    """A rule that returns text for some worker stops there, whatever the text would count as."""
    matches = model('worker.department == "A" && worker.location == "B" ? "yes" : false').matches
    assert matches(EMPTY) == (False,)
    with pytest.raises(Permanent, match="rule r0: returned text, must return true or false"):
        matches(Worker(id="E1", department="A", location="B"))


def test_an_absent_attribute_is_an_error_that_points_to_has():
    """An attribute that load took for guarded but is absent is named, with the guard it needs."""
    condition = 'worker.department == "A" && worker.location == "B" && worker.attributes.team == "T"'
    matches = model(condition).matches
    with pytest.raises(Permanent, match=r"rule r0: worker\.attributes\.team is absent: write `has\("):
        matches(Worker(id="E1", department="A", location="B"))


def test_errors_at_work_never_repeat_values():
    """What HR says of a worker does not show when a rule fails on it."""
    condition = 'worker.department == "A" && worker.location == "B" && worker.attributes[worker.company] == 1'
    matches = model(condition).matches
    with pytest.raises(Permanent) as caught:
        matches(Worker(id="E1", department="A", location="B", company="Secret"))
    assert str(caught.value) == "rule r0: an attribute is absent: write `has(worker.attributes.…) && …`"


def test_reading_this_module_does_not_load_the_rule_engine():
    """The engine brings a command line along and is loaded with the first model, not with the import."""
    code = "import sys, lifecycle.adapters.rules; print('cel' in sys.modules, 'prompt_toolkit' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False", "False"]
