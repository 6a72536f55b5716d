"""What happens inside entitlement management: requests that move on with the clock, and the rows they change.

Time is lazy: before anything is looked at, everything that fell due since is done, in order of its instants. Every
state of a row is kept with its instant, so that a lagging list is simply the past.
"""

import heapq
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

from lifecycle.errors import Refused
from lifecycle.ports import AssignmentState, Clock, Followed, Listed, PolicyTerms, Request, RequestState

OPEN = {RequestState.SUBMITTED, RequestState.PENDING_APPROVAL, RequestState.SCHEDULED, RequestState.DELIVERING}
LIVE = {AssignmentState.DELIVERING, AssignmentState.DELIVERED, AssignmentState.PARTIALLY_DELIVERED}


@dataclass(slots=True)
class Asked:
    """A request inside: `assignment` is empty until there is a row, `outcome` is how it will end.

    With `unmoved` its delivery leaves the row as it was.
    """

    id: str
    request: Request
    user: str
    created_at: datetime
    state: RequestState
    outcome: RequestState
    assignment: str
    completed_at: datetime | None = None
    unmoved: bool = False

    def told(self) -> Followed:
        status = {RequestState.SUBMITTED: "Accepted", RequestState.DELIVERED: "Fulfilled"}.get(self.state, "")
        return Followed(
            self.id,
            self.request.kind,
            self.state,
            status or self.state.value[0].upper() + self.state.value[1:],
            self.request.token,
            self.user,
            self.assignment,
            self.created_at,
            self.completed_at,
        )


class Governance:
    """Entitlement management as it is, without lag or faults of the wire.

    `terms` are those of policies that bound a schedule; `never_expires` are rows whose end comes and does nothing.
    """

    def __init__(self, clock: Clock, *, latency: timedelta, packages: Mapping[str, Collection[str]] | None) -> None:
        self.latency = latency
        self.terms: dict[str, PolicyTerms] = {}
        self.never_expires: set[str] = set()
        self._clock, self._packages = clock, packages
        self._asked: dict[str, Asked] = {}
        self._past: dict[str, list[tuple[datetime, Listed]]] = {}
        self._agenda: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._order = count()

    # --- looking ---

    def rows_at(self, instant: datetime) -> list[Listed]:
        """Return every row as it was at that instant, in the order in which the rows came to be."""
        self._catch_up()
        states = ([row for since, row in past if since <= instant] for past in self._past.values())
        return [seen[-1] for seen in states if seen]

    def followed(self, request: str) -> Followed | None:
        """Return the request as it is, None when there is none."""
        self._catch_up()
        asked = self._asked.get(request)
        return asked.told() if asked else None

    def requests(self, package: str, *, since: datetime, until: datetime) -> list[Followed]:
        """Return the package's requests that were created between the two instants."""
        self._catch_up()
        return [
            asked.told()
            for asked in self._asked.values()
            if asked.request.package == package and since <= asked.created_at <= until
        ]

    def created(self, since: datetime, until: datetime) -> int:
        """Count everybody's requests with `since <= created < until`."""
        self._catch_up()
        return sum(since <= asked.created_at < until for asked in self._asked.values())

    def terms_of(self, policy: str) -> PolicyTerms:
        """Return what the policy allows; refuse one that no package has."""
        if self._packages is not None and not any(policy in policies for policies in self._packages.values()):
            raise _refusal(404, "ResourceNotFound")
        return self.terms.get(policy, PolicyTerms())

    def open_requests(self) -> list[Followed]:
        """Return the requests that have not ended."""
        self._catch_up()
        return [asked.told() for asked in self._asked.values() if asked.state in OPEN]

    def open_request(self, request: Request) -> Asked | None:
        """Return the open request of the same user and package."""
        self._catch_up()
        user = request.user or self._row(request.assignment).user
        same = (one for one in self._asked.values() if one.user == user and one.request.package == request.package)
        return next((one for one in same if one.state in OPEN), None)

    # --- asking ---

    def check(self, request: Request) -> None:
        """Refuse what Graph refuses; the codes are those of the sandbox."""
        self._catch_up()
        now = self._clock.now()
        if request.ends is not None and request.ends <= max(now, request.starts or now):
            raise _refusal(400, "InvalidSchedule")
        if request.kind == "adminAdd":
            self._check_add(request)
            return
        if request.kind not in {"adminUpdate", "adminRemove"}:
            raise _refusal(400, "BadRequest")
        if request.assignment not in self._past:
            raise _refusal(404 if request.kind == "adminRemove" else 400, "AssignmentNotFound")
        row = self._row(request.assignment)
        if row.package != request.package:
            raise _refusal(400, "BadRequest")
        if row.state not in LIVE:
            raise _refusal(400, "InvalidAssignmentState")
        if request.kind == "adminUpdate":
            self._check_terms(row.policy, row.starts or now, request.ends)

    def _check_terms(self, policy: str, starts: datetime, ends: datetime | None) -> None:
        terms = self.terms.get(policy, PolicyTerms())
        bounds = [terms.last, None if terms.longest is None else starts + terms.longest]
        if not terms.custom or any(bound is not None and (ends is None or ends > bound) for bound in bounds):
            raise _refusal(400, "InvalidSchedule")

    def _check_add(self, request: Request) -> None:
        if not request.policy:
            raise _refusal(400, "BadRequest")
        if self._packages is not None and request.policy not in self._packages.get(request.package, ()):
            raise _refusal(400, "InvalidPolicy")
        held = (past[-1][1] for past in self._past.values())
        granted = LIVE - {AssignmentState.DELIVERING}
        if any(row.user == request.user and row.policy == request.policy and row.state in granted for row in held):
            raise _refusal(409, "Conflict")
        now = self._clock.now()
        self._check_terms(request.policy, max(now, request.starts or now), request.ends)

    def take(self, request: Request, outcome: RequestState, *, unmoved: bool = False) -> Asked:
        """Take a request that was checked; it is submitted, and goes on by itself."""
        now = self._clock.now()
        user = request.user if request.kind == "adminAdd" else self._row(request.assignment).user
        asked = self._new(request, user, now, RequestState.SUBMITTED, outcome)
        asked.unmoved = unmoved
        self._at(now + self.latency / 3, lambda at: self._begin(asked, at))
        return replace(asked)

    def decide(self, request: str, *, approved: bool) -> None:
        """Let an approver answer."""
        self._catch_up()
        asked = self._asked[request]
        if asked.state is not RequestState.PENDING_APPROVAL:
            raise ValueError(f"{request} is {asked.state}, nobody is asked for it.")
        asked.outcome = RequestState.DELIVERED if approved else RequestState.DENIED
        self._begin(asked, self._clock.now())

    def give(self, user: str, package: str, policy: str, *, ends: datetime | None, status: str) -> Listed:
        """Let the user have got a row by their own request."""
        self._catch_up()
        now = self._clock.now()
        request = Request(
            kind="userAdd", package=package, token="", justification="", user=user, policy=policy, ends=ends
        )
        asked = self._new(request, user, now, RequestState.DELIVERED, RequestState.DELIVERED)
        self._grant(asked, now, AssignmentState.DELIVERED, status)
        asked.completed_at = now
        return self._row(asked.assignment)

    def remove(self, assignment: str, *, by: str) -> None:
        """Let somebody else have removed the row: `by` is Graph's name of such a request."""
        self._catch_up()
        self._expire(assignment, self._clock.now(), by=by)

    # --- going on ---

    def _catch_up(self) -> None:
        now = self._clock.now()
        while self._agenda and self._agenda[0][0] <= now:
            at, _, happen = heapq.heappop(self._agenda)
            happen(at)

    def _at(self, instant: datetime, happen: Callable[[datetime], None]) -> None:
        heapq.heappush(self._agenda, (instant, next(self._order), happen))

    def _begin(self, asked: Asked, at: datetime) -> None:
        starts = asked.request.starts
        if asked.outcome is RequestState.PENDING_APPROVAL:
            asked.state = RequestState.PENDING_APPROVAL
        elif asked.outcome is RequestState.DENIED:
            asked.state, asked.completed_at = RequestState.DENIED, at
        elif asked.request.kind == "adminAdd" and starts is not None and starts > at:
            asked.state = RequestState.SCHEDULED
            self._at(starts, lambda then: self._deliver(asked, then))
        else:
            self._deliver(asked, at)

    def _deliver(self, asked: Asked, at: datetime) -> None:
        asked.state = RequestState.DELIVERING
        if asked.request.kind == "adminAdd":
            self._grant(asked, at, AssignmentState.DELIVERING)
        self._at(at + self.latency * 2 / 3, lambda then: self._finish(asked, then))

    def _finish(self, asked: Asked, at: datetime) -> None:
        asked.state, asked.completed_at = asked.outcome, at
        done = asked.outcome is not RequestState.DELIVERY_FAILED
        row = self._row(asked.assignment)
        match asked.request.kind:
            case "adminAdd" if row.state is AssignmentState.DELIVERING:
                self._become(at, replace(row, state=AssignmentState(asked.outcome.value), status=""))
            case "adminUpdate" if done and row.state in LIVE and not asked.unmoved:
                self._become(at, replace(row, ends=asked.request.ends))
            case "adminRemove" if done and row.state in LIVE:
                self._become(at, replace(row, state=AssignmentState.EXPIRED, expired_at=at))

    def _grant(self, asked: Asked, at: datetime, state: AssignmentState, status: str = "") -> None:
        wanted = asked.request
        asked.assignment = f"assignment-{len(self._past) + 1}"
        starts = max(at, wanted.starts or at)
        self._become(
            at,
            Listed(asked.assignment, wanted.package, wanted.policy, asked.user, state, status, starts, wanted.ends),
        )

    def _expire(self, assignment: str, at: datetime, *, by: str) -> None:
        row = self._row(assignment)
        if row.state not in LIVE:
            return
        request = Request(kind=by, package=row.package, token="", justification="", assignment=row.id)
        asked = self._new(request, row.user, at, RequestState.DELIVERED, RequestState.DELIVERED)
        asked.completed_at = at
        self._become(at, replace(row, state=AssignmentState.EXPIRED, expired_at=at))

    def _end(self, assignment: str, at: datetime) -> None:
        row = self._row(assignment)
        if row.ends is not None and row.ends <= at and assignment not in self.never_expires:
            self._expire(assignment, at, by="systemRemove")

    # --- the books ---

    def _new(self, request: Request, user: str, at: datetime, state: RequestState, outcome: RequestState) -> Asked:
        asked = Asked(f"request-{len(self._asked) + 1}", request, user, at, state, outcome, request.assignment)
        self._asked[asked.id] = asked
        return asked

    def _row(self, assignment: str) -> Listed:
        return self._past[assignment][-1][1]

    def _become(self, at: datetime, row: Listed) -> None:
        status = row.status or row.state.value[0].upper() + row.state.value[1:]
        self._past.setdefault(row.id, []).append((at, replace(row, status=status)))
        if row.ends is not None and row.state in LIVE:
            self._at(max(row.ends, at), lambda then: self._end(row.id, then))


def _refusal(status: int, code: str) -> Refused:
    return Refused(f"{status} {code}", status=status, code=code)
