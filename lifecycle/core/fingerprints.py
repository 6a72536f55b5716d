"""Very many short texts, remembered in a few bytes each, to be ticked off as they are met again.

For comparing two long lists of which one comes in no order: a million texts take seventeen megabytes, as their order is
remembered as well. Two different texts share a fingerprint once in about 37 million lists of a million.
"""

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from hashlib import sha256

_BYTES = 8
_BITS = 8 * _BYTES
_FEW = 3
_DEEPEST = 16
"""Fingerprints are evenly spread, so their first bits say nearly where one stands: among eight, up to 65,536 such
places, which take half a megabyte."""


def fingerprint(text: bytes) -> int:
    """Return 64 bits of the text's SHA-256, the same in every process."""
    return int.from_bytes(sha256(text).digest()[:_BYTES])


def fingerprints(texts: Iterable[bytes]) -> array[int]:
    """Return the fingerprints of many texts, in their order, at half the cost."""
    marks = array("Q", b"".join([sha256(text).digest()[:_BYTES] for text in texts]))
    if sys.byteorder == "little":
        marks.byteswap()
    return marks


class Fingerprints:
    """A sorted list of fingerprints and which of them were seen; adding comes first, then `close`, then seeing."""

    __slots__ = ("_added", "_known", "_seen", "_shift", "_starts")

    def __init__(self) -> None:
        self._known = self._added = array("Q")
        self._seen = bytearray()
        self._shift, self._starts = _BITS, array("L", (0, 0))

    def __len__(self) -> int:
        return len(self._known)

    def add(self, text: bytes) -> None:
        """Remember a text."""
        self._known.append(fingerprint(text))

    def add_all(self, texts: Iterable[bytes]) -> None:
        """Remember many texts."""
        self._known.extend(fingerprints(texts))

    def close(self) -> None:
        """End adding."""
        self._known = array("Q", sorted(self._added))
        self._seen = bytearray(len(self._known))
        depth = min(max(len(self._known).bit_length() - _FEW, 0), _DEEPEST)
        self._shift = _BITS - depth
        firsts = (number << self._shift for number in range(1 << depth))
        self._starts = array("L", [bisect_left(self._known, first) for first in firsts])
        self._starts.append(len(self._known))

    def see(self, mark: int) -> bool:
        """Tick a fingerprint off; False for one that is not known."""
        return not self.see_each((mark,))

    def see_each(self, marks: Sequence[int]) -> list[int]:
        """Tick many off, and return the places of those that are not known."""
        known, seen, starts, shift = self._known, self._seen, self._starts, self._shift
        unknown = []
        for number, mark in enumerate(marks):
            bucket = mark >> shift
            end = starts[bucket + 1]
            place = bisect_left(known, mark, starts[bucket], end)
            if place < end and known[place] == mark:
                seen[place] = 1
            else:
                unknown.append(number)
        return unknown

    def seen(self, mark: int) -> bool:
        """Whether a fingerprint was ticked off."""
        place = bisect_left(self._known, mark)
        return place < len(self._known) and self._known[place] == mark and bool(self._seen[place])

    def see_all(self, marks: Iterable[int]) -> None:
        """Tick off what was seen before."""
        self.see_each(array("Q", marks))

    def unseen(self) -> frozenset[int]:
        """Return what was never seen."""
        return frozenset(self._known[place] for place, seen in enumerate(self._seen) if not seen)

    def places(self, marks: frozenset[int]) -> list[int]:
        """Return where in the order of adding these were added."""
        return [place for place, mark in enumerate(self._added) if mark in marks]
