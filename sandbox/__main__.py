"""`python -m sandbox`: a sandbox without the rest of the command line; `lifecycle sandbox` is the same."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from sandbox.errors import SandboxError
from sandbox.sandbox import SandboxOptions, run

_DEFAULT = SandboxOptions()


def main(
    *,
    ready_file: Annotated[Path | None, typer.Option(help="Written when everything answers.")] = None,
    records: Annotated[Path | None, typer.Option(help="Folder for the app's state; kept.")] = None,
    model: Annotated[Path, typer.Option(help="The access model.")] = _DEFAULT.model,
    tenant: Annotated[Path, typer.Option(help="The directory to begin with.")] = _DEFAULT.tenant,
    app: Annotated[Path, typer.Option(help="The folder of function_app.py.")] = _DEFAULT.app,
    verbose: Annotated[bool, typer.Option(help="Show the app's log.")] = False,
) -> None:
    """Run a sandbox until Ctrl-C."""
    options = SandboxOptions(
        ready_file=ready_file, records=records, model=model, tenant=tenant, app=app, verbose=verbose
    )
    try:
        asyncio.run(run(options))
    except SandboxError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from None


if __name__ == "__main__":
    typer.run(main)
