"""How catalogs, packages, policies and queues are configured, and what of that would break us.

Values as the adapters read them, and judgements of them. Pure; whoever asks Graph or Service Bus is
`lifecycle.check`. Sources: "accessPackageAssignmentPolicy resource type" (Microsoft Graph v1.0) for policies, the
conditions that `lifecycle.adapters.servicebus` states for queues.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from lifecycle.core.health import Note, Problem, finding, unknown, warning
from lifecycle.core.model import AccessModel, Package, RenewalMode

_DIRECT_ONLY = frozenset({"", "notspecified"})
WINDOW = timedelta(minutes=10)
"""How long a queue must know a message again: Azure's own default, which what we send again counts with."""
LOCK = timedelta(seconds=30)
"""The shortest lock that is comfortable: accepting a session alone takes half a second, a renewal must get through."""
DELIVERIES = 5
"""Redelivery is immediate, so fewer deliveries are gone within one short outage."""
_FOR_EVER = timedelta(days=3650)  # a default time to live beyond it is none


@dataclass(frozen=True, slots=True)
class CatalogSeen:
    """A catalog as Graph has it."""

    id: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class PackageSeen:
    """An access package as Graph has it; `catalog` is empty when Graph did not tell."""

    id: str
    catalog: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySeen:
    """An assignment policy as Graph has it; `package` is empty when Graph did not tell.

    `longest` and `last` bound every assignment by it: a span, an instant. `unread` says why its terms are not known.
    """

    id: str
    package: str = ""
    approval_to_add: bool = False
    approval_to_update: bool = False
    custom_schedule: bool = True
    automatic: bool = False
    scope: str = ""
    longest: timedelta | None = None
    last: datetime | None = None
    unread: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSeen:
    """A queue as Service Bus has it; None is what could not be seen, `hidden` says why.

    `waiting` and `dead` are counted up to a bound by whoever looks, so they are at least that.
    """

    sessions: bool | None = None
    duplicates: bool | None = None
    window: timedelta | None = None
    lock: timedelta | None = None
    deliveries: int | None = None
    partitioned: bool | None = None
    time_to_live: timedelta | None = None
    dead_on_expiry: bool | None = None
    active: bool | None = None
    waiting: int | None = None
    dead: int | None = None
    hidden: str = ""


def same(one: str, other: str) -> bool:
    """Whether two ids of Graph are one; it does not mind their case."""
    return one.casefold() == other.casefold()


def judge_catalog(seen: CatalogSeen) -> tuple[Note, ...]:
    """Judge a catalog that exists."""
    if seen.state.casefold() == "unpublished":
        then = "Enable the catalog in Entra when its packages are to be used (Catalog, Overview, Enabled)"
        return (warning(Problem.UNPUBLISHED, "the catalog is not published", then),)
    return ()


def judge_package(package: Package, seen: PackageSeen) -> tuple[Note, ...]:
    """Judge a package against the model."""
    if not seen.catalog:
        return (unknown(Problem.OTHER_CATALOG, "Graph did not say which catalog it is in", "Look in Entra"),)
    if not same(seen.catalog, package.catalog):
        text = f"it lies in catalog {seen.catalog}, the model says {package.catalog}"
        then = "Correct `catalog` in the access model; the app's role must be in the catalog where the package lies"
        return (finding(Problem.OTHER_CATALOG, text, then),)
    return ()


def judge_policy(package: Package, seen: PolicySeen, model: AccessModel) -> tuple[Note, ...]:
    """Judge our own policy of a package: whether we can give and take by it alone, with the ends that we set."""
    return (*_ownership(package, seen), *_approval(seen), *_terms(package, seen, model))


def _ownership(package: Package, seen: PolicySeen) -> Iterator[Note]:
    if not seen.package:
        yield unknown(Problem.OTHER_PACKAGE, "Graph did not say which package it belongs to", "Look in Entra")
    elif not same(seen.package, package.access_package):
        text = f"it belongs to package {seen.package}, the model says {package.access_package}"
        yield finding(Problem.OTHER_PACKAGE, text, "Correct `policy` in the access model")
    if seen.automatic:
        text = "it is an auto-assignment policy: Entra gives and takes by it, and nobody else can"
        yield finding(Problem.AUTOMATIC, text, f"{_MAKE_ONE} and name it in the access model")
    elif seen.scope.casefold() not in _DIRECT_ONLY:
        text = f"others can request by it too (allowedTargetScope {seen.scope}), and their rows look like ours"
        then = 'Set "Who can request access" to "None (administrator direct assignments only)"'
        yield warning(Problem.OPEN_TO_REQUESTS, text, then)


_MAKE_ONE = "Make a policy for Lifecycle alone: direct assignments only, no approval, custom schedules allowed"


def _approval(seen: PolicySeen) -> Iterator[Note]:
    if seen.approval_to_add:
        text = "it requires approval to add: whom we give the package waits for somebody"
        yield finding(Problem.APPROVAL_TO_ADD, text, f"Turn approval off, or: {_MAKE_ONE}")
    if seen.approval_to_update:
        text = "it requires approval to update: an end that we move waits for somebody"
        yield finding(Problem.APPROVAL_TO_UPDATE, text, f"Turn approval of updates off, or: {_MAKE_ONE}")
    if not seen.custom_schedule:
        text = "it allows no custom schedule: the ends that we set are refused"
        then = 'Turn on "Users can request specific timeline" (allowCustomAssignmentSchedule)'
        yield finding(Problem.NO_CUSTOM_SCHEDULE, text, then)


def _terms(package: Package, seen: PolicySeen, model: AccessModel) -> Iterator[Note]:
    then = "Set the policy's expiration to Never: the ends come from the access model"
    if seen.unread:
        yield unknown(Problem.TERM_MAY_BE_SHORT, f"its expiration cannot be read: {seen.unread}", then)
    elif seen.last is not None:
        text = f"everything by it ends on {seen.last:%Y-%m-%dT%H:%MZ}, whatever end we set"
        yield finding(Problem.TERM_TOO_SHORT, text, then)
    elif seen.longest is not None:
        limit = f"an assignment by it lasts {_days(seen.longest)} at most"
        if broken := list(_longer(package, seen.longest, model)):
            yield finding(Problem.TERM_TOO_SHORT, f"{limit}, but {'; '.join(broken)}", then)
        else:
            text = f"{limit}; a project or an exception may need longer"
            yield warning(Problem.TERM_MAY_BE_SHORT, text, then)


def _longer(package: Package, longest: timedelta, model: AccessModel) -> Iterator[str]:
    for rule in model.rules:
        if package.name not in rule.grant:
            continue
        if rule.lasts is None:
            yield f"rule {rule.name} gives it without end"
        elif rule.lasts > longest:
            yield f"rule {rule.name} gives it for {_days(rule.lasts)}"
    renewal = package.renewal
    if renewal.mode is not RenewalMode.NEVER and renewal.extend > longest:
        yield f"a renewal extends it by {_days(renewal.extend)}"


def _days(span: timedelta) -> str:
    return f"{span.days} days" if span >= timedelta(days=1) else f"{int(span.total_seconds())} s"


# --- queues --------------------------------------------------------------------------------------------------------


def judge_queue(seen: QueueSeen, *, sessions: bool, consumed: bool, quarantine: bool = False) -> tuple[Note, ...]:
    """Judge a queue that exists: whether it has `sessions` as it must, and how it treats what lies in it.

    `consumed` is a queue that the app takes messages from, `quarantine` the one where messages lie for a person.
    """
    return (*_kind(seen, sessions=sessions, consumed=consumed), *_treatment(seen), *_lying(seen, quarantine=quarantine))


_ANEW = "this cannot be changed later: delete the queue while it is empty and deploy it anew"


def _kind(seen: QueueSeen, *, sessions: bool, consumed: bool) -> Iterator[Note]:
    if seen.sessions is not None and seen.sessions is not sessions:
        text = (
            "it has sessions, and its trigger has none" if seen.sessions else "it has no sessions: nothing is in turn"
        )
        yield finding(Problem.SESSIONS_WRONG, text, f"requiresSession must be {str(sessions).lower()}; {_ANEW}")
    if seen.duplicates is False:
        text = "it does not detect duplicates: what is sent again after a broken connection counts twice"
        then = f"requiresDuplicateDetection must be true; {_ANEW}"
        yield (finding if consumed else warning)(Problem.NO_DUPLICATE_DETECTION, text, then)
    elif seen.duplicates and seen.window is not None and seen.window < WINDOW:
        text = f"it knows a message again for {seen.window} only"
        yield warning(Problem.SHORT_WINDOW, text, "Set duplicateDetectionHistoryTimeWindow to PT10M or more")
    if seen.partitioned:
        text = "it is partitioned, and a message's number no longer names one message"
        yield finding(Problem.PARTITIONED, text, f"enablePartitioning must be false; {_ANEW}")
    if seen.hidden:
        then = (
            "Read them with a role that may: az servicebus queue show --resource-group <group> --namespace-name "
            "<namespace> --name <queue> (or give Azure Service Bus Data Owner to whoever runs this)"
        )
        yield unknown(Problem.PROPERTIES_HIDDEN, f"its properties are not known: {seen.hidden}", then)


def _treatment(seen: QueueSeen) -> Iterator[Note]:
    if seen.lock is not None and seen.lock < LOCK:
        text = f"its lock lasts {seen.lock}"
        yield warning(
            Problem.SHORT_LOCK, text, "Set lockDuration to PT1M; a lock lost amid the work is work done twice"
        )
    if seen.deliveries is not None and seen.deliveries < DELIVERIES:
        text = f"a message is dead after {seen.deliveries} deliveries, which follow each other at once"
        yield warning(Problem.FEW_DELIVERIES, text, "Set maxDeliveryCount to 10")
    if seen.time_to_live is not None and seen.time_to_live < _FOR_EVER and not seen.dead_on_expiry:
        text = f"what lies in it for {seen.time_to_live} is gone without a trace"
        yield finding(Problem.EXPIRES_UNSEEN, text, "Turn on deadLetteringOnMessageExpiration, or set no time to live")
    if seen.active is False:
        yield finding(Problem.NOT_ACTIVE, "it is disabled", "Set its status to Active")


def _lying(seen: QueueSeen, *, quarantine: bool) -> Iterator[Note]:
    if seen.dead:
        text = f"{seen.dead} or more messages are in its dead-letter queue"
        yield warning(Problem.DEAD_LETTERS, text, "See `lifecycle quarantine list`, mend the cause, replay them")
    if quarantine and seen.waiting:
        text = f"{seen.waiting} or more messages are set aside"
        yield warning(Problem.SET_ASIDE, text, "See `lifecycle quarantine list`, mend the cause, replay them")
