"""What `data` looks like on the wire, one struct per type of event from outside, and the fact it becomes.

The published JSON Schemas are generated from these structs (`lifecycle.contract.schemas`), so what is said here is
what is checked and what is promised. A key without a default must be there; `null` says that the source has nothing
to say, an absent key that it forgot to. Keys that are not listed are ignored, except in `worker`, which has
`attributes` for them: a misspelt key there would silently empty an attribute that rules read.
"""

from lifecycle.contract.payloads.decisions import (
    ExceptionGranted,
    ExceptionRevoked,
    Frozen,
    Linked,
    Recognised,
    RenewalApproved,
    RenewalDenied,
    Thawed,
)
from lifecycle.contract.payloads.projects import Closed, Opened, Released, Rescheduled, Staffed
from lifecycle.contract.payloads.workers import Joined, Left, Moved, Rescinded, Snapshot

__all__ = [
    "Closed",
    "ExceptionGranted",
    "ExceptionRevoked",
    "Frozen",
    "Joined",
    "Left",
    "Linked",
    "Moved",
    "Opened",
    "Recognised",
    "Released",
    "RenewalApproved",
    "RenewalDenied",
    "Rescheduled",
    "Rescinded",
    "Snapshot",
    "Staffed",
    "Thawed",
]
