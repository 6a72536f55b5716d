"""What somebody decides at the keyboard becomes an event, from a source of its own and in the name of who is signed in.

The access model must list the source, or every event would be set aside: that is asked before anything is sent.
"""

from datetime import datetime
from typing import Annotated
from uuid import uuid4

import typer

from lifecycle.cli.world import World
from lifecycle.contract import fields
from lifecycle.contract.cloudevents import TYPES, decode, encode_fact, fact_of, message_id, type_of
from lifecycle.core.events import Effective, Fact, Recorded, key
from lifecycle.core.work import stated
from lifecycle.errors import Misconfigured
from lifecycle.ports import Message

SOURCE = "/lifecycle/cli"
"""What the model lists under `sources.decision` and `sources.project` to let people say things here."""

# Typer looks into plain aliases only, not into those of a `type` statement.
Because = Annotated[
    str, typer.Option("--because", metavar="TEXT", help="Why; goes into the evidence with who is signed in. No names.")
]


def check_source(listed: frozenset[str], group: str) -> None:
    """Raise `Misconfigured` when the model lets nobody say such a thing at the command line."""
    if SOURCE not in listed:
        raise Misconfigured(
            f"the source {SOURCE} is not listed under sources.{group} of the access model, so the event would be set "
            "aside; nothing was sent. Add it there if people may say this at the command line, and deploy the model"
        )


def recorded(subject: str, who: str, now: datetime) -> Recorded:
    """Return what the event carries; its id, which becomes the cause of what follows, says who said it."""
    return Recorded(f"{who}:{uuid4().hex[:12]}", SOURCE, key(subject), now, actor=who)


def sound(fact: Fact) -> Fact:
    """Return the fact as its reader will read it. Raises `MalformedEvent` where it does not fit its schema."""
    return fact_of(decode(encode_fact(fact)))


async def say(fact: Fact, world: World) -> None:
    """Send it on the queue of its type."""
    name = message_id(SOURCE, fact.recorded.id)
    await world.ports.bus.send(TYPES[type_of(fact)].queue, [Message(name, encode_fact(fact))])


def reason_given(because: str) -> str:
    """Return why somebody wants something done; a usage error for what is no reason to keep."""
    try:
        return stated(because)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--because") from None


def moment(text: str, option: str) -> Effective:
    """Read a date or an instant; a usage error that names the option otherwise."""
    try:
        return fields.Moment.read(text.strip()).value
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
