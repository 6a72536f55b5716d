"""A whole list of workers becomes events: what it says that its source had not said before, to the `hr` queue.

What a source last told us lies in a partition of its own, `feed-…` by the source: a row a worker and one head row.
Nothing else is read or written, so what comes of an event is decided where every other event is: in `intake`.

A list is taken whole or refused whole. It is remembered only after everything was sent, and the ids of its events come
from its content: whoever takes it again after a crash sends the same events again. One that is not of everybody says
nothing of whom it does not name, and is not the last list of its source.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import Any, assert_never

from lifecycle.contract.cloudevents import decode, encode_fact, fact_of, message_id
from lifecycle.core.events import Joined, Left, Moved, Rescinded, WorkerFact
from lifecycle.core.snapshot import Difference, Snapshot, Terms, Told, compare
from lifecycle.errors import MalformedEvent, Misconfigured, Permanent, UnsafePlan
from lifecycle.ports import Bus, Change, Clock, Delete, Insert, Message, Queue, Records, Replace
from lifecycle.records.keys import pack, safe, unpack

SKEW = timedelta(minutes=5)
"""How far ahead of our clock a list may be; `intake` sets aside what is recorded further in the future."""

_ROWS_A_WRITE = 30  # a row holds at most 60 KiB and a write 2 MiB
_MESSAGES_A_SEND = 100
_NAMED = 20  # ids in an error; who wants all of them looks into the report of a dry run

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Said:
    """One event that was sent, or would be: `changed` names the fields of a mover."""

    kind: str
    worker: str
    id: str
    effective: str
    origin: str
    changed: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind, self.worker, self.effective, ", ".join(self.changed))))


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedReport:
    """What came of a list: `repeated` when it had been taken before, `absent` who is missing and has not left."""

    source: str
    run: str
    as_of: datetime
    rows: int
    dry_run: bool = False
    repeated: bool = False
    said: tuple[Said, ...] = ()
    absent: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many events there are of each kind."""
        return dict(Counter(each.kind for each in self.said))

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return {**asdict(self), "as_of": self.as_of.isoformat(), "counts": self.counts}

    def __str__(self) -> str:
        about = f"{self.source} as of {self.as_of:%Y-%m-%dT%H:%M:%SZ}"
        if self.repeated:
            return f"{about}: taken before, nothing to send (run {self.run})"
        counts = ", ".join(f"{count} {kind}" for kind, count in self.counts.items()) or "nothing"
        sent = "would send" if self.dry_run else "sent"
        absent = f"; {len(self.absent)} absent: {_some(self.absent)}" if self.absent else ""
        return f"{about}: {self.rows} rows, {sent} {counts}{absent} (run {self.run})"


@dataclass(frozen=True, slots=True)
class Head:
    """The last list taken from a source."""

    at: datetime
    run: str


@dataclass(frozen=True, slots=True)
class _Memory:
    """What a source told us, as read at once: the rows' etags keep two runs from writing over each other."""

    head: Head | None
    told: Mapping[str, Told]
    etags: Mapping[str, str]


class Feed:
    """Takes lists of workers. One at a time for each source: the second of two at once loses, and is run again."""

    def __init__(self, records: Records, bus: Bus, clock: Clock) -> None:
        self._records, self._bus, self._clock = records, bus, clock

    async def take(
        self, snapshot: Snapshot, *, as_of: datetime | None = None, dry_run: bool = False, actor: str = ""
    ) -> FeedReport:
        """Send what the list says that is new, and remember it; with `dry_run` only report what would be sent.

        `as_of` is the instant (aware) at which the source made the list; it outranks what the list itself says. `actor`
        is the identity of whoever takes it, which its events carry: what they lead to was caused by that person.

        Raises `Misconfigured` when no instant is known, `Permanent` for a list from the future, one older than the last
        or one that no event can carry, `UnsafePlan` when too many are missing from it, and `Lost` when another run took
        a list of this source meanwhile. Nothing is sent or remembered then, except that `Lost` may come after sending:
        take the list again.
        """
        at = self._instant(snapshot, as_of)
        source = snapshot.terms.source
        memory = await (self._recall(source) if snapshot.whole else self._recall_some(snapshot))
        run = _run(snapshot, at) if snapshot.whole else _run_of_some(snapshot, memory)
        if _is_repeated(memory.head, at, run, source, whole=snapshot.whole):
            return FeedReport(
                source=source, run=run, as_of=at, rows=len(snapshot.entries), dry_run=dry_run, repeated=True
            )
        new = compare(memory.told, snapshot, at=at, run=run, first=snapshot.whole and memory.head is None)
        _check_shrink(new, snapshot.terms)
        messages = [_message(fact, actor) for fact in sorted(new.facts, key=_urgency)]
        report = FeedReport(
            source=source,
            run=run,
            as_of=at,
            rows=len(snapshot.entries),
            dry_run=dry_run,
            said=tuple(_said(fact, new) for fact in new.facts),
            absent=new.absent,
        )
        if not dry_run:
            if messages and not snapshot.whole:
                memory = await self._claim(source, memory, at)
            for some in batched(messages, _MESSAGES_A_SEND, strict=False):
                await self._bus.send(Queue.HR, some)
            await self._remember(source, memory, new.told, Head(at, run) if snapshot.whole else None)
            _log.info("%s", report)
        return report

    def _instant(self, snapshot: Snapshot, as_of: datetime | None) -> datetime:
        at = as_of or snapshot.as_of
        source = snapshot.terms.source
        if at is None:
            raise Misconfigured(
                f"The list of {source} does not say of which instant it is: give it, or map a column to `asOf`. "
                "A file's own time is not used, because copying changes it."
            )
        if at.tzinfo is None:
            raise Misconfigured(f"The instant given for the list of {source} has no offset; add Z or +hh:mm.")
        if at > self._clock.now() + SKEW:
            raise Permanent(
                f"The list of {source} is of {at.isoformat()}, which lies in the future; nothing was sent. "
                "Check the instant, its offset and both clocks."
            )
        return at.astimezone(UTC)

    async def _recall(self, source: str) -> _Memory:
        head: Head | None = None
        told: dict[str, Told] = {}
        etags: dict[str, str] = {}
        for row in await self._records.rows(_partition(source)):
            etags[row.key] = row.etag
            if row.key == "head":
                head = unpack(Head, row.value)
            else:
                known = unpack(Told, row.value)
                told[known.worker.id] = known
        return _Memory(head, told, etags)

    async def _recall_some(self, snapshot: Snapshot) -> _Memory:
        """Return what is known of those in the list, and the head; a list of few reads few rows."""
        place = _partition(snapshot.terms.source)
        last = await self._records.read(place, "head")
        found = [await self._records.read(place, _key(entry.worker.id)) for entry in snapshot.entries]
        rows = [row for row in found if row is not None]
        told = [unpack(Told, row.value) for row in rows]
        return _Memory(
            None if last is None else unpack(Head, last.value),
            {known.worker.id: known for known in told},
            {row.key: row.etag for row in rows},
        )

    async def _claim(self, source: str, memory: _Memory, at: datetime) -> _Memory:
        """Note the instant before anything is sent: of two that read one worker side by side, one stops here.

        Raises `Lost` then. Whoever is new has no row yet, and two who say so say it each with their own instant.
        """
        etags = dict(memory.etags)
        known = {_key(worker): replace(one, at=max(at, one.at or at)) for worker, one in memory.told.items()}
        for some in batched(known.items(), _ROWS_A_WRITE, strict=False):
            changes = [Replace(key, pack(one), memory.etags[key]) for key, one in some]
            etags |= await self._records.write(_partition(source), changes)
        return replace(memory, etags=etags)

    async def _remember(self, source: str, memory: _Memory, told: Mapping[str, Told], head: Head | None) -> None:
        """Write what changed, the head last: until it is there, the same list finishes what was begun."""
        rows = [(_key(worker), pack(known)) for worker, known in told.items()]
        rows += [] if head is None else [("head", pack(head))]
        for some in batched(rows, _ROWS_A_WRITE, strict=False):
            changes = [_write(key, value, memory.etags.get(key)) for key, value in some]
            await self._records.write(_partition(source), changes)


async def forget(records: Records, sources: Iterable[str], worker: str) -> None:
    """Forget what sources told us of a worker; one that still lists them tells it anew."""
    for source in sources:
        await records.write(_partition(source), [Delete(_key(worker))])


def _partition(source: str) -> str:
    return f"feed-{safe(source)}"


def _write(key: str, value: bytes, etag: str | None) -> Change:
    return Insert(key, value) if etag is None else Replace(key, value, etag)


def _key(worker: str) -> str:
    return f"w-{safe(worker)}"


def _run_of_some(snapshot: Snapshot, memory: _Memory) -> str:
    """Return the name of a run of a list that is not whole: the same news is the same run, whenever it was read."""
    known = sorted(pack(replace(told, at=None)) for told in memory.told.values())
    entries = sorted(pack(entry) for entry in snapshot.entries)
    parts = [b"some", pack(snapshot.terms.source), *known, *entries]
    return hashlib.sha256(b"\n".join(parts)).hexdigest()[:32]


def _run(snapshot: Snapshot, at: datetime) -> str:
    """Return the name of the run: what the mapping reads out of the list, and of when; the order of rows is nothing."""
    entries = sorted(pack(entry) for entry in snapshot.entries)
    return hashlib.sha256(pack((snapshot.terms.source, at.astimezone(UTC))) + b"\n".join(entries)).hexdigest()[:32]


def _is_repeated(head: Head | None, at: datetime, run: str, source: str, *, whole: bool) -> bool:
    """Whether exactly this list was the last one, which one that is not `whole` never is.

    Raises `Permanent` when it is older than the last one, or, being whole, as old and says otherwise.
    """
    if head is None or at > head.at or (at == head.at and not whole):
        return False
    if run == head.run:
        return True
    if at < head.at:
        raise Permanent(
            f"The list of {source} is of {at.isoformat()}, older than the last one taken ({head.at.isoformat()}); "
            "nothing was sent. Lists are taken in their order; take the newest."
        )
    raise Permanent(
        f"The list of {source} as of {at.isoformat()} was taken already and said something else; nothing was sent. "
        "If the file was corrected or the mapping changed, take it with the later instant at which that was done."
    )


def _check_shrink(new: Difference, terms: Terms) -> None:
    allowed = terms.shrink.of(new.population)
    if len(new.newly_absent) > allowed:
        raise UnsafePlan(
            f"The list of {terms.source} shrank beyond its limit: {len(new.newly_absent)} of {new.population} workers "
            f"are missing that the last one had, {allowed} may be; nothing was sent. Missing: "
            f"{_some(new.newly_absent)}. If the file is whole, raise `shrink` in the mapping for this list."
        )


def _urgency(fact: WorkerFact) -> int:
    """Order what is sent: what takes access away first."""
    match fact:
        case Left():
            return 0
        case Rescinded():
            return 1
        case Moved():
            return 2
        case Joined():
            return 3
        case _:
            assert_never(fact)


def _message(fact: WorkerFact, actor: str) -> Message:
    """Write the fact and read it back, so that what `intake` would set aside is refused here, with the whole list."""
    fact = replace(fact, recorded=replace(fact.recorded, actor=actor))
    body = encode_fact(fact)
    try:
        same = fact_of(decode(body)) == fact
    except MalformedEvent as error:
        raise Permanent(
            f"No event can say what the list says of worker {fact.recorded.subject} ({error}); nothing was sent."
        ) from error
    if not same:
        raise Permanent(
            f"What the list says of worker {fact.recorded.subject} would be read back as something else; nothing was "
            "sent. Map its columns to text, dates or ids as the example does."
        )
    return Message(message_id(fact.recorded.source, fact.recorded.id), body)


def _said(fact: WorkerFact, new: Difference) -> Said:
    recorded = fact.recorded
    kind = type(fact).__name__.lower()
    effective = "" if isinstance(fact, Rescinded) else fact.effective.isoformat()
    changed = new.changed.get(recorded.subject, ()) if isinstance(fact, Moved) else ()
    return Said(kind, recorded.subject, recorded.id, effective, str(recorded.origin), changed)


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return ", ".join(ids[:_NAMED]) + more
