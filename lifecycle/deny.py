"""Writes down what reviewers denied, as a denial that no rule outlives.

Only instances that are completed or applied count, read whole: an early Deny in a running review may still be changed.
"""

from datetime import timedelta
from http import HTTPStatus

from lifecycle.core.evidence import Tag
from lifecycle.errors import Refused
from lifecycle.ports import Denied, Ports
from lifecycle.records import claims
from lifecycle.records.dossier import Dossier, Refusal, open_dossier, put_refusal

LOOKED_BACK = timedelta(days=35)
"""How far back finished reviews are read each night: a month of nights may fail before one is missed."""


async def read_reviews(ports: Ports) -> list[str]:
    """Write down new denials and return whom they are about. Raises `Lost` when somebody is being looked at just now.

    Without the permission to read reviews nothing is found; `lifecycle check` and the docs name the permission.
    """
    now = ports.clock.now()
    names = ports.model.names()
    try:
        denied = await ports.reviews.denied(list(names), since=now - LOOKED_BACK)
    except Refused as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        return []
    found: dict[str, None] = {}
    for one in denied:
        for person in sorted(await claims.claimants(ports.records, one.user)):
            dossier = await open_dossier(ports.records, person)
            if await note(dossier, names[one.package], one, ports):
                found[person] = None
    return list(found)


async def note(dossier: Dossier, package: str, denied: Denied, ports: Ports) -> bool:
    """Write down one denial; False when it is known, or a later one is."""
    before = dossier.refusals.get(package)
    if before is not None and before.stands and before.at >= denied.at:
        return False
    by = f"review {denied.instance}"
    times = 1 if before is None else before.times
    detail = {"package": package, "by": by, "at": denied.at.isoformat()}
    refusal = Refusal(package, denied.at, by, stands=True, times=times, access_package=denied.package)
    change = put_refusal(dossier, refusal)
    await dossier.append(ports.clock.now(), Tag.DENIED, by, detail, change)
    return True
