"""A Workday report as a file: what Report-as-a-Service answers with `format=json`, one `Report_Entry` a worker.

The report must be of everybody, so its rows are the whole list. Workday leaves out what is empty, hence `optional` in
the mapping; a group of related objects is a list, from which `[only]` takes the one that is meant.
"""

from lifecycle.adapters.feed_paths import DOUBLED
from lifecycle.adapters.feed_rows import Faults, snapshot
from lifecycle.adapters.json_feed import items, tree_of
from lifecycle.adapters.mapping import FeedMapping
from lifecycle.core.snapshot import Snapshot

ROWS = "Report_Entry"


def read(content: bytes, mapping: FeedMapping) -> Snapshot:
    """Read the file. Raises `Misconfigured` with everything that is wrong with it, by row."""
    faults = Faults(mapping.terms.source)
    tree = tree_of(content, mapping, faults)
    found = tree.get(ROWS)
    if found is None or found is DOUBLED:
        faults.add(f"`{ROWS}` is {'there twice' if found else 'not there'}: is this the report, asked for as JSON?")
        raise faults.refuse()
    return snapshot(items(found, ROWS, faults), mapping, faults)
