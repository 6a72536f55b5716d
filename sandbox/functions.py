"""The Functions host as a process of its own: started, watched, asked, and stopped.

The child lives no longer than this process: its standard input is a pipe that nobody writes to, and it ends when that
closes, however this process went. It sees the app settings and what Python needs to run, never the rest of the
environment: a developer's cloud credentials have no business in a sandbox.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
import msgspec

from sandbox.errors import SandboxError
from sandbox.serving import listen, url

_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHOME")
_ROOT = Path(__file__).resolve().parents[1]
_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_TICK_SECONDS = 1800.0  # the functionTimeout of a Flex Consumption plan by default
_TAIL_LINES = 20


class TimerState(msgspec.Struct, frozen=True):
    """One timer of the app."""

    schedule: str
    last: datetime | None
    next: datetime


class HostState(msgspec.Struct, frozen=True):
    """What the host says of itself: its timers, and how many calls run, by function."""

    timers: dict[str, TimerState]
    running: dict[str, int]


@dataclass(slots=True)
class FunctionsHost:
    """A running host. `state` is what it last said."""

    process: asyncio.subprocess.Process
    url: str
    log: Path | None
    client: httpx.AsyncClient
    state: HostState = field(init=False)

    def next_due(self) -> datetime | None:
        """Return when the next timer is due, by the host's last answer."""
        return min((timer.next for timer in self.state.timers.values()), default=None)

    async def refresh(self) -> HostState:
        """Ask the host for its state; raise `SandboxError` when it does not answer."""
        return await self._ask(self.client.build_request("GET", "/sandbox/state"))

    async def tick(self, now: datetime, *, past_due: bool = False, wait: bool = False) -> HostState:
        """Run the timers due at or before `now`, each once; with `wait`, return when those runs have ended."""
        content = msgspec.json.encode({"now": now, "past_due": past_due, "wait": wait})
        return await self._ask(self.client.build_request("POST", "/sandbox/tick", content=content))

    async def ended(self) -> SandboxError:
        """Wait until the process ends and return why that is an error."""
        code = await self.process.wait()
        return SandboxError(f"The Functions host ended with code {code}. {self._last_words()}")

    async def _ask(self, request: httpx.Request) -> HostState:
        try:
            answer = await self.client.send(request)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            with contextlib.suppress(TimeoutError):  # a dying process closes its socket before it is gone
                raise await asyncio.wait_for(self.ended(), 1) from error
            raise SandboxError(f"The Functions host does not answer {request.url.path}: {error!r}") from error
        self.state = msgspec.json.decode(answer.content, type=HostState)
        return self.state

    def _last_words(self) -> str:
        if self.log is None:
            return "Its output is above."
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "Its last lines:\n" + "\n".join(lines[-_TAIL_LINES:])


@contextlib.asynccontextmanager
async def functions_host(app: Path, settings: Mapping[str, str], log: Path | None) -> AsyncIterator[FunctionsHost]:
    """Run the app (an absolute path) in a host inside the block; raise `SandboxError` when it does not start.

    Its output goes to `log`, or to this process's standard error without one.
    """
    with listen() as listener, contextlib.ExitStack() as stack:
        output = sys.stderr if log is None else stack.enter_context(log.open("wb"))
        address, descriptor = url(listener), listener.fileno()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sandbox.host", str(app), str(descriptor)),
            cwd=_ROOT,
            env=_environment(settings),
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=output,
            pass_fds=(descriptor,),
            start_new_session=True,  # Ctrl-C is for the sandbox, which stops things in order
        )
    try:
        async with httpx.AsyncClient(base_url=address, timeout=_TICK_SECONDS, trust_env=False) as client:
            host = FunctionsHost(process, address, log, client)
            await _first_answer(host)
            yield host
    finally:
        await _stop(process)


async def _first_answer(host: FunctionsHost) -> None:
    """Wait for the host: connections queue in its socket until the app is loaded, or break when it is not."""
    try:
        await asyncio.wait_for(host.refresh(), _START_SECONDS)
    except TimeoutError:
        raise SandboxError(f"The Functions host did not start within {_START_SECONDS:.0f} s.") from None


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        assert process.stdin is not None  # noqa: S101  it was asked for as a pipe
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            process.kill()
    await process.wait()


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(_ROOT), environment.get("PYTHONPATH"))))
    return environment | {"PYTHONUNBUFFERED": "1"} | dict(settings)
