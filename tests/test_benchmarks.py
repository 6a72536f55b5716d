"""That every benchmark says which figures it has and what they mean, and measures those. No timing is asserted."""

import ast
import asyncio
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks import closing, dashboard, drift, impact, imports, planning, recording
from benchmarks.hospital import CARE, PACKAGES
from benchmarks.measurement import Measurement, named
from lifecycle.core.plan import Assign, Keep

ROOT = Path(__file__).resolve().parents[1]
PROMISED = {
    "graph_calls_noop_event_reads",
    "graph_calls_noop_event_writes",
    "graph_calls_noop_event",
    "graph_calls_per_change",
    "graph_calls_followup_per_change",
    "graph_calls_noop_event_catalog",
    "graph_calls_per_change_catalog",
    "graph_calls_followup_per_change_catalog",
    "decode_speedup_vs_sdk_models",
    "page_read_vs_floor",
    "sandbox_events_per_second",
    "sandbox_session_switching_share",
    "import_vs_vendor_packages",
    "import_with_first_message_vs_vendor_packages",
    "plans_per_second",
    "plans_per_second_10_rules",
    "plans_per_second_200_rules",
    "plans_per_second_20_facts",
    "records_writes_per_second",
    "records_reads_per_second",
    "drift_pages_per_second",
    "drift_vs_floor",
    "drift_peak_mb",
    "close_limit_used",
    "close_throttled_share",
}


@pytest.fixture
def run(monkeypatch):
    """Run the command on these measurements, or on the real ones."""

    def run_it(*arguments, measurements=None):
        if measurements is not None:
            monkeypatch.setattr(command, "MEASUREMENTS", measurements)
        app = command.typer.Typer()
        app.command()(command.main)
        return CliRunner().invoke(app, list(arguments))

    return run_it


def a_measurement(*figures, about=None):
    return Measurement(about or {name: f"What {name} is." for name, _, _ in figures}, lambda: iter(figures))


def test_every_promised_figure_is_measured_by_one_benchmark():
    """Each promised name, and each other, belongs to exactly one measurement."""
    names = [name for measurement in command.MEASUREMENTS for name in measurement.about]

    assert set(names) >= PROMISED
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)


def test_every_figure_says_what_it_is():
    """Each figure is explained in a sentence, and each module says how it measures."""
    for measurement in command.MEASUREMENTS:
        for name, about in measurement.about.items():
            assert about.endswith("."), name
    for path in (ROOT / "benchmarks").glob("*.py"):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path.name


def test_every_module_with_measurements_is_run():
    """No module of the folder has measurements that the command does not know."""
    for path in (ROOT / "benchmarks").glob("*.py"):
        if re.search(r"^MEASUREMENTS", path.read_text(encoding="utf-8"), re.MULTILINE) and path.stem != "__main__":
            module = getattr(command, path.stem)
            assert set(map(id, module.MEASUREMENTS)) <= set(map(id, command.MEASUREMENTS))


def test_list_measures_nothing(run):
    """`--list` has one line a figure, its name first, and runs none of them."""

    def forbidden():
        raise AssertionError("measured")
        yield

    listed = run("--list", measurements=[Measurement({"a": "One.", "b": "Two."}, forbidden)])

    assert listed.exit_code == 0
    assert listed.output.splitlines() == ["a  One.", "b  Two."]


def test_a_figure_is_one_line(run):
    """A line is name, value and unit; whole numbers stay whole, others have three digits."""
    done = run(measurements=[a_measurement(("a", 1.0, "calls"), ("b", 1234.56, "plans/s"), ("c", 0.12345, "times"))])

    assert done.output.splitlines() == ["a 1 calls", "b 1235 plans/s", "c 0.123 times"]


def test_only_what_was_named_is_measured(run):
    """With names only their measurements run, each once, and only their lines are printed."""
    runs = []

    def counted():
        runs.append(1)
        yield from (("c", 3, "s"), ("d", 4, "s"), ("e", 5, "s"))

    last = Measurement(dict.fromkeys("cde", "It."), counted)
    done = run("e", "c", measurements=[Measurement({"a": "It."}, lambda: 1 / 0), last])

    assert done.output.splitlines() == ["c 3 s", "e 5 s"]
    assert runs == [1]


def test_an_unknown_name_is_refused_before_anything_runs(run):
    """A name that no figure has ends with code 2 and its name, whatever else was named."""
    done = run("a", "nope", measurements=[Measurement({"a": "It."}, lambda: 1 / 0)])

    assert done.exit_code == 2
    assert "nope" in done.output


@pytest.mark.parametrize("about", [{"a": "It."}, {"a": "It.", "b": "It.", "c": "It."}])
def test_what_is_explained_is_what_is_measured(about):
    """A figure too many or too few is an error, so that no explanation goes stale."""
    with pytest.raises(LookupError):
        list(named([a_measurement(("a", 1, "s"), ("b", 2, "s"), about=about)], ()))


def test_what_the_first_message_imports_is_counted():
    """Whatever the app imports inside a function is among the modules that the import figure loads."""
    late = set()
    for path in [ROOT / "function_app.py", *(ROOT / "lifecycle").rglob("*.py")]:
        if "cli" in path.relative_to(ROOT).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                late |= {inner.module for inner in ast.walk(node) if isinstance(inner, ast.ImportFrom)}
                late |= {name.name for inner in ast.walk(node) if isinstance(inner, ast.Import) for name in inner.names}

    with_attend = {"lifecycle.sweep", "lifecycle.drift"}  # which `lifecycle.attend` imports
    by_the_seal_timer = {"lifecycle.seal", "lifecycle.adapters.blobs.seals", "azure.storage.blob.aio"}
    elsewhere = {
        "lifecycle",
        "lifecycle.undo",
        "lifecycle.notice",
        "lifecycle.adapters.bamboohr",
        "lifecycle.adapters.blobs.bodies",
        "lifecycle.adapters.mapping",
        "lifecycle.check",
        "lifecycle.dashboard",
        "lifecycle.overview",
        "lifecycle.adapters.graph.tenancy",
        "lifecycle.adapters.graph.witness",
        "lifecycle.adapters.servicebus.properties",
        "azure.core.exceptions",
        "azure.servicebus.aio.management",
    }
    otlp = {name for name in late if name.startswith("opentelemetry.exporter.otlp.")}  # one or the other is loaded
    assert late - with_attend - otlp - by_the_seal_timer - elsewhere <= {*imports.FIRST_MESSAGE, *imports.TELEMETRY}
    assert set(imports.VENDORS) < set(imports.FIRST_VENDORS)


@pytest.mark.parametrize("size", [planning.Size(people=4), planning.Size(rules=10, packages=20, facts=7, people=4)])
def test_the_plans_that_are_measured_have_something_to_do(size):
    """Each person of the planning benchmark keeps some packages and is given others."""
    access = planning.model(size)
    for number in range(size.people):
        facts = planning.facts_of(number, size)
        steps = planning.made(facts, planning.holding_half(facts, access), access).steps

        assert len(facts) == size.facts
        assert {type(step) for step in steps} == {Assign, Keep}


def test_plans_are_counted():
    """A rate comes out of the shortest measurement there is."""
    assert planning.plans_per_second(planning.Size(rules=10, people=2), seconds=0.001) > 0


def test_records_are_measured():
    """The records benchmark gives all its figures from a file of its own, however small."""
    (measurement,) = recording.MEASUREMENTS
    small = Measurement(measurement.about, lambda: recording.figures(partitions=2))

    assert all(value > 0 for _, value, _ in small.figures())


def test_a_change_is_several_packages():
    """The Graph benchmark counts calls per change on an event that has more than one."""
    assert CARE > 1
    assert len(PACKAGES) == CARE + 1


def test_a_sweep_is_measured():
    """The drift benchmark finds what differs, however few rows there are, and gives all figures of that size."""
    found = {name: value for name, value, _ in drift.figures((1_000,))}

    assert len(found) == 5
    assert all(value > 0 for value in found.values())


def test_a_close_is_measured():
    """The closing benchmark takes everything away, within the limit, however few people there are."""
    (measurement,) = closing.MEASUREMENTS
    small = Measurement(measurement.about, lambda: closing.figures(many=40, few=20))

    found = {name: value for name, value, _ in small.figures()}

    assert found["close_throttled_share"] == 0
    assert found["close_graph_calls_per_person"] >= 3


def test_the_dashboard_is_measured():
    """The dashboard benchmark fills a store, gathers, and asks both pages, however little there is."""
    (measurement,) = dashboard.MEASUREMENTS
    size = dashboard.Size(rows=100, people=5, chain=120, facts=10, asked=3)
    small = Measurement(measurement.about, lambda: dashboard.figures(size))

    assert all(value > 0 for _, value, _ in small.figures())


def test_an_impact_is_measured():
    """The impact benchmark finds nobody, everybody given and everybody taken from, however few there are."""
    (measurement,) = impact.MEASUREMENTS
    small = Measurement(measurement.about, lambda: impact.figures(many=60, few=30))

    assert all(value > 0 for _, value, _ in small.figures())

    found = {name: one.found for name, one in asyncio.run(impact.outcomes(60, "same", "more", "none")).items()}
    assert [(name, one.looks, one.total("given"), one.total("taken")) for name, one in found.items()] == [
        ("same", 0, 0, 0),
        ("more", 60, 60, 0),
        ("none", 60, 0, 60),
    ]


def test_an_impact_keeps_no_step():
    """What it holds in memory does not grow with the people from whom something would be taken and held."""

    async def peak(many):
        company = await impact.company(many)
        await impact.outcome(many, company, impact.model("none"))  # imports, and what rules remember
        return (await impact.outcome(many, company, impact.model("none"), memory=True)).peak

    assert asyncio.run(peak(800)) < asyncio.run(peak(200)) + 0.5
