"""Which version this is: as it was installed or deployed, else as pyproject.toml says beside these sources."""

import tomllib
from importlib import metadata
from pathlib import Path

_PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def version() -> str:
    """Return the version, as in 1.2.0. In a checkout the file is asked, so that no older installation answers."""
    if _PROJECT.is_file():
        return str(tomllib.loads(_PROJECT.read_text(encoding="utf-8"))["project"]["version"])
    return metadata.version("lifecycle")
