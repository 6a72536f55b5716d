"""A directory in memory: users, access packages, and assignments that change some time after they were asked for.

What Graph does and this does too: a request is submitted, delivering, delivered; lists lag behind (a new row is not
listed yet, a removed one still is); a request is told before its assignment is listed; expired rows stay listed; one
open request a user and package. What happens inside is in `tests.fakes.governance`; here are the ports and the faults.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from lifecycle.errors import Ambiguous, LifecycleError, Refused, StaleLink, Throttled, Transient
from lifecycle.ports import (
    AlreadyOpen,
    AssignmentState,
    Clock,
    Denied,
    Followed,
    Listed,
    Page,
    PolicyTerms,
    Request,
    RequestState,
    Sighting,
    Submitted,
    User,
    Wire,
)
from tests.fakes.faults import Crash, Failures, Pause, no_pause
from tests.fakes.governance import Governance
from tests.fakes.paging import page_of


@dataclass(frozen=True, slots=True)
class Fault:
    """What befalls one submit: `error` is raised, after the work when `done`; `outcome` is how the request ends.

    With `unmoved` the request is delivered and changes no end.
    """

    error: BaseException | None = None
    done: bool = False
    outcome: RequestState = RequestState.DELIVERED
    unmoved: bool = False


def throttled(retry_after: timedelta | None = None) -> Fault:
    """429: not done."""
    return Fault(Throttled("429 TooManyRequests", retry_after=retry_after))


def transient() -> Fault:
    """503: not done."""
    return Fault(Transient("503 ServiceUnavailable"))


def lost_before() -> Fault:
    """The connection broke and Graph never saw the request."""
    return Fault(Ambiguous("No answer came."))


def lost_after() -> Fault:
    """504, although Graph did it."""
    return Fault(Ambiguous("504 GatewayTimeout"), done=True)


def refused(code: str = "BadRequest", status: int = 400) -> Fault:
    """4xx: not done and never will be."""
    return Fault(Refused(f"{status} {code}", status=status, code=code))


def crash(*, done: bool) -> Fault:
    """Our process dies while it waits for the answer."""
    return Fault(Crash("during a submit"), done=done)


def ends_as(outcome: RequestState) -> Fault:
    """The request is taken and ends like this: deliveryFailed, partiallyDelivered, pendingApproval, denied."""
    return Fault(outcome=outcome)


def unmoved() -> Fault:
    """An adminUpdate is delivered, but the row keeps the end that it had."""
    return Fault(unmoved=True)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a port: its name, what it was about, and when."""

    name: str
    about: str
    at: datetime


class MemoryDirectory:
    """Implements `Users`, `Entitlements` and `Reviews`.

    `latency` is from submitted to delivered, `lag` how far the list of assignments lies behind, `request_lag` the
    list of requests (a request by its id is always current). `packages` maps each package to its policies; without
    it everything exists. `users` may be changed at any time, as may the three durations.

    Long lists come in pages of `page_size`, with `empty_pages` an empty one after each; the next `stale_links` links
    are no longer known. What is behind a page may change before it is read, as it may in Graph.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        users: Iterable[User] = (),
        packages: Mapping[str, Collection[str]] | None = None,
        latency: timedelta = timedelta(seconds=30),
        lag: timedelta = timedelta(0),
        request_lag: timedelta = timedelta(0),
        pause: Pause = no_pause,
    ) -> None:
        self.users: dict[str, User] = {user.id: user for user in users}
        self.lag, self.request_lag, self.pause = lag, request_lag, pause
        self.calls: list[Call] = []
        self.posted: list[Request] = []  # every POST, refused and lost ones included
        self.taken: list[Request] = []  # those that Graph took
        self.automatic: set[str] = set()  # policies that assign by themselves
        self.throttle = 0.0
        self.page_size, self.empty_pages, self.stale_links = 100, False, 0
        self.failures = Failures()  # of reads
        self.faults: deque[Fault] = deque()  # of submits
        self._clock = clock
        self._inside = Governance(clock, latency=latency, packages=packages)
        self._decisions: list[tuple[Denied, str]] = []
        self._running: set[str] = set()  # review instances

    @property
    def latency(self) -> timedelta:
        """How long a request takes from submitted to delivered."""
        return self._inside.latency

    @latency.setter
    def latency(self, latency: timedelta) -> None:
        self._inside.latency = latency

    @property
    def terms(self) -> dict[str, PolicyTerms]:
        """What policies allow, for a test to fill; a policy that is not in it allows everything."""
        return self._inside.terms

    @property
    def never_expires(self) -> set[str]:
        """The ids of assignments whose end comes and changes nothing, for a test to fill."""
        return self._inside.never_expires

    @property
    def writes(self) -> int:
        """How many requests Graph took from us."""
        return len(self.taken)

    @property
    def reads(self) -> int:
        """How many read calls were made."""
        return sum(call.name != "submit" for call in self.calls)

    # --- Users ---

    async def by_employee_id(self, employee_id: str) -> list[User]:
        await self._called("by_employee_id", employee_id)
        wanted = employee_id.casefold()
        return [user for user in self.users.values() if (user.employee_id or "").casefold() == wanted and wanted]

    async def by_principal_name(self, name: str) -> User | None:
        await self._called("by_principal_name", name)
        wanted = name.casefold()
        return next((user for user in self.users.values() if user.user_principal_name.casefold() == wanted), None)

    async def page(self, *, link: str = "") -> Page[User]:
        await self._called("page", link)
        return self._paged("users", {user.id: user for user in self.users.values()}, link)

    # --- Entitlements ---

    async def assignments_of(self, user: str, packages: Collection[str]) -> list[Listed]:
        await self._called("assignments_of", user)
        seen = self._inside.rows_at(self._clock.now() - self.lag)
        return [row for row in seen if row.user == user and row.package in packages]

    async def submit(self, request: Request) -> Submitted | AlreadyOpen:
        await self.pause()
        self.calls.append(Call("submit", f"{request.kind} {request.package}", self._clock.now()))
        self.posted.append(request)
        fault = self.faults.popleft() if self.faults else Fault()
        sent = sha256(repr(request).encode()).hexdigest()
        try:
            if fault.error is not None and not fault.done:
                raise fault.error
            answer = self._post(request, fault, sent)
            if fault.error is not None:
                raise fault.error
        except LifecycleError as error:
            status = 0 if isinstance(error, Ambiguous) else getattr(error, "status", 429)
            error.wire = Wire(status, f"graph-{len(self.posted)}" if status else "")
            error.sent(request.token, sent)
            raise
        return answer

    def _post(self, request: Request, fault: Fault, sent: str) -> Submitted | AlreadyOpen:
        if request.kind == "adminAdd" and request.user not in self.users:
            raise Refused("400 SubjectNotFound", status=400, code="SubjectNotFound")
        graph_id = f"graph-{len(self.posted)}"
        self._inside.check(request)
        if self._inside.open_request(request) is not None:
            return AlreadyOpen(Wire(400, graph_id, request.token, sent))
        asked = self._inside.take(request, fault.outcome, unmoved=fault.unmoved)
        self.taken.append(request)
        return Submitted(asked.id, asked.state, Wire(201, graph_id, request.token, sent))

    async def request(self, request: str) -> Followed | None:
        await self._called("request", request)
        return self._inside.followed(request)

    async def auto_policies(self) -> frozenset[str]:
        await self._called("auto_policies", "")
        return frozenset(self.automatic)

    async def requests_for(self, package: str, *, since: datetime) -> list[Followed]:
        await self._called("requests_for", package)
        return self._inside.requests(package, since=since, until=self._clock.now() - self.request_lag)

    async def assignments_in(self, package: str, *, link: str = "") -> Page[Sighting]:
        await self._called("assignments_in", package)
        rows = {
            row.id: Sighting(row.id, row.user, row.policy, row.ends, row.status.startswith("AutoAssignment"))
            for row in self._inside.rows_at(self._clock.now() - self.lag)
            if row.package == package and row.state is AssignmentState.DELIVERED
        }
        return self._paged(package, rows, link)

    async def requests_created(self, since: datetime, until: datetime) -> int:
        await self._called("requests_created", "")
        seen = (
            self._clock.now() - self.request_lag + timedelta.resolution
        )  # created up to that instant, itself included
        return self._inside.created(since, min(until, seen))

    async def terms_of(self, policy: str) -> PolicyTerms:
        await self._called("terms_of", policy)
        return self._inside.terms_of(policy)

    # --- Reviews ---

    async def denied(self, packages: Collection[str], *, since: datetime) -> list[Denied]:
        await self._called("denied", "")
        finished = [(one, decision) for one, decision in self._decisions if one.instance not in self._running]
        return [one for one, decision in finished if decision == "Deny" and one.package in packages and one.at >= since]

    def _paged[T](self, name: str, rows: Mapping[str, T], link: str) -> Page[T]:
        if link and self.stale_links:
            self.stale_links -= 1
            raise StaleLink("410 Directory_ExpiredPageToken")
        return page_of(name, rows, link, size=self.page_size, gaps=self.empty_pages)

    async def _called(self, name: str, about: str) -> None:
        await self.pause()
        self.calls.append(Call(name, about, self._clock.now()))
        self.failures.strike()

    # --- for tests ---

    def add(self, user: User) -> None:
        """Let the user be there, or change them."""
        self.users[user.id] = user

    def give(self, user: str, package: str, policy: str, *, ends: datetime | None = None, status: str = "") -> Listed:
        """Let the user hold a row that they requested in My Access; `status` is Graph's open word for how it is."""
        return self._inside.give(user, package, policy, ends=ends, status=status)

    def take_by_hand(self, assignment: str) -> None:
        """Let an administrator remove the row in the portal."""
        self._inside.remove(assignment, by="adminRemove")

    def give_back(self, assignment: str) -> None:
        """Let the person remove the row in My Access."""
        self._inside.remove(assignment, by="userRemove")

    def review(
        self, instance: str, package: str, user: str, at: datetime, *, decision: str = "Deny", finished: bool = True
    ) -> None:
        """Let a reviewer decide; nothing is told of an instance that is not finished (call again when it is)."""
        (self._running.discard if finished else self._running.add)(instance)
        self._decisions = [(one, word) for one, word in self._decisions if _about(one) != (instance, package, user)]
        self._decisions.append((Denied(instance, package, user, at), decision))

    @property
    def reviews(self) -> list[tuple[Denied, str, bool]]:
        """What reviewers decided: of whom and when, the decision, and whether its instance is finished."""
        return [(one, decision, one.instance not in self._running) for one, decision in self._decisions]

    def decide(self, request: str, *, approved: bool) -> None:
        """Answer a request that is pending approval."""
        self._inside.decide(request, approved=approved)

    def rows(self, user: str = "") -> list[Listed]:
        """The rows as they are, with no lag; of one user, or all."""
        return [row for row in self._inside.rows_at(self._clock.now()) if user in ("", row.user)]

    def live(self, user: str) -> set[str]:
        """The packages whose access the user has now, in truth."""
        having = {AssignmentState.DELIVERED, AssignmentState.PARTIALLY_DELIVERED}
        return {row.package for row in self.rows(user) if row.state in having}

    def open_requests(self, user: str = "") -> list[Followed]:
        """The requests that have not ended, as they are; of one user, or all."""
        return [one for one in self._inside.open_requests() if user in ("", one.user)]


def _about(decision: Denied) -> tuple[str, str, str]:
    return decision.instance, decision.package, decision.user
