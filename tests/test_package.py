"""What is deployed holds what runs and nothing else; it is looked at in processes that see nothing but the package."""

import json
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from benchmarks.imports import FIRST_MESSAGE, TELEMETRY
from scripts.package import (
    LIBRARIES,
    LIMIT,
    ROOT,
    app_files,
    build,
    compiled,
    files_of,
    installed,
    needed,
    summary,
    version,
    zipped,
)

SITE = Path(sysconfig.get_path("purelib"))
NOT_DEPLOYED = (".", "benchmarks", "docs", "examples", "infra", "pyproject.toml", "sandbox", "scripts", "tests")


def test_all_of_the_app_is_deployed_and_nothing_else_of_the_project():
    """Every file of `lifecycle/`, the triggers and the host's settings; no tests, docs, sandbox, examples."""
    files = {str(path) for path in app_files()}
    ours = subprocess.run(["git", "ls-files", "lifecycle"], cwd=ROOT, check=True, capture_output=True, text=True)
    assert set(ours.stdout.split()) <= files
    others = {name for name in files if not name.startswith("lifecycle/")}
    assert others == {"function_app.py", "host.json", "requirements.txt"}
    assert [name for name in files if name.startswith(NOT_DEPLOYED)] == []


@pytest.mark.parametrize(
    ("path", "stays"),
    [
        ("msgraph/graph_request_adapter.py", True),
        ("msgraph/generated/base_graph_service_client.py", True),
        ("msgraph/generated/models/user.py", False),
        ("msgraph/generated/users/users_request_builder.py", False),
        ("msgraph_core/base_graph_request_adapter.py", True),
        ("azure/core/__pycache__/rest.cpython-313.pyc", False),
        ("aiohttp/_http_parser.cpython-313-x86_64-linux-gnu.so", True),
        ("aiohttp/_http_parser.pyx", False),
        ("yaml/tests/test_all.py", False),
        ("cel/cel.pyi", False),
        ("tzdata/zoneinfo/Europe/Berlin", True),
        ("msgraph_sdk-1.65.0.dist-info/RECORD", False),
        ("opentelemetry_sdk-1.45.1.dist-info/entry_points.txt", True),
    ],
)
def test_which_files_of_the_libraries_are_deployed(path, stays):
    """What is imported, read as data, or looked up by its name stays."""
    assert needed(PurePosixPath(path)) is stays


def test_a_library_that_is_not_as_pinned_is_refused(tmp_path):
    """A package made of other versions than were tested is no package; the message says which."""
    (tmp_path / "requirements.txt").write_text("surprise==1.0 \\\n    --hash=sha256:00\n", encoding="utf-8")
    with pytest.raises(LookupError, match="surprise"):
        list(installed(tmp_path, SITE))


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The package, of the libraries that are installed here instead of downloaded ones."""
    folder = tmp_path_factory.mktemp("build") / "package"
    build(ROOT, folder, installed(ROOT, SITE), ROOT / "examples" / "model.yaml")
    return folder


def inside(package, program):
    """Run a program that sees the standard library and the package, as in Functions' worker; return what it prints."""
    paths = [str(package / LIBRARIES), str(package)]
    begin = f"import sys\nsys.path[:0] = {paths!r}\nsys.dont_write_bytecode = True\n"
    command = [sys.executable, "-I", "-S", "-W", "error", "-c", begin + program]
    done = subprocess.run(command, cwd=package, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


INDEXED = """
import function_app, json
print(json.dumps(sorted(one.get_function_name() for one in function_app.app.get_functions())))
"""


@pytest.mark.slow
def test_the_package_is_indexed(package):
    """All functions are found, as the worker looks for them, with nothing else to import from."""
    import function_app  # noqa: PLC0415 - the slow tests alone load it

    expected = sorted(one.get_function_name() for one in function_app.app.get_functions())
    assert json.loads(inside(package, INDEXED)) == expected
    assert {"hr", "work", "wake", "dashboard"} <= set(expected)


IMPORTED = """
import importlib, json, pkgutil, lifecycle
for name in {first!r}:
    importlib.import_module(name)
for one in pkgutil.walk_packages(lifecycle.__path__, "lifecycle."):
    if one.name != "lifecycle.__main__":
        importlib.import_module(one.name)
print(json.dumps(sorted({{getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}})))
"""


@pytest.mark.slow
def test_all_that_a_message_imports_is_in_the_package(package):
    """The first message's imports, telemetry's, and every module of ours; none comes from anywhere but the package."""
    files = json.loads(inside(package, IMPORTED.format(first=(*FIRST_MESSAGE, *TELEMETRY))))
    site, standard = str(SITE), (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
    elsewhere = [one for one in files if one.endswith(".py") and not one.startswith((str(package), *standard))]
    assert elsewhere == []
    assert [one for one in files if one.startswith(site)] == []


ASKED = """
import asyncio, httpx
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from lifecycle.adapters.graph import StaticToken
from lifecycle.adapters.graph.answers import Call
from lifecycle.adapters.graph.permissions import USERS, ListingMode, permission_for
from lifecycle.adapters.graph.pipeline import Pipeline
from lifecycle.adapters.rules import load

async def ask():
    seen = []
    def answer(request):
        seen.append(request)
        return httpx.Response(200, json={"value": []})
    transport = httpx.MockTransport(answer)
    second = timedelta(seconds=1)
    pipeline = Pipeline(StaticToken("none"), "http://127.0.0.1:9/v1.0", timeout=second, transport=transport)
    call = Call("GET", USERS, permission_for("GET", USERS, ListingMode.DIRECTORY))
    found = await pipeline.send(call, ids={}, query={}, headers={})
    await pipeline.close()
    return found.status, seen[0].headers["User-Agent"].split()[0]

print(*asyncio.run(ask()), len(load(Path("model.yaml")).rules), metadata.version("lifecycle"))
"""


@pytest.mark.slow
def test_graph_is_asked_and_the_model_read_with_what_is_in_the_package(package):
    """One call goes through the SDK's whole pipeline, the deployed model compiles, and the version is known."""
    status, client, rules, of = inside(package, ASKED).split()
    assert (status, of) == ("200", version())
    assert client.startswith(("kiota", "python-httpx"))
    assert int(rules) == 4


def test_the_same_files_make_the_same_package(tmp_path):
    """Whenever and wherever it is made: no time, no path and nothing else of this machine is in its bytes."""
    digests = set()
    for name in ("here", "there"):
        package = tmp_path / name / "package"
        shutil.copytree(ROOT / "lifecycle" / "core", package, ignore=shutil.ignore_patterns("__pycache__"))
        compiled(package)
        digests.add(zipped(package, tmp_path / f"{name}.zip"))
        assert not any(str(tmp_path).encode() in path.read_bytes() for path in files_of(package))
    assert len(digests) == 1


@pytest.mark.slow
def test_the_package_is_small_and_compiled(package, tmp_path):
    """Under the limit, with the bytecode of every module, and nothing in it that nobody needs."""
    compiled(package)
    file = tmp_path / "package.zip"
    digest = zipped(package, file)
    assert file.stat().st_size < LIMIT
    with zipfile.ZipFile(file) as archive:
        names = set(archive.namelist())
    assert {"function_app.py", "model.yaml", "lifecycle/__pycache__/reconcile.cpython-313.pyc"} <= names
    assert not any(part in name for name in names for part in ("/tests/", "msgraph/generated/models", ".pyi"))
    assert f"sha256 {digest}" in list(summary(package, file, digest))
