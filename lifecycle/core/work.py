"""What the app asks of itself: the work that intake, sweeps and the command line leave for later.

Values only. These travel on the internal queues alone (`lifecycle.contract.cloudevents` says which on which) and carry
ids, never facts: whoever takes one up reads the facts afresh, so an old message asks an old question but gets today's
answer.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """Look at one person: compute what is desired, read what is actual, and close the gap.

    `cause` is what led to the look and goes into the evidence; `run` the run it belongs to, if any; `attempt` how often
    this look was put off, which sets the next delay; `released` the hash of the set of held plans that was approved.
    """

    person: str
    cause: str
    run: str = ""
    attempt: int = 0
    released: str = ""


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
class SweepSlice:
    """Do the next slice of a sweep: `kind` names the sweep, `after` is where the slice before ended."""

    run: str
    kind: str
    after: str = ""


type Work = Check | Release | FanOut | SweepSlice
