"""A release can be told from another: one version, a changelog that follows it, one gate wherever it runs."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml
from typer.testing import CliRunner

from lifecycle.cli import version as versions
from lifecycle.cli.program import app

ROOT = Path(__file__).parents[1]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SECTION = re.compile(r"^## \[([^\]]+)\](?: - (\d{4}-\d\d-\d\d))?$", re.MULTILINE)
SEMANTIC = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


def numbers(version):
    match = SEMANTIC.fullmatch(version)
    assert match, version
    return tuple(int(number) for number in match.groups())


def released():
    """The changelog's versions with their dates, as they stand there."""
    return [(numbers(name), day) for name, day in SECTION.findall(CHANGELOG) if name != "Unreleased"]


def test_the_changelog_begins_with_what_is_unreleased_and_goes_back_in_time():
    """Every heading is one of the two forms, dated, with the newest first."""
    assert len(SECTION.findall(CHANGELOG)) == len(re.findall(r"^## ", CHANGELOG, re.MULTILINE))
    assert SECTION.findall(CHANGELOG)[0] == ("Unreleased", "")
    assert released() == sorted(released(), reverse=True)
    assert all(day for _, day in released())


def test_the_version_is_the_newest_release_or_newer():
    """With something unreleased the version has moved on already; with nothing it is the one that was released."""
    unreleased = CHANGELOG.split("## [Unreleased]")[1].split("\n## ")[0].strip()
    newest = released()[0][0] if released() else (0, 0, 0)
    assert numbers(VERSION) > newest if unreleased else numbers(VERSION) == newest


def test_the_program_says_its_version():
    """`lifecycle --version` is one line, without a command, and exit code 0."""
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"lifecycle {VERSION}\n")


def test_an_installed_program_says_the_version_it_was_installed_as(monkeypatch):
    """Where there is no pyproject.toml the installation answers."""
    monkeypatch.setattr(versions, "_PROJECT", ROOT / "nowhere.toml")
    monkeypatch.setattr(versions.metadata, "version", {"lifecycle": "9.8.7"}.__getitem__)
    assert versions.version() == "9.8.7"


def workflow():
    return yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))


def test_the_workflow_runs_the_gate_and_nothing_else():
    """The commands of ci.yml are those of .ci/run, in order."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    gate = [line for line in script.splitlines() if line.startswith("make ")]
    (job,) = workflow()["jobs"].values()
    assert gate == ["make check", "make test"]
    assert [step["run"] for step in job["steps"] if "run" in step] == gate


def test_every_workflow_has_the_least_permission_and_pinned_actions():
    """Reading the contents, and signing in without a secret; no job asks for more; actions have a version; jobs end."""
    assert WORKFLOWS
    for path in WORKFLOWS:
        text = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert text["permissions"].items() <= {"contents": "read", "id-token": "write"}.items(), path.name
        for job in text["jobs"].values():
            assert "permissions" not in job
            assert "timeout-minutes" in job
            for used in (step["uses"] for step in job["steps"] if "uses" in step):
                assert re.fullmatch(r"[\w.-]+/[\w./-]+@(v\d+(\.\d+){0,2}|[0-9a-f]{40})", used), used


def test_the_workflow_uses_the_python_that_the_project_asks_for():
    """The version in the workflow is one that pyproject.toml allows, and the one that the package is built for."""
    (job,) = workflow()["jobs"].values()
    (python,) = (step["with"]["python-version"] for step in job["steps"] if "python-version" in step.get("with", {}))
    assert python == f"{sys.version_info.major}.{sys.version_info.minor}"


def test_the_gate_runs_anywhere():
    """`.ci/run` is a program."""
    mode = subprocess.run(["git", "ls-files", "-s", ".ci/run"], cwd=ROOT, check=True, capture_output=True, text=True)
    assert mode.stdout.startswith("100755")
