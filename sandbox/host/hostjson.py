"""host.json: read, checked, and reduced to what this host obeys.

The keys are those of Service Bus extension 5. An unknown key is refused: the real host ignores it, and a misspelt
limit would show only under load.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from os import process_cpu_count
from pathlib import Path
from typing import Annotated, Any

import msgspec

from sandbox.host.errors import HostError

_TIMESPAN = re.compile(r"(?:(\d+)\.)?([01]?\d|2[0-3]):([0-5]?\d):([0-5]?\d)(?:\.(\d{1,7}))?")
_CALLS_PER_CORE = 16
_OVERRIDE = "AzureFunctionsJobHost__"

type _Positive = Annotated[int, msgspec.Meta(ge=1)]
type _Natural = Annotated[int, msgspec.Meta(ge=0)]


class _ServiceBus(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """`extensions.serviceBus`, with the defaults of `ServiceBusOptions.cs` in azure-sdk-for-net."""

    max_concurrent_sessions: _Positive = 8
    max_concurrent_calls: _Positive | None = None
    max_concurrent_calls_per_session: _Positive = 1
    session_idle_timeout: str = "00:01:00"
    max_auto_lock_renewal_duration: str = "00:05:00"
    auto_complete_messages: bool = True
    prefetch_count: _Natural = 0
    max_message_batch_size: _Positive = 1000
    min_message_batch_size: _Positive = 1
    max_batch_wait_time: str = "00:00:30"
    enable_cross_entity_transactions: bool = False
    transport_type: str = "amqpTcp"
    client_retry_options: dict[str, object] = {}
    web_proxy: str | None = None


class _Http(msgspec.Struct, rename="camel", frozen=True):
    """`extensions.http`; the default prefix is the real host's."""

    route_prefix: str = "api"


class _Extensions(msgspec.Struct, rename="camel", frozen=True):
    http: _Http = _Http()
    service_bus: _ServiceBus = _ServiceBus()


class _File(msgspec.Struct, rename="camel", frozen=True):
    version: str
    function_timeout: str | None = None
    extensions: _Extensions = _Extensions()


@dataclass(frozen=True, slots=True)
class HostOptions:
    """The limits this host keeps."""

    sessions: int
    """How many sessions are open at once, for each function."""
    calls: int
    """How many messages of a queue without sessions are in hand at once, for each function."""
    session_idle: timedelta
    """How long a session is held after its last message."""
    lock_renewal: timedelta
    """How long the lock of a message or of a session is renewed."""
    route_prefix: str = "api"
    """What every HTTP function's route begins with; may be empty."""


def read(app: Path, settings: Mapping[str, str]) -> HostOptions:
    """Read `host.json` in the app's folder; raise `HostError` when it is absent or would not do what it says.

    A setting such as `AzureFunctionsJobHost__extensions__serviceBus__maxConcurrentSessions` outranks the file, as in
    the real host (app settings reference, "AzureFunctionsJobHost__*").
    """
    path = app / "host.json"
    try:
        content = path.read_bytes()
        msgspec.json.decode(content, type=_File)
        file = msgspec.convert(_overridden(msgspec.json.decode(content), settings), _File, strict=False)
    except FileNotFoundError:
        raise HostError(f"{path} does not exist. A function app needs a host.json beside function_app.py.") from None
    except msgspec.MsgspecError as error:
        raise HostError(f"{path} is not a host.json this host accepts: {error}") from None
    if file.version != "2.0":
        raise HostError(f"{path}: version is {file.version!r}; Functions 4 needs '2.0'")
    if file.function_timeout not in {None, "-1"}:
        _timespan(str(file.function_timeout), "functionTimeout", path)
    return replace(_options(file.extensions.service_bus, path), route_prefix=file.extensions.http.route_prefix)


def _overridden(content: dict[str, Any], settings: Mapping[str, str]) -> dict[str, Any]:
    for name in settings:
        if name.startswith(_OVERRIDE):
            *parents, last = name.removeprefix(_OVERRIDE).split("__")
            section = content
            for parent in parents:
                section = section.setdefault(parent, {})
            section[last] = settings[name]
    return content


def _options(bus: _ServiceBus, path: Path) -> HostOptions:
    if bus.max_concurrent_calls_per_session != 1:
        raise HostError(f"{path}: maxConcurrentCallsPerSession above 1 gives up the order in a session; remove it")
    if not bus.auto_complete_messages:
        raise HostError(f"{path}: autoCompleteMessages false needs settlement from Python, which this host lacks")
    return HostOptions(
        sessions=bus.max_concurrent_sessions,
        calls=bus.max_concurrent_calls or _CALLS_PER_CORE * (process_cpu_count() or 1),
        session_idle=_timespan(bus.session_idle_timeout, "sessionIdleTimeout", path),
        lock_renewal=_timespan(bus.max_auto_lock_renewal_duration, "maxAutoLockRenewalDuration", path),
    )


def _timespan(text: str, key: str, path: Path) -> timedelta:
    """Read .NET's `[d.]hh:mm:ss[.fffffff]`, which is how host.json writes durations."""
    match = _TIMESPAN.fullmatch(text)
    if match is None:
        raise HostError(f"{path}: {key} is {text!r}; write a duration as hh:mm:ss, such as 00:00:30")
    days, hours, minutes, seconds, fraction = match.groups(default="0")
    return timedelta(days=int(days), hours=int(hours), minutes=int(minutes), seconds=float(f"{seconds}.{fraction}"))
