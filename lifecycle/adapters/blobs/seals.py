"""The port `Seals` on Azure Blob Storage: a block blob each, written only where there is none (`If-None-Match: *`).

The container is never made here: one that the app made for itself would have no policy of immutability. The SDK may
repeat a call, also the writing one: what was written already then reads as `Lost`, which the port allows.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError

from lifecycle.adapters.blobs.address import ContainerAddress
from lifecycle.adapters.blobs.connection import ABSENT, ATTEMPTS, Connection, code_of
from lifecycle.adapters.limits import check_seal

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_MAKE = "make the container, with a policy of immutability, or mend LIFECYCLE_SEALS"


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
        self._connection = Connection(address, credential, make=_MAKE, attempts=attempts)

    async def put(self, name: str, body: bytes) -> None:
        """Keep the body under a name that has none yet. Raises `Lost` when the name is taken."""
        check_seal(name)
        try:
            await self._connection.container.upload_blob(name, body, overwrite=False)  # sends If-None-Match: *
        except AzureError as error:
            raise self._connection.translated(error, f"write {name}") from error

    async def get(self, name: str) -> bytes | None:
        """Return the body, None where there is none of that name."""
        check_seal(name)
        try:
            return await (await self._connection.container.download_blob(name)).readall()
        except AzureError as error:
            if code_of(error) == ABSENT:
                return None
            raise self._connection.translated(error, f"read {name}") from error

    async def names(self) -> Sequence[str]:
        """Return all names, in their order."""
        try:
            return sorted([name async for name in self._connection.container.list_blob_names()])
        except AzureError as error:
            raise self._connection.translated(error, "list") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()
