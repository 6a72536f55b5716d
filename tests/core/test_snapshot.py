"""Two lists compared: the facts between them, folded, are what the second list says."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.core.events import Joined, Left, Moved, Rescinded, Status, Worker, WorkerFact
from lifecycle.core.model import AccessModel, Limit
from lifecycle.core.person import Employment, employment
from lifecycle.core.snapshot import Difference, Entry, Snapshot, Terms, Told, compare

ZONE = "Europe/Berlin"
MODEL = AccessModel(hash="m", time_zone=ZONE)
TERMS = Terms("/hr", ZONE, Limit(1000))
MONDAY = datetime(2026, 3, 2, 4, tzinfo=UTC)
FAR = datetime(2040, 1, 1, tzinfo=UTC)


def day(number: int, month: int = 3) -> date:
    return date(2026, month, number)


def entry(status=Status.ACTIVE, *, job="N1", first=None, last=None, worker="e1", **others) -> Entry:
    return Entry(Worker(id=worker, status=status, job_code=job, **others), first, last)


class Source:
    """A source that is told about list by list, remembering as the verb does."""

    def __init__(self, terms: Terms = TERMS) -> None:
        self.terms = terms
        self.told: dict[str, Told] = {}
        self.facts: list[WorkerFact] = []
        self.taken = 0

    def take(self, *entries: Entry, at: datetime) -> Difference:
        new = compare(self.told, Snapshot(self.terms, entries), at=at, run=f"r{self.taken}", first=not self.taken)
        self.taken += 1
        self.told |= new.told
        self.facts += new.facts
        return new

    def employment(self, worker: str = "e1") -> Employment:
        return employment(worker, [fact for fact in self.facts if fact.recorded.subject == worker], MODEL)

    def employed(self, at: datetime, worker: str = "e1") -> bool:
        return any(span.holds(at) for span in self.employment(worker).spans)


def kinds(new: Difference) -> list[str]:
    return [type(fact).__name__ for fact in new.facts]


def days(new: Difference) -> list[date]:
    return [fact.effective for fact in new.facts if not isinstance(fact, Rescinded)]


def at(number: int, month: int = 3, hour: int = 4) -> datetime:
    return datetime(2026, month, number, hour, tzinfo=UTC)


def test_a_new_worker_joins_on_the_lists_day_in_the_lists_zone():
    """23:30 UTC is the next day in Berlin, and that is the first day when the list has none."""
    new = Source().take(entry(), at=at(2, hour=23) + timedelta(minutes=30))
    assert kinds(new) == ["Joined"]
    assert days(new) == [day(3)]


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.LEAVE, Status.PREBOARDING])
def test_a_mapped_first_day_is_when_they_join(status):
    """The first day outranks the list's day, whatever the status short of left."""
    new = Source().take(entry(status, first=day(1, 4)), at=MONDAY)
    assert kinds(new) == ["Joined"]
    assert days(new) == [day(1, 4)]


def test_the_first_list_of_a_source_is_bulk():
    """Joiners of a first list carry its run, later ones are named."""
    source = Source()
    first = source.take(entry(), at=at(2))
    second = source.take(entry(), entry(worker="e2"), at=at(3))
    assert [str(fact.recorded.origin) for fact in (*first.facts, *second.facts)] == ["bulk:r0", "named"]


def test_a_worker_first_seen_as_left_is_a_leaver():
    """Whatever access they have left over must go, so the very first list says `left` too, named."""
    new = Source().take(entry(Status.LEFT, last=day(27, 2)), at=MONDAY)
    assert kinds(new) == ["Left"]
    assert days(new) == [day(27, 2)]
    assert str(new.facts[0].recorded.origin) == "named"


def test_the_same_list_again_says_nothing():
    """Nothing changed: no fact, and nothing new to remember."""
    source = Source()
    source.take(entry(), entry(Status.LEFT, worker="e2"), at=at(2))
    new = source.take(entry(), entry(Status.LEFT, worker="e2"), at=at(3))
    assert (new.facts, new.told, new.absent) == ((), {}, ())


def test_a_change_is_a_mover_of_the_lists_day():
    """One changed field makes one mover with the whole snapshot, and the field is named."""
    source = Source()
    source.take(entry(attributes={"a": 1, "b": 2}), at=at(2))
    new = source.take(entry(job="N2", attributes={"a": 1, "c": 3}), at=at(9))
    assert kinds(new) == ["Moved"]
    assert days(new) == [day(9)]
    assert new.facts[0].worker == entry(job="N2", attributes={"a": 1, "c": 3}).worker
    assert new.changed == {"e1": ("job_code", "attributes.b", "attributes.c")}


def test_a_change_before_the_first_day_still_holds_on_it():
    """The snapshot announced for 1 April must not win over the change that was made in March."""
    source = Source()
    source.take(entry(Status.PREBOARDING, first=day(1, 4)), at=at(2))
    new = source.take(entry(Status.PREBOARDING, job="N2", first=day(1, 4)), at=at(10))
    assert days(new) == [day(1, 4)]
    assert source.employment().as_of(at(2, 4)).job_code == "N2"


def test_a_first_day_that_was_brought_forward_leaves_no_stale_snapshot():
    """1 April becomes 15 March, then the job changes on the 20th: after 1 April the change still holds."""
    source = Source()
    source.take(entry(first=day(1, 4)), at=at(2))
    assert kinds(source.take(entry(first=day(15)), at=at(9))) == ["Joined"]
    assert source.employed(at(16))
    source.take(entry(first=day(15), job="N2"), at=at(20))
    assert source.employment().as_of(at(21)).job_code == "N2"
    assert source.employment().as_of(at(2, 4)).job_code == "N2"


def test_a_first_day_that_is_put_off_is_put_off():
    """1 April becomes 1 May: not employed in April."""
    source = Source()
    source.take(entry(first=day(1, 4)), at=at(2))
    source.take(entry(first=day(1, 5)), at=at(9))
    assert not source.employed(at(15, 4))
    assert source.employed(at(15, 5))


def test_a_status_that_became_left_is_a_leaver_named():
    """The last day counts when it is mapped, else the list's day; a first `left` says it once."""
    source = Source()
    source.take(entry(), entry(worker="e2"), at=at(2))
    new = source.take(entry(Status.LEFT), entry(Status.LEFT, worker="e2", last=day(31)), at=at(9))
    assert kinds(new) == ["Left", "Left"]
    assert days(new) == [day(9), day(31)]
    assert all(fact.recorded.origin.is_named for fact in new.facts)


def test_a_corrected_last_day_is_said():
    """31 March becomes 30 April: employed on 5 April."""
    source = Source()
    source.take(entry(), at=at(2))
    source.take(entry(Status.LEFT, last=day(31)), at=at(9))
    assert kinds(source.take(entry(Status.LEFT, last=day(30, 4)), at=at(10))) == ["Left"]
    assert source.employed(at(5, 4))
    assert not source.employed(at(1, 5))


def test_whoever_is_back_after_the_last_day_joins_anew():
    """A new employment on the list's day; an original hire date in the first-day column does not hide it."""
    source = Source()
    source.take(entry(first=date(2019, 1, 1)), at=at(2))
    source.take(entry(Status.LEFT, first=date(2019, 1, 1), last=day(9)), at=at(10))
    new = source.take(entry(first=date(2019, 1, 1)), at=at(20))
    assert kinds(new) == ["Joined"]
    assert days(new) == [day(20)]
    assert not source.employed(at(15))
    assert source.employed(at(21))


def test_whoever_is_back_before_the_last_day_never_left():
    """A leaving that was taken back is rescinded: a `joined` before the end would leave the end standing."""
    source = Source()
    source.take(entry(), at=at(2))
    left = source.take(entry(Status.LEFT, last=day(31)), at=at(9)).facts[0]
    new = source.take(entry(), at=at(12))
    assert kinds(new) == ["Rescinded", "Moved"]
    assert new.facts[0].rescinds == left.recorded.id
    assert source.employed(FAR)


def test_every_leaving_of_a_worker_who_stays_is_rescinded():
    """After a corrected last day there are two leavings; one left standing would still end the employment."""
    source = Source()
    source.take(entry(), at=at(2))
    source.take(entry(Status.LEFT, last=day(30)), at=at(9))
    source.take(entry(Status.LEFT, last=day(31)), at=at(10))
    assert kinds(source.take(entry(), at=at(12))) == ["Rescinded", "Rescinded", "Moved"]
    assert source.employed(FAR)


def test_a_worker_first_seen_as_leaving_who_stays_joins():
    """There is no employment to fall back to, so rescinding the leaving alone would leave them out."""
    source = Source()
    source.take(entry(Status.LEFT, last=day(31)), at=at(9))
    assert kinds(source.take(entry(), at=at(12))) == ["Rescinded", "Joined"]
    assert source.employed(FAR)


def test_a_return_in_a_zone_further_east_is_no_return_into_the_past():
    """Back the day after in a zone where that day begins before the last one is over elsewhere: employed."""
    source = Source()
    source.take(entry(time_zone="America/Los_Angeles"), at=at(2))
    source.take(entry(Status.LEFT, time_zone="America/Los_Angeles"), at=at(9))
    source.take(entry(time_zone="Pacific/Auckland"), at=at(10))
    assert source.employed(FAR)


def test_a_last_day_of_an_earlier_employment_ends_this_one_now():
    """After a return the column may still hold the old last day; they leave on the list's day, and only once."""
    source = Source()
    source.take(entry(), at=at(2))
    source.take(entry(Status.LEFT, last=day(9)), at=at(10))
    source.take(entry(last=day(9)), at=at(20))
    new = source.take(entry(Status.LEFT, last=day(9)), at=at(25))
    assert days(new) == [day(25)]
    assert not source.employed(at(27))
    assert source.take(entry(Status.LEFT, last=day(9)), at=at(28)).facts == ()


@pytest.mark.parametrize("back", [False, True])
def test_whoever_leaves_before_the_first_day_never_comes(back):
    """A joiner of next month who is gone again, a first one or one who was here before: not employed then."""
    source = Source()
    if back:
        source.take(entry(first=day(1, 1)), at=at(5, 1))
        source.take(entry(Status.LEFT, last=day(10, 1)), at=at(12, 1))
    source.take(entry(Status.PREBOARDING, first=day(1, 4)), at=at(2))
    source.take(entry(Status.PREBOARDING, first=day(15, 4)), at=at(3))
    source.take(entry(Status.LEFT, first=day(15, 4)), at=at(9))
    assert not source.employed(at(20, 4))
    assert source.employment().spans[-1].left is not None


def test_absence_alone_is_only_reported():
    """Without `leftAfter` a missing worker is named in every report and stays employed."""
    source = Source()
    source.take(entry(), entry(worker="e2"), at=at(2))
    for number in (3, 4, 5):
        new = source.take(entry(worker="e2"), at=at(number))
        assert (new.facts, new.absent) == ((), ("e1",))
        assert new.newly_absent == (("e1",) if number == 3 else ())


def test_absence_from_as_many_lists_in_a_row_as_agreed_is_a_leaving_that_says_so():
    """Twice in a row, with a reappearance that begins the count anew."""
    source = Source(replace(TERMS, left_after=2))
    both, one = (entry(), entry(worker="e2")), (entry(worker="e2"),)
    told = [kinds(source.take(*entries, at=at(2 + n))) for n, entries in enumerate([both, one, both, one, one, one])]
    assert told == [["Joined", "Joined"], [], [], [], ["Left"], []]
    left = source.facts[-1]
    assert (left.effective, str(left.recorded.origin)) == (day(6), "derived-from-absence")
    assert source.take(*both, at=at(20)).facts[0].effective == day(20)
    assert source.employed(FAR)


def test_a_leaving_that_was_derived_is_named_once_the_list_says_it():
    """The same last day again, now as a statement about this very worker; and only once."""
    source = Source(replace(TERMS, left_after=1))
    source.take(entry(), entry(worker="e2"), at=at(2))
    source.take(entry(worker="e2"), at=at(3))
    new = source.take(entry(Status.LEFT), entry(worker="e2"), at=at(4))
    assert [(type(fact), fact.effective, str(fact.recorded.origin)) for fact in new.facts] == [(Left, day(3), "named")]
    assert source.take(entry(Status.LEFT), entry(worker="e2"), at=at(5)).facts == ()


def test_a_leaver_who_is_no_longer_listed_is_not_absent():
    """Many lists drop leavers after a while; that says nothing new."""
    source = Source(replace(TERMS, left_after=1))
    source.take(entry(Status.LEFT), entry(worker="e2"), at=at(2))
    new = source.take(entry(worker="e2"), at=at(3))
    assert (new.facts, new.absent) == ((), ())


def test_a_run_that_was_cut_short_is_finished_and_counts_an_absence_once():
    """What a run remembered before it died is left as it is when the same run goes on."""
    source = Source(replace(TERMS, left_after=2))
    source.take(entry(), entry(worker="e2"), at=at(2))
    list_two = Snapshot(source.terms, (entry(worker="e2", job="N2"),))
    half = compare(source.told, list_two, at=at(3), run="r1")
    again = compare(source.told | half.told, list_two, at=at(3), run="r1")
    assert half.told["e1"].missed == 1
    assert (again.facts, again.told) == ((), {})


def test_ids_come_from_source_run_worker_and_what_is_said():
    """The same comparison gives the same ids; another source or run gives others."""
    first, second = (compare({}, Snapshot(TERMS, (entry(),)), at=MONDAY, run="r") for _ in range(2))
    other_run = compare({}, Snapshot(TERMS, (entry(),)), at=MONDAY, run="s")
    other_source = compare({}, Snapshot(replace(TERMS, source="/x"), (entry(),)), at=MONDAY, run="r")
    ids = [new.facts[0].recorded.id for new in (first, second, other_run, other_source)]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


DAYS = st.none() | st.integers(-60, 120).map(lambda number: MONDAY.date() + timedelta(days=number))
ENTRIES = st.builds(
    entry, st.sampled_from(Status), job=st.sampled_from(["N1", "N2"]), first=DAYS, last=DAYS,
    time_zone=st.sampled_from([None, "Pacific/Auckland", "America/Los_Angeles"]),
)  # fmt: skip
HISTORIES = st.lists(
    st.tuples(st.integers(1, 40) | st.just(0.1), st.dictionaries(st.sampled_from(["e1", "e2"]), ENTRIES)),
    min_size=1,
    max_size=8,
)


@given(HISTORIES)
def test_the_facts_of_all_lists_fold_to_the_last_one(history: Sequence[tuple[float, dict[str, Entry]]]):
    """Long after, whoever the last list had as employed is, with its attributes, and whoever left is not."""
    source, when = Source(), MONDAY
    for gap, rows in history:
        when += timedelta(days=gap)
        entries = {name: replace(row, worker=replace(row.worker, id=name)) for name, row in rows.items()}
        source.take(*entries.values(), at=when)
    for name, row in entries.items():
        assert source.employed(FAR, name) == (row.worker.status is not Status.LEFT)
        if row.worker.status is not Status.LEFT:
            assert source.employment(name).as_of(FAR) == row.worker
            assert source.told[name].started > when.date() or source.employed(when + timedelta(days=2), name)
    new = source.take(*entries.values(), at=when + timedelta(days=1))
    assert new.facts == ()
    identities = [fact.recorded.id for fact in source.facts]
    assert len(identities) == len(set(identities))


@given(HISTORIES)
def test_every_fact_is_of_its_kind(history: Sequence[tuple[float, dict[str, Entry]]]):
    """Joiners and movers never say left, and a leaving is said only of somebody the list or the count has as gone."""
    source, when = Source(), MONDAY
    for gap, rows in history:
        when += timedelta(days=gap)
        entries = [replace(row, worker=replace(row.worker, id=name)) for name, row in rows.items()]
        gone = {row.worker.id for row in entries if row.worker.status is Status.LEFT}
        for fact in source.take(*entries, at=when).facts:
            assert fact.recorded.time == when
            if isinstance(fact, Joined | Moved):
                assert fact.worker.status is not Status.LEFT
                assert fact.recorded.subject not in gone
            if isinstance(fact, Left):
                assert fact.recorded.subject in gone
