"""Who holds what as we last saw it, by package: what a drift sweep expects to find in the directory.

Partition `holders-…`, one a package, a row an assignment (or, where one is wanted and there is none, a row without).
Each person's own part is remembered in their dossier, so that a look writes only what has changed: the index first,
the dossier then, so that a crash leaves a difference that the next look sees.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

from lifecycle.ports import Change, Delete, Put, Records, Row, Sighting
from lifecycle.records.dossier import Dossier, put_view
from lifecycle.records.keys import plain, safe

_CHUNK = 1000
_SHORT = 90
_ORDINARY = b"abcdefghijklmnopqrstuvwxyz0123456789-"
_BATCH = 100


class Mark(StrEnum):
    """What we make of a row: justified; not justified and not ours; an auto policy's without a reason; not there."""

    JUSTIFIED = "j"
    UNEXPLAINED = "u"
    AUTOMATIC = "a"
    MISSING = "m"


@dataclass(frozen=True, slots=True)
class Holder:
    """One row of the index."""

    user: str
    assignment: str
    mark: Mark
    ends: datetime | None
    person: str


@lru_cache(maxsize=10_000)
def seconds(ends: datetime | None) -> int:
    """Return an end as whole seconds since 1970, 0 for none: what is compared with the directory's."""
    return 0 if ends is None else int(ends.timestamp())


async def note(dossier: Dossier, user: str, rows: Mapping[str, list[Holder]]) -> None:
    """Make the index say what `rows` (by package) say of this person's user."""
    view = {
        f"{package}|{key_of(user, row.assignment)}": f"{row.mark}{seconds(row.ends)}|{row.person}"
        for package, holders in rows.items()
        for row in holders
    }
    if view == dossier.view:
        return
    changes: dict[str, list[Change]] = {}
    for name, value in view.items():
        if dossier.view.get(name) != value:
            package, _, key = name.partition("|")
            changes.setdefault(package, []).append(Put(key, value.encode()))
    for name in dossier.view.keys() - view.keys():
        package, _, key = name.partition("|")
        changes.setdefault(package, []).append(Delete(key))
    for package, some in sorted(changes.items()):
        for start in range(0, len(some), _BATCH):
            await dossier.records.write(_partition(package), some[start : start + _BATCH])
    await dossier.remember(put_view(dossier, view))


def wanted(dossier: Dossier) -> frozenset[str]:
    """Return the packages that were justified when the person was last looked at."""
    found = {Mark.JUSTIFIED.value, Mark.MISSING.value}
    return frozenset(name.partition("|")[0] for name, value in dossier.view.items() if value[0] in found)


def remembered(dossier: Dossier) -> list[tuple[str, Holder]]:
    """Return a person's own part of the index as it was written at the last look: (package, row)."""
    parts = [(name.partition("|"), value) for name, value in dossier.view.items()]
    return [(package, parse(Row(key, value.encode(), ""))) for (package, _, key), value in parts]


async def raw(records: Records, package: str, *, after: str = "", before: str = "") -> AsyncIterator[list[Row]]:
    """Yield the index of a package (`after <= key < before`) in chunks of rows, unread: a sweep looks at very many."""
    while True:
        rows = await records.rows(_partition(package), after=after, before=before, limit=_CHUNK)
        yield rows
        if len(rows) < _CHUNK:
            return
        after = rows[-1].key + "\x20"


def parse(row: Row) -> Holder:
    """Read a row of the index; the user is folded."""
    user, _, assignment = row.key.partition("|")
    end, _, person = row.value[1:].decode().partition("|")
    ends = datetime.fromtimestamp(int(end), tz=UTC) if int(end) else None
    return Holder(plain(user), plain(assignment), Mark(row.value[:1].decode()), ends, person)


def key_of(user: str, assignment: str) -> str:
    """Return the key of a row: two ids of Graph, nearly always, which a sweep reads a million of."""
    both = f"{user.casefold()}{assignment}".replace("-", "")
    if len(both) <= _SHORT and both.isascii() and both.encode().isalnum():
        return f"{user.casefold()}|{assignment}".replace("-", "~2d")
    return f"{safe(user.casefold())}|{safe(assignment)}"


def texts_of(rows: Sequence[Sighting]) -> list[bytes]:
    """Return what the index says of rows that are like these: key and end.

    At once, where all are ids as Graph makes them, in lower case: row by row it would take four times as long.
    """
    if not rows:
        return []
    lines = [f"{row.user}|{row.assignment}{seconds(row.ends)}" for row in rows]
    whole = "\n".join(lines).encode("ascii", "replace")
    if whole.translate(None, _ORDINARY) == b"\n".join([b"|"] * len(rows)) and max(map(len, lines)) <= _SHORT:
        return whole.replace(b"-", b"~2d").split(b"\n")
    return [f"{key_of(row.user, row.assignment)}{seconds(row.ends)}".encode() for row in rows]


def _partition(package: str) -> str:
    return f"holders-{safe(package)}"
