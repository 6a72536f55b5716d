"""Employment and attributes: HR's golden cases verbatim, and every history against an independent oracle."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.core.events import Joined, Left, Rescinded, Worker
from lifecycle.core.person import Person, person
from tests.builders import a_model, a_worker, joined, left, moved, rescinded, utc
from tests.core.histories import histories, recorded
from tests.core.oracle import Book, hours

ZONE = "Europe/Berlin"
MODEL = a_model()
SAMPLES = hours(datetime(2026, 3, 20, tzinfo=UTC), datetime(2026, 4, 9, tzinfo=UTC))[::13]


def day(number: int, month: int) -> date:
    return date(2026, month, number)


def who(*facts) -> Person:
    return person("e1", facts, MODEL)


def title(one: Person, at: datetime) -> str | None:
    worker = one.employments[0].as_of(at)
    return worker and worker.job_title


def titled(name: str, **others) -> Worker:
    return a_worker(job_title=name, **others)


HIRED = joined("hired", utc(2026, 1, 2), day(5, 1), titled("first"))


# --- golden cases ----------------------------------------------------------------------------------------------------


def test_a_late_title_change_does_not_bring_a_leaver_back():
    """Left on 31 March, then a title change of 10 March arrives: gone on 5 April."""
    one = who(HIRED, left("l", utc(2026, 3, 20), day(31, 3)), moved("m", utc(2026, 4, 2), day(10, 3), titled("late")))
    assert one.employed(utc(2026, 3, 31, 12))
    assert not one.employed(utc(2026, 4, 5))
    assert title(one, utc(2026, 3, 15)) == "late"


def test_of_two_moves_the_one_that_holds_later_wins():
    """A move of 1 March recorded in January, then one of 1 February recorded in February: on 2 March the first."""
    one = who(
        HIRED,
        moved("march", utc(2026, 1, 20), day(1, 3), titled("march")),
        moved("february", utc(2026, 2, 10), day(1, 2), titled("february")),
    )
    assert title(one, utc(2026, 3, 2)) == "march"
    assert title(one, utc(2026, 2, 20)) == "february"


def test_a_last_day_that_is_put_off_counts():
    """The last day moved from 31 March to 30 April: employed on 5 April, gone on 1 May."""
    one = who(HIRED, left("l", utc(2026, 3, 1), day(31, 3)), left("later", utc(2026, 3, 20), day(30, 4)))
    assert one.employed(utc(2026, 4, 5))
    assert not one.employed(utc(2026, 5, 1))


def test_a_last_day_that_is_put_forward_counts():
    """The newest-recorded last day counts also when it is the earlier one."""
    one = who(HIRED, left("l", utc(2026, 3, 1), day(30, 4)), left("sooner", utc(2026, 3, 20), day(31, 3)))
    assert not one.employed(utc(2026, 4, 5))


def test_a_rescinded_leaving_never_happened():
    """A leaving that HR takes back leaves no trace."""
    one = who(HIRED, left("l", utc(2026, 3, 1), day(31, 3)), rescinded("r", utc(2026, 3, 5), "l"))
    assert one.employed(utc(2027, 1, 1))


def test_a_rescinded_rescission_lets_the_leaving_stand():
    """Taking back the taking back makes them leave after all."""
    one = who(
        HIRED,
        left("l", utc(2026, 3, 1), day(31, 3)),
        rescinded("r", utc(2026, 3, 5), "l"),
        rescinded("s", utc(2026, 3, 6), "r"),
    )
    assert not one.employed(utc(2026, 4, 5))


def test_a_rescinded_correction_leaves_the_fact_before():
    """When the put-off last day is taken back, the last day before it counts again."""
    one = who(
        HIRED,
        left("l", utc(2026, 3, 1), day(31, 3)),
        left("later", utc(2026, 3, 20), day(30, 4)),
        rescinded("r", utc(2026, 3, 21), "later"),
    )
    assert not one.employed(utc(2026, 4, 5))


def test_a_source_rescinds_only_its_own_facts():
    """Two sources may use one event id; neither takes back the other's."""
    other = Rescinded(recorded(1, 60 * 24 * 30), "l")
    assert not who(HIRED, left("l", utc(2026, 3, 1), day(31, 3)), other).employed(utc(2026, 4, 5))


def test_a_rehire_opens_a_second_span():
    """A joining after the end is a rehire: absent between, and the first employment keeps its dates."""
    one = who(HIRED, left("l", utc(2026, 3, 1), day(31, 3)), joined("again", utc(2026, 4, 20), day(1, 5)))
    assert [one.employed(at) for at in (utc(2026, 2, 1), utc(2026, 4, 15), utc(2026, 5, 2))] == [True, False, True]


def test_a_rehire_on_the_day_after_the_last_makes_no_gap():
    """Back-to-back employments leave no second without one."""
    one = who(HIRED, left("l", utc(2026, 3, 1), day(31, 3)), joined("again", utc(2026, 3, 20), day(1, 4)))
    assert all(one.employed(utc(2026, 3, 31, 22) + timedelta(seconds=second)) for second in (-1, 0, 1))
    assert len(one.employments[0].spans) == 2


def test_a_corrected_first_day_of_a_rehire_moves_the_rehire():
    """A correction after the first employment's end touches the second one alone."""
    one = who(
        HIRED,
        left("l", utc(2026, 3, 1), day(31, 3)),
        joined("again", utc(2026, 4, 20), day(1, 5)),
        joined("sooner", utc(2026, 4, 21), day(15, 4)),
    )
    assert one.employed(utc(2026, 4, 16))
    assert one.employed(utc(2026, 3, 30))
    assert len(one.employments[0].spans) == 2


def test_a_corrected_first_day_inside_the_employment_moves_its_start():
    """The newest-recorded joining gives the start, earlier or later."""
    later = who(HIRED, joined("later", utc(2026, 1, 3), day(1, 2)))
    assert not later.employed(utc(2026, 1, 20))
    assert later.employed(utc(2026, 2, 1))


def test_a_move_alone_employs_nobody():
    """A move never opens an employment."""
    assert not who(moved("m", utc(2026, 1, 1), day(1, 1), titled("x"))).employed(utc(2026, 6, 1))


def test_a_leaving_that_arrives_alone_is_remembered():
    """A leaving before its joining is known: nobody is employed, and when the joining comes the end stands."""
    alone = left("l", utc(2026, 3, 1), day(31, 3))
    assert not who(alone).employed(utc(2026, 3, 15))
    assert who(alone).last_end(utc(2026, 4, 5)) is not None
    both = who(alone, joined("late", utc(2026, 3, 2), day(5, 1)))
    assert both.employed(utc(2026, 3, 15))
    assert not both.employed(utc(2026, 4, 5))


def test_immediate_ends_at_the_instant_of_recording():
    """Immediate does not wait for the end of the day, to the second."""
    one = who(HIRED, left("l", utc(2026, 3, 10, 9, 30), day(10, 3), immediate=True))
    assert one.employed(utc(2026, 3, 10, 9, 30) - timedelta(seconds=1))
    assert not one.employed(utc(2026, 3, 10, 9, 30))


def test_a_last_day_after_an_immediate_end_does_not_undo_it():
    """HR that follows up with the day on paper gives no access back; an earlier day or a rescission counts."""
    now = left("l", utc(2026, 3, 10, 9, 30), day(10, 3), immediate=True)
    assert not who(HIRED, now, left("p", utc(2026, 3, 11), day(31, 3))).employed(utc(2026, 3, 12))
    assert not who(HIRED, now, left("p", utc(2026, 3, 11), day(5, 3))).employed(utc(2026, 3, 8))
    assert who(HIRED, now, rescinded("r", utc(2026, 3, 11), "l")).employed(utc(2026, 3, 12))


def test_immediate_after_the_last_day_changes_nothing():
    """An end that lies behind does not move to the instant of recording."""
    one = who(HIRED, left("l", utc(2026, 3, 10, 9, 30), day(1, 3), immediate=True))
    assert not one.employed(utc(2026, 3, 2))


def test_the_last_day_ends_in_the_zone_that_holds_on_it():
    """A worker who moved to Auckland leaves when Auckland's day is over; one without a zone by the location's."""
    there = who(
        HIRED,
        moved("m", utc(2026, 2, 1), day(1, 3), titled("x", time_zone="Pacific/Auckland")),
        left("l", utc(2026, 3, 1), day(31, 3)),
    )
    assert there.employed(utc(2026, 3, 31, 10, 59))
    assert not there.employed(utc(2026, 3, 31, 11))
    model = a_model(locations={"Quito": "America/Guayaquil"})
    facts = [
        joined("j", utc(2026, 1, 2), day(5, 1), a_worker(location="Quito")),
        left("l", utc(2026, 3, 1), day(31, 3)),
    ]
    assert person("e1", facts, model).employed(utc(2026, 4, 1, 4, 59))
    assert not person("e1", facts, model).employed(utc(2026, 4, 1, 5))


@pytest.mark.parametrize(
    ("before", "after", "moves", "over"),
    [
        # Last day 31 March. In New York it is over at 04:00 UTC, in Tokyo the day before at 15:00, in Berlin at 22:00.
        ("America/New_York", "Asia/Tokyo", utc(2026, 3, 31, 20), utc(2026, 3, 31, 20)),
        ("America/New_York", "Asia/Tokyo", utc(2026, 3, 31, 10), utc(2026, 3, 31, 15)),
        ("Europe/Berlin", "Asia/Tokyo", utc(2026, 3, 31, 23), utc(2026, 3, 31, 22)),
        ("Europe/Berlin", "America/New_York", utc(2026, 3, 31, 20), utc(2026, 4, 1, 4)),
    ],
)
def test_who_moves_on_the_last_day_leaves_when_it_is_over_where_they_are(before, after, moves, over):
    """To where the day is over already: not before they move, and not later than it was over where they were."""
    one = who(
        joined("j", utc(2026, 1, 2), day(5, 1), titled("x", time_zone=before)),
        moved("m", utc(2026, 3, 1), moves, titled("x", time_zone=after)),
        left("l", utc(2026, 3, 2), day(31, 3)),
    )
    assert one.employments[0].spans[0].end == over


def test_sequence_orders_what_was_recorded_at_one_instant_by_number():
    """Of two facts of one instant the one with the greater sequence counts, ten after nine."""
    nine = Joined(recorded(1, 0, "9"), day(24, 3), titled("nine"))
    ten = Joined(recorded(0, 0, "10"), day(24, 3), titled("ten"))
    assert title(who(nine, ten), utc(2026, 3, 25)) == "ten"


def test_a_person_is_employed_while_any_employment_runs():
    """A contractor who becomes an employee has left only when the last employment ends."""
    one = person(
        "p",
        [
            joined("a", utc(2026, 1, 1), day(5, 1), a_worker("C1")),
            left("b", utc(2026, 2, 1), day(31, 3), "C1"),
            joined("c", utc(2026, 3, 1), day(1, 4), a_worker("E2")),
        ],
        MODEL,
    )
    assert one.last_end(utc(2026, 4, 2)) is None
    assert one.employed(utc(2026, 4, 2))
    assert one.leaving(utc(2026, 4, 2)) is None


def test_of_several_ends_the_last_is_the_leaving():
    """With every employment ended, the latest end is the one that counts."""
    one = person(
        "p",
        [
            joined("a", utc(2026, 1, 1), day(5, 1), a_worker("C1")),
            left("b", utc(2026, 2, 1), day(31, 3), "C1"),
            joined("c", utc(2026, 1, 1), day(5, 1), a_worker("E2")),
            left("d", utc(2026, 2, 1), day(28, 2), "E2"),
        ],
        MODEL,
    )
    span = one.last_end(utc(2026, 4, 2))
    assert span is not None
    assert span.end == utc(2026, 3, 31, 22)
    assert one.leaving(utc(2026, 1, 10)) == span


# --- against the oracle ----------------------------------------------------------------------------------------------


def _around(*edges: datetime | None) -> set[datetime]:
    """Instants at which either side could differ: each edge, the second before it, and now and then."""
    known = [edge for edge in edges if edge is not None]
    return {*known, *(edge - timedelta(seconds=1) for edge in known), *SAMPLES}


@given(histories())
@settings(max_examples=300, deadline=None)
def test_employment_agrees_with_the_oracle(facts):
    """Whatever HR sends, in whatever order of its two clocks, somebody is employed exactly when the oracle says."""
    one, chapters = who(*facts), Book(tuple(facts), ZONE).chapters()
    spans = [span for job in one.employments for span in job.spans]
    edges = [edge for chapter in chapters for edge in (chapter.start, chapter.over)]
    for at in _around(*edges, *(edge for span in spans for edge in (span.start, span.end))):
        assert one.employed(at) == any(chapter.holds(at) for chapter in chapters), at


@given(histories(zones=(None, None, "America/Los_Angeles", "Pacific/Auckland")))
@settings(max_examples=120, deadline=None)
def test_attributes_agree_with_the_oracle(facts):
    """At every instant the attributes are those of the greatest effective that has come, whatever their zones."""
    one, book = who(*facts), Book(tuple(facts), ZONE)
    snapshots = [snapshot for job in one.employments for snapshot in job.snapshots]
    for at in _around(*(snapshot.since for snapshot in snapshots)):
        assert (one.employments[0].as_of(at) if one.employments else None) == book.worker(at), at


@given(histories(), st.randoms(use_true_random=False), st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_folding_is_free_of_order_and_repeats(facts, random, repeats):
    """Facts that arrive in another order, or more than once, describe the same person."""
    shuffled = [*facts, *facts[:repeats]]
    random.shuffle(shuffled)
    assert who(*shuffled) == who(*facts)


def test_somebody_who_withdrew_and_signed_again_stays():
    """Hired for the 30th, withdrawn on the 20th, signed again for the 25th: employed on, not until the 30th."""
    one = who(
        joined("a", utc(2026, 1, 1), day(30, 1)),
        left("b", utc(2026, 1, 2), day(20, 1)),
        joined("c", utc(2026, 1, 3), day(25, 1)),
    )
    assert one.employed(utc(2026, 2, 15))


def test_a_mistaken_last_day_before_the_first_can_be_corrected():
    """A last day typed with the wrong year, then the right one: employed from the first day to the right last one."""
    wrong = left("w", utc(2026, 2, 1), date(2025, 3, 31))
    one = who(HIRED, wrong, left("r", utc(2026, 2, 2), day(31, 3)))
    assert one.employed(utc(2026, 3, 1))
    assert not one.employed(utc(2026, 4, 1))


def test_somebody_who_withdrew_has_left():
    """A last day before the first one: after it, they have left, and no first day is waited for."""
    one = who(joined("a", utc(2026, 1, 1), day(1, 6)), left("b", utc(2026, 1, 2), day(5, 2)))
    assert one.last_end(utc(2026, 3, 1)) is not None
    assert one.first_day(utc(2026, 3, 1)) is None


@pytest.mark.parametrize(("said", "last"), [((5, 20), day(31, 5)), ((6, 3), day(31, 5)), ((5, 20), day(22, 5))])
def test_a_rehire_that_is_withdrawn_never_runs(said, last):
    """Gone since March, to come back in June, and does not: neither June nor the time between is employment."""
    one = who(
        HIRED,
        left("l", utc(2026, 3, 1), day(31, 3)),
        joined("again", utc(2026, 5, 1), day(1, 6)),
        left("withdrawn", utc(2026, *said), last),
    )
    assert one.employed(utc(2026, 3, 30))
    assert not any(one.employed(at) for at in (utc(2026, 4, 15), utc(2026, 5, 21), utc(2026, 6, 5)))


@pytest.mark.parametrize(("said", "last"), [((3, 20), day(15, 4)), ((3, 20), day(31, 5)), ((4, 20), day(15, 4))])
def test_a_last_day_that_moves_after_a_rehire_was_signed_leaves_the_rehire(said, last):
    """Said while they work, or of a day that is past: the first employment is corrected, and June comes."""
    one = who(
        HIRED,
        left("l", utc(2026, 3, 1), day(31, 3)),
        joined("again", utc(2026, 3, 10), day(1, 6)),
        left("later", utc(2026, *said), last),
    )
    assert one.employed(utc(2026, 4, 10))
    assert one.employed(utc(2026, 6, 5))


def test_a_corrected_time_zone_of_the_same_day_wins():
    """Two snapshots of one day are ordered by their recording, also when the first one's day begins later."""
    one = who(
        joined("a", utc(2026, 1, 1), day(1, 3), titled("wrong", time_zone="America/Los_Angeles")),
        joined("b", utc(2026, 1, 2), day(1, 3), titled("right", time_zone="Europe/Berlin")),
    )
    assert title(one, utc(2026, 4, 1)) == "right"


def test_a_rescission_of_the_same_instant_counts():
    """HR that records by the day gives a fact and its rescission one time; the rescission still counts."""
    one = who(HIRED, left("z", utc(2026, 2, 1), day(5, 2)), rescinded("b", utc(2026, 2, 1), "z"))
    assert one.employed(utc(2026, 3, 1))


def test_the_oracle_itself_can_say_no():
    """The oracle's own golden case, so that it does not merely agree with everything."""
    book = Book((Joined(recorded(0, 0), day(24, 3), a_worker()), Left(recorded(1, 1), day(31, 3))), ZONE)
    assert book.employed(utc(2026, 3, 31, 21, 59))
    assert not book.employed(utc(2026, 3, 31, 22))
    assert not book.employed(utc(2026, 3, 23, 22, 59))
    assert book.employed(utc(2026, 3, 23, 23))


def test_of_three_zones_the_one_before_the_last_move_counts_until_then():
    """From Berlin to New York in the month, and on to Tokyo in the afternoon of the last day: over as they move on."""
    one = who(
        joined("j", utc(2026, 1, 2), day(5, 1), titled("x", time_zone="Europe/Berlin")),
        moved("m1", utc(2026, 3, 1), day(2, 3), titled("x", time_zone="America/New_York")),
        moved("m2", utc(2026, 3, 1), utc(2026, 3, 31, 20), titled("x", time_zone="Asia/Tokyo")),
        left("l", utc(2026, 3, 2), day(31, 3)),
    )
    assert one.employments[0].spans[0].end == utc(2026, 3, 31, 20)
