"""What is ours, judged: the clock, the timers, the budget, what is held; and what a report comes to."""

from datetime import UTC, datetime, timedelta

import pytest

from lifecycle.core.budget import Allowance, Spent
from lifecycle.core.health import (
    Check,
    Name,
    Note,
    Problem,
    Ran,
    Report,
    State,
    judge_budget,
    judge_clock,
    judge_held,
    judge_timer,
)
from lifecycle.core.model import Budget

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
WAKE, DRIFT = "0 */5 * * * *", "0 0 2 * * *"
OK, UNKNOWN, WARNING, FINDING = State


def told(check):
    return [(note.problem, note.state) for note in check.notes]


@pytest.mark.parametrize(
    ("seconds", "problems"),
    [
        (0, []),
        (59, []),
        (-59, []),
        (60, [(Problem.CLOCK_DRIFTS, WARNING)]),
        (-60, [(Problem.CLOCK_DRIFTS, WARNING)]),
        (300, [(Problem.CLOCK_WRONG, FINDING)]),
        (-300, [(Problem.CLOCK_WRONG, FINDING)]),
    ],
)
def test_a_clock_that_is_off(seconds, problems):
    """A minute is told, five break things, in either direction; the seconds are there for a program."""
    found = judge_clock(timedelta(seconds=seconds))
    assert (told(found), found.numbers) == (problems, (("ahead_seconds", seconds),))


def test_without_a_time_from_graph_nobody_knows():
    """That is no clock that is right."""
    assert judge_clock(None).state is UNKNOWN


def test_a_budget_that_runs_out():
    """Low is told; when additions wait, it is a finding."""

    def judged(used):
        return told(judge_budget(Allowance(Budget(100, 0.8, 0.05), Spent(used, used))))

    assert [judged(used) for used in (79, 80, 95)] == [
        [],
        [(Problem.BUDGET_LOW, WARNING)],
        [(Problem.BUDGET_RESERVED, FINDING)],
    ]


def timer(last, *, schedule=WAKE, name="wake", took=1.0, fault="", **others):
    ran = {} if last is None else {name: Ran(NOW - last, took, fault)}
    ran |= {other: Ran(NOW - ago) for other, ago in others.items()}
    return told(judge_timer(name, schedule, ran, NOW))


def test_a_timer_on_time():
    """One tick may just be due; so may a long run of the last one."""
    assert timer(timedelta(minutes=4)) == []
    assert timer(timedelta(minutes=9)) == []
    assert timer(timedelta(minutes=40), took=1800) == []


def test_a_timer_that_stands_still():
    """Two ticks passed without it; a timer of a day is not measured by minutes."""
    assert timer(timedelta(minutes=18)) == [(Problem.STANDS_STILL, FINDING)]
    assert timer(timedelta(hours=20), name="drift", schedule=DRIFT) == []
    assert timer(timedelta(hours=59), name="drift", schedule=DRIFT) == [(Problem.STANDS_STILL, FINDING)]


def test_a_timer_that_never_ran():
    """Before the deployment that is right; beside another timer that has run for long it stands still."""
    assert timer(None) == [(Problem.NEVER_RAN, WARNING)]
    assert timer(None, drift=timedelta(minutes=3)) == [(Problem.NEVER_RAN, WARNING)]
    assert timer(None, drift=timedelta(hours=3)) == [(Problem.STANDS_STILL, FINDING)]


def test_a_run_that_failed():
    """Its fault stays visible until the next run, beside that it is late."""
    assert timer(timedelta(minutes=1), fault="Transient") == [(Problem.LAST_RUN_FAILED, FINDING)]
    both = [(Problem.STANDS_STILL, FINDING), (Problem.LAST_RUN_FAILED, FINDING)]
    assert timer(timedelta(days=1), fault="cut short") == both


@pytest.mark.parametrize("schedule", ["", "*/5 * * * *", "0 0 0 30 2 *", "x x x x x x"])
def test_a_schedule_that_is_none(schedule):
    """The host would not run such a timer, so it is a finding whatever ran before."""
    assert timer(timedelta(), schedule=schedule) == [(Problem.SCHEDULE_WRONG, FINDING)]


def test_what_is_held_waits_for_somebody():
    """How many sets of how many people, and since when."""
    found = judge_held(2, 7, NOW)
    assert (told(found), found.numbers) == ([(Problem.HELD, WARNING)], (("sets", 2), ("people", 7)))
    assert "2026-03-02T12:00Z" in found.notes[0].seen
    assert judge_held(0, 0, None).state is OK


def test_the_worst_note_is_the_checks_state():
    """And only a finding makes a report unsound."""
    notes = [Note(state, Problem.HELD, "", "") for state in (WARNING, UNKNOWN, FINDING)]
    checks = [Check(Name.HELD, notes=tuple(notes[:count])) for count in range(4)]
    assert [check.state for check in checks] == [OK, WARNING, WARNING, FINDING]
    assert Check(Name.HELD, notes=(notes[1],)).state is UNKNOWN
    assert Report(tuple(checks[:3])).sound
    assert not Report(tuple(checks)).sound
    assert Report(tuple(checks)).count(WARNING) == 2
