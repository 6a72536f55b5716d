"""What there is to say of one assignment: from the ledger, the decisions, the access model and Graph, each by its name.

Gathers; decides and changes nothing. Where a source has nothing to say, that is said.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from lifecycle.core.events import (
    DecisionFact,
    ExceptionGranted,
    ExceptionRevoked,
    RenewalApproved,
    RenewalDenied,
)
from lifecycle.core.evidence import Record, Tag
from lifecycle.core.packet import NONE, Entry, Field, Name, OfAssignment, Sheet, Told, Unavailable, Value, plain, sheet
from lifecycle.core.story import Attempt, Story, attempts, ended_at, users_of
from lifecycle.ports import Audited, Followed, Listed, Ports
from lifecycle.testimony import AUDIT_KEPT, Heard, Testimony

type Rows = Heard[dict[str, Listed]] | Unavailable

_APPROVING = ("approv", "deny", "denied", "timed out")
_TOLD_WITH_ITS_REQUEST = frozenset({
    Tag.INTENDED, Tag.SUBMITTED, Tag.NOT_SENT, Tag.REFUSED, Tag.UNKNOWN, Tag.FOUND, Tag.NEVER_ARRIVED
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Background:
    """What one person's sheets share: whose they are, the decisions about them, Graph, and when the records were read.

    `users` are the Entra users that the chain found, each with the record that says so.
    """

    ports: Ports
    testimony: Testimony
    decisions: Sequence[DecisionFact]
    users: Sequence[tuple[str, Record]]
    read_at: datetime


@dataclass(frozen=True, slots=True)
class _Case:
    """A story in its background: whose access, which package and row."""

    story: Story
    ground: Background
    user: str
    package: str
    policy: str
    row: Listed | None
    rows: Heard[Listed | None] | Unavailable


async def tell(story: Story, ground: Background) -> Sheet:
    """Return the sheet of one assignment."""
    case = await _case(story, ground)
    entries = [
        *_about(case),
        *await _bounds(case),
        *_reasons(case),
        *(Entry(OfAssignment.REQUEST, field) for field in _ours(case)),
        *[Entry(OfAssignment.GRAPH_REQUEST, field) for field in await _theirs(case)],
        *[Entry(OfAssignment.APPROVAL, field) for field in await _approvals(case)],
        *[Entry(OfAssignment.REVIEW, field) for field in await _reviews(case)],
        Entry(OfAssignment.ROLES, await _roles(case)),
        *[Entry(OfAssignment.AUDIT, field) for field in await _audits(case)],
        *(Entry(OfAssignment.RECORD, recorded(record, ground.read_at)) for record in story.records),
    ]
    return sheet(story.package, story.assignment, entries)


async def _case(story: Story, ground: Background) -> _Case:
    users = users_of(story) or [pair for pair in ground.users if pair[1].at <= story.records[-1].at]
    user = users[-1][0] if users else ""
    rows = await ground.testimony.rows(user) if user else _no_user(ground)
    row = rows.value.get(story.assignment) if isinstance(rows, Heard) else None
    known = ground.ports.model.packages.get(story.package)
    package = known.access_package if known is not None else "" if row is None else row.package
    policy = row.policy if row is not None and row.policy else "" if known is None else known.policy
    heard = Heard(row, rows.source, rows.read_at) if isinstance(rows, Heard) else rows
    return _Case(story, ground, user, package, policy, row, heard)


def _no_user(ground: Background) -> Unavailable:
    return Unavailable("no Entra user of this person is known", "ledger", ground.read_at)


# --- who, what, from when to when ---------------------------------------------------------------------------------


def _about(case: _Case) -> Iterator[Entry]:
    ground, model = case.ground, f"access model {case.ground.ports.model.hash}"
    named = dict(users_of(case.story)) or dict(ground.users)
    for user, record in named.items():
        yield Entry(OfAssignment.USER, Told(user, source_of(record), ground.read_at))
    if not named:
        yield Entry(OfAssignment.USER, _no_user(ground))
    gone = Unavailable(f"the access model has no package {case.story.package} any more", model, ground.read_at)
    yield Entry(OfAssignment.ACCESS_PACKAGE, Told(case.package, model, ground.read_at) if case.package else gone)
    if case.row is not None and case.row.policy and isinstance(case.rows, Heard):
        yield Entry(OfAssignment.POLICY, case.rows.told(case.row.policy))
    else:
        yield Entry(OfAssignment.POLICY, Told(case.policy, model, ground.read_at) if case.policy else gone)


async def _bounds(case: _Case) -> list[Entry]:
    row = case.row
    entries = [
        Entry(OfAssignment.TERMS, await _terms(case)),
        Entry(OfAssignment.STATE, _of_row(case, {} if row is None else {"state": row.state, "status": row.status})),
        Entry(OfAssignment.BEGINS, _of_row(case, None if row is None else row.starts)),
        Entry(OfAssignment.EXPIRES, _of_row(case, None if row is None else row.ends)),
        Entry(OfAssignment.EXPIRED, _of_row(case, None if row is None else row.expired_at)),
    ]
    return [*entries, *_by_ledger(case)]


def _by_ledger(case: _Case) -> Iterator[Entry]:
    """Yield what the ledger says of the same: the end that was last asked for, and how and when it came to an end."""
    read_at = case.ground.read_at
    asked = [one for one in case.story.records if one.tag is Tag.INTENDED and one.detail.get("kind") != "adminRemove"]
    for record in asked[-1:]:
        yield Entry(OfAssignment.EXPIRES, Told(_instant(record.detail.get("ends")), source_of(record), read_at))
    telling = {Tag.ENDED, Tag.EXPIRED, Tag.DENIED, Tag.ADOPTED}
    for record in [one for one in case.story.records if one.tag in telling][-1:]:
        said: Value = {"record": str(record.tag), "state": str(record.detail.get("state", NONE))}
        yield Entry(OfAssignment.STATE, Told(said, source_of(record), read_at))
    ended = ended_at(case.story)
    if ended is not None:
        yield Entry(OfAssignment.EXPIRED, Told(ended, source_of(*case.story.records), read_at))


async def _terms(case: _Case) -> Field:
    if not case.policy:
        return Unavailable("its policy is not known", "access model", case.ground.read_at)
    heard = await case.ground.testimony.policy(case.policy)
    if isinstance(heard, Unavailable):
        return heard
    settings = heard.value.settings
    text = json.dumps(plain(settings), sort_keys=True, separators=(",", ":"))
    return heard.told({"settings": settings, "sha256": hashlib.sha256(text.encode()).hexdigest()})


async def _roles(case: _Case) -> Field:
    if not case.package:
        return Unavailable("its access package is not known", "access model", case.ground.read_at)
    heard = await case.ground.testimony.roles(case.package)
    if isinstance(heard, Unavailable):
        return heard
    roles = [{"role": one.role, "resource": one.resource, "system": one.system} for one in heard.value]
    return heard.told(roles or NONE)


def _of_row(case: _Case, value: Value) -> Field:
    """Return what Graph says of the row, or why it says nothing."""
    if not case.story.assignment:
        return Unavailable("the ledger knows of no assignment that came of it", "ledger", case.ground.read_at)
    if isinstance(case.rows, Unavailable):
        return case.rows
    return case.rows.silent("Graph lists no such assignment any more") if case.row is None else case.rows.told(value)


# --- why, and by which requests -----------------------------------------------------------------------------------


def _reasons(case: _Case) -> Iterator[Entry]:
    records, read_at = case.story.records, case.ground.read_at
    stated = [record for record in records if record.detail.get("why")]
    for record in stated:
        yield Entry(OfAssignment.REASONS, Told(_texts(record.detail["why"]), source_of(record), read_at))
    if not stated:
        reason = "its records state no reasons: it was not given by a request of ours"
        yield Entry(OfAssignment.REASONS, Unavailable(reason, source_of(*records), read_at))
    causes = list(dict.fromkeys(record.cause for record in records))
    yield Entry(OfAssignment.CAUSES, Told(causes, source_of(*records), read_at))


def _ours(case: _Case) -> list[Field]:
    read_at = case.ground.read_at
    found: list[Field] = [Told(_attempt(one), source_of(*one.records), read_at) for one in attempts(case.story)]
    return found or [Told("none of ours", source_of(*case.story.records), read_at)]


def _attempt(one: Attempt) -> Value:
    intent, ended = one.of(Tag.INTENDED), one.of(Tag.ENDED) or one.of(Tag.NOT_MOVED)
    outcomes = [record for record in one.records if record.tag is not Tag.INTENDED]
    said = {
        "kind": one.said("kind"),
        "token": one.token,
        "intended": None if intent is None else intent.at,
        "outcome": [str(record.tag) for record in outcomes] or "none recorded",
        "request": one.said("request"),
        "Graph request-id": one.said("graph_request"),
        "client-request-id": one.said("client_request"),
        "HTTP status": one.said("status"),
        "code": one.said("code"),
        "body SHA-256": one.said("body"),
        "ended as": "" if ended is None else str(ended.detail.get("state", "")),
        "ended": None if ended is None else ended.at,
        "error": one.said("error"),
    }
    return {name: value for name, value in said.items() if value or name in {"outcome", "request", "HTTP status"}}


async def _theirs(case: _Case) -> list[Field]:
    """Return Graph's requests about the row, and which of ours it has no more."""
    if not case.package:
        return [Unavailable("its access package is not known", "access model", case.ground.read_at)]
    heard = await case.ground.testimony.requests(case.package)
    if isinstance(heard, Unavailable):
        return [heard]
    made = attempts(case.story)
    tokens = {one.token for one in made}
    ids = {request for record in case.story.records if (request := str(record.detail.get("request", "")))}
    mine = [one for one in heard.value if one.request in ids or one.token in tokens or _same_row(one, case)]
    found: list[Field] = [heard.told(_followed(one)) for one in sorted(mine, key=_order)]
    gone = sorted(ids - {one.request for one in mine})
    missing = "Graph has no request {} any more; it keeps them for about three months"
    return [*found, *(heard.silent(missing.format(request)) for request in gone)] or [heard.told(NONE)]


def _same_row(one: Followed, case: _Case) -> bool:
    return bool(one.assignment) and one.assignment == case.story.assignment


def _order(one: Followed) -> tuple[str, str]:
    return ("" if one.created_at is None else one.created_at.isoformat(), one.request)


def _followed(one: Followed) -> Value:
    return {
        "request": one.request,
        "kind": one.kind,
        "state": one.state,
        "status": one.status,
        "created": one.created_at,
        "completed": one.completed_at,
        "token": one.token,
    }


# --- who approved, who reviewed, what Entra noted -----------------------------------------------------------------


async def _approvals(case: _Case) -> list[Field]:
    decided = [_decision(fact, case.ground.read_at) for fact in case.ground.decisions if _is_about(fact, case.story)]
    audits = await case.ground.testimony.audits()
    if isinstance(audits, Heard):
        named = [one for one in audits.value if _concerns(one, case)]
        decided += [audits.told(_audited(one)) for one in named if any(w in one.activity.casefold() for w in _APPROVING)]
    return [*decided, case.ground.testimony.approvals()]


def _is_about(fact: DecisionFact, story: Story) -> bool:
    match fact:
        case RenewalApproved() | RenewalDenied() | ExceptionGranted() | ExceptionRevoked():
            return fact.package == story.package
        case _:
            return False


def _decision(fact: DecisionFact, read_at: datetime) -> Field:
    source = f"decision fact {fact.recorded.id} of {fact.recorded.source}"
    said: dict[str, Value] = {"at": fact.recorded.time}
    match fact:
        case RenewalApproved():
            said |= {"decision": "renewal approved", "by": fact.approver, "until": _effective(fact.until)}
        case RenewalDenied():
            said |= {"decision": "renewal denied", "by": fact.approver}
        case ExceptionGranted():
            said |= {"decision": "exception granted", "by": fact.approver, "until": _effective(fact.until)}
            said |= {"ticket": fact.ticket}
        case ExceptionRevoked():
            said |= {"decision": "exception revoked", "by": fact.approver}
        case _:
            said |= {"decision": type(fact).__name__.lower()}
    return Told(said, source, read_at)


async def _reviews(case: _Case) -> list[Field]:
    denied = [record for record in case.story.records if record.tag is Tag.DENIED]
    found: list[Field] = [Told(_denial(record), source_of(record), case.ground.read_at) for record in denied]
    heard = await case.ground.testimony.reviews()
    if isinstance(heard, Unavailable):
        return [*found, heard]
    for one in heard.value:
        if one.user.casefold() == case.user.casefold() and one.package == case.package:
            decided: Value = {
                "decision": one.decision,
                "by": one.reviewer,
                "reviewed": one.reviewed_at,
                "applied": one.applied_at,
                "result": one.result,
                "instance": one.instance,
                "instance status": one.status,
            }
            found.append(heard.told(decided))
    return found if len(found) > len(denied) else [*found, heard.told(NONE)]


def _denial(record: Record) -> Value:
    taken = str(record.detail.get("by", "others, before its end"))
    return {"taken away by": taken, "at": _instant(record.detail.get("at") or record.detail.get("ended"))}


async def _audits(case: _Case) -> list[Field]:
    heard = await case.ground.testimony.audits()
    if isinstance(heard, Unavailable):
        return [heard]
    found: list[Field] = [heard.told(_audited(one)) for one in heard.value if _concerns(one, case)]
    last = case.story.records[-1].at
    if not found and last < heard.read_at - AUDIT_KEPT:
        reason = f"the audit log keeps about {AUDIT_KEPT.days} days, and the last record of this is older"
        return [heard.silent(reason)]
    return found or [heard.told(NONE)]


def _concerns(one: Audited, case: _Case) -> bool:
    """Whether an entry names the assignment, a request of it, or the user together with the package."""
    ids = {str(record.detail.get("request", "")).casefold() for record in case.story.records}
    ids = {name for name in {case.story.assignment.casefold(), *ids} if name}
    both = {name.casefold() for name in (case.user, case.package) if name}
    return bool(one.ids & ids) or (len(both) > 1 and both <= one.ids)


def _audited(one: Audited) -> Value:
    said: dict[str, Value] = {"activity": one.activity, "at": one.at, "by": one.by, "result": one.result}
    return {**said, "entry": one.id, "correlation": one.correlation}


# --- records as fields --------------------------------------------------------------------------------------------


def source_of(*records: Record) -> str:
    """Return where records are found: the chain and their numbers."""
    chains: dict[str, list[str]] = {}
    for record in records:
        chains.setdefault(record.chain, []).append(str(record.number))
    named = (f"person {chain} record{'s' * (len(of) > 1)} {', '.join(of)}" for chain, of in chains.items())
    return f"ledger {' and '.join(named)}"


def recorded(record: Record, read_at: datetime, *, whole: bool = False) -> Field:
    """Return a record as a field, with its hash; its detail too where no other field of the sheet says it."""
    said: dict[str, Value] = {
        "number": record.number,
        "tag": str(record.tag),
        "at": record.at,
        "cause": record.cause,
        "sha256": record.hash,
    }
    if whole or record.tag not in _TOLD_WITH_ITS_REQUEST:
        said["detail"] = {name: _detail(value) for name, value in record.detail.items()}
    return Told(said, source_of(record), read_at)


def _detail(value: object) -> Value:
    match value:
        case list():
            return _texts(value)
        case str() | int() | None:
            return value
        case _:
            return str(value)


def _texts(value: object) -> Value:
    return [str(one) for one in value] if isinstance(value, Iterable) and not isinstance(value, str) else str(value)


def _instant(text: object) -> Value:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None


def _effective(value: object) -> Value:
    return value if isinstance(value, datetime) or value is None else str(value)


__all__ = ["Background", "Name", "recorded", "source_of", "tell"]
