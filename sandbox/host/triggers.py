"""What each function of the app waits for, with its settings resolved.

This host knows Service Bus queues (one message a call), timers and HTTP; it refuses an app that needs anything else,
rather than leave a function silently asleep.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lifecycle.core import ncrontab
from sandbox.host import settings
from sandbox.host.errors import HostError
from sandbox.host.worker import Function


@dataclass(frozen=True, slots=True)
class QueueTrigger:
    """A function fed by a queue."""

    function: str
    parameter: str
    queue: str
    connection: str
    """The connection string itself."""
    sessions: bool


@dataclass(frozen=True, slots=True)
class TimerTrigger:
    """A function that is due by the clock."""

    function: str
    parameter: str
    schedule: ncrontab.Schedule


@dataclass(frozen=True, slots=True)
class HttpTrigger:
    """A function that answers HTTP at a route (`a/{b}`, a last part `{b?}` may be absent), without the prefix.

    With `keyed` it asks for a function key.
    """

    function: str
    parameter: str
    route: str
    methods: tuple[str, ...]
    keyed: bool = False


type Trigger = QueueTrigger | TimerTrigger | HttpTrigger


def read(functions: Iterable[Function], app_settings: Mapping[str, str]) -> list[Trigger]:
    """Return every function's trigger; raise `HostError` for a setting, schedule or trigger that cannot work here."""
    return [_trigger(function, app_settings) for function in functions]


def _trigger(function: Function, app_settings: Mapping[str, str]) -> Trigger:
    binding = next(binding for binding in function.bindings if str(binding["type"]).endswith("Trigger"))
    others = [one for one in function.bindings if one is not binding]
    if binding["type"] == "httpTrigger" and [one["type"] for one in others] == ["http"]:
        return _http(function.name, binding)
    if others:
        raise HostError(
            f"Function {function.name} has an input or output binding; the sandbox's host runs triggers only."
        )
    match binding["type"]:
        case "serviceBusTrigger":
            return _queue(function.name, binding, app_settings)
        case "timerTrigger":
            return _timer(function.name, binding, app_settings)
        case other:
            raise HostError(
                f"Function {function.name} has a {other}; the sandbox's host runs Service Bus queue, timer and HTTP "
                "triggers."
            )


def _http(function: str, binding: Mapping[str, Any]) -> HttpTrigger:
    keyed = str(binding.get("authLevel", "FUNCTION")).upper() != "ANONYMOUS"
    methods = tuple(str(method).upper() for method in binding.get("methods") or ())
    return HttpTrigger(function, binding["name"], str(binding.get("route") or function), methods, keyed)


def _queue(function: str, binding: Mapping[str, Any], app_settings: Mapping[str, str]) -> QueueTrigger:
    if "queueName" not in binding:
        raise HostError(f"Function {function} reads a topic; the sandbox's broker has queues only.")
    if str(binding.get("cardinality", "ONE")).upper() != "ONE":
        raise HostError(
            f"Function {function} takes many messages a call; with sessions that loses lock renewal. Use one."
        )
    if binding.get("autoCompleteMessages", True) is False:
        raise HostError(f"Function {function} wants to settle messages itself, which the sandbox's host cannot offer.")
    return QueueTrigger(
        function=function,
        parameter=binding["name"],
        queue=settings.resolve(binding["queueName"], app_settings, where=f"Function {function}: queue_name"),
        connection=settings.connection(binding["connection"], app_settings, where=f"Function {function}"),
        sessions=bool(binding.get("isSessionsEnabled", False)),
    )


def _timer(function: str, binding: Mapping[str, Any], app_settings: Mapping[str, str]) -> TimerTrigger:
    expression = settings.resolve(binding["schedule"], app_settings, where=f"Function {function}: schedule")
    try:
        return TimerTrigger(function, binding["name"], ncrontab.parse(expression))
    except ValueError as error:
        raise HostError(f"Function {function}: {error}") from None
