"""The log is one line of JSON a record, whatever an id from outside is made of."""

import io
import json
import logging

import pytest

from lifecycle import traces
from lifecycle.adapters.lines import Lines
from lifecycle.traces import shown

HOSTILE = {
    "new line": 'E1\n{"at": "now", "level": "info", "message": "all is well"}',
    "carriage return": "E1\rperson E2: all is well",
    "escape": "E1\x1b[2K\x1b[1Aall is well",
    "right to left": "E1\u202e\u2066txe.nigol",
    "line separator": "E1\u2028forged\u2029\x85",
    "quote": 'E1", "level": "debug',
    "null": "E1\x00",
    "invisible": "E\u200b1\ufeff",
    "lone surrogate": "E1\ud800",
    "long": "E" * 100_000,
}


@pytest.fixture
def log():
    """A logger that no other handler hears (not all of them can write down a lone surrogate), and what it wrote."""
    stream, logger = io.StringIO(), logging.Logger("lifecycle.test_lines")  # noqa: LOG001 - a stray one, on purpose
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines())
    logger.addHandler(handler)
    return logger, stream


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_id_forges_no_line(log, text):
    """One record is one line of printable ASCII, and reads back as what it was."""
    logger, stream = log
    logger.warning("person %s: tried again later", text)

    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    assert lines[0].isascii()
    assert lines[0].isprintable()
    said = json.loads(lines[0])
    assert said["level"] == "warning"
    assert f"person {text}".startswith(said["message"].removesuffix(": tried again later")[:4000])


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_id_stands_in_a_span_as_it_is_spelled(recorded, text):
    """An attribute is cut, and what is invisible or turns text around is spelled out."""
    with traces.span("look", {"lifecycle.person": text}):
        traces.note("lifecycle.cause", text)

    (span,) = recorded.spans
    for value in span.attributes.values():
        assert value.isprintable()
        assert len(value) <= 200
        assert value.startswith("E")


def test_a_plain_id_stands_as_it_is():
    """Letters of any script are no marks."""
    assert shown("Łukasz-7 ñ 李") == "Łukasz-7 ñ 李"


def test_a_line_says_which_trace_it_belongs_to(log, recorded):
    """Inside a span its ids are on the line, outside there are none."""
    logger, stream = log
    logger.warning("outside")
    with traces.span("look") as span:
        logger.warning("inside")

    outside, inside = map(json.loads, stream.getvalue().splitlines())
    assert "trace" not in outside
    assert inside["trace"] == f"{span.get_span_context().trace_id:032x}"
    assert inside["span"] == f"{span.get_span_context().span_id:016x}"


def test_an_exception_is_told_by_its_class(log):
    """Its text and its stack stay out: they may hold more than ids."""
    logger, stream = log
    try:
        int("Erika Mustermann")
    except ValueError:
        logger.exception("person E1: a defect")

    said = json.loads(stream.getvalue())
    assert said["error"] == "ValueError"
    assert "Erika" not in stream.getvalue()
