"""An app with the shapes of the real one that writes down what it receives."""

import asyncio
import json
import os
from pathlib import Path

import azure.functions as func

app = func.FunctionApp()


def _note(**entry: object) -> None:
    with Path(os.environ["SEEN"]).open("a") as seen:
        seen.write(json.dumps(entry) + "\n")


async def _message(name: str, message: func.ServiceBusMessage) -> None:
    body = message.get_body().decode()
    _note(
        function=name,
        body=body,
        session=message.session_id,
        id=message.message_id,
        delivery=message.delivery_count,
        properties=message.application_properties,
    )
    if body.startswith("sleep "):
        await asyncio.sleep(float(body.split()[1]))
    if body == "die":
        os._exit(3)
    if body == "poison":
        raise ValueError("poison")
    if body == "env":
        _note(environment=sorted(os.environ))


@app.service_bus_queue_trigger(arg_name="message", queue_name="%HR_QUEUE%", connection="ServiceBus")
async def hr(message: func.ServiceBusMessage) -> None:
    await _message("hr", message)


@app.service_bus_queue_trigger(arg_name="message", queue_name="%PROJECTS_QUEUE%", connection="ServiceBus")
async def projects(message: func.ServiceBusMessage) -> None:
    await _message("projects", message)


@app.service_bus_queue_trigger(arg_name="message", queue_name="%DECISIONS_QUEUE%", connection="ServiceBus")
async def decisions(message: func.ServiceBusMessage) -> None:
    await _message("decisions", message)


@app.service_bus_queue_trigger(arg_name="message", queue_name="%SWEEPS_QUEUE%", connection="ServiceBus")
async def sweeps(message: func.ServiceBusMessage) -> None:
    await _message("sweeps", message)


@app.service_bus_queue_trigger(
    arg_name="message", queue_name="%WORK_QUEUE%", connection="ServiceBus", is_sessions_enabled=True
)
async def work(message: func.ServiceBusMessage) -> None:
    await _message("work", message)


def _tick(name: str, timer: func.TimerRequest) -> None:
    _note(function=name, past_due=timer.past_due, due=timer.schedule_status["LastUpdated"])


@app.timer_trigger(arg_name="timer", schedule="%WAKE_SCHEDULE%")
async def wake(timer: func.TimerRequest) -> None:
    _tick("wake", timer)


@app.timer_trigger(arg_name="timer", schedule="%DRIFT_SCHEDULE%")
async def drift(timer: func.TimerRequest) -> None:
    _tick("drift", timer)
