"""`sandbox` and `demo`: a tenant on this machine, to try everything on. Both load the sandbox only when they run."""

import asyncio
import contextlib
import importlib
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

import lifecycle
from lifecycle.cli.exits import Code
from lifecycle.cli.screen import heading, line, note
from lifecycle.cli.world import READY, ReadyWorld, answers, read_ready
from lifecycle.errors import LifecycleError, Misconfigured

_ROOT = Path(lifecycle.__file__).resolve().parents[1]
_OURS = "sandbox"
_LOOK = 0.1  # seconds between two looks for the ready file


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog="Example: lifecycle sandbox\n\n"
        "Example: lifecycle sandbox --records state --model examples/model.yaml --ready-file /tmp/ready.json"
    )(sandbox)
    app.command(epilog="Example: lifecycle demo\n\nExample: lifecycle demo --data people.csv")(demo)


def sandbox(
    *,
    ready_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also written when everything answers.")
    ] = None,
    records: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep the app's state here.")] = None,
    model: Annotated[Path | None, typer.Option(metavar="FILE", help="The access model; default the example's.")] = None,
    tenant: Annotated[Path | None, typer.Option(metavar="FILE", help="The directory to begin with.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the app's log.")] = False,
) -> None:
    """Run a tenant on this machine until Ctrl-C: queues, a Microsoft Graph simulator, the function app, one clock.

    Offline, nothing to set up. While it runs, the other commands in this folder find it by themselves, through
    .lifecycle/ready.json.
    """
    module = _load("sandbox.sandbox")
    given = {"ready_file": ready_file, "records": records, "model": model, "tenant": tenant}
    options = module.SandboxOptions(verbose=verbose, **{name: path for name, path in given.items() if path is not None})
    error_type: type[Exception] = _load("sandbox.errors").SandboxError
    try:
        asyncio.run(_serve(module, options))
    except error_type as error:
        raise Misconfigured(str(error)) from error


async def _serve(module: Any, options: Any) -> None:
    """Run the sandbox; once its ready file is there, say where things are and copy it to where commands look."""
    default = READY.resolve()
    taken = await _is_taken(default)
    if options.ready_file is None and taken:
        raise Misconfigured(f"a sandbox of {READY} runs already; stop it, or give this one another --ready-file")
    with tempfile.TemporaryDirectory(prefix="lifecycle-ready-") as scratch:
        told: Path = options.ready_file or Path(scratch) / READY.name
        running = asyncio.create_task(module.run(replace(options, ready_file=told)))
        while not running.done() and not await _is_there(told):
            await asyncio.wait({running}, timeout=_LOOK)
        if running.done():
            await running
            return
        content = await _content(told)
        try:
            if not taken:
                default.parent.mkdir(exist_ok=True)
                default.write_bytes(content)
            _announce(read_ready(told), options.ready_file or default)
            await running
        finally:
            if await _content(default) == content:
                default.unlink(missing_ok=True)


async def _is_there(path: Path) -> bool:
    return await asyncio.to_thread(path.exists)


async def _content(path: Path) -> bytes:
    """Return what the file says; nothing when it is gone."""
    with contextlib.suppress(FileNotFoundError):
        return await asyncio.to_thread(path.read_bytes)
    return b""


async def _is_taken(path: Path) -> bool:
    """Whether a sandbox runs by the default ready file; one that was killed leaves a file that nobody answers for."""
    if not await _is_there(path):
        return False
    with contextlib.suppress(LifecycleError):
        return await answers(read_ready(path))
    return False


def _announce(ready: ReadyWorld, ready_file: Path) -> None:
    settings = ready.settings
    heading("The sandbox is ready; Ctrl-C stops it.")
    line(f"  ready file  {ready_file}")
    line(f"  model       {settings.get('LIFECYCLE_MODEL', '')}")
    line(f"  records     {settings.get('LIFECYCLE_RECORDS', '')}")
    line(f"  Graph       {settings.get('GRAPH_URL', '')}")
    line(f"  control     {ready.control}  (clock and faults, docs/sandbox.md)")
    line(f"  dashboard   {ready.functions}/dashboard")
    note("In another terminal, in this folder:")
    for text in ("send examples/events/worker.joined.json", "plan E1001", "explain E1001"):
        line(f"  lifecycle {text}")


def demo(
    *,
    data: Annotated[Path | None, typer.Option(metavar="FILE", help="HR's list of people, as CSV.")] = None,
) -> None:
    """Play two weeks of a company in a sandbox and check at each step that everybody has exactly what they should.

    Exit code 1 when something was not as it should be.
    """
    module = _load("sandbox.demo")
    error_type: type[Exception] = _load("sandbox.errors").SandboxError
    try:
        good = asyncio.run(module.demo(Console(), data=data))
    except error_type as error:
        raise Misconfigured(str(error)) from error
    raise typer.Exit(Code.DONE if good else Code.FAILED)


def _load(name: str) -> Any:
    """Import a module of the sandbox, which lies beside the package. Raises `Misconfigured` when it does not."""
    if (_ROOT / _OURS / "__init__.py").exists() and str(_ROOT) not in sys.path:
        sys.path.append(str(_ROOT))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing.partition(".")[0] == _OURS:
            raise Misconfigured(
                f"the module {missing} is not here: the sandbox is part of a checkout of this project and is never "
                "deployed; clone the repository and run the command in it"
            ) from None
        raise Misconfigured(f"the sandbox needs {missing}: pip install 'lifecycle[sandbox]'") from None
