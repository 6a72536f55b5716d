"""App settings: what `%NAME%` in a binding and the name of a connection stand for.

The worker library leaves both as they are; the host resolves them, and this one refuses what it cannot resolve.
"""

import re
from collections.abc import Mapping

from sandbox.host.errors import HostError

_REFERENCE = re.compile(r"%([^%\s]+)%")


def resolve(text: str, settings: Mapping[str, str], *, where: str) -> str:
    """Replace every `%NAME%` in `text` by that setting; raise `HostError` naming `where` when one is not set."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if not settings.get(name):
            raise HostError(f"{where} refers to the app setting {name}, which is not set. Set it, or correct the name.")
        return settings[name]

    return _REFERENCE.sub(value, text)


def connection(name: str, settings: Mapping[str, str], *, where: str) -> str:
    """Return the connection string that a binding's `connection` names; raise `HostError` when there is none."""
    if not settings.get(name):
        raise HostError(f"{where} uses the connection {name}, but no app setting of that name holds one. Set {name}.")
    return settings[name]
