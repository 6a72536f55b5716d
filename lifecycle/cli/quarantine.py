"""`quarantine`: what was set aside with its reason, and the broker's own dead letters; shown, and sent round again."""

import json
from typing import Annotated, Any

import typer

from lifecycle.cli.exits import Code
from lifecycle.cli.screen import counted, emit, failure, heading, instant, line, note, progress
from lifecycle.cli.world import AsJson, ReadyFile, World, inside
from lifecycle.contract.cloudevents import decode
from lifecycle.errors import LifecycleError, MalformedEvent, Permanent
from lifecycle.ports import SetAside
from lifecycle.quarantine import Quarantine, origin_of

Names = Annotated[list[str] | None, typer.Argument(metavar="N", help="Names, as `list` shows them.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command(
        "list", epilog="Example: lifecycle quarantine list\n\nExample: lifecycle quarantine list --json | jq length"
    )(show_all)
    group.command(epilog="Example: lifecycle quarantine show 3\n\nExample: lifecycle quarantine show hr:1")(show)
    group.command(epilog="Example: lifecycle quarantine replay 3 hr:1\n\nExample: lifecycle quarantine replay --all")(
        replay
    )
    app.add_typer(
        group,
        name="quarantine",
        help="See what could not be understood or trusted, and send it round again once its cause was mended.",
        epilog="Example: lifecycle quarantine list",
    )


def name_of(message: SetAside) -> str:
    """Return how a message is named here: its number, for a dead letter with its queue before it."""
    return f"{message.queue}:{message.number}" if message.dead else str(message.number)


def show_all(context: typer.Context, *, as_json: AsJson = False, ready: ReadyFile = None) -> None:
    """List what was set aside, oldest first: ids and reasons, never contents."""

    async def work(world: World) -> list[SetAside]:
        return await _everything(_quarantine(world))

    found = inside(context, ready, work)
    if as_json:
        emit([_plain(one) for one in found])
        return
    for one in found:
        about = _plain(one)
        what = " ".join(filter(None, (about["type"], about["event"], about["subject"]))) or "no event"
        line(f"{about['name']}  {instant(one.at)}  from {about['from'] or 'nowhere'}  {what}  {one.reason}")
    note(f"{counted(len(found), 'message', 'messages')}" if found else "nothing was set aside")


def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="N", help="The message, as `list` names it.")],
    *,
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> None:
    """Show one message whole. Its body holds personal data: mind who looks on, and where the output goes."""

    async def work(world: World) -> tuple[SetAside, bytes]:
        quarantine = _quarantine(world)
        (found,) = _named([name], await _everything(quarantine))
        return found, await quarantine.body_of(found)

    found, body = inside(context, ready, work)
    note("the body holds personal data")
    if as_json:
        emit(_plain(found) | {"body": body.decode(errors="backslashreplace")})
        return
    about = _plain(found)
    heading(f"{about['name']}  {instant(found.at)}  from {about['from'] or 'nowhere'}")
    line(f"  reason   {found.reason}")
    line(f"  message  {found.id}" + (f"  session {found.session}" if found.session else ""))
    line(_pretty(body), style="")


def replay(
    context: typer.Context,
    names: Names = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Everything that was set aside.")] = False,
    ready: ReadyFile = None,
) -> None:
    """Send messages to the queue they came from, as new ones, and take them out of the quarantine.

    Replaying twice is replaying once: a fact counts once, and a look finds nothing left to do. What is still wrong is
    set aside again.
    """
    if bool(names) == everything:
        raise typer.BadParameter("name messages, or give --all")

    async def work(world: World) -> tuple[int, list[str]]:
        quarantine = _quarantine(world)
        there = await _everything(quarantine)
        return await _replay(there if everything else _named(names or [], there), quarantine)

    done, faults = inside(context, ready, work)
    note(f"{counted(done, 'message', 'messages')} sent round again")
    for text in faults:
        failure(text)
    raise typer.Exit(Code.FAILED if faults else Code.DONE)


async def _replay(chosen: list[SetAside], quarantine: Quarantine) -> tuple[int, list[str]]:
    """Replay one after the other; one that cannot be does not keep the others back."""
    done, faults = 0, []
    with progress("replaying", len(chosen)) as bar:
        for message in chosen:
            try:
                await quarantine.replay(message)
            except LifecycleError as error:
                faults.append(f"{name_of(message)}: {error}")
            else:
                done += 1
                line(f"replayed {name_of(message)} to {origin_of(message)[0]}")
            bar.step()
    return done, faults


def _quarantine(world: World) -> Quarantine:
    return Quarantine(world.lectern, world.ports.bus, world.ports.bodies)


async def _everything(quarantine: Quarantine) -> list[SetAside]:
    """Look into every queue, which takes a second each."""
    with progress("looking into the queues"):
        return await quarantine.everything()


def _named(names: list[str], found: list[SetAside]) -> list[SetAside]:
    by_name = {name_of(message): message for message in found}
    absent = [name for name in names if name not in by_name]
    if absent:
        raise Permanent(f"no message {', '.join(absent)} is set aside (any more); see `lifecycle quarantine list`")
    return [by_name[name] for name in dict.fromkeys(names)]


def _plain(message: SetAside) -> dict[str, Any]:
    """Return what may be said of a message without its contents."""
    try:
        event = decode(message.body)
        about = {"event": event.id, "type": event.type, "subject": event.subject}
    except MalformedEvent:
        about = {"event": "", "type": "", "subject": ""}
    came = str(message.queue) if message.dead else message.properties.get("queue", "")
    return {
        "name": name_of(message),
        "at": message.at,
        "from": came,
        "dead": message.dead,
        **about,
        "reason": message.reason,
    }


def _pretty(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body.decode(errors="backslashreplace")
