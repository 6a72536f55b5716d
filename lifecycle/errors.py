"""What can go wrong, named by what happens next. A class exists only where somebody acts differently.

LifecycleError
x Transient            goes round again: the check is scheduled anew, no sooner than `retry_after`
  + Throttled          ... because a service asked us to slow down
  + Lost               ... because another writer moved the row first; nothing was done
  + StaleLink          ... because a list was left for too long; it is read from its beginning
  + Ambiguous          ... a write whose outcome nobody knows: looked at before anything is repeated
x Permanent            repeating cannot help: set aside with its reason, for a person to mend and replay
  + MalformedEvent     ... the message does not fit its schema; says at which path
  + Untrusted          ... the message came by a queue or from a source that may not say this
  + Refused            ... a service refused what we asked and would refuse it again
  + Mismatch           ... HR and the directory disagree about who somebody is
  + OwnHold            ... whoever caused a hold asked for its release; another person must
x UnsafePlan           held until a person releases it; nothing that takes access away was applied
x Misconfigured        the app cannot start like this: a setting, the access model, a file it was given

`Waiting` is not an error: see `lifecycle.reconcile`. Messages carry ids only, never names, addresses or payloads.
Vendors' exceptions stop at the adapters.
"""

from dataclasses import replace
from datetime import timedelta

from lifecycle.core.evidence import Wire


class LifecycleError(Exception):
    """The root: everything this package raises on purpose.

    `wire` is what is known of the call to Graph that it came of, for the evidence.
    """

    wire = Wire(0)

    def sent(self, token: str, body_hash: str) -> None:
        """Note what was sent: our id of the call, and the hash of its body."""
        self.wire = replace(self.wire, client_request_id=token, body_hash=body_hash)


class Transient(LifecycleError):
    """Goes round again. `retry_after` is the least time to wait, when somebody told us."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Throttled(Transient):
    """A service asked us to slow down; honour `retry_after`."""


class SentAway(Throttled):
    """Nobody refused: our own pace is taken until `retry_after`, each who is sent away having a turn of their own."""


class Lost(Transient):
    """A conditional write found the row changed, so somebody else is at it: stop, read again, start over."""


class StaleLink(Transient):
    """Graph no longer knows the page that a list was left at: begin that list anew, not the sweep."""


class Ambiguous(Transient):
    """A write was sent and no answer tells whether it was done (timeout, 504, a broken connection).

    Never repeat it: look for its token among the requests first.
    """


class Permanent(LifecycleError):
    """Repeating cannot help. The message is set aside with this text as its reason."""


class MalformedEvent(Permanent):
    """The message does not fit its schema. `path` is where, as in `$.data.worker.jobCode`."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class Untrusted(Permanent):
    """The type may not arrive on that queue, or the model does not list the source for it."""


class Refused(Permanent):
    """A service said no (4xx) and would say so again. `code` is the service's own, `status` the HTTP status."""

    def __init__(self, message: str, *, status: int, code: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.request_id = status, code, request_id


class Mismatch(Permanent):
    """HR and the directory disagree about who somebody is: none, several, or another person's user."""


class OwnHold(Permanent):
    """Whoever caused a hold cannot release it."""


class UnsafePlan(LifecycleError):
    """The plan takes away more than the guard allows. The text says how much, of how much, and what may release it."""


class Misconfigured(LifecycleError):
    """A setting, the access model or a given file is wrong. The text says which, where, and how to mend it."""
