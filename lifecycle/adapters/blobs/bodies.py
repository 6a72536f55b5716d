"""The port `Bodies` on Azure Blob Storage: set-aside bodies that every instance, and whoever replays them, can read.

A folder will not do in Azure: whoever sets a message aside and whoever replays it are two functions, on two instances.
Names and checks are those of `lifecycle.adapters.references`.
"""

from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError

from lifecycle.adapters.blobs.address import ContainerAddress
from lifecycle.adapters.blobs.connection import ABSENT, ATTEMPTS, Connection, code_of
from lifecycle.adapters.references import check, fits, reference_to
from lifecycle.errors import Permanent

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_MAKE = "make the container, or mend LIFECYCLE_BODIES"


class BlobBodies:
    """Implements `Bodies` in one container, which must be there. `close` it in the end; the credential is the caller's.

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

    async def put(self, name: str, body: bytes) -> str:
        """Keep the body and return the reference to it; the same name and body twice is once."""
        reference = reference_to(name, body)
        try:
            await self._connection.container.upload_blob(reference, body, overwrite=True)  # mends one that was changed
        except AzureError as error:
            raise self._connection.translated(error, f"write {reference}") from error
        return reference

    async def get(self, reference: str) -> bytes:
        """Return the body. Raises `Permanent` when there is none by that reference, or it was changed."""
        check(reference)
        try:
            body = await (await self._connection.container.download_blob(reference)).readall()
        except AzureError as error:
            if code_of(error) == ABSENT:
                where = self._connection.address
                raise Permanent(f"{where} has no body {reference}; was it deleted, or kept elsewhere?") from None
            raise self._connection.translated(error, f"read {reference}") from error
        if not fits(reference, body):
            raise Permanent(f"The body {reference} in {self._connection.address} was changed since it was kept.")
        return body

    async def touch(self) -> None:
        """Read as little as shows that the container is there and may be read: one name, if there is one."""
        try:
            async for _ in self._connection.container.list_blob_names(results_per_page=1):
                return
        except AzureError as error:
            raise self._connection.translated(error, "list") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()
