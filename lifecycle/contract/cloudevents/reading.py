"""Bytes become an envelope, an envelope a fact or work; whatever arrives, only `MalformedEvent` leaves.

The CloudEvents SDK reads the envelope, msgspec checks and decodes `data`. An error has the path of what is wrong and
never its value.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from dataclasses import fields as dataclass_fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from cloudevents.core.exceptions import BaseCloudEventException, CloudEventValidationError
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from lifecycle.contract import fields, payloads
from lifecycle.contract.cloudevents.types import PAYLOADS, TYPES, WORK
from lifecycle.core.events import Fact, Joined, Moved, Origin, Recorded, Status, key
from lifecycle.core.work import Disposal, Sweep, Work
from lifecycle.errors import MalformedEvent

BODY_LIMIT = 256 * 1024
"""Bytes of a message: the standard tier's own limit (Azure docs, "Service Bus quotas and limits")."""

DATA_LIMIT = 48 * 1024
"""Bytes of `data`: a fact is one row of at most 60 KiB (`lifecycle.ports.Row`), envelope included."""

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SOURCE_LENGTH = 256
_CHECKED = frozenset({fields.Id, fields.Reference, fields.Zone})
_INTEGERS = range(-(2**63), 2**63)  # what the rules can calculate with


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message whose envelope is sound and whose `data` is an object, not yet looked at.

    `subject` is trimmed but spelled as it came; `time` is in UTC; `traceparent` is empty unless it is valid, and so is
    `actor`, who at the command line sent it.
    """

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: Mapping[str, Any] = field(repr=False)
    sequence: str = ""
    origin: Origin = field(default_factory=Origin)
    traceparent: str = ""
    actor: str = ""

    @property
    def recorded(self) -> Recorded:
        """What a fact keeps of the envelope."""
        return Recorded(self.id, self.source, key(self.subject), self.time, self.sequence, self.origin, self.actor)


def decode(body: bytes) -> Envelope:
    """Read and check the envelope. Raises `MalformedEvent`, nothing else, whatever the bytes."""
    attributes = _json(body)
    for name in ("specversion", "id", "source", "type", "subject", "time"):
        # The SDK makes up an id and a time when they are absent, and asks for no subject.
        if not isinstance(attributes.get(name), str):
            raise MalformedEvent(f"$.{name}", "is missing or no string")
    if "data_base64" in attributes:
        raise MalformedEvent("$.data_base64", "is not read: send `data` as a JSON object")
    time = _checked("$.time", fields.instant, attributes["time"])
    event = _event(body)
    event_type = _known(event.get_type())
    data = event.get_data()
    if data is None and event_type in (payloads.Frozen.type, payloads.Thawed.type):
        data = {}  # whoever stops an incident need not fill in a form
    if not isinstance(data, dict):
        raise MalformedEvent("$.data", "is missing or no object")
    if len(msgspec.json.encode(data)) > DATA_LIMIT:
        raise MalformedEvent("$.data", f"is larger than {DATA_LIMIT // 1024} KiB, which is what a record holds")
    return Envelope(
        id=str(_checked("$.id", fields.Id.read, event.get_id())),
        source=_source(event.get_source()),
        type=event_type,
        subject=str(_checked("$.subject", fields.Id.read, event.get_subject() or "")),
        time=time,
        data=data,
        sequence=_sequence(event.get_extension("sequence")),
        origin=_origin(event.get_extension("origin")),
        traceparent=_traceparent(event.get_extension("traceparent")),
        actor=_actor(event.get_extension("actor")),
    )


def fact_of(envelope: Envelope) -> Fact:
    """Return what the message says happened. Raises `MalformedEvent`, also for the app's own messages."""
    payload = PAYLOADS.get(envelope.type)
    if payload is None:
        raise MalformedEvent("$.type", "is no fact")
    _checked("$.subject", fields.Reference.read, envelope.subject)
    fact: Fact = _convert(envelope.data, payload).fact(envelope.recorded)
    if isinstance(fact, Joined | Moved):
        _check_worker(fact)
        fact = replace(fact, worker=_plain(fact.worker))
    return _plain(fact)


def _plain[T: DataclassInstance](value: T) -> T:
    """Turn the checked kinds of text (`fields.Id` and its like) into text: a fact says nothing of how it was read."""
    texts = {
        each.name: str(text)
        for each in dataclass_fields(value)
        if isinstance(text := getattr(value, each.name), str) and type(text) in _CHECKED
    }
    return replace(value, **texts) if texts else value


def work_of(envelope: Envelope) -> Work:
    """Return what the app asks of itself. Raises `MalformedEvent`, also for facts."""
    if envelope.type not in WORK:
        raise MalformedEvent("$.type", "is no work of the app's own")
    kind, subject, _ = WORK[envelope.type]
    work: Work = _convert({**envelope.data, subject: envelope.subject}, kind)
    return work


def _json(body: bytes) -> dict[str, Any]:
    if len(body) > BODY_LIMIT:
        raise MalformedEvent("$", f"is larger than {BODY_LIMIT // 1024} KiB")
    try:
        # Read here first because the SDK's reader lets pass what cannot be stored: NaN, infinities, lone surrogates.
        value = msgspec.json.decode(body)
    except RecursionError:
        raise MalformedEvent("$", "is nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise MalformedEvent("$", "is no JSON in UTF-8, or holds a number nobody can store") from None
    if not isinstance(value, dict):
        raise MalformedEvent("$", "is no JSON object")
    return value


def _event(body: bytes) -> CloudEvent:
    try:
        event = JSONFormat().read(CloudEvent, body)
    except CloudEventValidationError as error:
        name = min(error.errors)
        known = re.fullmatch(r"[a-z0-9]{1,20}", name)
        raise MalformedEvent(f"$.{name}" if known else "$", "is not what CloudEvents 1.0 allows here") from None
    except (BaseCloudEventException, ValueError, TypeError, AttributeError, RecursionError):
        raise MalformedEvent("$", "is no CloudEvent 1.0 in JSON") from None
    if not isinstance(event, CloudEvent):
        raise MalformedEvent("$.specversion", "is not 1.0")
    return event


def _known(event_type: str) -> str:
    if event_type in TYPES:
        return event_type
    near = difflib.get_close_matches(event_type[:64], TYPES, n=1)
    raise MalformedEvent("$.type", "is no type this app reads" + (f"; the nearest is {near[0]}" if near else ""))


def _source(value: str) -> str:
    if len(value) > SOURCE_LENGTH:
        raise MalformedEvent("$.source", f"is longer than {SOURCE_LENGTH} characters")
    if not value.isprintable() or value != value.strip() or not value:
        raise MalformedEvent("$.source", "is empty or contains white space around it or invisible characters")
    return value


def _sequence(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise MalformedEvent("$.sequence", "is no string")
    return str(_checked("$.sequence", fields.Id.read, value))


def _origin(value: object) -> Origin:
    if value is None:
        return Origin()
    kind, _, run = value.partition(":") if isinstance(value, str) else ("", "", "")
    if kind in ("named", "derived-from-absence") and value == kind:
        return Origin(kind)
    if kind == "bulk":
        return Origin(kind, str(_checked("$.origin", fields.Id.read, run)))
    raise MalformedEvent("$.origin", "is none of named, derived-from-absence, bulk:<run>")


def _traceparent(value: object) -> str:
    # W3C Trace Context: an invalid one is ignored, it is never a reason to refuse the message.
    parts = r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
    valid = isinstance(value, str) and re.fullmatch(parts, value)
    return valid[0] if valid else ""


def _actor(value: object) -> str:
    # Only the command line writes it, as it names who is signed in; what others mean by the word is theirs.
    valid = isinstance(value, str) and re.fullmatch(r"(?:entra|sandbox):[\w.@-]{1,64}", value, re.ASCII)
    return valid[0] if valid else ""


def _checked[T](path: str, read: Callable[[str], T], value: str) -> T:
    try:
        return read(value)
    except ValueError as error:
        raise MalformedEvent(path, str(error)) from None


def _convert(data: Mapping[str, Any], kind: type[Any]) -> Any:
    try:
        return msgspec.convert(data, kind, dec_hook=fields.read)
    except msgspec.ValidationError as error:
        raise _malformed(str(error)) from None
    except RecursionError:
        raise MalformedEvent("$.data", "is nested too deeply") from None


_ERROR = re.compile(r"(?P<reason>.*?)(?: - at (?P<at>`key` in )?`\$(?P<path>[\w.\[\]]*)`)?", re.DOTALL)
_NAMED = re.compile(r"Object (?P<what>missing required|contains unknown) field `(?P<name>.*)`", re.DOTALL)


def _malformed(text: str) -> MalformedEvent:
    """Turn msgspec's message into path and reason, and drop what it repeats of the payload."""
    match = _ERROR.fullmatch(text)
    path = "$.data" + (match["path"] or "" if match else "")
    reason = match["reason"] if match else "does not fit"
    named = _NAMED.fullmatch(reason)
    if named and named["what"] == "missing required":
        why = "a partial snapshot" if path == "$.data.worker" else "a key is missing"
        return MalformedEvent(f"{path}.{named['name']}", f"{why}: null means empty, an absent key means nothing")
    if named:
        known = re.fullmatch(r"\w{1,40}", named["name"], re.ASCII)
        reason = "is no key of the snapshot: what your HR system knows beyond it belongs in `attributes`"
        return MalformedEvent(f"{path}.{named['name']}" if known else path, reason)
    if reason.startswith("Invalid enum value"):
        kinds = {"$.data.kind": Sweep, "$.data.what": Disposal}
        return MalformedEvent(path, "is none of " + ", ".join(kinds.get(path, Status)))
    return MalformedEvent(path, reason)


def _check_worker(fact: Joined | Moved) -> None:
    if key(fact.worker.id) != fact.recorded.subject:
        raise MalformedEvent("$.data.worker.id", "is another worker than the subject")
    for name, value in fact.worker.attributes.items():
        _checked("$.data.worker.attributes", _attribute_name, name)
        if isinstance(value, int) and value not in _INTEGERS:
            raise MalformedEvent("$.data.worker.attributes", "holds an integer of more than 64 bits")


def _attribute_name(name: str) -> str:
    if fields.Id.read(name) != name:
        raise ValueError("has a key with white space around it")
    return name
