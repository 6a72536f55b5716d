"""How a queue is set up and how much lies in it, without taking, counting or locking anybody's message.

Properties come over HTTP from the management endpoint, which wants rights that the app's identity need not have; what
AMQP shows is asked besides, so that the queue is seen to be there, and to be of the right kind, in any case.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.servicebus import ServiceBusMessageState
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import (
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusError,
    SessionCannotBeLockedError,
)

from lifecycle.adapters.servicebus import connection, looking
from lifecycle.adapters.servicebus.bus import SESSIONS
from lifecycle.core.configured import QueueSeen
from lifecycle.errors import LifecycleError, Misconfigured, Refused
from lifecycle.ports import Queue

if TYPE_CHECKING:
    from azure.servicebus.aio.management import ServiceBusAdministrationClient
    from azure.servicebus.management import QueueProperties

PATIENCE = timedelta(seconds=10)  # for one call of the management endpoint, which a firewall may swallow
NO_ONES = "lifecycle-check"
"""A session that no person has: asking for it tells a queue with sessions from one without, and meets no message."""
_KIND = "amqp:not-allowed"
_LOCAL = "a broker on this machine has no management endpoint"


class ServiceBusNamespace:
    """Implements `Namespace` on the queues that `names` maps the roles to; opens and closes what it needs by itself."""

    def __init__(
        self,
        connect: Callable[[], ServiceBusClient],
        administer: "Callable[[], ServiceBusAdministrationClient] | None",
        names: Mapping[Queue, str],
    ) -> None:
        self._connect, self._administer, self._names = connect, administer, names

    @classmethod
    def by_identity(cls, namespace: str, credential: AsyncTokenCredential, names: Mapping[Queue, str]) -> Self:
        """Look as the identity, which the caller keeps and closes."""
        patience = connection.patience()

        def administer() -> "ServiceBusAdministrationClient":
            from azure.servicebus.aio.management import (  # noqa: PLC0415 - loads an HTTP stack that only this needs
                ServiceBusAdministrationClient,
            )

            return ServiceBusAdministrationClient(namespace, credential, retry_total=0)

        return cls(partial(ServiceBusClient, namespace, credential, **patience), administer, names)

    @classmethod
    def by_connection_string(cls, text: str, names: Mapping[Queue, str]) -> Self:
        """Look at a broker on this machine. Raises `Misconfigured` as `ServiceBus.by_connection_string` does."""
        connection.check_connection_string(text)
        return cls(partial(ServiceBusClient.from_connection_string, text, **connection.patience()), None, names)

    @property
    def sessions(self) -> Collection[Queue]:
        """Return the queues that must have sessions."""
        return SESSIONS

    async def look(self, queue: Queue) -> QueueSeen:
        """Return how the queue is set up and how much lies in it (a hundred messages at most are looked at).

        Raises `Refused` when it does not exist (404) or may not be read (403), `Transient` when nobody answers.
        """
        if (name := self._names.get(queue)) is None:
            raise Misconfigured(f"No queue is named for the role {queue}; name it in the settings.")
        where = f"{queue} ({name})"
        try:
            properties, hidden = await self._properties(name)
            async with asyncio.timeout(connection.WHOLE.total_seconds()), self._client() as client:
                waiting, dead = await _lying(client, name), await _lying(client, f"{name}/$DeadLetterQueue")
                sessions = await _has_sessions(client, name) if properties is None else properties.requires_session
        except ResourceNotFoundError as error:
            text = f"The queue {where} does not exist; deploy it, or mend its name in the settings."
            raise Refused(text, status=HTTPStatus.NOT_FOUND) from error
        except (AzureError, OSError, TimeoutError) as error:
            raise _translated(error, where) from error
        return _seen(properties, hidden, sessions=sessions, waiting=waiting, dead=dead)

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[ServiceBusClient]:
        client = self._connect()
        try:
            yield client
        finally:
            await client.close()

    async def _properties(self, name: str) -> "tuple[QueueProperties | None, str]":
        """Return the queue's properties, or why they are not known. Raises `ResourceNotFoundError`."""
        if self._administer is None:
            return None, _LOCAL
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()), self._administer() as administration:
                return await administration.get_queue(name), ""
        except ResourceNotFoundError:
            raise
        except HttpResponseError as error:
            denied = error.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
            why = "this identity may not read them" if denied else f"the answer was {error.status_code or 'no token'}"
            return None, f"{why} (management endpoint)"
        except (AzureError, OSError, TimeoutError) as error:
            return None, f"the management endpoint did not answer ({type(error).__name__})"


def _translated(error: Exception, where: str) -> LifecycleError:
    """Return what the library's error means, with a status where Service Bus said no."""
    told = connection.translated(error, where)
    match error:
        case MessagingEntityNotFoundError():
            return Refused(str(told), status=HTTPStatus.NOT_FOUND)
        case ServiceBusAuthenticationError() | ServiceBusAuthorizationError():
            return Refused(str(told), status=HTTPStatus.FORBIDDEN)
        case _:
            return told


async def _lying(client: ServiceBusClient, name: str) -> int:
    """Count what lies there, a page at most. No link is opened, so nothing can be delivered to us."""
    browser = looking.session_browser(client, name)
    try:
        page = await looking.peek_over_sessions(browser, 1, looking.PAGE)
    finally:
        await browser.close()
    return sum(message.state is ServiceBusMessageState.ACTIVE for message in page)


async def _has_sessions(client: ServiceBusClient, name: str) -> bool | None:
    """Ask for a session that nobody has: a queue without sessions refuses that, whatever lies in it."""
    try:
        async with client.get_queue_receiver(name, session_id=NO_ONES, max_wait_time=1):
            return True
    except SessionCannotBeLockedError:
        return True  # another check has it
    except ServiceBusError as error:
        return False if _condition(error) == _KIND else None


def _condition(error: ServiceBusError) -> str:
    """Return the AMQP condition that the library keeps with its error: text, bytes, or a member of its enumeration."""
    found = getattr(error, "_condition", "")
    found = getattr(found, "value", found)
    return found.decode("ascii", "replace") if isinstance(found, bytes) else str(found)


def _seen(
    properties: "QueueProperties | None",
    hidden: str,
    *,
    sessions: bool | None,
    waiting: int,
    dead: int,
) -> QueueSeen:
    if properties is None:
        return QueueSeen(sessions=sessions, waiting=waiting, dead=dead, hidden=hidden)
    return QueueSeen(
        sessions=sessions,
        duplicates=properties.requires_duplicate_detection,
        window=_span(properties.duplicate_detection_history_time_window),
        lock=_span(properties.lock_duration),
        deliveries=properties.max_delivery_count,
        partitioned=properties.enable_partitioning,
        time_to_live=_span(properties.default_message_time_to_live),
        dead_on_expiry=properties.dead_lettering_on_message_expiration,
        active=None if properties.status is None else str(properties.status).rpartition(".")[2].casefold() == "active",
        waiting=waiting,
        dead=dead,
    )


def _span(value: object) -> timedelta | None:
    """Return a duration; the library says it may be text too, which is then not known."""
    return value if isinstance(value, timedelta) else None
