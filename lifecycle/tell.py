"""What there is to say of one assignment: from the ledger, the decisions, the access model and Graph, each by its name.

Gathers; decides and changes nothing. Where a source has nothing to say, that is said.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime

from lifecycle.case import Background, Case, case_of, instant, no_user, source_of
from lifecycle.core.evidence import Record, Tag
from lifecycle.core.packet import NONE, Entry, Field, OfAssignment, Sheet, Told, Unavailable, Value, plain, sheet
from lifecycle.core.story import Attempt, Story, attempts, ending, users_of
from lifecycle.ports import Followed
from lifecycle.testimony import Heard
from lifecycle.vouch import approvals, audits, reviews

_NO_END = "without end"
_TOLD_WITH_ITS_REQUEST = frozenset({
    Tag.INTENDED, Tag.SUBMITTED, Tag.NOT_SENT, Tag.REFUSED, Tag.UNKNOWN, Tag.FOUND, Tag.NEVER_ARRIVED
})  # fmt: skip


async def tell(story: Story, ground: Background) -> Sheet:
    """Return the sheet of one assignment."""
    case = await case_of(story, ground)
    entries = [
        *_about(case),
        *await _bounds(case),
        *_reasons(case),
        *(Entry(OfAssignment.REQUEST, field) for field in _ours(case)),
        *[Entry(OfAssignment.GRAPH_REQUEST, field) for field in await _theirs(case)],
        *[Entry(OfAssignment.APPROVAL, field) for field in await approvals(case)],
        *[Entry(OfAssignment.REVIEW, field) for field in await reviews(case)],
        Entry(OfAssignment.ROLES, await _roles(case)),
        *[Entry(OfAssignment.AUDIT, field) for field in await audits(case)],
        *(Entry(OfAssignment.RECORD, recorded(record, ground.read_at)) for record in story.records),
    ]
    return sheet(story.package, story.assignment, entries)


# --- who, what, from when to when ---------------------------------------------------------------------------------


def _about(case: Case) -> Iterator[Entry]:
    ground, model = case.ground, f"access model {case.ground.ports.model.hash}"
    named = dict(users_of(case.story)) or dict(ground.users)
    for user, record in named.items():
        yield Entry(OfAssignment.USER, Told(user, source_of(record), ground.read_at))
    if not named:
        yield Entry(OfAssignment.USER, no_user(ground))
    gone = Unavailable(f"the access model has no package {case.story.package} any more", model, ground.read_at)
    yield Entry(OfAssignment.ACCESS_PACKAGE, Told(case.package, model, ground.read_at) if case.package else gone)
    if case.row is not None and case.row.policy and isinstance(case.rows, Heard):
        yield Entry(OfAssignment.POLICY, case.rows.told(case.row.policy))
    else:
        yield Entry(OfAssignment.POLICY, Told(case.policy, model, ground.read_at) if case.policy else gone)


async def _bounds(case: Case) -> list[Entry]:
    row = case.row
    entries = [
        Entry(OfAssignment.TERMS, await _terms(case)),
        Entry(OfAssignment.STATE, _of_row(case, {} if row is None else {"state": row.state, "status": row.status})),
        Entry(OfAssignment.BEGINS, _of_row(case, None if row is None else row.starts)),
        Entry(OfAssignment.EXPIRES, _of_row(case, None if row is None else row.ends or _NO_END)),
        Entry(OfAssignment.EXPIRED, _of_row(case, None if row is None else row.expired_at)),
    ]
    return [*entries, *_by_ledger(case)]


def _by_ledger(case: Case) -> Iterator[Entry]:
    """Yield what the ledger says of the same: the end that was last asked for, and how and when it came to an end."""
    read_at = case.ground.read_at
    asked = [one for one in case.story.records if one.tag is Tag.INTENDED and one.detail.get("kind") != "adminRemove"]
    for record in asked[-1:]:
        asked_for = instant(record.detail.get("ends")) or _NO_END
        yield Entry(OfAssignment.EXPIRES, Told(asked_for, source_of(record), read_at))
    telling = {Tag.ENDED, Tag.EXPIRED, Tag.DENIED, Tag.ADOPTED}
    for record in [one for one in case.story.records if one.tag in telling][-1:]:
        said: dict[str, Value] = {"record": str(record.tag), "at": record.at}
        if "state" in record.detail:
            said["state"] = str(record.detail["state"])
        yield Entry(OfAssignment.STATE, Told(said, source_of(record), read_at))
    ended = ending(case.story)
    if ended is not None:
        yield Entry(OfAssignment.EXPIRED, Told(ended[0], source_of(ended[1]), read_at))


async def _terms(case: Case) -> Field:
    if not case.policy:
        return Unavailable("its policy is not known", "access model", case.ground.read_at)
    heard = await case.ground.testimony.policy(case.policy)
    if isinstance(heard, Unavailable):
        return heard
    settings = heard.value.settings
    text = json.dumps(plain(settings), sort_keys=True, separators=(",", ":"))
    return heard.told({"settings": settings, "sha256": hashlib.sha256(text.encode()).hexdigest()})


async def _roles(case: Case) -> Field:
    if not case.package:
        return Unavailable("its access package is not known", "access model", case.ground.read_at)
    heard = await case.ground.testimony.roles(case.package)
    if isinstance(heard, Unavailable):
        return heard
    roles = [{"role": one.role, "resource": one.resource, "system": one.system} for one in heard.value]
    return heard.told(roles or NONE)


def _of_row(case: Case, value: Value) -> Field:
    """Return what Graph says of the row, or why it says nothing."""
    if not case.story.assignment:
        return Unavailable("the ledger knows of no assignment that came of it", "ledger", case.ground.read_at)
    if isinstance(case.rows, Unavailable):
        return case.rows
    return case.rows.silent("Graph lists no such assignment any more") if case.row is None else case.rows.told(value)


# --- why, and by which requests -----------------------------------------------------------------------------------


def _reasons(case: Case) -> Iterator[Entry]:
    records, read_at = case.story.records, case.ground.read_at
    stated = [record for record in records if record.detail.get("why")]
    for record in stated:
        yield Entry(OfAssignment.REASONS, Told(_texts(record.detail["why"]), source_of(record), read_at))
    if not stated:
        reason = "its records state no reasons: it was not given by a request of ours"
        yield Entry(OfAssignment.REASONS, Unavailable(reason, source_of(*records), read_at))
    causes = list(dict.fromkeys(record.cause for record in records))
    yield Entry(OfAssignment.CAUSES, Told(causes, source_of(*records), read_at))


def _ours(case: Case) -> list[Field]:
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


async def _theirs(case: Case) -> list[Field]:
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


def _same_row(one: Followed, case: Case) -> bool:
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


# --- records as fields --------------------------------------------------------------------------------------------


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
