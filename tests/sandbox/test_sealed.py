"""The whole app in the sandbox seals its ledger at night, and `verify` finds what is done to it afterwards."""

import json
import os
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.sandbox import Sandbox, SandboxOptions
from tests.sandbox.test_whole_app import control, joined, send

pytestmark = pytest.mark.slow


def verified(ready: Path, *options: str) -> tuple[int, dict]:
    command = [sys.executable, "-m", "lifecycle", "verify", "--json", "--ready", str(ready), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    return done.returncode, json.loads(done.stdout)


async def test_a_night_seals_the_ledger_and_what_is_done_to_it_is_named(tmp_path):
    """A joiner, a night, one altered row in the file of the records."""
    ready = tmp_path / "ready.json"
    async with Sandbox(SandboxOptions(records=tmp_path / "records", ready_file=ready)) as sandbox:
        await control(sandbox, "POST", "/faults", {"set": {"latency": [1, 2]}})
        await send(sandbox, "hr", joined("e1", "E1001"))
        await sandbox.idle()
        await sandbox.advance(timedelta(days=1))
        assert [path.name for path in (tmp_path / "records/seals").iterdir()] == ["seal-00000001"]
        code, said = verified(ready)
        assert (code, said["whole"], said["seal"]) == (0, True, 1)
        assert said["proved"]["chains"] >= 3  # the person's, the model's run, the drift run's
        with sqlite3.connect(tmp_path / "records/records.db") as database:
            database.execute(
                "update rows set value = cast(replace(cast(value as text), 'adminAdd', 'adminBad') as blob)"
                " where partition = 'person-e1001' and key like 'c-%'"
            )
        database.close()
        code, said = verified(ready, "--person", "E1001")
        assert code == 1
        ((place, kind),) = [(one["chain"], one["kind"]) for one in said["findings"]]
        assert (place, kind) == ("person-e1001", "altered")
