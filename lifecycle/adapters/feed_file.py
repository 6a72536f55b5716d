"""A file of workers is read in the format that its mapping names."""

from collections.abc import Callable, Mapping

from lifecycle.adapters import bamboohr_feed, csv_feed, scim_feed, workday_feed
from lifecycle.adapters.mapping import FeedMapping, Format
from lifecycle.core.snapshot import Snapshot

_READERS: Mapping[Format, Callable[[bytes, FeedMapping], Snapshot]] = {
    Format.CSV: csv_feed.read,
    Format.SCIM: scim_feed.read,
    Format.WORKDAY: workday_feed.read,
    Format.BAMBOOHR: bamboohr_feed.read,
}


def read(content: bytes, mapping: FeedMapping) -> Snapshot:
    """Read the file. Raises `Misconfigured` with everything that is wrong with it, each with its row."""
    return _READERS[mapping.format](content, mapping)
