"""Who vouches for an assignment: who approved it, who reviewed it, what Entra noted in its audit log.

Graph shows an application no approvals; so they are told by the decisions that we took in, and by the audit log.
"""

from datetime import datetime

from lifecycle.case import Case, instant, source_of
from lifecycle.core.events import (
    DecisionFact,
    ExceptionGranted,
    ExceptionRevoked,
    RenewalApproved,
    RenewalDenied,
)
from lifecycle.core.evidence import Record, Tag
from lifecycle.core.packet import NONE, Field, Told, Unavailable, Value
from lifecycle.core.story import Story
from lifecycle.ports.witness import Audited
from lifecycle.testimony import AUDIT_KEPT, Heard

_BY_MODEL = "as far as the access model extends it"
_APPROVING = ("approv", "deny", "denied", "timed out")


async def approvals(case: Case) -> list[Field]:
    """Return who decided about it, as we were told and as the audit log has it."""
    decided = [_decision(fact, case.ground.read_at) for fact in case.ground.decisions if _is_about(fact, case.story)]
    log = await case.ground.testimony.audits()
    if isinstance(log, Heard):
        named = [one for one in log.value if _concerns(one, case)]
        decided += [log.told(_audited(one)) for one in named if any(w in one.activity.casefold() for w in _APPROVING)]
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
            said |= {"decision": "renewal approved", "by": fact.approver, "until": _effective(fact.until) or _BY_MODEL}
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


async def reviews(case: Case) -> list[Field]:
    """Return what reviewers decided, by the ledger and by Graph."""
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
    return {"taken away by": taken, "at": instant(record.detail.get("at") or record.detail.get("ended"))}


async def audits(case: Case) -> list[Field]:
    """Return the entries of the audit log that name it."""
    heard = await case.ground.testimony.audits()
    if isinstance(heard, Unavailable):
        return [heard]
    found: list[Field] = [heard.told(_audited(one)) for one in heard.value if _concerns(one, case)]
    last = case.story.records[-1].at
    if not found and last < heard.read_at - AUDIT_KEPT:
        reason = f"the audit log keeps about {AUDIT_KEPT.days} days, and the last record of this is older"
        return [heard.silent(reason)]
    return found or [heard.told(NONE)]


def _concerns(one: Audited, case: Case) -> bool:
    """Whether an entry names the assignment, a request of it, or the user together with the package."""
    ids = {str(record.detail.get("request", "")).casefold() for record in case.story.records}
    ids = {name for name in {case.story.assignment.casefold(), *ids} if name}
    both = {name.casefold() for name in (case.user, case.package) if name}
    return bool(one.ids & ids) or (len(both) > 1 and both <= one.ids)


def _audited(one: Audited) -> Value:
    said: dict[str, Value] = {"activity": one.activity, "at": one.at, "by": one.by, "result": one.result}
    return {**said, "entry": one.id, "correlation": one.correlation}


def _effective(value: object) -> Value:
    return value if isinstance(value, datetime) or value is None else str(value)
