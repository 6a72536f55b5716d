"""Whatever a field says, the page has no element of it, the table no formula, and nothing steers a reader's eye."""

import csv
import io
import json
from datetime import UTC, datetime
from html.parser import HTMLParser

from hypothesis import example, given
from hypothesis import strategies as st

from lifecycle.adapters.packets.lines import Lines
from lifecycle.adapters.packets.page import Page
from lifecycle.adapters.packets.table import COLUMNS, Table, cell
from lifecycle.core.packet import (
    Cover,
    Entry,
    OfAssignment,
    OfPerson,
    Tally,
    Told,
    Unavailable,
    part,
    sheet,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><a href='javascript:alert(1)'>",
    "</style></title></table><b>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;&#60;b&#62;",
    '=HYPERLINK("http://x")',
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1",
    "a;=1",
    'a";=1',
    "＝1",
    "\x1b[31mred\x07",
    "\u202egnitirw\u202c\u2066\u200f\u061c",
    "a\u2028b\u2029c\u0085",
    "\x00",
    "\ud800",
    "\ufeff=1",
]
TEXT = st.one_of(st.sampled_from(HOSTILE), st.text(), st.text(st.sampled_from("<>&\"'=+-@\t\r\n;,|\u202e\u2028 a")))
PLACES = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "p", "h1", "h2", "h3"),
    *("small", "dl", "div", "dt", "dd", "ul", "li", "bdi", "b", "span", "code"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td"),
}


def packet(text, writer):
    """Write a packet in which everything that can say something says the text."""
    told, nothing = Told(text, text, NOW), Unavailable(text, text, NOW)
    nested = Told({text: [text, {text: text}], "detail": {text: text}, "items": text}, text, NOW)
    record = Told(
        {"number": 1, "tag": text, "at": NOW, "cause": text, "sha256": text, "detail": {text: [text]}}, text, NOW
    )
    entries = [Entry(name, field) for name in OfAssignment for field in (told, nothing, nested)]
    entries.append(Entry(OfAssignment.RECORD, record))
    people = [Entry(name, field) for name in OfPerson for field in (told, nothing, nested)]
    one = part(text, people, [sheet(text, text or "a", entries)])
    cover = Cover(
        kind=text, subject=text, asked_by=told, asked_at=NOW, model=text, tool=text, entries=((text, nested),)
    )
    tally = Tally()
    writer.begin(cover)
    tally.add(one)
    writer.add(one)
    writer.end(tally.closing)


def written(text, kind):
    out = io.StringIO()
    packet(text, kind(out))
    return out.getvalue()


class Outline(HTMLParser):
    """The elements and attributes of a page, without its texts."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.elements, self.said = [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, tuple(attrs)))

    def handle_endtag(self, tag):
        self.elements.append((f"/{tag}", ()))

    def handle_data(self, data):
        self.said.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    def handle_pi(self, data):
        raise AssertionError(f"an instruction: {data}")


PLAIN = Outline(written("a", Page)).elements


@given(TEXT)
@example("<script>")
def test_no_element_and_no_attribute_of_a_page_comes_from_data(text):
    """The page of a hostile packet has exactly the outline of a harmless one."""
    page = written(text, Page)
    assert Outline(page).elements == PLAIN
    assert {tag.removeprefix("/") for tag, _ in PLAIN} <= PLACES
    assert all(char.isprintable() or char == "\n" for char in page)


def test_a_page_stands_alone():
    """No script, no address of anything, and a policy that allows nothing but its own style."""
    page = written("http://evil.example/x", Page)
    policy = next(dict(attrs)["content"] for tag, attrs in PLAIN if tag == "meta" and ("content" in dict(attrs)))
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    attributes = {name for _, attrs in Outline(page).elements for name, _ in attrs}
    assert attributes == {"lang", "charset", "http-equiv", "content", "name", "class", "scope", "rowspan", "colspan"}
    assert "@import" not in page
    assert "url(" not in page


@given(TEXT)
@example("a;=1")
def test_no_cell_of_a_table_is_a_formula(text):
    """However a spreadsheet splits the line, no piece begins as a formula does, and every row has every column."""
    table = written(text, Table)
    rows = list(csv.reader(io.StringIO(table, newline="")))
    assert rows[0] == list(COLUMNS)
    assert {len(row) for row in rows} == {len(COLUMNS)}
    for separator in ',;\t|"':
        for row in rows:
            for one in row:
                assert not [piece for piece in one.split(separator) if piece.strip()[:1] in set("=+-@＝＋－＠") - {""}]
    assert all(char.isprintable() or char in "\r\n" for char in table)
    assert table.count("\n") == table.count("\r\n") == len(rows)


def test_a_cell_keeps_what_is_harmless():
    """Ids, times and addresses of Graph stay as they are."""
    for text in ("0b61-a=b", "2026-03-01T00:00:00Z", "Graph GET /x?$filter=a", "rule a (e-1) since 2026-01-04", "x: -"):
        assert cell(text) == (text if text != "x: -" else "x: '-")


@given(TEXT)
def test_json_says_exactly_what_a_field_says(text):
    """Nothing is lost or changed in JSON, and it is ASCII."""
    written_ = written(text, Lines)
    assert written_.isascii()
    read = json.loads(written_)
    (person,) = read["people"]
    assert person["fields"]["ids"][0] == {"value": text, "source": text, "read_at": "2026-03-01T00:00:00Z"}
    assert person["assignments"][0]["fields"]["state"][1]["unavailable"] == text
    assert read["closing"]["unavailable"] == len(OfPerson) + len(OfAssignment)
