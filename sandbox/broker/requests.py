"""The request/response nodes $cbs and $management: a request is read, its reply worded and sent when there is credit.

$cbs takes any token that is not empty: it shows that a client sends one, not that it is right. It words its status with
hyphens, $management in camel case; both are what azure-servicebus 7.15 reads.
"""

from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any

from proton import Link, Message, MessageException, int32, symbol

from sandbox.broker import errors, management
from sandbox.broker.entity import Entity
from sandbox.broker.errors import BrokerError

CBS = "$cbs"
_MANAGEMENT_SUFFIX = "/$management"
_ACCEPTED, _BAD_REQUEST, _OK = 202, 400, 200


def is_request_node(address: str) -> bool:
    """Whether a link to this address carries requests instead of messages."""
    return address == CBS or address.endswith(_MANAGEMENT_SUFFIX)


class ReplyLink:
    """The link on which a client reads replies, and those that wait for credit."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._waiting: deque[bytes] = deque()
        self._tags = count()

    def send(self, reply: bytes) -> None:
        """Send a reply, now or when the client grants credit."""
        self._waiting.append(reply)
        self.drain()

    def drain(self) -> None:
        """Send what credit allows."""
        while self._waiting and self._link.credit > 0:
            delivery = self._link.delivery(str(next(self._tags)))
            self._link.stream(self._waiting.popleft())
            self._link.advance()
            delivery.settle()


def read(payload: bytes) -> Message:
    """A request. Raises BrokerError when the bytes are none."""
    request = Message()
    try:
        request.decode(payload)
    except (MessageException, ValueError, TypeError, KeyError) as error:
        raise errors.malformed("The request cannot be read.") from error
    return request


def put_token(request: Message) -> tuple[bool, bytes]:
    """Whether the token is taken, and the reply."""
    taken = _operation(request) == "put-token" and bool(request.body)
    status = _ACCEPTED if taken else _BAD_REQUEST
    properties = {"status-code": int32(status), "status-description": "Accepted" if taken else "Bad Request"}
    return taken, _encode(Message(properties=properties, correlation_id=request.id))


def manage(node: str, request: Message, find: Callable[[str], Entity | None], connection: object) -> bytes:
    """The reply of an entity's $management node."""
    address = node.removesuffix(_MANAGEMENT_SUFFIX)
    try:
        if (entity := find(address)) is None:
            raise errors.entity_not_found(address)
        body = request.body if isinstance(request.body, dict) else {}
        status, value = management.perform(_operation(request), management.Request(entity, connection, body))
        properties: dict[str, Any] = {
            "statusCode": int32(status),
            "statusDescription": "OK" if status == _OK else "No Content",
        }
    except BrokerError as error:
        value = None
        properties = {
            "statusCode": int32(error.status),
            "statusDescription": error.text,
            "errorCondition": symbol(error.condition),
        }
    return _encode(Message(body=value, properties=properties, correlation_id=request.id))


def _operation(request: Message) -> object:
    properties: dict[Any, Any] = request.properties or {}
    return properties.get("operation")


def _encode(reply: Message) -> bytes:
    encoded: bytes = reply.encode()
    return encoded
