"""`init`: what it writes is sound, never overwrites, holds no secret; and it ends with a check."""

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lifecycle.adapters import mapping
from lifecycle.adapters.rules import examine, schema
from lifecycle.cli.init import settings_of
from lifecycle.cli.program import app
from lifecycle.core.example import tried
from lifecycle.errors import Permanent
from lifecycle.ports import Queue
from lifecycle.settings import from_environment
from tests.triggers.cli_shell import Shell
from tests.triggers.test_cli_check import World

ROOT = Path(__file__).parents[2]
CATALOG = "c0000000-0000-0000-0000-000000000001"
GIVEN = ("--tenant", "contoso.example", "--catalog", CATALOG, "--feed", "workday", "--time-zone", "Europe/Berlin")
FILES = ["access-model.json", "local.settings.json", "mapping.yaml", "model.yaml", "people.json"]
NAMESPACE = "contoso.servicebus.windows.net"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The command in an empty folder, on a machine where nothing is set and nothing runs."""
    monkeypatch.chdir(tmp_path)
    for name in ("LIFECYCLE_READY", "ServiceBus", "ServiceBus__fullyQualifiedNamespace"):
        monkeypatch.delenv(name, raising=False)

    def invoke(*arguments, stdin=None, world=None, code=0):
        result = CliRunner().invoke(
            app, ["init", *arguments], input=stdin, obj=world and world.open, prog_name="lifecycle"
        )
        assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
        return result

    return invoke


def test_what_it_writes_is_an_access_model(run):
    """It validates without a doubt, for the zone and the source that were given."""
    result = run("here", *GIVEN)
    assert sorted(line.removeprefix("+ here/") for line in result.stdout.splitlines()) == FILES
    assert Shell()("model", "validate", "here/model.yaml").stdout.endswith("0 examples, 0 warnings\n")
    model = examine(Path("here/model.yaml").read_text(encoding="utf-8"), where="m").require()
    assert (model.time_zone, model.sources.worker) == ("Europe/Berlin", {"/hr/workday"})


def test_what_it_has_commented_out_is_one_too(run):
    """Uncommented, it has packages in the catalog that was given, and examples that hold."""
    run(*GIVEN)
    lines = Path("model.yaml").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if not re.match(r"packages: |rules: ", line)]
    found = examine("\n".join(re.sub(r"^#(?=\S|  )", "", line) for line in lines), where="m")
    assert (found.problems, found.doubts) == ((), ())
    assert {package.catalog for package in found.model.packages.values()} == {CATALOG}
    assert len(found.examples) == 2
    assert all(tried(one, found.model).holds for one in found.examples)


def test_an_editor_finds_the_schema_beside_it(run):
    """The model's first line names it, and it is the published one."""
    run(*GIVEN)
    first = Path("model.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=access-model.json"
    assert Path("access-model.json").read_text(encoding="utf-8") == schema.text()


def test_its_settings_have_the_shape_of_the_sample_and_are_settings(run):
    """Each key of the sample, none but the SDK's own besides; with a namespace the app would start with them."""
    run(*GIVEN)
    written = json.loads(Path("local.settings.json").read_text(encoding="utf-8"))
    sample = json.loads((ROOT / "local.settings.sample.json").read_text(encoding="utf-8"))
    assert written.keys() == sample.keys()
    assert written["Values"].keys() - {"AZURE_TENANT_ID"} == sample["Values"].keys()
    values = settings_of(Path.cwd(), tenant="contoso.example", namespace=NAMESPACE)
    assert from_environment(values).model == str(Path.cwd() / "model.yaml")
    assert values["AZURE_TENANT_ID"] == "contoso.example"


def test_it_asks_for_what_is_not_given(run):
    """And asks again for what it cannot take."""
    result = run("--feed", "scim", stdin=f"not a tenant\n11111111-2222-3333-4444-555555555555\n{CATALOG}\n")
    assert "Entra tenant" in result.stdout
    assert "11111111-2222-3333-4444-555555555555" in Path("model.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("--tenant", "a b"),
        ("--catalog", "c1"),
        ("--feed", "sap"),
        ("--source", " "),
        ("--time-zone", "Berlin"),
        ("--namespace", "http://x"),
    ],
)
def test_what_it_cannot_take_is_wrong_usage(run, name, value):
    """Nothing is written then."""
    run(*GIVEN, name, value, code=64)
    assert list(Path().iterdir()) == []


def test_a_source_s_name_cannot_break_the_files(run):
    """It is text, whatever it holds, in the model and in the mapping."""
    run(*GIVEN, "--source", '/hr] # "x": {y}')
    assert mapping.load(Path("mapping.yaml")).terms.source == '/hr] # "x": {y}'
    found = examine(Path("model.yaml").read_text(encoding="utf-8"), where="m")
    assert found.require().sources.worker == {'/hr] # "x": {y}'}


@pytest.mark.parametrize("name", FILES)
def test_it_never_overwrites(run, name):
    """One file there is enough, and then none is written."""
    Path(name).write_text("mine", encoding="utf-8")
    assert f"{name}: there already, so nothing was written" in run(*GIVEN, code=1).stderr
    assert {path.name: path.read_text(encoding="utf-8") for path in Path().iterdir()} == {name: "mine"}


def test_forced_it_does(run):
    """All are new."""
    for name in FILES:
        Path(name).write_text("mine", encoding="utf-8")
    run(*GIVEN, "--force")
    assert "mine" not in [Path(name).read_text(encoding="utf-8") for name in FILES]


@pytest.mark.parametrize("kind", ["csv", "scim", "workday", "bamboohr"])
def test_the_words_it_ends_with_try_the_feed(run, kind):
    """With the files just written and nothing else: no sandbox, no settings."""
    said = run("a b", *GIVEN, "--feed", kind, "--time-zone", "Asia/Tokyo").stderr
    words = shlex.split(re.search(r"lifecycle (feed .*)", said)[1])
    tried = CliRunner().invoke(app, words, prog_name="lifecycle")
    assert (tried.exit_code, tried.stdout.partition(" ")[0]) == (0, f"/hr/{kind}"), tried.stderr
    assert "1 left" in tried.stdout
    assert mapping.load(Path("a b/mapping.yaml")).terms.time_zone == "Asia/Tokyo"


@pytest.mark.parametrize("kind", ["csv", "scim", "workday", "bamboohr"])
def test_what_it_writes_of_a_feed_is_the_documentation_s_example(run, kind):
    """The package carries the examples, byte by byte, and `init` changes source, zone and head alone."""
    example = ROOT / "examples" / ("mapping.yaml" if kind == "csv" else f"mappings/{kind}.yaml")
    people = ROOT / "examples" / ("people.csv" if kind == "csv" else f"feeds/{kind}.json")
    run(*GIVEN, "--feed", kind)
    assert Path(f"people{people.suffix}").read_bytes() == people.read_bytes()
    assert (ROOT / "lifecycle" / "cli" / "samples" / f"{kind}.yaml").read_bytes() == example.read_bytes()
    mine, theirs = mapping.load(Path("mapping.yaml")), mapping.load(example)
    assert replace(mine, terms=theirs.terms) == theirs


def test_events_of_ones_own_need_no_mapping(run):
    """The model lists the source, and what to do next is to send one."""
    result = run(*GIVEN, "--feed", "events", "--source", "/hr/own")
    assert not Path("mapping.yaml").exists()
    assert "events with the source /hr/own" in result.stderr
    assert examine(Path("model.yaml").read_text(encoding="utf-8"), where="m").require().sources.worker == {"/hr/own"}


def test_where_nobody_can_be_asked_it_names_every_option_that_is_missing(run):
    """A pipeline has no terminal; nothing is written."""
    said = run("--tenant", "contoso.example", stdin="", code=64).stderr
    assert "--catalog, --feed" in said
    assert list(Path().iterdir()) == []


def test_files_that_are_there_are_said_before_anything_is_asked(run):
    """Nobody answers three questions for nothing."""
    Path("model.yaml").write_text("mine", encoding="utf-8")
    result = run(stdin="", code=1)
    assert "there already" in result.stderr
    assert "Entra tenant" not in result.stdout


@pytest.mark.parametrize("where", ["file", "file/below"])
def test_a_folder_that_cannot_be_written_is_said(run, where):
    """Which path, why, and what to do."""
    Path("file").touch()
    said = run(where, *GIVEN, code=1).stderr
    assert "cannot be written" in said
    assert "name a folder in which you may write" in said


def test_a_link_to_nowhere_is_there_too(run, tmp_path):
    """Writing would follow it."""
    Path("mapping.yaml").symlink_to(tmp_path / "elsewhere")
    assert "mapping.yaml: there already" in run(*GIVEN, code=1).stderr
    assert not Path("elsewhere").exists()


def test_it_says_when_there_is_nothing_to_check(run):
    """No sandbox, no namespace."""
    assert "nothing to check yet" in run(*GIVEN).stderr


def test_it_ends_with_a_check(run):
    """Of everything, as `lifecycle check` would."""
    result = run(*GIVEN, world=World())
    assert "= settings: ok" in result.stdout
    assert "0 findings" in result.stderr


def test_what_the_check_finds_is_its_end(run):
    """The files are there all the same."""
    world = World()
    world.namespace.queues[Queue.WORK] = Permanent("The queue work does not exist; deploy it.")
    assert "next: The queue work does not exist" in run(*GIVEN, world=world, code=1).stdout
    assert Path("model.yaml").exists()
