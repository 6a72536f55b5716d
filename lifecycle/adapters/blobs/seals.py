"""The port `Seals` on Azure Blob Storage: a block blob each, written only where there is none (`If-None-Match: *`).

The container is never made here: one that the app made for itself would have no policy of immutability. The SDK may
repeat a call, also the writing one: what was written already then reads as `Lost`, which the port allows.
"""

from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, ClientAuthenticationError

from lifecycle.adapters.blobs.address import ContainerAddress
from lifecycle.adapters.limits import check_seal
from lifecycle.errors import LifecycleError, Lost, Misconfigured, Permanent, Throttled, Transient

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.storage.blob.aio import ContainerClient

ROLE = "Storage Blob Data Contributor"
CONNECT, ANSWER = timedelta(seconds=5), timedelta(seconds=60)
ATTEMPTS = 4

# https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
_TAKEN = frozenset({"BlobAlreadyExists", "ConditionNotMet", "BlobImmutableDueToPolicy"})
_ABSENT = "BlobNotFound"
_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT})
_NOT_ALLOWED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})

# Microsoft publishes this key; every emulator has it: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
_EMULATOR = {
    "account_name": "devstoreaccount1",
    "account_key": "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
}


class BlobSeals:
    """Implements `Seals` in one container, which must be there. `close` it in the end; the credential is the caller's.

    Beyond what the port says, every method raises `Transient` and `Throttled`, and `Misconfigured` (no access, no such
    container).
    """

    def __init__(
        self,
        address: ContainerAddress,
        credential: "AsyncTokenCredential | None" = None,
        *,
        attempts: int = ATTEMPTS,
    ) -> None:
        if credential is None and not address.emulated:
            raise Misconfigured(f"{address} needs an identity; an emulator alone goes without one.")
        self._address = address
        self._credential = credential
        self._attempts = attempts
        self._opened: ContainerClient | None = None

    @property
    def _container(self) -> "ContainerClient":
        if self._opened is None:
            from azure.storage.blob.aio import ContainerClient  # noqa: PLC0415 - only who seals or verifies needs it

            emulated = self._address.emulated
            self._opened = ContainerClient(
                self._address.endpoint,
                self._address.container,
                credential=_EMULATOR if emulated else self._credential,
                connection_timeout=CONNECT.total_seconds(),
                read_timeout=ANSWER.total_seconds(),
                retry_total=self._attempts - 1,
                use_env_settings=not emulated,  # no proxy stands between this machine and itself
            )
        return self._opened

    async def put(self, name: str, body: bytes) -> None:
        """Keep the body under a name that has none yet. Raises `Lost` when the name is taken."""
        check_seal(name)
        try:
            await self._container.upload_blob(name, body, overwrite=False)  # sends If-None-Match: *
        except AzureError as error:
            raise self._translated(error, f"write {name}") from error

    async def get(self, name: str) -> bytes | None:
        """Return the body, None where there is none of that name."""
        check_seal(name)
        try:
            return await (await self._container.download_blob(name)).readall()
        except AzureError as error:
            if _code_of(error) == _ABSENT:
                return None
            raise self._translated(error, f"read {name}") from error

    async def names(self) -> Sequence[str]:
        """Return all names, in their order."""
        try:
            return sorted([name async for name in self._container.list_blob_names()])
        except AzureError as error:
            raise self._translated(error, "list") from error

    async def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    def _translated(self, error: AzureError, what: str) -> LifecycleError:
        code, status = _code_of(error), getattr(error, "status_code", None) or 0
        text = f"{self._address}, {what}: {status or 'no answer'} {code or type(error).__name__}"
        if code in _TAKEN:
            return Lost(f"{text}; the name is taken, nothing was written")
        if code == "ContainerNotFound":
            return Misconfigured(f"{text}; make the container, with a policy of immutability, or mend LIFECYCLE_SEALS")
        if status in _NOT_ALLOWED:
            return Misconfigured(
                f"{text}; the app's identity may not use the container: give it the role {ROLE} on it (a new assignment"
                " takes minutes), and let the account's firewall admit the app"
            )
        return _by_status(status, code, text, no_token=isinstance(error, ClientAuthenticationError) and not code)


def _by_status(status: int, code: str, text: str, *, no_token: bool) -> LifecycleError:
    if status in _BUSY:
        return Throttled(f"{text}; the container is busy")
    final = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _PASSING
    if code and final:
        return Permanent(f"{text}; the container does not take this")
    why = "no token: check the app's identity" if no_token else "it is tried again"
    return Transient(f"{text}; {why}")


def _code_of(error: AzureError) -> str:
    code = getattr(error, "error_code", None)
    text = str(getattr(code, "value", code) or "")
    return text if text.isalnum() and text.isascii() else ""
