"""Plans that wait for a person: gathered by run, released as one set by its hash.

Partition `held-…`, one a run: a row for each held person, and the approval once somebody gave it. The index partition
`held` names the runs that have something held: all are read whenever somebody is shown what waits.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from lifecycle.core.plan import set_hash
from lifecycle.errors import Lost, OwnHold, Permanent
from lifecycle.ports import Delete, Put, Records
from lifecycle.records.keys import pack, safe, unpack

_INDEX = "held"
_FIRST, _BEHIND = "p-", "q"
"""Between which keys a run's plans lie."""


@dataclass(frozen=True, slots=True)
class Held:
    """One person's withheld steps: `hash` names them, `text` is the guard's arithmetic.

    `by` is who at the command line caused it, `source` what else did (`lifecycle.attribute`).
    """

    run: str
    person: str
    hash: str
    steps: tuple[str, ...]
    cause: str
    text: str
    at: datetime
    by: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody approved exactly these hashes of a run, and said why."""

    run: str
    set_hash: str
    hashes: tuple[str, ...]
    by: str
    at: datetime
    because: str = ""


@dataclass(frozen=True, slots=True)
class HeldSet:
    """All that is held of one run; `hash` is what a release must name."""

    run: str
    plans: tuple[Held, ...]

    @property
    def hash(self) -> str:
        """Return the hash over the sorted hashes of the plans."""
        return set_hash(held.hash for held in self.plans)

    @property
    def causers(self) -> list[str]:
        """Return who caused any of it at the command line, and so may not release it."""
        return sorted({name for held in self.plans for name in held.by})

    @property
    def sources(self) -> list[str]:
        """Return what else caused it."""
        return sorted({held.source for held in self.plans if held.source})

    @property
    def since(self) -> datetime:
        """Return since when the first of it is held. Raises `ValueError` for an empty set."""
        return min(held.at for held in self.plans)


async def hold(records: Records, held: Held) -> None:
    """Gather a held plan under its run. The index comes last: by it `let_go` knows of what is held meanwhile."""
    await records.write(_partition(held.run), [Put(f"p-{safe(held.person)}", pack(held))])
    await records.write(_INDEX, [Put(safe(held.run), held.run.encode())])


async def held_of(records: Records, run: str, person: str) -> Held | None:
    """Return what is held of one person under a run."""
    row = await records.read(_partition(run), f"p-{safe(person)}")
    return None if row is None else unpack(Held, row.value)


async def doubt(records: Records, run: str, text: str) -> None:
    """Hold whatever a run takes away, as one set, for the reason that `text` gives."""
    await records.write(_partition(run), [Put("doubt", text.encode())])


async def doubted(records: Records, run: str) -> str:
    """Return why everything that a run takes away is held, empty when it is not."""
    row = await records.read(_partition(run), "doubt")
    return "" if row is None else row.value.decode()


async def let_go(records: Records, run: str, person: str) -> None:
    """Forget a held plan: it was applied, or there is nothing left to hold; with the last one, the run."""
    named = await records.read(_INDEX, safe(run))
    await records.write(_partition(run), [Delete(f"p-{safe(person)}")])
    if named is not None and not await records.rows(_partition(run), after=_FIRST, before=_BEHIND, limit=1):
        with suppress(Lost):  # held again meanwhile
            await records.write(_INDEX, [Delete(named.key, etag=named.etag)])


async def runs(records: Records) -> list[HeldSet]:
    """Return every run that has something held."""
    names = [row.value.decode() for row in await records.rows(_INDEX)]
    sets = [await held_set(records, name) for name in names]
    return [found for found in sets if found.plans]


async def held_set(records: Records, run: str) -> HeldSet:
    """Return what is held of a run; empty when nothing is."""
    rows = await records.rows(_partition(run), after=_FIRST, before=_BEHIND)
    return HeldSet(run, tuple(unpack(Held, row.value) for row in rows))


def check_release(found: HeldSet, wanted: str, by: str) -> None:
    """Raise `Permanent` when nothing is held or the set is not the wanted one (any more), `OwnHold` for a causer."""
    if not found.plans:
        raise Permanent(f"run {found.run}: nothing is held; `lifecycle held` shows what is")
    if found.hash != wanted:
        raise Permanent(
            f"run {found.run}: the held set is now {found.hash[:12]}, not {wanted[:12]}; nothing was released."
            " Look again with `lifecycle held` and approve what it shows"
        )
    if by.casefold() in {name.casefold() for name in found.causers}:
        raise OwnHold(
            f"run {found.run}: {by} caused this hold, and whoever caused a hold cannot release it; nothing was"
            " released, and that it was asked for is recorded. Another person must look at it and release it"
        )


async def approve(records: Records, found: HeldSet, by: str, because: str, at: datetime) -> Approval:
    """Write down that somebody approved exactly this set, which `check_release` let pass."""
    approval = Approval(found.run, found.hash, tuple(sorted(held.hash for held in found.plans)), by, at, because)
    await records.write(_partition(found.run), [Put("approval", pack(approval))])
    return approval


def check(found: HeldSet, wanted: str) -> None:
    """Raise `Permanent` when nothing is held, or another set than the one with that hash."""
    if not found.plans:
        raise Permanent(f"run {found.run}: nothing is held; see `lifecycle held`")
    if found.hash != wanted:
        raise Permanent(
            f"run {found.run}: the held set is now {found.hash[:12]}, not {wanted[:12]}; look again with "
            "`lifecycle held`"
        )


async def approval_of(records: Records, run: str) -> Approval | None:
    """Return the approval of a run, if somebody gave one."""
    row = await records.read(_partition(run), "approval")
    return None if row is None else unpack(Approval, row.value)


def _partition(run: str) -> str:
    return f"held-{safe(run)}"
