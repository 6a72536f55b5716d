"""SCIM 2.0 users (RFC 7643) as a file: a list response with everybody in it, or a single user.

A page of a longer list is refused: whoever is on another page would look like somebody who left. Names of attributes
are found in any case (RFC 7643, section 2.1). A single user says nothing of anybody else.
"""

from typing import Any

from lifecycle.adapters.feed_paths import Name, find
from lifecycle.adapters.feed_rows import Faults, snapshot
from lifecycle.adapters.json_feed import Item, items, tree_of
from lifecycle.adapters.mapping import FeedMapping
from lifecycle.core.snapshot import Snapshot

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


def read(content: bytes, mapping: FeedMapping) -> Snapshot:
    """Read the file. Raises `Misconfigured` with everything that is wrong with it, by row."""
    faults = Faults(mapping.terms.source)
    tree = tree_of(content, mapping, faults)
    if _says(tree, LIST):
        found = items(_whole(tree, faults), "Resources", faults, folded=True)
        for row in found:
            _check_user(row, faults)
        return snapshot(found, mapping, faults)
    one = Item(1, tree, folded=True)
    _check_user(one, faults)
    return snapshot([one], mapping, faults, whole=False)


def _whole(tree: dict[str, Any], faults: Faults) -> Any:
    """Return the resources of a response that has all of them; a list of nobody may leave them out."""
    found, total = _member(tree, "Resources", faults), _member(tree, "totalResults", faults)
    resources = found if isinstance(found, list) else []
    if not isinstance(total, int) or isinstance(total, bool):
        faults.add("`totalResults` is no number: nobody can say whether this is everybody")
    elif total != len(resources):
        faults.add(
            f"it holds {len(resources)} of {total} users: a page of a longer list, in which everybody else would seem "
            "to be missing. Put all pages into one `Resources`"
        )
    return found


def _member(tree: dict[str, Any], name: str, faults: Faults) -> Any:
    try:
        return find((Name(name),), tree, folded=True)
    except ValueError:
        faults.add(f"`{name}` is there twice")
        raise faults.refuse() from None


def _check_user(row: Item, faults: Faults) -> None:
    if not _says(row.tree, USER):
        faults.add(f"its `schemas` do not say that it is a user, `{USER}`", row.number)


def _says(tree: dict[str, Any], schema: str) -> bool:
    """Whether an object says of itself that it follows a schema; urns have no case."""
    try:
        schemas = find((Name("schemas"),), tree, folded=True)
    except ValueError:
        return False
    return isinstance(schemas, list) and any(
        isinstance(one, str) and one.casefold() == schema.casefold() for one in schemas
    )
