"""What a command works on: the app's own settings, or those of a sandbox, found in one stated order.

`--ready FILE`, else `LIFECYCLE_READY`, else the environment when it names the queues, else `.lifecycle/ready.json` of
the current folder. A test gives a command another `Open` as the context's object.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
import typer

from lifecycle.cli.signed_in import signed_in
from lifecycle.errors import Misconfigured
from lifecycle.ports import Lectern, Ports
from lifecycle.ports.witness import Witness
from lifecycle.settings import from_environment
from lifecycle.wiring import Wiring

READY = Path(".lifecycle/ready.json")
VARIABLE = "LIFECYCLE_READY"
_NAMED_BY = ("ServiceBus", "ServiceBus__fullyQualifiedNamespace")
_PROBE = 2.0  # seconds until an address of this machine has answered, or nobody is there

# Typer looks into plain aliases only, not into those of a `type` statement.
ReadyFile = Annotated[
    Path | None,
    typer.Option(
        "--ready",
        metavar="FILE",
        help="Work on the sandbox of this ready file. Else: LIFECYCLE_READY, the environment's settings, "
        ".lifecycle/ready.json.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


@dataclass(frozen=True, slots=True)
class World:
    """The ports, the quarantine's reader, where that is in words, and who is signed in (asked only when it counts).

    `witness` is what evidence packets ask Graph beside the ledger.
    """

    ports: Ports
    lectern: Lectern
    where: str
    who: Callable[[], Awaitable[str]]
    witness: Witness


type Open = Callable[[Path | None], AbstractAsyncContextManager[World]]


def inside[T](context: typer.Context, ready: Path | None, work: Callable[[World], Awaitable[T]]) -> T:
    """Open the world, do the work in it, close it. Raises what the work raises."""
    opener: Open = context.obj or open_world

    async def run() -> T:
        async with opener(ready) as world:
            return await work(world)

    return asyncio.run(run())


@asynccontextmanager
async def open_world(ready: Path | None) -> AsyncIterator[World]:
    """Open the adapters by the settings. Raises `Misconfigured` when there are none, or no sandbox answers."""
    found = ready_file(ready, os.environ)
    settings = from_environment(os.environ if found is None else await _of_sandbox(found))
    async with aclosing(Closing(Wiring(settings))) as closing:
        wiring = closing.wiring
        where = f"the sandbox of {found}" if found else settings.namespace or "a local broker"
        yield World(await wiring.ports(), wiring.bus, where, lambda: signed_in(wiring), wiring.witness)


async def environment_of(ready: Path | None, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return the settings to read: the sandbox's, or the environment's own. Raises `Misconfigured` as above."""
    found = ready_file(ready, environment)
    return environment if found is None else await _of_sandbox(found)


class Closing:
    """`Wiring` as `aclosing` wants it."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring

    async def aclose(self) -> None:
        """Close whatever was opened."""
        await self.wiring.close()


def ready_file(given: Path | None, environment: Mapping[str, str]) -> Path | None:
    """Return the ready file to use, or None when the environment has the settings.

    Raises `Misconfigured` when there is neither.
    """
    if given is not None:
        return given
    if environment.get(VARIABLE):
        return Path(environment[VARIABLE])
    if any(environment.get(name) for name in _NAMED_BY):
        return None
    if READY.exists():
        return READY
    raise Misconfigured(
        f"nothing to work on: there is no {READY} here and no setting names the queues. Start `lifecycle sandbox` in "
        f"this folder, give its file with --ready or {VARIABLE}, or set the app's settings (docs/settings.md)."
    )


def is_anywhere(given: Path | None, environment: Mapping[str, str]) -> bool:
    """Whether there is anything to work on: a sandbox's ready file, or settings in the environment."""
    try:
        ready_file(given, environment)
    except Misconfigured:
        return False
    return True


@dataclass(frozen=True, slots=True)
class ReadyWorld:
    """What the command line needs of a ready file; the file has more."""

    settings: dict[str, str]
    control: str = ""
    functions: str = ""


def read_ready(path: Path) -> ReadyWorld:
    """Read a ready file. Raises `Misconfigured` when it is absent or says something else."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ReadyWorld)
    except FileNotFoundError:
        raise Misconfigured(f"{path} is not there: is the sandbox running? `lifecycle sandbox` writes it.") from None
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror}.") from error
    except msgspec.MsgspecError:
        raise Misconfigured(
            f"{path} is no ready file of a sandbox; give the one that `lifecycle sandbox` wrote."
        ) from None


async def answers(ready: ReadyWorld) -> bool:
    """Whether the sandbox of a ready file still runs; one that was killed leaves its file behind."""
    address = urlsplit(ready.control)
    if not address.hostname or not address.port:
        return True
    try:
        async with asyncio.timeout(_PROBE):
            _, writer = await asyncio.open_connection(address.hostname, address.port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def _of_sandbox(path: Path) -> Mapping[str, str]:
    ready = read_ready(path)
    if not await answers(ready):
        raise Misconfigured(f"the sandbox of {path} does not run any more; start it again with `lifecycle sandbox`.")
    return ready.settings
