"""`undo`: what a bad run took and what comes back of it; that it shows what then happens, and sends one message."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lifecycle.core.model import GuardLimits, Limit
from lifecycle.errors import Transient
from lifecycle.ports import Queue
from tests.builders import UNLIMITED, a_worker, left, moved, rescinded, utc
from tests.triggers.cli_shell import employed

END = utc(2026, 5, 1, 12)
HOUR = timedelta(hours=1)
RUN = "event:l"


@pytest.fixture
def shell():
    """E1, who had requested `extra`, was said to have left by mistake; HR took it back."""
    shell = taken()
    now = shell.company.clock.now()
    shell.say(rescinded("r", now, "l"))
    shell.time(HOUR)
    return shell


def taken():
    shell = employed(department="Care")
    shell.company.directory.give("user-e1", "package-extra", "policy-self-service", ends=END)
    shell.time(HOUR)
    now = shell.company.clock.now()
    shell.say(left("l", now, now, immediate=True))
    shell.time(HOUR)
    assert shell.company.has() == set()
    return shell


def asked(shell):
    return [body for body in shell.bodies(Queue.SWEEPS) if body["type"] == "lifecycle.undo.requested"]


def state(found):
    return {one["package"]: one["state"] for person in found["people"] for one in person["assignments"]}


def test_it_shows_each_assignment_and_what_becomes_of_it(shell):
    """Whose it was, until when, what is there again and what would be given back; nothing is written or sent."""
    rows, sent = shell.company.records.writes, len(shell.company.bus.sent)
    result = shell("undo", RUN, code=2)
    assert result.stdout == (
        "run event:l  took 3 assignments from 1 person\n"
        "e1\n"
        "  = base  assignment-1 (ours, was without end)  there again without end\n"
        "  = care  assignment-2 (ours, was without end)  there again without end\n"
        "  + extra  assignment-3 (requested, was until 2026-05-01T12:00:00Z)  requested: given back as an exception "
        "until 2026-05-01T12:00:00Z\n"
        "1 to give back, 0 on the way, 2 back, 0 skipped\n"
    )
    assert "--apply --because TEXT" in result.stderr
    assert (shell.company.records.writes, len(shell.company.bus.sent)) == (rows, sent)


def test_applying_sends_one_message_in_the_name_of_who_is_signed_in(shell):
    """It writes no row itself; the app then does what was shown, and asked again the command says it is there."""
    rows = shell.company.records.writes
    shown = shell("undo", RUN, "--apply", "--because", " INC-42 ").stdout
    assert "asked to undo run event:l by sandbox:tester\n" in shown
    assert shell.company.records.writes == rows
    (body,) = asked(shell)
    assert (body["subject"], body["data"]) == (
        RUN,
        {"by": "sandbox:tester", "because": "INC-42", "at": "2026-01-05T12:05:00Z"},
    )
    assert shell.json("undo", RUN, code=2)["totals"] == {"back": 2, "waiting": 0, "open": 1, "skipped": 0}
    shell.settle()
    assert state(shell.json("undo", RUN)) == {"base": "back", "care": "back", "extra": "waiting"}
    assert "asked for already; its turn comes" in shell("undo", RUN).stdout
    shell.time(timedelta(seconds=2))
    assert "its request is under way" in shell("undo", RUN).stdout
    shell.time(HOUR)
    found = shell.json("undo", RUN)
    assert state(found) == {"base": "back", "care": "back", "extra": "back"}
    assert (found["under_way"]["looked_at"], found["under_way"]["waiting"]) == (1, 0)
    assert shell.company.has() == {"base", "care", "extra"}
    assert "nothing to give back: nothing was sent" in shell("undo", RUN, "--apply", "--because", "again").stdout
    assert len(asked(shell)) == 1


def test_for_a_program(shell):
    """What it was, whose, until when, taken when and because of what."""
    found = shell.json("undo", RUN, code=2)
    (person,) = found["people"]
    extra = person["assignments"][2]
    assert (found["run"], found["by"], found["sent"], found["failed"]) == (RUN, "sandbox:tester", False, {})
    assert (extra["ours"], extra["policy"], extra["was_until"]) == (
        False,
        "policy-self-service",
        "2026-05-01T12:00:00Z",
    )
    assert (extra["cause"], extra["taken_at"], extra["until"]) == (RUN, "2026-01-05T10:05:00Z", "2026-05-01T12:00:00Z")
    assert shell.json("undo", RUN, "--apply", "--because", "x")["sent"] is True


def test_before_the_cause_is_mended_there_is_nothing_to_do():
    """It says what to do first, with code 0; applying sends nothing."""
    shell = taken()
    shown = shell("undo", RUN, "--apply", "--because", "x").stdout
    assert shown.count("mend the cause first") == 3
    assert "0 to give back, 0 on the way, 0 back, 3 skipped\n" in shown
    assert asked(shell) == []


def test_what_the_guard_would_hold_is_said(shell):
    """With its arithmetic; and is then on the way, held."""
    none = GuardLimits(removals=UNLIMITED.removals, additions=Limit(0), leavers=UNLIMITED.leavers)
    shell.company.model = replace(shell.company.model, guard=none)
    shown = shell("undo", RUN, "--apply", "--because", "x").stdout
    assert "  ! the guard would hold assign extra until 2026-05-01T12:00:00Z: additions:extra: 0 counted" in shown
    shell.settle()
    shell.time(HOUR)
    assert shell.json("held")[0]["run"] == "undo:event:l"
    assert "~ extra  assignment-3 (requested, was until 2026-05-01T12:00:00Z)  held by the guard under run" in (
        shell("undo", RUN).stdout
    )


def test_nobody_gives_back_to_themselves_here_either(shell):
    """The dry run says what the app would say."""
    shell.who = "entra:user-e1"
    shown = shell("undo", RUN).stdout
    assert "nobody grants an exception to themselves; another one must approve" in shown


def test_a_run_that_nobody_knows(shell):
    """It says where names are found."""
    result = shell("undo", "event:nonsense", code=1)
    assert "nothing is known to have been taken by a run or cause of this name" in " ".join(result.stderr.split())


def test_a_run_that_took_nothing(shell):
    """A run of which all is held, or that only gave."""
    none = GuardLimits(removals=Limit(0), additions=UNLIMITED.additions, leavers=UNLIMITED.leavers)
    shell.company.model = replace(shell.company.model, guard=none)
    now = shell.company.clock.now()
    shell.say(moved("m", now, now, a_worker(department="Sales")))
    assert shell.json("held")[0]["run"] == "event:m"
    assert "run event:m took nothing" in shell("undo", "event:m").stdout
    assert shell.json("undo", "event:m")["people"] == []


@pytest.mark.parametrize("because", [[], ["--because", "  "]])
def test_a_reason_is_asked_for(shell, because):
    """Without one nothing is sent."""
    assert "say why" in " ".join(shell("undo", RUN, "--apply", *because, code=64).stderr.split())
    assert asked(shell) == []


def test_a_cause_as_the_evidence_shows_it_names_its_run(shell):
    """`sweep:` and `release:` before a run's name are what the evidence writes."""
    assert shell.json("undo", f"release:{RUN}", code=2)["run"] == RUN


def test_one_who_cannot_be_looked_at_does_not_hide_the_others(shell):
    """It is said, and the code is 1."""
    shell.company.directory.failures.plan(None, Transient("503"))
    result = shell("undo", RUN, code=1)
    assert "error: e1: 503" in result.stderr
