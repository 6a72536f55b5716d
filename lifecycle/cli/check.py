"""`check`: looks at what the app depends on and says what is wrong and what to do next. Changes nothing.

The JSON may leave the house with a ticket: ids of packages, policies and catalogs, queues' roles, states, counts; no
prose, since prose may hold what somebody else wrote.
"""

import asyncio
import hashlib
import os
import re
import shlex
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from lifecycle import check as verb
from lifecycle.check import Premises
from lifecycle.cli.exits import Code
from lifecycle.cli.screen import counted, emit, line, note
from lifecycle.cli.world import AsJson, Closing, ReadyFile, environment_of
from lifecycle.core.health import Check, Name, Report, State
from lifecycle.errors import Misconfigured
from lifecycle.ports import Queue
from lifecycle.settings import from_environment
from lifecycle.wiring import Wiring

_SIGNS = {State.OK: "=", State.UNKNOWN: "?", State.WARNING: "~", State.FINDING: "!"}
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LIST = re.compile(r"/users|/identityGovernance(/[A-Za-z]{1,40}){2}")
_NAMESPACE = re.compile(r"[a-zA-Z0-9-]{1,63}\.servicebus(\.[a-z]{2,30}){2,3}")
_SHORT = 12


@dataclass(frozen=True, slots=True)
class Site:
    """What to look at, and its namespace (empty for a broker on this machine)."""

    premises: Premises
    namespace: str = ""


type Open = Callable[[Path | None], AbstractAsyncContextManager[Site]]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Example: lifecycle check\n\nExample: lifecycle check --user ada@contoso.example\n\n"
        "Example: lifecycle check --json > ticket.json"
    )(check)


def check(
    context: typer.Context,
    *,
    user: Annotated[
        str, typer.Option("--user", metavar="ID|UPN", help="Also look at this user: found, employeeId, who they are.")
    ] = "",
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> None:
    """Look at identity, permissions, access model, catalogs, packages, policies, queues, records, clock and timers.

    Reads alone. A read of Graph is shown as an `az rest` line that repeats it by hand. Exit code 1 when something was
    found; warnings and what could not be seen are no findings. The JSON can be attached to a ticket.
    """
    report, namespace = checked(context.obj or open_site, ready, user=user)
    if as_json:
        emit(for_a_ticket(report, namespace))
    else:
        show(report)
    if not report.sound:
        raise typer.Exit(Code.FAILED)


def checked(opener: Open, ready: Path | None, *, user: str = "") -> tuple[Report, str]:
    """Open the site and look at it; returns what was found, and the namespace."""

    async def run() -> tuple[Report, str]:
        try:
            async with opener(ready) as site:
                return await verb.check(site.premises, user=user), site.namespace
        except Misconfigured as error:
            return verb.wrong_settings(error), ""

    return asyncio.run(run())


@asynccontextmanager
async def open_site(ready: Path | None) -> AsyncIterator[Site]:
    """Open what the settings name, the access model unread. Raises `Misconfigured` as `open_world` does."""
    async with site_of(await environment_of(ready, os.environ)) as site:
        yield site


@asynccontextmanager
async def site_of(environment: Mapping[str, str]) -> AsyncIterator[Site]:
    """Open what these settings name. Raises `Misconfigured` when they are wrong."""
    settings = from_environment(environment)
    async with aclosing(Closing(Wiring(settings))) as closing:
        yield Site(closing.wiring.premises(), settings.namespace)


def by_hand(url: str) -> str:
    """Return the command that repeats a read, quoted for a POSIX shell."""
    return f"az rest --method get --url {shlex.quote(url)}"


def show(report: Report) -> None:
    """Print a report, and how many of each state it has."""
    for one in report.checks:
        what = " ".join(part for part in (one.name, one.label, one.about) if part)
        line(f"{_SIGNS[one.state]} {what}: {one.state}{f', {one.seen}' if one.seen else ''}")
        for each in one.notes:
            line(f"    {each.state}: {each.seen}", style="")
            line(f"    next: {each.next}", style="")
        if one.url:
            line(f"    {by_hand(one.url)}", style="dim")
    states = [counted(report.count(state), state, f"{state}s") for state in (State.FINDING, State.WARNING)]
    note(f"{', '.join(states)}, {report.count(State.UNKNOWN)} unknown, {report.count(State.OK)} ok")


# --- what may leave the house ----------------------------------------------------------------------------------------


def for_a_ticket(report: Report, namespace: str) -> dict[str, Any]:
    """Return the report without anything that is, or may be, a name, an address or a secret."""
    return {
        "namespace": namespace if _NAMESPACE.fullmatch(namespace) else "",
        "states": {state: report.count(state) for state in State},
        "checks": [_sanitised(one) for one in report.checks],
    }


def _sanitised(one: Check) -> dict[str, Any]:
    return {
        "check": one.name,
        "about": _about(one),
        "state": one.state,
        "problems": [{"problem": each.problem, "state": each.state} for each in one.notes],
        "numbers": dict(one.numbers),
        "get": _path(one),
    }


def _path(one: Check) -> str:
    """Return what was read, without host and query; nothing where an id in it is none of Graph's."""
    return urlsplit(one.url).path if one.about and _about(one) == one.about else ""


def _about(one: Check) -> str:
    """Return the id where it is Graph's, or a word that is ours; anything else, and a person, as a short hash."""
    text = one.about
    public = {
        Name.QUEUE: text in set(Queue),
        Name.READ: _LIST.fullmatch(text) is not None,
        Name.CATALOG: _is_guid(text),
        Name.CATALOG_ROLE: _is_guid(text),
        Name.PACKAGE: _is_guid(text),
        Name.POLICY: _is_guid(text),
        Name.TIMER: re.fullmatch(r"[a-z_]{1,30}", text) is not None,
        Name.PROBE: re.fullmatch(r"[0-9]{1,2}(-[a-z]{1,20})?", text) is not None,
    }
    if not text or (public.get(one.name, False) and not one.private):
        return text
    return f"sha256:{hashlib.sha256(text.casefold().encode()).hexdigest()[:_SHORT]}"


def _is_guid(text: str) -> bool:
    return _GUID.fullmatch(text) is not None
