"""One HTTP call through the Graph SDK: its authentication, its middleware, its HTTP client; our bytes.

Imported at the first call, because the SDK costs half a second and commands that need no Graph should not pay it. The
SDK neither retries nor redirects here: it would repeat a POST after a 504, and `GraphClient` owns retrying.
"""

from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from kiota_abstractions.method import Method
from kiota_abstractions.native_response_handler import NativeResponseHandler
from kiota_abstractions.request_information import RequestInformation
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from kiota_http.middleware import BaseMiddleware
from kiota_http.middleware.options import ResponseHandlerOption, RetryHandlerOption
from kiota_http.middleware.user_agent_handler import UserAgentHandler
from msgraph.graph_request_adapter import GraphRequestAdapter, options
from msgraph_core import GraphClientFactory  # type: ignore[import-untyped]  # it ships no types
from msgraph_core.middleware import GraphTelemetryHandler  # type: ignore[import-untyped]  # likewise
from msgraph_core.middleware.options import GraphTelemetryHandlerOption  # type: ignore[import-untyped]  # likewise

from lifecycle.adapters.graph.answers import Answer, Call
from lifecycle.adapters.graph.urls import url_of
from lifecycle.errors import Ambiguous, Transient

# httpx raises these before any byte of the request was written.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Pipeline:
    """The SDK's request adapter of one event loop. The credential stays its owner's to close."""

    def __init__(
        self,
        credential: AsyncTokenCredential,
        base_url: str,
        *,
        timeout: timedelta,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        url = urlsplit(base_url)
        host = url.hostname or ""
        auth = AzureIdentityAuthenticationProvider(
            credential, scopes=[f"{url.scheme}://{host}/.default"], allowed_hosts=[host]
        )
        plain = httpx.AsyncClient(timeout=timeout.total_seconds(), http2=True, transport=transport)
        wrapped = (plain._transport, *plain._mounts.values())  # noqa: SLF001 - see `close`; there is no public way
        self._wrapped = [each for each in wrapped if each is not None]
        self._http: httpx.AsyncClient = GraphClientFactory.create_with_custom_middleware(_middleware(), client=plain)
        self._adapter = GraphRequestAdapter(auth, client=self._http)
        self._base_url = self._adapter.base_url = base_url
        # The native response carries status and headers, which the evidence keeps; an ODataError would not decode
        # without the SDK's models.
        self._options = [ResponseHandlerOption(NativeResponseHandler()), RetryHandlerOption(max_retries=0)]

    async def send(
        self,
        call: Call,
        *,
        ids: Mapping[str, str],
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes | None = None,
        link: str = "",
    ) -> Answer:
        """Send one request, once; `link` is a whole URL that replaces path and query.

        Raises `Transient` when it was certainly not sent or when a GET got no answer, `Ambiguous` when a POST got none.
        """
        info = RequestInformation(Method[call.method], "{+baseurl}" + call.path)  # the template names the SDK's spans
        info.url = link or url_of(self._base_url, call.path, ids, query)
        for name, value in headers.items():
            info.headers.try_add(name, value)
        if body is not None:
            info.set_stream_content(body, "application/json")
        info.add_request_options(self._options)
        response = await self._exchange(call, info)
        return Answer(response.status_code, response.headers, response.content)

    async def _exchange(self, call: Call, info: RequestInformation) -> httpx.Response:
        try:
            response: httpx.Response | None = await self._adapter.send_primitive_async(info, "bytes", None)
        except _NEVER_SENT as exc:
            raise Transient(f"{call} was not sent: no connection to Graph ({type(exc).__name__})") from exc
        except AzureError as exc:
            raise Transient(
                f"{call} was not sent: no token for Graph ({type(exc).__name__}); check the app's identity"
            ) from exc
        except httpx.RequestError as exc:
            what = f"{call} got no answer ({type(exc).__name__})"
            if call.method == "POST":
                raise Ambiguous(f"{what}; it may have been done: look for its token before repeating it") from exc
            raise Transient(what) from exc
        if response is None:  # the SDK's signature allows it; the native response handler never does it
            raise Transient(f"{call} got no answer from the SDK")
        return response

    async def close(self) -> None:
        """Close the connections; msgraph-core's transport does not hand that on to the one it wraps."""
        await self._http.aclose()
        for each in self._wrapped:
            await each.aclose()


def _middleware() -> list[BaseMiddleware]:
    """Return the SDK's middleware without what would repeat or redirect a request, and what only costs time."""
    telemetry = GraphTelemetryHandler(options=options[GraphTelemetryHandlerOption.get_key()])
    return [UserAgentHandler(), telemetry]
