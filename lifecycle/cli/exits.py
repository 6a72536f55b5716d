"""The exit codes, for scripts and CI; `docs/commands.md` lists them."""

from enum import IntEnum


class Code(IntEnum):
    """How a command ended. Usage errors have a code of their own, so that 2 always means planned changes."""

    DONE = 0
    FAILED = 1
    CHANGES = 2
    USAGE = 64  # EX_USAGE of sysexits.h
    INTERRUPTED = 130  # 128 + SIGINT, as shells say it
    CLOSED = 141  # 128 + SIGPIPE: nobody reads the output any more, as behind `| head`
