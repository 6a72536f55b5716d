"""What `azure-functions-doctor`, which knows common mistakes of function apps, says of the app as it is deployed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.package import ROOT, app_files

DOCTOR = Path(sys.executable).with_name("azure-functions-doctor")

ACCEPTED = {
    "check_venv": "of the machine that asks: a package has no virtual environment",
    "check_func_cli": "of the machine that asks: the Core Tools are optional",
    "check_func_core_tools_version": "likewise",
    "check_native_dependency_risk": "`make package` takes cryptography's wheel for Linux",
    "check_app_insights": "infra/app.bicep sets the connection string; on a laptop there is none",
}


@pytest.fixture
def app(tmp_path):
    """The app, what deploys it, and the settings of the sample."""
    for path in (*app_files(), Path("azure.yaml"), Path(".funcignore")):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    shutil.copytree(ROOT / "infra", tmp_path / "infra")
    shutil.copy(ROOT / "local.settings.sample.json", tmp_path / "local.settings.json")
    return tmp_path


def findings(app):
    """Return which rules warn, and which fail."""
    command = [DOCTOR, "doctor", "--path", app, "--profile", "full", "--format", "json"]
    done = subprocess.run(command, cwd=app, capture_output=True, text=True, timeout=60, check=False)
    items = [item for result in json.loads(done.stdout)["results"] for item in result["items"]]
    assert sum(item["status"] == "pass" for item in items) > len(items) / 3, done.stdout
    return tuple({item["rule_id"] for item in items if item["status"] == status} for status in ("warn", "fail"))


@pytest.mark.slow
def test_nothing_is_wrong_with_the_app(app):
    """No rule fails, and none warns but those of which it is said why that is right."""
    warned, failed = findings(app)
    assert failed == set()
    assert warned <= set(ACCEPTED)


@pytest.mark.slow
def test_what_is_wrong_would_be_found(app):
    """A binding whose connection no setting has, and a host without its version."""
    (app / "host.json").write_text("{}", encoding="utf-8")
    triggers = (app / "function_app.py").read_text(encoding="utf-8")
    (app / "function_app.py").write_text(triggers.replace('"ServiceBus"', '"AnotherBus"'), encoding="utf-8")
    warned, failed = findings(app)
    assert "check_host_json_version" in failed
    assert "check_binding_connection_resolution" in warned
