"""Releases a held set: writes down who approved it and why, then has its people looked at.

The set must still be the one that was shown, and whoever caused the hold cannot release it: asked for at the command
line too, but decided here. The evidence is the run's chain; a refusal is part of it.
"""

import hashlib

from lifecycle import messages
from lifecycle.core.evidence import Tag
from lifecycle.core.work import Release, ReleaseRefused, stated
from lifecycle.errors import MalformedEvent, Permanent
from lifecycle.ports import Ports
from lifecycle.records import holds, ledger, runs
from lifecycle.records.holds import Approval, HeldSet
from lifecycle.records.runs import Run
from lifecycle.trickle import enqueue


async def approve_release(work: Release, ports: Ports) -> None:
    """Write down the approval of a held set and have its people looked at.

    The record comes first: nothing is released unrecorded. A message that comes again goes on where the first one
    stopped. Raises `Permanent` when nothing is held or it changed, `OwnHold` when `by` caused it; either is recorded.
    """
    because = _stated(work.because)
    now = ports.clock.now()
    held = await holds.held_set(ports.records, work.run)
    before = await holds.approval_of(ports.records, work.run)
    if before is None or not _same(before, work, because):
        try:
            holds.check_release(held, work.set_hash, work.by)
        except Permanent:
            await _write_down(Tag.RELEASE_REFUSED, work, because, held, ports)
            raise
        await _write_down(Tag.RUN_RELEASED, work, because, held, ports)
        data = {"run": work.run, "by": work.by, "plans": len(held.plans), "set": work.set_hash}
        await messages.notify(ports.bus, "run.released", work.run, data, now=now, once=work.set_hash)
        await holds.approve(ports.records, held, work.by, because, now)
    run = Run(work.run, f"release:{work.run}", now, released=work.set_hash, by=await _asked_by(work.run, ports))
    await runs.begin(ports.records, run)
    await enqueue(run, [plan.person for plan in held.plans], ports, whole=True)


async def refuse_release(work: ReleaseRefused, ports: Ports) -> None:
    """Write down that somebody who caused a hold asked for its release."""
    held = await holds.held_set(ports.records, work.run)
    await _write_down(Tag.RELEASE_REFUSED, work, _stated(work.because), held, ports)


def _stated(because: str) -> str:
    try:
        return stated(because)
    except ValueError as error:
        raise MalformedEvent("$.data.because", str(error)) from None


def _same(before: Approval, work: Release, because: str) -> bool:
    return (before.set_hash, before.by, before.because) == (work.set_hash, work.by, because)


async def _asked_by(run: str, ports: Ports) -> str:
    """Return who asked for the run that is held, which is begun anew under its name."""
    found = await runs.find(ports.records, run)
    return "" if found is None else found.by


async def _write_down(tag: Tag, work: Release | ReleaseRefused, because: str, held: HeldSet, ports: Ports) -> None:
    reason = hashlib.sha256(because.encode()).hexdigest()
    detail = {
        "run": work.run,
        "set": work.set_hash,
        "people": len(held.plans),
        "by": work.by,
        "because": because,
        "causers": held.causers,
    }
    await ledger.enter_once(
        ports.records,
        f"run:{work.run}",
        tag,
        detail,
        once=f"{tag} {work.set_hash} {work.by} {reason}",
        at=ports.clock.now(),
        cause=f"operator:{work.by}",
    )
