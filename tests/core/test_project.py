"""Projects and work on them, folded from their facts in any order."""

from datetime import date, timedelta
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.core.events import Released, Rescheduled
from lifecycle.core.project import Project, Stretch, memberships, overlap, project
from tests.builders import PMO, a_model, closed, opened, recorded, released, staffed, utc

MODEL = a_model()


def day(number: int, month: int) -> date:
    return date(2026, month, number)


def rescheduled(name, time, planned) -> Rescheduled:
    return Rescheduled(recorded(name, "p1", time, source=PMO), planned)


def known(*facts) -> Project:
    return project("p1", facts, MODEL)


def stretches(*facts) -> tuple[Stretch, ...]:
    return memberships(facts, MODEL)[0].stretches


OPENED = opened("o", utc(2026, 1, 5), planned=day(30, 6))


def test_a_project_is_open_until_its_planned_close_is_over():
    """A planned close as a date is the last day, in the model's zone."""
    assert known(OPENED).bounded() == (Stretch(utc(2026, 1, 5), utc(2026, 6, 30, 22)),)
    assert not known(OPENED).closed(utc(2026, 6, 30, 21, 59))
    assert known(OPENED).closed(utc(2026, 6, 30, 22))


def test_nothing_known_or_not_yet_opened_is_not_closed():
    """Only what was once open can be closed: a close that comes alone closes nothing."""
    assert not known().closed(utc(2026, 6, 1))
    assert not known(closed("c", utc(2026, 2, 1), day(1, 3))).closed(utc(2026, 6, 1))
    assert not known(OPENED).closed(utc(2026, 1, 4))


def test_a_close_holds_from_the_beginning_of_its_day():
    """Closed effective 1 March: closed from the first second of that day."""
    shut = known(OPENED, closed("c", utc(2026, 2, 1), day(1, 3)))
    assert not shut.closed(utc(2026, 2, 28, 22, 59))
    assert shut.closed(utc(2026, 2, 28, 23))


def test_a_reschedule_moves_the_close_either_way_or_away():
    """The newest planned close counts; none at all leaves the project open."""
    assert known(OPENED, rescheduled("r", utc(2026, 2, 1), day(31, 3))).closed(utc(2026, 4, 1))
    assert not known(OPENED, rescheduled("r", utc(2026, 2, 1), day(31, 12))).closed(utc(2026, 8, 1))
    assert not known(OPENED, rescheduled("r", utc(2026, 2, 1), None)).closed(utc(2030, 1, 1))


def test_opened_after_a_close_reopens_with_a_gap():
    """Reopened: a second stretch, with its own planned close, and closed in between."""
    again = known(OPENED, closed("c", utc(2026, 2, 1), day(1, 3)), opened("o2", utc(2026, 4, 1), planned=day(31, 5)))
    assert again.closed(utc(2026, 3, 15))
    assert not again.closed(utc(2026, 4, 2))
    assert again.closed(utc(2026, 6, 1))
    assert len(again.open) == 2


def test_opened_before_the_announced_close_has_come_runs_on():
    """A close that was announced and is overtaken by an opening never comes."""
    on = known(OPENED, closed("c", utc(2026, 2, 1), day(1, 3)), opened("o2", utc(2026, 2, 10)))
    assert on.open == (Stretch(utc(2026, 1, 5)),)


def test_a_close_that_is_put_off_or_forward_counts():
    """The newest close of an open stretch says when it ends, later or earlier than the one before."""
    first = closed("c", utc(2026, 2, 1), day(1, 3))
    assert not known(OPENED, first, closed("d", utc(2026, 2, 10), day(1, 4))).closed(utc(2026, 3, 15))
    assert known(OPENED, first, closed("d", utc(2026, 2, 10), day(20, 2))).closed(utc(2026, 2, 25))


def test_a_close_before_the_opening_leaves_no_time():
    """Closed as of a day before it was opened: it was never open."""
    never = known(OPENED, closed("c", utc(2026, 2, 1), day(1, 1)))
    assert never.closed(utc(2026, 2, 2))
    assert all(not stretch.holds(utc(2026, 1, 10)) for stretch in never.bounded())


def test_the_newest_opening_says_who_answers():
    """Owner and planned close come from the newest opening."""
    assert known(OPENED).owner == "owner"
    assert known(OPENED, opened("o2", utc(2026, 2, 1))).planned_close is None


def test_projects_fold_in_any_order_and_with_repeats():
    """Every order of arrival, with repeats, describes the same project."""
    facts = [
        OPENED,
        rescheduled("r", utc(2026, 1, 20), day(31, 7)),
        closed("c", utc(2026, 2, 1), day(1, 3)),
        opened("o2", utc(2026, 4, 1)),
    ]
    assert {known(*order, order[0]) for order in permutations(facts)} == {known(*facts)}


def test_staffed_without_dates_runs_from_its_recording():
    """No `from` means now; no `until` means open."""
    assert stretches(staffed("s", utc(2026, 2, 1))) == (Stretch(utc(2026, 2, 1)),)


def test_staffed_with_dates_runs_through_its_last_day():
    """From the beginning of the first day to the end of the last."""
    dated = staffed("s", utc(2026, 2, 1), starts=day(1, 3), until=day(31, 3))
    assert stretches(dated) == (Stretch(utc(2026, 2, 28, 23), utc(2026, 3, 31, 22), renewable=True),)


def test_a_release_ends_work_at_its_recording():
    """Released: from that instant, and what was to come is gone."""
    first = staffed("s", utc(2026, 2, 1), until=day(31, 12))
    assert stretches(first, released("r", utc(2026, 3, 1))) == (Stretch(utc(2026, 2, 1), utc(2026, 3, 1)),)
    ahead = staffed("s", utc(2026, 2, 1), starts=day(1, 6))
    assert stretches(ahead, released("r", utc(2026, 3, 1))) == ()


def test_a_release_of_nothing_releases_nothing():
    """A release before any staffing, or after the work's end, changes nothing."""
    assert stretches(released("r", utc(2026, 1, 1)), staffed("s", utc(2026, 2, 1))) == (Stretch(utc(2026, 2, 1)),)
    over = staffed("s", utc(2026, 2, 1), until=day(28, 2))
    assert stretches(over, released("r", utc(2026, 4, 1))) == stretches(over)


def test_staffed_again_after_a_release_is_a_second_stretch():
    """Back on the project after a release: two stretches with a gap."""
    work = stretches(staffed("s", utc(2026, 2, 1)), released("r", utc(2026, 3, 1)), staffed("s2", utc(2026, 5, 1)))
    assert work == (Stretch(utc(2026, 2, 1), utc(2026, 3, 1)), Stretch(utc(2026, 5, 1)))


def test_staffed_again_corrects_the_end():
    """A staffing while one runs with the same beginning corrects its end."""
    work = stretches(
        staffed("s", utc(2026, 2, 1), starts=day(1, 2), until=day(28, 2)),
        staffed("s2", utc(2026, 2, 10), starts=day(1, 2), until=day(31, 3)),
    )
    assert work == (Stretch(utc(2026, 1, 31, 23), utc(2026, 3, 31, 22), renewable=True),)


def test_a_correction_while_work_runs_does_not_interrupt_it():
    """A later `from` for work that runs already takes nothing away; an earlier one counts."""
    running = staffed("s", utc(2026, 2, 1))
    later = stretches(running, staffed("s2", utc(2026, 2, 10), starts=day(1, 3)))
    earlier = stretches(running, staffed("s2", utc(2026, 2, 10), starts=day(15, 1)))
    assert later == (Stretch(utc(2026, 2, 1)),)
    assert earlier == (Stretch(utc(2026, 1, 14, 23)),)


def test_roles_and_projects_are_kept_apart():
    """A release from one role leaves the other, and another project's work, alone."""
    found = memberships(
        [
            staffed("a", utc(2026, 2, 1)),
            staffed("b", utc(2026, 2, 1), role="lead"),
            staffed("c", utc(2026, 2, 1), project="p2"),
            released("d", utc(2026, 3, 1)),
        ],
        MODEL,
    )
    open_ended = {(one.project, one.role) for one in found if one.stretches[-1].end is None}
    assert open_ended == {("p1", "lead"), ("p2", "engineer")}


def test_a_staffing_that_ends_before_it_begins_is_none():
    """Until before from: no time at all."""
    assert stretches(staffed("s", utc(2026, 2, 1), starts=day(1, 3), until=day(1, 2))) == ()


def test_a_release_ends_what_runs_and_what_lies_ahead():
    """Staffed twice, the second time ahead: a release ends both, for it names no stint."""
    work = stretches(
        staffed("s", utc(2026, 2, 1), until=day(30, 4)),
        staffed("s2", utc(2026, 4, 1), starts=day(1, 6), until=day(31, 7)),
        released("r", utc(2026, 4, 10)),
    )
    assert work == (Stretch(utc(2026, 2, 1), utc(2026, 4, 10)),)


MINUTES = st.integers(0, 40).map(lambda number: utc(2026, 2, 1) + timedelta(hours=9 * number))
DATES = st.one_of(st.none(), st.dates(day(1, 2), day(14, 2)))


@given(st.lists(st.tuples(st.booleans(), MINUTES, DATES, DATES), max_size=5), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_work_folds_in_any_order_into_stretches_in_order(drawn, random):
    """Work never depends on arrival, no stretch is empty, and after a release nothing runs."""
    facts = [
        staffed(f"f{number}", time, starts=start, until=until) if on else released(f"f{number}", time)
        for number, (on, time, start, until) in enumerate(drawn)
    ]
    found = memberships(facts, MODEL)
    shuffled = [*facts, *facts[:2]]
    random.shuffle(shuffled)
    assert memberships(shuffled, MODEL) == found
    for work in found:
        assert all(stretch.end is None or stretch.end > stretch.start for stretch in work.stretches)
    newest = max(facts, key=lambda fact: fact.recorded.order, default=None)
    if isinstance(newest, Released):
        assert all(one.end is not None and one.end <= newest.recorded.time for work in found for one in work.stretches)


def test_overlap_is_the_time_in_both():
    """Touching stretches share no time; an open one ends with the other."""
    one, two = Stretch(utc(2026, 1, 1), utc(2026, 2, 1)), Stretch(utc(2026, 2, 1))
    assert overlap(one, two) is None
    assert overlap(one, Stretch(utc(2026, 1, 10))) == Stretch(utc(2026, 1, 10), utc(2026, 2, 1))
    assert overlap(two, two) == two


def test_a_second_stint_planned_ahead_leaves_the_first():
    """Staffed to the end of April and, told in April, again from June: access stays until the end of April."""
    work = stretches(
        staffed("s", utc(2026, 2, 1), until=day(30, 4)),
        staffed("s2", utc(2026, 4, 1), starts=day(1, 6), until=day(31, 7)),
    )
    assert work[0] == Stretch(utc(2026, 2, 1), utc(2026, 4, 30, 22), renewable=True)


def test_staffed_again_without_a_beginning_keeps_the_beginning():
    """A repeated staffing begins nothing anew: reasons keep their age, and what was denied stays denied."""
    assert stretches(staffed("s", utc(2026, 2, 1)), staffed("s2", utc(2026, 4, 1)))[0].start == utc(2026, 2, 1)
