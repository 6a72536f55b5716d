"""`model validate`, `model test`, `model impact`: what they say, how they end."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lifecycle.adapters.rules import examine
from lifecycle.cli.screen import visible
from lifecycle.core.model import Package
from tests.builders import EVERYONE, START, Company, a_model, a_worker, joined
from tests.triggers.cli_shell import FIRST, Shell

EXAMPLE = str(Path(__file__).parents[2] / "examples" / "model.yaml")
HEAD = """\
timeZone: Europe/Berlin
sources: {worker: [/hr/test]}
packages:
"""
IDS = "0000000-0000-0000-0000-00000000000"
BASE, CARE = (
    f"  {name}: {{accessPackage: a{IDS}{i}, policy: b{IDS}{i}, catalog: c{IDS}1}}\n"
    for i, name in enumerate(("base", "care"), 1)
)
RULES = """\
rules:
  - {name: everyone, when: worker.status == "active", grant: [base]}
  - {name: care, when: worker.department == "Care", grant: [care], for: P90D}
"""
GOOD = HEAD + BASE + CARE + RULES
EXAMPLES = """\
examples:
  - {name: a nurse, at: 2026-01-05, worker: {department: Care}, gets: [base, care], until: {care: 2026-04-05}}
  - {name: an accountant, at: 2026-01-05, worker: {department: Finance}, gets: [base, care]}
"""


@pytest.fixture
def model(tmp_path):
    """A writer of models."""

    def write(text):
        path = tmp_path / "model.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


# --- validate --------------------------------------------------------------------------------------------------------


def test_a_good_model_is_named_by_its_version(model):
    """What it has, and nothing else; the example model too."""
    path = model(GOOD + EXAMPLES)
    shown = Shell()("model", "validate", path).stdout
    assert shown.startswith(f"{path}: an access model, version ")
    assert shown.endswith(": 2 packages, 2 rules, 2 examples, 0 warnings\n")
    assert "0 warnings" in Shell()("model", "validate", EXAMPLE).stdout


def test_everything_wrong_is_said_at_once_from_the_top(model):
    """Line and column first, so that an editor and a terminal lead there."""
    path = model(
        GOOD.replace("Europe/Berlin", "Berlin").replace("grant: [care]", "grant: [car]").replace("P90D", "P3M")
    )
    result = Shell()("model", "validate", path, code=1)
    assert [line.split(": ")[:2] for line in result.stdout.splitlines()] == [
        [f"- {path}:1:1", "timeZone"],
        [f"- {path}:8:61", "rules[1].grant[0] (rule care)"],
        [f"- {path}:8:67", "rules[1].for"],
    ]
    assert "3 problems: no part of it is used until all are mended" in result.stderr


def test_a_warning_does_not_fail(model):
    """A package that nothing gives can be meant: an exception gives it."""
    shown = Shell()("model", "validate", model(GOOD.replace("grant: [care]", "grant: [base]"))).stdout
    assert ":5:3: packages.care: is granted by no rule and no role: only an exception can give it" in shown
    assert "1 warning\n" in shown


def test_validate_as_json_is_for_a_pipeline(model):
    """Places as numbers."""
    found = Shell().json("model", "validate", model(GOOD.replace("P90D", "P3M")), code=1)
    assert (found["model"], found["warnings"]) == ("", [])
    (problem,) = found["problems"]
    assert (problem["line"], problem["column"], problem["path"]) == (8, 68, "rules[1].for")
    assert len(Shell().json("model", "validate", model(GOOD))["model"]) == 64


@pytest.mark.parametrize("command", ["validate", "test", "impact"])
def test_a_file_that_is_not_there_is_one_message(command, tmp_path):
    """What, where, why."""
    result = Shell()("model", command, str(tmp_path / "absent.yaml"), code=1)
    assert "absent.yaml: the access model cannot be read: No such file" in result.stderr


def test_what_a_model_says_cannot_steer_the_terminal(model):
    """Keys and names come from a file that anybody may have written."""
    result = Shell()("model", "validate", model(GOOD + '"\\e[2Jx": 1\n'), code=1)
    assert result.stdout == visible(result.stdout)


# --- test ------------------------------------------------------------------------------------------------------------


def test_examples_that_hold_are_named(model):
    """Those of the example model all do."""
    result = Shell()("model", "test", EXAMPLE)
    assert all(line.startswith("= ") for line in result.stdout.splitlines())
    assert "0 that do not hold" in result.stderr


def test_an_example_that_does_not_hold_says_what_and_why(model):
    """The package, whether it is missing or too much, and the rule."""
    result = Shell()("model", "test", model(GOOD + EXAMPLES), code=1)
    assert result.stdout.splitlines() == [
        "= a nurse",
        "- an accountant, at 2026-01-04T23:00:00Z",
        "    missing: care",
        '      rule care does not hold: worker.department == "Care"',
    ]


def test_examples_as_json(model):
    """One entry an example."""
    one, two = Shell().json("model", "test", model(GOOD + EXAMPLES), code=1)["examples"]
    assert (one["name"], one["holds"], one["differences"]) == ("a nurse", True, [])
    assert [(each["package"], each["what"]) for each in two["differences"]] == [("care", "missing")]


def test_an_example_that_a_rule_cannot_judge_fails_with_the_rule_s_words(model):
    """A rule with no answer is an error in production too."""
    when = "has(worker.attributes.grade) && worker.attributes.grade > 3"
    text = GOOD.replace('worker.department == "Care"', f"'{when}'")
    text += "examples: [{name: odd, at: 2026-01-05, worker: {attributes: {grade: high}}, gets: [base]}]\n"
    shown = Shell()("model", "test", model(text), code=1).stdout
    assert shown.startswith("- odd: rule care: ")


def test_a_model_without_examples_is_told_so(model):
    """Nothing fails, and nothing was proved."""
    assert "the model has none" in Shell()("model", "test", model(GOOD)).stderr


# --- impact ----------------------------------------------------------------------------------------------------------


def working():
    """Two nurses and an accountant, who have `base` by a model of the same ids as the file's."""
    packages = {
        name: Package(name, f"a{IDS}{i}", f"b{IDS}{i}", f"c{IDS}1") for i, name in enumerate(("base", "care"), 1)
    }
    company = Company(replace(a_model(EVERYONE), packages=packages), users=("E1", "E2", "E3"))
    shell = Shell(company)
    shell.say(
        *(
            joined(f"j{name}", START, FIRST, a_worker(name, department=at))
            for name, at in {"E1": "Care", "E2": "Care", "E3": "Finance"}.items()
        )
    )
    shell.time(timedelta(minutes=16))
    return shell


def test_impact_shows_what_would_change_for_whom(model):
    """By package, with the first people, the guard, the cost; exit code 2 for changes planned."""
    result = working()("model", "impact", model(GOOD), "--first", "1", code=2)
    lines = result.stdout.splitlines()
    assert lines[0].startswith("model ")
    assert "package care" in lines
    assert any(line.startswith("  + 2 to give: e") and line.endswith(" and 1 more") for line in lines)
    assert "  = additions:care: 2 wanted, 50 allowed" in lines
    assert any(line.startswith("  2 needed, 1999") for line in lines)
    assert lines[-1] == "3 people planned, 2 to be looked at, 2 with changes"
    assert "nothing was read from Graph, sent or written" in result.stderr


def test_impact_leaves_no_trace(model):
    """No row, no request, no message, no read of Graph."""
    shell = working()
    company = shell.company
    before = (company.records.writes, len(company.directory.calls), len(company.bus.sent))
    shell("model", "impact", model(GOOD), code=2)
    assert (company.records.writes, len(company.directory.calls), len(company.bus.sent)) == before


def test_impact_says_what_the_guard_would_hold(model):
    """With its arithmetic."""
    text = GOOD.replace(RULES, RULES.replace("grant: [base]", "grant: [care]"))
    shown = working()(
        "model", "impact", model(text + "guard: {removals: {count: 1}, additions: {count: 1}}\n"), code=2
    ).stdout
    assert "  - 3 to take: " in shown
    assert "  ! removals: 3 wanted, 1 allowed" in shown
    assert "! held: " in shown
    assert " would be held, until somebody releases them" in shown


def test_impact_says_when_the_budget_does_not_reach(model):
    """More requests than are left in the quarter."""
    shown = working()("model", "impact", model(GOOD + "budget: {requests: 4, reserve: 0}\n"), code=2).stdout
    assert "  2 needed, 1 of 4 left in this quarter\n  ! more than are left" in shown


def test_impact_of_a_model_that_gives_the_same_is_none(model):
    """Exit code 0."""
    shown = working()("model", "impact", model(GOOD.replace('"Care"', '"Nobody"'))).stdout
    assert shown.endswith("3 people planned, 0 to be looked at, 0 with changes\n")


def test_impact_as_json(model):
    """Everything that is shown."""
    found = working().json("model", "impact", model(GOOD), code=2)
    care = found["packages"]["care"]
    assert sorted(care.pop("first")["given"]) == ["e1", "e2"]
    assert care == {"given": 2, "taken": 0, "shortened": 0, "extended": 0, "held": 0}
    assert (found["people"], found["looks"], found["changing"], found["failed"]) == (3, 2, 2, {})
    assert found["requests"]["needed"] == 2
    assert found["guard"]["limits"] == [{"counter": "additions:care", "wanted": 2, "allowed": 50}]


def test_impact_of_a_file_with_a_problem_opens_nothing(model):
    """The problems, as `validate` says them; exit code 1."""
    assert ":8:68: rules[1].for" in Shell()("model", "impact", model(GOOD.replace("P90D", "P3M")), code=1).stderr


def test_impact_of_a_model_without_its_rule_for_everybody_trips_the_guard(model):
    """All of it would be taken, and what is beyond the limit is held; nothing is given."""
    text = GOOD.replace(RULES, "rules: []\n") + "guard: {removals: {count: 1}}\n"
    found = working().json("model", "impact", model(text), code=2)
    base = found["packages"]["base"]
    assert (base["given"], base["taken"], base["held"]) == (0, 3, 2)
    assert (found["guard"]["held_people"], len(found["guard"]["why"])) == (2, 1)


def test_impact_of_the_model_in_force_says_so(model):
    """Whatever its comments: its version is the same, and nobody is planned."""
    shell = working()
    shell.company.model = examine(GOOD, where="m").require()
    shell.time(timedelta(minutes=16))
    result = shell("model", "impact", model("# another comment\n" + GOOD))
    assert "it is in force" in result.stderr


def test_impact_says_when_the_model_s_own_examples_do_not_hold(model):
    """It shows what would change all the same."""
    example = "examples: [{name: wrong, at: 2026-03-02, worker: {department: Care}, gets: []}]\n"
    shown = working()("model", "impact", model(GOOD + example), code=2).stdout
    assert "! 1 of the model's own 1 example does not hold: `lifecycle model test " in shown
    assert working().json("model", "impact", model(GOOD + example), code=2)["examples"] == {"tried": 1, "broken": 1}


def test_impact_names_some_of_those_whom_a_rule_cannot_judge(model):
    """A rule without an answer may concern everybody; exit code 1, and the rest is in --json."""
    names = [f"E{number:02}" for number in range(25)]
    shell = Shell(Company(a_model(EVERYONE, packages=("base", "care")), users=tuple(names)))
    shell.say(*(joined(f"j{name}", START, FIRST, a_worker(name, attributes={"grade": "A"})) for name in names))
    bad = "rules: [{name: all, when: has(worker.attributes.grade) && worker.attributes.grade > 3, grant: [base]}]\n"
    result = shell("model", "impact", model(GOOD.replace(RULES, bad)), code=1)
    assert result.stderr.count("error: e") == 20
    assert "and 5 more; --json has all of them" in result.stdout
