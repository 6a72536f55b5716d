"""What was taken, as rows: by run, by person, and written as often as anybody likes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lifecycle.records import takings, undos
from lifecycle.records.takings import Taking
from lifecycle.records.undos import Undoing
from tests.builders import START
from tests.fakes.records import MemoryRecords

ONE = Taking(
    person="e1",
    package="extra",
    assignment="a-1",
    user="user-e1",
    policy="policy-self-service",
    ours=False,
    shortened=False,
    starts=START,
    ends=None,
    at=START,
    cause="event:l",
    after=3,
    names=("r",),
)


async def test_what_was_noted_is_found_by_every_name():
    """Under the run and under the event, whole."""
    records = MemoryRecords()
    one = replace(ONE, names=("feed-1", "event:l"))
    await takings.note(records, [one])
    for name in ("feed-1", "event:l"):
        assert await takings.of_run(records, name) == {"e1": ["a-1"]}
    assert await takings.of_person(records, "e1", ["a-1", "a-2"]) == [one]
    assert await takings.of_run(records, "event:other") == {}


async def test_noted_again_it_is_one():
    """The last note counts."""
    records = MemoryRecords()
    later = replace(ONE, at=START + timedelta(hours=1))
    await takings.note(records, [ONE])
    await takings.note(records, [later])
    assert await takings.of_run(records, "r") == {"e1": ["a-1"]}
    assert await takings.of_person(records, "e1", ["a-1"]) == [later]


async def test_more_than_a_batch_is_noted_whole():
    """A person may lose more than a hundred assignments at once."""
    records = MemoryRecords()
    many = [replace(ONE, assignment=f"a-{number}", at=START + timedelta(seconds=number)) for number in range(230)]
    await takings.note(records, many)
    (found,) = (await takings.of_run(records, "r")).values()
    assert sorted(found) == sorted(one.assignment for one in many)
    assert await takings.of_person(records, "e1", found) == many


@pytest.mark.parametrize("other", ["e", "e11", "e1|", "e1~", "E1"])
async def test_one_person_is_not_another(other):
    """Ids that begin alike are kept apart."""
    records = MemoryRecords()
    await takings.note(records, [ONE])
    await takings.note(records, [replace(ONE, person=other, assignment="a-9")])
    assert await takings.of_run(records, "r", person="e1") == {"e1": ["a-1"]}
    assert await takings.of_run(records, "r", person=other) == {other: ["a-9"]}
    assert await takings.of_person(records, other, ["a-1", "a-9"]) == [replace(ONE, person=other, assignment="a-9")]


async def test_the_longest_ids_there_are_fit_a_key():
    """Ids of 128 characters, each of which takes several in a key."""
    records = MemoryRecords()
    long = replace(ONE, person="\u00e9" * 128, assignment="\u4e2d" * 128, names=("\u00e9" * 300,))
    await takings.note(records, [long])
    assert await takings.of_run(records, "\u00e9" * 300) == {long.person: [long.assignment]}


async def test_the_last_request_counts():
    """Two requests are two records; one that comes twice is one."""
    records = MemoryRecords()
    first = Undoing("r", "entra:a", "one", START)
    last = Undoing("r", "entra:b", "two", START + timedelta(minutes=1))
    for asked in (first, last, first):
        await undos.enter(records, asked, people=1, at=START)
    assert await undos.latest(records, "r") == last
    assert await undos.latest(records, "other") is None
    assert [key for key in records.keys("chain-run:r") if key.startswith("c-")] == ["c-0000000001", "c-0000000002"]


async def test_what_was_taken_from_a_person_is_forgotten_under_every_name():
    """Also under one by which the same assignment was noted before; others' stays."""
    records = MemoryRecords()
    await takings.note(records, [replace(ONE, names=("first",))])
    await takings.note(records, [replace(ONE, names=("second",))])
    await takings.note(records, [replace(ONE, person="e2", names=("second",))])
    await takings.forget(records, "e1")
    assert await takings.of_run(records, "first") == {}
    assert await takings.of_run(records, "second") == {"e2": ["a-1"]}
    assert await takings.of_person(records, "e1", ["a-1"]) == []
