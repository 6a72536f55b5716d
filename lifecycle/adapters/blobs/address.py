"""Which container seals or bodies are in: one of an Azure storage account, or of an emulator on this machine.

Anything else is refused before a token or a key is sent there. It says nothing of the text that it refuses, which may
hold a signature.
"""

from dataclasses import dataclass

from lifecycle.adapters.storage import place_in
from lifecycle.errors import Misconfigured

# https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
_CONTAINER = r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*"

FORM = "https://<account>.blob.core.windows.net/<container>"


@dataclass(frozen=True, slots=True)
class ContainerAddress:
    """A container: the account's endpoint, the container's name, and whether it is an emulator's on this machine."""

    endpoint: str
    container: str
    emulated: bool = False

    def __str__(self) -> str:
        return f"{self.endpoint}/{self.container}"


def container_address(text: str) -> ContainerAddress:
    """Read the address of a container.

    Raises:
        Misconfigured: it is no address of a container that anything may be kept in.

    """
    if place := place_in(text, "blob", _CONTAINER):
        return ContainerAddress(*place)
    raise Misconfigured(
        f"The address of the container is not of the form {FORM}, the container's name being 3 to 63 small letters,"
        " digits and single hyphens; copy the account's blob endpoint and add the name, without a key or a signature:"
        " access is by role. (An emulator is http://127.0.0.1:<port>/devstoreaccount1/<container>, on this machine"
        " alone.)"
    )
