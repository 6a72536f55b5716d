"""Looks at everything the app depends on, before and after a deployment, and tells what is wrong. Changes nothing.

Every look is on its own: one that fails, hangs or has a defect is told as such and stops no other. They run side by
side, a few at a time, and are told in a fixed order.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import cast

from lifecycle import survey
from lifecycle.core.budget import Allowance
from lifecycle.core.configured import QueueSeen, judge_queue
from lifecycle.core.health import (
    Check,
    Name,
    Problem,
    Ran,
    Report,
    finding,
    judge_budget,
    judge_clock,
    judge_held,
    judge_timer,
    unknown,
)
from lifecycle.core.model import AccessModel, Budget
from lifecycle.errors import LifecycleError, Misconfigured, Refused
from lifecycle.ports import Clock, Meter, Queue, Records
from lifecycle.ports.inspection import Bearer, Namespace, Tenancy
from lifecycle.records import heartbeats, holds

AT_ONCE = 4
"""Looks that run at the same time: Graph publishes no limit for entitlement management, so we keep to few."""
PATIENCE = timedelta(seconds=90)
"""The longest that one look may take."""
_OUT = frozenset({Queue.NOTICES, Queue.QUARANTINE})  # the app only sends to them

type Look = Callable[[], Awaitable[Check]]
type Named = tuple[Check, Look]
"""What a look is about, to be told when it fails, and the look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """What is looked at. `model` reads the access model anew; `schedules` is each timer's NCRONTAB.

    `seals` reads that the store of seals answers, `bodies` that the one of large bodies set aside does; both raise
    when it does not. None where there is none.
    """

    clock: Clock
    records: Records
    meter: Meter
    tenancy: Tenancy
    namespace: Namespace
    model: Callable[[], Awaitable[AccessModel]]
    schedules: Mapping[str, str]
    seals: Callable[[], Awaitable[object]] | None = None
    bodies: Callable[[], Awaitable[object]] | None = None


def wrong_settings(error: Misconfigured) -> Report:
    """Return what to tell when the settings are wrong: without them there is nothing to look at."""
    note = finding(Problem.MISCONFIGURED, "settings are absent or wrong", str(error))
    return Report((Check(Name.SETTINGS, notes=(note,)),))


async def check(premises: Premises, *, user: str = "", patience: timedelta = PATIENCE) -> Report:
    """Look at everything, and at one user when asked; `patience` bounds each look."""
    bearer, who = await _bearer(premises.tenancy, patience)
    model, loaded = await _model(premises, patience)
    looks = [*_tenant(premises, bearer, model), *_ours(premises, model)]
    if user:
        about = Check(Name.USER, user, private=True)
        looks.append((about, lambda: survey.user(premises.tenancy, premises.records, user)))
    turns = asyncio.Semaphore(AT_ONCE)

    async def in_turn(about: Check, look: Look) -> Check:
        async with turns:
            return await bounded(about, look, patience)

    done = await asyncio.gather(*(in_turn(about, look) for about, look in looks))
    by_hand = [survey.not_run(number) for number in survey.BY_HAND]
    checks = [Check(Name.SETTINGS, seen="all there"), *who, loaded, *done, *by_hand]
    order = list(Name)
    return Report(tuple(sorted(checks, key=lambda one: order.index(one.name))))


async def bounded(about: Check, look: Look, patience: timedelta) -> Check:
    """Return what the look says, or what became of it: it failed, took too long, or has a defect."""
    try:
        async with asyncio.timeout(patience.total_seconds()):
            return await look()
    except LifecycleError as error:
        note = survey.failure(error, what=about.name)
    except TimeoutError:
        then = "Try again; if it stays like this, look at the network between here and there"
        note = finding(Problem.TOO_SLOW, f"{about.name}: nothing within {patience.total_seconds():.0f} s", then)
    except Exception as error:  # noqa: BLE001 - a defect of one look may stop no other; the type alone is told
        note = unknown(Problem.DEFECT, f"{about.name}: {type(error).__name__}", "Report it: a defect of this check")
    return replace(about, notes=(note,))


async def _bearer(tenancy: Tenancy, patience: timedelta) -> tuple[Bearer, list[Check]]:
    bearer = Bearer(opaque=True)

    async def look() -> Check:
        nonlocal bearer
        bearer = await tenancy.bearer()
        return survey.identity(bearer)

    who = await bounded(Check(Name.IDENTITY), look, patience)
    return bearer, [who, survey.app_roles(bearer, tenancy.roles)]


async def _model(premises: Premises, patience: timedelta) -> tuple[AccessModel | None, Check]:
    model: AccessModel | None = None

    async def look() -> Check:
        nonlocal model
        model = await premises.model()
        seen = f"version {model.hash[:12]}, {len(model.packages)} packages, {len(model.rules)} rules"
        numbers = (("packages", len(model.packages)), ("rules", len(model.rules)))
        return Check(Name.MODEL, seen=seen, numbers=numbers)

    loaded = await bounded(Check(Name.MODEL), look, patience)
    return model, loaded


# --- the tenant ------------------------------------------------------------------------------------------------------


def _tenant(premises: Premises, bearer: Bearer, model: AccessModel | None) -> Iterator[Named]:
    tenancy, now = premises.tenancy, premises.clock.now()
    packages = list(model.packages.values()) if model is not None else []
    one = packages[0].access_package if packages else ""
    if model is None:
        for name in (Name.CATALOG, Name.PACKAGE, Name.POLICY, Name.CATALOG_ROLE):
            yield Check(name), partial(_skipped, name)
    for catalog in sorted({package.catalog.casefold() for package in packages}):
        yield Check(Name.CATALOG, catalog), partial(survey.catalog, tenancy, catalog)
        yield Check(Name.CATALOG_ROLE, catalog), partial(survey.catalog_role, tenancy, bearer, catalog)
    for package in packages:
        about = Check(Name.PACKAGE, package.access_package, package.name)
        yield about, partial(survey.package, tenancy, package)
        about = Check(Name.POLICY, package.policy, package.name)
        yield about, partial(survey.policy, tenancy, package, cast("AccessModel", model))
    for endpoint in tenancy.endpoints:
        yield Check(Name.READ, endpoint), partial(survey.touch, tenancy, endpoint, one, now)
    for number in tenancy.probes:
        yield Check(Name.PROBE, number), partial(survey.probe, tenancy, number, one, now)
    yield Check(Name.CLOCK), partial(_clock, premises, one)


async def _skipped(name: Name) -> Check:
    note = unknown(Problem.SKIPPED, "not looked at: it needs the access model", "Mend the model first")
    return Check(name, notes=(note,))


async def _clock(premises: Premises, package: str) -> Check:
    """Compare our clock with the `Date` of the first answer that has one."""
    for endpoint in premises.tenancy.endpoints:
        read = await premises.tenancy.touch(endpoint, package, premises.clock.now())
        if read.date is not None:
            return judge_clock(premises.clock.now() - read.date)
    return judge_clock(None)


# --- queues, records, timers -----------------------------------------------------------------------------------------


def _ours(premises: Premises, model: AccessModel | None) -> Iterator[Named]:
    for queue in Queue:
        yield Check(Name.QUEUE, queue), partial(_queue, premises.namespace, queue)
    yield Check(Name.RECORDS), partial(_records, premises)
    yield Check(Name.SEALS), partial(_seals, premises)
    yield Check(Name.BODIES), partial(_bodies, premises)
    yield Check(Name.BUDGET), partial(_budget, premises, model)
    yield Check(Name.HELD), partial(_held, premises)
    for timer, schedule in premises.schedules.items():
        yield Check(Name.TIMER, timer), partial(_timer, premises, timer, schedule)


async def _queue(namespace: Namespace, queue: Queue) -> Check:
    try:
        seen = await namespace.look(queue)
    except Refused as error:
        if error.status != HTTPStatus.FORBIDDEN or queue not in _OUT:
            raise
        then = f"Nothing, when the app only sends to it. {error}"
        return Check(Name.QUEUE, queue, notes=(unknown(Problem.DENIED, "this identity may not look into it", then),))
    notes = judge_queue(
        seen,
        sessions=queue in namespace.sessions,
        consumed=queue not in _OUT,
        quarantine=queue is Queue.QUARANTINE,
    )
    lying = {"waiting": seen.waiting, "dead": seen.dead}
    numbers = tuple((what, count) for what, count in lying.items() if count is not None)
    return Check(Name.QUEUE, queue, seen=_told(seen), notes=notes, numbers=numbers)


def _told(seen: QueueSeen) -> str:
    kind = {True: "with sessions", False: "without sessions", None: "there"}[seen.sessions]
    known = "" if seen.lock is None else f", lock {seen.lock}, {seen.deliveries} deliveries"
    return f"{kind}{known}, {seen.waiting} waiting"


async def _records(premises: Premises) -> Check:
    await heartbeats.beats(premises.records)
    return Check(Name.RECORDS, seen="read")


async def _seals(premises: Premises) -> Check:
    if premises.seals is None:
        note = unknown(Problem.SKIPPED, "there is no store of seals", "Nothing, where nothing is sealed")
        return Check(Name.SEALS, notes=(note,))
    await premises.seals()
    return Check(Name.SEALS, seen="read")


async def _bodies(premises: Premises) -> Check:
    if premises.bodies is None:
        note = unknown(Problem.SKIPPED, "there is no store of bodies", "Nothing, where nothing large is set aside")
        return Check(Name.BODIES, notes=(note,))
    await premises.bodies()
    return Check(Name.BODIES, seen="read")


async def _budget(premises: Premises, model: AccessModel | None) -> Check:
    spent = await premises.meter.spent(premises.clock.now())
    return judge_budget(Allowance(Budget() if model is None else model.budget, spent))


async def _held(premises: Premises) -> Check:
    sets = await holds.runs(premises.records)
    plans = [plan for one in sets for plan in one.plans]
    people = len({plan.person for plan in plans})
    return judge_held(len(sets), people, min((plan.at for plan in plans), default=None))


async def _timer(premises: Premises, timer: str, schedule: str) -> Check:
    ran = {beat.timer: Ran(beat.at, beat.took, beat.fault) for beat in await heartbeats.beats(premises.records)}
    return judge_timer(timer, schedule, ran, premises.clock.now())
