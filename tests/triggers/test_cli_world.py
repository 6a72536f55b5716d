"""Where a command works, who is signed in, and what is said when a part of the installation is absent."""

import asyncio
import base64
import json
import sys

import pytest
from typer.testing import CliRunner

import lifecycle.cli
from lifecycle.cli.program import app
from lifecycle.cli.signed_in import signed_in, subject_of
from lifecycle.cli.world import READY, ReadyWorld, answers, read_ready, ready_file
from lifecycle.errors import Misconfigured, Permanent
from lifecycle.settings import from_environment
from lifecycle.wiring import Wiring

AZURE = {"ServiceBus__fullyQualifiedNamespace": "contoso.servicebus.windows.net"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty current folder, and none of the settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("LIFECYCLE_READY", "ServiceBus", *AZURE):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_the_first_place_that_names_a_world_is_it(folder):
    """Flag, variable, environment, this folder; a file that happens to lie here never outranks what was said."""
    READY.parent.mkdir()
    READY.write_text("{}")
    flag, variable = folder / "flag.json", folder / "variable.json"
    said = {"LIFECYCLE_READY": str(variable), **AZURE}
    assert ready_file(flag, said) == flag
    assert ready_file(None, said) == variable
    assert ready_file(None, AZURE) is None
    assert ready_file(None, {"LIFECYCLE_READY": ""}) == READY


def test_no_world_at_all_says_what_to_do(folder):
    """One message names all the ways, code 1."""
    result = CliRunner().invoke(app, ["held"])
    assert result.exit_code == 1
    assert result.stderr.startswith("error: nothing to work on: there is no .lifecycle/ready.json here")
    assert "lifecycle sandbox" in result.stderr


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "is not there"),
        (b"{", "is no ready file"),
        (b"{}", "is no ready file"),
        (b'{"settings": 1}', "is no ready"),
    ],
)
def test_a_ready_file_that_is_none(tmp_path, content, says):
    """Absent or something else: its path and what to do, no traceback."""
    path = tmp_path / "ready.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Misconfigured, match=says) as error:
        read_ready(path)
    assert str(path) in str(error.value)


async def test_a_sandbox_that_was_killed_is_found_out():
    """A ready file that nobody answers for is told from one whose sandbox runs."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    ready = ReadyWorld({}, f"http://127.0.0.1:{port}")
    assert await answers(ready)
    server.close()
    await server.wait_closed()
    assert not await answers(ready)


def test_a_killed_sandbox_is_one_message(folder):
    """Before any client waits for a broker that is gone."""
    READY.parent.mkdir()
    READY.write_text(json.dumps({"settings": {}, "control": "http://127.0.0.1:9"}))
    result = CliRunner().invoke(app, ["held"])
    assert (result.exit_code, result.stderr) == (
        1,
        "error: the sandbox of .lifecycle/ready.json does not run any more; start it again with `lifecycle sandbox`.\n",
    )


def a_token(claims):
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b"{}", claims, b"signature"))


def test_who_is_signed_in_comes_from_the_token():
    """The object id, for users and identities alike."""
    assert subject_of(a_token(b'{"oid": "7b0c", "name": "Ada"}')) == "entra:7b0c"


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "a.!.c", a_token(b"{}"), a_token(b"[]"), a_token(b'{"upn": "a"}'), a_token(b"\xff")]
)
def test_a_token_that_does_not_say_who_is_refused(token):
    """Nothing is released in nobody's name."""
    with pytest.raises(Permanent, match="az login"):
        subject_of(token)


async def test_in_a_sandbox_the_machines_user_is_signed_in(monkeypatch):
    """The sandbox's token means nobody, so the name says that it was a sandbox."""
    monkeypatch.setenv("LOGNAME", "tester")
    places = {
        "LIFECYCLE_RECORDS": "sqlite:///r",
        "LIFECYCLE_MODEL": "m",
        "LIFECYCLE_BODIES": "b",
        "LIFECYCLE_SEALS": "s",
        "GRAPH_TOKEN": "t",
    }
    wiring = Wiring(from_environment({**AZURE, **places}))
    assert await signed_in(wiring) == "sandbox:tester"
    monkeypatch.setenv("LIFECYCLE_SANDBOX_USER", "another")
    assert await signed_in(wiring) == "sandbox:another"
    monkeypatch.setenv("LIFECYCLE_SANDBOX_USER", "an other\n")
    with pytest.raises(Misconfigured, match="LIFECYCLE_SANDBOX_USER"):
        await signed_in(wiring)


@pytest.mark.parametrize("command", ["sandbox", "demo"])
def test_without_the_sandbox_the_command_says_where_it_is(command, folder, monkeypatch):
    """A deployed package has no sandbox folder."""
    monkeypatch.setitem(sys.modules, "sandbox", None)
    monkeypatch.setitem(sys.modules, "sandbox.sandbox", None)
    monkeypatch.setitem(sys.modules, "sandbox.demo", None)
    result = CliRunner().invoke(app, [command])
    assert result.exit_code == 1
    assert "part of a checkout" in result.stderr


def test_without_its_extra_the_program_says_what_to_install(monkeypatch, capsys):
    """Neither typer nor rich is deployed with the function app."""
    monkeypatch.setitem(sys.modules, "typer", None)
    monkeypatch.delitem(sys.modules, "lifecycle.cli.program", raising=False)
    with pytest.raises(SystemExit) as ended:
        lifecycle.cli.main()
    assert ended.value.code == 1
    assert "pip install 'lifecycle[cli]'" in capsys.readouterr().err
