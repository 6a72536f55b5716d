"""The example of every feed in the whole sandbox, by the command line, as the guide has it."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from lifecycle.adapters import feed_file, mapping
from lifecycle.records import people
from lifecycle.settings import from_environment
from lifecycle.wiring import Wiring
from sandbox.sandbox import Sandbox, SandboxOptions
from tests.sandbox.test_whole_app import BASELINE, holds

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FEEDS = {
    "examples/people.csv": "examples/mapping.yaml",
    "examples/feeds/workday.json": "examples/mappings/workday.yaml",
    "examples/feeds/bamboohr.json": "examples/mappings/bamboohr.yaml",
    "examples/feeds/scim.json": "examples/mappings/scim.yaml",
}
ADA = "d0000000-0000-0000-0000-000000000001"


async def lifecycle(ready, *words):
    command = (sys.executable, "-m", "lifecycle", *words, "--ready", str(ready))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=-1, stderr=-1)
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return output.decode()


def feed(file):
    as_of = [] if "workday" in file else ["--as-of", "2026-03-02"]
    return ["feed", file, "--mapping", FEEDS[file], *as_of]


async def test_every_example_goes_through(tmp_path):
    """All four in one tenant, one behind the other: nothing is refused or set aside, and HR's word becomes access."""
    ready = tmp_path / "ready.json"
    async with Sandbox(SandboxOptions(records=tmp_path / "records", ready_file=ready)) as sandbox:
        for file in FEEDS:
            await lifecycle(ready, *feed(file))
        await sandbox.idle()
        assert sandbox.broker.counts("quarantine").active == 0
        wiring = Wiring(from_environment(sandbox.ready.settings))
        known = await people.everybody((await wiring.ports()).records)
        await wiring.close()
        read = {
            file: feed_file.read((ROOT / file).read_bytes(), mapping.load(ROOT / how)) for file, how in FEEDS.items()
        }
        assert {one.worker.person_id or one.worker.id for each in read.values() for one in each.entries} == {*known}
        await sandbox.advance(timedelta(minutes=15))
        assert BASELINE in await holds(sandbox, ADA)
