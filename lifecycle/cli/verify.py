"""`verify`: recompute the evidence, and say up to where it is proved and what is not as it was written."""

from typing import Annotated, Any

import typer

from lifecycle.cli.exits import Code
from lifecycle.cli.screen import counted, emit, instant, line, note, progress
from lifecycle.cli.world import AsJson, ReadyFile, World, inside
from lifecycle.explain import known
from lifecycle.records import ledger
from lifecycle.verify import Finding, Verified
from lifecycle.verify import verify as recompute

_SHOWN = 50


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: lifecycle verify\n\nExample: lifecycle verify --person E1001 --json")(verify)


def verify(
    context: typer.Context,
    *,
    person: Annotated[
        str | None, typer.Option("--person", metavar="PERSON", help="The chains of one person alone; any of their ids.")
    ] = None,
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> int:
    """Recompute every chain of the evidence and every seal, and name the first record that is not as it was written.

    Reads only. Exit code 1 when anything is broken.
    """

    async def work(world: World) -> Verified:
        places = None if person is None else await _of(person, world)
        with progress("verifying seals and chains") as bar:
            return await recompute(world.ports, places=places, step=bar.step)

    found = inside(context, ready, work)
    if as_json:
        emit(_plain(found))
    else:
        _show(found)
    return Code.FAILED if found.findings else Code.DONE


async def _of(person: str, world: World) -> list[str]:
    """Return the partitions of everything that is kept of a person under any of their ids."""
    return [ledger.partition_of_person(name) for name in (await known(person, world.ports.records)).ids]


def _show(found: Verified) -> None:
    for one in found.findings[:_SHOWN]:
        line(f"! {_said(one)}")
    if len(found.findings) > _SHOWN:
        line(f"! and {len(found.findings) - _SHOWN} more; --json has all of them")
    broken = f"; {counted(len(found.findings), 'thing is', 'things are')} broken" if found.findings else ""
    if found.sealed_at is None:
        line(f"no seal yet: {_much(found.unsealed_chains, found.unsealed_records)}, consistency only{broken}")
        note("the timer `seal` makes the first one (SEAL_SCHEDULE)")
        return
    proved = "everything else is proved" if found.findings else "everything is proved"
    line(f"up to seal {found.seal} of {instant(found.sealed_at)} {proved}: {_much(found.chains, found.records)}")
    behind = counted(found.unsealed_records, "record", "records")
    line(f"after it {behind}, consistency only{broken}")
    if found.erased:
        line(f"{counted(found.erased, 'chain was', 'chains were')} erased lawfully, as the chain `erasures` says")


def _much(chains: int, records: int) -> str:
    return f"{counted(chains, 'chain', 'chains')}, {counted(records, 'record', 'records')}"


def _said(one: Finding) -> str:
    broken = one.broken
    what = "seal" if one.chain == "seals" else "record"
    first = f"{broken.since} to {broken.number}" if 0 < broken.since < broken.number else str(broken.number)
    at = f", of {broken.at}," if broken.at else ""
    return f"{one.chain}: {what} {first}{at} {broken.kind}: {broken.text}"


def _plain(found: Verified) -> dict[str, Any]:
    return {
        "whole": not found.findings,
        "seal": found.seal,
        "sealed_at": found.sealed_at,
        "seals": found.seals,
        "proved": {"chains": found.chains, "records": found.records},
        "consistent": {"chains": found.unsealed_chains, "records": found.unsealed_records},
        "erased": found.erased,
        "findings": [
            {
                "chain": one.chain,
                "kind": str(one.broken.kind),
                "number": one.broken.number,
                "since": one.broken.since or one.broken.number,
                "at": one.broken.at,
                "text": one.broken.text,
            }
            for one in found.findings
        ],
    }
