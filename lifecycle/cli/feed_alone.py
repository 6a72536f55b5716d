"""Tries a list by itself: on a first day there are a model, a mapping and a file, and neither settings nor records.

The reader, the mapping and `lifecycle.feed` are those of every other day; only the records know nothing. So what is
reported is what the very first list of its source would say, and `UNKNOWN` is what cannot be told from here.
"""

from collections.abc import Sequence
from datetime import datetime

from lifecycle.adapters.clock import SystemClock
from lifecycle.core.snapshot import Snapshot
from lifecycle.feed import Feed, FeedReport
from lifecycle.ports import Change, Message, Queue, Row

UNKNOWN = (
    "tried on the file alone, so everybody in it is new. Only the app's records can tell who was known before, who "
    "moved, who is missing, whether too many are (`shrink`), and whether a later list was taken already"
)
"""What a list by itself cannot tell."""


async def alone(found: Snapshot, *, as_of: datetime | None) -> FeedReport:
    """Return what the list says that nobody had said before. Raises as `Feed.take` does."""
    return await Feed(_Blank(), _Closed(), SystemClock()).take(found, as_of=as_of, dry_run=True)


class _Blank:
    """Implements `Records`: there is nothing, and a dry run writes nothing."""

    async def read(self, partition: str, key: str) -> Row | None:
        """Return None."""

    async def rows(
        self,
        partition: str,  # noqa: ARG002 - the port's, like the others
        *,
        after: str = "",  # noqa: ARG002
        before: str = "",  # noqa: ARG002
        limit: int = 0,  # noqa: ARG002
    ) -> list[Row]:
        """Return none."""
        return []

    async def write(self, partition: str, changes: Sequence[Change]) -> dict[str, str]:
        """Refuse: a dry run that comes here is a defect."""
        raise AssertionError(partition, len(changes))


class _Closed:
    """Implements `Bus`: nothing goes."""

    async def send(self, queue: Queue, messages: Sequence[Message], *, at: datetime | None = None) -> None:
        """Send nothing."""
