"""Puts messages on a queue in as few requests as fit."""

from collections.abc import Sequence
from datetime import datetime

from azure.servicebus import ServiceBusMessage, ServiceBusMessageBatch
from azure.servicebus.aio import ServiceBusSender
from azure.servicebus.exceptions import MessageSizeExceededError

from lifecycle.adapters.servicebus.connection import WHOLE
from lifecycle.errors import Permanent
from lifecycle.ports import Message

CONTENT_TYPE = "application/cloudevents+json"
SCHEDULE_COUNT = 100
SCHEDULE_SIZE = 192 * 1024  # bytes in one request to schedule; the least limit is 256 KiB
MESSAGE_OVERHEAD = 2 * 1024  # bytes of ids and properties reckoned for each


def outgoing(message: Message) -> ServiceBusMessage:
    """Return the message as the library sends it. Raises `Permanent` when an id is too long."""
    try:
        return ServiceBusMessage(
            message.body,
            message_id=message.id,
            session_id=message.session,
            application_properties=dict(message.properties.items()),
            content_type=CONTENT_TYPE,
        )
    except ValueError as error:
        raise Permanent(
            f"A message id or session has more than 128 characters: {message.id[:128]}; hash it."
        ) from error


async def send(sender: ServiceBusSender, messages: Sequence[ServiceBusMessage]) -> None:
    """Send in batches, in order."""
    batch = await sender.create_message_batch()
    for message in messages:
        if _fits(batch, message):
            continue
        await sender.send_messages(batch, timeout=WHOLE.total_seconds())
        batch = await sender.create_message_batch()
        if not _fits(
            batch, message
        ):  # a single message may be larger than a batch; the queue says no if it is too large
            await sender.send_messages(message, timeout=WHOLE.total_seconds())
    await sender.send_messages(batch, timeout=WHOLE.total_seconds())


def _fits(batch: ServiceBusMessageBatch, message: ServiceBusMessage) -> bool:
    try:
        batch.add_message(message)
    except MessageSizeExceededError:
        return False
    return True


async def schedule(sender: ServiceBusSender, messages: Sequence[ServiceBusMessage], at: datetime) -> None:
    """Schedule in parts, in order; there are no batches of the library for that."""
    part: list[ServiceBusMessage] = []
    size = 0
    for message in messages:
        need = len(b"".join(message.body)) + MESSAGE_OVERHEAD
        if part and (size + need > SCHEDULE_SIZE or len(part) == SCHEDULE_COUNT):
            await sender.schedule_messages(part, at, timeout=WHOLE.total_seconds())
            part, size = [], 0
        part.append(message)
        size += need
    await sender.schedule_messages(part, at, timeout=WHOLE.total_seconds())
