"""The verb: a list is sent whole and then remembered, or refused whole and nothing has happened."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.contract.cloudevents import decode, fact_of
from lifecycle.core.events import Status, Worker
from lifecycle.core.model import AccessModel, Limit
from lifecycle.core.person import employment
from lifecycle.core.snapshot import Entry, Snapshot, Terms
from lifecycle.errors import Lost, Misconfigured, Permanent, Transient, UnsafePlan
from lifecycle.feed import Feed
from lifecycle.ports import Queue
from tests.fakes.bus import MemoryBus
from tests.fakes.clock import MovableClock
from tests.fakes.faults import Crash
from tests.fakes.records import MemoryRecords

TERMS = Terms("/hr/workday", "Europe/Berlin", Limit(2, 0.5))
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def worker(name, status=Status.ACTIVE, job="N1", **others) -> Entry:
    return Entry(Worker(id=name, status=status, job_code=job, **others))


def listing(*entries, terms=TERMS, as_of=None) -> Snapshot:
    return Snapshot(terms, entries, as_of)


class World:
    def __init__(self, **faults) -> None:
        self.clock = MovableClock(NOW)
        self.records = MemoryRecords(**faults)
        self.bus = MemoryBus(self.clock, window=timedelta(days=30))
        self.feed = Feed(self.records, self.bus, self.clock)

    def facts(self):
        return [fact_of(decode(message.body)) for queue, message, _ in self.bus.sent if queue is Queue.HR]

    def state(self):
        return (
            self.facts(),
            {name: self.records.keys(name) for name in self.records.partitions()},
            self.records.writes,
        )


@pytest.fixture
def world():
    return World()


async def test_a_first_list_is_sent_to_hr_and_remembered_in_its_own_partition(world):
    """A joiner an entry, nobody else's records touched, the report counting by kind."""
    report = await world.feed.take(listing(worker("e1"), worker("e2", Status.LEFT)), as_of=NOW - DAY)
    assert report.counts == {"joined": 1, "left": 1}
    assert {queue for queue, _, _ in world.bus.sent} == {Queue.HR}
    assert {(type(fact).__name__, fact.recorded.subject) for fact in world.facts()} == {
        ("Joined", "e1"),
        ("Left", "e2"),
    }
    assert {fact.recorded.time for fact in world.facts()} == {NOW - DAY}
    assert world.records.partitions() == ["feed-~2fhr~2fworkday"]
    assert world.records.keys("feed-~2fhr~2fworkday") == ["head", "w-e1", "w-e2"]


async def test_the_same_list_twice_is_sent_once(world):
    """Its rows in another order make no difference; the report says that it was taken before."""
    await world.feed.take(listing(worker("e1"), worker("e2")), as_of=NOW - DAY)
    before = world.state()
    report = await world.feed.take(listing(worker("e2"), worker("e1")), as_of=NOW - DAY)
    assert report.repeated
    assert "nothing to send" in str(report)
    assert world.state() == before


async def test_what_takes_access_away_is_sent_first(world):
    """A leaver does not wait behind a thousand joiners."""
    await world.feed.take(listing(worker("e1"), worker("e2")), as_of=NOW - 2 * DAY)
    await world.feed.take(listing(worker("e0"), worker("e1", job="N2"), worker("e2", Status.LEFT)), as_of=NOW - DAY)
    assert [type(fact).__name__ for fact in world.facts()[2:]] == ["Left", "Moved", "Joined"]


async def test_a_dry_run_says_what_a_run_would_send_and_does_nothing(world):
    """The report of the run afterwards differs only in that it was one."""
    before = world.state()
    dry = await world.feed.take(listing(worker("e1")), as_of=NOW, dry_run=True)
    assert world.state() == before
    assert "would send 1 joined" in str(dry)
    assert await world.feed.take(listing(worker("e1")), as_of=NOW) == replace(dry, dry_run=False)


async def test_a_report_is_json_and_says_who_changed_how_and_who_is_absent(world):
    """For a person and for a program; ids and field names only."""
    await world.feed.take(listing(worker("e1"), worker("e2")), as_of=NOW - DAY)
    report = await world.feed.take(listing(worker("e1", job="N2")), as_of=NOW)
    told = json.loads(json.dumps(report.as_json()))
    assert told["counts"] == {"moved": 1}
    assert told["absent"] == ["e2"]
    assert told["said"][0]["changed"] == ["job_code"]
    assert str(report.said[0]) == "moved e1 2026-03-20 job_code"
    assert str(report) == (
        f"/hr/workday as of 2026-03-20T12:00:00Z: 1 rows, sent 1 moved; 1 absent: e2 (run {report.run})"
    )


async def test_a_crash_before_the_memory_sends_the_same_events_again(world):
    """Ids come from source, run, worker and what is said, so the second sending is the first."""
    world.records.crash_before = 1
    with pytest.raises(Crash):
        await world.feed.take(listing(worker("e1"), worker("e2")), as_of=NOW)
    first = world.facts()
    again = World()
    await again.feed.take(listing(worker("e1"), worker("e2")), as_of=NOW)
    assert [fact.recorded.id for fact in again.facts()] == [fact.recorded.id for fact in first]
    world.records.crash_before = None
    await world.feed.take(listing(worker("e1"), worker("e2")), as_of=NOW)
    assert world.facts() == first


async def test_a_crash_between_two_writes_of_the_memory_is_finished_by_the_next_run(world):
    """Nobody is counted absent twice, and the head comes last."""
    terms = replace(TERMS, left_after=2, shrink=Limit(100))
    many = [worker(f"e{n}") for n in range(40)]
    await world.feed.take(listing(*many, worker("gone"), terms=terms), as_of=NOW - 2 * DAY)
    second = listing(*(replace(row, worker=replace(row.worker, job_code="N2")) for row in many), terms=terms)
    world.records.crash_after = world.records.writes + 1
    with pytest.raises(Crash):
        await world.feed.take(second, as_of=NOW - DAY)
    sent = world.facts()
    world.records.crash_after = None
    report = await world.feed.take(second, as_of=NOW - DAY)
    assert world.facts() == sent
    assert not report.repeated
    assert "left" not in report.counts
    assert (await world.feed.take(second, as_of=NOW - DAY + timedelta(hours=1), dry_run=True)).counts == {"left": 1}
    assert (await world.feed.take(second, as_of=NOW - DAY)).repeated


async def test_a_bus_that_fails_leaves_the_memory_as_it_was(world):
    """The error goes up, and the next run sends everything."""
    world.bus.fail_next(1, Transient("503"))
    with pytest.raises(Transient):
        await world.feed.take(listing(worker("e1")), as_of=NOW)
    assert world.records.partitions() == []
    assert (await world.feed.take(listing(worker("e1")), as_of=NOW)).counts == {"joined": 1}


async def test_a_memory_that_cannot_be_read_stops_the_run(world):
    """A failed read is no first list."""
    world.records.failures.plan(Transient("timeout"))
    with pytest.raises(Transient):
        await world.feed.take(listing(worker("e1")), as_of=NOW)
    assert world.facts() == []


async def test_two_runs_at_once_do_not_write_over_each_other(world):
    """The one that read before the other wrote loses."""
    await world.feed.take(listing(worker("e1")), as_of=NOW - 2 * DAY)

    class Late(MemoryBus):
        async def send(self, queue, messages, *, at=None):
            await world.feed.take(listing(worker("e1", job="N3")), as_of=NOW)

    slow = Feed(world.records, Late(world.clock), world.clock)
    with pytest.raises(Lost):
        await slow.take(listing(worker("e1", job="N2")), as_of=NOW - DAY)


async def test_sources_are_never_mixed(world):
    """The same worker id of two sources is compared with its own list alone."""
    await world.feed.take(listing(worker("e1")), as_of=NOW - DAY)
    other = listing(worker("e1", job="N2"), terms=replace(TERMS, source="/hr/bamboo"))
    assert (await world.feed.take(other, as_of=NOW - DAY)).counts == {"joined": 1}


async def test_the_given_instant_outranks_the_lists_own(world):
    """Whoever says it knows better; without either there is none, and a file's own time is never used."""
    own = listing(worker("e1"), as_of=NOW - DAY)
    assert (await world.feed.take(own, dry_run=True)).as_of == NOW - DAY
    assert (await world.feed.take(own, as_of=NOW - 2 * DAY, dry_run=True)).as_of == NOW - 2 * DAY
    with pytest.raises(Misconfigured, match="does not say of which instant"):
        await world.feed.take(listing(worker("e1")))
    with pytest.raises(Misconfigured, match="no offset"):
        await world.feed.take(listing(worker("e1")), as_of=datetime(2026, 3, 1))  # noqa: DTZ001 - the naive one is the test


FIVE = [worker(f"e{n}") for n in range(5)]


@pytest.mark.parametrize(
    ("snapshot", "as_of", "error", "said"),
    [
        (listing(*FIVE), NOW + timedelta(minutes=5, seconds=1), Permanent, "lies in the future"),
        (listing(*FIVE), NOW - 3 * DAY, Permanent, "older than the last one taken"),
        (listing(*FIVE[:4]), NOW - 2 * DAY, Permanent, "taken already and said something else"),
        (listing(*FIVE[:2]), NOW, UnsafePlan, "3 of 5 workers are missing .* 2 may be.* Missing: e2, e3, e4"),
        (listing(*FIVE, worker("e9", department="x" * 60_000)), NOW, Permanent, "worker e9 .*larger than 48 KiB"),
        (listing(*FIVE, worker("e9" * 99)), NOW, Permanent, "worker (e9)+ .*longer than 128 characters"),
    ],
)
async def test_a_refused_list_changes_neither_memory_nor_queue(world, snapshot, as_of, error, said):
    """Future, older, contradicting, shrunk, or more than an event can carry: nothing of it is used, dry or not."""
    await world.feed.take(listing(*FIVE), as_of=NOW - 2 * DAY)
    before = world.state()
    for dry_run in (True, False):
        with pytest.raises(error, match=said):
            await world.feed.take(snapshot, as_of=as_of, dry_run=dry_run)
        assert world.state() == before


@pytest.mark.parametrize(("limit", "allowed"), [(Limit(2, 1.0), 2), (Limit(9, 0.2), 1), (Limit(9, 0.6), 3)])
async def test_how_much_a_list_may_shrink_is_a_count_or_a_share(limit, allowed):
    """Whichever is reached first; as many as allowed pass, one more refuses."""
    terms = replace(TERMS, shrink=limit)
    for missing, passes in ((allowed, True), (allowed + 1, False)):
        world = World()
        await world.feed.take(listing(*FIVE, terms=terms), as_of=NOW - DAY)
        taking = world.feed.take(listing(*FIVE[missing:], terms=terms), as_of=NOW)
        if passes:
            assert len((await taking).absent) == allowed
        else:
            with pytest.raises(UnsafePlan):
                await taking


async def test_who_was_missing_before_does_not_count_as_shrinking_again(world):
    """The limit is on one list against the one before; leavers do not count either."""
    await world.feed.take(listing(*FIVE), as_of=NOW - 3 * DAY)
    await world.feed.take(listing(*FIVE[2:]), as_of=NOW - 2 * DAY)
    report = await world.feed.take(listing(FIVE[3], worker("e4", Status.LEFT)), as_of=NOW - DAY)
    assert report.absent == ("e0", "e1", "e2")


MODEL = AccessModel(hash="m", time_zone="Europe/Berlin")
ROWS = st.dictionaries(
    st.sampled_from(["e1", "e2", "e3"]), st.tuples(st.sampled_from(Status), st.sampled_from("ab")), min_size=1
)


@given(st.lists(st.tuples(ROWS, st.booleans()), min_size=1, max_size=6))
async def test_what_arrives_folds_to_the_last_list(history):
    """Through bytes and memory, with every second run cut short somewhere: the last list is what HR said."""
    world = World()
    terms = replace(TERMS, shrink=Limit(100))
    for number, (rows, cut) in enumerate(history):
        entries = [worker(name, status, job) for name, (status, job) in rows.items()]
        at = NOW + (number - 20) * DAY
        if cut:
            world.records.crash_before = world.records.writes + 1
            with pytest.raises(Crash):
                await world.feed.take(listing(*entries, terms=terms), as_of=at)
            world.records.crash_before = None
        await world.feed.take(listing(*entries, terms=terms), as_of=at)
    for name, (status, job) in rows.items():
        folded = employment(name, [fact for fact in world.facts() if fact.recorded.subject == name], MODEL)
        employed = any(span.holds(NOW) for span in folded.spans)
        assert employed == (status is not Status.LEFT)
        if employed:
            assert folded.as_of(NOW) == worker(name, status, job).worker
