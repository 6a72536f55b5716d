"""Where telemetry goes, and that nobody else's spans, and no SDK before its time, get in."""

import ast
import json
import logging
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from lifecycle import measures, traces
from lifecycle.adapters.telemetry import Sinks, Telemetry, To, telemetry
from lifecycle.errors import Misconfigured
from lifecycle.settings import from_environment
from lifecycle.wiring import Wiring

ROOT = Path(__file__).parents[2]
NEEDED = {
    "ServiceBus__fullyQualifiedNamespace": "x.servicebus.windows.net",
    "LIFECYCLE_RECORDS": "sqlite:////nowhere/records.db",
    "LIFECYCLE_MODEL": str(ROOT / "examples" / "model.yaml"),
    "LIFECYCLE_BODIES": "bodies",
    "LIFECYCLE_SEALS": "seals",
}
INSIGHTS = "InstrumentationKey=00000000-0000-4000-8000-000000000000;IngestionEndpoint=http://127.0.0.1:9/"


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({}, ""),
        ({"LIFECYCLE_TELEMETRY": "off", "APPLICATIONINSIGHTS_CONNECTION_STRING": INSIGHTS}, ""),
        ({"APPLICATIONINSIGHTS_CONNECTION_STRING": INSIGHTS}, "azure"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}, "otlp"),
        ({"APPLICATIONINSIGHTS_CONNECTION_STRING": INSIGHTS, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:1"}, "azure"),
        ({"LIFECYCLE_TELEMETRY": "console"}, "console"),
    ],
)
def test_settings_say_where_to(given, where):
    """Nowhere on a machine, Application Insights or a collector where they are named, the console on request."""
    assert from_environment(NEEDED | given).telemetry_to == where


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"LIFECYCLE_TELEMETRY": "on"}, "LIFECYCLE_TELEMETRY is one of"),
        ({"LIFECYCLE_TELEMETRY": "azure"}, "APPLICATIONINSIGHTS_CONNECTION_STRING"),
        ({"LIFECYCLE_TELEMETRY": "otlp"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT is a URL"),
        ({"LIFECYCLE_TRACED_SHARE": "2"}, "LIFECYCLE_TRACED_SHARE"),
        ({"LIFECYCLE_TRACED_SHARE": "nan"}, "LIFECYCLE_TRACED_SHARE"),
    ],
)
def test_wrong_settings_are_refused(given, named):
    """Each says which one is wrong."""
    with pytest.raises(Misconfigured, match=named):
        from_environment(NEEDED | given)


def test_only_one_module_knows_the_sdk():
    """SDK, exporters and the vendor's distribution are imported by the edge alone, and by it only when it is loaded."""
    found = set()
    for path in [ROOT / "function_app.py", *(ROOT / "lifecycle").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if any(name.startswith(("opentelemetry.sdk", "opentelemetry.exporter", "azure.monitor")) for name in names):
                found.add(path.relative_to(ROOT).as_posix())
    assert found == {"lifecycle/adapters/telemetry.py"}


def test_the_first_message_loads_no_sdk_without_telemetry():
    """All that a first message imports, and neither SDK nor exporter is among it."""
    program = (
        "import sys\nfrom benchmarks.imports import FIRST_MESSAGE\n"
        "for name in FIRST_MESSAGE: __import__(name)\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter', "
        "'azure.monitor'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _in_memory(**options):
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    sinks = Sinks(SimpleSpanProcessor(exporter), reader, logging.NullHandler())
    return Telemetry(sinks, **options), exporter, reader


def test_nobody_else_records_through_it():
    """No global provider is set: what a vendor's library would tell of its URLs goes nowhere."""
    one, exporter, _ = _in_memory()
    one.start()
    try:
        with trace.get_tracer("httpx").start_as_current_span("GET https://graph/users/erika@example.org"):
            metrics.get_meter("azure").create_counter("x").add(1)
            with traces.span("look"):
                pass
        assert [span.name for span in exporter.get_finished_spans()] == ["look"]
        assert not trace.get_tracer_provider().__class__.__module__.startswith("opentelemetry.sdk")
        assert not metrics.get_meter_provider().__class__.__module__.startswith("opentelemetry.sdk")
    finally:
        one.close()


@pytest.mark.parametrize("flags", ["00", "01", "ff"])
def test_a_senders_flags_decide_nothing(flags):
    """Whether a trace is kept follows its id and our share, not what a sender asks for."""
    parent = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-{flags}"}
    for share, kept in ((1.0, 1), (0.0, 0)):
        one, exporter, _ = _in_memory(share=share)
        one.start()
        try:
            with traces.taking("hr", parent):
                pass
            assert len(exporter.get_finished_spans()) == kept
        finally:
            one.close()


def test_closing_leaves_everything_as_it_was():
    """Afterwards nothing is recorded, and the logger has the level and the readers that it had."""
    logger = logging.getLogger("lifecycle")
    before = (logger.level, logger.propagate, list(logger.handlers))
    one, exporter, _ = _in_memory()
    one.start()
    one.close()

    with traces.span("look"):
        measures.count(measures.CHECKS, {"outcome": "done", "bulk": False})
    assert not exporter.get_finished_spans()
    assert (logger.level, logger.propagate, list(logger.handlers)) == before


async def test_wiring_starts_it_once_and_sends_what_is_left_at_the_end(capsys):
    """The console shows spans and the log as lines of JSON, at the end the measures; standard output is untouched."""
    wiring = Wiring(from_environment(NEEDED | {"LIFECYCLE_TELEMETRY": "console"}))
    wiring._observe()
    wiring._observe()
    with traces.span("look", {"lifecycle.person": "E1"}):
        logging.getLogger("lifecycle").info("person E1: seen")
    measures.count(measures.CHECKS, {"outcome": "done", "bulk": False})
    await wiring.close()

    said = capsys.readouterr()
    assert said.out == ""
    log, span, numbers = map(json.loads, said.err.splitlines())
    assert span["name"] == "look"
    assert f"0x{log['trace']}" == span["context"]["trace_id"]
    assert "lifecycle.checks" in json.dumps(numbers)


class _Collector(BaseHTTPRequestHandler):
    """Takes whatever is posted and remembers where."""

    paths: list[str]
    bodies: list[bytes]

    def do_POST(self):
        self.paths.append(self.path)
        self.bodies.append(self.rfile.read(int(self.headers.get("content-length", 0))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def collector():
    """A collector on the loopback address: its URL, the paths that were posted to, and what was posted."""
    handler = type("Handler", (_Collector,), {"paths": [], "bodies": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler.paths, handler.bodies
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_collector_gets_all_three_when_it_is_closed(collector):
    """Spans, measures and the log arrive at the collector's own paths, at the latest at the end."""
    url, paths, bodies = collector
    one = telemetry(To.OTLP, endpoint=f"{url}/")
    one.start()
    with traces.span("look"):
        try:
            int("Erika Mustermann")
        except ValueError:
            logging.getLogger("lifecycle").warning("person E1: seen", exc_info=True)
    measures.count(measures.CHECKS, {"outcome": "done", "bulk": False})
    one.close()

    assert b"Erika" not in b"".join(bodies)
    assert b"person E1: seen" in b"".join(bodies)
    assert set(paths) == {"/v1/traces", "/v1/metrics", "/v1/logs"}


@pytest.mark.slow
def test_application_insights_gets_only_what_is_ours(collector, tmp_path):
    """The vendor's exporters post to the connection string's endpoint; no instrumentation of theirs is loaded."""
    url, paths, _ = collector
    program = (
        "import logging, sys\n"
        "from lifecycle import measures, traces\n"
        "from lifecycle.adapters.telemetry import To, telemetry\n"
        "one = telemetry(To.AZURE, connection=sys.argv[1])\n"
        "one.start()\n"
        "with traces.span('look'):\n"
        "    logging.getLogger('lifecycle').info('person E1: seen')\n"
        "measures.count(measures.CHECKS, {'outcome': 'done', 'bulk': False})\n"
        "one.close()\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry.instrumentation.')])\n"
        "from opentelemetry import trace; print(type(trace.get_tracer_provider()).__name__)\n"
    )
    text = f"InstrumentationKey=00000000-0000-4000-8000-000000000000;IngestionEndpoint={url}/"
    done = subprocess.run(
        [sys.executable, "-c", program, text],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={"HOME": str(tmp_path), "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true"},
    )
    assert done.returncode == 0, done.stderr
    assert paths
    assert "ProxyTracerProvider" in done.stdout
    instrumented = ("httpx", "requests", "urllib", "urllib3", "psycopg2", "django", "fastapi", "flask")
    assert [name for name in instrumented if f"instrumentation.{name}" in done.stdout] == []


def test_a_connection_string_that_cannot_be_read_is_a_wrong_setting():
    """The error names the setting and does not repeat it."""
    with pytest.raises(Misconfigured, match="APPLICATIONINSIGHTS_CONNECTION_STRING") as raised:
        telemetry(To.AZURE, connection="InstrumentationKey=secret")
    assert "secret" not in str(raised.value)
