"""Runs: bulk work over many people, of whom so many wait, were asked for, and are done.

A run's people are rows (`run-…`) that move on: added, then asked for while the backlog has room, then done. All runs
together keep at most a backlog of checks on the queue; that is one partition (`backlog`), whose head makes adding to it
conditional. `runs` names the runs that still have people to ask for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lifecycle.errors import Lost
from lifecycle.ports import Change, Delete, Insert, Put, Records, Replace
from lifecycle.records.keys import pack, safe, unpack

_BATCH = 90
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Run:
    """A run: why, how many people were asked for so far, and whether everybody was added (`whole`).

    One that comes `behind` has little of the backlog while other runs need it. `by` is who asked for it at the command
    line, if somebody did; `undoes` names the run that it undoes; `attempt` is that at which its checks begin.
    """

    name: str
    cause: str
    begun: datetime
    asked: int = 0
    recheck: bool = False
    released: str = ""
    whole: bool = False
    behind: bool = False
    by: str = ""
    undoes: str = ""
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Queued:
    """A check of a run that is on the queue, since when."""

    run: str
    person: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: so many people wait for their turn, and so many checks are on the queue."""

    run: Run
    waiting: int
    queued: int

    @property
    def people(self) -> int:
        """Return how many were added so far."""
        return self.run.asked + self.waiting

    @property
    def done(self) -> int:
        """Return how many were looked at."""
        return max(0, self.run.asked - self.queued)


async def begin(records: Records, run: Run) -> None:
    """Begin a run, or begin it anew: its counts start at nothing."""
    await records.write(_partition(run.name), [Put("head", pack(run))])


async def add(records: Records, run: Run, people: Sequence[str], *, whole: bool = False) -> bool:
    """Add people to a run; who waits already waits once. `whole`: these were the last. Returns whether it is new."""
    await records.write("runs", [Put(safe(run.name), run.name.encode())])
    partition = _partition(run.name)
    new = await records.read(partition, "head") is None
    if whole or new:
        await _change(records, run, [], whole=whole)
    names = list(dict.fromkeys(people))
    for start in range(0, len(names), _BATCH):
        await records.write(
            partition, [Put(f"p-{safe(name)}", name.encode()) for name in names[start : start + _BATCH]]
        )
    return new


async def next_of(records: Records, name: str, room: int) -> tuple[Run, list[str]] | None:
    """Return the run and the next people whose turn it is, at most `room`; None when there is no such run."""
    found = await find(records, name)
    if found is None:
        return None
    rows = await records.rows(_partition(name), after="p-", before="q", limit=max(room, 1))
    return found, [row.value.decode() for row in rows][:room]


async def asked(records: Records, run: Run, people: Sequence[str]) -> bool:
    """Note that checks of these people were sent; return whether any still wait."""
    for start in range(0, len(people), _BATCH):
        batch = people[start : start + _BATCH]
        await _change(records, run, [Delete(f"p-{safe(name)}") for name in batch], asked=len(batch))
    left = await records.rows(_partition(run.name), after="p-", before="q", limit=1)
    return bool(left)


@dataclass(frozen=True, slots=True)
class Closed:
    """A run that has nobody left to ask for since `at`, and of which nobody was told yet that it is finished."""

    name: str
    at: datetime
    etag: str = ""


async def close(records: Records, run: Run, now: datetime) -> None:
    """Take the run from the list of those that still have people to ask for; its counts stay."""
    if not run.behind:  # one that follows what others began has no end of its own
        await records.write("closed-runs", [Put(safe(run.name), pack(Closed(run.name, now)))])
    await records.write("runs", [Delete(safe(run.name))])


async def closed(records: Records) -> list[Closed]:
    """Return the runs that were closed and not concluded yet."""
    return [replace(unpack(Closed, row.value), etag=row.etag) for row in await records.rows("closed-runs")]


async def concluded(records: Records, one: Closed) -> None:
    """Forget that a run was closed, unless it was closed again meanwhile."""
    try:
        await records.write("closed-runs", [Delete(safe(one.name), one.etag)])
    except Lost:
        return


async def unfinished(records: Records) -> list[str]:
    """Return the runs that may have people to ask for."""
    return [row.value.decode() for row in await records.rows("runs")]


async def find(records: Records, name: str) -> Run | None:
    """Return a run's counts."""
    row = await records.read(_partition(name), "head")
    return None if row is None else unpack(Run, row.value)


async def progress(records: Records, name: str) -> Progress | None:
    """Return how far a run is, None when there is none of that name."""
    found = await find(records, name)
    if found is None:
        return None
    waiting = await records.rows(_partition(name), after="p-", before="q")
    queued = await records.rows("backlog", after=f"c-{safe(name)}|", before=f"c-{safe(name)}}}")
    return Progress(found, len(waiting), len(queued))


async def pending(records: Records, name: str) -> set[str]:
    """Return the people of a run who wait for their turn, or whose check is on the queue."""
    waiting = await records.rows(_partition(name), after="p-", before="q")
    queued = await records.rows("backlog", after=f"c-{safe(name)}|", before=f"c-{safe(name)}}}")
    return {row.value.decode() for row in waiting} | {unpack(Queued, row.value).person for row in queued}


async def _change(records: Records, run: Run, rows: list[Change], asked: int = 0, *, whole: bool = False) -> None:
    partition = _partition(run.name)
    for _ in range(_ATTEMPTS):
        head = await records.read(partition, "head")
        now = run if head is None else unpack(Run, head.value)
        value = pack(replace(now, asked=now.asked + asked, whole=now.whole or whole))
        moved = Insert("head", value) if head is None else Replace("head", value, head.etag)
        try:
            await records.write(partition, [moved, *rows])
        except Lost:
            continue
        return
    raise Lost(f"run {run.name}: its count kept moving; it is tried again")


# --- the backlog: what all runs together have on the queue ---------------------------------------------------------


async def reserve(
    records: Records, name: str, people: Sequence[str], most: int, now: datetime, *, share: int | None = None
) -> list[str]:
    """Note checks that are about to be sent, as many as there is room for; return whose those are.

    The backlog of all runs has room for `most`, of which this run may have `share` (None: all).
    """
    for _ in range(_ATTEMPTS):
        head = await records.read("backlog", "head")
        rows = await records.rows("backlog", after="c-", before="d")
        own = sum(row.key.startswith(_queued(name, "")) for row in rows)
        fresh = list(people)[: max(0, min(most - len(rows), (most if share is None else share) - own, _BATCH))]
        if not fresh:
            return []
        changes = [Put(_queued(name, person), pack(Queued(name, person, now))) for person in fresh]
        value = pack(len(rows) + len(fresh))
        moved: Change = Insert("head", value) if head is None else Replace("head", value, head.etag)
        try:
            await records.write("backlog", [moved, *changes])
        except Lost:
            continue
        return fresh
    raise Lost("backlog: it kept moving; it is tried again")


async def lost(records: Records, before: datetime) -> list[Queued]:
    """Return the checks that were sent before that instant and never taken up."""
    rows = [unpack(Queued, row.value) for row in await records.rows("backlog", after="c-", before="d")]
    return [one for one in rows if one.at < before]


async def taken_up(records: Records, name: str, person: str) -> None:
    """Note that a check of a run has left the queue."""
    await records.write("backlog", [Delete(_queued(name, person))])


def _queued(name: str, person: str) -> str:
    return f"c-{safe(name)}|{safe(person)}"


def _partition(name: str) -> str:
    return f"run-{safe(name)}"
