"""Answers the dashboard's requests: who may see it first, then one page or file. Changes nothing.

A request is let in when App Service authentication says who asks and they have the role; in the sandbox, which listens
on the loopback address alone, when it was asked for by that address. Everybody else is told what is missing, and
nothing about anybody.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from types import MappingProxyType
from typing import Literal, assert_never
from urllib.parse import urlsplit

from lifecycle import overview, portray
from lifecycle.adapters import page, principal
from lifecycle.core.overview import needs
from lifecycle.errors import LifecycleError
from lifecycle.ports import Clock, Records
from lifecycle.settings import LOOPBACK, Settings

type Page = Literal["overview", "person", "static"]

_LOG = logging.getLogger("lifecycle")
_LONGEST = 200
_PAGES = 7  # digits of a page number

_ALWAYS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_HTML = MappingProxyType({**_ALWAYS, "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"})
_FOR_GOOD = "private, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asked:
    """A GET request: its address, its headers, and what the route and the query name."""

    url: str
    headers: Mapping[str, str]
    named: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: HTTPStatus
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who may see the dashboard; `names` also what HR calls people."""

    names: bool = False


async def answer(what: Page, asked: Asked, settings: Settings, records: Records, clock: Clock) -> Answer:
    """Return the page or file, or why not. Raises nothing that the records raise: that is an answer too."""
    viewer = let_in(asked, settings)
    if isinstance(viewer, Answer):
        return viewer
    try:
        return await _answer(what, asked, viewer, records, clock)
    except LifecycleError as error:
        _LOG.warning("dashboard: %s could not be shown: %s", what, type(error).__name__)
        return _note(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "Not available just now",
            "The records could not be read.",
            "Try again in a minute. If it stays so, look at the app's log and at the records' store.",
        )


def let_in(asked: Asked, settings: Settings) -> Viewer | Answer:
    """Return who may see what, or the refusal: 401 when nobody says truly who asks, 403 when they may not."""
    if settings.dashboard_open == LOOPBACK:
        return Viewer() if _on_loopback(asked.url) else _not_from_here()
    if not settings.signed_in:
        return _note(
            HTTPStatus.UNAUTHORIZED,
            "Locked",
            "App Service authentication is off, so nobody can be asked who they are.",
            "Switch it on for this function app (Authentication, provider Microsoft, require authentication), as "
            "docs/dashboard.md says.",
        )
    held = principal.roles(_header(asked.headers, principal.HEADER))
    if held is None:
        return _note(
            HTTPStatus.UNAUTHORIZED,
            "Sign in first",
            "This request does not say who you are.",
            "Open the page in a browser, signed in with your work account. If it stays so, App Service authentication "
            "lets requests pass without signing in: let it require authentication.",
        )
    if settings.dashboard_role not in held:
        return _note(
            HTTPStatus.FORBIDDEN,
            "Not for you yet",
            f"You are signed in, and you do not have the app role {settings.dashboard_role}.",
            "Ask whoever runs Lifecycle for it: Entra admin center, Enterprise applications, this app, Users and "
            "groups. Then sign out and in again.",
        )
    return Viewer(names=settings.names_role in held)


async def _answer(what: Page, asked: Asked, viewer: Viewer, records: Records, clock: Clock) -> Answer:
    match what:
        case "overview":
            now = clock.now()
            found, timers = await overview.shown(records)
            return _html(HTTPStatus.OK, page.overview(found, timers, needs(found, timers, now), now))
        case "person":
            return await _person(asked, viewer, records, clock)
        case "static":
            return _static(asked.named.get("name", ""))
        case _ as never:
            assert_never(never)


async def _person(asked: Asked, viewer: Viewer, records: Records, clock: Clock) -> Answer:
    identifier = asked.named.get("id", "").strip()
    if not identifier or len(identifier) > _LONGEST or not identifier.isprintable():
        return _note(
            HTTPStatus.BAD_REQUEST,
            "Which person?",
            f"A person is named by an id of HR's: 1 to {_LONGEST} characters, none of them invisible.",
            "Type the worker or person id into the field above.",
        )
    number = asked.named.get("page", "")
    at = int(number) if number.isascii() and number.isdigit() and len(number) <= _PAGES else 1
    found = await portray.portray(identifier, records, clock, page=at, names=viewer.names)
    if found is None:
        return _note(
            HTTPStatus.NOT_FOUND,
            "Nobody by this id",
            "No event named this id, or it was set aside.",
            "Ids are HR's worker or person ids, not names or addresses. `lifecycle quarantine list` shows what was "
            "set aside.",
        )
    return _html(HTTPStatus.OK, page.person(found))


def _static(name: str) -> Answer:
    found = page.asset(name)
    if found is None:
        return _note(
            HTTPStatus.NOT_FOUND, "Not here", "There is no such file.", "Load the page again; it names those there are."
        )
    headers = {**_ALWAYS, "Content-Type": found.type, "Cache-Control": _FOR_GOOD}
    return Answer(HTTPStatus.OK, found.content, headers)


def _on_loopback(url: str) -> bool:
    """Whether the address asked for is this machine's own, so that no other site's name leads a browser here."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _not_from_here() -> Answer:
    return _note(
        HTTPStatus.FORBIDDEN,
        "From this machine only",
        "The sandbox's dashboard is open to this machine alone.",
        "Use the address that `lifecycle sandbox` printed.",
    )


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.casefold() == name.casefold()), "")


def _note(status: HTTPStatus, title: str, says: str, todo: str) -> Answer:
    return _html(status, page.note(title, says, todo))


def _html(status: HTTPStatus, text: str) -> Answer:
    return Answer(status, text.encode(), _HTML)
