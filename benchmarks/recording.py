"""How fast Records are written and read in SQLite, by one caller who waits for each call.

Every write is durable when it returns, so the first figure is mostly the disk's (in memory-backed folders it is much
higher); it is measured in the folder for temporary files. Rows have 500 bytes, as a fact has.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measurement import Figure, Measurement
from lifecycle.adapters.sqlite import SqliteRecords
from lifecycle.ports import Insert

PARTITIONS = 200
ROWS = 10
"""Rows of one partition: about what one person has."""
_VALUE = b"x" * 500


def figures(partitions: int = PARTITIONS) -> Iterator[Figure]:
    """Yield all figures, from one file with that many partitions twice."""
    with TemporaryDirectory(prefix="lifecycle-benchmark-") as folder:
        yield from asyncio.run(_measured(Path(folder) / "records.db", partitions))


async def _measured(path: Path, many: int) -> list[Figure]:
    records = SqliteRecords(path)
    await records.read("warm", "up")
    partitions = [f"p{number}" for number in range(many)]
    keys = [f"k{number}" for number in range(ROWS)]

    async def write(partition: str) -> None:
        for name in keys:
            await records.write(partition, [Insert(name, _VALUE)])

    async def write_at_once(partition: str) -> None:
        await records.write(f"{partition}-b", [Insert(name, _VALUE) for name in keys])

    async def read(partition: str) -> None:
        for name in keys:
            assert await records.read(partition, name) is not None

    async def list_all(partition: str) -> None:
        assert len(await records.rows(partition)) == ROWS

    found: list[Figure] = [
        ("records_writes_per_second", ROWS * await _rate(write, partitions), "writes/s"),
        ("records_batches_per_second", await _rate(write_at_once, partitions), "batches/s"),
        ("records_reads_per_second", ROWS * await _rate(read, partitions), "reads/s"),
        ("records_lists_per_second", await _rate(list_all, partitions), "lists/s"),
    ]
    await records.close()
    return found


async def _rate(work: Callable[[str], Awaitable[None]], partitions: list[str]) -> float:
    began = time.perf_counter()
    for partition in partitions:
        await work(partition)
    return len(partitions) / (time.perf_counter() - began)


MEASUREMENTS = (
    Measurement(
        {
            "records_writes_per_second": "One row a write: one wait for the disk each, whatever is in the file.",
            "records_batches_per_second": f"{ROWS} rows a write, all or none: still one wait for the disk.",
            "records_reads_per_second": "One row by its key: grows with the logarithm of the rows in the file.",
            "records_lists_per_second": f"All {ROWS} rows of a partition: grows with the rows that are returned.",
        },
        figures,
    ),
)
