"""Asks for renewals: when the window before an end opens, whoever may approve is told, once for each end.

Says who, what, until when and who may approve; sends a notice and decides nothing. Silence lets the access end.
"""

from lifecycle import messages
from lifecycle.core.evidence import Tag
from lifecycle.core.model import RenewalMode
from lifecycle.core.renewal import approvers
from lifecycle.core.waiting import RenewalDue
from lifecycle.look import Look
from lifecycle.ports import Ports
from lifecycle.records import renewals
from lifecycle.records.dossier import Asked, drop_asked, put_asked


async def remind(seen: Look, ports: Ports, cause: str) -> None:
    """Tell of every renewal whose window is open and that was not told of yet. Raises `Lost` when overtaken."""
    known, now = seen.known, seen.now
    await _settle(seen)
    for package, wanted in sorted(seen.desired.entitlements.items()):
        if wanted.end is None or wanted.opens is None or now < wanted.opens:
            continue
        if ports.model.packages[package].renewal.mode is not RenewalMode.APPROVAL:
            continue
        asked = seen.dossier.renewals.get(package)
        if asked is not None and asked.ends == wanted.end:
            continue
        names = approvers(known.person, known.memberships, known.projects, ports.model, package, now)
        data = {"package": package, "ends": wanted.end.isoformat(), "approvers": sorted(names)}
        # The notice first: told twice it is one message, and a record without a notice would be a lie.
        person = known.identity.person
        await messages.notify(ports.bus, "renewal.due", person, data, now=now, once=wanted.end.isoformat())
        await renewals.wait(ports.records, RenewalDue(person, package, wanted.end))
        await seen.dossier.append(
            now, Tag.RENEWAL_DUE, cause, data, put_asked(seen.dossier, Asked(package, wanted.end))
        )


async def _settle(seen: Look) -> None:
    """Let renewals no longer wait whose end was moved, or is not wanted any more; should that end return, ask anew."""
    for package, asked in list(seen.dossier.renewals.items()):
        wanted = seen.desired.entitlements.get(package)
        if asked.ends > seen.now and (wanted is None or wanted.end != asked.ends):
            due = RenewalDue(seen.dossier.person, package, asked.ends)
            await renewals.decided(seen.dossier.records, due)
            await seen.dossier.remember(drop_asked(seen.dossier, package))
