"""Who is let in: the header counts where the platform stands behind it, and only with the role."""

import base64
import json
from http import HTTPStatus

import pytest

from lifecycle.adapters import principal as easy_auth
from lifecycle.dashboard import Answer, Viewer, answer, let_in
from lifecycle.errors import Misconfigured, Transient
from tests.builders import START
from tests.dashboard.pages import AZURE, GROUND, OPEN, asked, principal, settings
from tests.fakes.clock import MovableClock
from tests.fakes.records import MemoryRecords

READER, NAMES = "Lifecycle.Reader", "Lifecycle.Names"


async def ask(what, records=None, **named):
    """Ask as a reader does."""
    clock = MovableClock(START)
    return await answer(what, asked(principal(READER), **named), settings(), records or MemoryRecords(), clock)


def encoded(content):
    return base64.b64encode(json.dumps(content).encode()).decode()


def test_whoever_has_the_role_is_let_in():
    """With the reader's role the pages open, with the other one names do too."""
    assert let_in(asked(principal(READER)), settings()) == Viewer()
    assert let_in(asked(principal(READER, NAMES)), settings()) == Viewer(names=True)


def test_the_platforms_own_claim_type_is_known():
    """Roles count under the name that the platform maps them to."""
    kind = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
    assert let_in(asked(principal(READER, kind=kind)), settings()) == Viewer()


@pytest.mark.parametrize("roles", [(), (NAMES,), ("lifecycle.reader",), ("Reader",)])
def test_without_the_role_nobody_is_let_in(roles):
    """Signed in is not enough: 403, and the page names the role."""
    refusal = let_in(asked(principal(*roles)), settings())
    assert isinstance(refusal, Answer)
    assert refusal.status == HTTPStatus.FORBIDDEN
    assert READER in refusal.body.decode()


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "not base64!",
        base64.b64encode(b"\xff\xfe").decode(),
        base64.b64encode(b"[]").decode(),
        encoded({"auth_typ": "aad"}),
        encoded({"auth_typ": "aad", "claims": "roles"}),
        encoded({"auth_typ": "aad", "claims": [{"typ": "roles", "val": [READER]}]}),
        encoded({"claims": [{"typ": "roles", "val": READER}]}),
        principal(READER, provider="google"),
        principal(READER) + " " * 70_000,
        "A" * 70_000,
    ],
)
def test_a_header_that_does_not_say_who_asks_is_refused(header):
    """Absent or malformed: 401, whatever it claims."""
    refusal = let_in(asked(header), settings())
    assert isinstance(refusal, Answer)
    assert refusal.status == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize("enabled", ["", "false", "0", "True1"])
def test_a_forged_header_opens_nothing_where_the_platform_does_not_stand_behind_it(enabled):
    """While App Service authentication is off anybody could send the header: it is not read."""
    refusal = let_in(asked(principal(READER, NAMES)), settings(AZURE, WEBSITE_AUTH_ENABLED=enabled))
    assert isinstance(refusal, Answer)
    assert refusal.status == HTTPStatus.UNAUTHORIZED
    assert "authentication is off" in refusal.body.decode()


def test_outside_azure_nobody_can_claim_that_the_platform_asked():
    """The platform's own setting on another machine is a mistake or a trick, and the app does not start."""
    with pytest.raises(Misconfigured, match="WEBSITE_AUTH_ENABLED is set by Azure alone"):
        settings(GROUND, WEBSITE_AUTH_ENABLED="true")


def test_the_sandboxs_door_is_refused_in_azure():
    """What opens the pages on a laptop is no setting of a deployment."""
    with pytest.raises(Misconfigured, match="LIFECYCLE_DASHBOARD_OPEN is for the sandbox"):
        settings(AZURE, LIFECYCLE_DASHBOARD_OPEN="loopback")
    with pytest.raises(Misconfigured, match="LIFECYCLE_DASHBOARD_OPEN is loopback or nothing"):
        settings(GROUND, LIFECYCLE_DASHBOARD_OPEN="yes")


@pytest.mark.parametrize("host", ["127.0.0.1:4711", "localhost:1", "[::1]:9"])
def test_the_sandbox_is_open_to_its_own_machine(host):
    """By a loopback address the pages open, without names, and a header changes nothing."""
    assert let_in(asked(url=f"http://{host}/dashboard"), settings(OPEN)) == Viewer()
    assert let_in(asked(principal(READER, NAMES), url=f"http://{host}/dashboard"), settings(OPEN)) == Viewer()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.7", "[", ""])
def test_another_name_for_this_machine_opens_nothing(host):
    """A site whose name leads to this machine (rebinding) is not let in: 403."""
    refusal = let_in(asked(url=f"http://{host}/dashboard"), settings(OPEN))
    assert isinstance(refusal, Answer)
    assert refusal.status == HTTPStatus.FORBIDDEN


def test_a_machine_without_either_setting_is_closed():
    """Neither Azure nor the sandbox: 401."""
    refusal = let_in(asked(principal(READER)), settings(GROUND))
    assert isinstance(refusal, Answer)
    assert refusal.status == HTTPStatus.UNAUTHORIZED


def test_another_role_can_be_asked_for():
    """The role is a setting."""
    own = settings(AZURE, LIFECYCLE_DASHBOARD_ROLE="Operator")
    assert let_in(asked(principal("Operator")), own) == Viewer()
    assert isinstance(let_in(asked(principal(READER)), own), Answer)


@pytest.mark.parametrize("what", ["overview", "person", "static"])
async def test_nothing_is_read_for_whoever_is_not_let_in(what):
    """Refused before the records are asked: they would raise here, and the answer is still 401."""
    records = MemoryRecords()
    records.failures.plan(*[Transient("down")] * 9)
    told = await answer(what, asked(id="E1", name="x"), settings(), records, MovableClock(START))
    assert told.status == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize("what", ["overview", "person", "static"])
async def test_every_answer_is_locked_down(what):
    """Policy, type and cache are said with every answer; pages are never kept, and nothing sets a cookie."""
    told = await ask(what, id="E1", name="x")
    assert told.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
    assert "frame-ancestors 'none'" in told.headers["Content-Security-Policy"]
    assert "unsafe" not in told.headers["Content-Security-Policy"]
    assert told.headers["X-Content-Type-Options"] == "nosniff"
    assert told.headers["Cache-Control"] == "no-store"
    assert told.headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in told.headers


async def test_unreadable_records_are_said_so():
    """A failed read is a page that says so (503), not an empty overview."""
    records = MemoryRecords()
    records.failures.plan(*[Transient("down")] * 9)
    told = await ask("overview", records)
    assert told.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert "down" not in told.body.decode()


@pytest.mark.parametrize("identifier", ["", "   ", "x" * 201, "E1\x00", "E1\u202e", "a\nb"])
async def test_an_id_that_cannot_be_one_is_refused(identifier):
    """Nothing invisible, nothing endless: 400 before the records are asked."""
    told = await ask("person", id=identifier)
    assert told.status == HTTPStatus.BAD_REQUEST


async def test_an_unknown_id_is_nobody():
    """404, and nothing is written about it."""
    records = MemoryRecords()
    told = await ask("person", records, id="E404")
    assert (told.status, records.writes) == (HTTPStatus.NOT_FOUND, 0)


def test_what_the_header_says_of_its_own_role_claim_is_not_asked():
    """`role_typ` could name any claim; only the known types count."""
    content = {"auth_typ": "aad", "role_typ": "name", "claims": [{"typ": "name", "val": READER}]}
    assert easy_auth.roles(encoded(content)) == frozenset()
