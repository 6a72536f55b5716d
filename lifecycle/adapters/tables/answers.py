"""What an error of Table Storage means here. Only codes and ids leave this module: no keys, no texts of the service.

Codes: https://learn.microsoft.com/rest/api/storageservices/table-service-error-codes
"""

import re
from datetime import timedelta
from http import HTTPStatus

from azure.core.exceptions import AzureError, ClientAuthenticationError

from lifecycle.errors import LifecycleError, Lost, Misconfigured, Permanent, Throttled, Transient

ROLE = "Storage Table Data Contributor"
ABSENT = frozenset({"ResourceNotFound", "EntityNotFound"})
NO_TABLE = "TableNotFound"

_LOST = frozenset({"EntityAlreadyExists", "UpdateConditionNotSatisfied", "ConditionNotMet"})
_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_NOT_ALLOWED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT})  # 409: the table is being made or deleted
_LONGEST = timedelta(days=1)
_CODE = re.compile(r"\w{1,60}", re.ASCII)


class RowAbsent(Lost):
    """The table names a row that is not there: one that a condition asks for, or that a delete would take."""


def code_of(error: BaseException) -> str:
    """Return the service's own code of an error; empty when it gave none (a gateway's page, a broken connection)."""
    code = getattr(error, "error_code", None)
    text = str(getattr(code, "value", code) or "")
    return text if _CODE.fullmatch(text) else ""


def translated(error: AzureError, where: str) -> LifecycleError:
    """Return what the SDK's error means; `where` names the table and what was asked of it.

    A code decides before a status does: an answer without the service's code is the answer of something in between,
    and never says that a row is not there.
    """
    code = code_of(error)
    status = getattr(error, "status_code", None) or 0
    what = f"{where}: {status or 'no answer'} {code or type(error).__name__}"
    if code in ABSENT:
        return RowAbsent(f"{what}; the row is not there, nothing was written")
    if code in _LOST:
        return Lost(f"{what}; another writer was first, nothing was written")
    if code == NO_TABLE:
        return Misconfigured(f"{what}; the table was deleted: restore it, or start anew to have it made, empty")
    if code and _is_final(status):
        return Permanent(f"{what}; the table does not take this")
    if isinstance(error, ClientAuthenticationError) and not code:
        return Transient(f"{what}; no token: check the app's identity")
    return _by_status(status, what, _retry_after(error))


def _by_status(status: int, what: str, wait: timedelta | None) -> LifecycleError:
    if status in _NOT_ALLOWED:
        return Misconfigured(
            f"{what}; the app's identity may not use the table: give it the role {ROLE} on the storage account"
            " (a new assignment takes minutes), and let the account's firewall admit the app"
        )
    if status in _BUSY:
        return Throttled(f"{what}; the table is busy", retry_after=wait)
    return Transient(f"{what}; whether a write was made is not known", retry_after=wait)


def _is_final(status: int) -> bool:
    goes_on = _PASSING | _BUSY | _NOT_ALLOWED
    return HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in goes_on


def _retry_after(error: AzureError) -> timedelta | None:
    response = getattr(error, "response", None)
    text = str(response.headers.get("Retry-After", "")) if response is not None else ""
    return min(timedelta(seconds=int(text)), _LONGEST) if re.fullmatch(r"[0-9]{1,9}", text) else None
