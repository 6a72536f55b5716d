"""What is written down of runs, which belong to no person: begun, held whole, all asked for.

One chain a run (`run:<run>`), a handful of records each, never one a person: what became of each person is in their own
chain, whose records name the run as their cause. Runs that only do again what was lost or is due have no chain.
"""

from datetime import datetime

from lifecycle.core.evidence import Detail, Tag
from lifecycle.ports import Records
from lifecycle.records.ledger import enter, head_of, partition_of, run_chain
from lifecycle.records.runs import Run


async def begun(records: Records, run: Run, kind: str, at: datetime, **detail: object) -> None:
    """Write down that a run began (again): `kind` is drift, model, project or bulk."""
    await _enter(records, run.name, Tag.RUN_BEGUN, {"kind": kind, **detail}, at, run.cause)


async def held_whole(records: Records, run: str, why: str, at: datetime, cause: str) -> None:
    """Write down that whatever a run takes away is held, as one set."""
    await _enter(records, run, Tag.RUN_HELD, {"why": why}, at, cause)


async def all_asked(records: Records, run: Run, at: datetime) -> None:
    """Write down that everybody of a run that was begun here was asked for.

    A drift run adds people package by package, so that nobody waiting does not mean that it is over.
    """
    if run.recheck or not run.whole or not (await head_of(records, partition_of(run_chain(run.name)))).length:
        return
    await _enter(records, run.name, Tag.RUN_FINISHED, {"asked": run.asked}, at, run.cause)


async def _enter(  # noqa: PLR0917 - what, of which run, when, why
    records: Records, run: str, tag: Tag, detail: Detail, at: datetime, cause: str
) -> None:
    await enter(records, run_chain(run), tag, detail, at=at, cause=cause)
