"""What every stand-in can be told to do wrong, and where it stops so that others can run in between."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

type Pause = Callable[[], Awaitable[None]]
"""Awaited once by every method, before it does anything; a law puts its scheduler here."""


async def no_pause() -> None:
    """Return at once."""


class Crash(BaseException):
    """The process died here. No `except Exception` may catch it, as none survives a real death."""


@dataclass(slots=True)
class Failures:
    """Errors for the calls to come, in order; None is a call that goes well."""

    planned: deque[BaseException | None] = field(default_factory=deque)

    def plan(self, *errors: BaseException | None) -> None:
        """Let the next calls raise these, one each."""
        self.planned.extend(errors)

    def strike(self) -> None:
        """Raise what is planned for this call."""
        error = self.planned.popleft() if self.planned else None
        if error is not None:
            raise error
