"""Which table the records are in: one of an Azure storage account, or of an emulator on this machine.

Anything else is refused before a token or a key is sent there. It says nothing of the text that it refuses, which may
hold a signature.
"""

from dataclasses import dataclass

from lifecycle.adapters.storage import place_in
from lifecycle.errors import Misconfigured

# https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model#table-names
_TABLE = r"(?!tables$)[A-Za-z][A-Za-z0-9]{2,62}"

FORM = "https://<account>.table.core.windows.net/<table>"


@dataclass(frozen=True, slots=True)
class TableAddress:
    """A table: the account's endpoint, the table's name, and whether it is an emulator's on this machine."""

    endpoint: str
    table: str
    emulated: bool = False

    def __str__(self) -> str:
        return f"{self.endpoint}/{self.table}"


def table_address(text: str) -> TableAddress:
    """Read the address of a table.

    Raises:
        Misconfigured: it is no address of a table that records may be kept in.

    """
    if place := place_in(text, "table", _TABLE):
        return TableAddress(*place)
    raise Misconfigured(
        f"The address of the table is not of the form {FORM}, the table's name being 3 to 63 letters and digits;"
        " copy the account's table endpoint and add the name, without a key or a signature: access is by role."
        " (An emulator is http://127.0.0.1:<port>/devstoreaccount1/<table>, on this machine alone.)"
    )
