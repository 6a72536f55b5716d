"""One event is one trace across the real broker, the real worker library and the Graph simulator."""

import json
from datetime import timedelta

import pytest

from sandbox.sandbox import Sandbox, SandboxOptions
from tests.sandbox.test_whole_app import joined, send

pytestmark = pytest.mark.slow

TRACE = "0af7651916cd43dd8448eb211c80319c"


def spans_in(log):
    """The spans that the app wrote to its console, by their trace."""
    found = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        if line.startswith('{"name"'):
            span = json.loads(line)
            found.setdefault(span["context"]["trace_id"].removeprefix("0x"), []).append(span)
    return found


async def test_an_event_is_one_trace_over_amqp(tmp_path):
    """From HR's own trace over two queues and a scheduled message to the POST and its delivery; parents are there."""
    settings = {"LIFECYCLE_TELEMETRY": "console"}
    async with Sandbox(SandboxOptions(records=tmp_path, settings=settings)) as sandbox:
        event = joined("e1", "E1002") | {"traceparent": f"00-{TRACE}-b7ad6b7169203331-00"}
        await send(sandbox, "hr", event)
        await sandbox.idle()
        await sandbox.advance(timedelta(minutes=4))

    spans = spans_in(tmp_path / "functions.log")
    ours = spans[TRACE]
    ids = {span["context"]["span_id"]: span for span in ours}
    by_name = {}
    for span in ours:
        by_name.setdefault(span["name"], []).append(span)
    (taken,) = by_name["process hr"]
    assert taken["parent_id"] == "0xb7ad6b7169203331"
    first, *later = by_name["process work"]
    assert first["parent_id"] == taken["context"]["span_id"]
    assert later, "the request is followed in the same trace"
    assert all(span["parent_id"] in ids for span in ours if span is not taken)
    (post,) = [span for name in by_name for span in by_name[name] if name.startswith("POST ")]
    apply = ids[post["parent_id"]]
    assert apply["name"] == "apply adminAdd"
    assert ids[apply["parent_id"]] is first
    assert post["attributes"]["http.response.status_code"] == 201
    assert post["attributes"]["lifecycle.graph.request_id"]
    assert "send notices" in by_name
    assert {name for trace in spans.values() for name in (span["name"] for span in trace)} <= {
        *by_name,
        "timer wake",
        "timer drift",
        "timer overview",
        "process sweeps",
        "send sweeps",
        "send work",
    }
    told = json.dumps(spans)
    assert "@" not in told
    assert "$filter" not in told
