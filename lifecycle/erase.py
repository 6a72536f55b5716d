"""Erases a person who has left: facts, state and chain. What stays is a record in the chain `erasures`, without an id.

Written down before it is done, and begun again where it was cut short. Refused while the person is employed or
expected, still watched after leaving, has access, or has a request under way. The message travels in the person's
session, so that no look at them is under way.
"""

from lifecycle.core.events import key
from lifecycle.core.guard import Kind
from lifecycle.core.seal import number_of
from lifecycle.core.work import Erase
from lifecycle.errors import Permanent
from lifecycle.feed import forget
from lifecycle.look import Look, look
from lifecycle.ports import Ports
from lifecycle.prune import left_before
from lifecycle.reconcile import WATCHED
from lifecycle.records import (
    claims,
    delays,
    erasures,
    facts,
    holders,
    holds,
    identities,
    ledger,
    moved,
    people,
    reservations,
    takings,
    told,
    wakeups,
)
from lifecycle.records.erasures import Erased
from lifecycle.records.identities import Identity, identity_of


async def erase(asked: Erase, ports: Ports) -> None:
    """Erase a person, or do nothing when the time of keeping is not over after all.

    Raises `Permanent` when somebody asked for it and it may not be, `Transient` when something could not be read or
    written: the broker brings the message again, and what was begun goes on.
    """
    identity = await identity_of(ports.records, key(asked.person))
    seen = await look(identity.person, ports, cause="erase", settle=False)
    reason = forbidden(seen)
    if reason and asked.by:
        raise Permanent(f"person {identity.person}: {reason}; nothing was erased")
    if reason or (asked.before is not None and not await left_before(identity, asked.before, ports)):
        return
    await _write_down(identity, asked, ports)
    kept = [await facts.erase(ports.records, name) for name in identity.ids]
    if all(kept):  # else they were spoken of meanwhile: they are known again, and the rest stays with them
        await _forget(identity, seen, ports)


def forbidden(seen: Look) -> str:
    """Return why a person may not be erased, empty when they may."""
    span = seen.person.last_end(seen.now)
    watched = span is not None and span.end is not None and seen.now < span.end + WATCHED
    held = any(not row.taken for row in seen.dossier.holdings.values())
    reasons = (
        (seen.person.first_day(seen.now) is not None, "is employed, or will be"),
        (bool(seen.desired.entitlements) or held, "has access still"),
        (bool(seen.actual.assignments), "has access still, which is not ours"),
        (bool(seen.dossier.flights), "has a request under way"),
        (watched, f"left less than {WATCHED.days} days ago and is watched still"),
    )
    return next((text for stands, text in reasons if stands), "")


async def _write_down(identity: Identity, asked: Erase, ports: Ports) -> None:
    """Say of each chain that it is about to be erased: how long it was, where it ended, by which rule or by whom."""
    seals = [number_of(name) or 0 for name in await ports.seals.names()]
    how: dict[str, object] = {"rule": "request", "by": asked.by, "reason": asked.reason}
    if not asked.by:
        how = {"rule": "retention", "left_before": "" if asked.before is None else asked.before.isoformat()}
    for name in identity.ids:
        place = ledger.partition_of_person(name)
        head = await ledger.head_of(ports.records, place)
        if head.length:
            one = Erased(moved.chain_id(place), head.length, head.hash, max(seals, default=0))
            cause = f"erasure:{asked.by or 'retention'}"
            await erasures.write_down(ports.records, one, how, at=ports.clock.now(), cause=cause)


async def _forget(identity: Identity, seen: Look, ports: Ports) -> None:
    """Erase everything but the facts, which are gone; whom the sweeps know by goes last."""
    records = ports.records
    if seen.dossier.correlation is not None:
        await claims.drop(records, seen.dossier.correlation.user, identity.person)
        await holders.note(seen.dossier, seen.dossier.correlation.user, {})
    if seen.dossier.withheld is not None:
        await holds.let_go(records, seen.dossier.withheld.run, identity.person)
    await wakeups.set_wake(seen.dossier, None)
    await delays.forget(records, seen.dossier.delays.values())
    counters = [str(Kind.LEAVERS), *(f"{Kind.ADDITIONS}:{package}" for package in ports.model.packages)]
    for name in identity.ids:
        await reservations.forget(records, counters, name)
    for name in identity.ids:
        place = ledger.partition_of_person(name)
        await erasures.erase_chain(records, place, await ledger.head_of(records, place))
        await told.done(records, await told.read(records, name))
        await takings.forget(records, name)
        await forget(records, sorted(ports.model.sources.worker), name)
    await identities.erase(records, identity)
    for name in identity.ids:
        await people.erase(records, name)
