"""Looks at what lies in a queue, and takes one message away.

Service Bus shows any message (peek) but removes only what it has delivered, and delivers in order.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus._common import mgmt_handlers
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.amqp import AmqpMessageBodyType

from lifecycle.adapters.servicebus.connection import WHOLE
from lifecycle.ports import Queue, SetAside

PAGE = 100
GATHER = timedelta(seconds=2)  # how long a receive waits for the next messages
DEAD_LETTER_PROPERTIES = frozenset({"DeadLetterReason", "DeadLetterErrorDescription"})  # the broker's, not the sender's

type Peek = Callable[[int, int], Awaitable[list[ServiceBusReceivedMessage]]]
"""Looks at messages from a sequence number on, at most so many."""


async def peek(receiver: ServiceBusReceiver, start: int, most: int) -> list[ServiceBusReceivedMessage]:
    """Look at a queue without sessions, a dead-letter queue, or the one session that the receiver has."""
    return await receiver.peek_messages(most, sequence_number=start, timeout=WHOLE.total_seconds())


def session_browser(client: Any, name: str) -> Any:
    """Return the library's own handler without links, for a queue with sessions; the caller closes it.

    A public receiver would have to lock each session to look at it, in the way of the workers. Service Bus answers
    without (https://github.com/Azure/azure-sdk-for-net/issues/10722), and .NET's receiver peeks like that.
    """
    return client._create_session_browser(name)  # noqa: SLF001 - no public way


async def peek_over_sessions(browser: Any, start: int, most: int) -> list[ServiceBusReceivedMessage]:
    """Look at a queue with sessions, all of them."""
    transport = browser._amqp_transport  # noqa: SLF001 - as above
    found: list[ServiceBusReceivedMessage] = await browser._mgmt_request_response_with_retry(  # noqa: SLF001
        b"com.microsoft:peek-message",
        {"from-sequence-number": transport.AMQP_LONG_VALUE(start), "message-count": most},
        partial(mgmt_handlers.peek_op, receiver=browser, amqp_transport=transport),
        keep_alive_associated_link=False,
        timeout=WHOLE.total_seconds(),
    )
    return found


async def pages(look: Peek) -> AsyncIterator[ServiceBusReceivedMessage]:
    """Look at everything, page by page."""
    start = 1
    while page := await look(start, PAGE):
        for message in page:
            yield message
        start = (page[-1].sequence_number or 0) + 1


async def lies(receiver: ServiceBusReceiver, number: int) -> bool:
    """Whether the message is there, whoever has it."""
    return any(found.sequence_number == number for found in await peek(receiver, number, 1))


async def take(receiver: ServiceBusReceiver, number: int) -> bool:
    """Receive, ever more at once, until the message comes; complete it and give all others back."""
    others: list[ServiceBusReceivedMessage] = []
    most = 1
    try:
        while received := await receiver.receive_messages(most, max_wait_time=GATHER.total_seconds()):
            wanted = [message for message in received if message.sequence_number == number]
            others += [message for message in received if message.sequence_number != number]
            for message in wanted:
                await receiver.complete_message(message)
                return True
            most = min(most * 2, PAGE)
        return False
    finally:
        for message in others:
            await _give_back(receiver, message)


async def _give_back(receiver: ServiceBusReceiver, message: ServiceBusReceivedMessage) -> None:
    """Release the message, as the library itself does with what it received too much; abandoning would count.

    Where that fails, the lock runs out by itself: no reason to hide whether the wanted message was taken.
    """
    with contextlib.suppress(Exception):
        await receiver._handler.settle_messages_async(  # noqa: SLF001 - there is no public way to release
            message._delivery_id,  # noqa: SLF001
            message._delivery_tag,  # noqa: SLF001
            "released",
        )


def set_aside(message: ServiceBusReceivedMessage, queue: Queue, *, dead: bool) -> SetAside:
    """Return the message in our words; of a dead one the broker's reason comes before the sender's."""
    properties = {_text(key): _text(value) for key, value in (message.application_properties or {}).items()}
    broker = [text for text in (message.dead_letter_reason, message.dead_letter_error_description) if text]
    return SetAside(
        queue,
        dead,
        message.sequence_number or 0,
        _text(message.message_id or ""),
        message.enqueued_time_utc or datetime.min.replace(tzinfo=UTC),
        _body(message),
        (": ".join(broker) if dead else "") or properties.get("reason", ""),
        message.session_id,
        {key: value for key, value in properties.items() if key not in DEAD_LETTER_PROPERTIES},
    )


def _body(message: ServiceBusReceivedMessage) -> bytes:
    """Return the body; anybody may send anything, so one that is no bytes is shown as text."""
    if message.body_type is AmqpMessageBodyType.DATA:
        return b"".join(message.body)
    return _text(message.body if message.body_type is AmqpMessageBodyType.VALUE else list(message.body)).encode()


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
