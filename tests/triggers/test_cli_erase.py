"""`erase`: a message in the name of who is signed in, refused for whoever is still there."""

from datetime import timedelta

import pytest

from lifecycle.ports import Queue
from tests.builders import left
from tests.triggers.cli_shell import Shell, employed


@pytest.fixture
def gone() -> Shell:
    """E1 has left forty days ago."""
    shell = employed()
    now = shell.company.clock.now()
    shell.say(left("l", now, now, immediate=True))
    shell.time(timedelta(days=40))
    return shell


def asked(shell):
    return [body for body in shell.bodies(Queue.WORK) if body["type"] == "lifecycle.person.erase"]


def test_it_is_a_message_and_the_app_erases(gone):
    """The command writes nothing itself; by whom comes from the token."""
    rows = gone.company.records.writes
    assert gone.json("erase", "E1", "--reason", " T-1 ", "--yes") == {
        "person": "e1",
        "by": "sandbox:tester",
        "reason": "T-1",
    }
    assert gone.company.records.writes == rows
    (body,) = asked(gone)
    assert body["data"] == {"by": "sandbox:tester", "reason": "T-1", "before": None}
    gone.settle()
    assert "nobody is known" in " ".join(gone("explain", "E1", code=1).stderr.split())
    said = gone("verify").stdout
    assert said.endswith("\n")
    assert gone.json("verify")["erased"] == 1


def test_it_asks_first(gone):
    """No is no."""
    assert "nothing was sent" in gone("erase", "E1", "--reason", "T-1", stdin="n\n", code=1).stderr
    assert asked(gone) == []
    gone("erase", "E1", "--reason", "T-1", stdin="y\n")
    assert len(asked(gone)) == 1


def test_whoever_is_employed_is_not_erased():
    """Said here already, and nothing goes."""
    shell = employed()
    assert "is employed" in " ".join(shell("erase", "E1", "--reason", "T-1", "--yes", code=1).stderr.split())
    assert asked(shell) == []


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201])
def test_a_reason_is_needed_and_short(gone, reason):
    """It is kept for good."""
    gone("erase", "E1", "--reason", reason, "--yes", code=64)
    assert asked(gone) == []
