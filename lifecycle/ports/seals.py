"""Where seals are kept: what was put there once is not put there again, so that nobody rewrites what was sealed."""

from collections.abc import Sequence
from typing import Protocol


class Seals(Protocol):
    """Named bodies that are written once and stay. Names are lower-case letters, digits and hyphens, at most 60."""

    async def put(self, name: str, body: bytes) -> None:
        """Keep the body under a name that has none yet; whole or not at all.

        Raises `Lost` when the name is taken (also by this very body, when an answer was lost and the call repeated).
        """
        ...

    async def get(self, name: str) -> bytes | None:
        """Return the body, None where there is none of that name."""
        ...

    async def names(self) -> Sequence[str]:
        """Return all names, in their order."""
        ...
