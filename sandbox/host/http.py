"""The app's HTTP functions, at their own routes, through the worker library: the app's code sees what Azure's would.

Nobody is asked who they are: on a laptop no App Service authentication stands before the app, and a principal header
that a caller sends arrives as it is. An app that believes it without looking is found out here. The sandbox has no
function keys, so nobody has one: a function that asks for a key answers 401, as the real host does without it.
"""

import re
from collections.abc import Awaitable, Callable, Iterable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.host.triggers import HttpTrigger, Trigger
from sandbox.host.worker import Failure, HttpCall, Worker

_OPTIONAL = re.compile(r"/\{(\w+)\?\}$")


def http_routes(triggers: Iterable[Trigger], worker: Worker, prefix: str) -> list[Route]:
    """Return the routes of the app's HTTP functions; a last part that may be absent gives two."""
    return [
        Route(path, _answering(one, worker), methods=list(one.methods) or None)
        for one in triggers
        if isinstance(one, HttpTrigger)
        for path in _paths([prefix.strip("/"), one.route.strip("/")])
    ]


def _paths(parts: list[str]) -> list[str]:
    whole = "".join(f"/{part}" for part in parts if part)
    found = _OPTIONAL.search(whole)
    return [whole] if found is None else [whole[: found.start()], f"{whole[: found.start()]}/{{{found[1]}}}"]


def _answering(trigger: HttpTrigger, worker: Worker) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        if trigger.keyed:
            return Response(status_code=401)
        call = HttpCall(
            method=request.method,
            url=str(request.url),
            headers=dict(request.headers),
            params={name: str(value) for name, value in request.path_params.items()},
            query=dict(request.query_params),
            body=await request.body(),
        )
        reply = await worker.ask(trigger.function, trigger.parameter, call)
        if isinstance(reply, Failure):
            return Response(status_code=500)  # as the real host: empty, the reason is in the log
        return Response(reply.body, status_code=reply.status, headers=dict(reply.headers))

    return answer
