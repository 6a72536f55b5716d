"""How far a sweep over a package is: where to read on, and what was seen, page by page, so that it can be resumed.

Partition `sweep-…`, one for each run and subject: a head, and a row a page. Dropped when the sweep is over.
"""

from array import array
from dataclasses import dataclass, field

from lifecycle.ports import Delete, Put, Records
from lifecycle.records.keys import pack, safe, unpack

_BATCH = 100


@dataclass(frozen=True, slots=True)
class Stray:
    """A row in the directory that the index does not have like this, and whom it is of, if anybody."""

    assignment: str
    user: str
    person: str = ""
    auto: bool = False


@dataclass(frozen=True, slots=True)
class _Page:
    seen: bytes = b""
    strays: tuple[Stray, ...] = ()


@dataclass(slots=True)
class Checkpoint:
    """A sweep under way: the link of the next page, how many pages and rows were read, and what they held."""

    records: Records
    partition: str
    link: str = ""
    pages: int = 0
    rows: int = 0
    strays: list[Stray] = field(default_factory=list)
    seen: array[int] = field(default_factory=lambda: array("Q"))

    async def keep(self, link: str, seen: list[int], strays: list[Stray], rows: int) -> None:
        """Keep what one page held, and where to read on."""
        page = _Page(array("Q", seen).tobytes(), tuple(strays))
        head = {"link": link, "pages": self.pages + 1, "rows": self.rows + rows}
        await self.records.write(self.partition, [Put("head", pack(head)), Put(f"p-{self.pages:08d}", pack(page))])
        self.link, self.pages, self.rows = link, self.pages + 1, self.rows + rows
        self.strays += strays

    async def drop(self) -> None:
        """Forget all of it: the sweep is over, or begins anew."""
        while rows := await self.records.rows(self.partition, limit=_BATCH):
            await self.records.write(self.partition, [Delete(row.key) for row in rows])
        self.link, self.pages, self.rows = "", 0, 0
        self.strays, self.seen = [], array("Q")


async def open_checkpoint(records: Records, run: str, about: str) -> Checkpoint:
    """Return where the sweep was left; at its beginning when it has not begun."""
    found = Checkpoint(records, f"sweep-{safe(run)}|{safe(about)}")
    head = await records.read(found.partition, "head")
    if head is None:
        return found
    content = unpack(dict[str, str | int], head.value)
    found.link, found.pages, found.rows = str(content["link"]), int(content["pages"]), int(content["rows"])
    for row in await records.rows(found.partition, after="p-", before="q"):
        page = unpack(_Page, row.value)
        found.seen.frombytes(page.seen)
        found.strays += page.strays
    return found
