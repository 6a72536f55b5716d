"""The JSON Schema of the access model, generated from the parts that the reader reads, so that an editor completes it.

`python -m lifecycle.adapters.rules.schema` writes it to `lifecycle/schemas/access-model.json`; a test holds the file
against the parts. It says what each part may hold. What must be true between the parts, and the rules' CEL, is looked
at by `lifecycle model validate` alone.
"""

import json
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

import msgspec

import lifecycle
from lifecycle.adapters.rules import shape
from lifecycle.adapters.rules.says import SAYS
from lifecycle.adapters.rules.shape import Part
from lifecycle.contract import fields

NAME = "access-model.json"
FILE = Path(lifecycle.__file__).parent / "schemas" / NAME
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_HEX = "[0-9a-fA-F]"
_DURATION = r"^P(?!$)(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?$"
_KINDS: dict[type, dict[str, Any]] = {
    shape.Guid: {"type": "string", "pattern": f"^{_HEX}{{8}}(-{_HEX}{{4}}){{3}}-{_HEX}{{12}}$"},
    shape.Name: {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"},
    shape.Duration: {"type": "string", "pattern": _DURATION, "examples": ["P2D", "PT1H", "P1DT12H"]},
    shape.Positive: {"type": "string", "pattern": _DURATION, "examples": ["P90D", "P2W", "PT24H"]},
    shape.Until: {"type": "string", "examples": ["2026-03-31", "2026-03-31T22:00:00Z", "never"]},
}
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


def schema() -> dict[str, Any]:
    """Return the schema of the whole document."""
    parts: dict[str, dict[str, Any]] = {}
    _part(shape.ModelPart, parts)
    whole = parts.pop("Model")
    return {"$schema": _DIALECT, "title": "Lifecycle access model", **whole, "$defs": dict(sorted(parts.items()))}


def text() -> str:
    """Return the file's text."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _part(kind: type[Part], parts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a reference to a part, which is described once."""
    name = kind.__name__.removesuffix("Part")
    if name not in parts:
        known = msgspec.structs.fields(kind)
        parts[name] = {}  # its place, should it hold itself
        parts[name] = {
            "description": (kind.__doc__ or "").strip(),
            "type": "object",
            "properties": {each.encode_name: _field(name, each, parts) for each in known},
            "required": [each.encode_name for each in known if each.required],
            "additionalProperties": False,
        }
    return {"$ref": f"#/$defs/{name}"}


def _field(part: str, each: msgspec.structs.FieldInfo, parts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    found = {**_described(each.type, parts), "description": SAYS[f"{part}.{each.encode_name}"]}
    usual = _usual(each.default)
    return found if usual is None else {**found, "default": usual}


def _described(kind: Any, parts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Describe a kind of value, in the cases in which `shape.read` reads it."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        several = [{"type": "null"} if each is NoneType else _described(each, parts) for each in arguments]
        return {"anyOf": several}
    if origin is dict:
        keys = {name: value for name, value in _described(arguments[0], parts).items() if name != "type"}
        named = {"propertyNames": keys} if keys else {}
        return {"type": "object", **named, "additionalProperties": _described(arguments[1], parts)}
    if origin is list:
        return {"type": "array", "items": _described(arguments[0], parts)}
    if isinstance(kind, type) and issubclass(kind, Part):
        return _part(kind, parts)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"enum": [str(each) for each in kind]}
    return msgspec.json.schema(kind, schema_hook=_kind)


def _kind(kind: type) -> dict[str, Any]:
    """Describe what msgspec does not know, as its `schema_hook`."""
    return _KINDS[kind] if kind in _KINDS else fields.schema(kind)


def _usual(value: Any) -> Any:
    """Return a default as it would be written; None where there is none, or none worth writing."""
    match value:
        case shape.Duration():
            return _written(value.value)
        case bool() | int() | float():
            return value
        case StrEnum():
            return str(value)
        case _:
            return None


def _written(span: timedelta) -> str:
    """Return a duration of whole hours as it would be written: days where it has no other part."""
    return f"P{span // _DAY}D" if span and not span % _DAY else f"PT{span // _HOUR}H"


def main() -> None:
    """Write the schema."""
    FILE.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
