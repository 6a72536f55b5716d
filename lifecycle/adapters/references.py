"""References to bodies, wherever they are kept: made of the name and the hash of the body.

So keeping is idempotent and a body that was changed is noticed. References come back from messages: they are checked
before they become a path or a name.
"""

import hashlib
import re

from lifecycle.errors import Permanent

_REFERENCE = re.compile(r"[0-9a-f]{64}-[0-9a-f]{64}")


def reference_to(name: str, body: bytes) -> str:
    """Return the reference to a body by that name; a name from outside may hold anything."""
    return f"{_hash(name.encode('utf-8', 'surrogatepass'))}-{_hash(body)}"


def check(reference: str) -> None:
    """Raise `Permanent` for what is no reference of ours."""
    if not _REFERENCE.fullmatch(reference):
        raise Permanent("A reference to a body is not one of ours; the message that holds it was not sent by us.")


def fits(reference: str, body: bytes) -> bool:
    """Whether this is the body that the reference was made of."""
    return reference.endswith(_hash(body))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
