"""A mapping is read whole or not at all, and everything wrong with it is said at once."""

from pathlib import Path

import pytest

from lifecycle.adapters.mapping import load, parse
from lifecycle.core.model import Limit
from lifecycle.core.snapshot import Terms
from lifecycle.errors import Misconfigured

EXAMPLES = Path(__file__).parents[3] / "examples"
MINIMAL = "source: /hr\nkey: id\ntimeZone: UTC\ncolumns: {status: status}\n"


def problems(text):
    with pytest.raises(Misconfigured) as caught:
        parse(text, where="m.yaml")
    return str(caught.value).splitlines()


def columns(line):
    return f"source: /hr\nkey: id\ntimeZone: UTC\ncolumns:\n  status: status\n  {line}\n"


def test_what_is_left_out_has_the_stated_defaults():
    """UTF-8, commas, absence only reported, a limit on how much a file may shrink."""
    mapping = parse(MINIMAL, where="m.yaml")
    assert mapping.terms == Terms("/hr", "UTC", Limit(50, 0.1), None)
    assert (mapping.encoding, mapping.delimiter, mapping.as_of, mapping.attributes) == ("utf-8", ",", None, {})
    assert mapping.wanted == {"id", "status"}


def test_the_example_is_a_mapping():
    """What we show is read, names and mail are no part of it, and its limits are the written ones."""
    mapping = load(EXAMPLES / "mapping.yaml")
    assert mapping.terms == Terms("/hr/workday", "Europe/Berlin", Limit(50, 0.1), 3)
    assert mapping.wanted.isdisjoint({"name", "mail"})
    assert set(mapping.attributes) == {"deputy"}


def test_all_problems_are_said_at_once_with_their_lines():
    """Missing, unknown and wrong parts are told together, each with its place, path and reason."""
    found = problems(
        "source: /hr\nkey: ' '\ntimeZone: Europe/Berln\nfoo: 1\ncolumns:\n  departement: x\n"
        "  status: {column: s, befor: '#'}\nabsent: {leftAfter: 0}\n"
    )
    assert "m.yaml:3:1: timeZone: is no time zone of the IANA database (as in Europe/Berlin)" in found
    assert any(line.startswith("m.yaml:4:1: foo: is no key here") for line in found)
    assert any(line.startswith("m.yaml:6:3: columns.departement:") and "`department`" in line for line in found)
    assert any(line.startswith("m.yaml:7:23: columns.status.befor:") and "`before`" in line for line in found)
    assert "m.yaml:8:10: absent.leftAfter: must be at least 1" in found


def test_what_must_hold_of_the_whole_document_is_checked():
    """Key, delimiter, encoding and limits each have their own reason."""
    found = problems(
        MINIMAL.replace("key: id", "key: ' '")
        + "shrink: {count: 0, share: 2}\ndelimiter: ';;'\nencoding: klingon\nabsent: never\n"
    )
    assert [line.split(": ")[1] for line in found] == [
        "absent", "key", "delimiter", "encoding", "shrink.count", "shrink.share",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("id: x", "columns.id: is said by `key`"),
        ("department: 7", "columns.department: is neither the name of a column"),
        ("department: {strip: true}", "columns.department: needs either `column` or `value`"),
        ("department: {column: a, value: b}", "columns.department: needs either `column` or `value`"),
        ("department: {column: ''}", "columns.department.column: is empty"),
        ("department: {value: 7}", "columns.department.value: is a number or a truth value: put it in quotes"),
        ("department: {value: x, before: y}", "columns.department: is a constant"),
        ("department: {column: a, after: ''}", "columns.department.after: is empty"),
        ("department: {column: a, date: '%d.%m.%Y'}", "columns.department.date: is no date"),
        ("department: {column: a, values: {x: 7}}", "columns.department.values.x: is a number"),
        (
            "department: {column: a, casefold: true, values: {x: y, X: z}}",
            "columns.department.values: says a cell twice",
        ),
        ("timeZone: {value: Europe/Berln}", "columns.timeZone.value: is no time zone"),
        ("firstDay: {value: '2026-01-01'}", "columns.firstDay: must come from a column"),
        ("firstDay: {column: a, date: '%d.%m.'}", "columns.firstDay.date: does not tell day, month and year"),
        ("firstDay: {column: a, date: '%H:%M %Y'}", "columns.firstDay.date: does not tell day, month and year"),
        ("attributes: [a]", "columns.attributes: is no mapping"),
        ("attributes: {a: {value: [1]}}", "columns.attributes.a.value: is neither text nor a number"),
        ("attributes: {' a': b}", "columns.attributes. a: has white space around its name"),
    ],
)
def test_a_column_that_cannot_be_meant_is_refused(line, said):
    """Each rule names the path that breaks it."""
    found = problems(columns(line))
    assert len(found) == 1
    assert said in found[0]


def test_a_status_is_one_of_ours_and_must_be_mapped():
    """A word that no rule knows, and a mapping after which nobody could leave."""
    found = problems("source: /hr\nkey: id\ntimeZone: UTC\ncolumns: {status: {column: s, values: {A: working}}}\n")
    assert found == ["m.yaml:4:40: columns.status.values.A: is none of preboarding, active, leave, left"]
    found = problems("source: /hr\nkey: id\ntimeZone: UTC\ncolumns: {department: d}\n")
    assert found == ["m.yaml:4:1: columns.status: is missing: without it nobody would ever leave"]


@pytest.mark.parametrize("text", ["", "[]", "a: b: c", "key: id\nkey: id"])
def test_what_is_no_mapping_is_refused(text):
    """An empty document, a list, no YAML, a key written twice."""
    assert problems(text)


def test_a_mapping_that_cannot_be_read_says_which(tmp_path):
    """The path is named, and why."""
    with pytest.raises(Misconfigured, match=r"absent\.yaml: the mapping cannot be read: No such file"):
        load(tmp_path / "absent.yaml")
    (tmp_path / "odd.yaml").write_bytes(b"\xff")
    with pytest.raises(Misconfigured, match="it is not UTF-8"):
        load(tmp_path / "odd.yaml")
