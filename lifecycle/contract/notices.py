"""What the app tells whoever listens on `notices`: each type's data, and the JSON Schemas that are published of them.

`lifecycle.messages.notify` sends them; here is what a listener may rely on. Data are ids, instants (RFC 3339) and
counts; a key that is not required is there when it applies.
"""

from typing import Any

import msgspec

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Notice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """Data of a notice."""


class Delivered(Notice, frozen=True):
    """A request of ours was delivered: access was assigned (or its end moved), or removed."""

    package: str
    request: str
    state: str
    cause: str


class Failed(Notice, frozen=True):
    """Graph refused a request (`status`, `code`) or did not deliver it (`request`, `state`); it is tried again."""

    package: str
    cause: str
    request: str = ""
    state: str = ""
    status: int = 0
    code: str = ""


class Late(Notice, frozen=True):
    """Something waits too long. `waits` says for what: `user`, `expiry`, `budget`; without it, for an approval."""

    waits: str = ""
    since: str = ""
    package: str = ""
    packages: tuple[str, ...] = ()
    assignment: str = ""
    ends: str = ""
    request: str = ""
    state: str = ""
    cause: str = ""


class LateLeaver(Notice, frozen=True):
    """A leaver still has access, or it is being taken, after the deadline `due`."""

    waits: str
    due: str
    packages: tuple[str, ...]


class RenewalDue(Notice, frozen=True):
    """The window before an end has opened; whoever is among `approvers` may renew. Silence lets the access end."""

    package: str
    ends: str
    approvers: tuple[str, ...]


class Held(Notice, frozen=True):
    """The guard withheld a part of a plan, with its arithmetic in `why`; `plan` is the hash of that part."""

    run: str
    plan: str
    why: str


class Released(Notice, frozen=True):
    """Somebody approved a held set of so many plans; its people are looked at next."""

    run: str
    by: str
    plans: int
    set: str


class Finished(Notice, frozen=True):
    """Every check of a run was taken up: so many people were looked at since it began."""

    run: str
    cause: str
    people: int
    begun: str


class Conflict(Notice, frozen=True):
    """HR and the directory disagree about which user a person is: nothing is changed until it is resolved."""

    finding: str


class Unread(Notice, frozen=True):
    """HR's system gave notice of somebody whom it then did not have. Nothing was done: nobody leaves by absence.

    The subject is that system's own reference; `source` is where it is the source of events.
    """

    source: str


class WasSetAside(Notice, frozen=True):
    """A message was set aside; what could be read of it is said."""

    queue: str
    reason: str
    event: str = ""
    type: str = ""
    subject: str = ""


class LateEvent(Notice, frozen=True):
    """A fact was heard of, or recorded, long after it held. `late` is seconds; it counts all the same."""

    event: str
    recorded: str
    effective: str
    late: str
    retroactive: str


class DriftFound(Notice, frozen=True):
    """A sweep found rows of a package that differ; `checked` people are looked at because of it."""

    package: str
    run: str
    checked: int
    differing: int = 0
    missing: int = 0
    outlived: int = 0
    strangers: int = 0
    unexplained: int = 0


class BudgetLow(Notice, frozen=True):
    """Few requests of the tenant's rolling quarter are left."""

    tenant: int
    ours: int
    limit: int
    left: int
    additions_withheld: bool


class Stalled(Notice, frozen=True):
    """A timer did not run for three times its own interval of `every` seconds; `last` is when it did."""

    timer: str
    last: str
    every: int


NOTICES: dict[str, type[Notice]] = {
    "access.assigned": Delivered,
    "access.removed": Delivered,
    "access.failed": Failed,
    "access.late": Late,
    "leaver.late": LateLeaver,
    "renewal.due": RenewalDue,
    "plan.held": Held,
    "run.released": Released,
    "run.finished": Finished,
    "person.conflict": Conflict,
    "person.unread": Unread,
    "event.setaside": WasSetAside,
    "event.late": LateEvent,
    "drift.found": DriftFound,
    "budget.low": BudgetLow,
    "timer.stalled": Stalled,
}
"""Every notice, by its type without `lifecycle.`."""


def schema_of(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a notice, the whole CloudEvent."""
    (data,), parts = msgspec.json.schema_components([NOTICES[name]])
    text = {"type": "string", "minLength": 1}
    return {
        "$schema": _DIALECT,
        "title": f"lifecycle.{name}",
        "description": parts[data["$ref"].rpartition("/")[2]].get("description", ""),
        "type": "object",
        "properties": {
            "specversion": {"const": "1.0"},
            "id": text | {"description": "the same news told again has the same id"},
            "source": {"const": "/lifecycle"},
            "type": {"const": f"lifecycle.{name}"},
            "subject": text | {"description": "whom or what it is about"},
            "time": {"type": "string", "format": "date-time"},
            "traceparent": {"type": "string", "description": "the trace that led to it, when one is recorded"},
            "tracestate": {"type": "string"},
            "data": data,
        },
        "required": ["specversion", "id", "source", "type", "subject", "time", "data"],
        "$defs": parts,
    }
