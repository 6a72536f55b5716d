"""Telemetry that stays in memory: what was recorded while a test ran, and nothing global."""

import contextlib
from collections.abc import Iterator

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from lifecycle import measures, traces


class Recording:
    """Spans that ended, in that order, and the measures' points by name."""

    def __init__(self) -> None:
        self._exporter, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers, self.meters = TracerProvider(), MeterProvider([self._reader])
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        """The spans of that name, in the order in which they ended."""
        return [span for span in self.spans if span.name == name]

    def clear(self) -> None:
        self._exporter.clear()

    @property
    def numbers(self) -> dict[str, list]:
        """The points of each measure that was recorded: their attributes and value, or count and sum."""
        data = self._reader.get_metrics_data()
        found: dict[str, list] = {}
        for resource in data.resource_metrics if data is not None else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found.setdefault(metric.name, []).extend(metric.data.data_points)
        return found


@contextlib.contextmanager
def recording() -> Iterator[Recording]:
    """Record inside the block."""
    one = Recording()
    traces.record_with(one.tracers.get_tracer("lifecycle"))
    measures.record_with(one.meters.get_meter("lifecycle"))
    try:
        yield one
    finally:
        traces.record_with(None)
        measures.record_with(None)


def trace_of(span: ReadableSpan) -> str:
    return f"{span.context.trace_id:032x}"


def parent_of(span: ReadableSpan) -> str:
    return "" if span.parent is None else f"{span.parent.span_id:016x}"


def id_of(span: ReadableSpan) -> str:
    return f"{span.context.span_id:016x}"


def links_of(span: ReadableSpan) -> set[str]:
    """The spans it is linked to, as trace and span."""
    return {f"{link.context.trace_id:032x}-{link.context.span_id:016x}" for link in span.links}


def called(span: ReadableSpan) -> str:
    """A span as a link names it."""
    return f"{trace_of(span)}-{id_of(span)}"
