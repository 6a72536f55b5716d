"""Fails when pyproject.toml asks for something that the compiled requirements do not hold. Resolves nothing."""

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)")


def pins(path: Path) -> dict[str, str]:
    """Return name → version of every pin in a compiled file. Raises `ValueError` for a pin without a hash."""
    found: dict[str, str] = {}
    lines = path.read_text(encoding="utf-8").splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        match = _PIN.match(line)
        if match is None:
            continue
        if "--hash=sha256:" not in following:
            raise ValueError(f"{path.name}: {match[1]} has no hash; run `make requirements`")
        found[canonicalize_name(match[1])] = match[2]
    return found


def missing(wanted: list[str], held: dict[str, str], name: str) -> list[str]:
    """Return what is asked for and not held, in words."""
    problems = []
    for text in wanted:
        requirement = Requirement(text)
        version = held.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            problems.append(f"{name}: {text} is asked for, {version or 'nothing'} is held; run `make requirements`")
    return problems


def problems(root: Path = ROOT) -> list[str]:
    """Return everything that is wrong with the compiled files."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    development = [text for texts in extras.values() for text in texts if not text.startswith("lifecycle[")]
    found = missing(project["dependencies"], pins(root / "requirements.txt"), "requirements.txt")
    held = pins(root / "requirements-dev.txt")
    found += missing([*project["dependencies"], *development], held, "requirements-dev.txt")
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (root / name).read_text(encoding="utf-8")
        if "http://" in text or "https://" in text or "file:" in text:
            found.append(f"{name}: names a host or a file; compile it with `make requirements`")
    return found


if __name__ == "__main__":
    found_now = problems()
    sys.stdout.write("".join(f"{line}\n" for line in found_now))
    sys.exit(1 if found_now else 0)
