"""The index of requests under way, the durations beside it, renewals that wait, and the overview's own rows."""

from dataclasses import replace
from datetime import date, timedelta

from lifecycle.core.evidence import Tag
from lifecycle.core.overview import Day, Overview, PackageCount
from lifecycle.core.waiting import RenewalDue
from lifecycle.errors import Lost
from lifecycle.records import overview, renewals, underway
from lifecycle.records.dossier import Flight, Holding, Stage, drop_flight, open_dossier, put_flight, put_holding
from tests.builders import START
from tests.fakes.records import MemoryRecords

MINUTE = timedelta(minutes=1)


def a_flight(package="base", **changes):
    defaults = {"kind": "adminAdd", "token": f"t-{package}", "stage": Stage.SUBMITTED, "at": START, "look_at": START}
    return Flight(**{"package": package, "cause": "event:1", **defaults, **changes})


async def started(records, person="e1", **changes):
    """A look that posts a request."""
    dossier = await open_dossier(records, person)
    await dossier.append(START, Tag.INTENDED, "event:1", {}, put_flight(dossier, a_flight(**changes)))
    await underway.note(dossier, START)


async def ended(records, now, person="e1", *, delivered=True, kind="adminAdd"):
    """A look that finds it ended."""
    dossier = await open_dossier(records, person)
    changes = [drop_flight(dossier, "base")]
    if delivered:
        row = Holding(package="base", assignment="a", ends=None, at=now, taken=kind == "adminRemove")
        changes.append(put_holding(dossier, row))
    await dossier.append(now, Tag.ENDED, "event:1", {}, *changes)
    await underway.note(dossier, now)


async def going(records):
    return (await underway.everywhere(records, START))[0]


async def months(records):
    return (await underway.everywhere(records, START))[1]


async def test_a_request_is_listed_while_it_is_under_way():
    """From its intent to its end, with whose and what it is."""
    records = MemoryRecords()
    await started(records)
    (one,) = await going(records)
    assert (one.person, one.package, one.kind, one.since, one.failing) == ("e1", "base", "adminAdd", START, False)

    await ended(records, START + MINUTE)
    assert await going(records) == []


async def test_a_failed_request_is_listed_as_failing():
    """It stays listed until it is asked anew or not wanted any more."""
    records = MemoryRecords()
    await started(records, stage=Stage.FAILED)
    assert [one.failing for one in await going(records)] == [True]


async def test_a_delivery_counts_in_its_month_by_how_long_it_took():
    """One request, one count, in the bucket of its duration."""
    records = MemoryRecords()
    for person, took in (("e1", 20), ("e2", 90), ("e3", 100_000)):
        await started(records, person)
        await ended(records, START + timedelta(seconds=took), person)
    (month,) = await months(records)
    assert month.month == "2026-01"
    assert (month.counts[0], month.counts[2], month.counts[-1], month.total) == (1, 1, 1, 3)


async def test_a_removal_counts_and_what_was_not_delivered_does_not():
    """Taking is delivered too; a request that is gone or refused has no duration."""
    records = MemoryRecords()
    await started(records, "e1", kind="adminRemove")
    await ended(records, START + MINUTE, "e1", kind="adminRemove")
    await started(records, "e2")
    await ended(records, START + MINUTE, "e2", delivered=False)
    assert [month.total for month in await months(records)] == [1]


async def test_the_row_and_the_count_are_one_write():
    """A crash cannot leave a delivery counted and still listed, to be counted again."""
    records = MemoryRecords()
    await started(records)
    await ended(records, START + MINUTE)
    last = records.log[-1]
    assert {change.key for change in last.changes} == {"p-e1", "m-202601"}
    await ended(records, START + MINUTE)
    assert [month.total for month in await months(records)] == [1]


async def test_a_look_that_changes_nothing_writes_nothing():
    """Polls are many; only a change, or a request that is open for long, is worth a row."""
    records = MemoryRecords()
    await started(records)
    before = records.writes
    await underway.note(await open_dossier(records, "e1"), START + 5 * MINUTE)
    assert records.writes == before
    await underway.note(await open_dossier(records, "e1"), START + 45 * MINUTE)
    assert records.writes == before + 1


async def test_a_count_that_meets_others_is_given_up_and_the_row_is_not():
    """The figure may miss one; the list may not."""
    records = MemoryRecords()
    await started(records)
    dossier = await open_dossier(records, "e1")
    row = Holding(package="base", assignment="a", ends=None, at=START, taken=False)
    await dossier.append(START, Tag.ENDED, "event:1", {}, drop_flight(dossier, "base"), put_holding(dossier, row))
    records.failures.plan(*[error for _ in range(5) for error in (None, Lost("moved"))])
    await underway.note(dossier, START)
    assert await going(records) == []
    assert await months(records) == []


async def test_a_row_that_was_left_behind_is_dropped():
    """A crash, or a merge, leaves a row whose dossier has no request: it is found out, those that have one stay."""
    records = MemoryRecords()
    await started(records, "e1")
    await started(records, "e2")
    dossier = await open_dossier(records, "e1")
    await dossier.append(START, Tag.ENDED, "event:1", {}, drop_flight(dossier, "base"))

    found = await going(records)
    assert await underway.left_behind(records, found, START) == set()
    assert await underway.left_behind(records, found, START + MINUTE) == {"e1"}
    assert [one.person for one in await going(records)] == ["e2"]


async def test_renewals_wait_until_they_are_decided_or_their_end_has_passed():
    """The nearest end first; what has passed goes by itself."""
    records = MemoryRecords()
    ends = [RenewalDue(f"e{days}", "base", START + timedelta(days=days)) for days in (9, 1, 3)]
    for one in ends:
        await renewals.wait(records, one)
    await renewals.decided(records, ends[0])
    assert [one.person for one in await renewals.waiting(records, START, limit=9)] == ["e1", "e3"]
    assert [one.person for one in await renewals.waiting(records, START, limit=1)] == ["e1"]
    assert [one.person for one in await renewals.waiting(records, START + timedelta(days=2), limit=9)] == ["e3"]
    assert records.keys("renewals") == [key for key in records.keys("renewals") if "e3" in key]


async def test_an_overview_comes_back_as_it_was_kept():
    """However many packages: in as few rows as they need, and none of an earlier one stays."""
    records = MemoryRecords()
    packages = tuple(PackageCount(f"p{number:04d}", number, 1, 2, 0, START) for number in range(600))
    await overview.keep(records, Overview(at=START, assignments=5, packages=packages))
    found = await overview.last(records)
    assert found is not None
    assert found.packages == packages
    assert len(records.keys("overview")) == 5

    await overview.keep(records, Overview(at=START, packages=packages[:1]))
    found = await overview.last(records)
    assert found is not None
    assert (len(found.packages), len(records.keys("overview"))) == (1, 3)
    assert await overview.last(MemoryRecords()) is None


async def test_a_day_is_counted_once_and_a_year_is_kept():
    """The last count of a day stands; what is older than the page shows goes."""
    records = MemoryRecords()
    one = Overview(at=START, assignments=1, people=1)
    for days in (0, 0, 1, 500):
        await overview.keep(records, replace(one, at=START + timedelta(days=days), assignments=days))
        if days == 1:
            assert await overview.days_of(records) == [Day(date(2026, 1, 5), 0, 1), Day(date(2026, 1, 6), 1, 1)]
    assert [day.assignments for day in await overview.days_of(records)] == [500]
