"""What Service Bus refuses, as its AMQP error conditions and management status codes.

The condition names decide which exception the client library raises, so they are spelled as the service spells them
(azure-servicebus 7.15, `_common/constants.py`). Nothing here may carry a payload or a name: only ids and sizes.
"""


class BrokerError(Exception):
    """A refusal that is told to the client: AMQP error condition, a sentence, and the status of a management reply."""

    def __init__(self, condition: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.condition = condition
        self.text = text
        self.status = status


def message_lock_lost() -> BrokerError:
    """The lock token is unknown, expired or already settled."""
    return BrokerError(
        "com.microsoft:message-lock-lost",
        "The lock supplied is invalid. Either the lock expired, or the message has already been removed.",
        410,
    )


def session_lock_lost() -> BrokerError:
    """The session is not, or no longer, held by who asks."""
    return BrokerError(
        "com.microsoft:session-lock-lost", "The session lock has expired. Accept the session again.", 410
    )


def session_taken(session_id: str) -> BrokerError:
    """Another receiver holds the session."""
    return BrokerError(
        "com.microsoft:session-cannot-be-locked",
        f"The requested session '{session_id}' cannot be accepted. It may be locked by another receiver.",
        410,
    )


def no_session() -> BrokerError:
    """No session became available before the deadline that the client set."""
    return BrokerError("com.microsoft:timeout", "No session was available within the allotted time.", 408)


def message_not_found(sequence_number: int) -> BrokerError:
    """No message with this number is in the state that the operation needs."""
    return BrokerError(
        "com.microsoft:message-not-found", f"There is no such message with sequence number {sequence_number}.", 404
    )


def entity_not_found(address: str) -> BrokerError:
    """No queue has this address."""
    return BrokerError("amqp:not-found", f"The messaging entity '{address}' could not be found.", 404)


def not_allowed(text: str) -> BrokerError:
    """The queue is not of the kind that the client takes it for."""
    return BrokerError("amqp:not-allowed", text)


def unauthorized() -> BrokerError:
    """No token was put on this connection before the link was attached."""
    return BrokerError("amqp:unauthorized-access", "Unauthorized access. Put a token to $cbs first.", 401)


def too_large(size: int, limit: int) -> BrokerError:
    """A message, or a batch as a whole, over the size limit (bytes)."""
    return BrokerError(
        "amqp:link:message-size-exceeded",
        f"The received message (size: {size}) exceeds the limit ({limit} bytes) currently allowed on the link.",
    )


def malformed(text: str) -> BrokerError:
    """Bytes that are no AMQP message, or a request without what it needs."""
    return BrokerError("com.microsoft:argument-error", text)


def server_busy() -> BrokerError:
    """The throttling answer; the client library retries it after at least 4 s."""
    return BrokerError("com.microsoft:server-busy", "The request was terminated because the entity is throttled.", 503)


def not_supported(operation: str) -> BrokerError:
    """A management operation that this broker does not have."""
    return BrokerError("amqp:not-implemented", f"Operation {operation} is not supported.", 501)
