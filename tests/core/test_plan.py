"""Plans: one small case for each step, what takes and gives, the hash, and the law that one plan is enough."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.core.desired import Desired, Entitlement, Standing
from lifecycle.core.plan import (
    EXPIRES_WITHIN,
    SHOWN_WITHIN,
    TOLERANCE,
    Actual,
    Assign,
    Assignment,
    Keep,
    Plan,
    Remove,
    Reschedule,
    Underway,
    plan,
    set_hash,
    takes_away,
)
from lifecycle.core.reasons import Reason, Why
from tests.builders import a_model, utc

NOW = utc(2026, 3, 1)
JUNE, JULY = utc(2026, 6, 1), utc(2026, 7, 1)
SECOND = timedelta(seconds=1)
PACKAGES = ("a", "b", "c", "d")
MODEL = a_model(packages=PACKAGES)
REASON = Reason(Why.RULE, "r", "e1", utc(2026, 1, 5))
WHY = (str(REASON),)


def wanting(standing: Standing = Standing.EMPLOYED, **changes) -> Desired:
    """Packages by name with their ends, as `a=None`; anything else is a field."""
    named = {name: changes.pop(name) for name in PACKAGES if name in changes}
    wanted = {name: Entitlement(name, (REASON,), end) for name, end in named.items()}
    fields = {name: frozenset(value) if name in {"denied", "sweep_out"} else value for name, value in changes.items()}
    return Desired("e1", standing, wanted, **fields)


def row(package: str, ends: datetime | None = None, *, identifier: str = "", **changes) -> Assignment:
    return Assignment(identifier or f"row-{package}", package, ends=ends, **{"ours": True, **changes})


def theirs(package: str, ends: datetime | None = None, **changes) -> Assignment:
    return row(package, ends, ours=False, **changes)


def made(desired: Desired, *rows: Assignment, now: datetime = NOW, protected: bool = False, underway=None) -> Plan:
    return plan(desired, Actual(rows, underway), MODEL, now, protected=protected)


def only(found: Plan):
    (step,) = found.steps
    return step


# --- one case for each step ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [None, JUNE])
def test_what_is_wanted_and_not_there_is_assigned(end):
    """With the end of its last reason, and its reasons in words."""
    assert only(made(wanting(a=end))) == Assign("a", end, WHY)


@pytest.mark.parametrize(("ahead", "assigned"), [(TOLERANCE, False), (TOLERANCE + SECOND, True)])
def test_nothing_is_assigned_for_a_minute(ahead, assigned):
    """What ends within the tolerance is not worth a request."""
    assert bool(made(wanting(a=NOW + ahead)).changes) is assigned


def test_what_is_there_with_the_right_end_is_kept():
    """Nothing to do is said, with the reasons."""
    assert only(made(wanting(a=JUNE), row("a", JUNE))) == Keep("a", "row-a", WHY)
    assert only(made(wanting(a=None), row("a"))) == Keep("a", "row-a", WHY)


@pytest.mark.parametrize(
    ("was", "ends", "shortens"),
    [(JUNE, JULY, False), (JULY, JUNE, True), (None, JUNE, True), (JUNE, None, False)],
)
def test_our_row_with_another_end_is_rescheduled(was, ends, shortens):
    """Later, earlier, to an end and to none; only an earlier end takes access away."""
    step = only(made(wanting(a=ends), row("a", was, starts=NOW)))
    assert step == Reschedule("a", "row-a", was, ends, WHY, NOW)
    assert step.shortens is shortens
    assert takes_away(step) is shortens


@pytest.mark.parametrize("apart", [timedelta(), TOLERANCE - SECOND, SECOND - TOLERANCE])
def test_ends_within_the_tolerance_are_the_same(apart):
    """A request for a second's difference would be wasted."""
    assert not made(wanting(a=JUNE), row("a", JUNE + apart)).changes


@pytest.mark.parametrize("apart", [TOLERANCE, -TOLERANCE])
def test_ends_a_minute_apart_differ(apart):
    """From the tolerance on, in both directions, the end is moved."""
    assert isinstance(only(made(wanting(a=JUNE), row("a", JUNE + apart))), Reschedule)


def test_our_row_without_a_reason_is_removed():
    """Access goes when its last reason is gone."""
    assert only(made(wanting(), row("a"))) == Remove("a", "row-a", ("no reason left",))


@pytest.mark.parametrize(
    ("standing", "text"),
    [
        (Standing.LEFT, "no longer employed"),
        (Standing.EXPECTED, "before the first day"),
        (Standing.UNKNOWN, "no employment known"),
    ],
)
def test_a_removal_says_where_the_person_stands(standing, text):
    """Whoever reads the step sees why nothing justifies the row."""
    assert only(made(wanting(standing), row("a"))).why == (text,)


def test_what_is_not_ours_is_left_alone_unless_swept_out():
    """While somebody is employed we change only our own rows; a sweep takes all but an auto-assignment's."""
    assert isinstance(only(made(wanting(), theirs("a"))), Keep)
    assert isinstance(only(made(wanting(), theirs("a", adoptable=True))), Keep)
    swept = wanting(Standing.LEFT, sweep_out={"a"})
    assert only(made(swept, theirs("a"))) == Remove("a", "row-a", ("no longer employed",))
    assert isinstance(only(made(swept, theirs("a", adoptable=True))), Remove)
    assert isinstance(only(made(swept, theirs("a", auto=True))), Keep)
    assert isinstance(only(made(swept, theirs("b"))), Keep)


def test_an_auto_assignment_is_never_touched_even_where_it_is_ours():
    """Nor kept from satisfying a reason."""
    assert isinstance(only(made(wanting(), row("a", auto=True))), Keep)
    assert not made(wanting(a=JUNE), theirs("a", auto=True)).changes


def test_any_live_row_satisfies_a_reason():
    """Held otherwise: no second assignment, no change to theirs, and looked at again when theirs ends."""
    found = made(wanting(a=None), theirs("a", JUNE))
    assert "ours follows" in only(found).note
    assert found.look_again == JUNE
    assert "adopted" in only(made(wanting(a=None), theirs("a", adoptable=True))).note


def test_beside_theirs_the_end_of_ours_is_kept_right():
    """Two rows in one package: ours is rescheduled, theirs left alone."""
    found = made(wanting(a=JUNE), row("a", JULY), theirs("a", identifier="other"))
    assert [type(step) for step in found.steps] == [Reschedule, Keep]


def test_while_a_request_is_open_its_package_waits():
    """Nothing is done in a package with a request under way, wanted or not; others go on."""
    for gives, word in ((True, "delivered"), (False, "removed")):
        underway = {"a": Underway("a", gives)}
        for desired in (wanting(b=None), wanting(a=None, b=None)):
            found = made(desired, row("a", JUNE), underway=underway)
            assert [step.package for step in found.changes] == ["b"]
            assert word in next(step.note for step in found.steps if isinstance(step, Keep))
    assert isinstance(only(made(wanting(), underway={"a": Underway("a", gives=True)})), Keep)


def test_what_was_denied_is_removed_and_not_assigned():
    """A row of ours that a review denied goes; without a row the plan says why there is none."""
    assert only(made(wanting(denied={"a"}), row("a"))).why[0].startswith("denied")
    assert isinstance(only(made(wanting(denied={"a"}), row("a"))), Remove)
    assert only(made(wanting(denied={"a"}))).note == "wanted by rules, but denied"


def test_a_row_whose_end_has_come_is_given_time_to_expire():
    """Entra expires it by itself; from fifteen minutes on we remove it."""
    ended = row("a", NOW)
    assert isinstance(only(made(wanting(), ended)), Keep)
    assert isinstance(only(made(wanting(), ended, now=NOW + EXPIRES_WITHIN - SECOND)), Keep)
    assert isinstance(only(made(wanting(), ended, now=NOW + EXPIRES_WITHIN)), Remove)
    assert isinstance(only(made(wanting(), ended, now=NOW - SECOND)), Remove)


def test_a_frozen_person_gets_and_keeps_nothing_more():
    """Frozen: nothing is assigned or extended; removals and shortened ends go on."""
    assert "frozen" in only(made(wanting(a=None, frozen=True))).note
    assert isinstance(only(made(wanting(a=JULY, frozen=True), row("a", JUNE))), Keep)
    assert isinstance(only(made(wanting(a=None, frozen=True), row("a", JUNE))), Keep)
    assert isinstance(only(made(wanting(a=JUNE, frozen=True), row("a", JULY))), Reschedule)
    assert isinstance(only(made(wanting(a=JUNE, frozen=True), row("a"))), Reschedule)
    assert isinstance(only(made(wanting(frozen=True), row("a"))), Remove)


def test_a_protected_person_is_never_touched():
    """Protection outranks leaving and sweeping, and nothing is given either."""
    swept = wanting(Standing.LEFT, sweep_out=PACKAGES)
    assert not made(swept, row("a"), theirs("b"), protected=True).changes
    found = made(wanting(a=JUNE, b=JULY, c=None), row("a", JULY), row("b", JUNE), protected=True)
    assert not found.changes


# --- order, classification, hash, next look --------------------------------------------------------------------------


MIXED = wanting(a=JUNE, b=JULY, c=None)
ROWS = (row("a", JULY), row("b", JUNE), row("d"))


def test_what_takes_comes_first_and_what_gives_last():
    """Removals, shortened ends, extensions, additions, and last what is kept."""
    found = made(MIXED, *ROWS, theirs("d", identifier="x"))
    assert [(type(step), step.package) for step in found.steps] == [
        (Remove, "d"),
        (Reschedule, "a"),
        (Reschedule, "b"),
        (Assign, "c"),
        (Keep, "d"),
    ]
    assert [step.package for step in found.taking] == ["d", "a"]
    assert [step.package for step in found.changes] == ["d", "a", "b", "c"]


def test_a_shortened_end_comes_before_an_extension():
    """Whatever the packages are called."""
    found = made(wanting(a=JULY, b=JUNE), row("a", JUNE), row("b", JULY))
    assert [step.package for step in found.steps] == ["b", "a"]


def test_the_hash_names_the_changes_and_the_model_alone():
    """Rows in another order, another clock in the segment, other words, an offset: the same; any change: another."""
    found = made(MIXED, *ROWS)
    same = [
        made(MIXED, *reversed(ROWS)),
        made(MIXED, *ROWS, now=NOW + timedelta(days=3)),
        made(MIXED, *ROWS, theirs("d", identifier="x")),
        replace(found, steps=tuple(replace(step, why=("other words",)) for step in found.steps)),
        replace(found, steps=found.steps[::-1], look_again=JULY),
        made(wanting(a=JUNE.astimezone(timezone(timedelta(hours=2))), b=JULY, c=None), *ROWS),
    ]
    assert {one.hash for one in same} == {found.hash}
    others = [
        replace(found, person="e2"),
        replace(found, model="m2"),
        made(wanting(a=JUNE, b=JULY), *ROWS),
        made(wanting(a=JUNE, b=JULY, c=JULY), *ROWS),
        made(wanting(a=NOW + timedelta(days=9), b=JULY, c=None), *ROWS),
        made(MIXED, *ROWS[:2]),
        made(MIXED, *ROWS[:2], row("d", identifier="another")),
    ]
    assert len({found.hash, *(one.hash for one in others)}) == len(others) + 1


def test_a_set_of_plans_is_named_whatever_their_order():
    """One hash over the sorted hashes; another member is another set."""
    assert set_hash(["b", "a"]) == set_hash(["a", "b"])
    assert len({set_hash(["a"]), set_hash(["a", "b"]), set_hash(["ab"]), set_hash([])}) == 4


def test_the_next_look_is_at_the_first_edge_of_either_side():
    """A reason's change, a row's end, when lists show it, the end of its time to expire: the first that is not past."""
    assert made(wanting(a=None), row("a")).look_again is None
    assert made(wanting(a=None, next_change=JULY), row("a")).look_again == JULY
    assert made(wanting(a=None, next_change=JULY), theirs("a", JUNE)).look_again == JUNE
    assert made(wanting(), row("a", NOW)).look_again == NOW + SHOWN_WITHIN
    assert made(wanting(), row("a", NOW - SHOWN_WITHIN)).look_again == NOW - SHOWN_WITHIN + EXPIRES_WITHIN
    assert made(wanting(next_change=JULY), row("a", NOW - timedelta(days=1))).look_again == JULY


# --- the law ---------------------------------------------------------------------------------------------------------


def applied(found: Plan, rows: Iterable[Assignment]) -> tuple[Assignment, ...]:
    """A tenant that does at once what it is asked, and nothing else."""
    by_id = {one.id: one for one in rows}
    for step in found.changes:
        match step:
            case Assign():
                by_id[f"new-{step.package}"] = row(step.package, step.ends, identifier=f"new-{step.package}")
            case Reschedule():
                by_id[step.assignment] = replace(by_id[step.assignment], ends=step.ends)
            case Remove():
                del by_id[step.assignment]
    return tuple(by_id.values())


LATER = st.one_of(st.none(), st.integers(2, 100_000).map(lambda minutes: NOW + timedelta(minutes=minutes)))
ROWS_ANY = st.lists(
    st.tuples(st.sampled_from(PACKAGES), LATER, st.sampled_from(["ours", "theirs", "adoptable", "auto"])), max_size=6
).map(
    lambda drawn: tuple(
        Assignment(f"r{number}", package, None, end, kind == "ours", kind == "adoptable", kind == "auto")
        for number, (package, end, kind) in enumerate(drawn)
    )
)
WANTED = st.dictionaries(st.sampled_from(PACKAGES), LATER)


@given(WANTED, ROWS_ANY, st.sets(st.sampled_from(PACKAGES)), st.tuples(st.booleans(), st.booleans(), st.booleans()))
@settings(max_examples=300, deadline=None)
def test_applying_a_plan_makes_actual_equal_desired_and_a_second_plan_changes_nothing(wanted, rows, swept, states):
    """Every wanted package is held, ours with the right end; nothing unjustified of ours stays; then all is kept."""
    left, frozen, protected = states
    sweep = set(PACKAGES) if left else swept - wanted.keys()
    desired = wanting(Standing.LEFT if left else Standing.EMPLOYED, **wanted, sweep_out=sweep, frozen=frozen)
    first = made(desired, *rows, protected=protected)
    after = applied(first, rows)
    assert not made(desired, *after, protected=protected).changes
    if protected:
        assert not first.changes
    if frozen or protected:
        return
    assert wanted.keys() <= {one.package for one in after}
    for one in after:
        if one.ours and one.package in wanted:
            assert one.ends == wanted[one.package] or abs(one.ends - wanted[one.package]) < TOLERANCE
        elif one.package not in wanted:
            assert one.auto or not (one.ours or one.package in sweep)
    untouched = {
        one for one in rows if one.auto or (not one.ours and (one.package in wanted or one.package not in sweep))
    }
    assert untouched <= set(after)


@given(WANTED, ROWS_ANY, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_a_plan_is_free_of_the_order_of_reading(wanted, rows, random):
    """Graph may list rows in any order."""
    assert made(wanting(**wanted), *random.sample(rows, len(rows))).steps == made(wanting(**wanted), *rows).steps


@given(WANTED, ROWS_ANY)
@settings(max_examples=100, deadline=None)
def test_a_plan_takes_or_gives_by_what_becomes_of_access(wanted, rows):
    """A step is among the taking ones exactly when somebody would hold a package for a shorter time after it."""
    found = made(wanting(**wanted), *rows)
    before = {one.id: one.ends for one in rows}
    for step in found.changes:
        after = {one.id: one.ends for one in applied(replace(found, steps=(step,)), rows)}
        shorter = any(
            identifier not in after or (after[identifier] or utc(9000, 1, 1)) < (end or utc(9000, 1, 1))
            for identifier, end in before.items()
        )
        assert (step in found.taking) is shorter
