"""Reads all seals and says where each of them has every chain; and whether the seals themselves are whole.

Seals name one another, and the chain `seals` names them all: a seal that was removed, replaced or altered shows in one
of the two. What they list is put down on disk by the first digit of the chain's hash, so that memory holds a sixteenth
of it at most, 76 bytes an entry before it is read.
"""

import struct
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import IO, Self

from lifecycle.core import seal as body_of
from lifecycle.core.evidence import GENESIS
from lifecycle.core.proof import Break, Kind, Point
from lifecycle.core.seal import Seal, entry_of, name_of, number_of
from lifecycle.ports import Seals

_ENTRY = struct.Struct(">I32sQ32s")
_IN_MEMORY = 4 * 2**20


@dataclass(frozen=True, slots=True)
class SealBreak:
    """A seal that is not as it was made."""

    seal: int
    broken: Break


@dataclass(frozen=True, slots=True)
class _Read:
    number: int
    hash: str
    before: str


@dataclass(slots=True)
class Fold:
    """All that the seals say, inside `async with fold(…)`; `breaks` are the seals that cannot be believed."""

    newest: Seal | None = None
    count: int = 0
    breaks: list[SealBreak] = field(default_factory=list)
    _files: list[IO[bytes]] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        for _ in range(16):
            self._files.append(self._stack.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY)))
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def points(self, shard: str) -> dict[str, list[Point]]:
        """Return what the seals that can be believed say of the chains of a shard, each in the seals' order."""
        bad = {one.seal for one in self.breaks}
        file = self._files[int(shard, 16)]
        file.seek(0)
        found: dict[str, list[Point]] = {}
        for seal, chain, length, head in _ENTRY.iter_unpack(file.read()):
            if seal not in bad:
                found.setdefault(chain.hex(), []).append(Point(seal, length, head.hex()))
        return found

    async def read(self, seals: Seals, named: Mapping[int, str], step: Callable[[], None]) -> None:
        """Read all seals; `named` is what the chain `seals` says: their hashes by number. Raises what `seals` raise."""
        known: dict[int, _Read] = {}
        for name in await seals.names():
            number = number_of(name)
            body = None if number is None else await seals.get(name)
            if number is None:
                self.breaks.append(SealBreak(0, Break(Kind.INSERTED, 0, f"{name!r} is no seal's name")))
            elif body is not None:
                self._take(number, body, known)
            step()
        self.count = len(known)
        for number in range(1, max([*known, *named], default=0) + 1):
            broken = _broken(number, known, named)
            if broken is not None and not any(one.seal == number for one in self.breaks):
                self.breaks.append(SealBreak(number, broken))
        self.breaks.sort(key=lambda one: one.seal)

    def _take(self, number: int, body: bytes, known: dict[int, _Read]) -> None:
        known[number] = _Read(number, body_of.hash_of(body), "")
        try:
            seal, lines = body_of.read(number, body)
        except ValueError as error:
            self.breaks.append(SealBreak(number, Break(Kind.ALTERED, number, str(error))))
            return
        known[number] = _Read(number, known[number].hash, seal.before)
        self.newest = seal
        for line in lines:
            one = entry_of(line)
            packed = _ENTRY.pack(number, bytes.fromhex(one.chain), one.length, bytes.fromhex(one.head))
            self._files[int(one.chain[0], 16)].write(packed)


def _broken(number: int, known: Mapping[int, _Read], named: Mapping[int, str]) -> Break | None:
    """Return what was done to a seal, None when it is whole."""
    mine, after, before = known.get(number), known.get(number + 1), known.get(number - 1)
    said = named.get(number)
    if mine is None:
        who = "the chain `seals` names it" if said else f"{name_of(max(known))} came after it"
        return Break(Kind.REMOVED, number, f"it is not there, and {who}")
    if said is not None and said != mine.hash:
        return Break(Kind.ALTERED, number, "it is not the one that the chain `seals` names")
    if said is None and after is not None and after.before not in {"", mine.hash}:
        return Break(Kind.ALTERED, number, f"it is not the one that {name_of(number + 1)} names")
    expected = GENESIS if number == 1 else "" if before is None else before.hash
    if expected and mine.before != expected and named.get(number - 1) in {None, expected} and said is None:
        return Break(Kind.ALTERED, number, "it does not name the seal before it")
    return None
