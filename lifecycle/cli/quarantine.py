"""`quarantine list` and `quarantine show`: what was set aside with its reason, and the broker's own dead letters."""

import json
import re
from collections import defaultdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from lifecycle.cli import dispose
from lifecycle.cli.saying import moment
from lifecycle.cli.screen import counted, emit, heading, instant, line, note, progress
from lifecycle.cli.world import AsJson, ReadyFile, World, inside
from lifecycle.core.calendar import begins
from lifecycle.errors import Permanent
from lifecycle.ports import Queue, SetAside
from lifecycle.quarantine import CONSUMED, Quarantine, about, came_from, name_of

_PAGE = 100
_ID = re.compile(r"\b(event|person|project|package|run|user|source|message) [^\s,;]*[^\s,;:]")


class Grouping(StrEnum):
    """What messages are counted by."""

    REASON = "reason"
    QUEUE = "queue"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command(
        "list",
        epilog="Example: lifecycle quarantine list --by reason\n\n"
        "Example: lifecycle quarantine list --queue hr --since 2026-03-01 --reason jobCode\n\n"
        "Example: lifecycle quarantine list --json | jq length",
    )(show_all)
    group.command(epilog="Example: lifecycle quarantine show 3\n\nExample: lifecycle quarantine show hr:1")(show)
    dispose.register(group)
    app.add_typer(
        group,
        name="quarantine",
        help="See what could not be understood or trusted; replay it once its cause was mended, or discard it.",
        epilog="Example: lifecycle quarantine list",
    )


def show_all(
    context: typer.Context,
    *,
    by: Annotated[
        Grouping | None, typer.Option("--by", help="Count them by what their reason says, or by queue.")
    ] = None,
    reason: dispose.ByReason = None,
    queue: Annotated[Queue | None, typer.Option(help="Only what came from this queue.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only what was set aside since then: a date (UTC) or an instant.")
    ] = None,
    first: Annotated[
        int | None, typer.Option(metavar="N", min=1, help=f"Only so many. Default: {_PAGE}; as JSON, all.")
    ] = None,
    after: Annotated[str | None, typer.Option(metavar="N", help="Go on behind the message of this name.")] = None,
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> None:
    """List what was set aside, oldest first: ids and reasons, never contents."""
    if queue is not None and queue not in CONSUMED:
        raise typer.BadParameter(f"is one of {', '.join(CONSUMED)}", param_hint="--queue")
    at = None if since is None else begins(moment(since, "--since"), "UTC").astimezone(UTC)

    async def work(world: World) -> list[SetAside]:
        with progress("looking into the queues"):
            return await Quarantine(world.lectern, world.ports.bodies).everything([queue] if queue else CONSUMED)

    found = [one for one in inside(context, ready, work) if _fits(one, reason, at)]
    if by is not None:
        _counts(found, by, as_json=as_json)
        return
    rest = _behind(found, after)
    shown = rest[: first or (len(rest) if as_json else _PAGE)]
    if as_json:
        emit([_plain(one) for one in shown])
        return
    for one in shown:
        said = _plain(one)
        what = " ".join(filter(None, (said["type"], said["event"], said["subject"]))) or "no event"
        line(f"{said['name']}  {instant(one.at)}  from {said['from'] or 'nowhere'}  {what}  {one.reason}")
    if len(shown) < len(rest):
        note(f"and {len(rest) - len(shown)} more: --after {name_of(shown[-1])}, or count them with --by reason")
    filtered = reason is not None or queue is not None or at is not None
    nothing = "nothing that was set aside fits" if filtered else "nothing was set aside"
    note(counted(len(found), "message", "messages") if found else nothing)


def _fits(one: SetAside, reason: str | None, since: datetime | None) -> bool:
    return (reason is None or reason.strip().casefold() in one.reason.casefold()) and (since is None or one.at >= since)


def _behind(found: list[SetAside], after: str | None) -> list[SetAside]:
    """Return the messages behind the named one. Raises `Permanent` when it is not there."""
    if after is None:
        return found
    names = [name_of(one) for one in found]
    if after not in names:
        raise Permanent(f"no message {after} is set aside (any more) among these; list from the beginning")
    return found[names.index(after) + 1 :]


def alike(reason: str) -> str:
    """Return a reason without its ids, so that what has one cause counts as one."""
    return _ID.sub(r"\1 …", reason)


def _counts(found: list[SetAside], by: Grouping, *, as_json: bool) -> None:
    groups: dict[str, list[SetAside]] = defaultdict(list)
    for one in found:
        groups[alike(one.reason) if by is Grouping.REASON else came_from(one) or "nowhere"].append(one)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    if as_json:
        emit([{str(by): name, "count": len(some), "oldest": some[0].at} for name, some in ordered])
        return
    for name, some in ordered:
        line(f"{len(some)}  {name}  since {instant(some[0].at)}")
    note(counted(len(found), "message", "messages") if found else "nothing was set aside")


def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="N", help="The message, as `list` names it.")],
    *,
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> None:
    """Show one message whole. Its body holds personal data: mind who looks on, and where the output goes.

    Of one that was replayed or discarded it is said when, by whom and why.
    """

    async def work(world: World) -> tuple[SetAside, bytes]:
        quarantine = Quarantine(world.lectern, world.ports.bodies)
        found = await quarantine.named([name])
        if name not in found:
            raise Permanent(await dispose.why_absent([name], world))
        return found[name], await quarantine.body_of(found[name])

    found, body = inside(context, ready, work)
    note("the body holds personal data")
    if as_json:
        emit(_plain(found) | {"body": body.decode(errors="backslashreplace")})
        return
    heading(f"{name_of(found)}  {instant(found.at)}  from {came_from(found) or 'nowhere'}")
    line(f"  reason   {found.reason}")
    line(f"  message  {found.id}" + (f"  session {found.session}" if found.session else ""))
    line(_pretty(body), style="")


def _plain(message: SetAside) -> dict[str, Any]:
    """Return what may be said of a message without its contents."""
    nothing = {"event": "", "type": "", "subject": ""}
    return {
        "name": name_of(message),
        "at": message.at,
        "from": came_from(message),
        "dead": message.dead,
        **nothing,
        **about(message.body),
        "reason": message.reason,
    }


def _pretty(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body.decode(errors="backslashreplace")
