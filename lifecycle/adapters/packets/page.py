"""A packet as one HTML page that stands alone and prints: no script, no address of anything, a policy that allows none.

Every text is escaped by the template and made visible first, and no attribute is made of data.
"""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lifecycle.core.packet import Closing, Cover, Entry, Part, Told, Value, wording
from lifecycle.core.visible import visible

_HERE = Path(__file__).parent


class Page:
    """Writes HTML, one person after the other."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._parts: Any = _template()

    def begin(self, cover: Cover) -> None:
        """Write the head and the cover."""
        style = (_HERE / "page.css").read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        self._out.write(self._parts.top(cover, style, digest))

    def add(self, part: Part) -> None:
        """Write one person, then each of their assignments."""
        self._out.write(self._parts.person(part))

    def end(self, closing: Closing) -> None:
        """Write the counts, and how the packet is checked."""
        self._out.write(self._parts.bottom(closing))


@cache
def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"seen": _seen, "grouped": _grouped}
    environment.tests |= {"told": lambda field: isinstance(field, Told)}
    return environment.get_template("page.html").module


def _seen(value: Value) -> str:
    return visible(wording(value))


def _grouped(entries: tuple[Entry, ...]) -> list[tuple[str, list[Entry]]]:
    """Return the entries by their names, in order."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(str(entry.name), []).append(entry)
    return list(found.items())
