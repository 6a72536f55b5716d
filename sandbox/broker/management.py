"""The $management operations of a queue, as azure-servicebus 7.15 asks for them.

Source of names and fields: Microsoft Learn, "AMQP 1.0 in Azure Service Bus: request-response-based operations", and the
client library's `_common/constants.py`. May not touch links or bytes on the wire.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proton import UNDESCRIBED, Array, Data, int32

from sandbox.broker import errors
from sandbox.broker.entity import Entity
from sandbox.broker.message import milliseconds
from sandbox.broker.session import Session

_PREFIX = "com.microsoft:"
_OK, _NO_CONTENT = 200, 204
_RECEIVE_AND_DELETE = 0
_ANY_TIME = 253_402_300_799_000  # the last-updated-time that the client sends when it asks for every session

type Reply = tuple[int, dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Request:
    """A request on `connection`, the identity that must hold a session to speak for it."""

    entity: Entity
    connection: object
    body: Mapping[str, Any]

    def session(self) -> Session:
        """The session that the request names, which must be held on its connection."""
        return self.entity.held_by(self.body.get("session-id"), self.connection)


def perform(operation: object, request: Request) -> Reply:
    """Status and body of the reply. Raises BrokerError, also for a request that lacks what it needs."""
    name = str(operation).removeprefix(_PREFIX)
    if name not in _OPERATIONS:
        raise errors.not_supported(name)
    try:
        return _OPERATIONS[name](request)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise errors.malformed(f"The request {name} lacks a field or has one of the wrong type.") from error
    finally:
        request.entity.pump()


def _array(kind: int, values: Sequence[Any]) -> Array:
    undescribed: Any = UNDESCRIBED  # Proton's annotation leaves its own constant out
    return Array(undescribed, kind, *values)


def _renew_lock(request: Request) -> Reply:
    ends = [milliseconds(request.entity.queue.renew(token)) for token in request.body["lock-tokens"]]
    return _OK, {"expirations": _array(Data.TIMESTAMP, ends)}


def _renew_session_lock(request: Request) -> Reply:
    return _OK, {"expiration": milliseconds(request.entity.queue.renew_session(request.session()))}


def _get_session_state(request: Request) -> Reply:
    return _OK, {"session-state": request.session().state}


def _set_session_state(request: Request) -> Reply:
    state = request.body["session-state"]
    request.entity.queue.set_session_state(request.session(), None if state is None else bytes(state))
    return _OK, {}


def _peek(request: Request) -> Reply:
    body = request.body
    found = request.entity.queue.peek(body["from-sequence-number"], body["message-count"], body.get("session-id"))
    if not found:
        return _NO_CONTENT, None
    return _OK, {"messages": [{"message": message.encode()} for message in found]}


def _schedule(request: Request) -> Reply:
    numbers = request.entity.queue.send([bytes(item["message"]) for item in request.body["messages"]])
    return _OK, {"sequence-numbers": _array(Data.LONG, numbers)}


def _cancel_scheduled(request: Request) -> Reply:
    for number in request.body["sequence-numbers"]:
        request.entity.queue.cancel_scheduled(number)
    return _OK, {}


def _receive_deferred(request: Request) -> Reply:
    queue = request.entity.queue
    session = request.session() if queue.config.requires_session else None
    delete = request.body.get("receiver-settle-mode") == _RECEIVE_AND_DELETE
    items = []
    for message in queue.take_deferred(list(request.body["sequence-numbers"]), session, delete=delete):
        until = message.lock.until if message.lock is not None and session is None else None
        item: dict[str, Any] = {"message": message.encode(locked_until=until)}
        if message.lock is not None:
            item["lock-token"] = message.lock.token
        items.append(item)
    return _OK, {"messages": items}


def _settle(request: Request) -> Reply:
    """What the client falls back to when its link cannot settle any more."""
    queue, body = request.entity.queue, request.body
    for token in body["lock-tokens"]:
        match body["disposition-status"]:
            case "completed":
                queue.complete(token)
            case "abandoned":
                queue.abandon(token)
            case "defered":  # sic: the protocol's spelling
                queue.defer(token)
            case "suspended":
                queue.dead_letter(token, body.get("deadletter-reason"), body.get("deadletter-description"))
            case other:
                raise errors.malformed(f"'{other}' is no disposition.")
    return _OK, {}


def _list_sessions(request: Request) -> Reply:
    """Sessions with messages or state; or, given a time, those whose state was set after it."""
    since = request.body["last-updated-time"]
    everything = not 0 <= since < _ANY_TIME
    skip, top = request.body["skip"], request.body["top"]
    ids = [
        session.id
        for session in request.entity.queue.sessions
        if (everything and (session.messages or session.state is not None))
        or (not everything and session.state is not None and session.state_changed * 1000 > since)
    ]
    page = ids[skip : skip + top]
    if not page:
        return _NO_CONTENT, None
    return _OK, {"skip": int32(skip), "sessions-ids": _array(Data.STRING, page)}


_OPERATIONS: dict[str, Callable[[Request], Reply]] = {
    "renew-lock": _renew_lock,
    "renew-session-lock": _renew_session_lock,
    "get-session-state": _get_session_state,
    "set-session-state": _set_session_state,
    "peek-message": _peek,
    "schedule-message": _schedule,
    "cancel-scheduled-message": _cancel_scheduled,
    "receive-by-sequence-number": _receive_deferred,
    "update-disposition": _settle,
    "get-message-sessions": _list_sessions,
}
