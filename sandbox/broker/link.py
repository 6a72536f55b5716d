"""A client's receiving link: what it asked for, the session it holds, and how messages go out on it.

May not decide which message goes where; `entity.py` does.
"""

import time
import uuid
from typing import TYPE_CHECKING, Any, cast

from proton import Condition, Link, Terminus, symbol

from sandbox.broker.errors import BrokerError
from sandbox.broker.message import Message
from sandbox.broker.session import Session

if TYPE_CHECKING:
    from sandbox.broker.connection import Connection
    from sandbox.broker.entity import Entity

SESSION_FILTER = symbol("com.microsoft:session-filter")
_LOCKED_UNTIL = symbol("com.microsoft:locked-until-utc")
_TIMEOUT = symbol("com.microsoft:timeout")
_TICKS_PER_SECOND, _TICKS_AT_UNIX_EPOCH = 10_000_000, 621_355_968_000_000_000  # .NET counts from the year 1
_DEFAULT_SESSION_WAIT = 65.0  # seconds; the service's own default is not documented


def condition(error: BrokerError) -> Condition:
    """A refusal as an AMQP error, with info: azure-servicebus 7.15 hangs on a rejected send that has none."""
    return Condition(error.condition, error.text, {symbol("com.microsoft:tracking-id"): uuid.uuid4().hex})


def mirror(link: Link) -> None:
    """Answer with the addresses that the client asked for; it compares them."""
    link.source.copy(link.remote_source)
    link.target.copy(link.remote_target)


def refuse(link: Link, error: BrokerError) -> None:
    """Refuse a link: attach with null source and target, then detach with the error (AMQP 1.0, 2.6.3)."""
    link.source.type = link.target.type = Terminus.UNSPECIFIED
    link.open()
    link.condition = condition(error)
    link.close()


class Receiver:
    """One receiving link of a client; `session` is what it holds once it has been opened."""

    def __init__(self, connection: "Connection", link: Link, entity: "Entity", *, deletes: bool) -> None:
        self.connection = connection
        self.entity = entity
        self.deletes = deletes
        self.session: Session | None = None
        self.deadline = time.monotonic() + _wait_for_session(link)
        self._link = link

    @property
    def name(self) -> str:
        """The link's name, unique within its connection."""
        return str(self._link.name)

    @property
    def has_credit(self) -> bool:
        """Whether the client would take a message now."""
        return bool(self._link.credit > 0)

    def open(self, session: Session | None = None) -> None:
        """Confirm the link; the session that was accepted is told by its real id and lock."""
        mirror(self._link)
        self.session = session
        if session is not None:
            self._link.source.filter.clear()
            self._link.source.filter.put_dict({SESSION_FILTER: session.id})
            self._link.properties = {
                _LOCKED_UNTIL: int((session.until or 0) * _TICKS_PER_SECOND) + _TICKS_AT_UNIX_EPOCH
            }
        self._link.max_message_size = self.entity.queue.config.max_message_size
        self._link.open()
        self.connection.flush_soon()

    def refuse(self, error: BrokerError) -> None:
        """Tell a client that still waits for its session that there is none."""
        refuse(self._link, error)
        self.connection.forget(self)

    def lose(self, error: BrokerError) -> None:
        """Take the link away from a client, its session already released."""
        self.session = None
        self._link.condition = condition(error)
        self._link.close()
        self.connection.forget(self)

    def deliver(self, message: Message) -> None:
        """Send a message; the delivery tag is the lock token, as .NET lays out a Guid."""
        token = message.lock.token if message.lock is not None else uuid.uuid4()
        until = message.lock.until if message.lock is not None and self.session is None else None
        delivery = self._link.delivery(cast("Any", token.bytes_le))  # bytes; Proton's annotation says str
        delivery.token = token
        self._link.stream(message.encode(locked_until=until))
        self._link.advance()
        if self.deletes:
            delivery.settle()
        self.connection.flush_soon()


def _wait_for_session(link: Link) -> float:
    """How long the client is willing to wait for any session, in seconds."""
    milliseconds = (link.remote_properties or {}).get(_TIMEOUT)
    return milliseconds / 1000 if isinstance(milliseconds, int) else _DEFAULT_SESSION_WAIT
