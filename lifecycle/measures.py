"""Every number that the app reports of itself: its name, unit, meaning and what it is told apart by. No others exist.

Names follow OpenTelemetry's conventions; `docs/telemetry.md` has them in a table. What they are told apart by has few
values each (a type, an outcome, a path's template), never an id. Only OpenTelemetry's API is used; without a meter
(`adapters.telemetry` makes one) nothing is recorded or paid for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from opentelemetry.metrics import Counter, Histogram, Meter

type Value = str | int | float | bool

NOTHING: Mapping[str, Value] = {}
"""What a measure without parts is told apart by."""


class Kind(StrEnum):
    """How the values of a measure are put together: added up, spread over buckets, or the last one."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Measure:
    """One number: its name, kind, unit (UCUM, as OpenTelemetry writes it), meaning, and what it is told apart by."""

    name: str
    kind: Kind
    unit: str
    says: str
    by: tuple[str, ...] = ()


def _counter(name: str, unit: str, says: str, *by: str) -> Measure:
    return Measure(name, Kind.COUNTER, unit, says, by)


def _seconds(name: str, says: str, *by: str) -> Measure:
    return Measure(name, Kind.HISTOGRAM, "s", says, by)


def _gauge(name: str, unit: str, says: str, *by: str) -> Measure:
    return Measure(name, Kind.GAUGE, unit, says, by)


_GRAPH = ("http.request.method", "url.template")

EVENTS = _counter(
    "lifecycle.events",
    "{event}",
    "Messages from outside that were taken in: stored, repeated (known already), set_aside, again (sent once more)",
    "type",
    "outcome",
)
CHECKS = _counter(
    "lifecycle.checks",
    "{check}",
    "Checks of a person: done, lost (another was at it), again (to be tried later), set_aside, defect",
    "outcome",
    "bulk",
)
SET_ASIDE = _counter("lifecycle.set_aside", "{message}", "Messages that were set aside", "queue")
HOLDS = _counter(
    "lifecycle.holds", "{plan}", "Plans that the guard withheld (held) or that were approved (released)", "outcome"
)
REQUESTS = _counter(
    "lifecycle.requests",
    "{request}",
    "Assignment requests by what came of posting them: submitted, open (there was one), unknown, not_sent, refused",
    "kind",
    "outcome",
)
ENDED = _counter(
    "lifecycle.requests.ended",
    "{request}",
    "Requests that ended: delivered, failed, late (of no matter by then)",
    "kind",
    "outcome",
)
EVENT_DELAY = _seconds(
    "lifecycle.event.delay", "From what was said of a person to the first request because of it; not for bulk work"
)
DELIVERY = _seconds("lifecycle.delivery.duration", "From a request to its delivery", "kind")
DEPROVISION = _seconds(
    "lifecycle.deprovision.delay",
    "From when a leaver's access was to end, or HR said so, to the delivery of its removal",
)
GRAPH_CALLS = _seconds(
    "lifecycle.graph.duration", "Calls to Graph, their retries included", *_GRAPH, "http.response.status_code"
)
GRAPH_RETRIES = _counter("lifecycle.graph.retries", "{attempt}", "Attempts at a call to Graph after the first", *_GRAPH)
GRAPH_THROTTLED = _counter("lifecycle.graph.throttled", "{attempt}", "Attempts that Graph answered with 429", *_GRAPH)
PUT_OFF = _counter("lifecycle.pace.put_off", "{request}", "Requests that were put off because their turn was not near")
WAKE_LATE = _seconds("lifecycle.wakeup.delay", "How late somebody who was due was asked for by the wake timer")
DRIFT_ROWS = _counter(
    "lifecycle.drift.rows", "{row}", "Rows that a sweep found to differ from what is justified", "kind"
)
COMPARED = _counter(
    "lifecycle.drift.compared", "{package}", "Packages whose rows a sweep compared to the last, with or without a find"
)
BUDGET_USED = _gauge("lifecycle.budget.used", "{request}", "Requests of the rolling quarter", "whose")
BUDGET_LEFT = _gauge("lifecycle.budget.left", "{request}", "Requests that are left of the quarter's")
NOTICES = _counter("lifecycle.notices", "{notice}", "Notices that were sent", "type")
TIMERS = _seconds(
    "lifecycle.timer.duration", "Runs of a timer: done, or the class of what went wrong", "timer", "outcome"
)

ALL = tuple(value for value in list(globals().values()) if isinstance(value, Measure))
"""Every measure there is."""


class _Recording:
    """Who records, for the process: an instrument for each measure."""

    instruments: Mapping[str, object] | None = None


def record_with(meter: Meter | None) -> None:
    """Let this meter record from now on; None: nobody."""
    _Recording.instruments = None if meter is None else {one.name: _made(meter, one) for one in ALL}


def count(measure: Measure, by: Mapping[str, Value] = NOTHING, *, many: int = 1) -> None:
    """Add to a counter."""
    instruments = _Recording.instruments
    if instruments is None:
        return
    instrument = instruments[measure.name]
    assert isinstance(instrument, Counter)  # noqa: S101 - made from the same measure
    instrument.add(many, by)


def took(measure: Measure, span: timedelta | float, by: Mapping[str, Value] = NOTHING) -> None:
    """Note how long something took, seconds if it is a number; never less than nothing, as clocks differ."""
    instruments = _Recording.instruments
    if instruments is None:
        return
    instrument = instruments[measure.name]
    assert isinstance(instrument, Histogram)  # noqa: S101 - made from the same measure
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    instrument.record(max(0.0, seconds), by)


def stands(measure: Measure, value: float, by: Mapping[str, Value] = NOTHING) -> None:
    """Note how much there is of something now."""
    instruments = _Recording.instruments
    if instruments is not None:
        instruments[measure.name].set(value, by)  # type: ignore[attr-defined]  # the API has no public name for a gauge


def _made(meter: Meter, measure: Measure) -> object:
    match measure.kind:
        case Kind.COUNTER:
            return meter.create_counter(measure.name, measure.unit, measure.says)
        case Kind.HISTOGRAM:
            return meter.create_histogram(
                measure.name, measure.unit, measure.says, explicit_bucket_boundaries_advisory=_BUCKETS
            )
        case Kind.GAUGE:
            return meter.create_gauge(measure.name, measure.unit, measure.says)


_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600)
"""From a quick call to Graph to a week: one scale, so that every duration reads alike."""
