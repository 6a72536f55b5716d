"""The published JSON Schemas: one per event from outside and per notice, generated from the structs behind them.

`python -m lifecycle.contract.schemas` writes them to `lifecycle/schemas/`; a test holds the files against the structs.
They say what a source must send; a few things no schema can say (that `worker.id` is the subject, that a day exists)
are checked on top when a message is read.
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from lifecycle.contract import fields
from lifecycle.contract.cloudevents.types import PAYLOADS
from lifecycle.contract.notices import NOTICES, schema_of
from lifecycle.contract.payloads import Frozen, Thawed

FOLDER = Path(__file__).parent.parent / "schemas"
_NOTICES = "notices"
_EVENTS = "*.*.json"  # every type has a dot; the access model's schema, which is generated beside it, has none
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, str]:
    """Return the text of every schema by its file name, which is the event's type without `lifecycle.`."""
    return {f"{name.removeprefix('lifecycle.')}.json": _written(_schema(name)) for name in PAYLOADS}


def notices() -> dict[str, str]:
    """Return the text of every notice's schema by its file name in the folder `notices`."""
    return {f"{name}.json": _written(schema_of(name)) for name in NOTICES}


def _schema(event_type: str) -> dict[str, Any]:
    (data,), parts = msgspec.json.schema_components([PAYLOADS[event_type]], schema_hook=fields.schema)
    required = ["specversion", "id", "source", "type", "subject", "time"]
    if event_type not in (Frozen.type, Thawed.type):
        required.append("data")
    about = parts[data["$ref"].rpartition("/")[2]].get("description", "")
    text = {"type": "string", "minLength": 1, "maxLength": fields.ID_LENGTH}
    return {
        "$schema": _DIALECT,
        "title": event_type,
        "description": about,
        "type": "object",
        "properties": {
            "specversion": {"const": "1.0"},
            "id": text | {"description": "one event, one id: the same id again is the same event"},
            "source": {"type": "string", "minLength": 1, "description": "as the access model lists it"},
            "type": {"const": event_type},
            "subject": text | {"description": "whom or what it is about"},
            "time": {"type": "string", "format": "date-time", "description": "when the source recorded it"},
            "sequence": {"type": ["string", "integer"], "description": "the source's order among equal times"},
            "origin": {"type": "string", "pattern": "^(named|derived-from-absence|bulk:.+)$", "default": "named"},
            "traceparent": {"type": "string"},
            "data": data,
        },
        "required": required,
        "$defs": parts,
    }


def _written(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write every schema, and remove those of types that are no more."""
    for folder, written in ((FOLDER, schemas()), (FOLDER / _NOTICES, notices())):
        folder.mkdir(exist_ok=True)
        for stale in {path.name for path in folder.glob(_EVENTS)} - written.keys():
            (folder / stale).unlink()
        for name, text in written.items():
            (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
