"""The command line: shows, explains, sends. It never writes Graph or a person's records: it sends messages.

`program` joins the commands, one small module a group; `world` finds what they work on; `screen` prints.
"""

import sys


def main() -> None:
    """Run the command line. Says what to install when its extra is absent."""
    try:
        from lifecycle.cli.program import app  # noqa: PLC0415 - the function app is deployed without typer and rich
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich"}:
            raise
        sys.stderr.write(f"error: the command line needs {error.name}: pip install 'lifecycle[cli]'\n")
        raise SystemExit(1) from None
    app(prog_name="lifecycle")
