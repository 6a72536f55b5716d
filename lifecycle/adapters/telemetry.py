"""Where traces, measures and the log go: Application Insights, an OpenTelemetry collector, or standard error.

The one module that knows OpenTelemetry's SDK and its exporters, loaded only when there is somewhere to send to. No
global provider is set and nothing is instrumented by itself: vendors' spans hold URLs, and those hold principal names,
so nobody but `lifecycle.traces` and `lifecycle.measures` gets a tracer or a meter. Errors of exporting stay here: they
are logged by the SDK and cost the app nothing else.
"""

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from opentelemetry._logs import SeverityNumber
from opentelemetry.context import get_current
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from lifecycle import measures, traces
from lifecycle.adapters.lines import LOGGER, LONGEST, Lines
from lifecycle.errors import Misconfigured

SERVICE = "lifecycle"
_SEVERITIES = {
    logging.DEBUG: SeverityNumber.DEBUG,
    logging.INFO: SeverityNumber.INFO,
    logging.WARNING: SeverityNumber.WARN,
    logging.ERROR: SeverityNumber.ERROR,
    logging.CRITICAL: SeverityNumber.FATAL,
}


class To(StrEnum):
    """Where to."""

    AZURE = "azure"
    OTLP = "otlp"
    CONSOLE = "console"


@dataclass(frozen=True, slots=True)
class Sinks:
    """What takes spans, measures and the log's records of a process."""

    spans: SpanProcessor
    numbers: MetricReader
    log: logging.Handler
    close_log: Callable[[], None] = lambda: None


class Telemetry:
    """Telemetry of this process, from `start` on until `close`."""

    def __init__(self, sinks: Sinks, *, share: float = 1.0, resource: Resource | None = None) -> None:
        resource = resource or _resource()
        # By the trace's id alone: what a sender's flags ask for neither hides a trace nor makes one be kept.
        self._tracers = TracerProvider(sampler=TraceIdRatioBased(share), resource=resource)
        self._tracers.add_span_processor(sinks.spans)
        self._meters = MeterProvider([sinks.numbers], resource=resource)
        self._sinks = sinks
        self._logger = logging.getLogger(LOGGER)
        self._before = (self._logger.level, self._logger.propagate)

    def start(self) -> None:
        """Record from now on. The log goes there alone, so that nobody reads it twice."""
        traces.record_with(self._tracers.get_tracer(SERVICE))
        measures.record_with(self._meters.get_meter(SERVICE))
        self._logger.addHandler(self._sinks.log)
        self._logger.setLevel(logging.INFO)
        self._logger.propagate = False

    def close(self) -> None:
        """Record no more, and send what was not sent yet; that may take some seconds."""
        traces.record_with(None)
        measures.record_with(None)
        self._logger.removeHandler(self._sinks.log)
        level, self._logger.propagate = self._before
        self._logger.setLevel(level)
        self._tracers.shutdown()
        self._meters.shutdown()
        self._sinks.close_log()


def telemetry(to: To, *, connection: str = "", endpoint: str = "", share: float = 1.0) -> Telemetry:
    """Return the telemetry, not yet started.

    `connection` is Application Insights' connection string, `endpoint` a collector's base URL (OTLP over HTTP); `share`
    is the part of the traces that is kept. Raises `Misconfigured` for a connection string that cannot be read.
    """
    match to:
        case To.AZURE:
            sinks = _azure(connection)
        case To.OTLP:
            sinks = _otlp(endpoint)
        case To.CONSOLE:
            sinks = _console()
    return Telemetry(sinks, share=share)


def _resource() -> Resource:
    return Resource.create({"service.name": SERVICE})


def _azure(connection: str) -> Sinks:
    """Return the vendor's exporters without its distribution, which sets global providers and instruments libraries.

    A managed identity is used when `APPLICATIONINSIGHTS_AUTHENTICATION_STRING` says so; the exporters read it.
    """
    from azure.monitor.opentelemetry.exporter import (  # noqa: PLC0415 - a tenth of a second, for this alone
        AzureMonitorLogExporter,
        AzureMonitorMetricExporter,
        AzureMonitorTraceExporter,
    )

    options = {"connection_string": connection, "disable_offline_storage": True}  # an instance's disk goes with it
    try:
        spans, numbers, records = (
            AzureMonitorTraceExporter(**options),
            AzureMonitorMetricExporter(**options),
            AzureMonitorLogExporter(**options),
        )
    except ValueError as error:  # its text repeats the string, which may hold a key
        raise Misconfigured(
            "APPLICATIONINSIGHTS_CONNECTION_STRING is not one of Application Insights; copy it again from the resource"
        ) from error
    log, close = _shipped(records)
    return Sinks(BatchSpanProcessor(spans), PeriodicExportingMetricReader(numbers), log, close)


def _otlp(endpoint: str) -> Sinks:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter  # noqa: PLC0415 - as above
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415 - as above
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - as above

    base = endpoint.rstrip("/")
    log, close = _shipped(OTLPLogExporter(endpoint=f"{base}/v1/logs"))
    return Sinks(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{base}/v1/traces")),
        PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=f"{base}/v1/metrics")),
        log,
        close,
    )


def _shipped(exporter: LogRecordExporter) -> tuple[logging.Handler, Callable[[], None]]:
    provider = LoggerProvider(resource=_resource())
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    return _Shipping(provider), provider.shutdown


class _Shipping(logging.Handler):
    """Hands the log's records on: the message and, of an error, its class; not its text and stack, as others would."""

    def __init__(self, provider: LoggerProvider) -> None:
        super().__init__()
        self._to = provider.get_logger(LOGGER)

    def emit(self, record: logging.LogRecord) -> None:
        """Hand one record on, with the trace it belongs to."""
        error = record.exc_info[0] if record.exc_info is not None else None
        self._to.emit(
            timestamp=int(record.created * 1e9),
            context=get_current(),
            severity_number=_SEVERITIES.get(record.levelno, SeverityNumber.INFO),
            severity_text=record.levelname,
            body=record.getMessage()[:LONGEST],
            attributes={"logger": record.name} | ({} if error is None else {"error.type": error.__name__}),
        )


def _console() -> Sinks:
    """Return what writes lines of JSON to standard error; standard output is a command's own."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    numbers = ConsoleMetricExporter(sys.stderr, lambda data: data.to_json(indent=None) + "\n")
    return Sinks(
        SimpleSpanProcessor(ConsoleSpanExporter(out=sys.stderr, formatter=_line_of)),
        PeriodicExportingMetricReader(numbers),
        handler,
    )


def _line_of(span: ReadableSpan) -> str:
    return f"{span.to_json(indent=None)}\n"
