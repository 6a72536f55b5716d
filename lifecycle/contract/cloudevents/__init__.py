"""Messages as they travel: CloudEvents 1.0 in JSON, read strictly and written in one form.

`types` says which type belongs on which queue and what it becomes, `reading` turns bytes into facts and work, `writing`
turns those into bytes. Whether a message came by the right queue and source is asked in `lifecycle.intake`, not here.
"""

from lifecycle.contract.cloudevents.reading import BODY_LIMIT, DATA_LIMIT, Envelope, decode, fact_of, work_of
from lifecycle.contract.cloudevents.types import TYPES, Group, TypeInfo
from lifecycle.contract.cloudevents.writing import encode_fact, encode_work, message_id, message_of, type_of

__all__ = [
    "BODY_LIMIT",
    "DATA_LIMIT",
    "TYPES",
    "Envelope",
    "Group",
    "TypeInfo",
    "decode",
    "encode_fact",
    "encode_work",
    "fact_of",
    "message_id",
    "message_of",
    "type_of",
    "work_of",
]
