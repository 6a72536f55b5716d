"""Ticking off very many texts by eight bytes each."""

from array import array

from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.core.fingerprints import Fingerprints, fingerprint, fingerprints

TEXTS = st.lists(st.binary(max_size=12), max_size=30, unique=True)


def known(texts):
    found = Fingerprints()
    found.add_all(texts)
    found.close()
    return found


def test_a_fingerprint_is_the_same_in_every_process():
    """A checkpoint that one process kept is read by another: no salt, and not the order of its bytes."""
    assert fingerprint(b"user|assignment0") == 0x3897A5B07B9270D3
    assert 0 <= fingerprint(b"") < 2**64


@given(TEXTS)
def test_many_at_once_are_those_one_by_one(texts):
    """In their order, whatever the machine's order of bytes."""
    assert list(fingerprints(texts)) == [fingerprint(text) for text in texts]
    assert fingerprints(texts).typecode == "Q"


@settings(max_examples=50)
@given(TEXTS, TEXTS)
def test_what_was_not_met_is_the_difference(texts, met):
    """As sets say it, in any order, with repeats and strangers among what was met."""
    found = known(texts)
    for text in met + met:
        assert found.see(fingerprint(text)) == (text in texts)
    assert found.unseen() == {fingerprint(text) for text in set(texts) - set(met)}
    assert all(found.seen(fingerprint(text)) == (text in met) for text in texts)


def test_one_by_one_is_like_all_at_once():
    """`add` and `add_all` remember the same."""
    found = Fingerprints()
    for text in (b"a", b"b"):
        found.add(text)
    found.close()
    assert (len(found), found.unseen()) == (2, known([b"a", b"b"]).unseen())


def test_what_was_seen_before_is_ticked_off_again():
    """A sweep that goes on has the marks of the pages that were read."""
    found = known([b"a", b"b", b"c"])
    found.see_all(array("Q", [fingerprint(b"a"), fingerprint(b"c"), fingerprint(b"unknown")]))
    assert found.unseen() == {fingerprint(b"b")}


def test_a_mark_above_all_that_are_known_is_unknown():
    """The end of the list is no place to look into."""
    found = known([b"a"])
    assert not found.see(2**64 - 1)
    assert not found.seen(2**64 - 1)
    assert not known([]).see(0)
