"""The app inside the real Python worker library, `azure-functions-runtime`, without protobuf and without gRPC.

The library's five coroutines take any object with the attributes of the worker protocol's messages; the plain classes
below are enough of them. Indexing, argument conversion and error reporting are therefore Microsoft's own code.

The library keeps its state in its module: one app per process.
"""

import logging
import sys
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime
import msgspec

from sandbox.host.errors import HostError

_log = logging.getLogger(__name__)

type Datum = tuple[str, str]
"""A value as the host hands it over: ("string", text) or ("json", text). Python's worker decodes nothing else here."""


@dataclass(frozen=True, slots=True)
class HttpCall:
    """A request as the host hands it over. A header or a query's field that came twice has its last value."""

    method: str
    url: str
    headers: Mapping[str, str]
    params: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What a function answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Message(SimpleNamespace):
    """Any message of the protocol: keywords in, attributes out."""


class _OneOf(_Message):
    """A message that holds one of several fields; `WhichOneof` is protobuf's way to ask which."""

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802  the protocol's spelling
        return next((name for name in vars(self) if name != "name"), None)


class _Status(_Message):
    Failure, Success, Cancelled = 0, 1, 2


class _BindingInfo(_Message):
    undefined, string, binary, stream = 0, 1, 2, 3
    inout = 2


setattr(_BindingInfo, "in", 0)
_BindingInfo.out = 1  # type: ignore[attr-defined]  # beside `in`, which is no attribute name Python can declare


class _Protos:
    """The namespace of constructors that the library expects."""

    BindingInfo = _BindingInfo
    FunctionLoadResponse = FunctionMetadataResponse = InvocationResponse = RpcException = _Message
    RpcFunctionMetadata = RpcRetryOptions = WorkerInitResponse = WorkerMetadata = _Message
    ParameterBinding = TypedData = _OneOf
    RpcHttp = _Message
    StatusResult = _Status


@dataclass(frozen=True, slots=True)
class Function:
    """One function as the library indexed it; `bindings` are the raw ones, with `%SETTING%` unresolved."""

    name: str
    id: str
    bindings: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A function that raised: its message, and the traceback as the library prints it."""

    message: str
    traceback: str


@dataclass(slots=True)
class Worker:
    """The loaded app: its functions, and which of them are running now."""

    functions: Mapping[str, Function]
    running: Counter[str] = field(default_factory=Counter)

    async def invoke(self, name: str, parameter: str, data: Datum, metadata: Mapping[str, Datum]) -> Failure | None:
        """Call a function once and return how it failed, or None. It never raises what the function raised."""
        self.running[name] += 1
        try:
            answer = await self._invoke(self.functions[name], parameter, _typed(data), metadata)
        finally:
            self.running[name] -= 1
            self.running += Counter()  # drops the zeros: what is left is what runs
        return answer if isinstance(answer, Failure) else None

    async def ask(self, name: str, parameter: str, call: HttpCall) -> HttpReply | Failure:
        """Call a function that answers HTTP; it is none of those that `running` counts, for nothing waits for it."""
        http = _Message(
            method=call.method,
            url=call.url,
            headers=call.headers,
            params=call.params,
            query=call.query,
            body=_OneOf(bytes=call.body),
        )
        answer = await self._invoke(self.functions[name], parameter, _OneOf(http=http), {})
        if isinstance(answer, Failure):
            return answer
        reply = answer.http
        content = {} if reply.body is None else vars(reply.body)
        body = content.get("bytes", str(content.get("string", "")).encode())
        return HttpReply(int(reply.status_code), dict(reply.headers), bytes(body))

    async def _invoke(self, function: Function, parameter: str, data: _OneOf, metadata: Mapping[str, Datum]) -> Any:
        request = _Message(
            invocation_id=str(uuid.uuid4()),
            function_id=function.id,
            input_data=[_OneOf(name=parameter, data=data)],
            trigger_metadata={key: _typed(datum) for key, datum in metadata.items()},
            trace_context=_Message(trace_parent="", trace_state="", attributes={}),
            retry_context=_Message(retry_count=0, max_retry_count=0, exception=None),
        )
        answer = await runtime.invocation_request(_Message(request=_Message(invocation_request=request)))
        if answer.result.status == _Status.Success:
            return answer.return_value
        failure = Failure(answer.result.exception.message, answer.result.exception.stack_trace)
        _log.error("function %s failed: %s\n%s", function.name, failure.message, failure.traceback)
        return failure


def _typed(datum: Datum) -> _OneOf:
    kind, text = datum
    return _OneOf(**{kind: text})


async def load(app: Path) -> Worker:
    """Import and index `function_app.py`; raise `HostError` with the library's own words when it does not load."""
    if not (app / "function_app.py").is_file():
        raise HostError(f"{app} holds no function_app.py. Name the folder of a Python v2 function app.")
    sys.path.insert(0, str(app))
    runtime.start_threadpool_executor()
    request = _Message(capabilities={}, function_app_directory=str(app))
    properties = {"protos": _Protos, "host": "127.0.0.1"}
    answer = await runtime.worker_init_request(
        _Message(request=_Message(worker_init_request=request), properties=properties)
    )
    if answer.result.status != _Status.Success:
        error = answer.result.exception
        raise HostError(f"{app / 'function_app.py'} does not load: {error.message}\n{error.stack_trace}")
    metadata = await runtime.functions_metadata_request(_Message(request=None))
    return Worker({found.name: _function(found) for found in metadata.function_metadata_results or ()})


def _function(found: Any) -> Function:
    return Function(found.name, found.function_id, tuple(msgspec.json.decode(raw) for raw in found.raw_bindings))
