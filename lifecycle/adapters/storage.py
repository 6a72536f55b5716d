"""What every address in an Azure storage account has in common: its host, and an emulator in its place on this machine.

Anything else is refused before a token or a key is sent there. Only the host part is decided here; what may stand
behind it is the business of `tables.address` and `blobs.address`.
"""

import re
from typing import NamedTuple

ACCOUNT = "devstoreaccount1"
# Microsoft publishes this key; every emulator has it: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Place(NamedTuple):
    """An account's endpoint, a name in it, and whether it is an emulator's on this machine."""

    endpoint: str
    name: str
    emulated: bool


def place_in(text: str, service: str, name: str) -> Place | None:
    """Read an address of a service (`table`, `blob`) whose name fits the pattern `name`; None for anything else."""
    azure = rf"(?P<azure>https://[a-z0-9]{{3,24}}\.{service}\.core\.windows\.net)"
    emulator = rf"(?P<emulator>http://(127\.0\.0\.1|localhost|\[::1\]):[0-9]{{1,5}}/{ACCOUNT})"
    match = re.fullmatch(rf"({azure}|{emulator})/(?P<name>{name})", text)
    if match is None:
        return None
    return Place(match["azure"] or match["emulator"], match["name"], emulated=match["azure"] is None)
