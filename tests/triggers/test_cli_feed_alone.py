"""`feed --dry-run` on a machine where nothing else is: no sandbox, no settings, no records."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lifecycle.cli.program import app

EXAMPLES = Path(__file__).parents[2] / "examples"
FEED = ["feed", str(EXAMPLES / "feeds/scim.json"), "--mapping", str(EXAMPLES / "mappings/scim.yaml")]
FEED += ["--as-of", "2026-03-02"]
DRY = [*FEED, "--dry-run"]
MODEL = ["--model", str(EXAMPLES / "model.yaml")]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The command in an empty folder, with an empty environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("LIFECYCLE_READY", "ServiceBus", "ServiceBus__fullyQualifiedNamespace"):
        monkeypatch.delenv(name, raising=False)

    def invoke(*arguments, code=0):
        result = CliRunner().invoke(app, list(arguments), prog_name="lifecycle")
        assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
        return result

    return invoke


def test_a_list_is_tried_with_nothing_else(run):
    """Everybody in it is new; what only records can tell is said, and that no model was asked."""
    tried = run(*DRY)
    assert "4 rows, would send 3 joined, 1 left" in tried.stdout
    assert "tried on the file alone" in tried.stderr
    assert "give it with --model" in tried.stderr


def test_the_report_says_that_nothing_was_compared(run):
    """For a program too."""
    assert json.loads(run(*DRY, "--json").stdout)["compared"] is False


def test_a_model_says_whether_it_lists_the_source(run, tmp_path):
    """What is not listed would be set aside; the message names what is listed."""
    assert "--model" not in run(*DRY, *MODEL).stderr
    text = (EXAMPLES / "model.yaml").read_text(encoding="utf-8").replace("/hr/scim", "/hr/other")
    (tmp_path / "model.yaml").write_text(text, encoding="utf-8")
    said = run(*DRY, "--model", "model.yaml", code=1).stderr
    assert "/hr/scim is not listed under sources.worker" in said
    assert "/hr/other" in said


def test_a_model_is_enough_where_a_sandbox_was(run, tmp_path):
    """What it left behind is not asked."""
    (tmp_path / ".lifecycle").mkdir()
    (tmp_path / ".lifecycle/ready.json").write_text('{"settings": {}, "control": "http://127.0.0.1:1"}')
    assert "does not run any more" in run(*DRY, code=1).stderr
    run(*DRY, *MODEL)


@pytest.mark.parametrize("words", [[*FEED, *MODEL], [*DRY, *MODEL, "--ready", "x.json"]])
def test_a_model_is_for_trying_by_itself(run, words):
    """Sending asks the model that is in force."""
    assert "--model" in run(*words, code=64).stderr


def test_sending_needs_somewhere_to_send_to(run):
    """As ever."""
    assert "nothing to work on" in run(*FEED, code=1).stderr


def test_a_broken_model_is_said_with_its_place(run, tmp_path):
    """Not used in part."""
    (tmp_path / "model.yaml").write_text("timeZone: [", encoding="utf-8")
    assert "model.yaml:" in run(*DRY, "--model", "model.yaml", code=1).stderr
