"""`lifecycle check` on the whole sandbox, as another process: green once the app has run; then broken, and named."""

import asyncio
import json
import sys
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from sandbox.sandbox import Sandbox, SandboxOptions

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PACKAGE, POLICY, CATALOG = (f"{kind}0000000-0000-0000-0000-000000000001" for kind in "abc")


async def check(ready, *arguments):
    command = [sys.executable, "-m", "lifecycle", "check", "--ready", str(ready), *arguments]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=-1, stderr=-1)
    out, err = await process.communicate()
    assert b"Traceback" not in out + err
    return process.returncode, out.decode()


def named(text):
    """What was found, and what was warned of: check, about, problem."""
    return {
        (one["check"], one["about"], each["problem"])
        for one in json.loads(text)["checks"]
        for each in one["problems"]
        if each["state"] in {"finding", "warning"}
    }


async def change(sandbox, path, body):
    async with httpx.AsyncClient() as client:
        (await client.post(f"{sandbox.ready.control}{path}", json=body)).raise_for_status()


async def test_all_green_then_broken_and_named(tmp_path):
    """Sound from end to end; then a policy, a permission and a clock are broken, and exactly these are found."""
    ready = tmp_path / "ready.json"
    async with Sandbox(SandboxOptions(records=tmp_path / "state", ready_file=ready)) as sandbox:
        await sandbox.advance(timedelta(hours=25))
        code, out = await check(ready, "--json")
        assert (code, named(out)) == (0, set())
        unknown = [one["check"] for one in json.loads(out)["checks"] if one["state"] == "unknown"]
        assert set(unknown) == {"queue", "probe"}
        assert sandbox.ready.token not in out
        assert "127.0.0.1" not in out
        assert "case-management" not in out

        policies = [{"id": POLICY, "approvalForAdd": True}]
        package = {"id": PACKAGE, "displayName": "P", "catalog": CATALOG, "assignmentPolicies": policies}
        await change(sandbox, "/graph/tenant", {"accessPackages": [package], "catalogRoles": []})
        faults = [
            {"kind": "403", "path": "accessReviews"},
            {"kind": "clockSkew", "skew": 900, "path": "/users"},
        ]
        await change(sandbox, "/faults", {"add": faults})
        code, out = await check(ready, "--json")
        assert (code, named(out)) == (
            1,
            {
                ("policy", POLICY, "approval-to-add"),
                ("catalog-role", CATALOG, "role-missing"),
                ("read", "/identityGovernance/accessReviews/definitions", "denied"),
                ("clock", "", "clock-wrong"),
            },
        )
        code, out = await check(ready)
        assert code == 1
        assert "AccessReview.Read.All" in out
        assert "az rest --method get --url 'http" in out


async def test_what_init_writes_is_green(tmp_path):
    """A model to begin with, checked against the running sandbox in place of its own: nothing is found."""
    ready = tmp_path / "ready.json"
    async with Sandbox(SandboxOptions(records=tmp_path / "state", ready_file=ready)) as sandbox:
        await sandbox.advance(timedelta(hours=25))
        given = ("--tenant", "contoso.example", "--catalog", CATALOG, "--feed", "workday")
        command = [sys.executable, "-m", "lifecycle", "init", str(tmp_path / "new"), *given, "--ready", str(ready)]
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=-1, stderr=-1)
        out, err = await process.communicate()
        assert (process.returncode, b"Traceback" in out + err) == (0, False), out.decode() + err.decode()
        assert "= model: ok, version" in out.decode()
        assert ", 0 packages, 0 rules\n" in out.decode()
        assert "0 findings" in err.decode()
