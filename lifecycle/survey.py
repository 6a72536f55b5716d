"""Looks at the tenant for `lifecycle check`: who we are there, what we may, and whether what the model names is right.

Each function makes one check. Reads of Graph alone, each told with its address; judging is the core's.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus

from lifecycle.core.configured import judge_catalog, judge_package, judge_policy, same
from lifecycle.core.events import key
from lifecycle.core.health import Check, Name, Note, Problem, finding, unknown, warning
from lifecycle.core.model import AccessModel, Package
from lifecycle.errors import LifecycleError, Misconfigured, Permanent, Refused, Throttled
from lifecycle.ports import Records, User
from lifecycle.ports.inspection import Bearer, Read, Rows, Tenancy
from lifecycle.records import claims
from lifecycle.records.identities import identity_of

_DENIED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_NO_ANSWER = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT})  # any other no answers a probe

BY_HAND = {
    "1": "where adminUpdate takes its schedule, and what it says beyond the policy's longest term: move an end of one "
    "of your own assignments and read the row again",
    "2": "the codes of a request that is repeated or names what is not there: post one twice for yourself",
    "5": "whether a request can be cancelled without a person: post to assignmentRequests/<id>/cancel of your own one",
    "7": "what an approval policy does to adminAdd: post one for yourself by such a policy, with and without "
    "bypassApproval",
    "8": "from how many reads on Graph answers 429, and whether with Retry-After: needs load, in a tenant for tests",
    "10": "how long a list lags behind a write: post a request for yourself and time the list",
}
"""Open questions about Graph that only a write or a load answers, and how to ask them in a tenant for tests."""


def failure(error: LifecycleError, *, what: str, absent: str = "") -> Note:
    """Return what a failed look means; `absent` is what to do when it is not there."""
    match error:
        case Refused(status=status) if status in _DENIED:
            return finding(Problem.DENIED, f"{what}: denied", str(error))
        case Refused(status=HTTPStatus.NOT_FOUND):
            return finding(Problem.ABSENT, f"{what}: there is none", absent or str(error))
        case Permanent():
            return finding(Problem.REFUSED, f"{what}: refused", str(error))
        case Throttled():
            return unknown(Problem.THROTTLED, f"{what}: Graph asks for patience", "Try again in some minutes")
        case Misconfigured():
            return finding(Problem.MISCONFIGURED, f"{what}: not asked", str(error))
        case _:
            return finding(Problem.UNANSWERED, f"{what}: no answer", str(error))


def _told[T](check: Check, read: Read[T], judge: Callable[[T], tuple[Note, ...]], absent: str) -> Check:
    if read.failed is not None:
        notes: tuple[Note, ...] = (failure(read.failed, what=check.name, absent=absent),)
    elif read.found is None:
        notes = (finding(Problem.ABSENT, f"{check.name}: there is none", absent),)
    else:
        notes = judge(read.found)
    numbers = (("status", read.failed.status),) if isinstance(read.failed, Refused) else ()
    return replace(check, seen="" if notes else check.seen, notes=notes, numbers=numbers, url=read.url)


# --- who we are and what we may --------------------------------------------------------------------------------------


def identity(bearer: Bearer) -> Check:
    """Tell whom the token is of."""
    if bearer.opaque:
        note = unknown(Problem.OPAQUE_TOKEN, "a token, but it does not say whom it is of", "Nothing, in a sandbox")
        return Check(Name.IDENTITY, notes=(note,))
    who = "a person is signed in, object" if bearer.delegated else f"app {bearer.app}, service principal"
    seen = f"{who} {bearer.object}, tenant {bearer.tenant}"
    notes: tuple[Note, ...] = ()
    if bearer.delegated:
        then = "To see what the app may, run this as the app's identity (in the app's own console)"
        notes = (unknown(Problem.NOT_THE_APP, f"{seen}: what the reads answer is for them, not for the app", then),)
    return Check(Name.IDENTITY, seen=seen, notes=notes)


def app_roles(bearer: Bearer, needed: frozenset[str]) -> Check:
    """Judge the application permissions in the token by what the table of permissions needs."""
    if bearer.opaque or bearer.delegated:
        then = "Run this as the app's identity, or look in Entra: Enterprise applications, the app, Permissions"
        return Check(Name.APP_ROLES, notes=(unknown(Problem.NOT_THE_APP, "the token is not the app's", then),))
    missing, more = sorted(needed - bearer.roles), sorted(bearer.roles - needed)
    notes: list[Note] = []
    if missing:
        then = (
            f"Grant the application permission to service principal {bearer.object} with an administrator's consent; "
            "a token has it an hour later at the latest"
        )
        notes.append(finding(Problem.ROLE_MISSING, f"the token lacks {', '.join(missing)}", then))
    if more:
        then = "Take away what nothing else needs: the app is built for less"
        notes.append(warning(Problem.ROLE_TOO_MUCH, f"the token also has {', '.join(more)}", then))
    return Check(
        Name.APP_ROLES,
        seen="" if missing else f"{', '.join(sorted(needed))} as needed",
        notes=tuple(notes),
        numbers=(("missing", len(missing)), ("too_many", len(more))),
    )


async def catalog_role(tenancy: Tenancy, bearer: Bearer, catalog: str) -> Check:
    """Judge whether the app may assign in a catalog, and not more."""
    about = Check(Name.CATALOG_ROLE, catalog, seen="assignment manager")
    if bearer.opaque or not bearer.object:
        note = unknown(Problem.SKIPPED, "nobody knows whose role to look for", "Mend the identity first")
        return Check(about.name, about.about, notes=(note,))
    read = await tenancy.grants(bearer.object)
    if isinstance(read.failed, Refused) and read.failed.status in _DENIED:
        then = "Repeat the read as somebody who may (EntitlementManagement.Read.All), or look in Entra at the catalog"
        note = unknown(Problem.DENIED, "this identity may not read who has which role", then)
        return Check(about.name, catalog, notes=(note,), url=read.url)
    then = (
        f"Give service principal {bearer.object} the role Access package assignment manager in catalog {catalog} "
        f"(Entra: the catalog, Roles and administrators; role id {tenancy.assignment_manager})"
    )

    def judge(grants: tuple[object, ...]) -> tuple[Note, ...]:
        del grants
        here = {one.role.casefold() for one in read.found or () if one.catalog == "" or same(one.catalog, catalog)}
        if not here:
            return (finding(Problem.ROLE_MISSING, "it has no role here: every request is refused", then),)
        if here - {tenancy.assignment_manager.casefold()}:
            text = f"it has another role here than assignment manager ({', '.join(sorted(here))})"
            more = "Take away what is more than that" if tenancy.assignment_manager in here else then
            return (warning(Problem.ROLE_TOO_MUCH, text, more),)
        return ()

    return _told(about, read, judge, then)


async def touch(tenancy: Tenancy, endpoint: str, package: str, now: datetime) -> Check:
    """Ask a list of the app's for as little as it gives."""
    read = await tenancy.touch(endpoint, package, now)
    return _told(Check(Name.READ, endpoint, seen="answered"), read, lambda _: (), "Tell the maintainers: it is gone")


# --- what the model names ------------------------------------------------------------------------------------------


async def catalog(tenancy: Tenancy, about: str) -> Check:
    """Look at a catalog that the model names."""
    absent = "Correct `catalog` in the access model; to a catalog role alone, one without the role looks the same"
    return _told(Check(Name.CATALOG, about, seen="there"), await tenancy.catalog(about), judge_catalog, absent)


async def package(tenancy: Tenancy, named: Package) -> Check:
    """Look at a package of the model."""
    about = Check(Name.PACKAGE, named.access_package, named.name, "there, in its catalog")
    absent = f"Correct `accessPackage` of {named.name} in the access model, or make the package"
    return _told(about, await tenancy.package(named.access_package), lambda seen: judge_package(named, seen), absent)


async def policy(tenancy: Tenancy, named: Package, model: AccessModel) -> Check:
    """Look at our own policy of a package."""
    about = Check(Name.POLICY, named.policy, named.name, "ours alone, no approval, any end")
    absent = f"Correct `policy` of {named.name} in the access model, or make one: direct assignments only, no approval"
    return _told(about, await tenancy.policy(named.policy), lambda seen: judge_policy(named, seen, model), absent)


# --- one user --------------------------------------------------------------------------------------------------------


async def user(tenancy: Tenancy, records: Records, name: str) -> Check:
    """Look at a user by object id or principal name: found, and whom our records take them for."""
    read = await tenancy.user(name)
    found = read.found
    if read.failed is not None or found is None:
        absent = "Look for them in Entra, deleted users too; the object id finds whoever changed their name"
        return _told(Check(Name.USER, name, private=True), read, lambda _: (), absent)
    notes, seen = await _correlated(tenancy, records, found)
    return Check(Name.USER, found.id, seen=seen, notes=notes, url=read.url, private=True)


async def _correlated(tenancy: Tenancy, records: Records, found: User) -> tuple[tuple[Note, ...], str]:
    people = sorted(await claims.claimants(records, found.id))
    seen = f"user {found.id}, {'enabled' if found.enabled else 'disabled'}, taken for {', '.join(people) or 'nobody'}"
    notes: list[Note] = []
    if not found.enabled:
        notes.append(warning(Problem.DISABLED, "the account is disabled", "Nothing, when they have left"))
    if len(people) > 1:
        then = "Send lifecycle.person.linked when they are one person, else correct the employeeId in Entra or HR"
        notes.append(finding(Problem.CLAIMED_TWICE, f"{len(people)} people are taken for this user", then))
    elif not people:
        then = "HR must have told of them, and their employeeId be the worker's id; see `lifecycle explain`"
        notes.append(warning(Problem.UNCORRELATED, "nobody in our records is taken for this user", then))
    if not found.employee_id:
        then = "Fill it in from HR (Entra or its provisioning), unless people are matched by principal name"
        notes.append(warning(Problem.NO_EMPLOYEE_ID, "the user has no employeeId", then))
    else:
        notes += await _by_employee_id(tenancy, records, found.employee_id, people)
    return tuple(notes), seen


async def _by_employee_id(tenancy: Tenancy, records: Records, employee_id: str, people: list[str]) -> list[Note]:
    notes: list[Note] = []
    others = await tenancy.users_with(employee_id)
    if others.failed is not None:
        notes.append(failure(others.failed, what="users of the same employeeId"))
    elif len(others.found or ()) > 1:
        text = f"{len(others.found or ())} users have this employeeId, and nobody is chosen among them"
        then = "Correct the employeeId of the wrong ones in Entra; the next look takes it up"
        notes.append(finding(Problem.EMPLOYEE_ID_TWICE, text, then))
    person = (await identity_of(records, key(employee_id))).person
    if people and person not in people:
        text = f"they are taken for {', '.join(people)}, but their employeeId is {person}'s"
        then = f"See `lifecycle explain {people[0]}`; or send lifecycle.person.recognised"
        notes.append(finding(Problem.CLAIMED_BY_ANOTHER, text, then))
    return notes


# --- open questions about Graph --------------------------------------------------------------------------------------


async def probe(tenancy: Tenancy, number: str, package: str, now: datetime) -> Check:
    """Ask Graph what its documentation leaves open; the app depends on neither answer."""
    read = await tenancy.probe(number, package, now)
    question = tenancy.probes[number]
    if isinstance(read.failed, Refused) and read.failed.status not in _NO_ANSWER:
        status = read.failed.status
        said = f"{status} {read.failed.code}".strip()
        return Check(Name.PROBE, number, seen=f"{question}: {said}", numbers=(("status", status),), url=read.url)
    if read.failed is not None:
        note = unknown(Problem.UNANSWERED, f"{question}: not answered", str(read.failed))
        return Check(Name.PROBE, number, notes=(note,), url=read.url)
    rows = read.found or Rows(0, last=True)
    seen = f"{question}: yes, {rows.count} rows, {'no' if rows.last else 'a'} next page"
    return Check(Name.PROBE, number, seen=seen, numbers=(("rows", rows.count), ("status", 200)), url=read.url)


def not_run(number: str) -> Check:
    """Tell of a question that only a write or a load answers."""
    note = unknown(Problem.NOT_RUN, "not run: it would write, or load the tenant", BY_HAND[number])
    return Check(Name.PROBE, number, notes=(note,))
