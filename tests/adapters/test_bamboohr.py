"""BambooHR: a webhook counts when it is signed and for whom it names alone; an employee is read whole, or it raises."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import JSONResponse, Response

from lifecycle.adapters.bamboohr import ANSWER_LIMIT, ATTEMPTS, BODY_LIMIT, NAMED_LIMIT, BambooHR
from lifecycle.adapters.mapping import parse
from lifecycle.core.events import Status, Worker
from lifecycle.core.snapshot import Entry
from lifecycle.errors import MalformedEvent, Misconfigured, Permanent, Refused, Throttled, Transient, Untrusted
from tests.fakes.bamboohr import BASE, KEY, WEBHOOK_KEY, FakeBambooHR, employee, webhook

MAPPING = parse(
    """\
format: bamboohr
source: /hr/test
key: employeeNumber
timeZone: Europe/Berlin
columns:
  status: {column: status, values: {Active: active, Inactive: left}}
  department: department
  jobTitle: jobTitle
  firstDay: {column: hireDate, empty: ["0000-00-00"]}
  lastDay: {column: terminationDate, empty: ["0000-00-00"]}
""",
    where="m",
)


class World:
    def __init__(self, **changes):
        self.there = FakeBambooHR({"101": employee()})
        self.slept = []
        given = {"key": KEY, "webhook_key": WEBHOOK_KEY, "sleep": self.sleep, "transport": self.there.transport}
        self.bamboohr = BambooHR(BASE, MAPPING, **{**given, **changes})

    async def sleep(self, seconds):
        self.slept.append(seconds)

    async def person(self, reference="101"):
        try:
            return await self.bamboohr.person(reference)
        finally:
            await self.bamboohr.close()

    async def refusal(self, kind, reference="101"):
        with pytest.raises(kind) as caught:
            await self.person(reference)
        assert type(caught.value) is kind
        return caught.value


# --- the webhook -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ids", [("101",), ("101", "102"), ()])
def test_a_signed_webhook_names_people(ids):
    """One in an event, several in a list, nobody in an empty list; header names in any case."""
    headers, body = webhook(*ids)
    lower = {name.lower(): value for name, value in headers.items()}
    assert World().bamboohr.named(headers, body) == World().bamboohr.named(lower, body) == ids


def test_somebody_named_twice_is_named_once():
    """Each costs a read."""
    assert World().bamboohr.named(*webhook("101", "102", "101")) == ("101", "102")


@pytest.mark.parametrize(
    "change",
    [
        lambda _, body: ({}, body),
        lambda headers, body: ({**headers, "X-BambooHR-Signature": ""}, body),
        lambda headers, body: ({**headers, "X-BambooHR-Signature": "0" * 64}, body),
        lambda headers, body: ({**headers, "X-BambooHR-Signature": "\u00e9" * 64}, body),
        lambda headers, body: ({**headers, "X-BambooHR-Timestamp": "1"}, body),
        lambda headers, body: ({**headers, "X-BambooHR-Timestamp": ""}, body),
        lambda headers, body: ({**headers, "X-BambooHR-Timestamp": "\ud800"}, body),
        lambda headers, body: (headers, body.replace(b"101", b"102")),
        lambda headers, body: (headers, body + b" " * BODY_LIMIT),
        lambda *_: webhook("101", key="another"),
    ],
)
def test_a_webhook_without_the_right_signature_is_not_believed(change):
    """Missing, wrong, of another body, another time or another key, or too large to look at."""
    with pytest.raises(Untrusted):
        World().bamboohr.named(*change(*webhook("101")))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"nonsense", b"[]", b"{}", b'{"data": {}}', b'{"data": {"employeeId": null}}',
        b'{"data": {"employeeId": "../../directory"}}', b'{"data": {"employeeId": "0"}}',
        b'{"data": {"employeeId": true}}', b'{"data": {"employeeId": 1e3}}',
        b'{"employees": [{}]}', b'{"employees": [{"id": "1?fields=ssn"}]}',
        b'{"employees": {"id": "1"}}', b"[" * 100_000, b'{"data": {"employeeId": ' + b"9" * 19 + b"}}",
        b'{"employees": [' + b",".join(b'{"id": %d}' % (one + 1) for one in range(NAMED_LIMIT + 1)) + b"]}",
    ],
)  # fmt: skip
def test_what_is_signed_and_no_webhook_says_so(body):
    """Not JSON, nobody named, or by something that is no id: never a path of the API."""
    with pytest.raises(MalformedEvent):
        World().bamboohr.named(*webhook(body=body))


@given(st.binary(max_size=200), st.dictionaries(st.text(max_size=30), st.text(max_size=70), max_size=3))
def test_whatever_arrives_is_believed_or_refused(body, headers):
    """Nothing else gets out, signed or not."""
    bamboohr = World().bamboohr
    with pytest.raises(Untrusted):
        bamboohr.named(headers, body)
    try:
        bamboohr.named(*webhook(body=body))
    except MalformedEvent:
        return


# --- the employee ----------------------------------------------------------------------------------------------------


async def test_an_employee_is_read_whole():
    """What the mapping names is asked for, and nothing else: no name, no number that is nobody's business."""
    world = World()
    assert await world.person() == Entry(
        Worker(id="e1", status=Status.ACTIVE, department="Care", job_title="Nurse"), date(2019, 4, 1)
    )
    ((_, asked),) = world.there.asked
    assert asked == ("department", "employeeNumber", "hireDate", "jobTitle", "status", "terminationDate")


async def test_nobody_by_that_id_is_nobody():
    """404 is an answer, asked once."""
    world = World()
    assert await world.person("999") is None
    assert len(world.there.asked) == 1


async def test_what_the_key_may_not_see_refuses_the_employee():
    """A field left out is a partial answer: taken for empty it would be a silent mover."""
    world = World()
    world.there.hidden = {"department"}
    error = await world.refusal(Permanent)
    assert "`department` (department) is not there" in str(error)


@pytest.mark.parametrize("bad", [500, 502, 503, 504, 408])
async def test_a_bad_moment_is_tried_again(bad):
    """Twice, with growing pauses."""
    world = World()
    world.there.bad = [bad, bad]
    assert await world.person() is not None
    assert len(world.slept) == 2


async def test_a_bad_hour_is_transient():
    """Tried three times; the message comes back later."""
    world = World()
    world.there.bad = [503] * ATTEMPTS
    assert (await world.refusal(Transient)).retry_after is None
    assert len(world.there.asked) == ATTEMPTS


@pytest.mark.parametrize("status", [429, 503])
async def test_a_short_wait_is_waited(status):
    """As long as BambooHR says."""
    world = World()
    world.there.bad = [Response(status_code=status, headers={"Retry-After": "7"})]
    assert await world.person() is not None
    assert world.slept == [7]


@pytest.mark.parametrize("status", [429, 503])
async def test_a_long_wait_is_for_a_message(status):
    """Nobody holds a lock for minutes: it is handed on with the time that was asked for."""
    world = World()
    world.there.bad = [Response(status_code=status, headers={"Retry-After": "600"})]
    assert (await world.refusal(Throttled)).retry_after == timedelta(minutes=10)
    assert (len(world.there.asked), world.slept) == (1, [])


async def test_an_answer_that_does_not_come_is_transient():
    """However slowly it drips."""
    world = World(answer=timedelta(milliseconds=20))
    world.there.silent = True
    assert "no answer within" in str(await world.refusal(Transient))


@pytest.mark.parametrize("bad", [400, 403, 406, 301, 302])
async def test_a_no_is_not_asked_again(bad):
    """Nor followed elsewhere: the key is for this host."""
    world = World()
    world.there.bad = [Response(status_code=bad, headers={"Location": "http://localhost/api/v1/employees/102"})]
    assert (await world.refusal(Refused)).status == bad
    assert len(world.there.asked) == 1


async def test_a_wrong_key_says_which_setting():
    """And not the key."""
    error = await World(key="wrong-secret").refusal(Refused)
    assert "BAMBOOHR_KEY" in str(error)
    assert "wrong-secret" not in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        JSONResponse({"id": "102", **employee("E2")}),
        JSONResponse(employee()),
        JSONResponse({"id": "101", **employee(status="Retired")}),
        JSONResponse({"id": "101", **employee(hireDate="soon")}),
        JSONResponse({"id": "101", **employee(department={"a": 1})}),
        JSONResponse({"id": "101", "employees": [employee()]}),
        JSONResponse({"id": "101", "employees": []}),
        JSONResponse([]),
        Response(b"<html>Maintenance</html>"),
        Response(b'{"id": "101", "status": NaN}'),
        Response(b"[" * 100_000),
        Response(JSONResponse({"id": "101", **employee()}).body + b" " * ANSWER_LIMIT),
    ],
)
async def test_an_answer_that_cannot_be_used_is_permanent(answer):
    """Somebody else, a list, a value that the mapping does not know, no JSON, too much: with the reason, once."""
    world = World()
    world.there.bad = [answer]
    error = await world.refusal(Permanent)
    assert "employee 101" in str(error)
    assert "Care" not in str(error)
    assert len(world.there.asked) == 1


async def test_an_id_that_is_none_asks_nobody():
    """It becomes a part of a URL."""
    world = World()
    await world.refusal(MalformedEvent, "../1")
    assert world.there.asked == []


async def test_a_host_that_is_not_there_is_transient():
    """The name of the exception alone: its text may hold the URL."""
    world = World(transport=None)
    world.bamboohr = BambooHR("http://127.0.0.1:9/api/v1", MAPPING, key=KEY, webhook_key="w", sleep=world.sleep)
    assert "not reached (ConnectError)" in str(await world.refusal(Transient))


def test_a_mapping_of_another_format_is_refused():
    """Before anything is read."""
    other = parse("source: /hr\nkey: id\ntimeZone: UTC\ncolumns: {status: s}", where="m")
    with pytest.raises(Misconfigured, match="not bamboohr"):
        BambooHR(BASE, other, key=KEY, webhook_key="w")
