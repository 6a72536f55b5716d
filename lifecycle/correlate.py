"""Finds the Entra user of a person, once, and keeps what was found.

By employeeId, else by the UPN that HR gives. None is waiting (a pre-hire is the usual case); several, or one whom
another person claims, is a finding: never a silent choice. Stored matches are rechecked by the drift sweep, not here.
"""

from dataclasses import dataclass
from datetime import datetime

from lifecycle.core.evidence import Tag
from lifecycle.core.person import Person
from lifecycle.errors import Mismatch
from lifecycle.ports import Ports, User
from lifecycle.records import claims
from lifecycle.records.dossier import Correlation, Dossier, put_correlation, put_patience


@dataclass(frozen=True, slots=True)
class Match:
    """The user, and whether another person claims them too."""

    user: str
    contested: bool


async def correlate(dossier: Dossier, person: Person, ports: Ports, now: datetime, cause: str) -> Match | None:
    """Return the person's user, or None when there is none yet.

    Raises `Mismatch` when several users carry the person's employeeId.
    """
    known = dossier.correlation
    if known is None:
        found = await _find(person, ports)
        if found is None:
            return None
        known = Correlation(found[0].id, found[1], now)
        await claims.claim(ports.records, known.user, dossier.person)
        detail = {"user": known.user, "by": known.by}
        await dossier.append(
            now, Tag.CORRELATED, cause, detail, put_correlation(dossier, known), put_patience(dossier, None)
        )
    claimants = await claims.claim(ports.records, known.user, dossier.person)
    return Match(known.user, contested=len(claimants) > 1)


async def peek(dossier: Dossier, person: Person, ports: Ports) -> Match | None:
    """Return who the person is or would be taken for, without writing anything down. Raises like `correlate`."""
    if dossier.correlation is not None:
        return Match(dossier.correlation.user, contested=False)
    found = await _find(person, ports)
    return None if found is None else Match(found[0].id, contested=False)


async def _find(person: Person, ports: Ports) -> tuple[User, str] | None:
    latest = [job.latest for job in person.employments if job.latest is not None]
    names = [worker.id for worker in latest] or [job.worker for job in person.employments]
    users: dict[str, User] = {}
    for name in dict.fromkeys(names):
        users |= {user.id: user for user in await ports.users.by_employee_id(name)}
    if len(users) > 1:
        ids = ", ".join(sorted(users))
        raise Mismatch(
            f"person {person.key}: {len(users)} users carry this employeeId ({ids}); "
            "correct the employeeId of the wrong ones in Entra, the next look takes it up"
        )
    if users:
        return next(iter(users.values())), "employeeId"
    return await _by_principal_name([worker.user_principal_name for worker in latest], ports)


async def _by_principal_name(names: list[str | None], ports: Ports) -> tuple[User, str] | None:
    for name in names:
        user = await ports.users.by_principal_name(name) if name else None
        if user is not None:
            return user, "userPrincipalName"
    return None
