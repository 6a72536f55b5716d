"""Facts and work become bytes, in one form: sorted keys, no white space, UTC. Facts are stored and hashed as these."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.v1.event import CloudEvent

from lifecycle.contract import fields
from lifecycle.contract.cloudevents.types import PAYLOAD_OF, WORK_TYPE_OF
from lifecycle.core.events import Fact, Origin
from lifecycle.core.work import Work


def message_of(
    event_type: str,
    subject: str,
    data: Mapping[str, Any],
    *,
    id: str,  # noqa: A002 - CloudEvents' own word
    source: str,
    time: datetime,
    extensions: Mapping[str, str] | None = None,
) -> bytes:
    """Return a CloudEvent in its one form. `time` is aware; empty extensions are left out.

    Raises `ValueError` when the envelope is not what CloudEvents allows: a mistake of ours, never of the message's.
    """
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": event_type,
        "subject": subject,
        "time": time,
        "datacontenttype": "application/json",
    }
    attributes |= {name: value for name, value in (extensions or {}).items() if value}
    try:
        event = CloudEvent(attributes, dict(data))
    except CloudEventValidationError as error:
        raise ValueError(f"no CloudEvent: {', '.join(sorted(error.errors))}") from error
    return _written({**event.get_attributes(), "time": fields.written(time), "data": event.get_data()})


def encode_fact(fact: Fact) -> bytes:
    """Return the fact as the message that says it, in its one form: `fact_of(decode(encode_fact(f))) == f`."""
    payload = PAYLOAD_OF[type(fact)]
    data = msgspec.to_builtins(payload.of(fact), enc_hook=fields.write)
    recorded = fact.recorded
    origin = "" if recorded.origin == Origin() else str(recorded.origin)
    return message_of(
        payload.type,
        recorded.subject,
        data,
        id=recorded.id,
        source=recorded.source,
        time=recorded.time,
        extensions={"sequence": recorded.sequence, "origin": origin, "actor": recorded.actor},
    )


def encode_work(work: Work, *, id: str, source: str, time: datetime) -> bytes:  # noqa: A002
    """Return the work as a message for the queue that `TYPES` names: `work_of(decode(encode_work(w, …))) == w`."""
    event_type, subject = WORK_TYPE_OF[type(work)]
    data = msgspec.to_builtins(work, enc_hook=fields.write)
    about = data.pop(subject)
    return message_of(event_type, about, data, id=id, source=source, time=time)


def type_of(value: Fact | Work) -> str:
    """Return the type of the message that says this."""
    kind = type(value)
    return WORK_TYPE_OF[kind][0] if kind in WORK_TYPE_OF else str(PAYLOAD_OF[kind].type)


def message_id(source: str, id: str, attempt: int = 0) -> str:  # noqa: A002
    """Return the broker's id of the `attempt`-th sending of an event, 64 characters.

    A replay or the nth follow-up needs another id than the first, or duplicate detection drops it. The three are hashed
    as a JSON array, so no two triples read alike.
    """
    return hashlib.sha256(msgspec.json.encode((source, id, attempt))).hexdigest()


def _written(value: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(value, order="sorted", enc_hook=fields.write)
