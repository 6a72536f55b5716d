"""The program `lifecycle`: its commands, and how every one of them ends."""

import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer import rich_utils
from typer.core import TyperGroup

from lifecycle.cli import (
    adopt,
    budget,
    check,
    delays,
    due,
    erase,
    evidence,
    explain,
    feed,
    held,
    init,
    model,
    plan,
    project,
    quarantine,
    renew,
    sandbox,
    send,
    sweep,
    undo,
    verify,
)
from lifecycle.cli.exits import Code
from lifecycle.cli.screen import failure, line
from lifecycle.cli.version import version
from lifecycle.errors import LifecycleError

TRACE = "LIFECYCLE_TRACE"
"""Set it to see the traceback of a defect."""


class Program(TyperGroup):
    """Ends every command with a documented code and one message: what, where, why, what next; never a traceback."""

    def main(self, *args: Any, **options: Any) -> NoReturn:
        """Run the command line and exit."""
        # Libraries report by exceptions; their log would repeat it.
        logging.getLogger().addHandler(logging.NullHandler())
        try:
            code = super().main(*args, **{**options, "standalone_mode": False})
            sys.stdout.flush()
        except typer.TyperException as error:
            rich_utils.rich_format_error(error)  # type: ignore[arg-type]  # all that typer raises here are click's
            sys.exit(Code.USAGE)
        except typer.Abort:
            sys.exit(Code.INTERRUPTED)
        except SystemExit as error:
            # How rich ends the program when a pipe is closed, for its own help as for our lines.
            sys.exit(Code.CLOSED if isinstance(error.__context__, BrokenPipeError) else error.code)
        except LifecycleError as error:
            failure(str(error))
            sys.exit(Code.FAILED)
        except OSError as error:
            if _unread():
                sys.exit(Code.CLOSED)
            failure(f"{error.filename or 'a file or connection'}: {error.strerror or type(error).__name__}")
            sys.exit(Code.FAILED)
        except Exception as error:
            if os.environ.get(TRACE):
                raise
            failure(_defect(error))
            sys.exit(Code.FAILED)
        sys.exit(code if isinstance(code, int) else Code.DONE)


def _unread() -> bool:
    """Whether nobody reads standard output any more, as behind `| head`; what waits for it is dropped then."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more at its end, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _defect(error: Exception) -> str:
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    where = "" if last is None else f" in {Path(last.tb_frame.f_code.co_filename).name}, line {last.tb_lineno}"
    return f"a defect of this program: {type(error).__name__}{where}. Set {TRACE}=1 to see all of it, and report it."


app = typer.Typer(
    cls=Program,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Keeps people's Microsoft Entra access packages equal to what HR and projects say. This program shows, "
    "explains and sends; the function app alone changes access.",
    epilog="Example: lifecycle sandbox, and in another terminal lifecycle send examples/events/worker.joined.json\n\n"
    "Exit codes: 0 done or nothing to do; 1 error; 2 changes planned (plan and dry runs); 64 wrong usage.",
)


def _version(*, asked: bool) -> None:
    if asked:
        line(f"lifecycle {version()}")
        raise typer.Exit


@app.callback()
def program(
    *, _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False
) -> None:
    """Take what every command has in common."""


for group in (
    sandbox,
    init,
    check,
    model,
    send,
    feed,
    adopt,
    plan,
    explain,
    due,
    held,
    renew,
    project,
    sweep,
    undo,
    budget,
    delays,
    evidence,
    verify,
    erase,
    quarantine,
):
    group.register(app)
