"""What must hold of the code as a whole, whoever changes it."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle.settings import Settings
from scripts.check_requirements import missing, pins, problems

ROOT = Path(__file__).parents[1]
CODE = sorted(
    path for folder in ("lifecycle", "sandbox", "benchmarks", "scripts") for path in (ROOT / folder).rglob("*.py")
)
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split("\n")


def test_the_import_contracts_hold():
    """The core is pure, vendors are at the edge, only the command line knows the sandbox."""
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_requirements_hold_what_is_asked_for():
    """Every dependency of pyproject.toml is pinned with a hash, and no host is named."""
    assert problems(ROOT) == []


def test_a_missing_pin_is_seen():
    """The check can fail: something that nobody pinned, and a version out of range."""
    held = pins(ROOT / "requirements.txt")
    assert len(missing(["no-such-package>=1", "tenacity>=999"], held, "x")) == 2


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_why_it_exists_and_stays_small(path):
    """A docstring at its head, and no file that has become two."""
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= 400


def test_nothing_is_left_open_and_no_machine_is_named():
    """No to-do, no path of somebody's machine, no registry's host in anything that is tracked."""
    marks = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error"]))
    places = re.compile("|".join(["/ro" + "ot/", "/wo" + "rk/", "/ho" + "me/", r"py" + r"pi\.org", "npm" + r"js\.org"]))
    found = []
    for name in TRACKED:
        path = ROOT / name
        if not name or not path.is_file() or path.suffix not in {".py", ".md", ".toml", ".yaml", ".json", ".sh", ""}:
            continue
        text = path.read_text(encoding="utf-8")
        found += [f"{name}: {match[0]}" for match in places.finditer(text)]
        found += [f"{name}: {match[0]}" for match in marks.finditer(text) if path.suffix == ".py"]
    assert found == []


def test_log_calls_hold_no_payload():
    """Only ids are logged: no body, no data, no principal name in any argument of a logging call."""
    forbidden = {"body", "data", "user_principal_name", "worker", "attributes", "justification"}
    found = []
    for path in (ROOT / "lifecycle").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _logs(node.func):
                names = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
                names |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
                found += [f"{path.name}:{node.lineno}" for _ in names & forbidden]
    assert found == []


def _logs(function):
    return isinstance(function.value, ast.Name) and function.value.id.casefold() in {"log", "_log", "logger", "logging"}


def test_the_triggers_name_settings_that_exist():
    """The real worker library indexes seven functions; every %SETTING% in their bindings is one of ours."""
    script = (
        "import asyncio, json, sys\n"
        "from pathlib import Path\n"
        "from sandbox.host import worker\n"
        "loaded = asyncio.run(worker.load(Path('.')))\n"
        "print(json.dumps({name: list(map(json.dumps, one.bindings)) for name, one in loaded.functions.items()}))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    bindings = json.loads(done.stdout.splitlines()[-1])
    assert set(bindings) == {"hr", "projects", "decisions", "sweeps", "work", "wake", "drift"}
    named = set(re.findall(r"%(\w+)%", done.stdout))
    assert named <= {one.metadata["name"] for one in Settings.__dataclass_fields__.values()}
    assert '"isSessionsEnabled": true' in json.dumps([json.loads(text) for text in bindings["work"]])


def test_only_apply_posts_requests():
    """`submit` is called in one module, behind the intent."""
    callers = [
        path.name
        for path in (ROOT / "lifecycle").rglob("*.py")
        if re.search(r"\.submit\(", path.read_text(encoding="utf-8")) and "adapters" not in path.parts
    ]
    assert callers == ["apply.py"]


def test_nothing_but_the_app_is_deployed():
    """The deployed package holds no sandbox, tests, docs or examples."""
    ignored = set((ROOT / ".funcignore").read_text(encoding="utf-8").split())
    present = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert present - ignored <= {"function_app.py", "host.json", "requirements.txt", "lifecycle", "node_modules"}
