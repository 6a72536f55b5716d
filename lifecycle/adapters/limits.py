"""What a row may be, checked before any store sees it, so that every store refuses the same.

The narrowest store sets the limits, Azure Table Storage: a property holds 64 KiB, a key 1 KiB of UTF-16, a batch 100
changes and 4 MiB, the values in Base64. Keys come from outside and may be hostile.
Source: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

import re
from collections.abc import Sequence

from lifecycle.errors import Permanent
from lifecycle.ports import Change, Delete

MAX_VALUE = 60 * 1024
MAX_KEY = 500
MAX_CHANGES = 100
MAX_WRITE = 2 * 1024 * 1024
FORBIDDEN = frozenset("/\\#?")
_SEAL = re.compile(r"[a-z0-9-]{1,60}")
TWO_UNITS = "\ue000"  # from here on a character takes two units in a table (see adapters/tables/names.py)


def check_name(name: str, *, what: str = "key") -> None:
    """Check a key or the name of a partition.

    Raises:
        Permanent: it is empty, longer than 500 UTF-16 units, or holds a character that a store cannot keep.

    """
    if not name:
        raise Permanent(f"A {what} is empty; every row needs one.")
    for place, character in enumerate(name):
        if character in FORBIDDEN or not character.isprintable():
            raise Permanent(
                f"A {what} holds U+{ord(character):04X} at position {place}; encode what comes from outside first."
            )
    if (length := len(name) + sum(character >= TWO_UNITS for character in name)) > MAX_KEY:
        raise Permanent(f"A {what} takes {length} UTF-16 units, more than {MAX_KEY}; store a hash of it instead.")


def check_bound(bound: str) -> None:
    """Check a bound of a listing; it need not be a key, so that a prefix can end in the last code point.

    Raises:
        Permanent: it holds a lone surrogate, which no store can compare.

    """
    if not bound.isprintable() and any("\ud800" <= character <= "\udfff" for character in bound):
        raise Permanent("A bound of a listing holds a lone surrogate; encode what comes from outside first.")


def check_changes(changes: Sequence[Change]) -> None:
    """Check the changes of one write.

    Raises:
        ValueError: more than 100 changes, or two of one key: the caller is wrong.
        Permanent: a key or a value is, or the values together are, more than a store takes.

    """
    if len(changes) > MAX_CHANGES:
        raise ValueError(f"{len(changes)} changes in one write; at most {MAX_CHANGES} go together.")
    if len({change.key for change in changes}) < len(changes):
        raise ValueError("Two changes of one write are about one key; a write makes one change a key.")
    total = 0
    for change in changes:
        check_name(change.key)
        if isinstance(change, Delete):
            continue
        size = len(change.value)
        total += size
        if size > MAX_VALUE:
            raise Permanent(f"A value has {size} bytes, more than {MAX_VALUE}; keep it as a body and store its name.")
    if total > MAX_WRITE:
        raise Permanent(f"The values of one write have {total} bytes, more than {MAX_WRITE}; write them in parts.")


def check_seal(name: str) -> None:
    """Check the name of a seal.

    Raises:
        Permanent: it is not 1 to 60 small letters, digits and hyphens.

    """
    if not _SEAL.fullmatch(name):
        raise Permanent("A seal's name is 1 to 60 small letters, digits and hyphens.")
