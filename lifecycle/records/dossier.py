"""One person's dossier: our view of their access, what is under way, and the chain of evidence, in one partition.

State and chain move together: every change of state is written in the same transaction as the record that says so,
conditional on the chain's head. That condition is the exclusion between reconcilers: an intent is written before every
Graph write, and whoever finds the head moved stops before the call. Only `reconcile`, `follow` and a merge in
`identities` write here.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from lifecycle.core.delays import Delay
from lifecycle.core.evidence import Detail, Record, Tag
from lifecycle.errors import Lost
from lifecycle.ports import Change, Delete, Put, Records, Row
from lifecycle.records.keys import instant, pack, safe, unpack
from lifecycle.records.ledger import (
    HEAD,
    Head,
    beside,
    chain_in,
    extend,
    head_from,
    head_of,
    partition_of_person,
)

_ATTEMPTS = 20
"""How often an outcome is offered to a head that keeps moving; each loss means that another writer got on."""


class Stage(StrEnum):
    """How far a request of ours has come."""

    INTENDED = "intended"
    UNKNOWN = "unknown"
    SUBMITTED = "submitted"
    FOREIGN = "foreign"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """A request under way for one package (`kind` is Graph's adminAdd, adminUpdate, adminRemove).

    `at` is when the intent was written, `look_at` when to look next, `looks` how often it was looked for in vain,
    `polls` how often it was followed; `since` is from when the access was to be gone, when a leaver's is taken.
    """

    package: str
    kind: str
    token: str
    stage: Stage
    at: datetime
    look_at: datetime
    cause: str
    assignment: str = ""
    request: str = ""
    ends: datetime | None = None
    why: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    looks: int = 0
    polls: int = 0
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A row as we last knew it: one that we gave or adopted, or one that we removed (`taken`); `at` is since when."""

    package: str
    assignment: str
    ends: datetime | None
    at: datetime
    rules: tuple[str, ...] = ()
    taken: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A package that was taken away by others, the `times`-th time; it `stands` as a `core.desired.Denial`, or not.

    `package` is the model's name of then, `access_package` Graph's id, which outlives a renaming.
    """

    package: str
    at: datetime
    by: str
    stands: bool = True
    times: int = 1
    access_package: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A renewal that was asked for: of which package, and of which of its ends."""

    package: str
    ends: datetime


@dataclass(frozen=True, slots=True)
class Correlation:
    """The Entra user of this person, how it was found and when.

    `doubt` says why it may no longer be theirs; `decision` is the event that said which user it is, if one did.
    """

    user: str
    by: str
    at: datetime
    doubt: str = ""
    decision: str = ""


@dataclass(frozen=True, slots=True)
class Patience:
    """What the person waits for, since when, how often it was looked for, and when it is looked for next."""

    what: str
    since: datetime
    attempts: int
    look_at: datetime


@dataclass(frozen=True, slots=True)
class Withheld:
    """A hold: its run, the hash of the withheld part of the plan, its steps and rows, the guard's arithmetic.

    `released` once a person approved it: these steps then pass, also when only some of them are left. `contested`
    when it waits for two people to be linked, not for the guard.
    """

    run: str
    hash: str
    at: datetime
    text: str
    steps: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    released: bool = False
    contested: bool = False


@dataclass(slots=True)
class Dossier:
    """A person's state as read once, kept in step with what this run writes."""

    records: Records
    person: str
    head: Head = field(default_factory=Head)
    flights: dict[str, Flight] = field(default_factory=dict)
    holdings: dict[str, Holding] = field(default_factory=dict)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    renewals: dict[str, Asked] = field(default_factory=dict)
    delays: dict[str, Delay] = field(default_factory=dict)
    correlation: Correlation | None = None
    patience: Patience | None = None
    withheld: Withheld | None = None
    wake: datetime | None = None
    late: datetime | None = None
    view: dict[str, str] = field(default_factory=dict)
    merged: str | None = None
    found: dict[str, Flight] = field(default_factory=dict)
    """The flights as they were when the dossier was opened."""

    @property
    def partition(self) -> str:
        """Return the name of the partition, which no other module touches."""
        return partition_of_person(self.person)

    async def append(self, at: datetime, tag: Tag, cause: str, detail: Detail, *changes: Change) -> None:
        """Write a record and its changes of state, provided that the chain ends where we last saw it.

        Raises `Lost` when somebody else wrote in between: stop, and start over from a fresh read.
        """
        record = Record(self.person, self.head.length + 1, self.head.hash, at, tag, cause, dict(detail))
        self.head = await extend(self.records, self.partition, self.head, record, *changes)

    async def append_anyway(self, at: datetime, tag: Tag, cause: str, detail: Detail, *changes: Change) -> bool:
        """Write an outcome wherever the chain now ends: what was done is recorded even when we were overtaken.

        Returns False when another writer had moved the head; the caller's view is then stale.
        """
        ours = True
        for _ in range(_ATTEMPTS):
            try:
                await self.append(at, tag, cause, detail, *changes)
            except Lost:
                ours = False
                self.head = await head_of(self.records, self.partition)
            else:
                return ours
        raise Lost(f"person {self.person}: the outcome of {cause} could not be recorded, the chain kept moving")

    async def remember(self, *changes: Change) -> None:
        """Write state that is no evidence (how often we looked, when to look again)."""
        await self.records.write(self.partition, changes)

    async def remember_unless_overtaken(self, *changes: Change) -> None:
        """Write state that is no evidence, provided that the chain ends where we last saw it. Raises `Lost`."""
        self.head = await beside(self.records, self.partition, self.head, *changes)

    async def chain(self, *, after: int = 0, limit: int = 0) -> list[Record]:
        """Return the person's evidence in order, from the record behind `after` on, `limit` records (0: all)."""
        return await chain_in(self.records, self.partition, after=after, limit=limit)


async def open_dossier(records: Records, person: str) -> Dossier:
    """Read a person's state: one read, taken before anything else is, so that the head guards all of it."""
    dossier = Dossier(records, person)
    _fill(dossier, await records.rows(dossier.partition, after=HEAD))
    dossier.found = dict(dossier.flights)
    return dossier


def _fill(dossier: Dossier, rows: Sequence[Row]) -> None:
    for row in rows:
        match row.key.partition("-")[0]:
            case "d":
                dossier.head = head_from(row)
            case "f":
                flight = unpack(Flight, row.value)
                dossier.flights[flight.package] = flight
            case "h":
                holding = unpack(Holding, row.value)
                dossier.holdings[holding.assignment] = holding
            case "r":
                refusal = unpack(Refusal, row.value)
                dossier.refusals[refusal.package] = refusal
            case "n":
                asked = unpack(Asked, row.value)
                dossier.renewals[asked.package] = asked
            case "g":
                dossier.delays[row.key] = unpack(Delay, row.value)
            case single:
                name, kind = _SINGLE[single]
                setattr(dossier, name, unpack(kind, row.value))


_SINGLE: dict[str, tuple[str, type[object]]] = {
    "late": ("late", datetime),
    "merged": ("merged", str),
    "patience": ("patience", Patience),
    "user": ("correlation", Correlation),
    "view": ("view", dict[str, str]),
    "wake": ("wake", datetime),
    "withheld": ("withheld", Withheld),
}
"""Rows of which a dossier has one at most: key, attribute, type."""


# --- rows by noun, so that only this module knows how they are keyed -----------------------------------------------


def put_flight(dossier: Dossier, flight: Flight) -> Change:
    """Return the change that stores the flight, and keep it in the dossier."""
    dossier.flights[flight.package] = flight
    return Put(f"f-{safe(flight.package)}", pack(flight))


def drop_flight(dossier: Dossier, package: str) -> Change:
    """Return the change that forgets the flight."""
    dossier.flights.pop(package, None)
    return Delete(f"f-{safe(package)}")


def put_holding(dossier: Dossier, holding: Holding) -> Change:
    """Return the change that stores our view of a row."""
    dossier.holdings[holding.assignment] = holding
    return Put(f"h-{safe(holding.assignment)}", pack(holding))


def put_refusal(dossier: Dossier, refusal: Refusal) -> Change:
    """Return the change that stores a denial."""
    dossier.refusals[refusal.package] = refusal
    return Put(f"r-{safe(refusal.package)}", pack(refusal))


def put_asked(dossier: Dossier, asked: Asked) -> Change:
    """Return the change that remembers a renewal that was asked for."""
    dossier.renewals[asked.package] = asked
    return Put(f"n-{safe(asked.package)}", pack(asked))


def drop_asked(dossier: Dossier, package: str) -> Change:
    """Return the change that forgets that a renewal was asked for."""
    dossier.renewals.pop(package, None)
    return Delete(f"n-{safe(package)}")


def put_delay(dossier: Dossier, before: Delay | None, after: Delay) -> list[Change]:
    """Return the changes that store a delay in place of what was known of it."""
    changes: list[Change] = [Put(_delay(after), pack(after))]
    if before is not None and _delay(before) != _delay(after):
        dossier.delays.pop(_delay(before), None)
        changes.append(Delete(_delay(before)))
    dossier.delays[_delay(after)] = after
    return changes


def _delay(delay: Delay) -> str:
    return f"g-{instant(delay.due)}-{delay.kind}-{safe(delay.person)}"


def put_late(dossier: Dossier, since: datetime) -> Change:
    """Return the change that remembers of which leaving it was said that it is late."""
    dossier.late = since
    return Put("late", pack(since))


def put_view(dossier: Dossier, view: dict[str, str]) -> Change:
    """Return the change that remembers what the index of holders says of this person."""
    dossier.view = view
    return Put("view", pack(view))


def put_correlation(dossier: Dossier, correlation: Correlation) -> Change:
    """Return the change that stores who the person is in Entra."""
    dossier.correlation = correlation
    return Put("user", pack(correlation))


def put_patience(dossier: Dossier, patience: Patience | None) -> Change:
    """Return the change that stores (or, with None, forgets) what the person waits for."""
    dossier.patience = patience
    return Delete("patience") if patience is None else Put("patience", pack(patience))


def close_dossier(dossier: Dossier, into: str) -> Change:
    """Return the change that says for good that this person is another one now."""
    dossier.merged = into
    return Put("merged", pack(into))


def put_withheld(dossier: Dossier, withheld: Withheld | None) -> Change:
    """Return the change that stores (or forgets) the hold."""
    dossier.withheld = withheld
    return Delete("withheld") if withheld is None else Put("withheld", pack(withheld))


def put_wake(dossier: Dossier, wake: datetime | None) -> Change:
    """Return the change that stores (or forgets) when to look again."""
    dossier.wake = wake
    return Delete("wake") if wake is None else Put("wake", pack(wake))


def token_of(dossier: Dossier, kind: str, package: str) -> str:
    """Return our operation id for the next request: unique, because the chain's head is, and known before the call."""
    return hashlib.sha256(f"{dossier.person}|{dossier.head.hash}|{kind}|{package}".encode()).hexdigest()[:32]


def looked(flight: Flight, *, look_at: datetime) -> Flight:
    """Return the flight after it was looked for in vain."""
    return replace(flight, looks=flight.looks + 1, look_at=look_at)
