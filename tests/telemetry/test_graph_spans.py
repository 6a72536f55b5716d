"""What a trace says of a call to Graph: which kind, how it ended, both ids; never whom it was about."""

import httpx
import pytest
from opentelemetry.trace import SpanKind, StatusCode

from lifecycle import traces
from lifecycle.adapters.graph import GraphUsers
from lifecycle.adapters.graph.permissions import ASSIGNMENTS, REQUEST, REQUESTS, USERS
from lifecycle.adapters.graph.wire import assignments, request
from lifecycle.errors import Ambiguous, Refused, Throttled, Transient
from tests.adapters.graph.script import BASE, EM, Script, created, error, page
from tests.fakes.recording import parent_of

NAME = "erika.mustermann@example.org"


async def test_a_call_is_a_span_of_its_own_under_what_makes_it(recorded):
    """Named by method and path template, with status and both request ids; its parent is whoever calls."""
    with traces.span("look") as look:
        await Script(created()).client().post(REQUESTS, b"{}", token="tok-1")

    call, _ = recorded.spans
    assert (call.name, call.kind) == (f"POST {REQUESTS}", SpanKind.CLIENT)
    assert parent_of(call) == f"{look.get_span_context().span_id:016x}"
    assert dict(call.attributes) == {
        "http.request.method": "POST",
        "url.template": REQUESTS,
        "http.response.status_code": 201,
        "http.request.resend_count": 0,
        "lifecycle.graph.throttled": False,
        "lifecycle.graph.request_id": "rid-1",
        "lifecycle.graph.client_request_id": "tok-1",
    }


async def test_repetitions_are_counted_in_the_one_span(recorded):
    """Two 429 and an answer are one call that was repeated twice and throttled."""
    script = Script(error(429, retry_after="1"), error(429, retry_after="1"), page())
    await script.client().rows(ASSIGNMENTS, assignments)

    (call,) = recorded.spans
    assert call.attributes["http.request.resend_count"] == 2
    assert call.attributes["lifecycle.graph.throttled"] is True
    assert call.attributes["http.response.status_code"] == 200
    assert call.status.status_code is StatusCode.UNSET
    numbers = recorded.numbers
    assert [point.value for point in numbers["lifecycle.graph.retries"]] == [2]
    assert [point.value for point in numbers["lifecycle.graph.throttled"]] == [2]


@pytest.mark.parametrize(
    ("step", "raised", "status"),
    [
        (error(403, "accessDenied"), Refused, 403),
        (error(429, retry_after="99999"), Throttled, 429),
        (httpx.ConnectError("no route to erika"), Transient, 0),
    ],
)
async def test_a_call_that_fails_says_how(recorded, step, raised, status):
    """The error's class and the last status, 0 when there was no answer; no text of Graph's, no stack."""
    with pytest.raises(raised):
        await Script(*[step] * 4).client().get(REQUEST, request, ids={"id": "rq-1"})

    (call,) = recorded.spans
    assert call.status.status_code is StatusCode.ERROR
    assert call.attributes["error.type"] == raised.__name__
    assert call.attributes["http.response.status_code"] == status
    assert not call.events


async def test_a_post_without_an_answer_is_an_error_of_its_trace(recorded):
    """Nobody knows whether it was done, and the span says so by the class."""
    with pytest.raises(Ambiguous):
        await Script(httpx.ReadTimeout("late")).client().post(REQUESTS, b"{}", token="tok-1")
    assert recorded.spans[0].attributes["error.type"] == "Ambiguous"


async def test_no_span_holds_a_name_a_filter_or_a_link(recorded):
    """A look-up by principal name and a next link with one in it are in no span, and no span but ours is there."""
    link = f"{BASE}/users?$filter=userPrincipalName eq '{NAME}'&$skiptoken={NAME}"
    client = Script(page(), page(next_link=link), page()).client()
    await GraphUsers(client).by_principal_name(NAME)
    await client.rows(ASSIGNMENTS, assignments, ids={"id": "u-1"}, query={"filter": f"target eq '{NAME}'"})

    assert {span.name for span in recorded.spans} == {f"GET {USERS}", f"GET {ASSIGNMENTS}"}
    told = "".join(span.to_json() for span in recorded.spans)
    assert NAME not in told
    assert "filter" not in told
    assert EM.removeprefix("/v1.0") in told  # the template is there
