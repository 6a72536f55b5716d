"""What the app asks of itself: the work that intake, sweeps and the command line leave for later.

Values only. These travel on the internal queues alone (`lifecycle.contract.cloudevents` says which on which) and carry
ids, never facts: whoever takes one up reads the facts afresh, so an old message asks an old question but gets today's
answer.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Check:
    """Look at one person: compute what is desired, read what is actual, and close the gap.

    `cause` is what led to the look and goes into the evidence; `run` the run it belongs to, if any; `attempt` how often
    this look was put off, which sets the next delay; `released` the hash of the set of held plans that was approved;
    `recheck` asks also whether the person's user is still theirs; `undoes` names a run of which what it took from this
    person is given back first, as far as that is right.
    """

    person: str
    cause: str
    run: str = ""
    attempt: int = 0
    released: str = ""
    recheck: bool = False
    undoes: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """Somebody (`by`) approved the held plans of a run, as one set with the hash `set_hash`, and says why."""

    run: str
    set_hash: str
    by: str
    because: str


@dataclass(frozen=True, slots=True)
class ReleaseRefused:
    """Somebody asked for a release that was refused where they asked: it is only to be written down."""

    run: str
    set_hash: str
    by: str
    because: str


class Disposal(StrEnum):
    """What is done with a message that was set aside: sent round again, or taken away for good."""

    REPLAY = "replay"
    DISCARD = "discard"


@dataclass(frozen=True, slots=True)
class Dispose:
    """Somebody (`by`) wants messages that were set aside (`names`) replayed or discarded, and says why.

    `request` names the command that asked, `attempt` counts how often it was put off.
    """

    request: str
    what: Disposal
    names: tuple[str, ...]
    by: str
    because: str
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Undo:
    """Somebody (`by`) asked at that instant that what a run (or a single cause) took be given back, and said why."""

    run: str
    by: str
    because: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FanOut:
    """Look at everybody on a project, from the person behind `after` on."""

    project: str
    cause: str
    run: str
    after: str = ""


@dataclass(frozen=True, slots=True)
class Erase:
    """Erase a person who has left: because `by` asked for it, for a `reason`, or because the time of keeping is over.

    In the second case `before` is the instant before which they must have left, and `by` is empty.
    """

    person: str
    by: str = ""
    reason: str = ""
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reread:
    """Read a person whole from HR's system, which gave notice of them by its own `reference`.

    `attempt` counts how often that was put off.
    """

    reference: str
    attempt: int = 0


class Sweep(StrEnum):
    """What a slice is of.

    The assignments of a package, the directory's users, finished reviews, the tenant's requests; everybody under a new
    access model; requests under way for a package; the people of a run who still wait; people who left long ago.
    `DRIFT` and `WAKE` begin what their timers begin.
    """

    DRIFT = "drift"
    WAKE = "wake"
    PACKAGE = "package"
    USERS = "users"
    REVIEWS = "reviews"
    BUDGET = "budget"
    MODEL = "model"
    FOLLOW = "follow"
    TRICKLE = "trickle"
    RETENTION = "retention"


@dataclass(frozen=True, slots=True)
class SweepSlice:
    """Do the next slice of a sweep, `about` one package where it is by package; `after` is where the last one ended.

    `by` is who asked for the sweep, empty when a timer did.
    """

    run: str
    kind: Sweep
    about: str = ""
    after: str = ""
    by: str = ""


type Work = Check | Release | ReleaseRefused | Dispose | FanOut | SweepSlice | Undo | Erase | Reread

BECAUSE = 500
"""Characters of a reason that somebody states: it goes into the evidence, and records are bounded."""


def stated(because: str) -> str:
    """Return why somebody wants something done, trimmed. Raises `ValueError` for what is no reason to keep."""
    text = because.strip()
    if not text:
        raise ValueError("is empty: the evidence says why")
    if len(text) > BECAUSE:
        raise ValueError(f"is longer than {BECAUSE} characters")
    if not text.isprintable():
        raise ValueError("contains control or invisible characters; give it as one line of text")
    return text
