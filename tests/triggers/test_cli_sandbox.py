"""The command line on a real sandbox: another process sends, asks and releases, as a person in a terminal does."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
EVENT = ROOT / "examples" / "events" / "worker.joined.json"
_START = 60


class Terminal:
    """Runs commands in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = {"LIFECYCLE_READY", "ServiceBus", "ServiceBus__fullyQualifiedNamespace"}
        kept = {name: value for name, value in os.environ.items() if name not in names}
        self.environment = {**kept, "PYTHONPATH": str(ROOT)}

    def start(self, *arguments):
        command = [sys.executable, "-m", "lifecycle", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, **pipes)

    def __call__(self, *arguments, code=0):
        process = self.start(*arguments)
        out, err = process.communicate(timeout=_START)
        assert process.returncode == code, (out, err)
        return out


@pytest.fixture
def terminal(tmp_path):
    """A terminal in a folder where `lifecycle sandbox` runs."""
    found = Terminal(tmp_path)
    ready = tmp_path / ".lifecycle" / "ready.json"
    sandbox = found.start("sandbox", "--records", "state")
    try:
        until = time.monotonic() + _START
        while not ready.exists():
            assert sandbox.poll() is None, sandbox.communicate()
            assert time.monotonic() < until
            time.sleep(0.1)
        yield found
    finally:
        sandbox.send_signal(signal.SIGINT)
        out, err = sandbox.communicate(timeout=_START)
    assert (sandbox.returncode, ready.exists()) == (0, False), err
    assert "lifecycle send" in out


def settled(folder):
    """Wait until the sandbox has nothing left to do."""
    control = json.loads((folder / ".lifecycle" / "ready.json").read_bytes())["control"]
    httpx.post(f"{control}/idle", json={"timeout": "PT60S"}, timeout=_START).raise_for_status()
    httpx.post(f"{control}/clock", json={"advance": "PT5M"}, timeout=_START).raise_for_status()


def test_from_an_event_to_an_explanation(terminal, tmp_path):
    """Sent over AMQP, planned, applied, explained, all by the ready file of the current folder; a bad one set aside."""
    event = json.loads(EVENT.read_bytes())
    event["data"]["effective"] = datetime.now(UTC).date().isoformat()
    event["data"]["worker"]["status"] = "active"
    event["time"] = datetime.now(UTC).isoformat()
    (tmp_path / "event.json").write_text(json.dumps(event))
    (tmp_path / "bad.json").write_text("{")

    assert terminal("send", "event.json") == "sent evt-0001 lifecycle.worker.joined of E1001 to hr\n"
    terminal("send", "bad.json", "--unchecked")
    settled(tmp_path)
    plan = json.loads(terminal("plan", "E1001", "--json"))["plans"][0]
    assert [(step["do"], step["package"]) for step in plan["steps"]] == [
        ("keep", "case-management"),
        ("keep", "staff-baseline"),
    ]
    shown = terminal("explain", "E1001")
    assert "because rule nurses-on-site (e1001)" in shown
    assert "follow:request:ended" in shown
    assert "is no JSON" in terminal("quarantine", "list")
    refused = terminal.start("sandbox")
    _, err = refused.communicate(timeout=_START)
    assert refused.returncode == 1
    assert "runs already" in err
