"""What is written down: records in append-only chains, each holding the hash of the one before.

Pure: builds and checks records. Where they are kept is `lifecycle.records.ledger`'s business. Records hold ids and
the fields that were used, never names or payloads.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

GENESIS = "0" * 64

type Detail = Mapping[str, object]


class Tag(StrEnum):
    """What a record says, as `source:subject:action`."""

    PLANNED = "reconcile:plan:made"
    INTENDED = "reconcile:assignment:intended"
    SUBMITTED = "reconcile:assignment:submitted"
    REFUSED = "reconcile:assignment:refused"
    UNKNOWN = "reconcile:assignment:unknown"
    FOUND = "reconcile:assignment:found"
    NEVER_ARRIVED = "reconcile:assignment:never_arrived"
    NOT_SENT = "reconcile:assignment:not_sent"
    ENDED = "follow:request:ended"
    HELD = "guard:plan:held"
    RELEASED = "guard:plan:released"
    WAITING = "reconcile:person:waiting"
    CORRELATED = "reconcile:person:correlated"
    CONFLICT = "reconcile:person:conflict"
    MERGED = "intake:person:merged"
    EXPIRED = "reconcile:assignment:expired"
    NOT_MOVED = "follow:assignment:not_moved"
    LATE = "reconcile:person:late"
    RENEWAL_DUE = "reconcile:renewal:due"
    DOUBTED = "correlate:user:doubted"
    DENIED = "reconcile:assignment:denied"
    ADOPTED = "reconcile:assignment:adopted"
    GONE = "measure:access:gone"
    WITHDRAWN = "measure:access:withdrawn"
    RUN_RELEASED = "guard:run:released"
    RELEASE_REFUSED = "guard:release:refused"
    REPLAY_INTENDED = "quarantine:replay:intended"
    REPLAYED = "quarantine:message:replayed"
    DISCARD_INTENDED = "quarantine:discard:intended"
    DISCARDED = "quarantine:message:discarded"
    KEPT = "quarantine:message:kept"
    UNDO_REQUESTED = "undo:run:requested"
    RESTORED = "undo:assignment:restored"
    RUN_BEGUN = "sweep:run:begun"
    RUN_HELD = "guard:run:held"
    RUN_FINISHED = "trickle:run:finished"
    ERASED = "erase:chain:erased"
    SEALED = "seal:ledger:sealed"


@dataclass(frozen=True, slots=True)
class Wire:
    """What is known of a call to Graph: both request ids, the HTTP status, SHA-256 of the body sent.

    `status` is 0 and `request_id` empty when no answer came.
    """

    status: int
    request_id: str = ""
    client_request_id: str = ""
    body_hash: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of a chain: `number` counts from 1, `before` is the hash of the entry before (zeros for the first).

    A tag that is plain text is one of a newer version, beside which this one runs or to which it was rolled back.
    """

    chain: str
    number: int
    before: str
    at: datetime
    tag: Tag | str
    cause: str
    detail: Detail

    @property
    def hash(self) -> str:
        """Return SHA-256 over the canonical form of everything else."""
        return hashlib.sha256(self.canonical()).hexdigest()

    def canonical(self) -> bytes:
        """Return the one JSON form that is hashed and stored."""
        content = {
            "chain": self.chain,
            "number": self.number,
            "before": self.before,
            "at": self.at.astimezone(UTC).isoformat(),
            "tag": str(self.tag),
            "cause": self.cause,
            "detail": self.detail,
        }
        return form_of(content)


_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def form_of(content: Mapping[str, object]) -> bytes:
    """Return the one form of what a record says: sorted keys, no white space, UTF-8."""
    return _encoder.encode(content).encode()


def parse(stored: bytes) -> Record:
    """Read a record back from its canonical form."""
    content = json.loads(stored)
    return Record(
        chain=content["chain"],
        number=content["number"],
        before=content["before"],
        at=datetime.fromisoformat(content["at"]),
        tag=Tag(content["tag"]) if content["tag"] in Tag else content["tag"],
        cause=content["cause"],
        detail=content["detail"],
    )


def first_break(records: Iterable[Record]) -> int | None:
    """Return the number at which one chain stops following from the record before, or None when it holds."""
    before, chain = GENESIS, None
    for number, record in enumerate(records, start=1):
        chain = record.chain if chain is None else chain
        if record.number != number or record.before != before or record.chain != chain:
            return number
        before = record.hash
    return None
