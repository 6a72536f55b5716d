"""The published JSON Schema of the access model is that of the reader, so an editor asks for what the app reads."""

import json
import re
from pathlib import Path
from types import NoneType

import msgspec
import pytest
import yaml

from lifecycle.adapters.rules import examine, schema, shape
from lifecycle.adapters.rules.document import Problems, read
from lifecycle.adapters.rules.says import SAYS
from tests.adapters.rules.test_reading_models import MODEL

EXAMPLE = Path(__file__).parents[3] / "examples" / "model.yaml"
SCHEMA = schema.schema()
KNOWN = {
    *("$schema", "$defs", "title", "description", "examples", "default", "type", "properties", "required"),
    *("additionalProperties", "propertyNames", "items", "enum", "pattern", "anyOf", "$ref", "format"),
    *("minLength", "maxLength", "minimum", "maximum"),
}
TYPES = {
    "string": str,
    "object": dict,
    "array": list,
    "null": NoneType,
    "boolean": bool,
    "integer": int,
    "number": int | float,
}


def faults(value, rule, path="$"):
    """Yield where a value is not what a schema says; knows exactly the words that ours uses."""
    assert set(rule) <= KNOWN, set(rule) - KNOWN
    if "$ref" in rule:
        yield from faults(value, SCHEMA["$defs"][rule["$ref"].rpartition("/")[2]], path)
    if not fits(value, rule):
        yield path
    if isinstance(value, list):
        for i, each in enumerate(value):
            yield from faults(each, rule.get("items", {}), f"{path}[{i}]")
    if isinstance(value, dict) and rule.get("type") == "object":
        yield from (f"{path}.{name}" for name in rule.get("required", []) if name not in value)
        for name, each in value.items():
            yield from faults(name, rule.get("propertyNames", {}), f"{path}.{name}")
            below = rule.get("properties", {}).get(name, rule.get("additionalProperties", {}))
            yield from [f"{path}.{name}"] if below is False else faults(each, below, f"{path}.{name}")
    if len(several := [one for one in rule.get("anyOf", []) if one != {"type": "null"}]) == 1 and value is not None:
        yield from faults(value, several[0], path)


def fits(value, rule):
    """Whether a value itself, whatever is below it, is what a schema says."""
    kind = rule.get("type")
    known = TYPES.get(kind, object)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return (
        ("anyOf" not in rule or any(not list(faults(value, one)) for one in rule["anyOf"]))
        and value in rule.get("enum", [value])
        and isinstance(value, known)
        and (not isinstance(value, bool) or kind in {"boolean", None})
        and (not isinstance(value, str) or bool(re.search(rule.get("pattern", ""), value)))
        and (not number or rule.get("minimum", value) <= value <= rule.get("maximum", value))
    )


def tree(text):
    return read(text, Problems("m.yaml"))


def test_the_published_schema_is_generated_from_the_parts():
    """The file is what the generator writes now: run `python -m lifecycle.adapters.rules.schema` after a change."""
    assert schema.FILE.read_text(encoding="utf-8") == schema.text()


def test_writing_it_writes_that_file(tmp_path, monkeypatch):
    """`python -m lifecycle.adapters.rules.schema` does what the test above asks for."""
    monkeypatch.setattr(schema, "FILE", tmp_path / "access-model.json")
    schema.main()
    assert json.loads((tmp_path / "access-model.json").read_text(encoding="utf-8")) == SCHEMA


def test_every_key_is_described_and_none_that_is_gone():
    """The words that an editor shows are those of the keys there are."""
    parts = [kind for kind in vars(shape).values() if isinstance(kind, type) and issubclass(kind, shape.Part)]
    parts = [kind for kind in parts if kind not in {shape.Part, shape.LimitPart}]
    keys = {
        f"{kind.__name__.removesuffix('Part')}.{one.encode_name}"
        for kind in parts
        for one in msgspec.structs.fields(kind)
    }
    assert keys == SAYS.keys()


@pytest.mark.parametrize("text", [EXAMPLE.read_text(encoding="utf-8"), MODEL], ids=["example", "every part"])
def test_a_model_that_is_read_is_one_by_the_schema(text):
    """The example, and one with every part."""
    assert examine(text, where="m.yaml").problems == ()
    assert list(faults(tree(text), SCHEMA)) == []


def test_the_example_names_its_schema_for_an_editor():
    """Its first line is what yaml-language-server reads, and leads to the file."""
    first = EXAMPLE.read_text(encoding="utf-8").splitlines()[0]
    named = re.fullmatch(r"# yaml-language-server: \$schema=(.+)", first)[1]
    assert (EXAMPLE.parent / named).resolve() == schema.FILE.resolve()


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("timeZone: Europe/Berlin\n", "", "$.timeZone"),
        ("drift: repair", "drift: fix", "$.drift"),
        ("remove: all", "remove: some", "$.leaver.remove"),
        ("grace: P7D", "grace: 7", "$.mover.grace"),
        ("grace: P7D", "grace: P1M", "$.mover.grace"),
        ("grace: P7D", "grace: PT", "$.mover.grace"),
        ("extend: P30D", "extends: P30D", "$.packages.case-management.renewal.extends"),
        ("A0000000-0000-0000-0000-000000000001", "a1", "$.packages.staff-baseline.accessPackage"),
        ("  ward-7:\n", "  ward 7:\n", "$.packages.ward 7"),
        ("name: nurses", "nam: nurses", "$.rules[1].nam"),
        ("grant: [staff-baseline]", "grant: staff-baseline", "$.rules[0].grant"),
        ("count: 5,", "count: true,", "$.guard.removals.count"),
        ("warn: 0.7", "warn: 70", "$.budget.warn"),
        ("drift: repair", "examples: [{name: a, at: 2026-01-05, worker: {jobcode: N1}, gets: []}]",
         "$.examples[0].worker.jobcode"),
    ],
)  # fmt: skip
def test_what_the_reader_refuses_by_its_shape_the_schema_does(old, new, path):
    """At the same path; what is left open is what lies between the parts."""
    assert MODEL.count(old) == 1
    text = MODEL.replace(old, new)
    assert path in list(faults(tree(text), SCHEMA))
    assert any(f"$.{one.path}" == path for one in examine(text, where="m.yaml").problems)


def test_the_reader_s_yaml_is_what_an_editor_s_is():
    """Durations, names and numbers are the same values for any YAML reader; only bare dates are text here."""
    assert yaml.safe_load(MODEL)["guard"] == tree(MODEL)["guard"]
