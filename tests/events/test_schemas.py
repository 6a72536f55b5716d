"""The published JSON Schemas are those of the code."""

import json

from lifecycle.contract.cloudevents import TYPES, Group
from lifecycle.contract.schemas import FOLDER, main, schemas


def test_the_published_schemas_are_generated_from_the_structs():
    """The files are what the generator writes now: run `python -m lifecycle.contract.schemas` after a change."""
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.*.json")} == schemas()


def test_every_type_from_outside_has_a_schema():
    """No source has to guess: each type from outside is described."""
    outside = {name for name, info in TYPES.items() if info.group is not Group.INTERNAL}
    assert {json.loads(text)["title"] for text in schemas().values()} == outside


def test_a_schema_says_what_must_be_there():
    """The snapshot's keys are required and closed, nullable ones say so."""
    snapshot = json.loads(schemas()["worker.moved.json"])["$defs"]["Snapshot"]
    assert "jobCode" in snapshot["required"]
    assert "personId" not in snapshot["required"]
    assert snapshot["additionalProperties"] is False
    assert {"type": "null"} in snapshot["properties"]["jobCode"]["anyOf"]


def test_writing_removes_schemas_of_types_that_are_no_more(tmp_path, monkeypatch):
    """A schema that nothing stands behind is not published any longer."""
    monkeypatch.setattr("lifecycle.contract.schemas.FOLDER", tmp_path)
    (tmp_path / "worker.promoted.json").write_text("{}")
    main()
    assert {path.name for path in tmp_path.glob("*.json")} == schemas().keys()
