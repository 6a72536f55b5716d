"""An evidence packet by the program itself, out of the whole sandbox: its records, and its Graph over HTTP."""

import asyncio
import csv
import io
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from test_whole_app import CARE, an_event, control, joined, send

from sandbox.sandbox import Sandbox, SandboxOptions

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
USER = "d0000000-0000-0000-0000-000000000001"


async def evidence(ready, *arguments):
    """Run `lifecycle evidence` in a process of its own, and return what it printed."""
    command = (sys.executable, "-m", "lifecycle", "evidence", *arguments, "--ready", str(ready))
    pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, **pipes)
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


def told(packet, name, package="case-management"):
    (person,) = packet["people"]
    return next(one["fields"][name] for one in person["assignments"] if one["package"] == package)


async def test_a_leavers_packet_over_http(tmp_path):
    """Ledger and Graph agree on ids, ends and requests; a denied log is unavailable; page and table are written."""
    ready, page, table = tmp_path / "ready.json", tmp_path / "e.html", tmp_path / "e.csv"
    async with Sandbox(SandboxOptions(records=tmp_path / "records", ready_file=ready)) as sandbox:
        await control(sandbox, "POST", "/faults", {"set": {"latency": [1, 2]}})
        await send(sandbox, "hr", joined("e1", "E1001", department="Care", jobCode="N1"))
        await sandbox.idle()
        await sandbox.advance(timedelta(minutes=5))
        now = datetime.now(UTC) + timedelta(minutes=5)
        gone = {"effective": now.isoformat(), "immediate": True}
        await send(sandbox, "hr", an_event("worker.left", "e3", "E1001", gone, time=now))
        await sandbox.idle()
        await sandbox.advance(timedelta(minutes=10))
        packet = json.loads(await evidence(ready, "person", "E1001", "--json"))
        (state, _) = told(packet, "state")
        assert state["value"]["state"] == "expired"
        assert state["source"].startswith("Graph GET /identityGovernance/entitlementManagement/assignments of user")
        assert told(packet, "user")[0]["value"] == USER
        assert told(packet, "access package")[0]["value"] == CARE
        ours = {one["value"]["request"]: one["value"]["HTTP status"] for one in told(packet, "requests")}
        theirs = {one["value"]["request"]: one["value"]["state"] for one in told(packet, "requests in Graph")}
        assert set(ours.values()) == {"201"}
        assert len(ours) > 1
        assert ours.keys() <= theirs.keys()  # Entra's own request that ended the row is there too
        assert set(theirs.values()) == {"delivered"}
        log = {one["value"]["activity"] for one in told(packet, "audit log")}
        assert "Administrator directly assigns user to access package" in log
        row = next(
            one["assignment"] for one in packet["people"][0]["assignments"] if one["package"] == "case-management"
        )
        denied = {"kind": "403", "path": "auditLogs"}
        await control(sandbox, "POST", "/faults", {"add": [denied]})
        await evidence(ready, "assignment", row, "--html", str(page), "--csv", str(table))
        rows = list(csv.DictReader(io.StringIO(table.read_text(), newline="")))
        (audit,) = [one for one in rows if one["field"] == "audit log"]
        assert "AuditLog.Read.All" in audit["unavailable"]
        assert row in page.read_text()
