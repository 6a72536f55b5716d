"""Chains of records: whatever is altered, left out, put in or put elsewhere shows."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.core.evidence import GENESIS, Record, Tag, first_break, parse
from tests.builders import utc


def chain(length: int = 5, name: str = "person:e1") -> list[Record]:
    records: list[Record] = []
    for number in range(1, length + 1):
        before = records[-1].hash if records else GENESIS
        detail = {"package": "base", "ends": None, "status": 201, "number": number}
        records.append(Record(name, number, before, utc(2026, 1, number), Tag.INTENDED, f"cause-{number}", detail))
    return records


def test_a_record_of_a_newer_version_is_read_as_it_is():
    """After a rollback a chain may hold tags and details that are unknown here; it is read, and its hash is its own."""
    known = chain(1)[0]
    newer = replace(known, tag="reconcile:package:newer", detail={"said": ["more"]}).canonical()
    read = parse(newer)
    assert (read.tag, read.detail["said"]) == ("reconcile:package:newer", ["more"])
    assert read.canonical() == newer
    assert parse(known.canonical()).tag is Tag.INTENDED


ALTERED = {
    "chain": "person:e2",
    "number": 9,
    "before": "f" * 64,
    "at": utc(2027, 1, 1),
    "tag": Tag.ENDED,
    "cause": "another",
    "detail": {"package": "other"},
}


def test_a_chain_holds():
    """Records that follow one another have no break; neither has no record at all."""
    assert first_break(chain()) is None
    assert first_break([]) is None


@pytest.mark.parametrize("field", [field.name for field in fields(Record)])
@pytest.mark.parametrize("index", range(4))
def test_altering_any_field_of_any_record_but_the_last_breaks_the_chain(field, index):
    """A changed field is found at that record, or at the one after, whose hash of it no longer fits."""
    records = chain()
    records[index] = replace(records[index], **{field: ALTERED[field]})
    assert first_break(records) in {index + 1, index + 2}


@pytest.mark.parametrize("field", [field.name for field in fields(Record)])
def test_altering_the_last_record_changes_the_head(field):
    """Nothing follows the last record, so the head that the seal keeps is what tells."""
    last = chain()[-1]
    assert replace(last, **{field: ALTERED[field]}).hash != last.hash


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_alteration_is_found(data):
    """Records left out, repeated, swapped or put in from another chain break it; a cut at the end needs the head."""
    records, other = chain(6), chain(6, "person:e2")
    index = data.draw(st.integers(0, 4))
    how = data.draw(st.sampled_from(["drop", "repeat", "swap", "splice", "reverse"]))
    altered = list(records)
    match how:
        case "drop":
            del altered[index]
        case "repeat":
            altered.insert(index, records[index])
        case "swap":
            altered[index], altered[index + 1] = altered[index + 1], altered[index]
        case "splice":
            altered[index] = other[index]
        case _:
            altered.reverse()
    assert first_break(altered) is not None


def test_a_last_record_with_a_wrong_number_is_a_break():
    """Numbers count on, also at the end, where no hash of it follows yet."""
    records = chain()
    records[-1] = replace(records[-1], number=6)
    assert first_break(records) == 5


def test_the_break_is_named_by_its_number():
    """Whoever reads a broken chain is told where to look."""
    records = chain()
    del records[2]
    assert first_break(records) == 3


@given(
    st.dictionaries(
        st.text(max_size=5).filter(str.isprintable),
        st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=8).filter(str.isprintable)),
        max_size=4,
    )
)
@settings(max_examples=60, deadline=None)
def test_a_record_reads_back_as_written(detail):
    """What is stored has the hash of what was made, whatever order its details were given in."""
    record = Record("c", 1, GENESIS, utc(2026, 1, 1), Tag.PLANNED, "cause", detail)
    assert parse(record.canonical()) == record
    turned = replace(record, detail=dict(reversed(list(detail.items()))))
    assert turned.hash == record.hash


def test_the_canonical_form_is_one_line_of_sorted_json_in_utc():
    """The form is fixed: hashes must come out the same in any later version."""
    at = datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    record = Record("c", 1, GENESIS, at, Tag.PLANNED, "é", {"b": (1, 2), "a": None})
    assert record.canonical().decode() == (
        '{"at":"2026-01-01T00:00:00+00:00","before":"' + GENESIS + '","cause":"é","chain":"c",'
        '"detail":{"a":null,"b":[1,2]},"number":1,"tag":"reconcile:plan:made"}'
    )
    assert record.hash == "f5d7e01ded3c3dec21da9771f41b85f5bf680b4c30823db443a2657f6b0ae767"
    assert json.loads(record.canonical())["at"] == record.at.astimezone(UTC).isoformat()
