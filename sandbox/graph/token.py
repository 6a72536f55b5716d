"""The token of a sandbox: it looks like one that Entra gives the app, so that a program can read whom it is of.

Its signature is a random secret. The simulator compares the whole token and verifies nothing.
"""

import base64
import json
import secrets

TENANT = "7e000000-0000-0000-0000-000000000001"
APP = "a9900000-0000-0000-0000-000000000001"
PRINCIPAL = "5e000000-0000-0000-0000-000000000001"
ROLES = ("User.Read.All", "EntitlementManagement.Read.All", "AccessReview.Read.All")


def app_token(roles: tuple[str, ...] = ROLES, **claims: str) -> str:
    """Return a new token with these application permissions; `claims` come beside or in place of its own."""
    said = {"aud": "https://graph.microsoft.com", "tid": TENANT, "appid": APP, "oid": PRINCIPAL, "idtyp": "app"}
    parts = ({"typ": "JWT", "alg": "none"}, {**said, "roles": list(roles), **claims})
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return f"{head}.{body}.{secrets.token_urlsafe(24)}"
