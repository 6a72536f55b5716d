"""Every command line in the docs works: those of `lifecycle` are run on the fakes, those that need a tenant say so.

A command line is every line of a fence marked `sh`, and in any other fence whatever begins with one of our programs,
with or without variables that are set for it; in the text, what stands in backquotes and begins with `lifecycle`.
"""

import re
import shlex
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from lifecycle.cli.exits import Code
from lifecycle.cli.program import app
from lifecycle.core.model import Sources
from lifecycle.errors import Transient
from tests.builders import CARE, EVERYONE, HR, SALES, Company, a_model, a_worker, joined, left
from tests.triggers.cli_shell import Shell

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
SET = re.compile(r"^(?:[A-Z_]+=\S* +)*")
"""Variables that are set for a command."""
INLINE = re.compile(r"`(lifecycle(?: [^`]+)?)`")
NEEDS_A_TENANT = "# needs a tenant"
TENANT = {"az", "azd", "func"}
OURS = {"lifecycle", ".venv/bin/lifecycle", "make", *TENANT}
BESIDES = {"git", "sed"}
"""What a reader has anyway, and nothing here can break."""
STARTS_PROCESSES = {"sandbox", "demo"}
ASKS_ABOUT_WHAT_IS_NOT_THERE = {"release", "renew", "project", "quarantine replay", "quarantine discard"}
"""They name a run or a message of the reader's; on the fakes they are understood, and say that it is not there."""
NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)


def commands(page):
    """The commands of a page with their lines: each a list of words, of a pipe one after the other."""
    for match in FENCE.finditer(page.read_text(encoding="utf-8")):
        for line in match[3].splitlines():
            if match[2] != "sh" and SET.sub("", line.strip()).split(" ")[0] not in OURS:
                continue
            for words in split(line):
                yield line.strip(), words


def split(line):
    """The commands of one line, without comments and variables that are set for them."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|")
    lexer.whitespace_split = True
    for piped, words in groupby(lexer, lambda word: word == "|"):
        if not piped:
            command = list(words)
            while re.match(r"[A-Z_]+=", command[0]):
                del command[0]
            yield command


ALL = [(page.relative_to(ROOT).as_posix(), line, words) for page in PAGES for line, words in commands(page)]
LIFECYCLE = sorted({tuple(words[1:]) for _, _, words in ALL if words[0].endswith("lifecycle")})


def test_there_are_commands_to_look_at():
    """The fences are read: pages that a new reader begins with have some, and so has each program of ours."""
    assert {"README.md", "CONTRIBUTING.md", "docs/deploy.md", "docs/runbooks.md"} <= {page for page, _, _ in ALL}
    assert {"lifecycle", ".venv/bin/lifecycle", "make", "az", "azd"} <= {words[0] for _, _, words in ALL}


@pytest.mark.parametrize(("page", "line", "words"), ALL, ids=[f"{page}: {line[:60]}" for page, line, _ in ALL])
def test_every_command_is_of_a_program_we_know(page, line, words):
    """Ours, what a reader has anyway, or something that needs a tenant, which is said on the line."""
    assert words[0] in OURS | BESIDES
    assert (NEEDS_A_TENANT in line) == (words[0] in TENANT)


@pytest.mark.parametrize("words", sorted({tuple(words[1:]) for _, _, words in ALL if words[0] == "make"}), ids=" ".join)
def test_every_target_of_make_is_there(words):
    """The target is in the Makefile, and uses the variable that it is given."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    target, *given = words
    recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)*)", makefile, re.MULTILINE)
    assert recipe, target
    assert [one for one in given if f"$({one.split('=')[0]})" not in recipe[1]] == []


def company():
    """One in which E1001 was employed, and left by the event l-1001; the feeds of the examples may speak there."""
    mappings = [path.read_text(encoding="utf-8") for path in (ROOT / "examples").rglob("*.yaml")]
    feeds = re.findall(r"^source: (\S+)", "\n".join(mappings), re.MULTILINE)
    sources = Sources(frozenset({HR, *feeds}), frozenset({"/pmo", "/lifecycle/cli"}), frozenset({"/itsm"}))
    model = a_model(EVERYONE, CARE, SALES, packages=("extra",), sources=sources)
    shell = Shell(Company(model, users=("E1001",), start=NOW))
    worker = a_worker("E1001", department="Care")
    shell.say(joined("j-1001", NOW, NOW.date().replace(day=1), worker))
    shell.time(timedelta(minutes=5))
    shell.say(left("l-1001", NOW, NOW.date(), "E1001", immediate=True))
    return shell


@pytest.fixture(autouse=True)
def checkout(tmp_path, monkeypatch):
    """A folder like the project's, in which a command may write."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)


def named(path):
    """The command that a path names, as far as the words lead to one."""
    found, words = typer.main.get_command(app), list(path)
    while words and words[0] in getattr(found, "commands", {}):
        found = found.commands[words.pop(0)]
    return found, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_named_in_the_text_exists(page):
    """So do its options; what it is about may be a placeholder, so it is not run."""
    wrong = []
    for text in INLINE.findall(FENCE.sub("", page.read_text(encoding="utf-8")).replace("\n", " ")):
        words = [word for word in shlex.split(text) if word not in {"…", "|"}]
        found, rest = named(words[1:])
        options = {"--help", "--version", *(name for one in found.params for name in [*one.opts, *one.secondary_opts])}
        if rest and "|" in rest[0] and set(rest[0].split("|")) <= getattr(found, "commands", {}).keys():
            continue  # several at once
        unknown = [word for word in rest if word.startswith("--") and word.split("=")[0] not in options]
        if unknown or (rest and not rest[0].startswith("-") and getattr(found, "commands", {})):
            wrong.append(text)
    assert wrong == []


ANSWERS = "contoso.example\nc0000000-0000-0000-0000-000000000001\nscim\n"
"""What `lifecycle init` asks for."""


class Closed:
    """Lets a command begin, and goes no further."""

    @asynccontextmanager
    async def open(self, ready):
        raise Transient("the command line was understood")
        yield


@pytest.mark.parametrize("words", [words for words in LIFECYCLE if words[:1] != ("-",)], ids=" ".join)
def test_every_command_of_ours_is_understood(words):
    """Its options and arguments exist and have the form they must have; whatever happens then is no wrong usage."""
    arguments = [*words, "--help"] if words and words[0] in STARTS_PROCESSES else words
    answers = ANSWERS if words == ("init",) else "[]"
    result = CliRunner().invoke(app, list(arguments), obj=Closed().open, prog_name="lifecycle", input=answers)
    assert result.exit_code != Code.USAGE, result.stderr
    assert "a defect of this program" not in result.stderr


def runs(words):
    """Whether a command can be run to a good end here. `check` and `model` have worlds, and tests, of their own."""
    alone = {*STARTS_PROCESSES, *ASKS_ABOUT_WHAT_IS_NOT_THERE, "check", "init", "model"}
    return not {words[0], " ".join(words[:2])} & alone and "-" not in words


@pytest.mark.parametrize("words", [words for words in LIFECYCLE if runs(words)], ids=" ".join)
def test_every_command_that_can_be_run_ends_well(words):
    """On a small company it is done, or says that changes are planned."""
    shell = company()
    result = CliRunner().invoke(app, list(words), obj=shell.open, prog_name="lifecycle")
    assert result.exit_code in {Code.DONE, Code.CHANGES}, (result.stdout, result.stderr)
