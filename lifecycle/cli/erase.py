"""`erase`: ask for everything that is known of somebody who has left to be erased. A message, never a write."""

from typing import Annotated

import typer

from lifecycle import messages
from lifecycle.cli.exits import Code
from lifecycle.cli.screen import emit, line, note
from lifecycle.cli.world import AsJson, ReadyFile, World, inside
from lifecycle.core.work import Erase
from lifecycle.erase import forbidden
from lifecycle.errors import Permanent
from lifecycle.explain import known
from lifecycle.look import look

_LONGEST = 200


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: lifecycle erase E1001 --reason 'request DSR-17'")(erase)


def erase(
    context: typer.Context,
    person: Annotated[str, typer.Argument(metavar="PERSON", help="A person's or worker's id, as HR names it.")],
    *,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept for good, so name a ticket and nobody.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> int:
    """Erase facts, state and evidence of somebody who has left; it cannot be undone.

    Refused while they are employed or have access. What stays is a record that a chain was erased, without an id, and
    who asked for it, from the token that you are signed in with.
    """
    if not 0 < len(reason.strip()) <= _LONGEST:
        raise typer.BadParameter(f"takes 1 to {_LONGEST} characters", param_hint="--reason")

    async def work(world: World) -> Erase | None:
        identity = await known(person, world.ports.records)
        asked = Erase(identity.person, by=await world.who(), reason=reason.strip())
        why = forbidden(await look(identity.person, world.ports, cause="erase", settle=False))
        if why:
            raise Permanent(f"person {identity.person}: {why}; nothing was sent")
        if not (yes or typer.confirm(f"erase everything that is known of {identity.person} for good?", err=True)):
            return None
        await messages.ask(world.ports.bus, asked, now=world.ports.clock.now())
        return asked

    asked = inside(context, ready, work)
    if asked is None:
        note("nothing was sent")
        return Code.FAILED
    if as_json:
        emit({"person": asked.person, "by": asked.by, "reason": asked.reason})
        return Code.DONE
    line(f"asked to erase {asked.person} by {asked.by}")
    note("what HR still sends of them would be known again; take them out of its lists and files first")
    return Code.DONE
