"""Undoing what a mended run took gives what would be there without it, whoever dies or gets in between."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle import messages
from lifecycle.attend import attend
from lifecycle.core.evidence import Tag, first_break
from lifecycle.core.model import GuardLimits, Limit
from lifecycle.core.work import Undo
from lifecycle.records import facts, holds, runs
from lifecycle.records.dossier import open_dossier
from lifecycle.undo import UNENDING, begin_undo, check_of, restore
from tests.builders import UNLIMITED, closed, opened
from tests.fakes.faults import Crash, no_pause
from tests.laws.driving import DAY, HOUR, MINUTE, Turns, examples, interleave, pause, run
from tests.scenarios.test_undoing import END, asked, employed, mend, on_a_project, requested, restored, rows, wave

PEOPLE = ("E1", "E2", "E3")


def granted(company, worker="e1"):
    """The exceptions that undoing stored."""
    said = run(facts.of_worker(company.records, worker))
    return [fact for fact in said if fact.recorded.source == messages.UNDO]


def added(company, package="extra"):
    return [one for one in company.directory.taken if (one.kind, one.package) == ("adminAdd", f"package-{package}")]


# --- as if it had never been -----------------------------------------------------------------------------------------

OFFSETS = st.one_of(st.none(), st.integers(1, 60))
HELD = st.dictionaries(st.sampled_from(PEOPLE), OFFSETS, max_size=3)  # who requested `extra`, and for how many days
MEANWHILE = st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from(["denied", "unmended"]), max_size=2)


@examples(25)
@given(HELD, st.sets(st.sampled_from(PEOPLE), min_size=1), MEANWHILE, st.integers(0, 40), st.booleans())
def test_undone_after_mending_it_is_as_if_it_had_never_been(held, gone, meanwhile, days_between, twice):
    """The same packages with the same ends; less what ended or was denied meanwhile, and who is still gone."""
    real, never = (_world(held, gone, meanwhile, days_between, wrong=wrong, twice=twice) for wrong in (True, False))
    for who in PEOPLE:
        expected = rows(never, who)
        if who in gone:
            expected = _less(expected, meanwhile.get(who), real, who)
        assert rows(real, who) == expected, who


def _world(held, gone, meanwhile, days_between, *, wrong, twice):
    """Live through it, with a wrong wave that is mended and undone, or without any."""
    days = employed(*PEOPLE, requests=False)
    company = days.company
    begun = company.clock.now()
    for who, span in sorted(held.items()):
        requested(company, worker=who, ends=None if span is None else begun + span * DAY)
    name = wave(days, *sorted(gone))[0] if wrong else days.pass_by(HOUR)
    days.pass_by(days_between * DAY)
    for who in sorted(who for who, what in meanwhile.items() if what == "denied" and who in gone):
        company.directory.review("r", "package-extra", f"user-{who.lower()}", company.clock.now())
    if not wrong:
        days.pass_by((3 if twice else 2) * HOUR)
        return company
    mend(days, *[who for who in sorted(gone) if meanwhile.get(who) != "unmended"])
    for _ in range(2 if twice else 1):
        asked(days, name)
    return company


def _less(expected, what, real, who):
    """What somebody who was wrongly gone has in the end: less what was denied, bounded where it had no end."""
    if what == "unmended":
        return set()
    if what == "denied":
        return {row for row in expected if row[0] != "extra"}
    if ("extra", None) in expected:  # an exception must end
        (record,) = restored(real, who.lower())
        return expected - {("extra", None)} | {("extra", record.at + UNENDING)}
    return expected


@examples(10)
@given(st.integers(0, 20), st.booleans())
def test_a_reopened_project_gives_back_what_its_close_took(days_between, ahead):
    """Whether the close came by its event or by a timer, and however late it is undone."""
    days = on_a_project()
    company, now = days.company, days.company.clock.now()
    before = {name for name, _ in rows(company)}
    days.tell(closed("c", now, now + (DAY if ahead else 0 * DAY)))
    days.pass_by((days_between + 2) * DAY)
    days.tell(opened("o2", company.clock.now()))
    days.pass_by(HOUR)
    asked(days, "project:p1:c")
    assert {name for name, _ in rows(company)} == before
    (fact,) = granted(company)
    assert (fact.package, fact.until) == ("vault", END)


# --- deaths ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [True, False])
def test_dying_at_any_write_of_the_undoing_gives_back_once(after):
    """One record, one exception, one request, the right end; whichever write the app dies at."""
    number, deaths = 0, 1
    while deaths:
        number += 1
        days = employed("E1")
        company = days.company
        name, before = wave(days, "E1")
        mend(days, "E1")
        setattr(company.records, "crash_after" if after else "crash_before", company.records.writes + number)
        asked(days, name)
        days.pass_by(2 * HOUR)
        deaths = days.deaths
        assert rows(company) == before["E1"], number
        (record,), (fact,) = restored(company), granted(company)
        assert (fact.recorded.time, fact.until.isoformat()) == (record.at, record.detail["until"]), number
        assert len(added(company)) == 1, number
    assert number > 10


def test_what_the_record_says_is_what_is_stored_however_late():
    """Dead between the two, and taken up a day later in another's name: approver, time and end are the record's."""
    days = employed("E1", ends=None)
    company = days.company
    name, _ = wave(days, "E1")
    mend(days, "E1")
    begun = company.clock.now()
    run(begin_undo(Undo(name, "entra:boss", "INC-1", begun), company.ports))
    company.records.crash_after = company.records.writes + 1  # the record: the look before it finds nothing to write
    with pytest.raises(Crash):
        run(restore(check_of(name, "e1"), company.ports))
    assert len(restored(company)) == 1
    assert granted(company) == []
    company.clock.move(DAY)
    run(begin_undo(Undo(name, "entra:other", "INC-2", company.clock.now()), company.ports))
    days.pass_by(HOUR)
    (record,), (fact,) = restored(company), granted(company)
    assert (fact.recorded.time, fact.approver, fact.until) == (begun, "entra:boss", begun + UNENDING)
    assert (record.at, fact.justification) == (begun, f"restored from {name}: INC-1")
    assert ("extra", begun + UNENDING) in rows(company)


@pytest.mark.parametrize("after", [True, False])
def test_dying_at_any_write_of_the_run_forgets_nobody(after):
    """What the run took is known, whichever write it dies at: undoing it brings all of it back."""
    number, deaths = 0, 1
    while deaths:
        number += 1
        days = employed("E1")
        company = days.company
        setattr(company.records, "crash_after" if after else "crash_before", company.records.writes + number)
        name, before = wave(days, "E1")
        days.pass_by(2 * HOUR)
        deaths = days.deaths
        mend(days, "E1")
        asked(days, name)
        assert rows(company) == before["E1"], number
    assert number > 10


# --- two at once -----------------------------------------------------------------------------------------------------

TURNS = st.builds(
    Turns,
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 40)), max_size=8).map(tuple),
    st.one_of(st.none(), st.tuples(st.integers(0, 2), st.integers(1, 120))),
)


@examples(40)
@given(TURNS)
def test_two_that_undo_at_once_give_back_once(turns):
    """Three looks of two requests in turns, one of them dying: one record, one exception, one request."""
    days = employed("E1")
    company = days.company
    name, before = wave(days, "E1")
    mend(days, "E1")
    now = company.clock.now()
    run(begin_undo(Undo(name, "entra:boss", "INC-1", now), company.ports))
    run(begin_undo(Undo(name, "entra:other", "INC-2", now + MINUTE), company.ports))
    company.records.pause = company.bus.pause = company.directory.pause = pause
    interleave([attend(check_of(name, "e1"), company.ports) for _ in range(3)], turns)
    company.records.pause = company.bus.pause = company.directory.pause = no_pause
    days.pass_by(2 * HOUR)
    assert rows(company) == before["E1"]
    assert len(restored(company)) == len(granted(company)) == len(added(company)) == 1
    chain = run(run(open_dossier(company.records, "e1")).chain())
    assert first_break(chain) is None
    assert sum(record.tag is Tag.RESTORED for record in chain) == 1


# --- the guard -------------------------------------------------------------------------------------------------------


def test_the_guard_counts_what_comes_back():
    """More than it allows of one package waits under the name of the undoing, to be released as one set."""
    days = employed(*PEOPLE)
    company = days.company
    name, before = wave(days, *PEOPLE)
    mend(days, *PEOPLE)
    few = GuardLimits(removals=UNLIMITED.removals, additions=Limit(1), leavers=UNLIMITED.leavers)
    company.model = replace(company.model, guard=few, hash="model-2")
    asked(days, name)
    assert sum("extra" in company.has(who) for who in PEOPLE) == 1
    (held,) = run(holds.runs(company.records))
    assert (held.run, len(held.plans)) == (f"undo:{name}", 2)
    run(holds.approve(company.records, held, "entra:boss", "it is meant", company.clock.now()))
    asked(days, name)
    assert {who: rows(company, who) for who in PEOPLE} == before


def test_it_goes_behind_other_bulk_work():
    """Low priority: other runs get the most of the backlog, and a leaver's check does not wait for it."""
    days = employed("E1")
    name, _ = wave(days, "E1")
    ports = days.company.ports
    run(begin_undo(Undo(name, "entra:boss", "INC-1", days.company.clock.now()), ports))
    found = run(runs.find(ports.records, f"undo:{name}"))
    assert found is not None
    assert found.behind
