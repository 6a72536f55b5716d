"""Azurite, the emulator of Azure Storage, once per test session: tables and blobs on this machine, in memory.

It is installed by `scripts/setup.sh` where node is; elsewhere the tests that need it are skipped and say so.
"""

import contextlib
import shutil
import socket
import subprocess
import time
import uuid
from pathlib import Path

import pytest

from lifecycle.adapters.tables.address import table_address

SERVICES = Path(__file__).parents[1] / "sandbox/azurite/node_modules/azurite/dist/src"
TABLE_SERVICE = SERVICES / "table/main.js"
BLOB_SERVICE = SERVICES / "blob/main.js"
PATIENCE = 60  # seconds until it must listen; it takes one


@pytest.fixture(scope="session")
def azurite(tmp_path_factory):
    """The endpoint of a table service that is stopped when the session ends."""
    yield from served(tmp_path_factory.mktemp("azurite"), "table")


@pytest.fixture(scope="session")
def azurite_blobs(tmp_path_factory):
    """The endpoint of a blob service that is stopped when the session ends."""
    yield from served(tmp_path_factory.mktemp("azurite-blobs"), "blob")


def served(folder, kind):
    if shutil.which("node") is None:
        pytest.skip("node is not on PATH, so there is no Azurite")
    if not TABLE_SERVICE.exists():
        pytest.skip("Azurite is not installed: run `make setup`")
    port = free_port()
    with running(port, folder, kind):
        yield f"http://127.0.0.1:{port}/devstoreaccount1"


@pytest.fixture
def table(azurite):
    """The address of a table of the test's own, not made yet."""
    return new_table(azurite)


def new_table(endpoint):
    return table_address(f"{endpoint}/t{uuid.uuid4().hex}")


@contextlib.contextmanager
def running(port, folder, kind="table"):
    """Run the service on the port; it keeps nothing, and writes what it has to say into the folder."""
    said = folder / "said.txt"
    options = ["--inMemoryPersistence", "--disableTelemetry", "--silent", f"--{kind}KeepAliveTimeout", "60"]
    options += ["--skipApiVersionCheck"] if kind == "blob" else []  # the SDK names a newer one than it knows
    service = BLOB_SERVICE if kind == "blob" else TABLE_SERVICE
    command = ["node", str(service), f"--{kind}Host", "127.0.0.1", f"--{kind}Port", str(port), *options]
    with said.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        wait_for(port, process, said)
        yield
    finally:
        process.terminate()
        process.wait(10)


def wait_for(port, process, said):
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"Azurite does not listen on port {port}: {said.read_text(encoding='utf-8')}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
