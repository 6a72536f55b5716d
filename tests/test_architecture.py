"""What must hold of the code as a whole, whoever changes it."""

import ast
import json
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from lifecycle.settings import Settings

ROOT = Path(__file__).parents[1]
CODE = sorted(
    path for folder in ("lifecycle", "sandbox", "benchmarks", "scripts") for path in (ROOT / folder).rglob("*.py")
)
NOT_OURS = {name.strip("/") for name in (ROOT / ".gitignore").read_text(encoding="utf-8").split()} | {".git"}
TEXT = {".py", ".md", ".toml", ".yaml", ".json", ".sh", ".txt", ".csv", ".bicep", ""}


def ours():
    """Every text file of the project, whether there is a git here or not."""
    for folder, folders, files in ROOT.walk():
        folders[:] = [name for name in folders if not any(fnmatch(name, pattern) for pattern in NOT_OURS)]
        for name in files:
            path = folder / name
            if path.suffix in TEXT and not any(fnmatch(name, pattern) for pattern in NOT_OURS):
                yield path


def called(path, names):
    """The lines on which a file calls something by one of these names."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if isinstance(call, ast.Attribute) and call.attr in names]


def test_the_import_contracts_hold():
    """The core is pure, vendors are at the edge, only the command line knows the sandbox."""
    program = "from importlinter.cli import lint_imports_command as check; check()"
    command = [sys.executable, "-c", program, "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_why_it_exists_and_stays_small(path):
    """A docstring at its head, and no file that has become two."""
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= 400


def test_nothing_is_left_open_and_no_machine_is_named():
    """No to-do, no path of somebody's machine, no registry's host in any file of the project."""
    marks = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error"]))
    places = re.compile(
        "|".join(
            [
                "/ro" + "ot/",
                "/wo" + "rk/",
                "/ho" + r"me/(?!site/wwwroot)\w",
                r"py" + r"pi\.org",
                "python" + "hosted",
                "npm" + r"js\.",
            ]
        )
    )
    found, seen = [], 0
    for path in ours():
        seen += 1
        text = path.read_text(encoding="utf-8")
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in places.finditer(text)]
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in marks.finditer(text) if path.suffix == ".py"]
    assert seen > 150
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
    """The real worker library indexes every function; every %SETTING% in their bindings is one of ours."""
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
    pages = {"dashboard", "dashboard_person", "dashboard_static", "bamboohr"}
    assert set(bindings) == {"hr", "projects", "decisions", "sweeps", "work", "wake", "drift", "seal", *pages}
    assert {name for name, texts in bindings.items() if "httpTrigger" in str(texts)} == pages
    named = set(re.findall(r"%(\w+)%", done.stdout))
    assert named <= {one.metadata["name"] for one in Settings.__dataclass_fields__.values()}
    assert '"isSessionsEnabled": true' in json.dumps([json.loads(text) for text in bindings["work"]])


def test_only_apply_posts_requests():
    """`submit` is called in one module, behind the intent."""
    callers = {
        path.name
        for path in (ROOT / "lifecycle").rglob("*.py")
        if "adapters" not in path.parts and called(path, {"submit"})
    }
    assert callers == {"apply.py"}


def test_the_core_reads_no_clock():
    """An instant is always handed in: nothing in the core asks what time it is."""
    found = [
        f"{path.name}:{line}"
        for path in (ROOT / "lifecycle" / "core").glob("*.py")
        for line in called(path, {"now", "today", "utcnow"})
    ]
    assert found == []


def test_nothing_but_the_app_is_deployed():
    """The deployed package holds no sandbox, tests, docs or examples."""
    ignored = set((ROOT / ".funcignore").read_text(encoding="utf-8").split())
    present = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    app = {"function_app.py", "host.json", "requirements.txt", "lifecycle", "model.yaml"}
    assert present - ignored <= app | {"node_modules"}
