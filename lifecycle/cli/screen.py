"""What a command shows: lines, JSON, progress. Everything shown may come from outside and cannot steer a terminal.

Lines are never wrapped or cut, so that they can be searched and compared; times are UTC in ISO 8601, to the second.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

from lifecycle.core.visible import visible as spelled_out

STYLES = {"+": "green", "-": "red", "~": "yellow", "=": "dim", "!": "bold yellow"}
"""Colours by the sign that a line begins with."""


def line(text: str = "", *, err: bool = False, style: str | None = None) -> None:
    """Print one line (or several, at its line breaks); colour follows its sign, on a terminal."""
    sign = text.lstrip()[:2].rstrip()
    chosen = style if style is not None else STYLES.get(sign, "")
    Console(stderr=err, highlight=False).print(Text(visible(text), chosen), soft_wrap=True)


def heading(text: str) -> None:
    """Print the line above a part."""
    line(text, style="bold")


def note(text: str) -> None:
    """Print what a person may want to know and a program does not: on standard error."""
    line(text, err=True, style="dim")


def rest(number: int, shown: int, where: str) -> None:
    """Print below a list that there was nothing to show, or how many more there are and what has them."""
    if not number:
        line("  nothing")
    elif number > shown:
        line(f"  and {number - shown} more; {where}")


def failure(text: str) -> None:
    """Print what went wrong, on standard error."""
    line(f"error: {text}", err=True, style="red")


def visible(text: str) -> str:
    """Return the text with whatever could steer a terminal spelled out."""
    return spelled_out(text, keep="\n")


def emit(value: object) -> None:
    """Print a value as JSON, in ASCII; dataclasses by their fields, times as everywhere."""
    plain = msgspec.to_builtins(value, builtin_types=(datetime,), enc_hook=str)
    sys.stdout.write(json.dumps(plain, indent=2, default=instant) + "\n")


def instant(at: datetime) -> str:
    """Return a time as it is shown everywhere."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def until(at: datetime | None) -> str:
    """Return an end in words."""
    return "without end" if at is None else f"until {instant(at)}"


def counted(number: int, one: str, many: str) -> str:
    """Return a number with its noun."""
    return f"{number} {one if number == 1 else many}"


class Bar:
    """The progress of long work."""

    def __init__(self, progress: Progress, task: Any) -> None:
        self._progress, self._task = progress, task

    def step(self, by: int = 1) -> None:
        """Say that so many more are done."""
        self._progress.advance(self._task, by)


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Bar]:
    """Show a bar on standard error while the block runs, on a terminal only; without a total it counts."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        yield Bar(shown, shown.add_task(what, total=total))
