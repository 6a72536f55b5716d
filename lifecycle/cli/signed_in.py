"""Who is at the keyboard, from the token that they are signed in with and never from a flag."""

import base64
import binascii
import getpass
import json
import os
import re

from lifecycle.errors import Misconfigured, Permanent
from lifecycle.wiring import Wiring

_SCOPE = "https://servicebus.azure.net/.default"  # what whoever sends a message must be able to get anyway


SANDBOX_USER = "LIFECYCLE_SANDBOX_USER"
"""In a sandbox, who is at the keyboard: a second person, for what one alone may not do. Nothing reads it elsewhere."""

_USER = re.compile(r"[A-Za-z0-9_.@-]{1,64}")


async def signed_in(wiring: Wiring) -> str:
    """Return `entra:<object id>`, or `sandbox:<user>` where tokens mean nothing. Raises `Permanent` when nobody is."""
    if wiring.settings.graph_token:
        return f"sandbox:{_sandbox_user()}"
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - only where somebody must be known

    try:
        token = await wiring.credential.get_token(_SCOPE)
    except AzureError as error:
        raise Permanent(
            f"nobody is signed in ({type(error).__name__}); sign in with `az login` and try again"
        ) from error
    return subject_of(token.token)


def _sandbox_user() -> str:
    """Return who is at the keyboard of a sandbox. Raises `Misconfigured` for a name that could be taken for another."""
    name = os.environ.get(SANDBOX_USER) or getpass.getuser()
    if not _USER.fullmatch(name):
        raise Misconfigured(f"{SANDBOX_USER} is up to 64 letters, digits and any of _.@-; give such a name")
    return name


def subject_of(token: str) -> str:
    """Return who an access token is of: the claim `oid`, which names users, managed identities and apps alike.

    The signature is the service's business, which refuses a forged token. Source: "Access token claims reference",
    learn.microsoft.com/entra/identity-platform/access-token-claims-reference. Raises `Permanent` without the claim.
    """
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return f"entra:{claims['oid']}"
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        raise Permanent("the token does not say who is signed in (no `oid`); sign in with `az login`") from None
