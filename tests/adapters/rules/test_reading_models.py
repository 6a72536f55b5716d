"""A model is read whole or not at all, and everything wrong with it is said at once."""

import subprocess
import sys
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.adapters.rules import examine, load, parse
from lifecycle.core.model import (
    Budget,
    Deadlines,
    Drift,
    GuardLimits,
    Limit,
    Package,
    ProjectRules,
    Renewal,
    RenewalMode,
    Sources,
)
from lifecycle.errors import Misconfigured

EXAMPLES = Path(__file__).parents[3] / "examples"

MODEL = """\
timeZone: Europe/Berlin
sources: {worker: [/hr/workday], project: [/pmo], decision: [/itsm]}
packages:
  staff-baseline:
    accessPackage: A0000000-0000-0000-0000-000000000001
    policy: b0000000-0000-0000-0000-000000000001
    catalog: c0000000-0000-0000-0000-000000000001
  case-management:
    accessPackage: a0000000-0000-0000-0000-000000000002
    policy: b0000000-0000-0000-0000-000000000002
    catalog: c0000000-0000-0000-0000-000000000001
    renewal: {mode: approval, window: P2W, extend: P30D}
  ward-7:
    accessPackage: a0000000-0000-0000-0000-000000000003
    policy: b0000000-0000-0000-0000-000000000003
    catalog: c0000000-0000-0000-0000-000000000001
rules:
  - name: everyone
    when: worker.status in ["active", "leave"]
    grant: [staff-baseline]
  - name: nurses
    when: worker.department == "Care" && worker.jobCode in ["N1", "N2"]
    grant: [case-management]
    lead: P2D
    for: P90D
locations: {Berlin: Europe/Berlin, NO: Europe/Oslo, 10115: Europe/Berlin}
projects:
  roles: {estimator: [case-management]}
  own: {P-7: {nurse: [ward-7]}}
leave: {keep: [staff-baseline]}
mover: {grace: P7D}
leaver: {remove: all}
drift: repair
guard:
  window: PT12H
  removals: {count: 5, share: 0.25}
  additions: {count: 6}
protected: [D0000000-0000-0000-0000-000000000009]
deadlines: {leaver: PT30M, mover: P1DT12H}
budget: {requests: 50000, warn: 0.7, reserve: 0.1}
"""
MINIMAL = "timeZone: UTC\nsources: {worker: [/hr]}\npackages: {}\n"


def problems(text):
    with pytest.raises(Misconfigured) as caught:
        parse(text, where="m.yaml")
    return str(caught.value).splitlines()


def replaced(old, new):
    assert MODEL.count(old) == 1, old
    return MODEL.replace(old, new)


def test_every_part_of_a_model_is_read():
    """What is written is what the core gets, ids in lower case, projects in the form ids are compared in."""
    model = parse(MODEL, where="m.yaml")
    catalog = "c0000000-0000-0000-0000-000000000001"
    assert model.time_zone == "Europe/Berlin"
    assert model.packages["case-management"] == Package(
        "case-management",
        "a0000000-0000-0000-0000-000000000002",
        "b0000000-0000-0000-0000-000000000002",
        catalog,
        Renewal(RenewalMode.APPROVAL, timedelta(days=14), timedelta(days=30)),
    )
    assert model.packages["staff-baseline"].access_package == "a0000000-0000-0000-0000-000000000001"
    assert model.packages["staff-baseline"].renewal == Renewal()
    nurses = model.rules[1]
    assert (nurses.name, nurses.grant) == ("nurses", ("case-management",))
    assert (nurses.lead, nurses.lasts) == (timedelta(days=2), timedelta(days=90))
    assert (model.rules[0].lead, model.rules[0].lasts) == (timedelta(), None)
    assert model.locations == {"Berlin": "Europe/Berlin", "NO": "Europe/Oslo", "10115": "Europe/Berlin"}
    assert model.sources == Sources(frozenset({"/hr/workday"}), frozenset({"/pmo"}), frozenset({"/itsm"}))
    assert model.projects == ProjectRules({"estimator": ("case-management",)}, {"p-7": {"nurse": ("ward-7",)}})
    assert model.leave_keep == {"staff-baseline"}
    assert model.grace == timedelta(days=7)
    assert model.drift is Drift.REPAIR
    assert model.guard == GuardLimits(timedelta(hours=12), Limit(5, 0.25, 5), Limit(6, 1.0, 50), Limit(100, 0.05, 3))
    assert model.protected == {"d0000000-0000-0000-0000-000000000009"}
    assert model.deadlines == Deadlines(timedelta(minutes=30), timedelta(hours=36))
    assert model.budget == Budget(50_000, 0.7, 0.1)


def test_what_is_left_out_has_the_core_s_defaults():
    """The smallest model grants nothing and has the defaults that the core states."""
    model = parse(MINIMAL, where="m.yaml")
    assert (model.rules, model.guard, model.deadlines, model.budget) == ((), GuardLimits(), Deadlines(), Budget())
    assert (model.leave_keep, model.grace, model.drift) == (None, timedelta(), Drift.REPORT)


def test_the_example_model_is_one_for_the_example_tenant():
    """The example model is valid, and its ids are those of the example tenant."""
    model = load(EXAMPLES / "model.yaml")
    tenant = yaml.safe_load((EXAMPLES / "tenant.yaml").read_text())
    packages = {each["id"]: each for each in tenant["accessPackages"]}
    for package in model.packages.values():
        there = packages[package.access_package]
        assert there["catalog"] == package.catalog
        assert package.policy in {policy["id"] for policy in there["assignmentPolicies"]}


def test_all_problems_are_said_at_once_each_with_its_line():
    """One look mends all: every problem is reported, with line, path, rule and the nearest name."""
    text = (
        MODEL.replace("grant: [case-management]", "grant: [case-managment]")
        .replace("share: 0.25", "share: 25")
        .replace("grace: P7D", "grace: P1M")
        .replace("Europe/Oslo", "Europe/Olso")
        .replace("leave: {", "leaves: {")
    )
    found = problems(text)
    assert len(found) == 5
    assert (
        "m.yaml:23:13: rules[1].grant[0] (rule nurses): there is no package `case-managment`; "
        "the nearest is `case-management`"
    ) in found
    assert any(line.startswith("m.yaml:26:36: locations.NO: ") for line in found)
    assert any(line.startswith("m.yaml:30:1: leaves: ") and "`leave`" in line for line in found)
    assert any(line.startswith("m.yaml:31:9: mover.grace: ") and "no fixed length" in line for line in found)
    assert any(line.startswith("m.yaml:36:24: guard.removals.share: ") for line in found)


@pytest.mark.parametrize(
    ("old", "new", "path", "why"),
    [
        ("timeZone: Europe/Berlin\n", "", "timeZone", "missing"),
        ("timeZone: Europe/Berlin\n", "timeZone: Berlin\n", "timeZone", "time zone"),
        ("timeZone: Europe/Berlin\n", "timeZone:\n", "timeZone", "empty"),
        ("drift: repair", "drift: fix", "drift", "report, repair"),
        ("remove: all", "remove: some", "leaver.remove", ""),
        ("extend: P30D", "extend: P13D", "packages.case-management.renewal.extend", "shorter than the window"),
        ("window: P2W, extend: P30D", "window: P91D", "packages.case-management.renewal.extend", "shorter than"),
        ("grace: P7D", "grace: 7", "mover.grace", "quotes"),
        ("grace: P7D", "grace: P1Y", "mover.grace", "no fixed length"),
        ("grace: P7D", "grace: P1YT5H", "mover.grace", "no fixed length"),
        ("grace: P7D", "grace: P", "mover.grace", "duration"),
        ("grace: P7D", "grace: PT", "mover.grace", "duration"),
        ("grace: P7D", "grace: -P7D", "mover.grace", "duration"),
        ("grace: P7D", "grace: P999999999999D", "mover.grace", "hundred years"),
        ("for: P90D", "for: P0D", "rules[1].for", "longer than nothing"),
        ("window: PT12H", "window: PT0S", "guard.window", "longer than nothing"),
        ("mode: approval", "mode: ask", "packages.case-management.renewal.mode", "auto, approval, never"),
        ("extend: P30D", "extends: P30D", "packages.case-management.renewal.extends", "`extend`"),
        ("a0000000-0000-0000-0000-000000000002", "a1", "packages.case-management.accessPackage", "GUID"),
        ("a0000000-0000-0000-0000-000000000002", "a0000000-0000-0000-0000-000000000001",
         "packages.case-management.accessPackage", "packages.staff-baseline.accessPackage"),
        ("b0000000-0000-0000-0000-000000000002", "B0000000-0000-0000-0000-000000000001",
         "packages.case-management.policy", "same id"),
        ("D0000000-0000-0000-0000-000000000009", "ada", "protected[0]", "GUID"),
        ("  ward-7:\n", "  ward 7:\n", "packages.ward 7", "no name"),
        ("name: nurses", "name: everyone", "rules[1].name", "rules[0]"),
        ("name: nurses", "nam: nurses", "rules[1].nam", "`name`"),
        ("grant: [staff-baseline]", "grant: []", "rules[0].grant", "nothing"),
        ("grant: [staff-baseline]", "grant: staff-baseline", "rules[0].grant", "must be a list"),
        ("grant: [staff-baseline]", "grant: [1]", "rules[0].grant[0]", "quotes"),
        ("estimator: [case-management]", "estimator: [case]", "projects.roles.estimator[0]", "case-management"),
        ("estimator: [case-management]", "estimator: [ward-7]", "projects.roles.estimator[0]", "P-7"),
        ("nurse: [ward-7]", "nurse: [ward-8]", "projects.own.P-7.nurse[0]", "ward-7"),
        ("own: {P-7: {nurse: [ward-7]}}", "own: {P-7: {nurse: [ward-7]}, P-8: {nurse: [ward-7]}}",
         "projects.own.P-8", "P-7"),
        ("own: {P-7: {nurse: [ward-7]}}", "own: {P-7: {nurse: [ward-7]}, p-7: {nurse: [ward-7]}}",
         "projects.own.p-7", "without case"),
        ("keep: [staff-baseline]", "keep: [staff]", "leave.keep[0]", "staff-baseline"),
        ("count: 5,", "count: -1,", "guard.removals.count", "below 0"),
        ("count: 5,", "count: true,", "guard.removals.count", "must be a whole number"),
        ("share: 0.25", "share: -0.1", "guard.removals.share", "0 to 1"),
        ("requests: 50000", "requests: -1", "budget.requests", "0"),
        ("requests: 50000", "requests: 1.5", "budget.requests", "must be a whole number"),
        ("warn: 0.7", "warn: 70", "budget.warn", "1"),
        ("warn: 0.7", "warn: .nan", "budget.warn", ""),
        ("reserve: 0.1", "reserve: -0.1", "budget.reserve", "0"),
        ("reserve: 0.1", "reserv: 0.1", "budget.reserv", "`reserve`"),
        ("drift: repair", "drift: repair\ndrift: report", "drift", "twice"),
        ("mover: {grace: P7D}", "mover: {grace: P7D, grace: P8D}", "mover.grace", "twice"),
        ("estimator: [case-management]", "estimator: []", "projects.roles.estimator", "grants nothing"),
        ("nurse: [ward-7]", "nurse: []", "projects.own.P-7.nurse", "grants nothing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_path(old, new, path, why):
    """Each mistake is a problem at its own path, with what is expected there."""
    text = replaced(old, new)
    hits = [line for line in problems(text) if f": {path}: " in line or f": {path} (rule" in line]
    assert any(why in line for line in hits), problems(text)


@pytest.mark.parametrize(
    ("example", "path", "why"),
    [
        ("name: a, at: 2026-01-05, worker: {}, gets: [staff]", "gets[0]", "staff-baseline"),
        ("name: a, at: 2026-01-05, worker: {jobcode: N1}, gets: []", "worker.jobcode", "`jobCode`"),
        ("name: a, at: 5 January, worker: {}, gets: []", "at", "date"),
        ("name: a, worker: {}, gets: []", "at", "missing"),
        ("name: b, at: 2026-01-05, worker: {}, gets: []", "name", "examples[0]"),
        ("name: a, at: 2026-01-05, worker: {status: gone}, gets: []", "worker.status", "preboarding"),
        ("name: a, at: 2026-01-05, worker: {}, gets: [ward-7], until: {ward-7: always}", "until.ward-7", "date"),
        ("name: a, at: 2026-01-05, worker: {}, gets: [], until: {ward-7: never}", "until.ward-7", "not among"),
    ],
)
def test_what_is_wrong_with_an_example_is_said_with_its_path(example, path, why):
    """Examples are checked as rules are: one with a mistake would prove nothing."""
    text = f"{MODEL}examples:\n  - {{name: b, at: 2026-01-05, worker: {{}}, gets: []}}\n  - {{{example}}}\n"
    assert any(f": examples[1].{path}: " in line and why in line for line in problems(text)), problems(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "mapping"),
        ("- a", "mapping"),
        ("a: [", "no YAML"),
        ("a: &x 1\nb: *x", "aliases"),
        ("a: !!python/object/apply:os.system ['true']", "tags"),
        ("a: !!python/name:os.system x", "no YAML"),
        ("a: \x00", "character"),
        ("[" * 5000, "nested"),
        ("? [a]\n: 1", "no text"),
        ("a: b\n" * 300_000, "KiB"),
    ],
)
def test_what_is_no_model_is_refused(text, why):
    """A document that is none, or a trap, is refused with its place, whatever it holds."""
    assert any(why in line for line in problems(text)), problems(text)


def test_a_problem_points_at_line_and_column():
    """What an editor jumps to is the key that is wrong, or the entry of the list."""
    one, two = examine(
        MODEL.replace("grace: P7D", "grace: P1M").replace("grant: [staff-baseline]", "grant: [staff]"), where="m.yaml"
    ).problems
    lines = MODEL.splitlines()
    assert lines[one.line - 1][one.column - 1 :].startswith("staff-baseline]")
    assert lines[two.line - 1][two.column - 1 :].startswith("grace: P7D")


def test_what_was_probably_not_meant_is_a_doubt_and_no_problem():
    """A package that nothing gives, sources that list nobody: the model is read all the same."""
    text = replaced("grant: [staff-baseline]", "grant: [case-management]").replace("worker: [/hr/workday], ", "")
    found = examine(text, where="m.yaml")
    assert found.model is not None
    assert [one.path for one in found.doubts] == ["sources.worker", "packages.staff-baseline"]
    assert examine(MODEL, where="m.yaml").doubts == ()


def test_examples_are_no_part_of_the_model():
    """They give nobody anything, so another example is not another version, and nobody is planned anew for it."""
    text = MODEL + (
        "examples:\n  - {name: a, at: 2026-01-05, joined: 2026-01-01, left: 2026-12-31, gets: [ward-7], "
        "worker: {jobCode: N1, contractEnd: 2026-06-30, attributes: {grade: 7, deputy: true}}, "
        "projects: {P-7: nurse}, until: {ward-7: never}}\n"
    )
    found = examine(text, where="m.yaml")
    assert found.problems == ()
    assert found.model.hash == parse(MODEL, where="m.yaml").hash
    (one,) = found.examples
    assert (one.at, one.joined, one.left) == (date(2026, 1, 5), date(2026, 1, 1), date(2026, 12, 31))
    assert (one.gets, one.until, one.projects) == ({"ward-7"}, {"ward-7": None}, {"p-7": "nurse"})
    assert (one.worker.job_code, one.worker.contract_end) == ("N1", date(2026, 6, 30))
    assert one.worker.attributes == {"grade": 7, "deputy": True}


def test_line_numbers_lead_to_a_syntax_error():
    """A syntax error names its line."""
    assert problems("timeZone: UTC\nrules: [\n")[0].startswith("m.yaml:3:1: ")


@given(st.text(max_size=60) | st.sampled_from(MODEL.splitlines(keepends=True)).map(lambda x: MODEL.replace(x, x[:-3])))
def test_any_text_is_a_model_or_misconfigured(text):
    """Nothing but `Misconfigured` leaves the reader."""
    with suppress(Misconfigured):
        parse(text, where="m.yaml")


def test_the_hash_is_of_what_the_model_says():
    """Comments, layout, order of keys and defaults written out do not change the hash."""
    model = parse(MINIMAL, where="m.yaml")
    same = "# a comment\npackages: {}\n\nsources:\n  worker: ['/hr']   # another\ntimeZone: UTC\ndrift: report\n"
    assert parse(same, where="other.yaml").hash == model.hash
    assert len(model.hash) == 64


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("for: P90D", "for: P91D"),
        ('"N2"]', '"N3"]'),
        ("count: 5,", "count: 4,"),
        ("drift: repair", "drift: report"),
        ("D0000000-0000-0000-0000-000000000009", "D0000000-0000-0000-0000-000000000008"),
        ("nurse: [ward-7]", "doctor: [ward-7]"),
        ("leave: {keep: [staff-baseline]}\n", ""),
        ("10115: Europe/Berlin", "10115: Europe/Paris"),
        ("requests: 50000", "requests: 60000"),
    ],
)
def test_the_hash_changes_with_what_the_model_says(old, new):
    """Any change of content is another version."""
    assert parse(replaced(old, new), where="m.yaml").hash != parse(MODEL, where="m.yaml").hash


def test_the_hash_does_not_depend_on_order_or_process():
    """Two instances of the app agree on the version: neither the order of keys nor that of sets matters."""
    names = [f"/source/{i}" for i in range(20)]
    places = [f"place-{i}: UTC" for i in range(5)]
    text = MINIMAL.replace("[/hr]", f"[{', '.join(names)}]") + f"locations: {{{', '.join(places)}}}\n"
    turned = text.replace(", ".join(places), ", ".join(reversed(places)))
    code = f"from lifecycle.adapters.rules import parse; print(parse({turned!r}, where='').hash)"
    elsewhere = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    assert elsewhere.stdout.strip() == parse(text, where="m.yaml").hash


def test_a_file_that_cannot_be_read_is_misconfigured(tmp_path):
    """A missing model, or one that is no text, stops the start and says why."""
    with pytest.raises(Misconfigured, match=r"absent.yaml.*No such file"):
        load(tmp_path / "absent.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Misconfigured, match="UTF-8"):
        load(tmp_path / "binary.yaml")
