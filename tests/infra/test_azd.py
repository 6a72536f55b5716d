"""azure.yaml: what `azd up` does with this project, held to the package that `make package` builds.

What azd makes of each word is its source: cli/azd/pkg/project in Azure/azure-dev (service_target_functionapp.go,
framework_service_python.go, project_utils.go), and schemas/v1.0/azure.yaml.json there.
"""

import re
import subprocess
import sys

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from scripts.package import build, compiled, files_of, main, zipped
from tests.infra.templates import INFRA, ROOT, parsed

PROJECT = yaml.safe_load((ROOT / "azure.yaml").read_text(encoding="utf-8"))
((NAME, SERVICE),) = PROJECT["services"].items()


def test_azd_deploys_to_the_app_that_infra_makes():
    """The service is the one that the function app is tagged with, in the language that it is made for."""
    assert f"'azd-service-name': '{NAME}'" in (INFRA / "app.bicep").read_text(encoding="utf-8")
    assert "runtime: { name: 'python'," in (INFRA / "app.bicep").read_text(encoding="utf-8")
    assert (SERVICE["host"], SERVICE["language"]) == ("function", "python")
    assert PROJECT["infra"] == {"provider": "bicep", "path": "infra", "module": "main"}
    assert parsed("main.bicep")["globals"]["scope"]["value"] == "subscription"


def test_azd_says_what_it_cannot_do():
    """An azd that does not know `remoteBuild` would build in Azure all the same; it refuses this project instead."""
    assert SERVICE["remoteBuild"] is False
    versions = SpecifierSet(PROJECT["requiredVersions"]["azd"])
    assert "1.23.5" in versions
    assert "1.23.4" not in versions


def test_azd_builds_the_package_before_it_takes_it():
    """The hook builds where `dist` says, from the service's folder, with the access model in the project's root."""
    hook = SERVICE["hooks"]["prepackage"]
    assert set(hook) == {"shell", "run"}  # on every system, and an error ends it
    assert hook["run"] == "make package MODEL=model.yaml"
    assert (SERVICE["project"], SERVICE["dist"]) == (".", "build/package")
    rule = re.search(r"^package:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)[1]
    assert rule.strip() == '@$(PY) -m scripts.package $(if $(MODEL),--model "$(MODEL)")'
    spoken = subprocess.run(
        [sys.executable, "-m", "scripts.package", "--help"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert "default: build" in spoken.stdout


def test_without_an_access_model_nothing_is_built(tmp_path, monkeypatch, capsys):
    """Said before anything is downloaded, with what to do; azd stops at it."""
    monkeypatch.setattr(sys, "argv", ["package", "--model", str(tmp_path / "model.yaml"), "--into", str(tmp_path)])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "lifecycle init" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_azd_leaves_nothing_of_the_package_out(tmp_path):
    """Without a .funcignore in the folder azd leaves all bytecode out; with one that names nothing it takes everything.

    It takes neither that file nor local.settings.json, so the zip of `make package` has neither.
    """
    package = tmp_path / "package"
    build(ROOT, package, [])
    compiled(package)
    ignore = package / ".funcignore"
    assert [line for line in ignore.read_text(encoding="utf-8").splitlines() if not line.startswith("#")] == []
    assert ignore not in files_of(package)
    zipped(package, tmp_path / "package.zip")
    taken = {path for path in package.rglob("*") if path.is_file() and path != ignore}
    assert taken == set(files_of(package))
    assert any(path.suffix == ".pyc" for path in taken)
    assert not any(path.name in {"local.settings.json", "pyvenv.cfg"} for path in taken)
