"""One client's TCP connection: asyncio moves the bytes, Proton's engine speaks AMQP 1.0, this names what happens.

May not decide anything about messages: queues do that. Link attributes of Proton hold plain values only, for they live
in C records that Python's collector cannot see through.
"""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlparse

import proton
from proton import SASL, Collector, Delivery, Event, Link, Transport, TransportException

from sandbox.broker import errors, requests, wire
from sandbox.broker.entity import Entity
from sandbox.broker.errors import BrokerError
from sandbox.broker.link import SESSION_FILTER, Receiver, condition, mirror, refuse

_CREDIT = 1000
_MAX_FRAME = 65536
_INCOMING_BYTES = 1 << 26
_MAX_BATCH = proton.symbol("com.microsoft:max-message-batch-size")


class Connection(asyncio.Protocol):
    """A client's connection. `find` looks an entity up; `connections` is where it enters itself while it is open."""

    def __init__(self, find: Callable[[str], Entity | None], connections: set["Connection"]) -> None:
        self._find = find
        self._connections = connections
        self._engine = proton.Connection()
        self._transport = Transport(Transport.SERVER)
        self._collector = Collector()
        self._receivers: dict[str, Receiver] = {}
        self._replies: dict[str, requests.ReplyLink] = {}
        self._authorized = False
        self._socket: asyncio.Transport | None = None
        self._flush: asyncio.Handle | None = None
        self._transport.max_frame_size = _MAX_FRAME
        SASL(self._transport).allowed_mechs("ANONYMOUS")
        self._engine.collect(self._collector)
        self._transport.bind(self._engine)

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_server makes
        self._socket = transport
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Feed the engine; what it refuses is no AMQP, and the connection ends."""
        try:
            while data:
                room = self._transport.capacity()
                if room <= 0:
                    self.abort()
                    return
                self._transport.push(data[:room])
                data = data[room:]
                self._handle_events()
        except TransportException:
            self.abort()
            return
        self.flush_soon()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Free what the client held, however it left."""
        self._connections.discard(self)
        if self._flush is not None:
            self._flush.cancel()
        receivers, self._receivers = self._receivers, {}
        for receiver in receivers.values():
            receiver.entity.detach(receiver)
        self._transport.unbind()

    def abort(self) -> None:
        """Close the socket without a word, as a broken network does."""
        if self._socket is not None:
            self._socket.abort()

    def flush_soon(self) -> None:
        """Write what the engine has to say before the loop waits again; many causes cost one write."""
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_soon(self._write)

    def _write(self) -> None:
        self._flush = None
        if self._socket is None or self._socket.is_closing():
            return
        while (size := self._transport.pending()) > 0:
            self._socket.write(self._transport.peek(size) or b"")
            self._transport.pop(size)
            self._handle_events()
        if size < 0:
            self._socket.close()

    def forget(self, receiver: Receiver) -> None:
        """Drop a receiver that the broker itself has closed."""
        self._receivers.pop(receiver.name, None)
        self.flush_soon()

    # The engine's side

    def _handle_events(self) -> None:
        while (event := self._collector.peek()) is not None:
            self._handle(event)
            self._collector.pop()

    def _handle(self, event: Any) -> None:  # Any: Proton calls an event's link and delivery optional
        match event.type:
            case Event.CONNECTION_REMOTE_OPEN:
                self._engine.container = "lifecycle-sandbox"
                self._engine.open()
            case Event.CONNECTION_REMOTE_CLOSE:
                self._engine.close()
            case Event.SESSION_REMOTE_OPEN:
                event.session.incoming_capacity = _INCOMING_BYTES
                event.session.open()
            case Event.SESSION_REMOTE_CLOSE:
                event.session.close()
            case Event.LINK_REMOTE_OPEN:
                self._attach(event.link)
            case Event.LINK_REMOTE_CLOSE | Event.LINK_REMOTE_DETACH:
                self._detach(event.link)
            case Event.LINK_FLOW if event.link.is_sender:
                self._grant(event.link)
            case Event.DELIVERY if event.link.is_receiver:
                self._receive(event.delivery, event.link)
            case Event.DELIVERY if event.delivery.updated:
                self._settle(event.delivery, event.link)

    def _attach(self, link: Link) -> None:
        address = (link.remote_source if link.is_sender else link.remote_target).address or ""
        node = (urlparse(address).path if "//" in address else address).strip("/").lower()
        link.snd_settle_mode, link.rcv_settle_mode = link.remote_snd_settle_mode, link.remote_rcv_settle_mode
        link.node = node
        try:
            if requests.is_request_node(node):
                self._attach_requests(link, node)
            elif not self._authorized:
                raise errors.unauthorized()
            elif (entity := self._find(node)) is None:
                raise errors.entity_not_found(address)
            elif link.is_receiver:
                self._attach_sender(link, entity)
            else:
                self._attach_receiver(link, entity)
        except BrokerError as error:
            refuse(link, error)

    def _attach_requests(self, link: Link, node: str) -> None:
        mirror(link)
        if link.is_sender:
            self._replies[node] = requests.ReplyLink(link)
        link.open()
        if link.is_receiver:
            link.flow(_CREDIT)

    def _attach_sender(self, link: Link, entity: Entity) -> None:
        """A client's sender, hence a receiver here."""
        mirror(link)
        limit = entity.queue.config.max_message_size
        link.max_message_size = limit
        link.properties = {_MAX_BATCH: limit}
        link.open()
        link.flow(_CREDIT)

    def _attach_receiver(self, link: Link, entity: Entity) -> None:
        wanted = _filter_of(link)
        session_id = wanted.get(SESSION_FILTER)
        if session_id is not None and not isinstance(session_id, str):
            raise errors.not_allowed("The session filter is no string.")
        if (SESSION_FILTER in wanted) != entity.queue.config.requires_session:
            needs = "requires" if entity.queue.config.requires_session else "does not support"
            raise errors.not_allowed(f"This queue {needs} sessions, and the receiver was made for the other kind.")
        receiver = Receiver(self, link, entity, deletes=link.remote_snd_settle_mode == Link.SND_SETTLED)
        if SESSION_FILTER in wanted:
            entity.attach_session(receiver, session_id)
        else:
            entity.attach(receiver)
        self._receivers[receiver.name] = receiver

    def _detach(self, link: Link) -> None:
        if link.is_sender:
            receiver = self._receivers.pop(link.name, None)
            if receiver is not None:
                receiver.entity.detach(receiver)
            elif requests.is_request_node(link.node):
                self._replies.pop(link.node, None)
        link.close()

    def _grant(self, link: Link) -> None:
        """A client grants credit, or asks to use it up now (drain)."""
        receiver = self._receivers.get(link.name)
        if receiver is not None:
            receiver.entity.pump()
            receiver.entity.serve(receiver)
            if link.drain_mode and link.credit > 0:
                link.drained()
        elif (replies := self._replies.get(link.node)) is not None:
            replies.drain()

    def _receive(self, delivery: Delivery, link: Link) -> None:
        """A client sent a message, a batch or a request."""
        if not delivery.readable or delivery.partial:
            return
        payload = link.recv(delivery.pending) or b""
        link.advance()
        link.flow(1)
        entity = self._find(link.node)
        try:
            if requests.is_request_node(link.node):
                self._answer(link.node, payload)
            elif entity is not None:
                entity.queue.send(_unbatch(payload))
            delivery.update(Delivery.ACCEPTED)
        except BrokerError as error:
            _reject(delivery, error)
        delivery.settle()
        if entity is not None:
            entity.pump()

    def _answer(self, node: str, payload: bytes) -> None:
        request = requests.read(payload)
        if node == requests.CBS:
            taken, reply = requests.put_token(request)
            self._authorized = self._authorized or taken
        else:
            reply = requests.manage(node, request, self._find, self)
        if node in self._replies:
            self._replies[node].send(reply)

    def _settle(self, delivery: Delivery, link: Link) -> None:
        """A client says what became of a message; it waits for the same outcome in return."""
        entity, state = self._find(link.node), delivery.remote_state
        if entity is None or not state:
            if delivery.settled:
                delivery.settle()
            return
        try:
            _apply_outcome(entity, delivery)
            if state == Delivery.MODIFIED:
                delivery.local.failed = delivery.remote.failed
                delivery.local.undeliverable = delivery.remote.undeliverable
            delivery.update(state)
        except BrokerError as error:
            _reject(delivery, error)
        delivery.settle()
        entity.pump()


def _apply_outcome(entity: Entity, delivery: Delivery) -> None:
    queue, token = entity.queue, delivery.token
    match delivery.remote_state:
        case Delivery.ACCEPTED:
            queue.complete(token)
        case Delivery.RELEASED:
            queue.release(token)
        case Delivery.MODIFIED if delivery.remote.undeliverable:
            queue.defer(token)
        case Delivery.MODIFIED:
            queue.abandon(token)
        case Delivery.REJECTED:
            reason = delivery.remote.condition
            info: Any = reason.info if reason is not None else None
            told: dict[Any, Any] = info if isinstance(info, dict) else {}
            queue.dead_letter(token, told.get("DeadLetterReason"), told.get("DeadLetterErrorDescription"))


def _reject(delivery: Delivery, error: BrokerError) -> None:
    delivery.local.condition = condition(error)
    delivery.update(Delivery.REJECTED)


def _unbatch(payload: bytes) -> list[bytes]:
    try:
        return wire.unbatch(payload)
    except wire.WireError as error:
        raise errors.malformed(f"The transfer cannot be read: {error}") from error


def _filter_of(link: Link) -> dict[Any, Any]:
    """The filter of a link's source, empty if it has none."""
    data = link.remote_source.filter
    data.rewind()
    found: Any = data.get_object() if data.next() is not None else None
    return found if isinstance(found, dict) else {}
