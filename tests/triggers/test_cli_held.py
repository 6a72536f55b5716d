"""`held`, `release` and `quarantine`: what waits for a person, and that releasing is a message."""

import asyncio
from datetime import timedelta

import pytest

from lifecycle.core.model import GuardLimits, Limit
from lifecycle.ports import Message, Queue
from tests.builders import CARE, EVERYONE, SALES, Company, a_model, a_worker, moved
from tests.triggers.cli_shell import Shell, employed

RUN = "event:m"


@pytest.fixture
def held():
    """E1 moves, and the guard does not believe that care goes."""
    shell = employed(Company(a_model(EVERYONE, CARE, SALES, guard=GuardLimits(removals=Limit(0)))), department="Care")
    now = shell.company.clock.now()
    shell.say(moved("m", now, now, a_worker(department="Sales")))
    return shell


def the_hash(shell):
    (one,) = shell.json("held")
    return one["hash"]


def releases(shell):
    return [body for body in shell.bodies(Queue.SWEEPS) if body["type"] == "lifecycle.plan.released"]


def test_a_held_set_is_shown_with_its_arithmetic_and_how_to_release_it(held):
    """Run, people, steps, why, and the command."""
    name = the_hash(held)
    assert held("held").stdout == (
        f"run {RUN}  1 person, 1 step\n"
        f"  hash {name}\n"
        "  why  removals: 0 counted in the window, 1 more wanted, 0 allowed\n"
        "  e1  remove care (assignment-2)  (event:m, since 2026-01-05T09:05:00Z)\n"
        f"  lifecycle release '{RUN}' --hash {name[:12]}\n\n"
    )


def test_nothing_held_is_said():
    """And is an empty list for a program."""
    shell = Shell()
    assert shell("held").stdout == "nothing is held\n"
    assert shell.json("held") == []


@pytest.mark.parametrize("length", [8, 12, 64])
def test_a_release_is_a_message_in_the_name_of_who_is_signed_in(held, length):
    """It carries the whole hash, writes no row itself, and the app then does what was held."""
    name, rows = the_hash(held), held.company.records.writes
    held("release", RUN, "--hash", name[:length].upper())
    assert held.company.records.writes == rows
    (body,) = releases(held)
    assert (body["type"], body["subject"]) == ("lifecycle.plan.released", RUN)
    assert body["data"] == {"set_hash": name, "by": "sandbox:tester"}
    held.settle()
    held.time(held.company.directory.latency * 2)
    assert held.company.has() == {"base", "crm"}
    assert held.json("held") == []


@pytest.mark.parametrize(
    ("run", "named", "code", "says"),
    [
        (RUN, "0" * 64, 1, "the held set is now"),
        ("event:other", "0" * 8, 1, "nothing is held"),
        (RUN, "0" * 7, 64, "is too short"),
        (RUN, "", 64, "is too short"),
    ],
)
def test_what_was_not_shown_is_not_released(held, run, named, code, says):
    """Another hash, another run, or too little of a hash: refused here, and no message goes."""
    result = held("release", run, "--hash", named, code=code)
    assert says in " ".join(result.stderr.split())
    assert releases(held) == []


# --- quarantine ----------------------------------------------------------------------------------------------------

SECRET = b'{"name": "Ada\x1b[2J \xf0\x9f\x98\x80'


@pytest.fixture
def aside():
    """Two messages from hr were set aside, and the broker gave one up."""
    shell = Shell()
    for body in (SECRET, b'{"specversion": "1.0"}'):
        shell("send", "-", "--unchecked", stdin=body)
    shell.settle()
    shell.company.bus.dead_letter(Queue.WORK, Message("w", b"{}", session="e1"), "MaxDeliveryCountExceeded")
    return shell


def test_the_list_has_ids_and_reasons_and_no_contents(aside):
    """Ours by number, the broker's by queue and number."""
    found = aside.json("quarantine", "list")
    assert [(one["from"], one["dead"]) for one in found] == [("hr", False), ("hr", False), ("work", True)]
    assert found[2]["name"].startswith("work:")
    shown = aside("quarantine", "list").stdout
    assert [line.split()[0] for line in shown.splitlines()] == [one["name"] for one in found]
    assert "$.id: is missing" in shown
    assert "Ada" not in shown


def test_one_is_shown_whole_with_a_warning(aside):
    """The body cannot steer the terminal, and personal data is warned of."""
    name = aside.json("quarantine", "list")[0]["name"]
    result = aside("quarantine", "show", name)
    assert "personal data" in result.stderr
    assert '{"name": "Ada\\x1b[2J' in result.stdout
    assert "\x1b" not in result.stdout
    assert "Ada" in aside.json("quarantine", "show", name)["body"]


def test_a_replay_sends_it_where_it_came_from_and_takes_it_away(aside):
    """By name; what is still wrong comes back under another."""
    first = aside.json("quarantine", "list")[0]["name"]
    assert aside("quarantine", "replay", first).stdout == f"replayed {first} to hr\n"
    assert [message.body for message in aside.company.bus.waiting(Queue.HR)] == [SECRET]
    assert first not in [one["name"] for one in aside.json("quarantine", "list")]
    aside.company.clock.move(timedelta(seconds=1))
    aside.settle()
    names = [one["name"] for one in aside.json("quarantine", "list")]
    assert len(names) == 3
    assert first not in names


def test_everything_can_be_replayed_at_once(aside):
    """The dead letter too, with its session."""
    assert "3 messages sent round again" in aside("quarantine", "replay", "--all").stderr
    assert aside.json("quarantine", "list") == []
    assert [message.session for message in aside.company.bus.waiting(Queue.WORK)] == ["e1"]


def test_one_that_cannot_be_replayed_keeps_none_back(aside):
    """It is said, the code is 1, the others went."""
    asyncio.run(aside.company.bus.send(Queue.QUARANTINE, [Message("odd", b"{}")]))
    result = aside("quarantine", "replay", "--all", code=1)
    assert "does not say which queue it came from" in result.stderr
    assert len(aside.json("quarantine", "list")) == 1


@pytest.mark.parametrize("arguments", [["show", "99"], ["replay", "99"], ["replay", "hr:99"]])
def test_a_message_that_is_not_there(aside, arguments):
    """Nothing else is touched."""
    assert "is set aside (any more)" in aside("quarantine", *arguments, code=1).stderr
    assert len(aside.json("quarantine", "list")) == 3


@pytest.mark.parametrize("arguments", [["replay"], ["replay", "1", "--all"], ["show"]])
def test_which_message_must_be_said(aside, arguments):
    """Nothing is replayed by accident."""
    aside("quarantine", *arguments, code=64)
    assert len(aside.json("quarantine", "list")) == 3
