"""`due`: who is looked at when, what waits, how far runs are; records alone are read."""

import asyncio
from datetime import timedelta

import pytest

from lifecycle.records import runs, told
from lifecycle.records.runs import Run
from lifecycle.records.told import Mark
from tests.builders import EVERYONE, START, Company, a_model, joined
from tests.triggers.cli_shell import FIRST, Shell

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def expected():
    """E1 begins in two hours, so that is when they are looked at."""
    shell = Shell(Company(a_model(EVERYONE)))
    shell.say(joined("j", START, START + 2 * HOUR))
    return shell


def test_who_is_due_within_the_span_and_when(expected):
    """Nobody within an hour; with three, the person and the instant."""
    assert expected.json("due")["looks"] == []
    assert expected.json("due", "--within", "PT3H")["looks"] == [
        {"person": "e1", "at": "2026-01-05T11:00:00Z", "late_seconds": 0}
    ]
    assert "  2026-01-05T11:00:00Z  e1\n" in expected("due", "--within", "pt3h").stdout


def test_who_is_late_and_by_how_much(expected):
    """What the timer should have done is marked."""
    expected.company.clock.move(3 * HOUR + timedelta(minutes=10))
    shown = expected("due")
    assert "  2026-01-05T11:00:00Z  e1  ! late by 1 h 10 min\n" in shown.stdout
    assert "1 look due, 1 late" in shown.stderr


def test_what_was_told_and_not_looked_at(expected):
    """A person and a project, with the cause, and whether they count as forgotten."""
    shell = Shell(Company(a_model(EVERYONE)))
    shell.learn(joined("j", START, FIRST))
    asyncio.run(told.tell(shell.company.records, Mark("p1", "event:o", "project:p1:o", START, project=True)))
    shown = shell("due").stdout
    assert "  2026-01-05T09:00:00Z  e1  because of event:j\n" in shown
    assert "  2026-01-05T09:00:00Z  project p1  because of event:o\n" in shown
    shell.company.clock.move(HOUR)
    assert "e1  because of event:j  ! asked again at the next tick" in shell("due").stdout
    assert {mark["name"] for mark in shell.json("due")["told"]} == {"e1", "p1"}


def test_how_far_a_run_is():
    """Added, waiting, on the queue, looked at; also once nobody of it waits any more."""
    shell = Shell(Company(a_model(EVERYONE)))
    records, run = shell.company.records, Run("hr@today", "event:b", START)

    async def half():
        await runs.add(records, run, ["e1", "e2", "e3"], whole=True)
        await runs.reserve(records, run.name, ["e1", "e2"], 200, START)
        await runs.asked(records, run, ["e1", "e2"])
        await runs.taken_up(records, run.name, "e1")

    asyncio.run(half())
    assert (
        "  hr@today  begun 2026-01-05T09:00:00Z: 3 added, 1 waiting, 1 on the queue, 1 looked at\n"
        in shell("due").stdout
    )
    asyncio.run(runs.asked(records, run, ["e3"]))
    asyncio.run(runs.close(records, run, run.begun))
    (found,) = shell.json("due")["runs"]
    assert (found["waiting"], found["queued"]) == (0, 1)


def test_nothing_is_written_and_nothing_sent(expected):
    """Not even an entry that is stale is forgotten."""
    expected.company.clock.move(DAY)
    before = (expected.company.records.writes, len(expected.company.bus.sent))
    expected("due", "--within", "P30D")
    assert (expected.company.records.writes, len(expected.company.bus.sent)) == before


@pytest.mark.parametrize("span", ["1h", "P1M", ""])
def test_a_span_that_is_none(span):
    """A usage error that names the option."""
    assert "--within" in Shell()("due", "--within", span, code=64).stderr


def test_nothing_is_due():
    """It is said part by part."""
    assert Shell()("due").stdout.count("  nothing\n") == 3
