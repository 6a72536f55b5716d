"""Calls to the table, one at a time: the client of this event loop, the table made once, retries while they are safe.

The SDK retries nothing here: it would also repeat a write that may have been made. A read is repeated as long as that
may help, a write only where the table said that it was too busy to begin.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import AzureError, HttpResponseError
from azure.data.tables.aio import TableClient
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from lifecycle.adapters.storage import ACCOUNT, KEY
from lifecycle.adapters.tables.address import TableAddress
from lifecycle.adapters.tables.answers import code_of, translated
from lifecycle.errors import Lost, Misconfigured, Throttled, Transient

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.core.pipeline.transport import AsyncHttpTransport

CONNECT = timedelta(seconds=5)
ANSWER = timedelta(seconds=35)  # the service gives up after 30, so what was given up here is not made later
PATIENCE = timedelta(seconds=20)  # the longest wait for one retry; where the table asks for more, the caller is told
ATTEMPTS = 4

EMULATOR = AzureNamedKeyCredential(ACCOUNT, KEY)

_backoff = wait_exponential_jitter(max=8, jitter=1)

type Work[T] = Callable[[TableClient], Awaitable[T]]


@dataclass(slots=True)
class _Opened:
    """What belongs to one event loop; `checked` once the table is known to be there."""

    client: TableClient
    checked: bool = False
    once: asyncio.Lock = field(default_factory=asyncio.Lock)


class Connection:
    """A table over one connection pool per event loop, made at the first call and kept until `close`.

    The table is made at the first call where it is not there; when it vanishes later, that is an error. The credential
    is the caller's to close.
    """

    def __init__(
        self,
        address: TableAddress,
        credential: "AsyncTokenCredential | None",
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        transport: "AsyncHttpTransport[Any, Any] | None" = None,
    ) -> None:
        if credential is None and not address.emulated:
            raise Misconfigured(f"{address} needs an identity; an emulator alone goes without one.")
        self.address = address
        self._credential = EMULATOR if address.emulated else credential
        self._sleep = sleep
        self._transport = transport
        self._opened: WeakKeyDictionary[asyncio.AbstractEventLoop, _Opened] = WeakKeyDictionary()

    async def read[T](self, what: str, work: Work[T]) -> T:
        """Do work that changes nothing, again while that may help. Raises what `answers.translated` makes of errors."""
        opened = await self._ready()
        return await self._attempts(lambda: work(opened.client), what, _is_passing)

    async def write[T](self, what: str, work: Work[T]) -> T:
        """Do work that changes something, again only while the table is too busy to begin. Raises as `read` does."""
        opened = await self._ready()
        return await self._attempts(lambda: work(opened.client), what, _is_undone)

    async def close(self) -> None:
        """Close this event loop's connections; the next call opens new ones."""
        opened = self._opened.pop(asyncio.get_running_loop(), None)
        if opened is not None:
            await opened.client.close()

    async def _ready(self) -> _Opened:
        loop = asyncio.get_running_loop()
        opened = self._opened.get(loop)
        if opened is None:
            opened = self._opened[loop] = _Opened(self._client())
        async with opened.once:
            if not opened.checked:
                await self._attempts(lambda: _make(opened.client), "make the table", _is_passing)
                opened.checked = True
        return opened

    def _client(self) -> TableClient:
        options: dict[str, Any] = {} if self._transport is None else {"transport": self._transport}
        return TableClient(
            self.address.endpoint,
            self.address.table,
            credential=self._credential,
            retry_total=0,
            connection_timeout=CONNECT.total_seconds(),
            read_timeout=ANSWER.total_seconds(),
            use_env_settings=not self.address.emulated,  # no proxy stands between this machine and itself
            **options,
        )

    async def _attempts[T](
        self, work: Callable[[], Awaitable[T]], what: str, worth: Callable[[BaseException], bool]
    ) -> T:
        async def once() -> T:
            try:
                return await work()
            except AzureError as error:
                raise translated(error, f"{self.address}, {what}") from error

        retrying = AsyncRetrying(
            sleep=self._sleep,
            stop=stop_after_attempt(ATTEMPTS),
            wait=_wait,
            retry=retry_if_exception(worth),
            reraise=True,
        )
        return await retrying(once)


# Whoever may only read may not make the table either; when it is not there, or not to be read, the reading says so.
_NOT_MADE = frozenset({"TableAlreadyExists", "AuthorizationPermissionMismatch"})


async def _make(client: TableClient) -> None:
    try:
        await client.create_table()
    except HttpResponseError as error:
        if code_of(error) not in _NOT_MADE:
            raise


def _is_passing(error: BaseException) -> bool:
    if not isinstance(error, Transient) or isinstance(error, Lost):
        return False
    return error.retry_after is None or error.retry_after <= PATIENCE


def _is_undone(error: BaseException) -> bool:
    return isinstance(error, Throttled) and _is_passing(error)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    if isinstance(error, Transient) and error.retry_after is not None:
        return error.retry_after.total_seconds()
    return _backoff(state)
