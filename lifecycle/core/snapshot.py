"""What a whole list of workers says beside the list before it: who joined, moved, left, came back, or is missing.

Pure comparison of values: reading a file belongs to an adapter, remembering and sending to `lifecycle.feed`. A list has
no events in it, so every fact here is derived, and each must fold (`lifecycle.core.person`) to what the list says:

* A change holds from the list's day on, or from the first day where that lies ahead, and again from any later day that
  was announced before: a snapshot announced for next month would otherwise win over it on that day. One day begins up
  to 26 hours apart in two zones, so a worker who changes zones gets two days more.
* Whoever is back after a last day that lies behind joins anew. When the last day has not passed, the leaving is
  rescinded: a `joined` before the end would leave that end standing.
* A last day before the first one is left over from an earlier employment, and the list's day counts instead.
* A first or last day that becomes blank takes nothing back.
* Whoever leaves before the first day never came: what announced it is rescinded.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from lifecycle.core.events import Joined, Left, Moved, Origin, Recorded, Rescinded, Status, Worker, WorkerFact
from lifecycle.core.model import Limit

ABSENCE = "derived-from-absence"
_ZONES_APART = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed with the source of the lists: `time_zone` says which day a list is of.

    `left_after` is how many lists in a row a worker must be missing from to have left; None only reports them.
    """

    source: str
    time_zone: str
    shrink: Limit
    left_after: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One worker in the list; ids are in the form of `key`."""

    worker: Worker
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A list, one entry a worker; `as_of` when the list itself says of which instant it is.

    A `whole` one is of everybody, so whoever is not in it is missing; any other says nothing of whom it does not name.
    """

    terms: Terms
    entries: tuple[Entry, ...]
    as_of: datetime | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a source has said of a worker so far, as far as the next list must be compared with it.

    `worker` is the snapshot of the last event that had one, with the status that was said last. `started` and `joined`
    are the first day of the present employment and the ids of the facts that said so; `ended` and `left` the last day
    and the ids of the leavings that said so, none while employed; `previous` the last day of the employment before.
    `horizon` is the latest day from which any snapshot holds, `missed` for how many lists in a row the worker has been
    missing, `run` the last list that changed any of this. `at` is of which instant the worker was last told of in a
    list that was not whole: a whole list that is older says nothing of this worker.
    """

    worker: Worker
    run: str
    first_day: date | None = None
    started: date | None = None
    joined: tuple[str, ...] = ()
    ended: date | None = None
    left: tuple[str, ...] = ()
    previous: date | None = None
    horizon: date | None = None
    missed: int = 0
    at: datetime | None = None

    @property
    def present(self) -> bool:
        """Whether the last list had this worker as somebody who had not left."""
        return self.ended is None and not self.missed


@dataclass(frozen=True, slots=True)
class Difference:
    """What the list says that is new: the facts, what is to be remembered, who is missing (and since this list)."""

    facts: tuple[WorkerFact, ...]
    told: Mapping[str, Told]
    absent: tuple[str, ...]
    newly_absent: tuple[str, ...]
    population: int
    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def compare(told: Mapping[str, Told], snapshot: Snapshot, *, at: datetime, run: str, first: bool = False) -> Difference:
    """Compare a list as of `at` with what its source told before, by worker; `first` when this is its first list.

    An absence that `run` itself has counted is not counted again, so that a run cut short can be finished.
    """
    voice = _Voice(snapshot.terms, at, run, first=first)
    facts: list[WorkerFact] = []
    after: dict[str, Told] = {}
    changed: dict[str, tuple[str, ...]] = {}
    entries = {entry.worker.id: entry for entry in snapshot.entries}
    for worker, entry in entries.items():
        before = told.get(worker)
        if _is_outdated(before, at):
            continue
        said, then = _appeared(voice, entry) if before is None else _again(voice, entry, before)
        facts += said
        then = then if snapshot.whole else replace(then, at=at)
        if then != before:
            after[worker] = replace(then, run=run)
        if before is not None and said:
            changed[worker] = _changed(before.worker, entry.worker)
    missing = {
        worker: before
        for worker, before in told.items()
        if snapshot.whole and worker not in entries and before.ended is None and not _is_outdated(before, at)
    }
    for worker, before in missing.items():
        if before.run != run:
            said, after[worker] = _missing(voice, before)
            facts += said
    new = tuple(worker for worker, before in missing.items() if not before.missed)
    population = sum(before.present for before in told.values())
    return Difference(tuple(facts), after, tuple(missing), new, population, changed)


def _is_outdated(told: Told | None, at: datetime) -> bool:
    """Whether a list as of `at` is older than what was told of the worker beside the lists."""
    return told is not None and told.at is not None and at < told.at


class _Voice:
    """Makes the facts of one run: deterministic ids, one time, the right origin."""

    def __init__(self, terms: Terms, at: datetime, run: str, *, first: bool) -> None:
        self.terms, self.at, self.run = terms, at, run
        self.day = at.astimezone(ZoneInfo(terms.time_zone)).date()
        self._joining = Origin("bulk", run) if first else Origin()

    def joined(self, worker: Worker, day: date) -> Joined:
        return Joined(self._recorded(worker.id, "joined", day.isoformat(), self._joining), day, worker)

    def moved(self, worker: Worker, days: Iterable[date]) -> list[Moved]:
        return [Moved(self._recorded(worker.id, "moved", day.isoformat()), day, worker) for day in sorted(days)]

    def left(self, worker: str, day: date, origin: Origin | None = None) -> Left:
        return Left(self._recorded(worker, "left", day.isoformat(), origin), day)

    def rescinded(self, worker: str, fact: str) -> Rescinded:
        return Rescinded(self._recorded(worker, "rescinded", fact), fact)

    def _recorded(self, worker: str, kind: str, about: str, origin: Origin | None = None) -> Recorded:
        name = f"{self.terms.source}\n{self.run}\n{worker}\n{kind}\n{about}"
        identifier = f"feed-{hashlib.sha256(name.encode()).hexdigest()[:40]}"
        return Recorded(identifier, self.terms.source, worker, self.at, origin=origin or Origin())


def _appeared(voice: _Voice, entry: Entry) -> tuple[list[WorkerFact], Told]:
    """Say that a worker nobody told us of has joined, or has left: what access they may have left over must go."""
    told = Told(worker=entry.worker, run=voice.run, first_day=entry.first_day)
    if entry.worker.status is Status.LEFT:
        return _leave(voice, entry, told)
    return _join(voice, entry, told, entry.first_day or voice.day)


def _again(voice: _Voice, entry: Entry, before: Told) -> tuple[list[WorkerFact], Told]:
    """Say what is new of a worker that was told of before."""
    told = replace(before, first_day=entry.first_day or before.first_day, missed=0)
    if entry.worker.status is Status.LEFT:
        told = replace(told, worker=replace(before.worker, status=Status.LEFT))
        corrected = entry.last_day not in (None, before.ended) and not _is_stale(entry.last_day, told)
        if before.ended is None or corrected:
            return _leave(voice, entry, told)
        # What absence alone had said, the list now says itself; named leavers pass limits that derived ones do not.
        return _leave(voice, replace(entry, last_day=before.ended), told) if before.missed else ([], told)
    told = replace(told, worker=entry.worker)
    if before.horizon is not None and _is_relocated(before.worker, entry.worker):
        told = replace(told, horizon=before.horizon + _ZONES_APART)
    if before.ended is not None:
        return _return(voice, entry, before, told)
    return _described(voice, entry, before, told)


def _missing(voice: _Voice, before: Told) -> tuple[list[WorkerFact], Told]:
    """Count one more list without the worker; at the agreed number they have left."""
    told = replace(before, missed=before.missed + 1, run=voice.run)
    if voice.terms.left_after is None or told.missed < voice.terms.left_after:
        return [], told
    gone = replace(told, worker=replace(told.worker, status=Status.LEFT))
    return _leave(voice, Entry(gone.worker), gone, Origin(ABSENCE))


def _join(voice: _Voice, entry: Entry, told: Told, day: date) -> tuple[list[WorkerFact], Told]:
    """Begin an employment on that day."""
    fact = voice.joined(entry.worker, day)
    later = [] if told.horizon is None or told.horizon <= day else voice.moved(entry.worker, [told.horizon])
    horizon = max(day, told.horizon or day)
    opened = replace(told, started=day, joined=(fact.recorded.id,), ended=None, left=(), horizon=horizon)
    return [fact, *later], opened


def _described(voice: _Voice, entry: Entry, before: Told, told: Told) -> tuple[list[WorkerFact], Told]:
    """Correct the first day, change the attributes, or both, of somebody who is employed all along."""
    facts: list[WorkerFact] = []
    first = _corrected_start(voice, before, told)
    if first is not None:
        fact = voice.joined(entry.worker, first)
        facts.append(fact)
        told = replace(told, started=first, joined=(*told.joined, fact.recorded.id))
        told = replace(told, horizon=max(first, told.horizon or first))
    if entry.worker != before.worker:
        since = max(voice.day, told.started or voice.day)
        days = {since, max(since, told.horizon or since)}
        facts += voice.moved(entry.worker, days)
        told = replace(told, horizon=max(days))
    return facts, told


def _corrected_start(voice: _Voice, before: Told, told: Told) -> date | None:
    """Return the new first day of an employment that was told with another one, None when it stays.

    One that lies in the employment before says only that this one need not wait for the day it was announced for.
    """
    first, started = told.first_day, told.started
    if first is None or first == before.first_day or started is None:
        return None
    if told.previous is None or first > told.previous:
        return first
    soon = max(voice.day, told.previous + _apart(before.worker, told.worker))
    return soon if soon < started else None


def _return(voice: _Voice, entry: Entry, before: Told, told: Told) -> tuple[list[WorkerFact], Told]:
    """Take back somebody who had left: a new employment, or, where the last day has not passed, the old one."""
    ended = before.ended or voice.day
    apart = _apart(before.worker, entry.worker)
    start = entry.first_day if entry.first_day is not None and entry.first_day > ended else voice.day
    if start - ended >= apart:
        return _join(voice, entry, replace(told, previous=ended), start)
    facts: list[WorkerFact] = [voice.rescinded(entry.worker.id, fact) for fact in before.left]
    told = replace(told, ended=None, left=())
    if not told.joined:
        start = entry.first_day or voice.day
        if told.previous is not None:
            start = max(start, told.previous + apart)
        joined, told = _join(voice, entry, told, start)
        return facts + joined, told
    described, told = _described(voice, entry, before, told)
    return facts + described, told


def _leave(voice: _Voice, entry: Entry, told: Told, origin: Origin | None = None) -> tuple[list[WorkerFact], Told]:
    """End the employment on the given last day, else on the list's day."""
    worker, started = entry.worker.id, told.started
    facts: list[WorkerFact] = []
    day = entry.last_day or voice.day
    if started is not None and day < started:
        if started > voice.day:
            facts += [voice.rescinded(worker, fact) for fact in told.joined]
            told = replace(told, started=None, joined=())
        else:
            day = voice.day
    fact = voice.left(worker, day, origin)
    return [*facts, fact], replace(told, ended=day, left=(*told.left, fact.recorded.id))


def _apart(before: Worker, after: Worker) -> timedelta:
    """Return how long after a last day the next first day must be: one that begins earlier would only correct it."""
    return timedelta(days=1) + (_ZONES_APART if _is_relocated(before, after) else timedelta())


def _is_relocated(before: Worker, after: Worker) -> bool:
    """Whether the zone that counts for the worker may be another one (see `lifecycle.core.person.zone_of`)."""
    return (before.time_zone, before.location) != (after.time_zone, after.location)


def _is_stale(last_day: date | None, told: Told) -> bool:
    """Whether a last day lies before the first one, so that it must be an earlier employment's."""
    return last_day is not None and told.started is not None and last_day < told.started


def _changed(before: Worker, after: Worker) -> tuple[str, ...]:
    """Return the names of the fields that differ, attributes by their own names."""
    names = [each.name for each in fields(Worker) if each.name != "attributes"]
    changed = [name for name in names if getattr(before, name) != getattr(after, name)]
    known = before.attributes.keys() | after.attributes.keys()
    changed += sorted(
        f"attributes.{name}" for name in known if before.attributes.get(name) != after.attributes.get(name)
    )
    return tuple(changed)
