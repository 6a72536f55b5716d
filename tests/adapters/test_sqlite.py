"""What the SQLite file does beyond the port: it lasts, is shared, and says what is wrong with it."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from datetime import timedelta

import pytest

from lifecycle.adapters.sqlite import SqliteRecords
from lifecycle.errors import Lost, Misconfigured, Transient
from lifecycle.ports import Insert, Put, Replace

COUNT_UP = """
import asyncio, sys
from pathlib import Path
from lifecycle.adapters.sqlite import SqliteRecords
from lifecycle.errors import Lost
from lifecycle.ports import Replace, Insert

async def main():
    records = SqliteRecords(Path(sys.argv[1]))
    done = 0
    while done < 50:
        row = await records.read("p", "count")
        count = int(row.value) if row else 0
        value = str(count + 1).encode()
        try:
            await records.write("p", [Replace("count", value, row.etag) if row else Insert("count", value)])
            done += 1
        except Lost:
            pass
    await records.close()

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "records.db"


@pytest.fixture
async def records(path):
    store = SqliteRecords(path, busy=timedelta(milliseconds=50))
    yield store
    await store.close()


async def test_rows_outlive_the_process(records, path):
    """A file that is opened again holds the rows with their etags."""
    etags = await records.write("p", [Put("k", b"v")])
    again = SqliteRecords(path)
    row = await again.read("p", "k")
    assert (row.value, row.etag) == (b"v", etags["k"])
    await again.close()


async def test_two_adapters_on_one_file_exclude_each_other(records, path):
    """A condition holds across connections, and each sees what the other wrote."""
    etag = (await records.write("p", [Insert("k", b"1")]))["k"]
    other = SqliteRecords(path)
    await other.write("p", [Replace("k", b"2", etag)])
    with pytest.raises(Lost):
        await records.write("p", [Replace("k", b"3", etag)])
    assert (await records.read("p", "k")).value == b"2"
    await other.close()


@pytest.mark.slow
def test_processes_that_start_together_lose_no_write(path):
    """Four processes make the file and count up one row fifty times each: two hundred in the end, none locked out."""
    processes = [
        subprocess.Popen([sys.executable, "-c", COUNT_UP, str(path)], stderr=subprocess.PIPE) for _ in range(4)
    ]
    outcomes = [(process.communicate(timeout=60)[1].decode(), process.returncode) for process in processes]
    assert outcomes == [("", 0)] * 4
    with sqlite3.connect(path) as database:
        assert database.execute("select value from rows").fetchall() == [(b"200",)]
    database.close()


async def test_a_lock_that_is_held_too_long_is_transient_and_passes(records, path):
    """While another holds the write lock a write is Transient, a read goes on, and afterwards all is well."""
    await records.write("p", [Put("k", b"1")])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(Transient, match="SQLITE_BUSY"):
        await records.write("p", [Put("k", b"2")])
    assert (await records.read("p", "k")).value == b"1"
    other.execute("rollback")
    other.close()
    await records.write("p", [Put("k", b"2")])


async def test_the_event_loop_never_waits_for_the_disk(records, path):
    """While a write waits for a lock, other coroutines run; SQLite is used in the adapter's own thread."""
    await records.write("p", [Put("k", b"1")])
    assert any(thread.name.startswith("records") for thread in threading.enumerate())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    write = asyncio.ensure_future(records.write("p", [Put("k", b"2")]))
    ticks = 0
    while not write.done():
        await asyncio.sleep(0)
        ticks += 1
    assert ticks > 10
    assert isinstance(write.exception(), Transient)
    other.close()


async def test_a_full_disk_is_transient(records, path):
    """A full disk does not set facts aside: what does not fit now may fit later."""
    await records.write("p", [Put("k", b"1")])
    await records._run(lambda database: database.execute("pragma max_page_count = 4").fetchone())
    with pytest.raises(Transient, match="SQLITE_FULL"):
        await records.write("p", [Put(f"k{number}", b"x" * 60_000) for number in range(5)])
    assert [row.key for row in await records.rows("p")] == ["k"]


async def test_writes_are_durable_and_shared(records, path):
    """The file is in WAL mode with full synchronisation."""
    await records.write("p", [Put("k", b"1")])
    assert await records._run(lambda database: database.execute("pragma journal_mode").fetchone()) == ("wal",)
    assert await records._run(lambda database: database.execute("pragma synchronous").fetchone()) == (2,)


async def test_the_file_is_its_owners_alone(records, path):
    """Rows are about people: nobody else on the machine may read them."""
    await records.write("p", [Put("k", b"1")])
    assert {file.name: file.stat().st_mode & 0o077 for file in path.parent.iterdir()} == {
        "records.db": 0,
        "records.db-wal": 0,
        "records.db-shm": 0,
    }


async def test_the_file_is_made_when_it_is_first_used(records, path):
    """An adapter that nobody uses touches nothing."""
    assert not path.exists()
    await records.read("p", "k")
    assert path.exists()


async def test_a_newer_file_is_refused(records, path):
    """A file of another schema version is neither read nor changed."""
    with sqlite3.connect(path) as database:
        database.execute("pragma user_version = 7")
    database.close()
    with pytest.raises(Misconfigured, match="schema version 7"):
        await records.rows("p")
    with pytest.raises(Misconfigured, match="schema version 7"):
        await records.rows("p")


async def test_a_strangers_database_is_refused(records, path):
    """A database of something else is left as it is."""
    with sqlite3.connect(path) as database:
        database.execute("create table theirs (x)")
    database.close()
    with pytest.raises(Misconfigured, match="something else"):
        await records.write("p", [Put("k", b"")])
    with sqlite3.connect(path) as database:
        assert database.execute("select name from sqlite_schema").fetchall() == [("theirs",)]
    database.close()


async def test_what_is_no_database_is_refused(records, path):
    """A file of other content, a folder in its place, or no folder at all is Misconfigured and says where."""
    path.write_bytes(b"certainly not a database, but long enough to look like a header" * 20)
    with pytest.raises(Misconfigured, match=r"records\.db.*NOTADB"):
        await records.read("p", "k")
    for wrong in (path.parent, path.parent / "absent" / "records.db"):
        store = SqliteRecords(wrong)
        with pytest.raises(Misconfigured, match="cannot be opened"):
            await store.read("p", "k")
        await store.close()


async def test_a_file_that_was_mended_works_without_a_restart(records, path):
    """A failed opening is tried anew by the next call."""
    path.mkdir()
    with pytest.raises(Misconfigured):
        await records.read("p", "k")
    path.rmdir()
    assert await records.read("p", "k") is None


def test_one_adapter_serves_event_loops_one_after_the_other(path):
    """Nothing in it belongs to the loop that first used it."""
    records = SqliteRecords(path)
    asyncio.run(records.write("p", [Put("k", b"1")]))
    assert asyncio.run(records.read("p", "k")).value == b"1"
    asyncio.run(records.close())
