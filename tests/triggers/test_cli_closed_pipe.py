"""Nobody reads the output any more: the command ends quietly, as everything behind `| head` does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle.cli.exits import Code

JSON = (
    "from lifecycle.cli import program\n"
    "from lifecycle.cli.screen import emit\n"
    "@program.app.command()\n"
    "def many(): emit(['line'] * 100_000)\n"
    "@program.app.command()\n"
    "def few(): emit(['line'])\n"
    "program.app(prog_name='lifecycle')\n"
)
"""The program with a command that writes more, and one that writes less, than a buffer holds."""


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("many",), ("few",), ("--help",), ("--version",)], ids=" ".join)
def test_a_closed_pipe_is_no_error(arguments):
    """Exit code 141, as the shell says it of what SIGPIPE ended, and nothing on standard error."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", JSON, *arguments]
    ended = subprocess.run(
        command, stdout=writing, stderr=subprocess.PIPE, cwd=Path(__file__).parents[2], check=False, timeout=60
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (Code.CLOSED, b"")
