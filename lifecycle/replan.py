"""After a new access model: plans everybody anew from what is known here, and has only those looked at who differ.

Nothing is read from Graph for it. The run goes on from where it was left, and its plans are held together under it.
"""

from datetime import timedelta

from lifecycle import messages
from lifecycle.core.plan import TOLERANCE
from lifecycle.core.work import Sweep, SweepSlice
from lifecycle.gather import gather
from lifecycle.ports import Ports
from lifecycle.records import adoption, annals, holders, people
from lifecycle.records.adoption import Adoption
from lifecycle.records.dossier import open_dossier
from lifecycle.records.identities import identity_of
from lifecycle.records.runs import Run
from lifecycle.records.wakeups import set_wake
from lifecycle.trickle import enqueue

_SLICE = 500
_STUCK = timedelta(minutes=10)


async def begin_replan(ports: Ports) -> None:
    """See to it that everybody is planned anew once under the present model; called at every tick of the wake timer."""
    now = ports.clock.now()
    await adoption.adopt(ports.records, ports.model, now, keep=True)
    under = await adoption.replanned(ports.records)
    if under is not None and under.hash == ports.model.hash and (under.done or now < under.at + _STUCK):
        return
    after = under.after if under is not None and under.hash == ports.model.hash else ""
    if under is None or under.hash != ports.model.hash:
        before = "" if under is None else under.hash
        run = Run(_run(ports), _run(ports), now)
        await annals.begun(ports.records, run, "model", now, model=ports.model.hash, before=before)
    await adoption.note_replanned(ports.records, adoption.Replanned(ports.model.hash, now, after))
    await messages.ask(ports.bus, SweepSlice(_run(ports), Sweep.MODEL, after=after), now=now, mark=now.isoformat())


def _run(ports: Ports) -> str:
    return f"model:{ports.model.hash[:12]}"


async def replan(work: SweepSlice, ports: Ports) -> None:
    """Plan the next people, and add those to the run whose access would change."""
    now = ports.clock.now()
    if work.run != _run(ports):
        return  # yet another model is in force by now
    present = await adoption.adopt(ports.records, ports.model, now, keep=True)
    names = await people.everybody(ports.records, after=work.after, limit=_SLICE)
    changed = [name for name in names if await _differs(name, ports, present)]
    done = len(names) < _SLICE
    if changed or done:
        await enqueue(Run(work.run, work.run, now), changed, ports, whole=done)
    after = work.after if done else names[-1]
    await adoption.note_replanned(ports.records, adoption.Replanned(ports.model.hash, now, after, done=done))
    if not done:
        following = SweepSlice(work.run, Sweep.MODEL, after=after)
        await messages.ask(ports.bus, following, now=now, mark=now.isoformat())


async def _differs(name: str, ports: Ports, present: Adoption) -> bool:
    """Whether the person is entitled to something else, or until another time, than when they were last looked at.

    What the model changes from an instant to come, before their next look, needs a wake-up for it, and gets one here.
    """
    identity = await identity_of(ports.records, name)
    dossier = await open_dossier(ports.records, identity.person)
    desired = (await gather(identity, ports)).entitled(dossier, ports.clock.now(), present=present)
    if holders.wanted(dossier) != desired.entitlements.keys():
        return True
    if desired.next_change is not None and (dossier.wake is None or desired.next_change < dossier.wake):
        await set_wake(dossier, desired.next_change)
    for holding in dossier.holdings.values():
        wanted = desired.entitlements.get(holding.package)
        if holding.taken or wanted is None or holding.ends == wanted.end:
            continue
        if holding.ends is None or wanted.end is None or abs(holding.ends - wanted.end) >= TOLERANCE:
            return True
    return False
