"""Calls to Graph, one at a time: permission checked, retried while that is safe, pages followed to their end.

This module knows nothing of assignments or users, and decides nothing: it answers, or raises what `lifecycle.errors`
names. It is the only place that retries an HTTP call; whoever waits longer does so by a scheduled message.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import msgspec
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from lifecycle.adapters.graph.answers import Answer, Call, failure, stale
from lifecycle.adapters.graph.credential import StaticToken, is_loopback, token_for
from lifecycle.adapters.graph.observed import Watch
from lifecycle.adapters.graph.permissions import ListingMode, Method, permission_for
from lifecycle.adapters.graph.urls import url_of
from lifecycle.adapters.graph.wire import Page
from lifecycle.errors import Ambiguous, Misconfigured, Permanent, StaleLink, Transient

if TYPE_CHECKING:
    import httpx
    from azure.core.credentials_async import AsyncTokenCredential

    from lifecycle.adapters.graph.pipeline import Pipeline

GRAPH = "https://graph.microsoft.com/v1.0"
_ALWAYS = {"Prefer": "include-unknown-enum-members", "Accept": "application/json"}
_LOW = {"x-ms-throttle-priority": "Low"}  # Graph throttles these first, and people's own calls last
_NONE: Mapping[str, str] = {}
_ID = re.compile(r"[A-Za-z0-9-]{1,100}")  # dots and slashes would lead to another path
_SHARE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,10})?")
_backoff = wait_exponential_jitter(initial=1, max=16, jitter=1)


class GraphClient:
    """Graph over one connection pool per event loop, made at the first call and kept until `close`.

    `patience` is the longest wait for one retry; where Graph asks for more, `Throttled` says so at once. `attempts`
    counts the first one. `throttle` is the share of the limit that Graph said is used up when the last call ended, 0
    when it said nothing (`x-ms-throttle-limit-percentage`, sent from 0.8 on), 1 when that call met a 429, retried or
    not. The credential is the caller's to close.
    """

    def __init__(
        self,
        credential: "AsyncTokenCredential",
        *,
        mode: ListingMode = ListingMode.DIRECTORY,
        base_url: str = GRAPH,
        patience: timedelta = timedelta(seconds=20),
        attempts: int = 4,
        timeout: timedelta = timedelta(seconds=30),
        max_pages: int = 1000,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        transport: "httpx.AsyncBaseTransport | None" = None,
    ) -> None:
        _check(base_url, credential)
        self.mode = mode
        self.throttle = 0.0
        self._credential = credential
        self._base_url = base_url.rstrip("/")
        self._origin = _origin(base_url)
        self._patience = patience
        self._timeout = timeout
        self._max_pages = max_pages
        self._transport = transport
        self._pipelines: WeakKeyDictionary[asyncio.AbstractEventLoop, Pipeline] = WeakKeyDictionary()
        self._retrying = AsyncRetrying(
            sleep=sleep,
            stop=stop_after_attempt(attempts),
            wait=_wait,
            retry=retry_if_exception(self._worth_repeating),
            reraise=True,
        )

    async def get[T](
        self,
        path: str,
        decoder: msgspec.json.Decoder[T],
        *,
        ids: Mapping[str, str] = _NONE,
        query: Mapping[str, str] = _NONE,
    ) -> T:
        """Read one thing; `query` has `expand`, `filter`, `select` and `top` without their dollar signs.

        Raises `Throttled` or `Transient` after the last attempt, `Transient` for an answer that cannot be read,
        `Refused`, `Misconfigured` for an endpoint that the table does not have.
        """
        call = self._allowed("GET", path)
        return _decoded(call, await self._call(call, ids=ids, query=query), decoder)

    async def answer(self, path: str, *, ids: Mapping[str, str] = _NONE, query: Mapping[str, str] = _NONE) -> Answer:
        """Read one thing as it came, with its headers, at low priority. Raises as `get` does."""
        return await self._call(self._allowed("GET", path), ids=ids, query=query, headers=_LOW)

    def url(self, path: str, *, ids: Mapping[str, str] = _NONE, query: Mapping[str, str] = _NONE) -> str:
        """Return the address of a read, for whoever repeats it by hand."""
        return url_of(self._base_url, path, ids, query)

    async def token(self) -> str:
        """Return a bearer token for Graph, to see whom it is of. Raises `Transient` when there is none to be had."""
        return await token_for(self._credential, self._base_url)

    async def post(self, path: str, body: bytes, *, token: str) -> Answer:
        """Post JSON once, again only after 429, 503 or a connection that never came about: then it was not done.

        Raises `Throttled` or `Transient` when it was certainly not done, `Ambiguous`, `Refused`, `Misconfigured`.
        """
        return await self._call(self._allowed("POST", path), body=body, headers={"client-request-id": token})

    async def rows[T](
        self,
        path: str,
        decoder: msgspec.json.Decoder[Page[T]],
        *,
        ids: Mapping[str, str] = _NONE,
        query: Mapping[str, str] = _NONE,
    ) -> list[T]:
        """Read a list to its last page. Raises as `pages` does, so a list is whole or there is none."""
        return [row async for page in self.pages(path, decoder, ids=ids, query=query) for row in page]

    async def pages[T](
        self,
        path: str,
        decoder: msgspec.json.Decoder[Page[T]],
        *,
        ids: Mapping[str, str] = _NONE,
        query: Mapping[str, str] = _NONE,
    ) -> AsyncIterator[list[T]]:
        """Yield the pages of a list; the last one is the one without a next link, and an empty one is no end.

        Raises as `get` does; `Transient` for a page that cannot be read or has no `value`, `StaleLink` for one that
        Graph forgot meanwhile, `Permanent` for a next link that leads to another host or to a page seen before, or for
        more than `max_pages` pages.
        """
        call = self._allowed("GET", path)
        seen: set[str] = set()
        link = ""
        while len(seen) < self._max_pages:
            page = _decoded(call, await self._call(call, ids=ids, query=query, link=link), decoder)
            yield page.value
            if not page.next_link:
                return
            link = self._followed(call, page.next_link, seen)
        raise Permanent(f"{call} has more than {self._max_pages} pages; narrow its filter or raise the bound")

    async def page[T](
        self,
        path: str,
        decoder: msgspec.json.Decoder[Page[T]],
        *,
        query: Mapping[str, str] = _NONE,
        link: str = "",
    ) -> Page[T]:
        """Read one page of a long list at low priority: the first one, or the one that Graph's own `link` names.

        Raises as `get` does; `StaleLink` when Graph no longer knows the link, `Permanent` for a link, given or got,
        that leads to another host, and for a page that names itself as the next.
        """
        call = self._allowed("GET", path)
        given = {self._followed(call, link, set())} if link else set()
        page = _decoded(call, await self._call(call, query=query, headers=_LOW, link=link), decoder)
        if page.next_link:
            self._followed(call, page.next_link, given)
        return page

    async def close(self) -> None:
        """Close this event loop's connections; the next call opens new ones."""
        pipeline = self._pipelines.pop(asyncio.get_running_loop(), None)
        if pipeline is not None:
            await pipeline.close()

    def _allowed(self, method: Method, path: str) -> Call:
        return Call(method, path, permission_for(method, path, self.mode))

    async def _call(
        self,
        call: Call,
        *,
        ids: Mapping[str, str] = _NONE,
        query: Mapping[str, str] = _NONE,
        headers: Mapping[str, str] = _NONE,
        body: bytes | None = None,
        link: str = "",
    ) -> Answer:
        for name, value in ids.items():
            if not _ID.fullmatch(value):
                raise Permanent(f"{call}: {name} is not an id of Graph, so nothing was sent")
        pipeline = self._pipeline()
        watch = Watch(call, headers.get("client-request-id", ""))

        async def once() -> Answer:
            watch.begins()
            answer = await pipeline.send(
                call, ids=ids, query=query, headers={**_ALWAYS, **headers}, body=body, link=link
            )
            watch.answered(answer)
            self.throttle = 1.0 if watch.throttled else _share(answer)
            if link and stale(answer):
                raise StaleLink(f"{call}: Graph no longer knows this page ({answer.status}); the list begins anew")
            if (error := failure(call, answer)) is not None:
                raise error
            return answer

        with watch.watching():
            try:
                return await once()
            except Transient as exc:
                return await self._repeated(once, exc)

    async def _repeated(self, once: Callable[[], Awaitable[Answer]], first: Transient) -> Answer:
        """Go on after a first attempt that failed; it is outside, as tenacity costs a tenth of reading a page."""
        failed: list[Transient] = [first]

        async def again() -> Answer:
            if failed:
                raise failed.pop()
            return await once()

        return await self._retrying.copy()(again)  # a copy per call, as tenacity itself does: calls run side by side

    def _pipeline(self) -> "Pipeline":
        loop = asyncio.get_running_loop()
        pipeline = self._pipelines.get(loop)
        if pipeline is None:
            from lifecycle.adapters.graph.pipeline import Pipeline  # noqa: PLC0415 - the SDK takes half a second

            pipeline = Pipeline(self._credential, self._base_url, timeout=self._timeout, transport=self._transport)
            self._pipelines[loop] = pipeline
        return pipeline

    def _worth_repeating(self, error: BaseException) -> bool:
        if not isinstance(error, Transient) or isinstance(error, Ambiguous | StaleLink):
            return False
        return error.retry_after is None or error.retry_after <= self._patience

    def _followed(self, call: Call, link: str, seen: set[str]) -> str:
        if _origin(link) != self._origin:
            raise Permanent(f"{call}: the next page lies on another host than {self._base_url}; it was not followed")
        if link in seen:
            raise Permanent(f"{call}: the next page is one that was read before")
        seen.add(link)
        return link


def _share(answer: Answer) -> float:
    text = answer.headers.get("x-ms-throttle-limit-percentage", "")
    return float(text) if _SHARE.fullmatch(text) else 0.0


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    if isinstance(error, Transient) and error.retry_after is not None:
        return error.retry_after.total_seconds()
    return _backoff(state)


def _decoded[T](call: Call, answer: Answer, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        return decoder.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        where = f"{call}: the answer cannot be read, request-id {answer.request_id or 'absent'}"
        raise Transient(where) from exc


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return None


def _check(base_url: str, credential: object) -> None:
    loopback = is_loopback(base_url)
    if isinstance(credential, StaticToken) and not loopback:
        raise Misconfigured(f"a static token is for the sandbox alone, not for {base_url}; use an Azure credential")
    if urlsplit(base_url).scheme != "https" and not loopback:
        raise Misconfigured(f"the Graph base URL {base_url} must be https; plain http is for loopback alone")
