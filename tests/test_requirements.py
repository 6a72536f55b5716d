"""What is installed is what is asked for, and what is imported is asked for."""

import ast
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from scripts.check_requirements import ROOT, missing, pins, problems

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
NOT_A_PACKAGE = {"lifecycle", "sandbox", "_typeshed", *sys.stdlib_module_names}  # _typeshed: for type checkers alone


def copy_of_the_files(folder):
    for name in ("pyproject.toml", "requirements.txt", "requirements-dev.txt"):
        (folder / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_requirements_hold_what_is_asked_for():
    """Every dependency of pyproject.toml is pinned with a hash, and no host is named."""
    assert problems(ROOT) == []


def test_a_missing_pin_is_seen():
    """Something that nobody pinned, and a version out of range, each give a line that says what to run."""
    found = missing(["no-such-package>=1", "tenacity>=999"], pins(ROOT / "requirements.txt"), "requirements.txt")
    assert len(found) == 2
    assert all("make requirements" in line for line in found)


@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_an_extra_that_was_not_compiled_is_seen(tmp_path, extra):
    """Each extra counts: what is added to it in pyproject.toml is missed in requirements-dev.txt."""
    copy_of_the_files(tmp_path)
    first = next(text for text in EXTRAS[extra] if not text.startswith("lifecycle["))
    edit(tmp_path / "pyproject.toml", f'"{first}"', f'"{first}", "no-such-package>=1"')
    assert [line.split(":")[0] for line in problems(tmp_path)] == ["requirements-dev.txt"]


def test_a_pin_without_a_hash_is_refused(tmp_path):
    """An install would refuse it too, later and with less to say."""
    copy_of_the_files(tmp_path)
    with (tmp_path / "requirements.txt").open("a", encoding="utf-8") as file:
        file.write("surprise==1.0\n")
    with pytest.raises(ValueError, match="surprise has no hash"):
        problems(tmp_path)


def test_a_host_in_the_pins_is_seen(tmp_path):
    """The files are good wherever packages come from."""
    copy_of_the_files(tmp_path)
    with (tmp_path / "requirements.txt").open("a", encoding="utf-8") as file:
        file.write("--index-url https://packages.example/simple\n")
    assert problems(tmp_path) == ["requirements.txt: names a host or a file; compile it with `make requirements`"]


def imports_of(*places):
    """Every module of others that these files import, each with a file that does."""
    found = set()
    for place in places:
        for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.Import(names):
                        found |= {(name.name, path.relative_to(ROOT)) for name in names}
                    case ast.ImportFrom(module=module, level=0) if module is not None:
                        found.add((module, path.relative_to(ROOT)))
    return {(name, path) for name, path in found if name.split(".")[0] not in NOT_A_PACKAGE}


MADE_OF = {"azure-monitor-opentelemetry": "azure-monitor-opentelemetry-exporter"}
"""A package that only sets up the other one, which has never been released by itself but as a preview."""


def modules_of(requirements):
    """Every module that these packages themselves bring, not what they ask for in turn."""
    found = set()
    names = [Requirement(requirement).name for requirement in requirements]
    for name in [*names, *(MADE_OF[name] for name in names if name in MADE_OF)]:
        for file in distribution(name).files or ():
            parts = Path(file).parts
            found.add(".".join((*parts[:-1], parts[-1].split(".")[0])).removesuffix(".__init__"))
    return found


@pytest.mark.parametrize(
    ("places", "asked"),
    [
        (["function_app.py", "lifecycle"], [*PROJECT["dependencies"], *EXTRAS["cli"]]),
        (["sandbox"], [*PROJECT["dependencies"], *EXTRAS["sandbox"]]),
    ],
    ids=["app", "sandbox"],
)
def test_what_is_imported_is_asked_for(places, asked):
    """No import leans on a package that only another package asks for."""
    brought = modules_of(asked)
    imported = imports_of(*(ROOT / place for place in places))
    assert imported
    assert [f"{path}: {name}" for name, path in imported if name not in brought] == []


def test_the_function_app_needs_no_extra():
    """All that the app imports is in `dependencies`: only lifecycle/cli may lean on the extra `cli`."""
    brought = modules_of(PROJECT["dependencies"])
    imported = imports_of(ROOT / "function_app.py", ROOT / "lifecycle")
    assert [f"{path}: {name}" for name, path in imported if name not in brought and path.parts[1] != "cli"] == []


def test_nothing_is_asked_for_in_vain():
    """Each dependency of the app is imported; tzdata is read by zoneinfo where the machine has no zones."""
    imported = {name for name, _ in imports_of(ROOT / "function_app.py", ROOT / "lifecycle")}
    unused = [
        text
        for text in PROJECT["dependencies"]
        if not imported & modules_of([text]) and Requirement(text).name != "tzdata"
    ]
    assert unused == []
