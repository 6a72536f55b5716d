"""A broken chain is found broken, and what was done to it is named at the first record that it was done to."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from lifecycle.core.evidence import GENESIS, Record, Tag
from lifecycle.core.proof import Break, Chain, Kind, Point, Stored
from tests.builders import utc

LENGTH = 6


def records(length: int = LENGTH, chain: str = "e1") -> list[Record]:
    made: list[Record] = []
    for number in range(1, length + 1):
        before = made[-1].hash if made else GENESIS
        made.append(Record(chain, number, before, utc(2026, 1, number), Tag.INTENDED, f"c{number}", {"n": number}))
    return made


def rows(chain: Sequence[Record | bytes]) -> list[Stored]:
    """As they are stored one behind the other, under keys that count from 1."""
    values = [one if isinstance(one, bytes) else one.canonical() for one in chain]
    return [Stored(key, value) for key, value in enumerate(values, start=1)]


def broken(stored, *, sealed=(LENGTH,), head=None) -> Break | None:
    """What is found when the first records were sealed at these lengths, and the head says what was written."""
    whole = records()
    points = [Point(number, length, whole[length - 1].hash) for number, length in enumerate(sealed, start=1)]
    return Chain("e1".__eq__, stored, head or (LENGTH, whole[-1].hash), points).first_break()


def named(stored, **known):
    found = broken(stored, **known)
    return None if found is None else (found.kind, found.number)


SEALED = [(LENGTH,), (3, LENGTH), (1, 2, 3, 4, 5, LENGTH), (2,), ()]


@pytest.mark.parametrize("sealed", SEALED)
def test_a_whole_chain_is_whole(sealed):
    """Whatever was sealed of it."""
    assert broken(rows(records()), sealed=sealed) is None


@pytest.mark.parametrize("sealed", SEALED)
@pytest.mark.parametrize("field", ["cause", "before", "chain", "number", "at", "tag", "detail"])
@pytest.mark.parametrize("number", range(1, LENGTH + 1))
def test_an_altered_record_is_named_not_the_one_after_it(number, field, sealed):
    """Any field of any record: the record after it, a seal or the head tells that it is this one."""
    other = {"cause": "x", "before": "f" * 64, "chain": "e2", "number": 99, "at": utc(2027, 1, 1), "tag": Tag.ENDED}
    chain = records()
    chain[number - 1] = replace(chain[number - 1], **{field: other.get(field, {"n": 0})})
    found = named(rows(chain), sealed=sealed)
    if number == LENGTH and LENGTH not in sealed and field not in {"before", "chain", "number"}:
        assert found == (Kind.HEAD, LENGTH)  # nothing but the head knows the last record's hash
    else:
        assert found == (Kind.ALTERED, number)


@pytest.mark.parametrize("sealed", SEALED)
@pytest.mark.parametrize("number", range(1, LENGTH + 1))
def test_a_record_in_another_form_is_altered_though_it_reads_the_same(number, sealed):
    """A blank, another order of keys, an escape: the bytes count."""
    for form in ({"indent": 0}, {"sort_keys": False}, {"separators": (", ", ":")}):
        chain: list[Record | bytes] = list(records())
        content = dict(reversed(json.loads(records()[number - 1].canonical()).items()))
        plain = {"sort_keys": True, "separators": (",", ":")} | form
        chain[number - 1] = json.dumps(content, **plain).encode()
        assert named(rows(chain), sealed=sealed) == (Kind.ALTERED, number)


@pytest.mark.parametrize("at", ["2026-01-06T00:00:00Z", "2026-01-06T01:00:00+01:00", "2026-01-06T00:00:00"])
def test_an_instant_in_another_form_is_altered(at):
    """Also in the last record, of which nobody holds the hash."""
    chain: list[Record | bytes] = list(records())
    chain[-1] = chain[-1].canonical().replace(b"2026-01-06T00:00:00+00:00", at.encode())
    head = (LENGTH, hashlib.sha256(chain[-1]).hexdigest())
    assert named(rows(chain), sealed=(), head=head) == (Kind.ALTERED, LENGTH)


@pytest.mark.parametrize("junk", [b"", b"{}", b"\xff", b"[" * 100_000, b'{"a":1}', b"null", b'"\\ud800"'])
def test_what_is_no_record_is_altered(junk):
    """Bytes that cannot be read are an answer, not an error."""
    chain: list[Record | bytes] = list(records())
    chain[2] = junk
    assert named(rows(chain)) == (Kind.ALTERED, 3)


@pytest.mark.parametrize("rekeyed", [True, False])
@pytest.mark.parametrize("sealed", SEALED)
@pytest.mark.parametrize("number", range(1, LENGTH))
def test_a_removed_record_is_named(number, sealed, rekeyed):
    """Whether the others keep their keys or close ranks."""
    stored = rows(records())
    del stored[number - 1]
    if rekeyed:
        stored = rows([row.value for row in stored])
    assert named(stored, sealed=sealed) == (Kind.REMOVED, number)


@pytest.mark.parametrize("left", range(LENGTH))
def test_a_cut_tail_is_found_up_to_the_last_seal(left):
    """Also when the head was moved back with it; behind the last seal only the head tells."""
    stored = rows(records()[:left])
    head = (left, records()[left - 1].hash if left else GENESIS)
    assert named(stored, head=head) == ((Kind.REMOVED, left + 1) if left else (Kind.VANISHED, 1))
    assert named(stored, sealed=()) == (Kind.HEAD, left)
    assert named(stored, sealed=(), head=head) is None


@pytest.mark.parametrize("sealed", SEALED)
@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 3), (1, 6), (5, 6), (2, 5)])
def test_records_that_changed_places_are_reordered(first, second, sealed):
    """Named at the first place that holds another record."""
    chain = records()
    chain[first - 1], chain[second - 1] = chain[second - 1], chain[first - 1]
    assert named(rows(chain), sealed=sealed) == (Kind.REORDERED, first)


@pytest.mark.parametrize("sealed", [(LENGTH,), (3, LENGTH), ()])
@pytest.mark.parametrize("number", range(1, LENGTH + 1))
def test_an_inserted_record_is_named_however_well_it_fits(number, sealed):
    """Junk, a copy of another, or one that follows from the record before: the genuine one is not blamed."""
    whole = records()
    fitting = replace(whole[number - 1], cause="forged")
    for put_in in (b"junk", whole[number % LENGTH - 3], fitting):
        chain: list[Record | bytes] = list(whole)
        chain.insert(number - 1, put_in)
        if put_in == whole[max(number - 2, 0)] or put_in == whole[number - 1]:
            continue  # which of two that are the same was put in cannot be told
        assert named(rows(chain), sealed=sealed) == (Kind.INSERTED, number), put_in


def test_a_forged_record_behind_its_original_is_the_one_that_is_named():
    """Both say that they are record 3; record 4 tells which one is."""
    chain = records()
    chain.insert(3, replace(chain[2], cause="forged"))
    assert named(rows(chain)) == (Kind.INSERTED, 4)


@pytest.mark.parametrize("number", range(1, LENGTH + 1))
def test_a_chain_that_was_rewritten_to_fit_does_not_fit_its_seal(number):
    """From some record on everything was made anew, the head too: it happened where the seal no longer agrees."""
    chain = records()
    chain[number - 1] = replace(chain[number - 1], cause="forged")
    for place in range(number, LENGTH):
        chain[place] = replace(chain[place], before=chain[place - 1].hash)
    found = broken(rows(chain), sealed=(2, LENGTH), head=(LENGTH, chain[-1].hash))
    assert found is not None
    assert found.kind is Kind.ALTERED
    assert found.since <= number <= found.number


def test_a_chain_that_was_cut_and_sealed_again_does_not_fit_the_earlier_seal():
    """A later seal over the shorter chain does not heal it."""
    whole = records()
    points = [Point(1, 5, whole[4].hash), Point(2, 3, whole[2].hash)]
    cut = Chain("e1".__eq__, rows(whole[:3]), (3, whole[2].hash), points)
    found = cut.first_break()
    assert found is not None
    assert (found.kind, found.number, found.text) == (Kind.REMOVED, 4, "seal 1 has 5 records of the chain")


def test_a_head_that_says_otherwise_is_found():
    """Another hash, another length, no head at all."""
    stored, last = rows(records()), records()[-1].hash
    assert named(stored, head=(LENGTH, "f" * 64)) == (Kind.HEAD, LENGTH)
    assert named(stored, head=(LENGTH + 1, last)) == (Kind.HEAD, LENGTH)
    assert Chain("e1".__eq__, stored, None).first_break() == Break(
        Kind.HEAD, LENGTH, "there is no head, the chain has 6"
    )
    assert Chain("e1".__eq__, [], None).first_break() is None


def test_a_record_behind_the_head_that_follows_nothing_was_put_in():
    """The head says that there are six."""
    stored = [*rows(records()), Stored(7, replace(records(7)[-1], before="f" * 64).canonical())]
    assert named(stored) == (Kind.INSERTED, 7)


def test_the_hash_is_of_the_stored_bytes():
    """What a seal holds is the SHA-256 of the row."""
    last = records()[-1]
    assert hashlib.sha256(last.canonical()).hexdigest() == last.hash
