"""Bodies in memory."""

import hashlib

from lifecycle.errors import Permanent
from tests.fakes.faults import Failures, Pause, no_pause


class MemoryBodies:
    """Implements `Bodies`."""

    def __init__(self, *, pause: Pause = no_pause) -> None:
        self.pause = pause
        self.failures = Failures()
        self.kept: dict[str, bytes] = {}

    async def put(self, name: str, body: bytes) -> str:
        await self.pause()
        self.failures.strike()
        reference = f"{name}-{hashlib.sha256(body).hexdigest()}"
        self.kept[reference] = body
        return reference

    async def get(self, reference: str) -> bytes:
        await self.pause()
        self.failures.strike()
        try:
            return self.kept[reference]
        except KeyError:
            raise Permanent(f"No body is kept by the reference {reference!r}.") from None
