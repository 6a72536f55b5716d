"""What is read of a message from outside, and what is refused, with which path."""

import json
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from lifecycle.contract.cloudevents import BODY_LIMIT, TYPES, Group, decode, encode_fact, encode_work, fact_of, work_of
from lifecycle.core.events import ExceptionGranted, Joined, Left, Linked, Origin, Staffed, Status
from lifecycle.core.work import Check
from lifecycle.errors import MalformedEvent
from lifecycle.ports import Queue

EXAMPLES = Path(__file__).parents[2] / "examples" / "events"
MISSING = object()


def example(name="worker.joined"):
    return json.loads((EXAMPLES / f"{name}.json").read_bytes())


def changed(name, path, value):
    """Return the example with the value at a dotted path changed, or taken out."""
    event = example(name)
    *parents, last = path.split(".")
    place = event
    for parent in parents:
        place = place[parent]
    if value is MISSING:
        del place[last]
    else:
        place[last] = value
    return event


def read(event):
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    return fact_of(decode(body))


def refused(event):
    with pytest.raises(MalformedEvent) as caught:
        read(event)
    return caught.value


def test_a_joiner_is_read_whole():
    """A joined event becomes the fact, its subject in the form ids are compared in, HR's spelling of the id kept."""
    fact = read(example())
    assert isinstance(fact, Joined)
    assert fact.recorded.subject == "e1001"
    assert fact.recorded.time == datetime(2026, 3, 2, 9, 14, tzinfo=UTC)
    assert fact.recorded.sequence == "1"
    assert fact.effective == date(2026, 4, 1)
    assert type(fact.effective) is date
    assert (fact.worker.id, fact.worker.person_id, fact.worker.status) == ("E1001", "p-77", Status.PREBOARDING)
    assert fact.worker.attributes == {"deputy": False}
    assert type(fact.worker.id) is str


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_every_example_is_read_under_its_own_name(path):
    """The example events are valid and named after their types."""
    event = decode(path.read_bytes())
    assert event.type == f"lifecycle.{path.stem}"
    fact_of(event)


def test_there_is_an_example_of_every_type_from_outside():
    """No type from outside lacks an example."""
    outside = {name for name, info in TYPES.items() if info.group is not Group.INTERNAL}
    assert {f"lifecycle.{path.stem}" for path in EXAMPLES.glob("*.json")} == outside


def test_types_and_queues():
    """Each queue from outside takes its own types alone, and what the app sends itself arrives on neither of them."""
    queues = {Queue.HR: "worker", Queue.PROJECTS: "project", Queue.DECISIONS: "decision"}
    for info in TYPES.values():
        if info.group is Group.INTERNAL:
            assert info.queue in (Queue.WORK, Queue.SWEEPS)
        else:
            assert queues[info.queue] == info.group
    assert TYPES["lifecycle.person.frozen"].queue is Queue.DECISIONS
    assert TYPES["lifecycle.person.check"].queue is Queue.WORK


@pytest.mark.parametrize(
    ("name", "path", "value", "where", "why"),
    [
        ("worker.joined", "subject", MISSING, "$.subject", "missing"),
        ("worker.joined", "id", MISSING, "$.id", "missing"),
        ("worker.joined", "source", MISSING, "$.source", "missing"),
        ("worker.joined", "time", MISSING, "$.time", "missing"),
        ("worker.joined", "specversion", MISSING, "$.specversion", "missing"),
        ("worker.joined", "specversion", "0.3", "$.specversion", ""),
        ("worker.joined", "time", "2026-03-02T09:14:00", "$.time", "offset"),
        ("worker.joined", "time", "2026-03-02", "$.time", "neither"),
        ("worker.joined", "time", 1772442840, "$.time", "no string"),
        ("worker.joined", "time", "2026-02-30T09:14:00Z", "$.time", "no calendar"),
        ("worker.joined", "time", "2026-02-28T25:14:00Z", "$.time", "no clock"),
        ("worker.joined", "type", "lifecycle.worker.joinde", "$.type", "lifecycle.worker.joined"),
        ("worker.joined", "type", "lifecycle.person.check", "$.type", "no fact"),
        ("worker.joined", "subject", " ", "$.subject", "empty"),
        ("worker.joined", "subject", "E1\x001", "$.subject", "invisible"),
        ("worker.joined", "subject", "E1001\u200b", "$.subject", "invisible"),
        ("worker.joined", "subject", "E" * 129, "$.subject", "128"),
        ("worker.joined", "id", "x" * 129, "$.id", "128"),
        ("worker.joined", "source", "/" * 257, "$.source", "256"),
        ("worker.joined", "source", " /hr/workday", "$.source", "white space"),
        ("worker.joined", "origin", "rumour", "$.origin", "bulk"),
        ("worker.joined", "origin", "bulk:", "$.origin", "empty"),
        ("worker.joined", "sequence", True, "$.sequence", "no string"),
        ("worker.joined", "data", MISSING, "$.data", "object"),
        ("worker.joined", "data", [1], "$.data", "object"),
        ("worker.joined", "data_base64", "e30=", "$.data_base64", "JSON object"),
        ("worker.joined", "partitionKey", "1", "$", "CloudEvents"),
        ("worker.joined", "data.effective", "soon", "$.data.effective", "no date"),
        ("worker.joined", "data.effective", 20260401, "$.data.effective", "str"),
        ("worker.joined", "data.effective", None, "$.data.effective", "str"),
        ("worker.joined", "data.effective", "2026-04-31", "$.data.effective", "no calendar"),
        ("worker.joined", "data.effective", "1899-12-31", "$.data.effective", "1900 to 2200"),
        ("worker.joined", "data.effective", "9999-12-31", "$.data.effective", "1900 to 2200"),
        ("worker.joined", "data.effective", "2026-04-01T08:00:00", "$.data.effective", "offset"),
        ("worker.joined", "data.worker", 5, "$.data.worker", "object"),
        ("worker.joined", "data.worker.id", "E1002", "$.data.worker.id", "subject"),
        ("worker.joined", "data.worker.jobCode", 5, "$.data.worker.jobCode", "str"),
        ("worker.joined", "data.worker.jobCode", MISSING, "$.data.worker.jobCode", "partial snapshot"),
        ("worker.joined", "data.worker.attributes", MISSING, "$.data.worker.attributes", "partial snapshot"),
        ("worker.joined", "data.worker.jobcode", "N1", "$.data.worker.jobcode", "attributes"),
        ("worker.joined", "data.worker.status", "retired", "$.data.worker.status", "active, leave, left"),
        ("worker.joined", "data.worker.status", None, "$.data.worker.status", ""),
        ("worker.joined", "data.worker.timeZone", "Europe/Berln", "$.data.worker.timeZone", "time zone"),
        ("worker.joined", "data.worker.timeZone", "../../etc/passwd", "$.data.worker.timeZone", "time zone"),
        ("worker.joined", "data.worker.contractEnd", "2026-04-01T00:00:00Z", "$.data.worker.contractEnd", "no date"),
        ("worker.joined", "data.worker.contractEnd", "9999-12-30", "$.data.worker.contractEnd", "1900 to 2200"),
        ("worker.left", "data.effective", "9999-12-31", "$.data.effective", "1900 to 2200"),
        ("worker.joined", "data.worker.attributes", {"a": [1]}, "$.data.worker.attributes[...]", "array"),
        ("worker.joined", "data.worker.attributes", {"a": 2**63}, "$.data.worker.attributes", "64 bits"),
        ("worker.joined", "data.worker.attributes", {" a": 1}, "$.data.worker.attributes", "white space"),
        ("worker.left", "data.immediate", MISSING, "$.data.immediate", "missing"),
        ("worker.left", "data.immediate", "no", "$.data.immediate", "bool"),
        ("exception.granted", "data.until", MISSING, "$.data.until", "missing"),
        ("exception.granted", "data.until", None, "$.data.until", ""),
        ("project.opened", "data.plannedClose", MISSING, "$.data.plannedClose", "missing"),
        ("project.staffed", "data.from", "today", "$.data.from", "no date"),
        ("person.linked", "data.worker", "\u2066", "$.data.worker", "invisible"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_path(name, path, value, where, why):
    """An event that does not fit its schema is refused, and the error says where and why."""
    error = refused(changed(name, path, value))
    assert error.path == where
    assert why in error.reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 40_000,
        b'{"specversion":"1.0","id":NaN}',
        b'{"specversion":"1.0","id":"\\ud800"}',
        b'{"id":1e999}',
        b"1" * 6000,
    ],
)
def test_what_is_no_json_object_is_refused(body):
    """Bytes that are no JSON object, or one that breaks parsers, are malformed and nothing else."""
    with pytest.raises(MalformedEvent):
        decode(body)


def test_a_body_over_the_limit_is_refused_before_it_is_parsed():
    """A message larger than the bus carries is refused for its size, whatever it holds."""
    with pytest.raises(MalformedEvent, match="256 KiB"):
        decode(b"[" * (BODY_LIMIT + 1))


def test_data_that_no_record_could_hold_is_refused():
    """A fact must fit one stored row, so larger data is refused at the door."""
    assert "48 KiB" in refused(changed("worker.left", "data.reason", "x" * 50_000)).reason


def test_errors_never_repeat_values():
    """What a source sent never shows in an error, wherever it was put."""
    secret = "Anna-Secret"
    for name in ("worker.joined", "exception.granted"):
        places = ["time", "type", "origin", "specversion", "data", "data.effective", "data.until", "data.worker"]
        places += [f"data.worker.{field}" for field in ("id", "status", "timeZone", "contractEnd", "attributes")]
        places += [f"data.worker.{secret} {secret}", f"{secret}é"]
        for place in places:
            try:
                event = changed(name, place, secret)
            except KeyError:
                continue
            with suppress(MalformedEvent):
                read(event)
                continue
            error = refused(event)
            assert secret not in str(error), place
            assert error.__cause__ is None


def test_unknown_keys_of_data_are_tolerated():
    """A source may say more in `data` than is read, outside the snapshot."""
    assert isinstance(read(changed("worker.left", "data.ticket", "T1")), Left)


def test_work_of_another_version_is_read():
    """While two versions run side by side: what a newer one adds is left out, what an older one lacks is as ever."""
    sent = json.loads(encode_work(Check("e1", "x", attempt=2), id="a", source="/lifecycle", time=datetime.now(UTC)))
    sent["data"]["newer"] = 1
    del sent["data"]["undoes"], sent["data"]["recheck"]
    assert work_of(decode(json.dumps(sent).encode())) == Check("e1", "x", attempt=2)


def test_null_means_empty_and_optional_keys_may_be_absent():
    """Null attributes are none; personId and userPrincipalName need not be there."""
    event = changed("worker.joined", "data.worker.attributes", None)
    del event["data"]["worker"]["personId"], event["data"]["worker"]["userPrincipalName"]
    worker = read(event).worker
    assert (worker.attributes, worker.person_id, worker.user_principal_name) == ({}, None, None)


def test_the_last_day_of_all_calendars_is_no_end_of_a_contract():
    """HR systems write 9999-12-31 for none; it is read as null is, and what we send on says so in the same way."""
    never = read(changed("worker.joined", "data.worker.contractEnd", "9999-12-31"))
    assert never == read(changed("worker.joined", "data.worker.contractEnd", None))
    assert read(encode_fact(never)) == never


def test_aliases_of_zones_exist():
    """HR systems send old names of zones; they are zones."""
    assert read(changed("worker.joined", "data.worker.timeZone", "US/Pacific")).worker.time_zone == "US/Pacific"


def test_a_freeze_needs_no_data():
    """Whoever stops everything in an incident may leave `data` out."""
    assert read(changed("person.frozen", "data", MISSING)).reason is None


def test_instants_are_kept_in_utc():
    """An instant with an offset is the same instant in UTC; a date stays a date."""
    fact = read(example("exception.granted"))
    assert isinstance(fact, ExceptionGranted)
    assert fact.until == datetime(2026, 7, 4, 16, tzinfo=UTC)
    assert fact.until.tzinfo is UTC


def test_references_are_compared_without_case():
    """Who is staffed or linked is named in the form ids are compared in."""
    staffed, linked = read(example("project.staffed")), read(changed("person.linked", "data.worker", " c-9003 "))
    assert isinstance(staffed, Staffed)
    assert isinstance(linked, Linked)
    assert (staffed.person, staffed.recorded.subject, linked.worker) == ("e1003", "p-204", "c-9003")


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("named", Origin()),
        ("derived-from-absence", Origin("derived-from-absence")),
        ("bulk:2026-04", Origin("bulk", "2026-04")),
    ],
)
def test_origins(text, origin):
    """An event says how it came to be; without a word it was named."""
    assert decode(json.dumps(changed("worker.left", "origin", text)).encode()).origin == origin
    assert decode(json.dumps(example("worker.left")).encode()).origin == Origin()


def test_an_invalid_traceparent_is_ignored():
    """Tracing never decides whether a message is read."""
    valid = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    assert decode(json.dumps(changed("worker.left", "traceparent", valid)).encode()).traceparent == valid
    assert decode(json.dumps(changed("worker.left", "traceparent", "zz")).encode()).traceparent == ""


def test_a_fact_is_no_work():
    """A message from outside never becomes work of the app's own."""
    with pytest.raises(MalformedEvent, match="own"):
        work_of(decode(json.dumps(example()).encode()))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_a_fact_is_made_of_plain_values(path):
    """Ids that were checked on the way in are text afterwards, so that anybody can write them down."""
    envelope = decode(path.read_bytes())
    fact = fact_of(envelope)
    values = [envelope.id, envelope.subject, *(getattr(fact, name) for name in fact.__slots__)]
    worker = getattr(fact, "worker", None)
    values += [getattr(worker, name) for name in getattr(worker, "__slots__", ())]
    assert {type(value) for value in values if isinstance(value, str)} <= {str, Status}
