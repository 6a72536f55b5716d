"""A fixed token for the sandbox, in place of a credential of azure-identity.

It may never reach a machine other than this one; `GraphClient` refuses it for any base URL that is not loopback.
"""

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from lifecycle.errors import Transient

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken
    from azure.core.credentials_async import AsyncTokenCredential

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_NEVER = 2**31 - 1


class StaticToken:
    """An `AsyncTokenCredential` that always answers with the same token."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def get_token(self, *_scopes: str, **_options: Any) -> "AccessToken":
        """Return the token; it does not expire."""
        from azure.core.credentials import AccessToken  # noqa: PLC0415 - keeps azure.core out of the package's import

        return AccessToken(self._token, _NEVER)

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()


def is_loopback(url: str) -> bool:
    """Tell whether the URL names this machine by one of the loopback names."""
    return urlsplit(url).hostname in LOOPBACK


async def token_for(credential: "AsyncTokenCredential", base_url: str) -> str:
    """Return a bearer token for the Graph of that base URL. Raises `Transient` when there is none to be had."""
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - as above

    url = urlsplit(base_url)
    try:
        got = await credential.get_token(f"{url.scheme}://{url.hostname}/.default")
    except AzureError as exc:
        raise Transient(f"there is no token for Graph ({type(exc).__name__}); check the app's identity") from exc
    return got.token
