"""Gathers the overview that the dashboard shows, so that nobody who opens the page waits for a count.

Runs behind the wake timer. Reads what others wrote down: the sweeps' reports, counts, indexes. Its cost follows the
packages and what is under way, never the assignments or the years. Decides nothing.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from math import inf
from time import monotonic

from lifecycle.core.delays import Summary
from lifecycle.core.model import AccessModel
from lifecycle.core.overview import (
    LISTED,
    STUCK,
    Aside,
    HeldRun,
    Overview,
    PackageCount,
    Quarter,
    Renewals,
    Speed,
    TimerRun,
    UnderWay,
)
from lifecycle.core.waiting import OpenRequest
from lifecycle.errors import LifecycleError
from lifecycle.ports import Lectern, Ports, Queue, Records, SetAside
from lifecycle.records import budget, delays, heartbeats, holds, overview, people, renewals, reports, underway
from lifecycle.records.reports import Report

MONTHS = 13
"""Months of durations that are shown."""

TIMERS = ("wake", "overview", "drift", "seal")
"""Timers that are shown also before their first run."""

_WEEK = 7
_MOST_RENEWALS = 2000
_ASIDE_EVERY = timedelta(hours=1)
_ASIDE_PATIENCE = 20.0  # seconds; the queues may hold much, and the overview must not wait for them
_APART = 60.0  # seconds
_DOUBTED = timedelta(hours=1)


class Glance:
    """Counts what lies set aside in the queues, once an hour; one for each process.

    Looking takes seconds. So it is also kept apart by the process's own time: where the clock is moved, as in the
    sandbox, hours pass in no time.
    """

    def __init__(self, lectern: Lectern, *, time: Callable[[], float] = monotonic) -> None:
        self._lectern, self._time = lectern, time
        self._looked = -inf

    async def aside(self, before: Aside | None, now: datetime) -> Aside | None:
        """Return what lies there; what was seen `before` when that is fresh, or when the queues do not answer."""
        if self._time() - self._looked < _APART or (before is not None and now - before.at < _ASIDE_EVERY):
            return before
        self._looked = self._time()
        try:
            async with asyncio.timeout(_ASIDE_PATIENCE):
                found = await asyncio.gather(*(self._in(queue) for queue in Queue if queue is not Queue.NOTICES))
        except (LifecycleError, TimeoutError):
            return before
        lies = [one for some in found for one in some]
        return Aside(len(lies), now, min((one.at for one in lies), default=None))

    async def _in(self, queue: Queue) -> list[SetAside]:
        return await self._lectern.browse(queue, dead=queue is not Queue.QUARANTINE)


async def gather(ports: Ports, glance: Glance | None = None) -> Overview:
    """Gather the overview and keep it. Raises what the records raise; then the last one stays, with its time."""
    records, now = ports.records, ports.clock.now()
    before = await overview.last(records)
    seen = None if before is None else before.aside
    counted = await people.population(records)
    found = await reports.reports(records)
    requests, delivered = await underway.everywhere(records, now - timedelta(days=31 * (MONTHS - 1)))
    held = [one for one in await holds.runs(records) if one.plans]
    taken = Overview(
        at=now,
        people=counted.people,
        assignments=counted.assignments,
        packages=tuple(_package(one) for one in sorted(found, key=lambda one: one.package)),
        ending=_by_day(found),
        under_way=await _under_way(records, requests, now),
        renewals=await _renewals(records, now),
        held=tuple(_held(one) for one in held[:LISTED]),
        held_runs=len(held),
        held_people=sum(len(one.plans) for one in held),
        delivered=tuple(delivered),
        speeds=await _speeds(records, now),
        overdue=sum(one.by < now for one in await delays.still_open(records)),
        deadline=ports.model.deadlines.leaver,
        quarter=await _quarter(records, ports.model, now),
        aside=seen if glance is None else await glance.aside(seen, now),
    )
    await overview.keep(records, taken)
    return taken


async def shown(records: Records) -> tuple[Overview | None, tuple[TimerRun, ...]]:
    """Return the overview as it was gathered last, and each timer's last run, which is read now."""
    runs = {one.timer: TimerRun(one.timer, one.at, one.took, one.fault) for one in await heartbeats.beats(records)}
    timers = [runs.pop(name, TimerRun(name, None)) for name in TIMERS]
    return await overview.last(records), (*timers, *(runs[name] for name in sorted(runs)))


def _package(report: Report) -> PackageCount:
    differing = sum(report.counts.values())
    week, month = sum(report.ending[:_WEEK]), sum(report.ending)
    return PackageCount(report.package, report.rows, week, month, differing, report.at)


def _by_day(found: Sequence[Report]) -> tuple[int, ...]:
    return tuple(sum(day) for day in zip_longest(*(one.ending for one in found), fillvalue=0))


async def _under_way(records: Records, found: list[OpenRequest], now: datetime) -> UnderWay:
    gone = await underway.left_behind(records, found, now - _DOUBTED)
    found = [one for one in found if one.person not in gone]
    failing = [one for one in found if one.failing]
    going = [one for one in found if not one.failing]
    stuck = [one for one in going if now - one.since > STUCK]
    return UnderWay(len(going), len(stuck), len(failing), tuple([*stuck, *failing][:LISTED]))


async def _renewals(records: Records, now: datetime) -> Renewals:
    found = await renewals.waiting(records, now, limit=_MOST_RENEWALS + 1)
    return Renewals(min(len(found), _MOST_RENEWALS), len(found) > _MOST_RENEWALS, tuple(found[:LISTED]))


def _held(one: holds.HeldSet) -> HeldRun:
    steps = sum(len(plan.steps) for plan in one.plans)
    return HeldRun(one.run, len(one.plans), steps, min(plan.at for plan in one.plans), one.hash)


async def _speeds(records: Records, now: datetime) -> tuple[Speed, ...]:
    found = await delays.summaries(records, _months(now))
    return tuple(_speed(month, one) for month in sorted(found) for one in found[month])


def _speed(month: str, one: Summary) -> Speed:
    return Speed(month, str(one.kind), one.count, one.open, one.within, one.p50, one.p90, one.p95, one.max)


def _months(now: datetime) -> list[str]:
    """Return the months that are shown, oldest first."""
    last = now.year * 12 + now.month - 1
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in range(last - MONTHS + 1, last + 1)]


async def _quarter(records: Records, model: AccessModel, now: datetime) -> Quarter:
    days = tuple((one.day, one.tenant, one.ours) for one in await budget.by_day(records, now))
    tenant, ours = sum(one[1] for one in days), sum(one[2] for one in days)
    known = model.budget
    return Quarter(known.requests, known.warn, known.reserve, tenant, ours, days)
