"""Feeds in JSON: what each example says, what refuses a file whole, and that a row comes through a mapping intact."""

import contextlib
import csv
import io
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.adapters import feed_file
from lifecycle.adapters.mapping import load, parse
from lifecycle.core.events import Status, Worker
from lifecycle.core.snapshot import Entry
from lifecycle.errors import Misconfigured

EXAMPLES = Path(__file__).parents[3] / "examples"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


def example(name):
    mapping = load(EXAMPLES / "mappings" / f"{name.partition('-')[0]}.yaml")
    return feed_file.read((EXAMPLES / "feeds" / f"{name}.json").read_bytes(), mapping)


def mapping(kind, *lines, head=""):
    body = "".join(f"  {line}\n" for line in lines)
    text = f"format: {kind}\nsource: /hr\nkey: id\ntimeZone: Europe/Berlin\n{head}columns:\n  status: status\n{body}"
    return parse(text, where="m")


def read(text, *lines, kind="workday"):
    content = text if isinstance(text, bytes) else text.encode()
    return feed_file.read(content, mapping(kind, *lines))


def report(*rows):
    return json.dumps({"Report_Entry": list(rows)})


def row(**others):
    return {"id": "1", "status": "active", **others}


def users(*rows, total=None):
    found = [{"schemas": [USER], "id": "1", "status": "active", **each} for each in rows]
    return json.dumps({"schemas": [LIST], "totalResults": len(rows) if total is None else total, "Resources": found})


def refusal(text, *lines, kind="workday"):
    with pytest.raises(Misconfigured) as caught:
        read(text, *lines, kind=kind)
    first, *rest = str(caught.value).splitlines()
    assert first == "The file of /hr is refused, nothing was sent:"
    return [line.strip() for line in rest]


# --- what the examples say -------------------------------------------------------------------------------------------


def test_the_scim_example():
    """A list response: everybody, the enterprise extension, the address for work; who is not active has left."""
    found = example("scim")
    by_id = {entry.worker.id: entry.worker for entry in found.entries}
    assert found.whole
    assert list(by_id) == ["e1001", "e1002", "e1004", "e1006"]
    assert by_id["e1002"] == Worker(
        id="e1002", user_principal_name="ben@hospital.example", employee_type="employee", status=Status.ACTIVE,
        department="Care", cost_center="4100", job_title="Nurse", location="Lisbon", country="PT",
        time_zone="Europe/Lisbon", company="Hospital",
    )  # fmt: skip
    assert by_id["e1004"].location is None
    assert by_id["e1006"].status is Status.LEFT
    assert "Example" not in repr(found)


def test_a_single_scim_user_is_not_everybody():
    """It says nothing of whom it does not name."""
    found = example("scim-user")
    assert not found.whole
    assert [entry.worker.job_title for entry in found.entries] == ["Senior nurse"]


def test_the_workday_example():
    """Groups, dates with offsets, the instant of the report; what Workday leaves out is empty."""
    found = example("workday")
    by_id = {entry.worker.id: entry for entry in found.entries}
    assert found.whole
    assert found.as_of == datetime(2026, 3, 2, 4, tzinfo=UTC)
    assert by_id["21001"] == Entry(
        Worker(
            id="21001", person_id="u-7001", employee_type="employee", status=Status.ACTIVE, department="Care",
            cost_center="4100", job_code="N1", job_title="Nurse", location="Berlin", country="DE", manager="21004",
            company="Hospital", attributes={"fte": "0.75", "manager of people": False},
        ),
        date(2019, 4, 1),
    )  # fmt: skip
    assert by_id["c-310"].worker.contract_end == date(2026, 6, 30)
    assert by_id["21006"].last_day == date(2026, 2, 27)
    assert by_id["21004"].worker.job_title == "=Head of care", "what looks like a formula is text"


def test_the_bamboohr_examples():
    """A report of everybody; one employee as the API answers; its empty date is none."""
    found, one = example("bamboohr"), example("bamboohr-employee")
    by_id = {entry.worker.id: entry for entry in found.entries}
    assert (found.whole, one.whole) == (True, False)
    assert by_id["1001"].worker.attributes == {"division": "North", "badge": "B-17"}
    assert by_id["1001"].worker.manager == "1004"
    assert (by_id["1001"].first_day, by_id["1001"].last_day) == (date(2019, 4, 1), None)
    assert (by_id["1006"].worker.status, by_id["1006"].last_day) == (Status.LEFT, date(2026, 2, 27))
    assert one.entries[0].worker.job_title == "Senior nurse"


# --- what refuses a file ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "", "[", '{"Report_Entry": [', "nonsense", b"\xff\xfe", '{"a": NaN}', '{"a": 1e999}', '{"a": "\\ud800"}',
        '{"a": -Infinity}', "[" * 100_000, '{"a":' * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_json_is_refused(text):
    """Cut off, not UTF-8, not a number, nested without end: one line, never a traceback."""
    (said,) = refusal(text)
    assert "no JSON in UTF-8" in said or "nested too deeply" in said


@pytest.mark.parametrize("text", ["[]", "1", '"x"', "null"])
def test_what_is_no_object_is_refused(text):
    """The format's own outermost form is an object."""
    assert refusal(text) == ["it is no JSON object, as workday sends it"]


def test_a_byte_order_mark_is_nothing():
    """Some programs put one before UTF-8."""
    assert read(b"\xef\xbb\xbf" + report(row()).encode()).entries


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("workday", "{}", "`Report_Entry` is not there: is this the report, asked for as JSON?"),
        ("workday", '{"Report_Entry": [], "Report_Entry": []}', "`Report_Entry` is there twice: is this"),
        ("workday", '{"Report_Entry": {}}', "`Report_Entry` is no list"),
        ("workday", '{"Report_Entry": [1, {}]}', "row 1: `Report_Entry` holds something that is no object"),
        ("workday", report(), "there is no row in it: an empty file never means that nobody works here"),
        ("bamboohr", '{"employees": []}', "there is no row in it"),
        ("bamboohr", '{"employees": 1}', "`employees` is no list"),
        ("bamboohr", '{"employees": [], "employees": []}', "`employees` is there twice"),
        ("scim", users(), "there is no row in it"),
        ("scim", users({}, total=2), "it holds 1 of 2 users: a page of a longer list"),
        ("scim", users({}, total=0), "it holds 1 of 0 users"),
        ("scim", users({}, total=True), "`totalResults` is no number"),
        ("scim", users({"schemas": ["urn:x:Group"]}), f"row 1: its `schemas` do not say that it is a user, `{USER}`"),
        ("scim", '{"id": "1", "status": "active"}', "do not say that it is a user"),
    ],
)
def test_a_list_that_is_not_the_whole_list_is_refused(kind, text, said):
    """Empty, a page of more, something else: it must not look as if everybody else had left."""
    assert any(line.startswith(said) or said in line for line in refusal(text, kind=kind))


def test_faults_say_row_and_path():
    """Several at once, each with which rows, and never what stands there."""
    rows = [row(d="Care"), row(id="2", d=["secret"]), row(id="3"), row(id="4", d={"a": "secret"}), {"id": "5", "d": ""}]
    said = refusal(report(*rows), "department: d")
    assert said == [
        "rows 2, 4: `d` (department) is no single value: the path leads to an object or a list",
        "row 3: `d` (department) is not there; say `optional: true` if that means that it is empty",
        "row 5: `status` (status) is not there; say `optional: true` if that means that it is empty",
    ]


@pytest.mark.parametrize("given", [None, "", "  ", [], {}, ["1"], 1.0, 1e22, "x" * 129, "a\u200bb", "\u0000"])
def test_a_key_that_is_none_is_refused(given):
    """Nobody can be told by it; a number that a spreadsheet wrote as a fraction least of all."""
    (said,) = refusal(report(row(id=given)))
    assert said.startswith("row 1: `id`, the key,")


def test_a_key_twice_in_one_object_is_refused_where_it_is_read():
    """Every other reader takes the last of the two; a key that is not mapped is not read."""
    twice = '{"Report_Entry": [{"id": "1", "status": "active", "status": "left", "x": 1, "x": 2}]}'
    assert refusal(twice) == ["row 1: `status` (status) cannot be told: `.status` is there twice"]
    assert read(twice.replace('"status": "left", ', "")).entries


def test_one_worker_twice_is_refused():
    """White space and case make no difference, nor does a number instead of a text."""
    said = refusal(report(row(id="a"), row(id=" A "), row(id=7), row(id="7")))
    assert said[0].startswith("rows 1, 2: worker a is there 2 times")
    assert said[1].startswith("rows 3, 4: worker 7 is there 2 times")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (-(10**40), str(-(10**40))),
        (0.5, "0.5"),
        ("=cmd|' /C calc'!A0",) * 2,
    ],
)
def test_a_scalar_is_text_as_json_writes_it(given, text):
    """Numbers and truth values too, so that `values` can translate them; a formula is text like any other."""
    (entry,) = read(report(row(x=given)), "jobTitle: x").entries
    assert entry.worker.job_title == text


@pytest.mark.parametrize("digits", ["9" * 1001, "9" * 5000])
def test_a_number_without_end_is_refused(digits):
    """It is no code; and it must not take the reader down."""
    assert refusal(f'{{"Report_Entry": [{{"id": "1", "status": "active", "x": {digits}}}]}}', "jobTitle: x")


def test_names_of_scim_have_no_case():
    """RFC 7643, section 2.1; two spellings of one name are one name twice."""
    assert read(users({"TITLE": "Nurse"}), "jobTitle: title", kind="scim").entries[0].worker.job_title == "Nurse"
    assert "there twice" in refusal(users({"TITLE": "a", "title": "b"}), "jobTitle: title", kind="scim")[0]


@pytest.mark.parametrize("none", ['"x": null, ', '"x": [], ', '"x": "", ', ""])
def test_null_nothing_and_an_empty_list_are_empty(none):
    """Absent only where the mapping says so."""
    text = f'{{"Report_Entry": [{{{none}"id": "1", "status": "active"}}]}}'
    assert read(text, "department: {column: x, optional: true}").entries[0].worker.department is None


# --- the mapping -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["format: xml"], "format: is none of csv, scim, workday, bamboohr"),
        (["format: scim", "encoding: utf-8"], "encoding: is for a CSV: scim is JSON in UTF-8"),
        (["format: scim", "delimiter: ;"], "delimiter: is for a CSV: scim is JSON in UTF-8"),
        (["format: scim", "key: a[0]"], "key: is no path from character 2 on"),
        (["format: scim", "asOf: a b"], "asOf: is no path from character 2 on"),
    ],
)
def test_what_a_mapping_may_not_say(lines, said):
    """With its line, all at once."""
    key = [] if any(line.startswith("key") for line in lines) else ["key: id"]
    text = "\n".join(["source: /hr", "timeZone: Europe/Berlin", *key, *lines, "columns: {status: status}"])
    with pytest.raises(Misconfigured, match="m:") as caught:
        parse(text, where="m")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "line", "said"),
    [
        ("workday", "department: {column: 'a[0]'}", "columns.department: is no path"),
        ("workday", "attributes: {x: {column: 'a[0]'}}", "columns.attributes.x: is no path"),
        ("csv", "department: {column: a, optional: true}", "columns.department.optional: is for JSON"),
    ],
)
def test_what_a_column_may_not_say(kind, line, said):
    """Paths are for JSON and are checked there; `optional` is for JSON."""
    with pytest.raises(Misconfigured) as caught:
        mapping(kind, line)
    assert said in str(caught.value)


def test_a_status_is_never_optional():
    """A row without one could otherwise be made to mean that somebody has left."""
    text = "format: scim\nsource: /hr\nkey: id\ntimeZone: UTC\ncolumns: {status: {column: s, optional: true}}"
    with pytest.raises(Misconfigured, match="would make a missing status mean something"):
        parse(text, where="m")


# --- laws ------------------------------------------------------------------------------------------------------------

WORDS = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
IDS = st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True)
PLACES = {
    "workday": ("Care_group[only].Name", lambda value: {"Care_group": [{"Name": value}]}),
    "bamboohr": ('$["40.1"]', lambda value: {"40.1": value}),
    "scim": ('x[type eq "work"].value', lambda value: {"x": [{"type": "home"}, {"TYPE": "WORK", "Value": value}]}),
}


@given(
    st.sampled_from(sorted(PLACES)),
    st.dictionaries(IDS, st.tuples(st.one_of(st.none(), WORDS), st.sampled_from(Status)), min_size=1, max_size=5),
)
def test_a_row_comes_through_a_mapping_as_it_was(kind, people):
    """Any text at any place of any format: what was put in is what is read, for everybody, in order."""
    path, put = PLACES[kind]
    rows = [{"id": name, "status": str(status), **put(value)} for name, (value, status) in people.items()]
    texts = {"workday": report(*rows), "bamboohr": json.dumps({"employees": rows}), "scim": users(*rows)}
    found = read(texts[kind], f"department: {{column: '{path}', strip: false}}", kind=kind)
    assert [(one.worker.id, one.worker.department, one.worker.status) for one in found.entries] == [
        (name, value, status) for name, (value, status) in people.items()
    ]


CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)


@given(st.dictionaries(IDS, st.tuples(CELLS, CELLS, st.sampled_from(["active", "left"])), min_size=1, max_size=4))
def test_a_csv_and_a_report_of_the_same_rows_say_the_same(people):
    """One mapping, two formats: white space, marks, tables of values and dates mean the same in both."""
    rows = [{"id": name, "a": a, "b": f"x#{b}", "d": "", "status": status} for name, (a, b, status) in people.items()]
    text = io.StringIO()
    writer = csv.DictWriter(text, ["id", "a", "b", "d", "status"], quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    lines = ("department: {column: a, casefold: true}", 'jobTitle: {column: b, after: "#"}', "lastDay: d")
    found = [read(text.getvalue(), *lines, kind="csv"), read(report(*rows), *lines)]
    assert found[0] == found[1]


ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(
        ["id", "status", "Report_Entry", "employees", "Resources", "schemas", "totalResults", "d"]
    ), inner, max_size=4)),
    max_leaves=15,
)  # fmt: skip


@given(st.sampled_from(["scim", "workday", "bamboohr"]), ANYTHING)
def test_whatever_a_file_holds_it_is_read_or_refused(kind, tree):
    """No tree of JSON gets anything else out of a reader."""
    with contextlib.suppress(Misconfigured):
        assert read(json.dumps(tree), "department: d", kind=kind).entries
