"""A list that is not whole: it says nothing of whom it does not name, and no older one takes back what it told."""

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.core.events import Left, Rescinded, Status
from lifecycle.core.person import employment
from lifecycle.core.snapshot import Snapshot, compare
from lifecycle.errors import Permanent
from tests.fakes.faults import Crash
from tests.feed.test_feed import DAY, MODEL, NOW, TERMS, World, listing, worker

HOUR = timedelta(hours=1)


def some(*entries) -> Snapshot:
    return Snapshot(TERMS, entries, whole=False)


@pytest.fixture
def world():
    return World()


async def test_nobody_is_missing_from_it(world):
    """Ten people, one of them told of: nine are not absent, and the shrink limit has nothing to say."""
    await world.feed.take(listing(*(worker(f"e{number}") for number in range(10))), as_of=NOW - DAY)
    report = await world.feed.take(some(worker("e1", job="N2")), as_of=NOW)
    assert (report.counts, report.absent) == ({"moved": 1}, ())
    report = await world.feed.take(listing(*(worker(f"e{number}") for number in range(1, 10))), as_of=NOW + HOUR / 60)
    assert report.absent == ("e0",)


def test_whoever_compares_it_with_everybody_finds_nobody_missing():
    """Also when more was read of the memory than the list names."""
    told = compare({}, listing(worker("e1"), worker("e2")), at=NOW - DAY, run="r1").told
    new = compare(told, some(worker("e1")), at=NOW, run="r2")
    assert (new.absent, new.newly_absent, list(new.told), new.told["e1"].at) == ((), (), ["e1"], NOW)


async def test_it_is_not_the_last_list(world):
    """The first whole list after it is a first load, in bulk; the one of it is named."""
    await world.feed.take(some(worker("e1")), as_of=NOW - DAY)
    await world.feed.take(listing(worker("e1"), worker("e2")), as_of=NOW)
    assert [str(fact.recorded.origin)[:4] for fact in world.facts()] == ["name", "bulk"]


async def test_the_same_news_again_sends_nothing(world):
    """Read again an hour later, it says what is known."""
    await world.feed.take(some(worker("e1")), as_of=NOW - DAY)
    report = await world.feed.take(some(worker("e1")), as_of=NOW)
    assert report.said == ()
    assert len(world.facts()) == 1


async def test_one_that_is_older_than_the_last_list_is_refused(world):
    """The list has said what is so since."""
    await world.feed.take(listing(worker("e1")), as_of=NOW)
    with pytest.raises(Permanent, match="older than the last one taken"):
        await world.feed.take(some(worker("e1", Status.LEFT)), as_of=NOW - HOUR)


async def test_an_older_whole_list_does_not_bring_a_leaver_back(world):
    """Made before the leaving was told, taken after it: neither a rescission nor an absence."""
    await world.feed.take(listing(worker("e1"), worker("e2")), as_of=NOW - DAY)
    await world.feed.take(some(worker("e1", Status.LEFT)), as_of=NOW - HOUR)
    report = await world.feed.take(listing(worker("e1"), worker("e2")), as_of=NOW - 2 * HOUR)
    assert report.said == ()
    report = await world.feed.take(listing(worker("e1"), worker("e2")), as_of=NOW)
    assert {type(fact) for fact in world.facts()} >= {Left, Rescinded}, "the list that is newer does"


@pytest.mark.parametrize("writes", [1, 2])
async def test_a_crash_on_the_way_sends_the_same_events_again(world, writes):
    """Before the claim or before it is remembered: the ids are those of the first time, an hour later too."""
    await world.feed.take(some(worker("e1")), as_of=NOW - DAY)
    world.records.crash_before = world.records.writes + writes
    with pytest.raises(Crash):
        await world.feed.take(some(worker("e1", job="N2")), as_of=NOW - HOUR)
    sent = world.facts()[1:]
    world.records.crash_before = None
    await world.feed.take(some(worker("e1", job="N2")), as_of=NOW)
    assert len(sent) == writes - 1
    assert {fact.recorded.id for fact in sent} <= {fact.recorded.id for fact in world.facts()[1:]}
    assert len({fact.recorded.id for fact in world.facts()}) == 2


async def test_a_dry_run_of_it_writes_nothing(world):
    """Not even the claim."""
    await world.feed.take(some(worker("e1")), as_of=NOW - DAY)
    before = world.state()
    report = await world.feed.take(some(worker("e1", job="N2")), as_of=NOW, dry_run=True)
    assert report.counts == {"moved": 1}
    assert world.state() == before


LOOKS = st.lists(st.tuples(st.booleans(), st.sampled_from(["N1", "N2", None]), st.booleans()), min_size=1, max_size=6)


@given(LOOKS, st.randoms(use_true_random=False))
async def test_whatever_the_order_the_newest_look_holds(looks, order):
    """Whole lists and looks at one, of a day apart, taken in any order, cut short or not: the facts say the newest."""
    world = World()
    planned = [(NOW - (len(looks) - number) * DAY, *look) for number, look in enumerate(looks)]
    order.shuffle(planned)
    for at, whole, job, cut in planned:
        entry = worker("e1", Status.LEFT if job is None else Status.ACTIVE, job or "N1")
        snapshot = listing(entry) if whole else some(entry)
        if cut:
            world.records.crash_before = world.records.writes + 1
            with contextlib.suppress(Crash, Permanent):
                await world.feed.take(snapshot, as_of=at)
            world.records.crash_before = None
        with contextlib.suppress(Permanent):
            await world.feed.take(snapshot, as_of=at)
    newest = looks[-1][1]
    folded = employment("e1", world.facts(), MODEL)
    employed = any(span.holds(NOW + 2 * DAY) for span in folded.spans)
    assert employed == (newest is not None)
    if employed:
        assert folded.as_of(NOW + 2 * DAY).job_code == newest
