"""The sandbox as a program: how it ends, and that nothing stays behind."""

import asyncio
import json
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from sandbox.errors import SandboxError
from sandbox.sandbox import Sandbox, SandboxOptions

pytestmark = pytest.mark.slow

APP = Path(__file__).parent / "host" / "app"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def tenant(tmp_path):
    path = tmp_path / "tenant.yaml"
    path.write_text("users: []\n")
    return path


def options(tmp_path, tenant, **changes):
    defaults = {"tenant": tenant, "app": APP, "settings": {"SEEN": str(tmp_path / "seen.jsonl")}}
    return SandboxOptions(**{**defaults, **changes})


def children_of(process):
    listing = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(child) for child in listing.split()]


def exists(pid):
    return Path(f"/proc/{pid}").exists()


def files_in(folder):
    return sorted(path.name for path in folder.iterdir())


async def started(tmp_path, tenant, *arguments):
    (tmp_path / "tmp").mkdir()
    ready = tmp_path / "ready.json"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox", "--ready-file", str(ready)),
        *("--tenant", str(tenant), "--app", str(APP), *arguments),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        while not ready.exists():
            assert process.returncode is None, await process.stderr.read()
            await asyncio.sleep(0.05)
    return process, json.loads(ready.read_text())


async def ended(process):
    """Wait for the end; closes the pipe as well."""
    async with asyncio.timeout(30):
        return (await process.communicate())[1].decode(), process.returncode


async def gone(pid):
    async with asyncio.timeout(20):
        while exists(pid):  # noqa: ASYNC110  another process
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stopped_sandbox_leaves_nothing(tmp_path, tenant, number):
    """After SIGTERM or Ctrl-C there is no process, no temporary file and no ready file, and the exit code is 0."""
    process, _ = await started(tmp_path, tenant)
    (host,) = children_of(process.pid)
    process.send_signal(number)
    errors, code = await ended(process)

    assert (errors, code) == ("", 0)
    assert not exists(host)
    assert files_in(tmp_path / "tmp") == []
    assert not (tmp_path / "ready.json").exists()


async def test_records_that_were_given_are_kept(tmp_path, tenant):
    """With a folder for the records they stay, with the clock and the app's log."""
    process, ready = await started(tmp_path, tenant, "--records", str(tmp_path / "records"))
    process.terminate()
    await ended(process)

    assert Path(ready["records"]).parent == tmp_path / "records"
    assert {"clock", "functions.log"} <= set(files_in(tmp_path / "records"))


async def test_a_sandbox_stopped_while_it_starts_leaves_nothing(tmp_path, tenant):
    """SIGTERM before anything answers ends it as well."""
    (tmp_path / "tmp").mkdir()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox", "--tenant", str(tenant), "--app", str(APP)),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        while not children_of(process.pid):
            assert process.returncode is None
            await asyncio.sleep(0.01)
    (host,) = children_of(process.pid)
    process.terminate()

    assert await ended(process) == ("", 0)
    assert not exists(host)
    assert files_in(tmp_path / "tmp") == []


async def test_a_killed_sandbox_takes_its_host_along(tmp_path, tenant):
    """Even after SIGKILL the Functions host ends by itself."""
    process, _ = await started(tmp_path, tenant)
    (host,) = children_of(process.pid)
    process.kill()
    await ended(process)

    await gone(host)


async def test_a_host_that_dies_stops_the_sandbox(tmp_path, tenant):
    """When the Functions host ends, the sandbox says so with the host's last lines, and stops."""
    async with Sandbox(options(tmp_path, tenant)) as sandbox:
        async with (
            ServiceBusClient.from_connection_string(sandbox.ready.servicebus) as client,
            client.get_queue_sender("hr") as sender,
        ):
            await sender.send_messages(ServiceBusMessage("die"))
            async with asyncio.timeout(20):
                error = await sandbox.broken()

        assert "ended with code 3" in str(error)
        with pytest.raises(SandboxError, match="ended with code 3"):
            await sandbox.advance(timedelta(hours=1))


async def test_the_program_ends_with_an_error_when_its_host_dies(tmp_path, tenant):
    """The exit code is 1 and the reason is on standard error; the ready file is gone."""
    process, _ = await started(tmp_path, tenant)
    (host,) = children_of(process.pid)
    os.kill(host, signal.SIGKILL)
    errors, code = await ended(process)

    assert code == 1
    assert "The Functions host ended with code -9" in errors
    assert not (tmp_path / "ready.json").exists()


async def fails(tmp_path, tenant, **changes):
    with pytest.raises(SandboxError) as caught:
        async with Sandbox(options(tmp_path, tenant, **changes)):
            pass
    return str(caught.value)


async def test_an_app_that_does_not_load_says_why(tmp_path, tenant):
    """An error in function_app.py is shown with its traceback, from the real worker library."""
    app = tmp_path / "app"
    app.mkdir()
    (app / "host.json").write_text('{"version": "2.0"}')
    (app / "function_app.py").write_text("import nowhere_to_be_found\n")

    message = await fails(tmp_path, tenant, app=app)

    assert "The Functions host ended with code 1" in message
    assert "No module named 'nowhere_to_be_found'" in message


async def test_a_missing_setting_says_which(tmp_path, tenant):
    """A setting that a binding needs and nobody set stops the start with its name."""
    message = await fails(tmp_path, tenant, settings={"WAKE_SCHEDULE": ""})

    assert "Function wake: schedule refers to the app setting WAKE_SCHEDULE, which is not set" in message


async def test_a_bad_tenant_file_says_where(tmp_path, tenant):
    """A tenant file that cannot be used stops the start with path and rule."""
    tenant.write_text("userz: []\n")

    assert "userz" in await fails(tmp_path, tenant)


async def test_a_ready_file_in_no_folder_is_said_at_once(tmp_path, tenant):
    """A ready file that could not be written stops the start before anything runs."""
    message = await fails(tmp_path, tenant, ready_file=tmp_path / "nowhere" / "ready.json")

    assert "nowhere" in message


async def test_a_stale_ready_file_is_removed_first(tmp_path, tenant):
    """What a killed sandbox left behind never passes for this one's."""
    ready = tmp_path / "ready.json"
    ready.write_text("stale")
    tenant.write_text("userz: []\n")

    await fails(tmp_path, tenant, ready_file=ready)

    assert not ready.exists()
