"""`quarantine replay` and `quarantine discard`: asks the app to, in the name of who is signed in, and says why.

A message, never a write: the app does it and writes it down. What somebody disposed of already is said here, and
nothing is sent.
"""

from collections.abc import Sequence
from itertools import batched
from typing import Annotated
from uuid import uuid4

import typer

from lifecycle import messages
from lifecycle.cli.exits import Code
from lifecycle.cli.saying import Because, reason_given
from lifecycle.cli.screen import counted, failure, line, note, progress
from lifecycle.cli.world import ReadyFile, World, inside
from lifecycle.core.work import Disposal, Dispose
from lifecycle.dispose import MOST, became_of
from lifecycle.errors import Permanent
from lifecycle.ports import SetAside
from lifecycle.quarantine import Quarantine, name_of, origin_of

Names = Annotated[list[str] | None, typer.Argument(metavar="N", help="Names, as `list` shows them.")]
ByReason = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Those whose reason has this text in it, in any case.")
]


def register(group: typer.Typer) -> None:
    """Add the commands to `quarantine`."""
    group.command(
        epilog="Example: lifecycle quarantine replay 3 hr:1 --because 'the source is listed now'\n\n"
        "Example: lifecycle quarantine replay --reason 'is not listed' --because 'the source is listed now'"
    )(replay)
    group.command(
        epilog="Example: lifecycle quarantine discard 3 --because 'a test of the sender; asked on ticket 4711'"
    )(discard)


def replay(
    context: typer.Context,
    names: Names = None,
    *,
    because: Because,
    everything: Annotated[bool, typer.Option("--all", help="Everything that was set aside.")] = False,
    reason: ByReason = None,
    ready: ReadyFile = None,
) -> None:
    """Have messages sent to the queue they came from, as new ones, and taken out of the quarantine.

    What is still wrong is set aside again. What was replayed or discarded before is not replayed again.
    """
    if sum((bool(names), everything, reason is not None)) != 1:
        raise typer.BadParameter("name messages, or give --reason or --all")
    _ask(context, ready, Disposal.REPLAY, reason_given(because), names or [], reason)


def discard(
    context: typer.Context,
    names: Names = None,
    *,
    because: Because,
    reason: ByReason = None,
    ready: ReadyFile = None,
) -> None:
    """Have messages taken away for good. Their digest, reason, ids, and who wanted it and why, stay in the evidence."""
    if bool(names) == (reason is not None):
        raise typer.BadParameter("name messages, or give --reason")
    _ask(context, ready, Disposal.DISCARD, reason_given(because), names or [], reason)


def _ask(  # noqa: PLR0917 - what both commands have in common
    context: typer.Context, ready: ReadyFile, what: Disposal, because: str, names: list[str], reason: str | None
) -> None:
    if reason is not None and not reason.strip():
        raise typer.BadParameter("is empty; it would be everything", param_hint="--reason")

    async def work(world: World) -> tuple[list[SetAside], list[str]]:
        with progress("looking into the queues"):
            chosen = await (_named(names, world) if names else _matching(reason, world))
        good, faults = _possible(chosen, what)
        await _send(good, what, because, world)
        return good, faults

    asked, faults = inside(context, ready, work)
    for one in asked:
        where = f" to {origin_of(one)[0]}" if what is Disposal.REPLAY else ""
        line(f"asked to {what} {name_of(one)}{where}")
    if asked:
        note(f"{counted(len(asked), 'message', 'messages')}; `lifecycle quarantine list` shows what is left")
    elif not faults:
        note("nothing was set aside" if reason is None else "nothing that was set aside has such a reason")
    for text in faults:
        failure(text)
    raise typer.Exit(Code.FAILED if faults or (reason is not None and not asked) else Code.DONE)


async def _named(names: list[str], world: World) -> list[SetAside]:
    """Return the named messages, each once. Raises `Permanent` when one of them is not there, and says why."""
    found = await Quarantine(world.lectern, world.ports.bodies).named(names)
    absent = [name for name in dict.fromkeys(names) if name not in found]
    if absent:
        raise Permanent(await why_absent(absent, world))
    return [found[name] for name in dict.fromkeys(names)]


async def why_absent(names: Sequence[str], world: World) -> str:
    """Say what became of messages that are not there."""
    said = {name: await became_of(name, world.ports) for name in names}
    unknown = [name for name, text in said.items() if not text]
    texts = [text for text in said.values() if text]
    if unknown:
        texts.append(f"no message {', '.join(unknown)} is set aside (any more); see `lifecycle quarantine list`")
    return "; ".join(texts)


async def _matching(reason: str | None, world: World) -> list[SetAside]:
    found = await Quarantine(world.lectern, world.ports.bodies).everything()
    return [one for one in found if reason is None or reason.strip().casefold() in one.reason.casefold()]


def _possible(chosen: list[SetAside], what: Disposal) -> tuple[list[SetAside], list[str]]:
    """Return those with which it can be done, and what keeps the others."""
    good, faults = [], []
    for one in chosen:
        try:
            if what is Disposal.REPLAY:
                origin_of(one)
        except Permanent as error:
            faults.append(f"{name_of(one)}: {error}")
        else:
            good.append(one)
    return good, faults


async def _send(good: list[SetAside], what: Disposal, because: str, world: World) -> None:
    if not good:
        return
    who, now = await world.who(), world.ports.clock.now()
    request = f"{who}:{uuid4().hex[:12]}"
    for some in batched(good, MOST, strict=False):
        asked = Dispose(request, what, tuple(map(name_of, some)), who, because)
        await messages.ask(world.ports.bus, asked, now=now)
