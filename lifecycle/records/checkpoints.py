"""How far a sweep over a package is: where to read on, and what was seen until there, so that it can be resumed.

Partition `sweep-…`, one for each run and subject: a head, and a row for every page. Where pages come faster than they
can be saved, several share a row, and are read again when the sweep dies between. Dropped when the sweep is over.

Saving is conditional on the head: of two who are at the same sweep, as when a message is delivered again while it is
worked on, one goes on.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lifecycle.ports import Change, Delete, Insert, Put, Records, Replace
from lifecycle.records.keys import pack, safe, unpack

_BATCH = 100
_PAGES = 10
_EVERY = timedelta(seconds=0.2)  # Graph takes as long for a page, so that each is saved
_SEEN = 4000  # 32 KB
_STRAYS = 150  # of these a row holds few: they are told in full


@dataclass(frozen=True, slots=True)
class Stray:
    """A row in the directory that the index does not have like this, and whom it is of, if anybody."""

    assignment: str
    user: str
    person: str = ""
    auto: bool = False


@dataclass(frozen=True, slots=True)
class _Pages:
    seen: bytes = b""
    strays: tuple[Stray, ...] = ()


@dataclass(slots=True)
class Checkpoint:
    """A sweep under way: the link of the next page, how many pages and rows were read, and what they held.

    That of a dry run has no partition, and is never kept.
    """

    records: Records
    partition: str
    link: str = ""
    pages: int = 0
    rows: int = 0
    strays: list[Stray] = field(default_factory=list)
    seen: array[int] = field(default_factory=lambda: array("Q"))
    etag: str = ""
    _noted: int = 0
    _saved_at: datetime | None = None
    _seen: array[int] = field(default_factory=lambda: array("Q"))
    _strays: list[Stray] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether the last page was read: a sweep that died behind it must not begin anew."""
        return self.pages > 0 and not self.link

    async def keep(self, link: str, seen: Sequence[int], strays: list[Stray], rows: int, now: datetime) -> None:
        """Take note of what one page held, and where to read on; saved now, or soon with the next ones.

        Raises as `save` does.
        """
        self.link, self.pages, self.rows = link, self.pages + 1, self.rows + rows
        self.strays += strays
        self._noted += 1
        self._seen.extend(seen)
        self._strays += strays
        full = self._noted >= _PAGES or len(self._seen) >= _SEEN or len(self._strays) >= _STRAYS
        if full or self._saved_at is None or now - self._saved_at >= _EVERY:
            self._saved_at = now
            await self.save()

    async def save(self) -> None:
        """Save what was noted since the last time. Raises `Lost` when somebody else is at this sweep as well."""
        if not self._noted:
            return
        value = pack({"link": self.link, "pages": self.pages, "rows": self.rows})
        head: Change = Replace("head", value, self.etag) if self.etag else Insert("head", value)
        parts = [_Pages(self._seen.tobytes(), tuple(self._strays[:_STRAYS]))]
        rest = range(_STRAYS, len(self._strays), _STRAYS)
        parts += [_Pages(strays=tuple(self._strays[start : start + _STRAYS])) for start in rest]
        rows = [Put(f"p-{self.pages:08d}-{number:02d}", pack(part)) for number, part in enumerate(parts)]
        self.etag = (await self.records.write(self.partition, [head, *rows]))["head"]
        self._forget()

    def _forget(self) -> None:
        self._noted, self._seen, self._strays = 0, array("Q"), []

    async def drop(self) -> None:
        """Forget all of it: the sweep is over, or begins anew."""
        while self.partition and (rows := await self.records.rows(self.partition, limit=_BATCH)):
            await self.records.write(self.partition, [Delete(row.key) for row in rows])
        self.link, self.pages, self.rows = "", 0, 0
        self.strays, self.seen, self.etag = [], array("Q"), ""
        self._forget()


async def open_checkpoint(records: Records, run: str, about: str) -> Checkpoint:
    """Return where the sweep was left; at its beginning when it has not begun."""
    found = Checkpoint(records, f"sweep-{safe(run)}|{safe(about)}")
    head = await records.read(found.partition, "head")
    if head is None:
        await found.drop()  # what a death in the middle of dropping left
        return found
    found.etag = head.etag
    content = unpack(dict[str, str | int], head.value)
    found.link, found.pages, found.rows = str(content["link"]), int(content["pages"]), int(content["rows"])
    for row in await records.rows(found.partition, after="p-", before=f"p-{found.pages:08d}."):
        page = unpack(_Pages, row.value)
        found.seen.frombytes(page.seen)
        found.strays += page.strays
    return found
