"""What a trigger hands to its function: the body or the timer's state, and the trigger metadata beside it.

The keys are those of `ServiceBusTriggerBindingStrategy.AddBindingData` (azure-sdk-for-net) and the encoding is that of
`GrpcMessageConversionExtensions.ToRpc` (azure-functions-host): text stays text, everything else becomes JSON, and what
is null is left out. So `locked_until`, `dead_letter_reason` and five more are always None in Python, here as there.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from azure.servicebus import ServiceBusReceivedMessage

from sandbox.host.worker import Datum

_NEVER = "9999-12-31T23:59:59.9999999Z"  # DateTime.MaxValue: what .NET gives for a message without a time to live


class UndecodableBodyError(Exception):
    """The body is not UTF-8. The real host fails the call before the function sees it (`MessageToStringConverter`)."""


def body(content: bytes) -> Datum:
    """Return a message's body as the host passes it to Python: as text; raise `UndecodableBodyError`."""
    try:
        return "string", content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UndecodableBodyError(f"the body is not UTF-8 (byte {error.start} of {len(content)})") from None


def content_of(message: ServiceBusReceivedMessage) -> bytes:
    """Return a message's bytes; a value or sequence body, which this app never sends, as its text."""
    sections = message.body
    if isinstance(sections, bytes):
        return sections
    try:
        return b"".join(sections)
    except TypeError:
        return str(message).encode()


def metadata_of(message: ServiceBusReceivedMessage) -> dict[str, Datum]:
    """Return the trigger metadata of a message that the SDK received.

    `DeliveryCount` starts at 1 as in .NET, whose SDK adds one to the AMQP header that Python's SDK shows as it is.
    """
    properties = {_text(key): _plain(value) for key, value in (message.application_properties or {}).items()}
    return metadata(
        message_id=message.message_id,
        session_id=message.session_id,
        sequence_number=message.sequence_number,
        delivery_count=(message.delivery_count or 0) + 1,
        lock_token=str(message.lock_token) if message.lock_token else None,
        enqueued=message.enqueued_time_utc,
        expires=message.expires_at_utc,
        properties=properties,
        texts={
            "ContentType": message.content_type,
            "CorrelationId": message.correlation_id,
            "DeadLetterSource": message.dead_letter_source,
            "Label": message.subject,
            "PartitionKey": message.partition_key,
            "ReplyTo": message.reply_to,
            "ReplyToSessionId": message.reply_to_session_id,
            "Subject": message.subject,
            "To": message.to,
        },
    )


def metadata(
    *,
    message_id: str | None,
    session_id: str | None = None,
    sequence_number: int | None = None,
    delivery_count: int = 1,
    lock_token: str | None = None,
    enqueued: datetime | None = None,
    expires: datetime | None = None,
    properties: Mapping[str, object] | None = None,
    texts: Mapping[str, str | None] | None = None,
) -> dict[str, Datum]:
    """Return trigger metadata from its parts; `UserProperties` is always there, for it marks a single message."""
    values: dict[str, object] = {
        "DeliveryCount": delivery_count,
        "SequenceNumber": sequence_number,
        "EnqueuedTimeUtc": _instant(enqueued),
        "EnqueuedTime": _instant(enqueued),
        "ExpiresAtUtc": _instant(expires) or _NEVER,
        "ExpiresAt": _instant(expires) or _NEVER,
        "ApplicationProperties": dict(properties or {}),
        "UserProperties": dict(properties or {}),
    }
    strings = {"MessageId": message_id, "SessionId": session_id, "LockToken": lock_token, **(texts or {})}
    return {key: ("json", _json(value)) for key, value in values.items() if value is not None} | {
        key: ("string", text) for key, text in strings.items() if text is not None
    }


def timer(*, due: datetime, following: datetime, last: datetime | None, past_due: bool) -> Datum:
    """Return a TimerRequest: `due` is the tick's own instant, `following` the next one, `last` the one before."""
    status = {"Last": _instant(last) or _instant(datetime.min.replace(tzinfo=UTC)), "Next": _instant(following)}
    state = {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": {**status, "LastUpdated": _instant(due)},
        "IsPastDue": past_due,
    }
    return "json", _json(state)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _instant(instant: datetime | None) -> str | None:
    if instant is None:
        return None
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _plain(value: Any) -> object:
    """Turn an AMQP value into one that JSON knows."""
    match value:
        case bytes():
            return _text(value)
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return _instant(value)
        case _:
            return str(value)
