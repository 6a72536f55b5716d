"""What an assignment policy allows of a schedule, out of Graph's accessPackageAssignmentPolicy. No I/O.

Where Graph's words leave room, the stricter reading is told: what we ask for must never be more than the policy allows.
"""

import re
from datetime import timedelta

import msgspec

from lifecycle.adapters.graph.wire import Expiration, at
from lifecycle.ports import PolicyTerms

_DURATION = re.compile(r"P(?:(\d{1,5})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,6})D)?(T.*)?", re.ASCII)
_YEAR, _MONTH, _WEEK = 365, 28, 7  # days; the shortest that each can be


class Requestors(msgspec.Struct, rename="camel", gc=False):
    """The part of requestorSettings that bears on schedules."""

    allow_custom_assignment_schedule: bool | None = None


class Policy(msgspec.Struct, rename="camel", gc=False):
    """An accessPackageAssignmentPolicy as far as schedules go."""

    expiration: Expiration | None = None
    requestor_settings: Requestors | None = None


decoder = msgspec.json.Decoder(Policy)


def told(policy: Policy) -> PolicyTerms:
    """Return the port's view of a policy; a custom schedule is allowed unless the policy says no.

    Raises `ValueError` for an expiration that cannot be read.
    """
    settings = policy.requestor_settings
    custom = settings is None or settings.allow_custom_assignment_schedule is not False
    expiration = policy.expiration or Expiration()
    match (expiration.type or "notSpecified").casefold():
        case "noexpiration" | "notspecified":
            return PolicyTerms(custom=custom)
        case "afterduration" if expiration.duration is not None:
            return PolicyTerms(longest=_span(expiration.duration), custom=custom)
        case "afterdatetime" if expiration.end_date_time is not None:
            return PolicyTerms(last=at(expiration.end_date_time), custom=custom)
        case _:
            raise ValueError("its type is unknown, or lacks its duration or end")


def _span(text: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError("it is not an ISO 8601 duration")
    years, months, weeks, days = (int(number or 0) for number in found.groups()[:4])
    rest = msgspec.convert(f"P0D{found[5]}", timedelta) if found[5] else timedelta()
    span = timedelta(days=years * _YEAR + months * _MONTH + weeks * _WEEK + days) + rest
    if span <= timedelta():
        raise ValueError("it has no length")
    return span
