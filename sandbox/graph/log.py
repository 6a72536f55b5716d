"""What was asked of the tenant, so that a test or a person can count calls and see what was sent."""

from collections import deque
from itertools import islice
from typing import Any, Literal

import msgspec

KEPT = 200_000
"""How many of the newest entries are kept."""


class Call(msgspec.Struct, rename="kebab", frozen=True, kw_only=True):
    """One request and its answer; `status` is None when the connection was closed without one."""

    index: int
    at: str
    """The virtual instant of arrival."""
    method: str
    path: str
    query: str
    status: int | None
    client_request_id: str
    request_id: str
    kind: Literal["read", "write"]
    body: Any = None
    """The decoded body of a POST; None when there was none, or it was no JSON."""


class Log:
    """The newest calls, in order; indexes count from 0 and never repeat."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=KEPT)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, **call: Any) -> None:
        """Keep a call; `index` is given to it."""
        self._calls.append(Call(index=self._count, **call))
        self._count += 1

    def since(self, index: int) -> list[Call]:
        """Return the kept calls from an index on."""
        return list(islice(self._calls, max(0, index - (self._count - len(self._calls))), None))
