"""What can go wrong with the sandbox itself, by what the caller is told."""


class SandboxError(Exception):
    """The sandbox cannot start or go on: says what ended, why, and what to look at."""


class StillBusyError(SandboxError):
    """Waiting for idle ran out of time; `busy` says what was still going on, as counts by name."""

    def __init__(self, busy: dict[str, int]) -> None:
        super().__init__("still busy: " + ", ".join(f"{what} {count}" for what, count in busy.items()))
        self.busy = busy
