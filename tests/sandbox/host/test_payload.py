"""Trigger metadata, read back by the code that reads it in production: azure.functions' own converters."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from azure.functions import meta, servicebus, timer
from azure.servicebus import ServiceBusMessage

from sandbox.host import payload

NOON = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)


def read_back(content, metadata):
    kind, value = payload.body(content)
    datums = {key: meta.Datum(text, kind) for key, (kind, text) in metadata.items()}
    return servicebus.ServiceBusMessageInConverter.decode(meta.Datum(value, kind), trigger_metadata=datums)


def test_a_message_arrives_as_it_was_sent():
    """Every field that the real host fills is filled, with the type that Python code expects."""
    message = read_back(
        "grün".encode(),
        payload.metadata(
            message_id="m1",
            session_id="p-1",
            sequence_number=7,
            delivery_count=2,
            lock_token="6f1c",
            enqueued=NOON,
            expires=NOON + timedelta(days=1),
            properties={"attempt": 3, "run": "r1"},
            texts={"Subject": "check", "Label": "check", "CorrelationId": "c1", "To": None},
        ),
    )

    assert message.get_body() == "grün".encode()
    assert (message.message_id, message.session_id, message.sequence_number) == ("m1", "p-1", 7)
    assert (message.delivery_count, message.lock_token) == (2, "6f1c")
    assert message.enqueued_time_utc == NOON
    assert message.expires_at_utc == NOON + timedelta(days=1)
    assert message.application_properties == message.user_properties == {"attempt": 3, "run": "r1"}
    assert (message.subject, message.label, message.correlation_id, message.to) == ("check", "check", "c1", None)


def test_fields_the_host_never_sends_are_none():
    """Code that relies on one of these fields would fail in Azure, so it must fail here."""
    message = read_back(b"", payload.metadata(message_id="m1"))

    assert message.locked_until is None
    assert message.enqueued_sequence_number is None
    assert message.dead_letter_reason is None
    assert message.scheduled_enqueue_time_utc is None
    assert message.time_to_live is None


def test_a_message_without_properties_is_still_a_single_one():
    """UserProperties is always sent: without it the converter does not know a message from a batch."""
    assert read_back(b"", payload.metadata(message_id=None)).user_properties == {}


def test_the_sdk_s_bytes_become_text():
    """The SDK shows property names and values as bytes; the host sends text, numbers and instants as JSON."""
    sent = ServiceBusMessage(b"x", application_properties={b"who": b"w-1", "n": 1, "when": NOON, "odd": {"a": 1}})

    properties = {payload._text(key): payload._plain(value) for key, value in sent.application_properties.items()}

    assert properties == {"who": "w-1", "n": 1, "when": "2026-11-24T12:00:00.123456Z", "odd": "{'a': 1}"}


def test_a_body_that_is_no_text_fails_before_the_function():
    """The real host cannot turn such a body into a string and fails the call; so does this one."""
    with pytest.raises(payload.UndecodableBodyError, match="byte 1 of 2"):
        payload.body(b"a\xff")


@pytest.mark.parametrize("past_due", [False, True])
def test_a_timer_request(past_due):
    """A timer gets its own instant, the next one, and whether it is late."""
    kind, text = payload.timer(due=NOON, following=NOON + timedelta(minutes=5), last=None, past_due=past_due)
    request = timer.TimerRequestConverter.decode(meta.Datum(text, kind), trigger_metadata=None)

    assert request.past_due is past_due
    assert request.schedule_status["Next"] == "2026-11-24T12:05:00.123456Z"
    assert msgspec.json.decode(text)["ScheduleStatus"]["Last"] == "0001-01-01T00:00:00.000000Z"
