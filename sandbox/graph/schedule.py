"""When an assignment may begin and end: the schedule of a request, held against the policy.

The rules were seen by users of the API, not documented: dates are bound by the policy of the assignment, and the
policy must allow custom schedules. The error code is this simulator's choice.
"""

from datetime import UTC, datetime, timedelta

import msgspec

from sandbox.graph.model import ExpirationType, GraphError, Policy, Schedule


class ExpirationBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Graph's expirationPattern."""

    type: ExpirationType = "notSpecified"
    end_date_time: datetime | None = None
    duration: str | None = None
    odata_type: str | None = msgspec.field(default=None, name="@odata.type")


class ScheduleBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Graph's entitlementManagementSchedule; a recurrence is accepted only as null."""

    start_date_time: datetime | None = None
    recurrence: None = None
    expiration: ExpirationBody | None = None
    odata_type: str | None = msgspec.field(default=None, name="@odata.type")


def span(duration: str) -> timedelta:
    """Return the length of an ISO 8601 duration; months and years have none.

    Raises:
        GraphError: 400 `InvalidSchedule`, when it has no length or is not positive.

    """
    try:
        length = msgspec.convert(duration, timedelta, strict=False)
    except msgspec.ValidationError:
        length = timedelta()
    if length <= timedelta():
        raise _refused(f"'{duration}' is not a duration of weeks, days, hours, minutes or seconds")
    return length


def read(body: ScheduleBody | None) -> Schedule | None:
    """Return the schedule of a request as it was sent.

    An instant without an offset is taken as UTC.

    Raises:
        GraphError: 400 `InvalidSchedule`, when type and dates contradict each other.

    """
    if body is None:
        return None
    expiration = body.expiration or ExpirationBody()
    end, duration = expiration.end_date_time, expiration.duration
    match expiration.type:
        case "afterDateTime" if end is None or duration is not None:
            raise _refused("afterDateTime needs endDateTime and no duration")
        case "afterDuration" if duration is None or end is not None:
            raise _refused("afterDuration needs duration and no endDateTime")
        case "noExpiration" | "notSpecified" if end is not None or duration is not None:
            raise _refused(f"{expiration.type} takes neither endDateTime nor duration")
        case _:
            return Schedule(_utc(body.start_date_time), expiration.type, _utc(end), duration)


def in_force(asked: Schedule | None, policy: Policy, *, start: datetime) -> Schedule:
    """Return the schedule of the assignment that a request leads to: it has an end, or none.

    `start` is when it begins unless the request says later.
    """
    asked = asked or Schedule()
    start = max(start, asked.start or start)
    end = asked.end
    duration = asked.duration if asked.type == "afterDuration" else None
    if asked.type == "notSpecified":
        duration = policy.expiration
    if duration is not None:
        end = start + span(duration)
    return Schedule(start, "noExpiration" if end is None else "afterDateTime", end)


def check(asked: Schedule | None, policy: Policy, *, start: datetime, now: datetime) -> None:
    """Hold a request's schedule against the policy; `start` is when the assignment begins.

    Raises:
        GraphError: 400 `InvalidSchedule`.

    """
    if asked is None:
        return
    outcome = in_force(asked, policy, start=start)
    if outcome.end is not None and outcome.end <= now:
        raise _refused("the end is in the past")
    if asked.type != "notSpecified" and not policy.custom_schedule:
        raise _refused("the policy does not allow a custom assignment schedule")
    if policy.expiration is not None:
        latest = max(start, asked.start or start) + span(policy.expiration)
        if outcome.end is None or outcome.end > latest:
            raise _refused("the end is later than the policy allows")


def _utc(at: datetime | None) -> datetime | None:
    if at is None:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _refused(message: str) -> GraphError:
    return GraphError(400, "InvalidSchedule", f"The schedule is not valid: {message}.")
