"""The chain `erasures`: which chains were erased by which rule, so that an erased chain is not taken for a removed one.

It names a chain by its hash, as seals do: what was erased cannot be read from it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from lifecycle.core.evidence import Detail, Tag
from lifecycle.core.proof import Point
from lifecycle.ports import Delete, Put, Records
from lifecycle.records import moved
from lifecycle.records.ledger import HEAD, Head, chain_in, enter, partition_of

CHAIN = "erasures"
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Erased:
    """A chain that was erased: how long it was and where it ended, and the newest seal there was by then."""

    chain: str
    length: int
    head: str
    seal: int

    def rest(self, points: Sequence[Point]) -> Sequence[Point]:
        """Return the points that are about what began under that name since."""
        last = max(
            (place for place, one in enumerate(points, start=1) if one.seal <= self.seal or self._is(one)), default=0
        )
        return points[last:]

    def _is(self, point: Point) -> bool:
        return (point.length, point.head) == (self.length, self.head)


async def write_down(records: Records, one: Erased, how: Detail, *, at: datetime, cause: str) -> None:
    """Say that a chain is about to be erased, once however often that is begun; `how` is by which rule, and who asked.

    It is written before anything is erased.
    """
    row = f"e-{one.chain}-{one.head}"
    if await records.read(partition_of(CHAIN), row) is None:
        detail = {"chain": one.chain, "length": one.length, "head": one.head, "seal": one.seal, **how}
        await enter(records, CHAIN, Tag.ERASED, detail, Put(row, b"1"), at=at, cause=cause)


async def erase_chain(records: Records, place: str, head: Head) -> None:
    """Erase a chain and all state in its partition, the head last: until then it says that it is being erased.

    Raises `Lost` when the chain has moved.
    """
    while rows := await records.rows(place, before=HEAD, limit=_BATCH):
        await records.write(place, [Delete(row.key) for row in rows])
    while rows := await records.rows(place, after=f"{HEAD} ", limit=_BATCH):
        await records.write(place, [Delete(row.key) for row in rows])
    if head.etag:
        await records.write(place, [Delete(HEAD, head.etag)])
    await moved.forget(records, place)


async def all_erased(records: Records) -> dict[str, list[Erased]]:
    """Return every erasure by its chain, in the order in which they were made."""
    found: dict[str, list[Erased]] = {}
    for record in await chain_in(records, partition_of(CHAIN)):
        said = record.detail
        one = Erased(str(said["chain"]), int(str(said["length"])), str(said["head"]), int(str(said["seal"])))
        found.setdefault(one.chain, []).append(one)
    return found


def still_there(points: Sequence[Point], erasures: Iterable[Erased]) -> Sequence[Point]:
    """Return what seals say of a chain since it was last erased."""
    for one in erasures:
        points = one.rest(points)
    return points
