"""The nightly comparison of everything we believe with what the directory and its reviews say, slice by slice.

Each package is a message, its pages are checkpoints; so are the directory's users, the finished reviews and the count
of requests. Finds out who differs and has them looked at, by trickle and at low priority; changes nobody's access. The
dry run finds the same people.
"""

from dataclasses import replace
from typing import assert_never

from lifecycle import measures, messages
from lifecycle.calibrate import calibrate
from lifecycle.compare import SLICE, Found, compare
from lifecycle.core.work import Sweep, SweepSlice
from lifecycle.deny import read_reviews
from lifecycle.errors import Lost
from lifecycle.follow_many import follow_package
from lifecycle.ports import Ports
from lifecycle.prune import prune, shard_of
from lifecycle.recognise import compare_users
from lifecycle.records import annals, checkpoints, reports, runs
from lifecycle.records.runs import Run
from lifecycle.replan import replan
from lifecycle.sweep import wake
from lifecycle.trickle import enqueue, trickle


async def drift(ports: Ports, run: str = "", by: str = "") -> str:
    """Begin a sweep over every package, and return its run: `run`, or one named by the time. `by` asked for it."""
    now = ports.clock.now()
    run = run or f"drift:{now:%Y-%m-%dT%H:%M:%SZ}"
    begun = Run(run, f"sweep:{run}", now, recheck=True, by=by)
    await annals.begun(ports.records, begun, "drift", now, packages=len(ports.model.packages), model=ports.model.hash)
    await runs.begin(ports.records, begun)
    slices = [SweepSlice(run, Sweep.PACKAGE, name) for name in ports.model.packages]
    slices += [SweepSlice(run, kind) for kind in (Sweep.USERS, Sweep.REVIEWS, Sweep.BUDGET)]
    slices.append(SweepSlice(run, Sweep.RETENTION, shard_of(now)))
    await messages.ask_all(ports.bus, list(slices), now=now, mark=run)
    return run


async def slice_of(work: SweepSlice, ports: Ports) -> None:  # noqa: C901 - an arm a kind of slice
    """Do one slice. Raises `Transient` when something could not be read: the broker brings the message again."""
    match work.kind:
        case Sweep.DRIFT:
            await drift(ports, work.run, work.by)
        case Sweep.WAKE:
            await wake(ports, asked=True)
        case Sweep.PACKAGE:
            await _package(work, ports)
        case Sweep.USERS:
            await _enqueue(work, await compare_users(ports), ports)
        case Sweep.REVIEWS:
            await _enqueue(work, await read_reviews(ports), ports)
        case Sweep.BUDGET:
            await calibrate(ports, ports.clock.now())
        case Sweep.MODEL:
            await replan(work, ports)
        case Sweep.FOLLOW:
            await follow_package(work.about, ports)
        case Sweep.RETENTION:
            await prune(work, ports)
        case Sweep.TRICKLE:
            await trickle(work.run, ports)
        case _ as never:
            assert_never(never)


async def _package(work: SweepSlice, ports: Ports) -> None:
    if work.about not in ports.model.packages:
        return  # the model changed while the sweep ran
    at = await checkpoints.open_checkpoint(ports.records, work.run, work.about)
    last = None if at.pages else await reports.of_package(ports.records, work.about)
    if last is not None and last.run == work.run:
        return  # the message came again after its work was done
    try:
        found = await compare(work.about, at, ports, keep=True)
    except Lost:  # the message came twice: one of the two goes on, and the other sees to it that it does
        now = ports.clock.now()
        await messages.ask(ports.bus, replace(work, after=str(at.pages)), now=now, at=now + SLICE, mark=now.isoformat())
        return
    if found is None:
        following = replace(work, after=str(at.pages))
        await messages.ask(ports.bus, following, now=ports.clock.now(), mark=work.run)
        return
    await _enqueue(work, list(found.people), ports)
    report = found.report(work.about, work.run, at, ports)
    await reports.keep(ports.records, report)
    measures.count(measures.COMPARED)
    for kind, rows in report.counts.items():
        measures.count(measures.DRIFT_ROWS, {"kind": str(kind)}, many=rows)
    if report.counts:
        data = {"package": report.package, "run": report.run, "checked": report.checked, **report.counts}
        await messages.notify(ports.bus, "drift.found", report.package, data, now=report.at, once=report.run)
    await at.drop()  # last: without it the work counts as done


async def _enqueue(work: SweepSlice, people: list[str], ports: Ports) -> None:
    if people:
        run = Run(work.run, f"sweep:{work.run}", ports.clock.now(), recheck=True)
        await enqueue(run, people, ports, whole=True)


async def differing(ports: Ports) -> tuple[dict[str, Found], list[str]]:
    """Return what a sweep would find, by package, and everybody it would have looked at. Writes nothing."""
    found: dict[str, Found] = {}
    people: dict[str, None] = {}
    for name in ports.model.packages:
        at = checkpoints.Checkpoint(ports.records, "")
        one = None
        while one is None:
            one = await compare(name, at, ports, keep=False)
        found[name] = one
        people |= one.people
    people |= dict.fromkeys(await compare_users(ports))
    return found, list(people)
