"""The host's HTTP side: the real host's `/admin` endpoints, and the sandbox's own for its clock.

`/admin` answers as the real host does for a caller with the master key: 202 at once, the function runs afterwards.
"""

import asyncio
import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lifecycle.adapters.clock import OffsetClock
from sandbox.host import payload
from sandbox.host.timers import Timers
from sandbox.host.triggers import HttpTrigger, QueueTrigger, TimerTrigger, Trigger
from sandbox.host.worker import Datum, Worker


class Tick(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`POST /sandbox/tick`: run what is due at or before `now`; `wait` answers only when those ticks have ended."""

    now: datetime
    past_due: bool = False
    wait: bool = False


class _Invocation(msgspec.Struct, frozen=True):
    input: str | None = None


@dataclass(slots=True)
class Admin:
    """What can be asked of a running host."""

    worker: Worker
    triggers: Sequence[Trigger]
    timers: Timers
    clock: OffsetClock
    started: float = field(default_factory=time.monotonic)
    instance: str = field(default_factory=lambda: uuid.uuid4().hex)
    _invocations: set[asyncio.Task[object]] = field(default_factory=set)

    def routes(self) -> list[Route]:
        """Return the routes this serves."""
        return [
            Route("/admin/functions", self._functions),
            Route("/admin/functions/{name}", self._invoke, methods=["POST"]),
            Route("/admin/host/status", self._status),
            Route("/sandbox/state", self._state),
            Route("/sandbox/tick", self._tick, methods=["POST"]),
        ]

    async def _functions(self, request: Request) -> Response:
        base = str(request.base_url)
        return JSONResponse(
            [
                {
                    "name": function.name,
                    "href": f"{base}admin/functions/{function.name}",
                    "language": "python",
                    "isDisabled": False,
                    "config": {"bindings": list(function.bindings)},
                }
                for function in self.worker.functions.values()
            ]
        )

    async def _invoke(self, request: Request) -> Response:
        name = request.path_params["name"]
        trigger = next((trigger for trigger in self.triggers if trigger.function == name), None)
        if trigger is None:
            return _refused(404, f"There is no function {name}; GET /admin/functions lists them.")
        if isinstance(trigger, HttpTrigger):
            return _refused(400, f"Function {name} answers HTTP; ask it at its own route, {trigger.route}.")
        try:
            content = await request.body()
            invocation = msgspec.json.decode(content or b"{}", type=_Invocation)
        except msgspec.MsgspecError as error:
            return _refused(400, f'The body must be JSON such as {{"input": "text"}}: {error}')
        data, metadata = self._by_hand(trigger, invocation.input or "")
        task: asyncio.Task[object] = asyncio.create_task(self.worker.invoke(name, trigger.parameter, data, metadata))
        self._invocations.add(task)
        task.add_done_callback(self._invocations.discard)
        await asyncio.sleep(0)  # lets the call begin, so that whoever waits for idle after the 202 sees it running
        return Response(status_code=202)

    def _by_hand(self, trigger: QueueTrigger | TimerTrigger, text: str) -> tuple[Datum, dict[str, Datum]]:
        match trigger:
            case TimerTrigger():
                now = self.clock.now()
                timer = next(timer for timer in self.timers.timers if timer.trigger is trigger)
                return payload.timer(due=now, following=timer.next, last=timer.last, past_due=False), {}
            case QueueTrigger():
                return ("string", text), payload.metadata(message_id=uuid.uuid4().hex, enqueued=self.clock.now())

    async def _status(self, _request: Request) -> Response:
        uptime = int((time.monotonic() - self.started) * 1000)
        status = {"id": "sandbox", "state": "Running", "version": "4.0", "instanceId": self.instance}
        return JSONResponse({**status, "processId": os.getpid(), "processUptime": uptime})

    async def _state(self, _request: Request) -> Response:
        return JSONResponse(self._snapshot())

    async def _tick(self, request: Request) -> Response:
        try:
            tick = msgspec.json.decode(await request.body(), type=Tick)
        except msgspec.MsgspecError as error:
            return _refused(400, f"Not a tick: {error}")
        ticks = self.timers.fire(tick.now, past_due=tick.past_due)
        if tick.wait and ticks:
            await asyncio.wait(ticks)
        else:
            await asyncio.sleep(0)
        return JSONResponse(self._snapshot())

    def _snapshot(self) -> dict[str, object]:
        return {
            "timers": {
                timer.trigger.function: {
                    "schedule": timer.trigger.schedule.expression,
                    "last": timer.last and timer.last.isoformat(),
                    "next": timer.next.isoformat(),
                }
                for timer in self.timers.timers
            },
            "running": dict(self.worker.running),
        }


def _refused(status: int, why: str) -> Response:
    return JSONResponse({"error": why}, status_code=status)
