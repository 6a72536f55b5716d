"""A seal: where every chain that moved since the last one ended, in one immutable body that names the seal before.

Pure: writes and reads the body. One line of JSON (number, instant, hash of the seal before, how many chains, Merkle
root), then a line a chain, sorted: the chain's name as a hash, its length, the hash of its last record. A seal says
nothing of chains that did not move; all seals together say where every chain was.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from lifecycle.core.evidence import GENESIS

_LINE = re.compile(rb"([0-9a-f]{64}) ([1-9][0-9]{0,9}) ([0-9a-f]{64})")
_HASH = re.compile(r"[0-9a-f]{64}")
_FORM = 1
_WIDTH = 8


@dataclass(frozen=True, slots=True)
class Entry:
    """A chain at the instant of a seal: its name as a hash, how many records it had, the hash of the last."""

    chain: str
    length: int
    head: str

    def __bytes__(self) -> bytes:
        """Return the entry's line."""
        return f"{self.chain} {self.length} {self.head}".encode()


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal without its entries; `before` is the hash of the seal before (zeros for the first)."""

    number: int
    at: datetime
    before: str
    chains: int
    root: str

    @property
    def name(self) -> str:
        """Return the name under which it is kept; names sort as the numbers do."""
        return name_of(self.number)


def name_of(number: int) -> str:
    """Return the name of the seal with that number."""
    return f"seal-{number:0{_WIDTH}d}"


def number_of(name: str) -> int | None:
    """Return the number of the seal of that name, None when it is no seal's name."""
    digits = name.removeprefix("seal-")
    known = name.startswith("seal-") and digits.isascii() and digits.isdigit()
    return int(digits) if known and name_of(int(digits)) == name else None


def written(number: int, at: datetime, before: str, entries: Iterable[Entry]) -> tuple[Seal, bytes]:
    """Return a seal over entries that are sorted by chain, and its body."""
    lines = [bytes(entry) for entry in entries]
    seal = Seal(number, at.astimezone(UTC), before, len(lines), merkle_root(lines))
    return seal, b"\n".join([_header(seal), *lines]) + b"\n"


def hash_of(body: bytes) -> str:
    """Return the hash by which the next seal names this one."""
    return hashlib.sha256(body).hexdigest()


def read(number: int, body: bytes) -> tuple[Seal, list[bytes]]:
    """Return the seal of that number and its entries' lines. Raises `ValueError`, with what is wrong, for all else."""
    lines = body.split(b"\n")
    if len(lines) < 2 or lines.pop() != b"":  # noqa: PLR2004 - the header and what is behind its line break
        raise ValueError("it does not end where a seal ends")
    seal = _seal(lines.pop(0))
    if seal.number != number:
        raise ValueError(f"it says that it is seal {seal.number}")
    if len(lines) != seal.chains or not all(map(_LINE.fullmatch, lines)):
        raise ValueError("a line is no chain's, or their number is not the one it states")
    if any(before[:64] >= after[:64] for before, after in pairwise(lines)):
        raise ValueError("its chains are not in order")
    if merkle_root(lines) != seal.root:
        raise ValueError("its chains do not lead to its Merkle root")
    return seal, lines


def entry_of(line: bytes) -> Entry:
    """Read one line of a seal that `read` took."""
    chain, length, head = line.decode().split(" ")
    return Entry(chain, int(length), head)


def merkle_root(leaves: Iterable[bytes]) -> str:
    """Return the root of the tree over the leaves, as RFC 6962 (2.1) has it: zeros when there is none."""
    peaks: list[tuple[int, bytes]] = []  # roots of whole subtrees with their sizes, the largest first
    for leaf in leaves:
        size, node = 1, hashlib.sha256(b"\x00" + leaf).digest()
        while peaks and peaks[-1][0] == size:
            node = hashlib.sha256(b"\x01" + peaks.pop()[1] + node).digest()
            size *= 2
        peaks.append((size, node))
    if not peaks:
        return GENESIS
    root = peaks.pop()[1]
    while peaks:
        root = hashlib.sha256(b"\x01" + peaks.pop()[1] + root).digest()
    return root.hex()


def _header(seal: Seal) -> bytes:
    content = {
        "form": _FORM,
        "number": seal.number,
        "at": seal.at.isoformat(),
        "before": seal.before,
        "chains": seal.chains,
        "root": seal.root,
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _seal(header: bytes) -> Seal:
    try:
        content = json.loads(header)
        at = datetime.fromisoformat(content["at"]).astimezone(UTC)
        seal = Seal(content["number"], at, content["before"], content["chains"], content["root"])
        sound = all(_HASH.fullmatch(text) for text in (seal.before, seal.root)) and _header(seal) == header
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        sound = False
    if not sound:
        raise ValueError("its first line is not that of a seal of this form")
    return seal
