"""Builds what is deployed, `build/package`, and the same as one zip file, and prints how large both are.

Of the project: what git tracks and `.funcignore` lets through, and an access model as `model.yaml`. Of libraries: what
requirements.txt pins, as wheels for Linux and Python 3.13 whatever this machine is, in the folder where Functions'
Python worker looks for them, compiled. Left out is what nothing here imports (`needed`): nearly all of msgraph-sdk,
which is more than everything else together. A cold start fetches this package and imports from it: somebody waits.

The same inputs give the same bytes, so two packages can be compared by their digest. Connects to the package index
that this machine has configured, and to nothing with `--site-packages`.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.metadata import distributions
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from scripts.check_requirements import pins

type File = tuple[Path, PurePosixPath]
"""Where a library's file lies, and its path in site-packages."""

ROOT = Path(__file__).parents[1]
LIBRARIES = PurePosixPath(".python_packages/lib/site-packages")
"""Where Functions' Python worker looks beside the app's own folder."""
LIMIT = 60_000_000
"""Bytes of the zip file, beyond which something slipped in."""
_MODEL = "model.yaml"
_IGNORE = ".funcignore"
_NOTHING_IGNORED = "# Without this file azd would leave the bytecode out. It deploys all the rest, and not this.\n"
_PLATFORM = "x86_64-manylinux_2_28"
_PYTHON = "3.13"
_GENERATED = PurePosixPath("msgraph/generated")
_IMPORTED = {_GENERATED / "base_graph_service_client.py"}  # by msgraph/__init__.py; it imports the rest when asked to
_TREES = {"__pycache__", "bin", "tests"}
_SUFFIXES = {".c", ".cpp", ".h", ".hash", ".pxd", ".pyc", ".pyi", ".pyx"}
_ALIKE = (1980, 1, 1, 0, 0, 0)


def needed(path: PurePosixPath) -> bool:
    """Tell whether a file of site-packages is deployed: not the SDK's request builders and models, tests, or stubs.

    The list of what pip installed (RECORD) goes too, since it would no longer be true.
    """
    if path.is_relative_to(_GENERATED):
        return path in _IMPORTED
    return not _TREES & set(path.parts[:-1]) and path.suffix not in _SUFFIXES and path.name != "RECORD"


def app_files(root: Path = ROOT) -> list[PurePosixPath]:
    """Return what of the project is deployed: tracked by git, and not in `.funcignore`."""
    tracked = _git(root, "ls-files", "-z", "--cached")
    left_out = set(_git(root, "ls-files", "-z", "--cached", "--ignored", "--exclude-from=.funcignore"))
    return [PurePosixPath(name) for name in tracked if name not in left_out and (root / name).is_file()]


def _git(root: Path, *arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)  # noqa: S603, S607 - git, and options from above
    return [name for name in done.stdout.decode().split("\0") if name]


def installed(root: Path, site: Path) -> Iterator[File]:
    """Yield the files of the pinned libraries in `site`. Raises `LookupError` for one that is not as pinned."""
    wanted = pins(root / "requirements.txt")
    for one in distributions(path=[str(site)]):
        if wanted.get(canonicalize_name(one.name)) == one.version:
            del wanted[canonicalize_name(one.name)]
            for path in one.files or ():
                if not path.is_absolute() and ".." not in path.parts:  # commands, which are in another folder
                    yield site / path, PurePosixPath(path)
    if wanted:
        raise LookupError(f"{site} does not hold what requirements.txt pins: {', '.join(sorted(wanted))}; make setup")


def downloaded(root: Path, into: Path) -> Iterator[File]:
    """Install the pinned libraries for where the app runs, by their hashes, and yield their files."""
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(into), "--require-hashes"]
    uv += ["--only-binary", ":all:", "--python-platform", _PLATFORM, "--python-version", _PYTHON]
    subprocess.run([*uv, "-r", str(root / "requirements.txt")], check=True)  # noqa: S603 - this interpreter, and uv
    for path in into.rglob("*"):
        if path.is_file():
            yield path, PurePosixPath(path.relative_to(into).as_posix())


def build(root: Path, package: Path, libraries: Iterable[File], model: Path | None = None) -> None:
    """Fill the folder `package` anew. Without `model` the settings must name one that is found otherwise."""
    shutil.rmtree(package, ignore_errors=True)
    for name in app_files(root):
        _copy(root / name, package / name)
    if model is not None:
        _copy(model, package / _MODEL)
    for source, path in libraries:
        if needed(path):
            _copy(source, package / LIBRARIES / path)
    # So that the deployed app can say which version it is, as an installed one can.
    about = package / LIBRARIES / f"lifecycle-{version(root)}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: lifecycle\nVersion: {version(root)}\n", encoding="utf-8"
    )
    (package / _IGNORE).write_text(_NOTHING_IGNORED, encoding="utf-8")


def compiled(package: Path) -> None:
    """Put bytecode beside every source. Azure mounts a package to be read only, so each start would compile it again.

    Checked against nothing, since nobody changes a source there; without this machine's paths, which an import puts
    right. In a process of its own, so that what else this one has loaded leaves no mark on the bytes.
    """
    options = ["-s", str(package), "--invalidation-mode", "unchecked-hash", str(package)]
    compileall = [sys.executable, "-I", "-S", "-m", "compileall", "-q"]
    subprocess.run([*compileall, *options], check=True)  # noqa: S603 - this interpreter


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def version(root: Path = ROOT) -> str:
    """Return the project's version."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def files_of(package: Path) -> list[Path]:
    """Return what is deployed of a package, always in the same order."""
    return sorted(path for path in package.rglob("*") if path.is_file() and path != package / _IGNORE)


def zipped(package: Path, file: Path) -> str:
    """Write the package as a zip file without anything of this machine in it, and return its SHA-256."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files_of(package):
            entry = zipfile.ZipInfo(path.relative_to(package).as_posix(), _ALIKE)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o100644 << 16, 3
            archive.writestr(entry, path.read_bytes())
    return hashlib.sha256(file.read_bytes()).hexdigest()


def summary(package: Path, file: Path, digest: str) -> Iterator[str]:
    """Yield what somebody wants to know of a package, in lines."""
    sizes: Counter[str] = Counter()
    for path in files_of(package):
        inside = path.relative_to(package)
        at = PurePosixPath(inside.as_posix())
        name = at.relative_to(LIBRARIES).parts[0] if at.is_relative_to(LIBRARIES) else at.parts[0]
        sizes[name] += path.stat().st_size
    yield f"{file}  {file.stat().st_size / 1e6:.1f} MB, unpacked {sizes.total() / 1e6:.1f} MB in {package}"
    yield f"sha256 {digest}"
    yield "largest: " + ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sizes.most_common(8))


def main() -> int:
    """Build it; return 1 when it is too large."""
    parser = argparse.ArgumentParser(description="Build what is deployed.")
    parser.add_argument("--model", type=Path, help="the access model to deploy, as model.yaml")
    parser.add_argument("--site-packages", type=Path, help="take the libraries from here instead of downloading them")
    parser.add_argument("--into", type=Path, default=ROOT / "build", help="default: build")
    given = parser.parse_args()
    if given.model is not None and not given.model.is_file():
        parser.error(f"there is no access model {given.model}; `lifecycle init` begins one, examples/model.yaml is one")
    package, file = given.into / "package", given.into / f"lifecycle-{version()}.zip"
    with tempfile.TemporaryDirectory(prefix="lifecycle-package-") as folder:
        found = installed(ROOT, given.site_packages) if given.site_packages else downloaded(ROOT, Path(folder))
        build(ROOT, package, found, given.model)
    compiled(package)
    digest = zipped(package, file)
    sys.stdout.write("".join(f"{line}\n" for line in summary(package, file, digest)))
    if file.stat().st_size > LIMIT:
        sys.stderr.write(f"error: {file} is larger than {LIMIT / 1e6:.0f} MB; see `needed` in scripts/package.py\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
