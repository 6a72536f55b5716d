"""What became of messages that were set aside: who claimed one to replay or discard it, and whether that is done.

Partition `aside`, a row a message that somebody disposed of, by the message's name. The row is the fence: the first
claim stands, and whoever comes later reads it. Whether a claim is done is said by the operator's chain alone, so that
nothing can be done without its record. Rows hold ids, the digest of the body and the reason, never the body.
"""

from dataclasses import dataclass
from datetime import datetime

from lifecycle.core.evidence import Detail, Record, Tag
from lifecycle.core.work import Disposal
from lifecycle.errors import Lost
from lifecycle.ports import Delete, Insert, Records
from lifecycle.records import ledger
from lifecycle.records.keys import pack, safe, unpack

_PARTITION = "aside"


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody disposes of a message: `name` is what people call it, `mark` tells it from any other of that name.

    `came_from` is the queue that it was set aside from, or that the broker gave it up on.
    """

    name: str
    mark: str
    request: str
    what: Disposal
    by: str
    because: str
    at: datetime
    came_from: str
    digest: str
    reason: str
    event: str = ""
    type: str = ""
    subject: str = ""

    @property
    def detail(self) -> Detail:
        """Return what the evidence keeps of it."""
        return {
            "message": self.name,
            "queue": self.came_from,
            "digest": self.digest,
            "reason": self.reason,
            "event": self.event,
            "type": self.type,
            "subject": self.subject,
            "because": self.because,
            "request": self.request,
        }


async def claim(records: Records, wanted: Claim) -> Claim:
    """Claim a message for somebody, unless it is claimed; return the claim that stands."""
    try:
        await records.write(_PARTITION, [Insert(_key(wanted), pack(wanted))])
    except Lost:
        row = await records.read(_PARTITION, _key(wanted))
        if row is None:
            raise
        return unpack(Claim, row.value)
    return wanted


async def let_go(records: Records, claimed: Claim) -> None:
    """Forget a claim that nothing came of, so that the message can be claimed anew."""
    await records.write(_PARTITION, [Delete(_key(claimed))])


async def of_name(records: Records, name: str) -> list[Claim]:
    """Return the claims of messages of that name, earliest first: a queue that was made anew counts from one again."""
    rows = await records.rows(_PARTITION, after=f"{safe(name)}|", before=f"{safe(name)}}}")
    return sorted((unpack(Claim, row.value) for row in rows), key=lambda one: one.at)


async def enter(records: Records, claimed: Claim, tag: Tag, *, at: datetime, **more: str) -> Record:
    """Write down in the chain of whoever claimed it how far it is, once."""
    chain = f"operator:{claimed.by}"
    detail = {**claimed.detail, **more}
    return await ledger.enter_once(records, chain, tag, detail, once=_once(claimed, tag), at=at, cause=chain)


async def entered(records: Records, claimed: Claim, tag: Tag) -> Record | None:
    """Return the record that says that it is so far."""
    return await ledger.entered(records, f"operator:{claimed.by}", _once(claimed, tag))


async def done(records: Records, claimed: Claim) -> Record | None:
    """Return the record that says that it was done, None while it is under way."""
    return await entered(records, claimed, Tag.REPLAYED if claimed.what is Disposal.REPLAY else Tag.DISCARDED)


def _key(one: Claim) -> str:
    return f"{safe(one.name)}|{one.mark}"


def _once(one: Claim, tag: Tag) -> str:
    return f"{tag} {one.name} {one.mark} {one.request}"
