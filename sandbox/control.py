"""The control API: the sandbox's clock, what it waits for, its status, and the broker's faults.

Errors are JSON, `{"error": text}`: 400 for a request that says nothing sensible, 404 for a queue that does not exist,
500 when the sandbox is broken, 504 when waiting ran out of time (with `busy`: counts by name).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.errors import SandboxError, StillBusyError
from sandbox.functions import FunctionsHost
from sandbox.queues import QUEUES
from sandbox.timeline import Bus, Counts, Timeline

_LIMIT = timedelta(minutes=5)
_LONGEST = timedelta(days=3660)
"""Ten years in one go are a typing error, not a test."""

_EXAMPLES = {
    "clock": '{"advance": "PT1H"} or {"jump": "P1D"}, as an ISO 8601 duration of days, hours, minutes, seconds',
    "idle": '{"timeout": "PT60S"}, or nothing',
    "faults": '{"drop_connections": true}, {"fail_next_sends": {"queue": "work", "count": 3}}'
    ' or {"expire_locks": "work"}',
}


class FaultyBus(Bus, Protocol):
    """The broker with its faults."""

    def fail_next_sends(self, queue: str, n: int, /) -> object:
        """Refuse the next `n` sends to a queue."""

    def drop_connections(self) -> object:
        """Cut every connection."""

    def expire_locks(self, queue: str, /) -> object:
        """End every lock of a queue, as if its time were over."""


class _Move(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    advance: timedelta | None = None
    jump: timedelta | None = None
    timeout: timedelta = _LIMIT


class _Wait(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    timeout: timedelta = _LIMIT


class _FailingSends(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    queue: str
    count: Annotated[int, msgspec.Meta(ge=1)] = 1


class _BusFaults(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    drop_connections: bool = False
    fail_next_sends: _FailingSends | None = None
    expire_locks: str | None = None


@dataclass(frozen=True, slots=True)
class Control:
    """Answers for one sandbox."""

    timeline: Timeline
    bus: FaultyBus
    host: FunctionsHost

    def routes(self) -> list[Route]:
        """Return the routes this serves."""
        return [
            Route("/clock", _answering(self._clock)),
            Route("/clock", _answering(self._move), methods=["POST"]),
            Route("/idle", _answering(self._idle), methods=["POST"]),
            Route("/status", _answering(self._status)),
            Route("/broker/faults", _answering(self._faults), methods=["POST"]),
        ]

    async def _clock(self, _request: Request) -> object:
        clock = self.timeline.clock
        return {"now": clock.now(), "offset": clock.offset}

    async def _move(self, request: Request) -> object:
        move = _decode(await request.body(), _Move, "clock")
        match move:
            case _Move(advance=timedelta() as by, jump=None):
                await self.timeline.advance(_forward(by), move.timeout)
            case _Move(advance=None, jump=timedelta() as by):
                await self.timeline.jump(_forward(by))
            case _:
                raise _RefusedError(400, f"Say one of advance and jump: {_EXAMPLES['clock']}")
        return await self._clock(request)

    async def _idle(self, request: Request) -> object:
        await self.timeline.idle(_decode(await request.body() or b"{}", _Wait, "idle").timeout)
        return await self._clock(request)

    async def _status(self, request: Request) -> object:
        state = await self.host.refresh()
        return {
            **msgspec.to_builtins(await self._clock(request)),
            "queues": {queue.name: _counted(self.bus.counts(queue.name)) for queue in QUEUES},
            "in_transit": self.timeline.directory.in_transit(),
            "timers": state.timers,
            "running": state.running,
        }

    async def _faults(self, request: Request) -> object:
        faults = _decode(await request.body(), _BusFaults, "faults")
        if faults == _BusFaults():
            raise _RefusedError(400, f"Say which fault: {_EXAMPLES['faults']}")
        if faults.fail_next_sends is not None:
            self.bus.fail_next_sends(_known(faults.fail_next_sends.queue), faults.fail_next_sends.count)
        if faults.expire_locks is not None:
            self.bus.expire_locks(_known(faults.expire_locks))
        if faults.drop_connections:
            self.bus.drop_connections()
        return faults


class _RefusedError(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def _answering(handler: Callable[[Request], Awaitable[object]]) -> Callable[[Request], Awaitable[Response]]:
    """Turn a handler's value into JSON, and its errors into the answers that the module names."""

    async def answer(request: Request) -> Response:
        try:
            content = msgspec.json.encode(await handler(request))
        except _RefusedError as error:
            return JSONResponse({"error": str(error)}, error.status)
        except StillBusyError as error:
            return JSONResponse({"error": str(error), "busy": error.busy}, 504)
        except SandboxError as error:
            return JSONResponse({"error": str(error)}, 500)
        return Response(content, media_type="application/json")

    return answer


def _decode[T](content: bytes, kind: type[T], what: str) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.MsgspecError as error:
        raise _RefusedError(400, f"{error}. Send {_EXAMPLES[what]}.") from None


def _forward(by: timedelta) -> timedelta:
    if not timedelta() <= by <= _LONGEST:
        raise _RefusedError(400, f"The clock moves forward, and by at most {_LONGEST.days} days at a time")
    return by


def _known(queue: str) -> str:
    names = [known.name for known in QUEUES]
    if queue not in names:
        raise _RefusedError(404, f"There is no queue {queue!r}; there are {', '.join(names)}")
    return queue


def _counted(counts: Counts) -> dict[str, int]:
    return {state: getattr(counts, state) for state in ("active", "locked", "scheduled", "deferred", "dead")}
