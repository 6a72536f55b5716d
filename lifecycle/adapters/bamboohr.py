"""BambooHR: whom its webhook names, and one employee whole from its API. Nothing of a webhook but the ids is used.

Facts: a webhook is signed with HMAC-SHA256, in hex, over the raw body followed by the header `X-BambooHR-Timestamp`,
with the private key made in BambooHR (https://documentation.bamboohr.com/docs/webhooks). Its body is an event with one
`employeeId` (.../docs/event-based-webhooks) or has a list of `employees` (.../docs/field-based-webhooks). The timestamp
is not compared with our clock: a notice told again costs a read and changes nothing. An API key is the user name of
basic authentication, and a field that its owner may not see is left out of the answer without an error. When it is busy
it answers 503 or 429, mostly with `Retry-After` (.../docs/getting-started).
"""

import asyncio
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from weakref import WeakKeyDictionary

import httpx
import msgspec
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from lifecycle.adapters import bamboohr_feed
from lifecycle.adapters.feed_paths import first_name
from lifecycle.adapters.graph.answers import retry_after
from lifecycle.adapters.mapping import FeedMapping, Format
from lifecycle.core.snapshot import Entry, Terms
from lifecycle.errors import MalformedEvent, Misconfigured, Permanent, Refused, Throttled, Transient, Untrusted

ATTEMPTS = 3
PATIENCE = timedelta(seconds=10)
"""How long is waited in place when BambooHR says so; a longer wait is a message for later."""

ANSWER = timedelta(seconds=20)
"""How long an answer may take from beginning to end, however slowly it drips."""

BODY_LIMIT = 256 * 1024
ANSWER_LIMIT = 1024 * 1024
NAMED_LIMIT = 1000
"""Employees that one notice may name: each costs a read, and BambooHR itself sends changes in small numbers."""

_REFERENCE = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-f]{64}", re.ASCII)
_backoff = wait_exponential_jitter(multiplier=0.5, max=5, jitter=0.5)


class _Data(msgspec.Struct, rename="camel"):
    employee_id: str | int


class _Event(msgspec.Struct):
    """One employee (`data`), or several (`employees`): BambooHR has both forms of notice."""

    data: _Data | None = None
    employees: list[dict[str, Any]] | None = None


class BambooHR:
    """The port `Fetch` for one BambooHR company. Makes its client at the first call; `close` ends it."""

    def __init__(
        self,
        base: str,
        mapping: FeedMapping,
        *,
        key: str,
        webhook_key: str,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        transport: httpx.AsyncBaseTransport | None = None,
        answer: timedelta = ANSWER,
    ) -> None:
        """`base` is the API's URL with its version, as https://api.example.com/api/v1.

        Raises `Misconfigured` when the mapping is of another format.
        """
        if mapping.format is not Format.BAMBOOHR:
            raise Misconfigured(
                f"the mapping of {mapping.terms.source} is of the format {mapping.format}, not bamboohr"
            )
        self._base, self._mapping = base.rstrip("/"), mapping
        self._key, self._webhook_key = key, webhook_key
        self._sleep, self._transport, self._answer = sleep, transport, answer
        self._fields = ",".join(sorted({first_name(column) for column in mapping.wanted}))
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()

    @property
    def terms(self) -> Terms:
        """Return what the mapping says of the source."""
        return self._mapping.terms

    def named(self, headers: Mapping[str, str], body: bytes) -> tuple[str, ...]:
        """Return the ids of the employees that a signed webhook names (see `Fetch.named`)."""
        self._check_signature({name.casefold(): value for name, value in headers.items()}, body)
        try:
            event = msgspec.json.decode(body, type=_Event)
        except RecursionError:
            raise MalformedEvent("$", "is nested too deeply") from None
        except msgspec.MsgspecError:
            raise MalformedEvent("$", "is no webhook of BambooHR's in JSON") from None
        found: list[object] = [] if event.data is None else [event.data.employee_id]
        found += [one.get("id") for one in event.employees or ()]
        if not found and event.employees is None:
            raise MalformedEvent("$", "names nobody: it has neither `data.employeeId` nor `employees`")
        if len(found) > NAMED_LIMIT:
            raise MalformedEvent("$.employees", f"names more than {NAMED_LIMIT} employees")
        return tuple(dict.fromkeys(_reference(one) for one in found))

    def _check_signature(self, headers: Mapping[str, str], body: bytes) -> None:
        if len(body) > BODY_LIMIT:
            raise Untrusted(f"a webhook of BambooHR's is larger than {BODY_LIMIT // 1024} KiB")
        given = headers.get("x-bamboohr-signature", "").strip().casefold()
        stamp = headers.get("x-bamboohr-timestamp", "")
        if not stamp or not _SIGNATURE.fullmatch(given):
            raise Untrusted("a webhook of BambooHR's is not signed: give it a private key there, the same as here")
        made = hmac.new(self._webhook_key.encode(), body + stamp.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(made, given):
            raise Untrusted("a webhook of BambooHR's has another signature than ours: the private keys differ")

    async def person(self, reference: str) -> Entry | None:
        """Return the employee as BambooHR has them now (see `Fetch.person`); None when it answers 404."""
        reference = _reference(reference)

        async def once() -> bytes | None:
            return await self._ask(reference)

        retrying = AsyncRetrying(
            sleep=self._sleep,
            stop=stop_after_attempt(ATTEMPTS),
            wait=_wait,
            retry=retry_if_exception(_is_passing),
            reraise=True,
        )
        content: bytes | None = await retrying(once)
        return None if content is None else self._entry(reference, content)

    async def _ask(self, reference: str) -> bytes | None:
        """Ask once. Raises as `person` does."""
        what = f"BambooHR, employee {reference}"
        url = f"{self._base}/employees/{reference}"
        try:
            async with asyncio.timeout(self._answer.total_seconds()):
                client = self._client()
                async with client.stream("GET", url, params={"fields": self._fields, "onlyCurrent": "true"}) as answer:
                    _check_status(answer, what)
                    return None if answer.status_code == HTTPStatus.NOT_FOUND else await _content(answer, what)
        except TimeoutError:
            raise Transient(f"{what}: no answer within {self._answer.total_seconds():g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Transient(f"{what}: not reached ({type(error).__name__})") from None

    def _entry(self, reference: str, content: bytes) -> Entry:
        try:
            found = bamboohr_feed.read(content, self._mapping)
        except Misconfigured as error:
            raise Permanent(f"BambooHR, employee {reference}: {error}") from None
        if found.whole or len(found.entries) != 1:
            raise Permanent(f"BambooHR, employee {reference}: the answer is not one employee")
        given = msgspec.json.decode(content, type=dict[str, Any]).get("id")
        if str(given) != reference:
            raise Permanent(f"BambooHR, employee {reference}: the answer is about somebody else, or does not say whom")
        return found.entries[0]

    def _client(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = httpx.AsyncClient(
                auth=httpx.BasicAuth(self._key, "x"),
                headers={"Accept": "application/json"},
                timeout=self._answer.total_seconds(),
                follow_redirects=False,  # the key is for this host alone
                transport=self._transport,
            )
        return client

    async def close(self) -> None:
        """Close this event loop's connections."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()


def _reference(given: object) -> str:
    """Return an employee's id as BambooHR writes it, a number. Raises `MalformedEvent`."""
    text = str(given) if isinstance(given, int | str) and not isinstance(given, bool) else ""
    if not _REFERENCE.fullmatch(text):
        raise MalformedEvent("$", "names somebody by what is no employee's id, a number")
    return text


def _check_status(answer: httpx.Response, what: str) -> None:
    """Raise what an answer means that is neither an employee nor that there is none."""
    status, wait = answer.status_code, retry_after(answer.headers)
    where = f"{what}: it answered {status}"
    if status in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
        return
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status == HTTPStatus.SERVICE_UNAVAILABLE and wait is not None):
        raise Throttled(where, retry_after=wait)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        raise Transient(where, retry_after=wait)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise Refused(f"{where}: its key is not, or no longer, allowed to read; mend BAMBOOHR_KEY", status=status)
    raise Refused(f"{where}; is BAMBOOHR_URL right?", status=status)


async def _content(answer: httpx.Response, what: str) -> bytes:
    content = bytearray()
    async for some in answer.aiter_bytes():
        content += some
        if len(content) > ANSWER_LIMIT:
            raise Permanent(f"{what}: the answer is larger than {ANSWER_LIMIT // 1024} KiB")
    return bytes(content)


def _is_passing(error: BaseException) -> bool:
    return isinstance(error, Transient) and (error.retry_after is None or error.retry_after <= PATIENCE)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    if isinstance(error, Transient) and error.retry_after is not None:
        return error.retry_after.total_seconds()
    return _backoff(state)
