"""What time does to requests and assignments: delivery, approval, start, end, and lists that lag behind.

    submitted → [pendingApproval → denied] → [scheduled] → delivering → delivered | partiallyDelivered | deliveryFailed

Each transition happens at its own instant of the virtual clock, however late `settle` is called. Latencies and lags
come from one seeded generator.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from uuid import UUID

from sandbox.graph import schedule
from sandbox.graph.model import Assignment, Request, RequestType
from sandbox.graph.rows import State

type Step = Callable[[datetime], None]
type Seconds = tuple[float, float]
"""A range from which a number of seconds is drawn."""

SUBMITTED_PART = 1 / 3
"""The share of a request's latency that it spends as submitted; the rest it spends as delivering."""


@dataclass(slots=True)
class Pace:
    """How long a request takes from submission to its end, and how far lists lag, in virtual seconds."""

    latency: Seconds = (10.0, 30.0)
    lag: Seconds = (0.0, 0.0)


class Life:
    """Moves the rows of a state along; `expires` says whether an end that falls due has its effect."""

    def __init__(self, state: State, pace: Pace, seed: int, *, expires: Callable[[Assignment], bool]) -> None:
        self._state = state
        self._pace = pace
        self._expires = expires
        self._random = Random(seed)  # noqa: S311 a simulation wants repeatable numbers, not secret ones
        self._transit: list[tuple[datetime, int, Step]] = []
        self._calendar: list[tuple[datetime, int, Assignment | Request]] = []
        self._count = 0
        self._published: dict[str, datetime] = {}
        self._outlived: dict[str, datetime] = {}

    def reseed(self, seed: int) -> None:
        """Start the sequence of latencies, lags and ids of a seed."""
        self._random.seed(seed)

    def new_id(self) -> str:
        """Return a GUID; the same seed gives the same sequence."""
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def submit(self, request: Request, now: datetime, *, approval: bool = False) -> None:
        """Begin the life of a request."""
        self._state.requests.put(request)
        latency = self._draw(self._pace.latency)
        step = partial(self._route, request.id, latency * (1 - SUBMITTED_PART), approval)
        self._later(now + latency * SUBMITTED_PART, step)

    def decide(self, request: Request, now: datetime, *, approve: bool, approver: str | None = None) -> None:
        """Approve or deny a request that is pendingApproval."""
        request = replace(request, decided=now, approver=approver)
        if approve:
            self._deliver(request, self._draw(self._pace.latency), now)
        else:
            self._state.requests.put(replace(request, state="denied", completed=now))

    def seed_row(self, row: Assignment, now: datetime) -> None:
        """Put a row that lists show at once."""
        self._write(row, now, lag=timedelta())

    def end(self, row: Assignment, at: datetime, *, by: RequestType) -> Request:
        """End a row at once, as somebody else's finished request; return that request."""
        self._write(replace(row, state="expired", status=None, expired=at), at)
        request = Request(
            self.new_id(),
            by,
            "delivered",
            row.user_id,
            row.package_id,
            row.policy_id,
            created=at,
            completed=at,
            assignment_id=row.id,
        )
        self._state.requests.put(request)
        return request

    def settle(self, now: datetime) -> None:
        """Apply, in order of time, every transition due at `now`."""
        while True:
            transit = self._transit[0][0] if self._transit else None
            calendar = self._next_on_calendar()
            if transit is not None and transit <= now and (calendar is None or transit <= calendar):
                at, _, step = heapq.heappop(self._transit)
                step(at)
            elif calendar is not None and calendar <= now:
                at, _, entry = heapq.heappop(self._calendar)
                self._fall_due(entry, at)
            else:
                return

    def next_due(self, *, ends: bool) -> datetime | None:
        """Return the next instant at which something in transit moves; with `ends`, also scheduled starts and ends."""
        due = [self._transit[0][0]] if self._transit else []
        if ends and (calendar := self._next_on_calendar()) is not None:
            due.append(calendar)
        return min(due, default=None)

    def _route(self, id_: str, rest: timedelta, approval: bool, at: datetime) -> None:  # noqa: FBT001 bound by partial
        request = self._request(id_)
        start = None if request.schedule is None else request.schedule.start
        if approval:
            self._state.requests.put(replace(request, state="pendingApproval"))
        elif _adds(request) and start is not None and start > at:
            self._state.requests.put(replace(request, state="scheduled"))
            self._note(start, request)
        else:
            self._deliver(request, rest, at)

    def _deliver(self, request: Request, rest: timedelta, at: datetime) -> None:
        if _adds(request):
            request = self._begin(request, at)
        self._state.requests.put(replace(request, state="delivering"))
        self._later(at + rest, partial(self._complete, request.id))

    def _begin(self, request: Request, at: datetime) -> Request:
        row = None if request.assignment_id is None else self._state.assignments.get(request.assignment_id)
        if row is None:
            policy = self._state.directory.policies[request.policy_id]
            row = Assignment(
                self.new_id(),
                request.user_id,
                request.package_id,
                request.policy_id,
                "delivering",
                schedule.in_force(request.schedule, policy, start=at),
            )
        self._write(replace(row, state="delivering"), at)
        return replace(request, assignment_id=row.id)

    def _complete(self, id_: str, at: datetime) -> None:
        request = self._request(id_)
        row = self._state.assignments.get(request.assignment_id or "")
        outcome = request.outcome
        if row is None or not row.live:
            outcome = "delivered" if _removes(request) else "deliveryFailed"
        elif _adds(request):
            self._write(replace(row, state=outcome), at)
        elif outcome == "delivered" and not request.unmoved:
            self._write(self._changed(row, request, at), at)
        self._state.requests.put(replace(request, state=outcome, completed=at))

    def _changed(self, row: Assignment, request: Request, at: datetime) -> Assignment:
        if _removes(request):
            return replace(row, state="expired", status=None, expired=at)
        policy = self._state.directory.policies[row.policy_id]
        asked = None if request.schedule is None else replace(request.schedule, start=None)
        return replace(row, schedule=schedule.in_force(asked, policy, start=row.schedule.start or at))

    def _fall_due(self, entry: Assignment | Request, at: datetime) -> None:
        if isinstance(entry, Request):
            self._deliver(self._request(entry.id), self._draw(self._pace.latency), at)
        else:
            row = self._state.assignments.get(entry.id) or entry
            if self._expires(row):
                self.end(row, at, by="systemRemove")
            else:
                self._outlived[row.id] = at

    def _write(self, row: Assignment, at: datetime, *, lag: timedelta | None = None) -> None:
        self._state.assignments.put(row)
        if row.live and row.schedule.end is not None:
            self._note(row.schedule.end, row)
        shown = at + (self._draw(self._pace.lag) if lag is None else lag)
        shown = max(shown, self._published.get(row.id, shown))
        if shown <= at:
            self._state.assignments.publish(row)
            return
        self._published[row.id] = shown  # a later change may not overtake an earlier one
        self._later(shown, lambda _: self._state.assignments.publish(row))

    def _next_on_calendar(self) -> datetime | None:
        while self._calendar and not self._stands(self._calendar[0][2]):
            heapq.heappop(self._calendar)
        return self._calendar[0][0] if self._calendar else None

    def _stands(self, entry: Assignment | Request) -> bool:
        """Whether the start or end that an entry announces is still to come."""
        if isinstance(entry, Request):
            return self._request(entry.id).state == "scheduled"
        row = self._state.assignments.get(entry.id)
        if row is None or not row.live or row.schedule.end != entry.schedule.end:
            return False
        return row.schedule.end != self._outlived.get(row.id)  # noted once a state, so one end comes more than once

    def _request(self, id_: str) -> Request:
        request = self._state.requests.get(id_)
        if request is None:
            raise LookupError(f"request {id_} has steps to come but is not stored")
        return request

    def _draw(self, seconds: Seconds) -> timedelta:
        return timedelta(seconds=self._random.uniform(*seconds))

    def _later(self, at: datetime, step: Step) -> None:
        self._count += 1
        heapq.heappush(self._transit, (at, self._count, step))

    def _note(self, at: datetime, entry: Assignment | Request) -> None:
        self._count += 1
        heapq.heappush(self._calendar, (at, self._count, entry))


def _adds(request: Request) -> bool:
    return request.type in {"adminAdd", "userAdd", "systemAdd"}


def _removes(request: Request) -> bool:
    return request.type in {"adminRemove", "userRemove", "systemRemove"}
