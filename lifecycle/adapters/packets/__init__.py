"""Evidence packets as files: a page that prints, a table for spreadsheets, JSON; each written as it is gathered.

A writer is told the cover, then each person, then the closing; it keeps nothing. Whatever a field says may come from
outside: it is text in the page, no formula in the table, and steers nothing.
"""

from typing import Protocol

from lifecycle.core.packet import Closing, Cover, Part


class Writer(Protocol):
    """Writes one packet, in this order of calls."""

    def begin(self, cover: Cover) -> None:
        """Write the top."""
        ...

    def add(self, part: Part) -> None:
        """Write one person."""
        ...

    def end(self, closing: Closing) -> None:
        """Write the end."""
        ...
