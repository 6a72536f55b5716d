"""Reading one person whole from HR's system, when it gave notice that something about them changed."""

from collections.abc import Mapping
from typing import Protocol

from lifecycle.core.snapshot import Entry, Terms


class Fetch(Protocol):
    """One HR system that gives notices: it says of whom, and is asked what is so."""

    @property
    def terms(self) -> Terms:
        """What was agreed with it as a source: its events carry `source`."""
        ...

    def named(self, headers: Mapping[str, str], body: bytes) -> tuple[str, ...]:
        """Return the references, in the system's own form, of those whom a notice names.

        Nothing else is taken from a notice. Header names come in any case.

        Raises:
            Untrusted: its signature is missing or not the system's.
            MalformedEvent: it is signed, and no notice.

        """
        ...

    async def person(self, reference: str) -> Entry | None:
        """Return the person as they are now, whole; None when the system has nobody by that reference.

        Raises `Transient` or `Throttled` when that cannot be known now, `Permanent` when the answer cannot be used.
        """
        ...
