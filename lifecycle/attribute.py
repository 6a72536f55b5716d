"""Says who caused a hold, since whoever did cannot release it: from the facts, which say who sent them.

A person counts who at the command line sent the event that led to the look, began the sweep that found it, or said
something of the held person or of their projects that was recorded or came into force lately. The last is wide on
purpose: what is dated a minute ahead is found by a timer, and would have no author otherwise. Where nobody is known the
source of the event, or the new access model, is named instead. Reads records alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from lifecycle.core.calendar import begins
from lifecycle.core.events import Effective, Fact, Joined, Moved
from lifecycle.core.work import Check
from lifecycle.gather import Known
from lifecycle.ports import Ports
from lifecycle.records import facts, runs

LATELY = timedelta(days=30)
"""How long after something was said, or came into force, whoever said it counts as a causer: a grace ends in it."""

_DATES = ("effective", "planned_close", "starts", "until")


@dataclass(frozen=True, slots=True)
class Causes:
    """Who caused something at the command line (`people`, by their identities), and what else did (`source`)."""

    people: tuple[str, ...] = ()
    source: str = ""


async def causes_of(known: Known, check: Check, ports: Ports) -> Causes:
    """Return who and what caused what a look at this person found."""
    said = await _said_of(known, ports)
    led = [fact for fact in said if _led(fact, check)]
    now, zone = ports.clock.now(), ports.model.time_zone
    found = {fact.recorded.actor for fact in said if fact in led or _lately(fact, now, zone)}
    run = await runs.find(ports.records, check.run) if check.run else None
    if run is not None:
        found.add(run.by)
    sources = sorted({fact.recorded.source for fact in led if not fact.recorded.actor})
    return Causes(tuple(sorted(found - {""})), ", ".join(sources) or _other(check))


async def _said_of(known: Known, ports: Ports) -> list[Fact]:
    records = ports.records
    said: list[Fact] = []
    for name in known.identity.ids:
        said += await facts.of_worker(records, name)
        said += await facts.of_member(records, name)
    for name in known.projects:
        said += await facts.of_project(records, name)
    return said


def _led(fact: Fact, check: Check) -> bool:
    run = fact.recorded.run
    return check.cause == f"event:{fact.recorded.id}" or (bool(run) and run == check.run)


def _lately(fact: Fact, now: datetime, zone: str) -> bool:
    since = now - LATELY
    return any(since <= at <= now for at in (fact.recorded.time, *(begins(one, zone) for one in _dates(fact))))


def _dates(fact: Fact) -> Iterable[Effective]:
    """Return the dates from which what the fact says counts."""
    dates = [getattr(fact, name, None) for name in _DATES]
    if isinstance(fact, Joined | Moved):
        dates.append(fact.worker.contract_end)
    return [one for one in dates if one is not None]


def _other(check: Check) -> str:
    """Name what led to a look that no event led to."""
    if check.run.startswith("model:"):
        return "a new access model, whose author is not known here"
    if check.cause.startswith("sweep:"):
        return "a sweep"
    return "its time came" if check.cause == "wake" else ""
