"""Seals in memory."""

from lifecycle.adapters import limits
from lifecycle.errors import Lost
from tests.fakes.faults import Failures, Pause, no_pause


class MemorySeals:
    """Implements `Seals`."""

    def __init__(self, *, pause: Pause = no_pause) -> None:
        self.pause = pause
        self.failures = Failures()
        self.kept: dict[str, bytes] = {}

    async def put(self, name: str, body: bytes) -> None:
        limits.check_seal(name)
        await self.pause()
        self.failures.strike()
        if name in self.kept:
            raise Lost(f"{name} is there already.")
        self.kept[name] = bytes(body)

    async def get(self, name: str) -> bytes | None:
        limits.check_seal(name)
        await self.pause()
        self.failures.strike()
        return self.kept.get(name)

    async def names(self) -> list[str]:
        await self.pause()
        self.failures.strike()
        return sorted(self.kept)
