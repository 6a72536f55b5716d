"""Applies a tenant file, or a change of a running tenant: everything is checked before anything is done."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sandbox.graph.directory import Directory
from sandbox.graph.life import Life
from sandbox.graph.model import Assignment, Policy, Request, Schedule, User
from sandbox.graph.reviews import Decision, Instance, Review
from sandbox.graph.rows import State
from sandbox.graph.schedule import in_force
from sandbox.graph.tenantfile import (
    AssignmentEntry,
    DecisionEntry,
    InstanceEntry,
    RemovalEntry,
    RequestEntry,
    ReviewDecisionEntry,
    ReviewEntry,
    TenantChange,
    TenantFile,
    TenantFileError,
    merge,
)

type Act = Callable[[], object]


def seed(change: TenantFile, state: State, life: Life, now: datetime) -> dict[str, list[str]]:
    """Apply a change and return the ids of the assignments and requests it made.

    Raises:
        TenantFileError: with path and rule; nothing was done.

    """
    directory = state.directory.copy()
    merge(change, directory)
    reader = _Reader(directory, state, life, now)
    rows = [reader.row(e, f"assignments[{n}]") for n, e in enumerate(change.assignments)]
    _refuse_twins([row.id for row, _ in rows], "assignments: two entries have one id")
    reviews = [reader.review(e, f"reviews[{n}]") for n, e in enumerate(change.reviews)]
    _refuse_twins([r.id for r in reviews], "reviews: two entries have one id")
    requests: list[tuple[Request, bool]] = []
    acts: list[Act] = []
    if isinstance(change, TenantChange):
        requests = [reader.request(e, f"requests[{n}]") for n, e in enumerate(change.requests)]
        twins = "requests: two entries are for one user and access package"
        _refuse_twins([f"{r.user_id} {r.package_id}" for r, _ in requests], twins)
        _refuse_twins([e.assignment for e in change.removals], "removals: two entries name one assignment")
        _refuse_twins([e.request for e in change.decisions], "decisions: two entries name one request")
        acts += [reader.removal(e, f"removals[{n}]") for n, e in enumerate(change.removals)]
        acts += [reader.decision(e, f"decisions[{n}]") for n, e in enumerate(change.decisions)]
    merge(change, state.directory)
    for row, request in rows:
        life.seed_row(row, now)
        if request is not None:
            state.requests.put(request)
    for request, approval in requests:
        life.submit(request, now, approval=approval)
    for act in acts:
        act()
    for review in reviews:
        state.directory.reviews[review.id] = _applied(review, state, life, now)
    return {
        "assignments": [row.id for row, _ in rows],
        "requests": [r.id for _, r in rows if r is not None] + [r.id for r, _ in requests],
    }


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns entries into values, against a directory that has the change and a state that does not."""

    directory: Directory
    state: State
    life: Life
    now: datetime

    def row(self, entry: AssignmentEntry, path: str) -> tuple[Assignment, Request | None]:
        user, policy = self._who_and_what(entry, path)
        if entry.id is not None and self.state.assignments.get(entry.id) is not None:
            raise TenantFileError(f"{path}.id: another assignment has it")
        start = entry.start or self.now
        if entry.end is not None and entry.end <= start:
            raise TenantFileError(f"{path}.end: must be later than the start")
        schedule = in_force(_until(entry.end), policy, start=start)
        expired = None if entry.state != "expired" else min(schedule.end or self.now, self.now)
        id_ = entry.id or self.life.new_id()
        row = Assignment(id_, user.id, policy.package_id, policy.id, entry.state, schedule, expired, entry.status)
        if entry.request_type is None:
            return row, None
        return row, Request(
            self.life.new_id(),
            entry.request_type,
            "delivered",
            user.id,
            policy.package_id,
            policy.id,
            created=start,
            completed=start,
            assignment_id=id_,
            schedule=_until(entry.end),
        )

    def request(self, entry: RequestEntry, path: str) -> tuple[Request, bool]:
        user, policy = self._who_and_what(entry, path)
        if self.state.requests.open_of(user.id, policy.package_id) is not None:
            raise TenantFileError(f"{path}: the user has an open request for the access package")
        if policy.automatic:
            raise TenantFileError(f"{path}.policy: nobody can request by an auto-assignment policy")
        request = Request(
            self.life.new_id(),
            "userAdd",
            "submitted",
            user.id,
            policy.package_id,
            policy.id,
            created=self.now,
            justification=entry.justification,
            schedule=_until(entry.end),
        )
        return request, policy.approval_for_add

    def removal(self, entry: RemovalEntry, path: str) -> Act:
        row = self.state.assignments.get(entry.assignment)
        if row is None or not row.live:
            raise TenantFileError(f"{path}.assignment: no live assignment has this id")
        return partial(self.life.end, row, self.now, by="userRemove" if entry.by == "user" else "adminRemove")

    def decision(self, entry: DecisionEntry, path: str) -> Act:
        request = self.state.requests.get(entry.request)
        if request is None or request.state != "pendingApproval":
            raise TenantFileError(f"{path}.request: no request of this id is pendingApproval")
        approver = None if entry.by is None else self._user(entry.by, path).id
        return partial(self.life.decide, request, self.now, approve=entry.approve, approver=approver)

    def review(self, entry: ReviewEntry, path: str) -> Review:
        policy = self._policy(entry.policy, path)
        _refuse_twins([i.id for i in entry.instances], f"{path}.instances: two entries have one id")
        rounds = (self._instance(i, f"{path}.instances[{n}]") for n, i in enumerate(entry.instances))
        return Review(entry.id, entry.display_name, policy.id, tuple(rounds))

    def _instance(self, entry: InstanceEntry, path: str) -> Instance:
        if entry.end <= entry.start:
            raise TenantFileError(f"{path}.end: must be later than the start")
        decisions = (self._verdict(d, f"{path}.decisions[{n}]") for n, d in enumerate(entry.decisions))
        return Instance(entry.id, entry.status, entry.start, entry.end, tuple(decisions))

    def _verdict(self, entry: ReviewDecisionEntry, path: str) -> Decision:
        user = self._user(entry.user, path)
        id_ = entry.id or self.life.new_id()
        reviewer = None if entry.reviewer is None else self._user(entry.reviewer, path).id
        return Decision(id_, user.id, entry.decision, entry.reviewed, entry.applied, entry.justification, reviewer)

    def _who_and_what(self, entry: AssignmentEntry | RequestEntry, path: str) -> tuple[User, Policy]:
        return self._user(entry.user, path), self._policy(entry.policy, path)

    def _user(self, key: str, path: str) -> User:
        user = self.directory.users.get(key) or self.directory.user(key)
        if user is None:
            raise TenantFileError(f"{path}.user: no user has this id or userPrincipalName")
        return user

    def _policy(self, id_: str, path: str) -> Policy:
        policy = self.directory.policies.get(id_)
        if policy is None:
            raise TenantFileError(f"{path}.policy: no assignment policy has this id")
        return policy


def _applied(review: Review, state: State, life: Life, now: datetime) -> Review:
    """Apply what is decided in applied instances and was not yet: a Deny ends the user's rows by the policy."""

    def applied(instance: Instance, decision: Decision) -> Decision:
        if instance.status != "Applied" or decision.applied is not None or decision.verdict == "NotReviewed":
            return decision
        for row in state.assignments.of(decision.user_id) if decision.verdict == "Deny" else ():
            if row.policy_id == review.policy_id and row.live:
                life.end(row, now, by="systemRemove")
        return replace(decision, applied=now)

    rounds = (replace(i, decisions=tuple(applied(i, d) for d in i.decisions)) for i in review.instances)
    return replace(review, instances=tuple(rounds))


def _refuse_twins(keys: list[str], rule: str) -> None:
    if len(set(keys)) < len(keys):
        raise TenantFileError(rule)


def _until(end: datetime | None) -> Schedule | None:
    return None if end is None else Schedule(type="afterDateTime", end=end)
