"""Whom an access token is of, read from its claims. Nothing is verified: Graph does that, and refuses a forged one.

Source of the claims: "Access token claims reference", learn.microsoft.com/entra/identity-platform.
"""

import base64
import binascii
import re

import msgspec

from lifecycle.ports.inspection import Bearer

_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_ROLE = re.compile(r"[A-Za-z][A-Za-z0-9.-]{0,99}")


class _Claims(msgspec.Struct):
    """The claims that count; `scp` is there in a person's token alone, `appid` and `azp` are of versions 1 and 2."""

    tid: str = ""
    appid: str = ""
    azp: str = ""
    oid: str = ""
    roles: list[str] = []
    scp: str = ""


_claims = msgspec.json.Decoder(_Claims)


def bearer_of(token: str) -> Bearer:
    """Return what the token says; one that is no JWT, or has no `oid`, says nothing."""
    try:
        payload = token.split(".")[1]
        claims = _claims.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, binascii.Error, msgspec.DecodeError):
        return Bearer(opaque=True)
    if not _ID.fullmatch(claims.oid):
        return Bearer(opaque=True)
    app = claims.appid or claims.azp
    return Bearer(
        tenant=_known(claims.tid),
        app=_known(app),
        object=claims.oid,
        roles=frozenset(role for role in claims.roles if _ROLE.fullmatch(role)),
        delegated=bool(claims.scp),
    )


def _known(text: str) -> str:
    return text if _ID.fullmatch(text) else ""
