"""Records in memory, with the port's exact promises, that can die at any write."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from lifecycle.adapters import limits
from lifecycle.errors import Lost
from lifecycle.ports import Change, Delete, Insert, Put, Replace, Row
from tests.fakes.faults import Crash, Failures, Pause, no_pause


@dataclass(frozen=True, slots=True)
class Written:
    """One write that was made."""

    partition: str
    changes: tuple[Change, ...]


class MemoryRecords:
    """Implements `Records`.

    `crash_after` n raises `Crash` when the n-th write from the start (1 is the first) has been made and is kept,
    `crash_before` n raises it instead of making the n-th. `log` holds every write that was made.
    """

    def __init__(
        self, *, crash_after: int | None = None, crash_before: int | None = None, pause: Pause = no_pause
    ) -> None:
        self.crash_after, self.crash_before, self.pause = crash_after, crash_before, pause
        self.failures = Failures()
        self.log: list[Written] = []
        self._partitions: dict[str, dict[str, Row]] = {}
        self._etags = 0

    @property
    def writes(self) -> int:
        """How many writes were made."""
        return len(self.log)

    def partitions(self) -> list[str]:
        """The partitions that hold rows, for a test to look at."""
        return sorted(name for name, rows in self._partitions.items() if rows)

    def keys(self, partition: str) -> list[str]:
        """The keys of a partition, for a test to look at."""
        return sorted(self._partitions.get(partition, {}))

    async def read(self, partition: str, key: str) -> Row | None:
        limits.check_name(partition, what="partition")
        limits.check_name(key)
        await self.pause()
        self.failures.strike()
        return self._partitions.get(partition, {}).get(key)

    async def rows(self, partition: str, *, after: str = "", before: str = "", limit: int = 0) -> list[Row]:
        limits.check_name(partition, what="partition")
        limits.check_bound(after)
        limits.check_bound(before)
        await self.pause()
        self.failures.strike()
        held = self._partitions.get(partition, {})
        found = [held[key] for key in sorted(held) if key >= after and (not before or key < before)]
        return found[:limit] if limit else found

    async def write(self, partition: str, changes: Sequence[Change]) -> dict[str, str]:
        limits.check_name(partition, what="partition")
        limits.check_changes(changes)
        await self.pause()
        self.failures.strike()
        if self.crash_before == self.writes + 1:
            raise Crash(f"before write {self.crash_before}")
        etags = self._apply(partition, changes)
        self.log.append(Written(partition, tuple(changes)))
        if self.crash_after == self.writes:
            raise Crash(f"after write {self.crash_after}")
        return etags

    def _apply(self, partition: str, changes: Sequence[Change]) -> dict[str, str]:
        after = dict(self._partitions.get(partition, {}))
        etags: dict[str, str] = {}
        for change in changes:
            before = after.get(change.key)
            match change:
                case Insert() if before is not None:
                    raise Lost(f"{partition}/{change.key} is there already.")
                case Replace(etag=etag) if before is None or before.etag != etag:
                    raise Lost(f"{partition}/{change.key} was changed by another writer.")
                case Delete(etag=str(etag)) if before is None or before.etag != etag:
                    raise Lost(f"{partition}/{change.key} was changed by another writer.")
                case Delete():
                    after.pop(change.key, None)
                case Insert(value=value) | Replace(value=value) | Put(value=value):
                    etags[change.key] = self._next_etag()
                    after[change.key] = Row(change.key, bytes(value), etags[change.key])
                case _:
                    assert_never(change)
        self._partitions[partition] = after
        return etags

    def _next_etag(self) -> str:
        self._etags += 1
        return str(self._etags)
