"""The files a page needs, each served under a name that holds its hash, so that a browser may keep it for good."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PATH = "/dashboard/static/"

_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_HASH = 12


@dataclass(frozen=True, slots=True)
class Asset:
    """A file: the name under which it is served, its type and its bytes."""

    name: str
    type: str
    content: bytes


@cache
def assets() -> dict[str, Asset]:
    """Return the files by their own names."""
    return {path.name: _read(path) for path in sorted(_FOLDER.iterdir()) if path.suffix in _TYPES}


def asset(name: str) -> Asset | None:
    """Return the file that is served under a name, None when there is none (or none any more)."""
    return next((one for one in assets().values() if one.name == name), None)


def address(name: str) -> str:
    """Return where a page finds a file. Raises `KeyError` for one that is not there."""
    return f"{PATH}{assets()[name].name}"


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    mark = hashlib.sha256(content).hexdigest()[:_HASH]
    stem, _, _ = path.name.partition(".")
    return Asset(f"{stem}.{mark}{path.suffix}", _TYPES[path.suffix], content)
