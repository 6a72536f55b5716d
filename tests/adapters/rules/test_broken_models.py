"""Models as they break in an editor: each error has the line and column of its culprit, and says what to do."""

from pathlib import Path

import pytest

from lifecycle.adapters.rules import examine, text_of
from lifecycle.adapters.rules.document import Problems, read
from lifecycle.errors import Misconfigured
from tests.adapters.rules.test_schema import SCHEMA, faults

TEXT = (Path(__file__).parents[3] / "examples" / "model.yaml").read_text(encoding="utf-8")


def place(text, culprit, column=None):
    """Where something stands, as an editor counts."""
    before = text[: text.index(culprit)]
    return before.count("\n") + 1, column or len(before) - before.rfind("\n")


# What stands there, what it becomes, the culprit in the new text, what the reason says.
BROKEN = {
    "a bracket left open": ("worker: [/hr", "worker: [/hr] [/hr", "[/hr/workday, ", "no YAML"),
    "a tab": ("  - name: finance", "\t- name: finance", "\t- name", "indent with spaces"),
    "an unknown key": ("    lead: P2D", "    leed: P2D", "leed", "the nearest is `lead`"),
    "no list": ("grant: [finance-reports]", "grant: 7", "grant: 7", "must be a list, as in [one, two], and is a whole"),
    "no number": ("{count: 50, share: 0.1}", "{count: fifty}", "count: fifty", "must be a whole number, and is text"),
    "a rule's name twice": ("name: finance", "name: everyone", None, "is the name of rules[0] too"),
    "no such package": ("[finance-reports]", "[finance-report]", "finance-report]", "nearest is `finance-reports`"),
    "no CEL": ('department == "F', 'department = "F', '= "Finance', "CEL compares with `==`"),
    "CEL of other kinds": ('worker.employeeType == "employee"', "worker.employeeType + 1", "when: worker", "not fit"),
    "no truth value": ('worker.employeeType == "employee"', "worker.status", "when: worker", "returned text"),
    "no duration": ("for: P90D", "for: 90 days", "for: 90", "P2D"),
    "no policy": ("    policy: b0000000-0000-0000-0000-000000000003\n", "", "finance-reports:", "policy"),
    "an alias": ("locations:", "x: &x [a]\ny: [*x]\nlocations:", "*x]", "write the value out"),
    "a key twice": ("drift: report", "drift: report\ntimeZone: UTC", None, "is written twice"),
    "no zone": ("timeZone: Europe/Berlin", "timeZone: Berlin", "timeZone", "Europe/Berlin"),
    "a tag": ("drift: report", "drift: !!python/name:os.system x", "!!python", "tag"),
    "a character that no YAML has": ("drift: report", "drift: \x07", "\x07", "character"),
}


def broken(name):
    old, new, *_ = BROKEN[name]
    assert old in TEXT
    return TEXT.replace(old, new, 1)


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("name", BROKEN)
def test_it_is_said_where_and_what_to_do(name, end):
    """With the line ends of every system."""
    *_, culprit, reason = BROKEN[name]
    text = broken(name)
    found = examine(text.replace("\n", end), where="m").problems
    wanted = [one for one in found if reason in f"{one.path}: {one.reason}"]
    assert wanted, found
    assert wanted[0].line > 0
    if culprit:
        assert (wanted[0].line, wanted[0].column) == place(text, culprit)


LAUGHS = "a: &a [x, x]\n" + "".join(f"{c}: &{c} [*{b}, *{b}]\n" for b, c in zip("abcdefgh", "bcdefghi", strict=True))


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "- a\n", "text", "\x00", "[" * 100_000, LAUGHS, "a: &a [*a]", "? {}\n: x"]
)
def test_what_is_no_model_at_all_has_a_place_too(text):
    """So that an editor can jump there; nothing is unfolded."""
    found = examine(text, where="m")
    assert found.model is None
    assert all(one.line > 0 for one in found.problems)


@pytest.mark.parametrize("content", [bytes(range(256)), "ä".encode("latin-1"), TEXT.encode("utf-16")])
def test_bytes_that_are_no_text_are_said_with_the_first_of_them(tmp_path, content):
    """Before anything is read."""
    (tmp_path / "model.yaml").write_bytes(content)
    with pytest.raises(Misconfigured, match=r"not UTF-8, from byte \d+, line \d+, on; save it as UTF-8"):
        text_of(tmp_path / "model.yaml")


def test_a_byte_order_mark_and_windows_line_ends_are_nothing(tmp_path):
    """The same model, of the same version."""
    (tmp_path / "model.yaml").write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    assert examine(text_of(tmp_path / "model.yaml"), where="m").require() == examine(TEXT, where="m").require()


STRUCTURAL = ["an unknown key", "no list", "no number", "no duration", "no policy"]


@pytest.mark.parametrize("name", STRUCTURAL)
def test_the_schema_refuses_what_an_editor_can_see(name):
    """Of the same parts as the reader."""
    assert list(faults(plain(TEXT), SCHEMA)) == []
    assert list(faults(plain(broken(name)), SCHEMA))


def plain(text):
    """The document as the reader has it."""
    return read(text, Problems("m"))
