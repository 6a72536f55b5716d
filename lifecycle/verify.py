"""Recomputes every chain and every seal, and says up to where the evidence is proved and what is not as it was written.

Reads only. Chains are read one after the other, some side by side; what the seals say of them lies on disk meanwhile.
The app may be at work: a chain that does not fit is read once more before anything is said of it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import batched

from lifecycle.core.proof import Break, Chain, Kind, Point, Stored, content_of
from lifecycle.core.seal import Seal
from lifecycle.fold import Fold
from lifecycle.ports import Ports, Records, Row
from lifecycle.records import erasures, ledger, moved
from lifecycle.records.erasures import Erased
from lifecycle.seal import CHAIN as SEALS

_AT_ONCE = 32
_BEHIND_HEAD = f"{ledger.HEAD} "


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written: in a chain (its partition, or its hash where that is lost) or a seal."""

    chain: str
    broken: Break


@dataclass(slots=True)
class Verified:
    """What came of it: up to `seal` so many chains and records are proved, behind it records are consistent."""

    seal: int = 0
    sealed_at: datetime | None = None
    seals: int = 0
    chains: int = 0
    records: int = 0
    unsealed_chains: int = 0
    unsealed_records: int = 0
    erased: int = 0
    findings: list[Finding] = field(default_factory=list)

    def count(self, length: int, points: Sequence[Point]) -> None:
        """Count a chain that is whole."""
        sealed = max((point.length for point in points), default=0)
        self.chains += bool(sealed)
        self.unsealed_chains += not sealed
        self.records += sealed
        self.unsealed_records += length - sealed


@dataclass(frozen=True, slots=True)
class _Told:
    """What others say of a chain: seals, and the chain of erasures."""

    points: Mapping[str, Sequence[Point]]
    erased: Mapping[str, Sequence[Erased]]

    def of(self, name: str) -> Sequence[Point]:
        return erasures.still_there(self.points.get(name, ()), self.erased.get(name, ()))

    def erasing(self, name: str, head: tuple[int, str] | None) -> bool:
        """Whether a chain that was said to be erased is still there in part: whoever was at it died."""
        last = self.erased.get(name, ())[-1:]
        return any((one.length, one.head) == head for one in last)


async def verify(
    ports: Ports, *, places: Collection[str] | None = None, step: Callable[[], None] = lambda: None
) -> Verified:
    """Verify all chains, or those in the partitions `places`, against all seals; `step` is called at each.

    Raises what records and seals raise: nothing is said then, and nothing passes for whole.
    """
    found = Verified()
    with Fold() as fold:
        await fold.read(ports.seals, await _named(ports.records), step)
        _seals(found, fold)
        erased = await erasures.all_erased(ports.records)
        for shard in moved.SHARDS:
            chosen = None if places is None else {moved.chain_id(one): one for one in places}
            told = _Told(fold.points(shard), erased)
            await _shard(ports.records, shard, chosen, told, found, step)
    return found


def _seals(found: Verified, fold: Fold) -> None:
    newest: Seal | None = fold.newest
    found.seals = fold.count
    found.findings += [Finding("seals", one.broken) for one in fold.breaks]
    if newest is not None:
        found.seal, found.sealed_at = newest.number, newest.at


async def _named(records: Records) -> dict[int, str]:
    """Return what the chain `seals` says: each seal's hash. That the chain itself is whole is verified like any."""
    named: dict[int, str] = {}
    for row in _entries(await _rows(records, ledger.partition_of(SEALS))):
        content = content_of(row.value)
        number, digest = (content["detail"].get("seal"), content["detail"].get("hash")) if content else (None, None)
        if isinstance(number, int) and isinstance(digest, str):
            named[number] = digest
    return named


async def _shard(  # noqa: PLR0917 - what is verified, what is known of it, where it is noted down
    records: Records,
    shard: str,
    chosen: Mapping[str, str] | None,
    told: _Told,
    found: Verified,
    step: Callable[[], None],
) -> None:
    seen: set[str] = set()
    async for some in _batches(records, shard, chosen):
        seen.update(name for name, _ in some)
        works = [_chain(records, name, place, told) for name, place in some]
        for (name, place), (length, broken) in zip(some, await asyncio.gather(*works), strict=True):
            points = told.of(name)
            if broken is not None:
                found.findings.append(Finding(place, broken))
            elif length:
                found.count(length, points)
            step()
    if chosen is not None:
        return
    found.erased += sum(name[0] == shard for name in told.erased)
    for name in sorted(told.points.keys() - seen):
        if points := told.of(name):
            text = f"seal {points[-1].seal} has {points[-1].length} records of it, and the index of chains has no name"
            found.findings.append(Finding(name, Break(Kind.VANISHED, 1, text)))


async def _batches(
    records: Records, shard: str, chosen: Mapping[str, str] | None
) -> AsyncIterator[list[tuple[str, str]]]:
    """Yield hash and partition of the chains of a shard, some at a time."""
    if chosen is not None:
        for some in batched([one for one in chosen.items() if one[0][0] == shard], _AT_ONCE, strict=False):
            yield list(some)
        return
    waiting: list[tuple[str, str]] = []
    async for one in moved.all_chains(records, shard):
        waiting.append(one)
        if len(waiting) == _AT_ONCE:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


async def _chain(records: Records, name: str, place: str, told: _Told) -> tuple[int, Break | None]:
    """Return how long a chain is and what is wrong with it; what seems wrong is read once more."""
    if moved.chain_id(place) != name:
        return 0, Break(Kind.ALTERED, 0, f"the index of chains names it under {name}, which is the hash of another")
    length, broken = 0, None
    for _ in range(2):
        rows = await _rows(records, place)
        if told.erasing(name, _head(rows)):
            return 0, None
        entries = _entries(rows)
        chain = Chain(
            partial(ledger.belongs, partition=place), [_stored(row) for row in entries], _head(rows), told.of(name)
        )
        length, broken = len(entries), chain.first_break()
        if broken is None:
            break
    return length, broken


async def _rows(records: Records, place: str) -> list[Row]:
    """Return a chain's records and, behind them, its head."""
    return await records.rows(place, before=_BEHIND_HEAD)


def _entries(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.key != ledger.HEAD]


def _head(rows: Sequence[Row]) -> tuple[int, str] | None:
    """Return what the head says; one that cannot be read says nothing that fits."""
    if not rows or rows[-1].key != ledger.HEAD:
        return None
    try:
        head = ledger.head_from(rows[-1])
    except (ValueError, KeyError):
        return -1, ""
    return head.length, head.hash


def _stored(row: Row) -> Stored:
    return Stored(ledger.number_in(row.key), row.value)
