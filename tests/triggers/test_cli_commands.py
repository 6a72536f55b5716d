"""Every command teaches itself, is in the docs, and ends with a documented code and one message."""

import re
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from lifecycle.cli.exits import Code
from lifecycle.cli.program import TRACE, app
from lifecycle.cli.screen import visible
from lifecycle.errors import Transient
from tests.triggers.cli_shell import Shell

DOCS = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()


def commands(command=None, path=("lifecycle",)):
    """The commands that do something, with their paths."""
    command = command or typer.main.get_command(app)
    below = getattr(command, "commands", {})
    if not below:
        yield " ".join(path), command
    for name, one in below.items():
        yield from commands(one, (*path, name))


ALL = dict(commands())


def sections():
    return dict(re.findall(r"^## `(.*?)`$(.*?)(?=^## |\Z)", DOCS, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("path", ALL)
def test_every_command_has_help_with_an_example_of_itself(path):
    """`--help` ends well and shows a line that begins a real call of this very command."""
    shown = Shell()(*path.split()[1:], "--help").stdout
    assert f"Example: {path}" in " ".join(shown.split())


def test_the_docs_list_exactly_the_commands_there_are():
    """docs/commands.md has one section a command, and none of a command that is gone."""
    assert sections().keys() == ALL.keys()


@pytest.mark.parametrize("path", ALL)
def test_the_docs_name_every_option_of_a_command(path):
    """Each option is in the command's section."""
    options = {name for one in ALL[path].params for name in one.opts if name.startswith("--")} - {"--help"}
    assert {name for name in options if name not in sections()[path]} == set()


def test_the_docs_list_exactly_the_exit_codes():
    """The table has each code by its number and name."""
    table = dict(re.findall(r"^\| (\d+) \| (\w+) \|", DOCS, re.MULTILINE))
    assert {int(number): name for number, name in table.items()} == {code.value: code.name.lower() for code in Code}


@pytest.mark.parametrize(
    "arguments", [["plan"], ["explain"], ["nonsense"], ["plan", "--nonsense"], ["plan", "E1", "--all"]]
)
def test_wrong_usage_has_a_code_of_its_own(arguments):
    """Wrong usage never looks like planned changes."""
    assert Shell()(*arguments, code=64).stdout == ""


class Broken:
    def __init__(self, error):
        self.error = error

    @asynccontextmanager
    async def open(self, ready):
        raise self.error
        yield


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (Transient("Graph did not answer; try again"), "error: Graph did not answer; try again\n"),
        (PermissionError(13, "Permission denied", "some.file"), "error: some.file: Permission denied\n"),
        (ZeroDivisionError("a secret"), "error: a defect of this program: ZeroDivisionError in test_cli_commands.py"),
    ],
)
def test_an_error_is_one_message_and_never_a_traceback(error, says, monkeypatch):
    """What is expected is said as it is; a defect by its kind and place, without what it holds."""
    monkeypatch.delenv(TRACE, raising=False)
    result = CliRunner().invoke(app, ["held"], obj=Broken(error).open)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(says)
    assert "Traceback" not in result.stderr
    assert "a secret" not in result.stderr


def test_what_came_from_outside_cannot_steer_the_terminal():
    """Escape sequences, bidirectional marks and the like are spelled out; line breaks stay."""
    assert visible("a\x1b[2Jb\u202ec\u009bd\ne") == "a\\x1b[2Jb\\u202ec\\x9bd\ne"
