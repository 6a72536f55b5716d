"""After a new access model: plans everybody anew from what is known here, and has only those looked at who differ.

Nothing is read from Graph for it. The run goes on from where it was left, and its plans are held together under it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from lifecycle import messages
from lifecycle.core.desired import Desired
from lifecycle.core.model import AccessModel
from lifecycle.core.plan import TOLERANCE
from lifecycle.core.work import Sweep, SweepSlice
from lifecycle.errors import Permanent
from lifecycle.gather import Known, gather
from lifecycle.ports import Ports
from lifecycle.records import adoption, annals, holders, people
from lifecycle.records.adoption import Adoption
from lifecycle.records.dossier import Dossier, open_dossier
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
        run = Run(run_of(ports.model), run_of(ports.model), now)
        await annals.begun(ports.records, run, "model", now, model=ports.model.hash, before=before)
    await adoption.note_replanned(ports.records, adoption.Replanned(ports.model.hash, now, after))
    await messages.ask(
        ports.bus, SweepSlice(run_of(ports.model), Sweep.MODEL, after=after), now=now, mark=now.isoformat()
    )


async def replan(work: SweepSlice, ports: Ports) -> None:
    """Plan the next people, and add those to the run whose access would change."""
    now = ports.clock.now()
    if work.run != run_of(ports.model):
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
    Of one for whom a rule has no answer, their own look says so, and is set aside alone.
    """
    try:
        found = await anew(name, ports, present)
    except Permanent:
        return True
    if found.other_packages:
        return True
    if found.comes is not None:
        await set_wake(found.dossier, found.comes)
    return found.other_ends


@dataclass(frozen=True, slots=True)
class Anew:
    """A person's entitlements under the present model, beside what the last look found them to be."""

    known: Known
    dossier: Dossier
    desired: Desired
    now: datetime

    @property
    def differs(self) -> bool:
        """Whether the present model calls for a look now."""
        return self.other_packages or self.other_ends

    @property
    def other_packages(self) -> bool:
        """Whether other packages are justified."""
        return holders.wanted(self.dossier) != self.desired.entitlements.keys()

    @property
    def other_ends(self) -> bool:
        """Whether one of our rows that stays should end at another time."""
        for holding in self.dossier.holdings.values():
            wanted = self.desired.entitlements.get(holding.package)
            if holding.taken or wanted is None or holding.ends == wanted.end:
                continue
            if holding.ends is None or wanted.end is None or abs(holding.ends - wanted.end) >= TOLERANCE:
                return True
        return False

    @property
    def comes(self) -> datetime | None:
        """Return when something changes before anybody would look next, None when nothing does."""
        at, wake = self.desired.next_change, self.dossier.wake
        return at if at is not None and (wake is None or at < wake) else None


async def anew(name: str, ports: Ports, present: Adoption) -> Anew:
    """Plan a person anew from what is known here; `present` is since when the model of `ports` counts."""
    now = ports.clock.now()
    identity = await identity_of(ports.records, name)
    dossier = await open_dossier(ports.records, identity.person)
    known = await gather(identity, ports)
    return Anew(known, dossier, known.entitled(dossier, now, present=present), now)


def run_of(model: AccessModel) -> str:
    """Return the name of the run under which a model's changes are made, and held together."""
    return f"model:{model.hash[:12]}"
