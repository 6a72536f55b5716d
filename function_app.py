"""The triggers: each translates, calls one verb, and lets an exception mean "deliver again".

Everything is made at the first invocation, inside the worker's event loop; indexing this file connects to nothing.
"""

import os
from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING

import azure.functions as func

from lifecycle.ports import Ports, Queue
from lifecycle.settings import from_environment
from lifecycle.wiring import Wiring

if TYPE_CHECKING:
    from lifecycle.dashboard import Page
    from lifecycle.overview import Glance

app = func.FunctionApp()


@cache
def wiring() -> Wiring:
    """Return this process's adapters."""
    return Wiring(from_environment(os.environ))


@cache
def glance() -> "Glance":
    """Return this process's look at what was set aside."""
    from lifecycle.overview import Glance  # noqa: PLC0415 - as below

    return Glance(wiring().bus)


async def _intake(queue: Queue, message: func.ServiceBusMessage) -> None:
    from lifecycle.intake import intake  # noqa: PLC0415 - indexing has ten seconds; verbs load at the first message

    await intake(queue, message.get_body(), await wiring().ports(), message.application_properties or {})


async def _work(queue: Queue, message: func.ServiceBusMessage) -> None:
    from lifecycle.attend import work  # noqa: PLC0415 - as above

    carried, ports = message.application_properties or {}, await wiring().ports()
    await work(message.get_body(), ports, queue=queue, session=message.session_id, carried=carried)


async def _timed(timer: str, work: Callable[[Ports], Awaitable[object]]) -> None:
    from lifecycle.sweep import timed  # noqa: PLC0415 - as above

    await timed(timer, work, await wiring().ports())


@app.function_name("hr")
@app.service_bus_queue_trigger(arg_name="message", queue_name="%HR_QUEUE%", connection="ServiceBus", cardinality="one")
async def hr(message: func.ServiceBusMessage) -> None:
    """Take in one event about a worker."""
    await _intake(Queue.HR, message)


@app.function_name("projects")
@app.service_bus_queue_trigger(
    arg_name="message", queue_name="%PROJECTS_QUEUE%", connection="ServiceBus", cardinality="one"
)
async def projects(message: func.ServiceBusMessage) -> None:
    """Take in one event about a project."""
    await _intake(Queue.PROJECTS, message)


@app.function_name("decisions")
@app.service_bus_queue_trigger(
    arg_name="message", queue_name="%DECISIONS_QUEUE%", connection="ServiceBus", cardinality="one"
)
async def decisions(message: func.ServiceBusMessage) -> None:
    """Take in one decision: a renewal, an exception, a freeze, a link."""
    await _intake(Queue.DECISIONS, message)


@app.function_name("work")
@app.service_bus_queue_trigger(
    arg_name="message",
    queue_name="%WORK_QUEUE%",
    connection="ServiceBus",
    is_sessions_enabled=True,
    cardinality="one",
)
async def work(message: func.ServiceBusMessage) -> None:
    """Look at one person; the session is the person."""
    await _work(Queue.WORK, message)


@app.function_name("sweeps")
@app.service_bus_queue_trigger(
    arg_name="message", queue_name="%SWEEPS_QUEUE%", connection="ServiceBus", cardinality="one"
)
async def sweeps(message: func.ServiceBusMessage) -> None:
    """Do one slice of bulk work."""
    await _work(Queue.SWEEPS, message)


@app.function_name("wake")
@app.timer_trigger(arg_name="timer", schedule="%WAKE_SCHEDULE%", run_on_startup=False, use_monitor=True)
async def wake(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's name
    """Ask for a look at everybody who is due before the next tick; then gather the overview for the dashboard."""
    from lifecycle.overview import gather  # noqa: PLC0415 - as above
    from lifecycle.sweep import wake as wake_the_due  # noqa: PLC0415 - as above

    await _timed("wake", wake_the_due)
    await _timed("overview", lambda ports: gather(ports, glance()))


@app.function_name("drift")
@app.timer_trigger(arg_name="timer", schedule="%DRIFT_SCHEDULE%", run_on_startup=False, use_monitor=True)
async def drift(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's name
    """Begin the nightly comparison with the directory."""
    from lifecycle.drift import drift as begin  # noqa: PLC0415 - as above

    await _timed("drift", begin)


@app.function_name("seal")
@app.timer_trigger(arg_name="timer", schedule="%SEAL_SCHEDULE%", run_on_startup=False, use_monitor=True)
async def seal(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's name
    """Seal the ledger."""
    from lifecycle.seal import seal as make  # noqa: PLC0415 - as above

    await _timed("seal", make)


async def _shown(request: func.HttpRequest, page: "Page") -> func.HttpResponse:
    from lifecycle.dashboard import Asked, answer  # noqa: PLC0415 - as above

    asked = Asked(request.url, dict(request.headers), {**request.params, **request.route_params})
    told = await answer(page, asked, wiring().settings, wiring().records, wiring().clock)
    return func.HttpResponse(told.body, status_code=told.status, headers=dict(told.headers))


@app.function_name("dashboard")
@app.route(route="dashboard", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS, trigger_arg_name="request")
async def dashboard(request: func.HttpRequest) -> func.HttpResponse:
    """Show the overview; who may see it, `lifecycle.dashboard` decides."""
    return await _shown(request, "overview")


@app.function_name("dashboard_person")
@app.route(
    route="dashboard/person/{id?}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS, trigger_arg_name="request"
)
async def dashboard_person(request: func.HttpRequest) -> func.HttpResponse:
    """Show one person, by the id in the path or in the query."""
    return await _shown(request, "person")


@app.function_name("dashboard_static")
@app.route(
    route="dashboard/static/{name}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS, trigger_arg_name="request"
)
async def dashboard_static(request: func.HttpRequest) -> func.HttpResponse:
    """Serve a file that the pages need."""
    return await _shown(request, "static")


@app.function_name("bamboohr")
@app.route(route="notices/bamboohr", methods=["POST"], auth_level=func.AuthLevel.FUNCTION, trigger_arg_name="request")
async def bamboohr(request: func.HttpRequest) -> func.HttpResponse:
    """Hear a webhook of BambooHR's; without its settings there is nothing here (404)."""
    from lifecycle.notice import hear  # noqa: PLC0415 - as above

    status = await hear(dict(request.headers), request.get_body(), await wiring().ports())
    return func.HttpResponse(status_code=status)
