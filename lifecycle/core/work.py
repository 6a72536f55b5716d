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
    `recheck` asks also whether the person's user is still theirs.
    """

    person: str
    cause: str
    run: str = ""
    attempt: int = 0
    released: str = ""
    recheck: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """Somebody (`by`) approved the held plans of a run, as one set with the hash `set_hash`."""

    run: str
    set_hash: str
    by: str


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
    """Do the next slice of a sweep, `about` one package where it is by package; `after` is where the last one ended."""

    run: str
    kind: Sweep
    about: str = ""
    after: str = ""


type Work = Check | Release | FanOut | SweepSlice | Erase
