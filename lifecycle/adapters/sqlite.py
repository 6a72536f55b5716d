"""Records in one SQLite file: the embedded default, for one machine. The worker and the CLI share the file.

Every call runs in one thread of this adapter's own, so that the event loop never waits for the disk. Writes are
durable when they return (write-ahead log, `synchronous=FULL`). A file on a network share or on an Azure instance's
own disk would lose or split the records; the settings refuse the latter.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import assert_never

import tenacity

from lifecycle.adapters import limits
from lifecycle.errors import LifecycleError, Lost, Misconfigured, Transient
from lifecycle.ports import Change, Delete, Insert, Put, Replace, Row

SCHEMA_VERSION = 1
BUSY = timedelta(seconds=10)
OWNER_ALONE = 0o600  # rows are about people

SCHEMA = """
create table rows (
    partition text not null, key text not null, value blob not null, etag text not null,
    primary key (partition, key)
) strict, without rowid
"""
READ = "select key, value, etag from rows where partition = ? and key = ?"
LIST = "select key, value, etag from rows where partition = ? and key >= ? order by key limit ?"
LIST_BEFORE = "select key, value, etag from rows where partition = ? and key >= ? and key < ? order by key limit ?"
INSERT = "insert into rows (value, etag, partition, key) values (?, ?, ?, ?) on conflict do nothing"
PUT = (
    "insert into rows (value, etag, partition, key) values (?, ?, ?, ?)"
    " on conflict do update set value = excluded.value, etag = excluded.etag"
)
REPLACE = "update rows set value = ?, etag = ? where partition = ? and key = ? and etag = ?"
DELETE = "delete from rows where partition = ? and key = ?"
DELETE_IF = "delete from rows where partition = ? and key = ? and etag = ?"

# Repeating may help: somebody else has the lock, or the disk is full or failing for now. Never Permanent, because a
# fact must not be set aside for what ails the disk.
PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM}


class SqliteRecords:
    """Implements `Records` in the file at `path`, which is made when it is first used; its folder must be there.

    Usable from any event loop. `close` it in the end. Beyond what the port says, every method raises `Transient`
    (locked for longer than `busy`, disk full or failing) and `Misconfigured` (not a file of ours, a newer version's
    file, damaged, not writable).
    """

    def __init__(self, path: Path, *, busy: timedelta = BUSY) -> None:
        self._path, self._busy = path, busy
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="records")
        self._open: sqlite3.Connection | None = None

    async def read(self, partition: str, key: str) -> Row | None:
        """Return the row, or None where there is none."""
        limits.check_name(partition, what="partition")
        limits.check_name(key)
        found = await self._run(lambda database: database.execute(READ, (partition, key)).fetchone())
        return Row(*found) if found else None

    async def rows(self, partition: str, *, after: str = "", before: str = "", limit: int = 0) -> list[Row]:
        """Return the rows with `after <= key < before` in key order; empty bounds are open, limit 0 is no limit."""
        limits.check_name(partition, what="partition")
        limits.check_bound(after)
        limits.check_bound(before)
        most = limit or -1
        statement, values = (
            (LIST_BEFORE, (partition, after, before, most)) if before else (LIST, (partition, after, most))
        )
        found = await self._run(lambda database: database.execute(statement, values).fetchall())
        return list(map(Row._make, found))

    async def write(self, partition: str, changes: Sequence[Change]) -> dict[str, str]:
        """Make all changes or none; return the new etags by key. Raises `Lost` when a condition does not hold."""
        limits.check_name(partition, what="partition")
        limits.check_changes(changes)
        return await self._run(lambda database: _write(database, partition, changes))

    async def close(self) -> None:
        """Close the file; the adapter cannot be used again."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    async def _run[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)

    def _do[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._open is None:
                self._open = _connect(self._path, self._busy)
            return work(self._open)
        except (sqlite3.Error, OSError) as error:
            raise _translated(error, self._path) from error

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


def _connect(path: Path, busy: timedelta) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, OWNER_ALONE))
    database = sqlite3.connect(path, timeout=busy.total_seconds(), isolation_level=None, check_same_thread=False)
    try:
        database.execute("pragma synchronous = full")
        _prepare(database, path, busy)
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection, path: Path, busy: timedelta) -> None:
    database.execute("begin immediate")
    (version,) = database.execute("pragma user_version").fetchone()
    (tables,) = database.execute("select count(*) from sqlite_schema").fetchone()
    if version == 0 and tables == 0:
        database.execute(SCHEMA)
        database.execute(f"pragma user_version = {SCHEMA_VERSION}")
    database.execute("commit")
    if version == 0 and tables:
        raise Misconfigured(f"{path} is a database of something else; name a file of Lifecycle's own.")
    if version not in (0, SCHEMA_VERSION):
        raise Misconfigured(
            f"{path} has schema version {version}, this program knows {SCHEMA_VERSION}; run the version that wrote it."
        )
    # SQLite does not wait for `busy` here: two processes that open a new file at once would fail now and then.
    tenacity.Retrying(
        retry=tenacity.retry_if_exception(_is_passing),
        wait=tenacity.wait_random(0, 0.05),
        stop=tenacity.stop_after_delay(busy),
        reraise=True,
    )(database.execute, "pragma journal_mode = wal")


def _write(database: sqlite3.Connection, partition: str, changes: Sequence[Change]) -> dict[str, str]:
    etag = os.urandom(8).hex()  # random, not counted: a row deleted and written anew must not get its old etag back
    database.execute("begin immediate")
    try:
        for change in changes:
            _apply(database, partition, change, etag)
        database.execute("commit")
    except BaseException:
        if database.in_transaction:
            database.execute("rollback")
        raise
    return {change.key: etag for change in changes if not isinstance(change, Delete)}


def _apply(database: sqlite3.Connection, partition: str, change: Change, etag: str) -> None:
    match change:
        case Insert(key, value):
            done = database.execute(INSERT, (value, etag, partition, key))
        case Replace(key, value, expected):
            done = database.execute(REPLACE, (value, etag, partition, key, expected))
        case Put(key, value):
            done = database.execute(PUT, (value, etag, partition, key))
        case Delete(key, etag=None):
            done = database.execute(DELETE, (partition, key))
        case Delete(key, etag=wanted):
            done = database.execute(DELETE_IF, (partition, key, wanted))
        case _:
            assert_never(change)
    if done.rowcount == 0 and change != Delete(change.key):
        raise Lost(f"{partition}/{change.key} was changed by another writer; nothing was written.")


def _is_passing(error: BaseException) -> bool:
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in PASSING


def _translated(error: sqlite3.Error | OSError, path: Path) -> LifecycleError:
    if isinstance(error, OSError):
        return Misconfigured(f"{path} cannot be opened ({error.strerror}); its folder must exist and be writable.")
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    if _is_passing(error):
        return Transient(f"{path} could not be used just now ({name}); look at other processes and at the disk.")
    return Misconfigured(
        f"{path} cannot be used ({name}: {error}); it must be a sound, writable database of Lifecycle's own:"
        " mend or restore it."
    )
