"""The index of who holds what: what a look says of a person, and nothing that it said before."""

from datetime import timedelta

from lifecycle.records.dossier import open_dossier
from lifecycle.records.holders import Holder, Mark, note, parse, raw, seconds, wanted
from tests.builders import START, utc
from tests.fakes.faults import Crash
from tests.fakes.records import MemoryRecords

USER = "8c1f0b0e-6a57-4a8e-9c8e-0d6f2f4f1a11"


def holder(assignment="a-1", mark=Mark.JUSTIFIED, ends=None, person="e1"):
    return Holder(USER, assignment, mark, ends, person)


async def index(records, package="care"):
    return [parse(row) async for chunk in raw(records, package) for row in chunk]


async def test_a_row_is_read_back_as_it_was_noted():
    """Ids with hyphens, an end to the second, and a person whose id holds the separator."""
    records = MemoryRecords()
    one = holder(ends=utc(2026, 3, 1, 12), person="e|1")
    await note(await open_dossier(records, "e|1"), USER.upper(), {"care": [one]})
    assert await index(records) == [one]


async def test_what_is_no_longer_said_is_gone():
    """A row that went, one that changed its mark, and a package that is new."""
    records = MemoryRecords()
    dossier = await open_dossier(records, "e1")
    await note(dossier, USER, {"care": [holder("a-1"), holder("a-2")], "base": [holder("a-3")]})
    await note(dossier, USER, {"care": [holder("a-2", Mark.UNEXPLAINED)], "crm": [holder("a-4")]})
    assert await index(records) == [holder("a-2", Mark.UNEXPLAINED)]
    assert await index(records, "base") == []
    assert await index(records, "crm") == [holder("a-4")]


async def test_what_has_not_changed_is_not_written():
    """A look that finds nothing new costs no row."""
    records = MemoryRecords()
    await note(await open_dossier(records, "e1"), USER, {"care": [holder()]})
    before = records.writes
    await note(await open_dossier(records, "e1"), USER, {"care": [holder()]})
    assert records.writes == before


async def test_a_death_between_the_index_and_the_dossier_is_put_right_by_the_next_look():
    """The index first: the difference is still seen."""
    rows = {"care": [holder("a-2")], "crm": [holder("a-4")]}
    for number in (1, 2, 3):
        records = MemoryRecords()
        await note(await open_dossier(records, "e1"), USER, {"care": [holder("a-1")]})
        records.crash_after = records.writes + number
        try:
            await note(await open_dossier(records, "e1"), USER, rows)
        except Crash:
            records.crash_after = None
        await note(await open_dossier(records, "e1"), USER, rows)
        assert (await index(records), await index(records, "crm")) == ([holder("a-2")], [holder("a-4")])


async def test_two_people_are_told_apart():
    """Each takes away only what was said of themselves."""
    records = MemoryRecords()
    await note(await open_dossier(records, "e1"), USER, {"care": [holder("a-1")]})
    await note(
        await open_dossier(records, "e2"), "user-2", {"care": [Holder("user-2", "a-2", Mark.MISSING, None, "e2")]}
    )
    await note(await open_dossier(records, "e1"), USER, {})
    assert [one.person for one in await index(records)] == ["e2"]


async def test_what_is_wanted_is_what_is_justified_or_missing():
    """Also a package of which there is no row; not one that is only there."""
    dossier = await open_dossier(MemoryRecords(), "e1")
    rows = {"care": [holder()], "crm": [holder("", Mark.MISSING)], "tools": [holder("a-9", Mark.UNEXPLAINED)]}
    await note(dossier, USER, rows)
    assert wanted(dossier) == {"care", "crm"}


async def test_an_index_longer_than_a_chunk_is_read_whole():
    """And no row twice."""
    records = MemoryRecords()
    for person in range(23):
        rows = [holder(f"a-{person}-{number}", person=f"e{person}") for number in range(100)]
        await note(await open_dossier(records, f"e{person}"), USER, {"care": rows})
    found = [one.assignment for one in await index(records)]
    assert (len(found), len(set(found))) == (2300, 2300)


def test_an_end_is_compared_in_whole_seconds():
    """None is no instant, and fractions do not count."""
    assert seconds(None) == 0
    assert seconds(START + timedelta(microseconds=999_999)) == seconds(START)
