"""Finds the Entra user of a person, once, and keeps what was found.

By employeeId, else by the UPN that HR gives. None is waiting (a pre-hire is the usual case); several, or one whom
another person claims, is a finding: never a silent choice. Stored matches are rechecked by the drift sweep, not here.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from lifecycle.core.events import key
from lifecycle.core.evidence import Tag
from lifecycle.core.person import Person
from lifecycle.errors import Mismatch
from lifecycle.ports import Ports, User
from lifecycle.records import claims
from lifecycle.records.dossier import Correlation, Dossier, put_correlation, put_patience

_DECIDED = "decision"


@dataclass(frozen=True, slots=True)
class Match:
    """The user, and whether another person claims them too."""

    user: str
    contested: bool


async def correlate(
    dossier: Dossier, person: Person, ports: Ports, now: datetime, cause: str, *, recheck: bool = False
) -> Match | None:
    """Return the person's user, or None when there is none yet.

    With `recheck`, and as long as there is a doubt, a known user is looked for again. Raises `Mismatch` when several
    users carry the person's employeeId, or when it is no longer the known one's: a finding and a hold, never a silent
    choice. Somebody who has left loses access all the same, as the user they were known to be.
    """
    known = dossier.correlation
    decided = person.recognised
    if decided is not None and (known is None or known.decision != decided.recorded.id):
        if known is not None and known.user != decided.user:
            await claims.drop(ports.records, known.user, dossier.person)
        known = Correlation(decided.user, _DECIDED, now, decision=decided.recorded.id)
        await _keep(known, dossier, ports, now, cause)
    elif known is None:
        found = await _find(person, ports)
        if found is None:
            return None
        known = Correlation(found[0].id, found[1], now)
        await _keep(known, dossier, ports, now, cause)
    elif known.by == _DECIDED:
        pass
    elif recheck or known.doubt:
        known = await _recheck(known, dossier, person, ports, now, cause)
    claimants = await claims.claim(ports.records, known.user, dossier.person)
    return Match(known.user, contested=len(claimants) > 1)


async def _keep(known: Correlation, dossier: Dossier, ports: Ports, now: datetime, cause: str) -> None:
    """Claim the user and write down who it is; the claim first, so that a conflict shows before anything is done."""
    await claims.claim(ports.records, known.user, dossier.person)
    changes = (put_correlation(dossier, known), put_patience(dossier, None))
    await dossier.append(now, Tag.CORRELATED, cause, {"user": known.user, "by": known.by}, *changes)


async def _recheck(  # noqa: PLR0917 see correlate
    known: Correlation, dossier: Dossier, person: Person, ports: Ports, now: datetime, cause: str
) -> Correlation:
    try:
        found = await _find(person, ports)
        doubt = "" if found is not None and found[0].id == known.user else _changed(known, person, found)
    except Mismatch as error:
        doubt = str(error)
    if doubt != known.doubt:
        known = replace(known, doubt=doubt)
        tag = Tag.DOUBTED if doubt else Tag.CORRELATED
        detail = {"user": known.user, "by": known.by, "doubt": doubt}
        await dossier.append(now, tag, cause, detail, put_correlation(dossier, known))
    if doubt and person.last_end(now) is None:
        raise Mismatch(doubt)
    return known


def _changed(known: Correlation, person: Person, found: tuple[User, str] | None) -> str:
    what = "no user carries it now" if found is None else f"it is {found[0].id}'s now"
    return (
        f"person {person.key}: was user {known.user} by {known.by}, and {what}; nothing is changed until the directory "
        "names the same user again, or lifecycle.person.recognised says which one it is"
    )


def names_of(person: Person, by: str) -> tuple[str, ...]:
    """Return the names, folded, by any of which the directory may know the person's user, of the kind that it did."""
    latest = [job.latest for job in person.employments if job.latest is not None]
    if by == _DECIDED:
        return ()
    if by == "employeeId":
        return tuple(sorted({key(name) for name in _employee_ids(person)}))
    return tuple(sorted({key(worker.user_principal_name) for worker in latest if worker.user_principal_name}))


async def peek(dossier: Dossier, person: Person, ports: Ports, *, recheck: bool = False) -> Match | None:
    """Return who the person is or would be taken for, without writing anything down. Raises like `correlate`."""
    known = dossier.correlation
    if person.recognised is not None:
        known = Correlation(person.recognised.user, _DECIDED, ports.clock.now())
    elif known is None:
        found = await _find(person, ports)
        return None if found is None else Match(found[0].id, contested=False)
    elif (recheck or known.doubt) and person.last_end(ports.clock.now()) is None:
        found = await _find(person, ports)
        if found is None or found[0].id != known.user:
            raise Mismatch(_changed(known, person, found))
    others = await claims.claimants(ports.records, known.user)
    return Match(known.user, contested=len(others | {dossier.person}) > 1)


def _employee_ids(person: Person) -> list[str]:
    latest = [job.latest for job in person.employments if job.latest is not None]
    return [worker.id for worker in latest] or [job.worker for job in person.employments]


async def _find(person: Person, ports: Ports) -> tuple[User, str] | None:
    latest = [job.latest for job in person.employments if job.latest is not None]
    users: dict[str, User] = {}
    for name in dict.fromkeys(_employee_ids(person)):
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
