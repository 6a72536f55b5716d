"""A path leads to one value, to nothing, or to a fault that is named, whatever the tree."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.adapters.feed_paths import ABSENT, DOUBLED, Name, Only, Pick, find, first_name, parse, written

USER = {
    "name": {"givenName": "Ada", "familyName": None},
    "emails": [{"type": "home", "value": "h"}, {"type": "Work", "value": "w", "primary": True}],
    "phones": [],
    "one": [{"id": 1}],
    "urn:x:2.0:User": {"department": "Care"},
    "twice": DOUBLED,
    "Title": "Nurse",
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$.name.givenName", "Ada"),
        ("name.givenName", "Ada"),
        ("name.familyName", None),
        ("name.familyName.more", None),
        ("name.middleName", ABSENT),
        ("nothing.at.all", ABSENT),
        ('$["urn:x:2.0:User"].department', "Care"),
        ('emails[type eq "work"].value', "w"),
        ('$.emails[type  eq  "HOME"].value', "h"),
        ("emails[primary eq true].value", "w"),
        ('emails[type eq "other"].value', ABSENT),
        ("one[only].id", 1),
        ("one[id eq 1].id", 1),
        ("one[id eq true].id", ABSENT),
        ("phones[only].value", None),
        ("title", ABSENT),
    ],
)
def test_where_a_path_leads(path, value):
    """The one value, null where null stands on the way, or nothing."""
    assert find(parse(path), USER) is value or find(parse(path), USER) == value


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("Title.x", "no object"),
        ("emails.value", "no object"),
        ("name[only]", "no list"),
        ("name[a eq 1]", "no list"),
        ("emails[only].value", "2 elements fit `[only]`"),
        ("twice", "`.twice` is there twice"),
    ],
)
def test_what_cannot_be_told_is_a_fault(path, reason):
    """Another shape, or two where one is meant: never the first of them."""
    with pytest.raises(ValueError, match=r".") as caught:
        find(parse(path), USER)
    assert reason in str(caught.value)


def test_two_that_fit_a_choice_are_a_fault():
    """Two work addresses are no work address."""
    with pytest.raises(ValueError, match="2 elements fit"):
        find(parse('a[type eq "work"]'), {"a": [{"type": "work"}, {"type": "WORK"}]})


def test_names_in_any_case():
    """With `folded`, as RFC 7643 has it; two that differ in case alone are one name twice."""
    assert find(parse("TITLE"), USER, folded=True) == "Nurse"
    assert find(parse('EMAILS[TYPE eq "work"].Value'), USER, folded=True) == "w"
    with pytest.raises(ValueError, match="twice"):
        find(parse("title"), {"title": 1, "TITLE": 1}, folded=True)


@pytest.mark.parametrize(
    "path",
    ["", "$", "$.", "a..b", "a.", "a[0]", "a[*]", "..", 'a[type = "x"]', "a[type eq x]", "a b", 'a["x]', "a[only",
     'a["\\ud800"]', "x" * 401, "$a$", "a[b eq 1.5]"],
)  # fmt: skip
def test_what_is_no_path_says_so(path):
    """The reason names where, and what there is."""
    with pytest.raises(ValueError, match=r"path|none in JSON|longer"):
        parse(path)


NAMES = st.from_regex(r"\$?[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=0, max_size=12)
PARTS = st.one_of(
    st.builds(Name, st.one_of(NAMES, TEXTS)),
    st.builds(Pick, NAMES, st.one_of(TEXTS, st.booleans(), st.integers(-(10**17), 10**17))),
    st.just(Only()),
)
TREES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS, st.just(DOUBLED)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.one_of(NAMES, TEXTS), inner, max_size=3)),
    max_leaves=12,
)


@given(st.lists(PARTS, min_size=1, max_size=4).map(tuple))
def test_a_path_that_is_written_is_read_back(parts):
    """Whatever names and literals hold."""
    assert parse(written(parts)) == parts


@given(st.lists(PARTS, min_size=1, max_size=4).map(tuple), TREES, st.booleans())
def test_a_path_is_total(parts, tree, folded):
    """Any path on any tree: a value, nothing, or `ValueError`."""
    with contextlib.suppress(ValueError):
        find(parts, tree, folded=folded)


@given(st.text(max_size=30))
def test_reading_a_path_is_total(text):
    """A path or `ValueError`, nothing else; a path begins with a name or says that it does not."""
    try:
        parts = parse(text)
    except ValueError:
        return
    assert first_name(text) == (parts[0].name if isinstance(parts[0], Name) else "")
