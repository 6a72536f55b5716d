"""Traces: what belongs to one message, from its arrival to the last call to Graph, and how it travels in messages.

A trace goes beside an event, in the message's application properties: `traceparent` is whose trace the message goes on
with, `tracelink` what asked for it when it begins one of its own (bulk work: a run's checks would be one endless trace
otherwise). A link is handed on, so that every check of a run leads to what began the run. Spans are for messages,
looks, requests and calls, never for rows. Attributes are ids, cut and made printable.

Only OpenTelemetry's API is used here, and only by a tracer of our own: nobody else's spans can get into it, since no
global provider is set. Without a tracer (`adapters.telemetry` makes one) nothing is recorded, carried or paid for.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Link, Span, SpanKind, StatusCode, Tracer, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

CALL = SpanKind.CLIENT
PARENT, STATE, LINK = "traceparent", "tracestate", "tracelink"
NOTHING: Mapping[str, object] = {}
"""What a message carries that has nothing beside its event."""

_LONGEST = 200  # characters of an attribute's value; an id is shorter
_LONGEST_PARENT = 55  # W3C Trace Context, version 00
_LONGEST_STATE = 512  # W3C Trace Context: what must be passed on at least, and nobody needs more

type Value = str | int | float | bool

NOTHING_MORE: Mapping[str, Value] = {}
"""No attributes."""

_propagator = TraceContextTextMapPropagator()
_handed_on: ContextVar[str] = ContextVar("tracelink", default="")


class _Recording:
    """Who records, for the process."""

    tracer: Tracer | None = None


def record_with(tracer: Tracer | None) -> None:
    """Let this tracer record from now on; None: nobody."""
    _Recording.tracer = tracer


@contextmanager
def span(
    name: str, attributes: Mapping[str, Value] = NOTHING_MORE, *, kind: SpanKind = SpanKind.INTERNAL
) -> Iterator[Span]:
    """Record a part of the trace that is under way. `name` is one of few; what differs is in the attributes.

    An error that leaves it is noted by its class alone, as texts and traces of a stack say more than ids.
    """
    tracer = _Recording.tracer
    if tracer is None:
        yield INVALID_SPAN
        return
    with _recorded(tracer, name, attributes, kind, None, []) as one:
        yield one


@contextmanager
def taking(
    queue: str, carried: Mapping[str, object], event: str = "", attributes: Mapping[str, Value] = NOTHING_MORE
) -> Iterator[Span]:
    """Record the handling of one message from `queue`.

    `carried` is what the message has beside its event, `event` the `traceparent` in the event itself, if it has a
    sound one: taken when the message has none. What is not sound is ignored, and a trace begins here.
    """
    tracer = _Recording.tracer
    if tracer is None:
        yield INVALID_SPAN
        return
    asked = _text(carried, LINK, _LONGEST_PARENT)
    token = _handed_on.set(asked)
    about: dict[str, Value] = {
        "messaging.system": "servicebus",
        "messaging.operation.type": "process",
        "messaging.destination.name": queue,
        **attributes,
    }
    parent, links = _origin(carried, event, asked)
    try:
        with _recorded(tracer, f"process {queue}", about, SpanKind.CONSUMER, parent, links) as one:
            yield one
    finally:
        _handed_on.reset(token)


@contextmanager
def sending(queue: str, attributes: Mapping[str, Value] = NOTHING_MORE) -> Iterator[Span]:
    """Record the sending of messages to `queue`, which is a call to the broker."""
    about: dict[str, Value] = {
        "messaging.system": "servicebus",
        "messaging.operation.type": "send",
        "messaging.destination.name": queue,
        **attributes,
    }
    with span(f"send {queue}", about, kind=SpanKind.PRODUCER) as one:
        yield one


def carried() -> dict[str, str]:
    """Return what a message carries that goes on with the trace under way; nothing when none is."""
    carrier: dict[str, str] = {}
    if _Recording.tracer is not None:
        _propagator.inject(carrier)
    return carrier


def linked() -> dict[str, str]:
    """Return what a message carries that begins a trace of its own, linked to what began all this."""
    if _Recording.tracer is None:
        return {}
    at = _handed_on.get() or carried().get(PARENT, "")
    return {LINK: at} if at else {}


def travelling(properties: Mapping[str, object]) -> dict[str, str]:
    """Return of a message's properties those that are its trace, to be given to a message that replaces it."""
    found = {PARENT: _text(properties, PARENT, _LONGEST_PARENT), STATE: _text(properties, STATE, _LONGEST_STATE)}
    found[LINK] = _text(properties, LINK, _LONGEST_PARENT)
    return {name: value for name, value in found.items() if value}


def ids_of_span() -> tuple[str, str]:
    """Return the ids of the trace and span under way as hexadecimal text, empty when there is none."""
    at = get_current_span().get_span_context()
    return (f"{at.trace_id:032x}", f"{at.span_id:016x}") if at.is_valid else ("", "")


def shown(text: str) -> str:
    """Return an id as it may stand in a log or a trace: whatever is invisible or turns text around is spelled out."""
    if text.isascii() and text.isprintable():
        return text[:_LONGEST]
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text[:_LONGEST])[:_LONGEST]


@contextmanager
def _recorded(  # noqa: PLR0917 what the API asks for
    tracer: Tracer,
    name: str,
    attributes: Mapping[str, Value],
    kind: SpanKind,
    parent: Context | None,
    links: list[Link],
) -> Iterator[Span]:
    told = {key: shown(value) if isinstance(value, str) else value for key, value in attributes.items() if value != ""}
    with tracer.start_as_current_span(
        name, parent, kind, told, links, record_exception=False, set_status_on_exception=False
    ) as one:
        try:
            yield one
        except BaseException as error:
            fail(one, error)
            raise


def note(name: str, value: Value) -> None:
    """Note something in the span under way, if one is recorded."""
    if _Recording.tracer is not None:
        get_current_span().set_attribute(name, shown(value) if isinstance(value, str) else value)


def fail(one: Span, error: BaseException) -> None:
    """Note in a span how it failed: by the error's class."""
    one.set_status(StatusCode.ERROR)
    one.set_attribute("error.type", type(error).__name__)


def _origin(carried: Mapping[str, object], event: str, asked: str) -> tuple[Context | None, list[Link]]:
    """Return the context to go on with (None: the invocation's own) and what to link to."""
    if asked:
        at = get_current_span(_extracted(asked, "")).get_span_context()
        return Context(), [Link(at)] if at.is_valid else []
    parent = _text(carried, PARENT, _LONGEST_PARENT)
    found = _extracted(parent, _text(carried, STATE, _LONGEST_STATE)) if parent else _extracted(event, "")
    return (found if get_current_span(found).get_span_context().is_valid else None), []


def _extracted(parent: str, state: str) -> Context:
    return _propagator.extract({PARENT: parent, STATE: state} if state else {PARENT: parent}, Context())


def _text(properties: Mapping[str, object], name: str, longest: int) -> str:
    value = properties.get(name)
    return value if isinstance(value, str) and len(value) <= longest and value.isascii() else ""
