"""How the client is set up and what its errors mean; nothing of the vendor's leaves this folder.

The client library waits for ever where it is not told otherwise, so every operation has a time for one try and a whole.
"""

from datetime import timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from azure.servicebus import parse_connection_string
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusServerBusyError,
)

from lifecycle.errors import LifecycleError, Misconfigured, Permanent, Throttled, Transient

ATTEMPT = timedelta(seconds=20)  # one try of one operation, the opening of its link included
WHOLE = timedelta(seconds=60)  # an operation with its one retry
BUSY = timedelta(seconds=10)  # https://learn.microsoft.com/azure/service-bus-messaging/service-bus-throttling


def patience() -> dict[str, Any]:
    """Return the client's settings of retries and timeouts: one retry, which opens broken links anew."""
    return {"retry_total": 1, "retry_backoff_factor": 0.5, "try_timeout": ATTEMPT.total_seconds()}


def check_connection_string(text: str) -> None:
    """Refuse what the library would misread; the text holds a key and is never repeated."""
    try:
        parts = parse_connection_string(text)
        host = urlsplit(parts.endpoint).hostname or ""
    except ValueError as error:
        raise Misconfigured(
            "The Service Bus connection string is malformed; copy it again from the namespace."
        ) from error
    if parts.entity_path:
        raise Misconfigured(
            "The Service Bus connection string is for one queue; use the namespace's, without EntityPath."
        )
    fields = dict(field.partition("=")[::2] for field in text.split(";"))
    emulator = next((value for key, value in fields.items() if key.strip().lower() == "usedevelopmentemulator"), "")
    if emulator.strip().lower() != "true":
        return
    if emulator != "true":
        raise Misconfigured("Write UseDevelopmentEmulator=true in small letters; the client library knows no other.")
    if not _is_loopback(host):
        raise Misconfigured(
            "UseDevelopmentEmulator turns TLS off, so it is for a broker on this machine alone; remove it."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def translated(error: Exception, where: str) -> LifecycleError:
    """Return what the library's error means for a queue; `where` names the queue, no content is repeated."""
    match error:
        case MessageSizeExceededError():
            return Permanent(f"A message is larger than {where} takes; keep its body elsewhere and send a reference.")
        case MessagingEntityNotFoundError():
            return Permanent(f"The queue {where} does not exist; deploy it, or mend its name in the settings.")
        case ServiceBusAuthenticationError() | ServiceBusAuthorizationError():
            return Permanent(
                f"The identity may not use {where}; give it the role Azure Service Bus Data Sender to send,"
                " Azure Service Bus Data Receiver to browse and take."
            )
        case ServiceBusServerBusyError():
            return Throttled(f"Service Bus is too busy for {where}.", retry_after=BUSY)
        case _:
            return Transient(f"Service Bus did not serve {where}: {type(error).__name__}.")
