"""Who asks, as App Service authentication (Easy Auth) says in its header. Never trusted where Easy Auth is not on.

`X-MS-CLIENT-PRINCIPAL` is base64 over JSON: `{"auth_typ": "aad", "claims": [{"typ": …, "val": …}], "role_typ": …}`.
Source: Azure docs, "Work with user identities in Azure App Service authentication", "Access user claims in app code".
The platform removes such a header from outside, but only while its authentication is on; that is the caller's to know.
"""

import base64
import binascii

import msgspec

HEADER = "X-MS-CLIENT-PRINCIPAL"

_LONGEST = 64 * 1024
_PROVIDER = "aad"
_ROLES = frozenset({"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"})
"""Claim types that hold app roles: as in the token, and as the platform maps it. What `role_typ` says is not asked."""


class _Claim(msgspec.Struct, frozen=True):
    typ: str
    val: str


class _Principal(msgspec.Struct, frozen=True):
    auth_typ: str
    claims: list[_Claim]


def roles(header: str) -> frozenset[str] | None:
    """Return the app roles of whoever asks; None when the header does not say who that is, or is malformed."""
    if not header or len(header) > _LONGEST:
        return None
    try:
        content = base64.b64decode(header, validate=True)
        found = msgspec.json.decode(content, type=_Principal)
    except (binascii.Error, ValueError):  # msgspec's errors are ValueErrors
        return None
    if found.auth_typ != _PROVIDER:
        return None
    return frozenset(claim.val for claim in found.claims if claim.typ in _ROLES)
