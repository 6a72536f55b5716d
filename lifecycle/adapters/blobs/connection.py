"""A connection to one container, and what the service's errors mean here. Only codes leave it, no texts of the service.

The container is never made here: whoever deploys makes it, with the policies that it needs.
"""

from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, ClientAuthenticationError

from lifecycle.adapters.blobs.address import ContainerAddress
from lifecycle.adapters.storage import ACCOUNT, KEY
from lifecycle.errors import LifecycleError, Lost, Misconfigured, Permanent, Throttled, Transient

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.storage.blob.aio import ContainerClient

ROLE = "Storage Blob Data Contributor"
CONNECT, ANSWER = timedelta(seconds=5), timedelta(seconds=60)
ATTEMPTS = 4

# https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
ABSENT = "BlobNotFound"
_TAKEN = frozenset({"BlobAlreadyExists", "ConditionNotMet", "BlobImmutableDueToPolicy"})
_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT})
_NOT_ALLOWED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})

EMULATOR = {"account_name": ACCOUNT, "account_key": KEY}


class Connection:
    """Opens the container at the first use. `make` says what to make where there is none, and names the setting."""

    def __init__(
        self, address: ContainerAddress, credential: "AsyncTokenCredential | None", *, make: str, attempts: int
    ) -> None:
        if credential is None and not address.emulated:
            raise Misconfigured(f"{address} needs an identity; an emulator alone goes without one.")
        self.address = address
        self._credential = credential
        self._make = make
        self._attempts = attempts
        self._opened: ContainerClient | None = None

    @property
    def container(self) -> "ContainerClient":
        """Return the client; the SDK is loaded at the first use."""
        if self._opened is None:
            from azure.storage.blob.aio import ContainerClient  # noqa: PLC0415 - not everybody who starts needs it

            emulated = self.address.emulated
            self._opened = ContainerClient(
                self.address.endpoint,
                self.address.container,
                credential=EMULATOR if emulated else self._credential,
                connection_timeout=CONNECT.total_seconds(),
                read_timeout=ANSWER.total_seconds(),
                retry_total=self._attempts - 1,
                use_env_settings=not emulated,  # no proxy stands between this machine and itself
            )
        return self._opened

    async def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    def translated(self, error: AzureError, what: str) -> LifecycleError:
        """Return what the SDK's error means; `what` says what was asked for."""
        code, status = code_of(error), getattr(error, "status_code", None) or 0
        text = f"{self.address}, {what}: {status or 'no answer'} {code or type(error).__name__}"
        if code in _TAKEN:
            return Lost(f"{text}; the name is taken, nothing was written")
        if code == "ContainerNotFound":
            return Misconfigured(f"{text}; {self._make}")
        if status in _NOT_ALLOWED:
            return Misconfigured(
                f"{text}; the app's identity may not use the container: give it the role {ROLE} on it (a new assignment"
                " takes minutes), and let the account's firewall admit the app"
            )
        return _by_status(status, code, text, no_token=isinstance(error, ClientAuthenticationError) and not code)


def code_of(error: AzureError) -> str:
    """Return the service's own code of an error; empty when it gave none."""
    code = getattr(error, "error_code", None)
    text = str(getattr(code, "value", code) or "")
    return text if text.isalnum() and text.isascii() else ""


def _by_status(status: int, code: str, text: str, *, no_token: bool) -> LifecycleError:
    if status in _BUSY:
        return Throttled(f"{text}; the container is busy")
    final = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _PASSING
    if code and final:
        return Permanent(f"{text}; the container does not take this")
    why = "no token: check the app's identity" if no_token else "it is tried again"
    return Transient(f"{text}; {why}")
