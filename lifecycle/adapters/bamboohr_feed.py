"""BambooHR's employees as a file: a report with all of them, or one as the API answers when asked for that one.

An employee alone says nothing of anybody else. BambooHR leaves out a field that the reader may not see, without an
error, so a field that is missing refuses the row unless the mapping says `optional`; `0000-00-00` is its empty date.
"""

from lifecycle.adapters.feed_paths import DOUBLED
from lifecycle.adapters.feed_rows import Faults, snapshot
from lifecycle.adapters.json_feed import Item, items, tree_of
from lifecycle.adapters.mapping import FeedMapping
from lifecycle.core.snapshot import Snapshot

ROWS = "employees"


def read(content: bytes, mapping: FeedMapping) -> Snapshot:
    """Read the file. Raises `Misconfigured` with everything that is wrong with it, by row."""
    faults = Faults(mapping.terms.source)
    tree = tree_of(content, mapping, faults)
    if ROWS not in tree:
        return snapshot([Item(1, tree)], mapping, faults, whole=False)
    if tree[ROWS] is DOUBLED:
        faults.add(f"`{ROWS}` is there twice")
        raise faults.refuse()
    return snapshot(items(tree[ROWS], ROWS, faults), mapping, faults)
