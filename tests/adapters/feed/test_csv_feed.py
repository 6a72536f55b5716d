"""A file is read as its mapping says, or refused whole with the lines that are wrong and nothing of what they hold."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.adapters import csv_feed
from lifecycle.adapters.mapping import load, parse
from lifecycle.core.events import Status, Worker
from lifecycle.core.snapshot import Entry
from lifecycle.errors import Misconfigured

EXAMPLES = Path(__file__).parents[3] / "examples"


def mapping(*lines, head=""):
    body = "".join(f"  {line}\n" for line in lines)
    return parse(f"source: /hr\nkey: id\ntimeZone: Europe/Berlin\n{head}columns:\n  status: status\n{body}", where="m")


def read(text, *lines, head=""):
    content = text if isinstance(text, bytes) else text.encode()
    return csv_feed.read(content, mapping(*lines, head=head))


def one(cell, line, *, head=""):
    """The worker read from one row whose column `x` holds the cell."""
    quoted = '"' + cell.replace('"', '""') + '"'
    return read(f"id,status,x\n1,active,{quoted}\n", line, head=head).entries[0]


def refusal(text, *lines, head=""):
    with pytest.raises(Misconfigured) as caught:
        read(text, *lines, head=head)
    first, *rest = str(caught.value).splitlines()
    assert first == "The file of /hr is refused, nothing was sent:"
    return [line.strip() for line in rest]


def test_the_example_says_what_it_shows():
    """The file beside the example mapping, read through it."""
    snapshot = csv_feed.read((EXAMPLES / "people.csv").read_bytes(), load(EXAMPLES / "mapping.yaml"))
    by_id = {entry.worker.id: entry for entry in snapshot.entries}
    assert len(by_id) == 6
    assert by_id["e1001"] == Entry(
        Worker(
            id="e1001", employee_type="employee", status=Status.ACTIVE, department="Care", cost_center="4100",
            job_code="N1", job_title="Nurse", location="Berlin", country="DE", manager="E1004", company="Hospital",
            attributes={"deputy": False},
        ),
        date(2019, 4, 1),
        None,
    )  # fmt: skip
    assert by_id["e1002"].worker.country == "DE"
    assert by_id["e1003"].worker.attributes == {"deputy": None}
    assert by_id["e1004"].worker.manager is None
    assert by_id["e1006"].last_day == date(2026, 2, 27)
    assert "Example" not in repr(snapshot)


@pytest.mark.parametrize(
    ("cell", "line", "expected"),
    [
        ("  Care ", "department: x", "Care"),
        ("  Care ", "department: {column: x, strip: false}", "  Care "),
        ("", "department: x", None),
        ("   ", "department: x", None),
        ("n/a", "department: {column: x, empty: [n/a]}", None),
        ("124 # CEO", "department: {column: x, before: '#'}", "124"),
        ("124 # CEO", "department: {column: x, after: '#'}", "CEO"),
        ("a#b#c", "department: {column: x, after: '#'}", "b#c"),
        ("<b>", "department: {column: x, after: '<', before: '>'}", "b"),
        ("", "department: {column: x, after: '#'}", None),
        ("CARE", "department: {column: x, casefold: true}", "care"),
        ("Care", "department: {column: x, casefold: true, values: {CARE: Ward}}", "Ward"),
        ("", "department: {column: x, values: {a: b}}", None),
        ("", "department: {column: x, values: {'': none}}", "none"),
        ("-", "department: {column: x, values: {'-': null}}", None),
        ('Zoë, "7"\nB', "department: x", 'Zoë, "7"\nB'),
        ("anything", "department: {value: Ward}", "Ward"),
    ],
)  # fmt: skip
def test_a_cell_is_translated_as_the_mapping_says(cell, line, expected):
    """Each transform, and that nothing is `null`."""
    assert one(cell, line).worker.department == expected


def test_fields_that_are_more_than_text_are_read_as_what_they_are():
    """Dates in the given form or ISO's, ids compared without case, zones that exist, attributes of any kind."""
    assert one("01.02.2026", "firstDay: {column: x, date: '%d.%m.%Y'}").first_day == date(2026, 2, 1)
    assert one("2026-02-01", "lastDay: x").last_day == date(2026, 2, 1)
    assert one("2026-02-01", "contractEnd: x").worker.contract_end == date(2026, 2, 1)
    assert one(" P-7 ", "personId: x").worker.person_id == "p-7"
    assert one(" E7 ", "manager: x").worker.manager == "E7"
    assert one("Europe/Rome", "timeZone: x").worker.time_zone == "Europe/Rome"
    assert one("yes", "attributes: {a: {column: x, values: {'yes': true}}}").worker.attributes == {"a": True}
    assert one("1.2.2026", "attributes: {a: {column: x, date: '%d.%m.%Y'}}").worker.attributes == {"a": "2026-02-01"}


@pytest.mark.parametrize(
    ("cell", "line", "said"),
    [
        ("Secret", "department: {column: x, values: {a: b}}", "`x` (department) holds a value that `values` does not"),
        ("Secret", "department: {column: x, after: '#'}", "`x` (department) has no `#` in it"),
        ("s" * 1001, "department: x", "`x` (department) is longer than 1000 characters"),
        ("Secret", "firstDay: x", "`x` (first_day) is no date (YYYY-MM-DD)"),
        ("31.02.2026", "firstDay: {column: x, date: '%d.%m.%Y'}", "`x` (first_day) is no date of the form `%d.%m.%Y`"),
        (
            "31.12.9999",
            "firstDay: {column: x, date: '%d.%m.%Y'}",
            "`x` (first_day) lies outside the years 1900 to 2200",
        ),
        ("Secret/Zone", "timeZone: x", "`x` (time_zone) is no time zone"),
        ("s" * 129, "manager: x", "`x` (manager) is longer than 128 characters"),
    ],
)
def test_a_cell_that_does_not_fit_refuses_the_file_without_being_repeated(cell, line, said):
    """The line, the column and the rule are named, the cell is not."""
    (found,) = refusal(f"id,status,x\n1,active,{cell}\n", line)
    assert found.startswith(f"line 2: {said}")
    assert cell[:6] not in found


def test_an_unknown_or_absent_status_refuses_the_file():
    """Nobody is without a status, and a word that HR made up yesterday is nobody's leaving."""
    assert refusal("id,status\n1,active\n2,\n3,Gone\n4,Gone\n") == [
        "line 3: `status` (status) is empty, and nobody is without a status",
        "lines 4, 5: `status` (status) is none of preboarding, active, leave, left; translate it with `values`",
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "id,status\n", "id,status\n\n\r\n"])
def test_a_file_without_rows_is_refused(text):
    """It never means that nobody works here."""
    assert refusal(text) == ["there is no row in it: an empty file never means that nobody works here"]


def test_a_missing_column_is_named_with_the_nearest():
    """Every missing one, before any row is looked at."""
    assert refusal("ID,status \n1,active\n", "department: dept") == [
        "there is no column `dept`; there are `ID`, `status`",
        "there is no column `id`; there are `ID`, `status`",
    ]
    assert refusal("id,status,departement\n1,a,b\n", "department: department") == [
        "there is no column `department`; the nearest is `departement`"
    ]


def test_a_column_there_twice_is_refused_only_when_it_is_read():
    """Nobody can say which is meant; two unread ones are nobody's business."""
    assert read("id,status,x,x\n1,active,,\n").entries
    assert refusal("id,status,status\n1,active,left\n") == [
        "there are 2 columns `status`, and nobody can say which is meant"
    ]


def test_doubled_ids_are_refused_after_trimming_and_without_case():
    """HR systems differ in case and white space of one id; the id and all its lines are named."""
    assert refusal("id,status\ne1,active\n E1 ,left\ne2,active\n") == [
        "lines 2, 3: worker e1 is there 2 times (white space and case make no difference)"
    ]


def test_an_empty_or_hostile_key_is_refused():
    """A key is text that can be an id."""
    assert refusal('id,status\n ,active\n"a\x07b",active\n') == [
        "line 2: `id`, the key, is empty",
        "line 3: `id`, the key, contains control or invisible characters",
    ]


def test_a_ragged_row_is_named_by_the_line_it_begins_on():
    """Also after a cell with a line break in it; an empty line is no row."""
    assert refusal('id,status,x\na,active,"1\n2"\n\n1\n2,active,x,"y\nz"\n', "department: x") == [
        "lines 5, 6: more or fewer cells than the header has: is the file cut off?"
    ]


def test_a_file_cut_off_inside_a_quote_is_refused():
    """The open quote would otherwise swallow the rest of the file as one cell."""
    assert refusal('id,status\n1,active\n2,"acti\n3,active\n') == [
        "line 3: it is no CSV from here on: a quote that does not close, or text behind one"
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_file_is_read_in_its_encoding(encoding):
    """UTF-8 with or without its mark, and what the mapping names."""
    content = "id,status,x\n1,active,Pflegé\n".encode(encoding)
    declared = "" if encoding.startswith("utf-8") else f"encoding: {encoding}\n"
    assert read(content, "department: x", head=declared).entries[0].worker.department == "Pflegé"


def test_bytes_in_another_encoding_are_refused_with_their_place():
    """Where it stops being UTF-8, and what to do."""
    (found,) = refusal("id,status\n1,Pflegé\n".encode("cp1252"))
    assert found == "it is not utf-8 at byte 17; say which `encoding` it has in the mapping"
    assert refusal("id,status\n".encode("utf-16"))


def test_another_delimiter_is_the_mappings_word():
    """Semicolons, as German spreadsheets write."""
    assert len(read("id;status\n1;active\n", head='delimiter: ";"\n').entries) == 1


@pytest.mark.parametrize(
    ("cell", "form", "expected"),
    [
        ("2026-03-02T05:00:00+01:00", "", datetime(2026, 3, 2, 4, tzinfo=UTC)),
        ("2026-03-02", "", datetime(2026, 3, 1, 23, tzinfo=UTC)),
        ("02.03.2026", "%d.%m.%Y", datetime(2026, 3, 1, 23, tzinfo=UTC)),
        ("02.03.2026 05:00", "%d.%m.%Y %H:%M", datetime(2026, 3, 2, 4, tzinfo=UTC)),
        ("02.03.2026 05:00 -0500", "%d.%m.%Y %H:%M %z", datetime(2026, 3, 2, 10, tzinfo=UTC)),
    ],
)
def test_a_list_may_say_of_which_instant_it_is(cell, form, expected):
    """An instant, or a day that stands for its beginning in the mapping's zone."""
    head = f"asOf: {{column: x, date: '{form}'}}\n" if form else "asOf: x\n"
    assert read(f"id,status,x\n1,active,{cell}\n2,active,{cell}\n", head=head).as_of == expected


def test_a_list_of_two_instants_or_none_is_refused():
    """Two files joined, or a row without."""
    rows = "1,active,2026-03-01\n2,active,2026-03-02\n3,active,\n4,active,now\n"
    assert refusal(f"id,status,x\n{rows}", head="asOf: x\n") == [
        "line 4: `x` (asOf) is empty",
        "line 5: `x` (asOf) is no date (YYYY-MM-DD)",
        "lines 2, 3: `x` (asOf) holds 2 different instants",
    ]


def test_many_lines_are_counted_not_listed():
    """A fault of every row is one line of the error."""
    (found,) = refusal("id,status\n" + "".join(f"{n},x\n" for n in range(500)))
    assert found.startswith("lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 490 more: ")


@given(
    st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"id,status,x\n{text}".encode("utf-8", "replace"))
)
def test_whatever_the_bytes_a_file_is_read_or_refused(content):
    """Hostile files raise `Misconfigured` and nothing else."""
    try:
        snapshot = csv_feed.read(content, mapping("department: x", "firstDay: {column: x, date: '%d.%m.%Y'}"))
    except Misconfigured:
        return
    assert len({entry.worker.id for entry in snapshot.entries}) == len(snapshot.entries) > 0


@pytest.mark.parametrize("field", ["contractEnd", "lastDay"])
@pytest.mark.parametrize(("cell", "date"), [("9999-12-31", ""), ("31.12.9999", ", date: '%d.%m.%Y'")])
def test_the_last_day_of_all_calendars_is_no_end(field, cell, date):
    """HR systems write so that a contract or an employment has none; every other far day is refused."""
    entry = one(cell, f"{field}: {{column: x{date}}}")
    assert (entry.worker.contract_end, entry.last_day) == (None, None)
    (found,) = refusal(f"id,status,x\n1,active,{cell.replace('9999', '2999')}\n", f"{field}: {{column: x{date}}}")
    assert "lies outside the years 1900 to 2200" in found
