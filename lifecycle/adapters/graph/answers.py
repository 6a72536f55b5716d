"""What Graph answered, and what that means here: the one place where HTTP statuses become this project's errors.

Only ids leave this module in a message: Graph's own texts may hold names and filters.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import msgspec

from lifecycle.adapters.graph.permissions import Method, Permission
from lifecycle.core.evidence import Wire
from lifecycle.errors import Ambiguous, LifecycleError, Refused, Throttled, Transient

# 429 and 503 are answers of the front door: the request was not handled. After any other failure of the server
# nobody knows whether a POST was done (Graph's throttling guidance; no idempotency key exists).
_NOT_DONE = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_ID = re.compile(r"[\w.:-]{1,100}", re.ASCII)
# Directory_ExpiredPageToken was seen; no list of such codes is documented, so a family of names is understood.
_PAGE_TOKEN = re.compile(r"(page|skip)_?token|syncStateNotFound|resyncRequired", re.IGNORECASE)
_LONGEST = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Call:
    """One kind of call: method, path template and the permission that it needs."""

    method: Method
    path: str
    permission: Permission

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (looked up without regard to case) and body of a response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def request_id(self) -> str:
        """Graph's own id of the request, empty when it sent none or something else."""
        return _id(self.headers.get("request-id"))


class _Error(msgspec.Struct):
    code: str | None = None
    inner_error: "_Error | None" = msgspec.field(name="innerError", default=None)


class _Envelope(msgspec.Struct):
    error: _Error


_envelope = msgspec.json.Decoder(_Envelope)


def codes(answer: Answer) -> list[str]:
    """Return the error's codes, outermost first; empty when the body is not an OData error (a gateway's page)."""
    try:
        error: _Error | None = _envelope.decode(answer.body).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    return list(_chain(error))


def failure(call: Call, answer: Answer) -> LifecycleError | None:
    """Return what a response means as an error, None for a success (2xx).

    Transient ones say so by their class: `Throttled` for 429 and wherever Graph said how long to wait, `Ambiguous` when
    a POST may have been done, `Transient` otherwise.
    """
    if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    error = _meaning(call, answer)
    error.wire = Wire(answer.status, answer.request_id)
    return error


def _meaning(call: Call, answer: Answer) -> LifecycleError:
    status = answer.status
    found = codes(answer)
    code = found[-1] if found else ""
    where = f"Graph answered {call} with {status} {code or '(no code)'}, request-id {answer.request_id or 'absent'}"
    if status == HTTPStatus.REQUEST_TIMEOUT or status in _NOT_DONE or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _passing(call, answer, where)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        needed = call.permission
        where += f": the app needs {needed.name}; {needed.how}. A missing licence or an expired one looks the same"
    return Refused(where, status=status, code=code, request_id=answer.request_id)


def stale(answer: Answer) -> bool:
    """Return whether Graph says of a next link that it no longer knows it: gone, not there, or a page token's code."""
    if answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return True
    refused = HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
    return refused and any(_PAGE_TOKEN.search(code) for code in codes(answer))


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Return how long Graph asks us to wait: seconds, or a date counted from the answer's own `Date`.

    None when it said nothing, or nothing that can be read. At most a day.
    """
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return min(timedelta(seconds=int(text)), _LONGEST)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):  # TypeError: one date of the two has no zone
        return None
    return min(max(wait, timedelta()), _LONGEST)


def _passing(call: Call, answer: Answer, where: str) -> Transient:
    wait = retry_after(answer.headers)
    if answer.status in _NOT_DONE:
        kind = Throttled if wait is not None or answer.status == HTTPStatus.TOO_MANY_REQUESTS else Transient
        return kind(where, retry_after=wait)
    if call.method == "POST":
        return Ambiguous(f"{where}; it may have been done: look for its token before repeating it")
    return Transient(where, retry_after=wait)


def _chain(error: _Error | None) -> Iterator[str]:
    while error is not None:
        if code := _id(error.code):
            yield code
        error = error.inner_error


def _id(text: str | None) -> str:
    return text if text is not None and _ID.fullmatch(text) else ""
