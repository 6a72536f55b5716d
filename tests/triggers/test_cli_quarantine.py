"""`quarantine`: what was set aside is listed, counted and shown, and what becomes of it is asked of the app."""

import asyncio
import json
from datetime import timedelta

import pytest

from lifecycle.cli.quarantine import alike
from lifecycle.core.evidence import Tag
from lifecycle.errors import Transient
from lifecycle.ports import Message, Queue
from lifecycle.records.ledger import chain_in, partition_of
from tests.triggers.cli_shell import Shell

WHY = ("--because", "mended in HR")
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


def asked(shell):
    return [body["data"] for body in shell.bodies(Queue.SWEEPS) if body["type"] == "lifecycle.quarantine.dispose"]


def chain(shell):
    return asyncio.run(chain_in(shell.company.records, partition_of("operator:sandbox:tester")))


def names(shell, *arguments):
    return [one["name"] for one in shell.json("quarantine", "list", *arguments)]


def test_they_are_counted_by_what_their_reasons_say(aside):
    """Ids do not split a count; the most come first."""
    counts = aside.json("quarantine", "list", "--by", "reason")
    assert [one["count"] for one in counts] == [1, 1, 1]
    assert {one["reason"] for one in counts} >= {"MaxDeliveryCountExceeded"}
    by_queue = aside("quarantine", "list", "--by", "queue").stdout
    assert by_queue == "2  hr  since 2026-01-05T09:00:00Z\n1  work  since 2026-01-05T09:00:00Z\n"


def test_reasons_are_alike_but_for_their_ids():
    """What one cause has set aside a thousand times is one line."""
    one = "event evt-1: the source /hr/new is not listed under sources.worker"
    other = "event evt-2;x: the source /hr/old is not listed under sources.worker"
    assert alike(one).replace(";x", "") == alike(other).replace(";x", "")
    assert "evt-1" not in alike(one)


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (("--queue", "hr"), 2),
        (("--queue", "work"), 1),
        (("--queue", "projects"), 0),
        (("--reason", "IS NO json"), 1),
        (("--reason", "maxdelivery", "--queue", "hr"), 0),
        (("--since", "2026-01-05"), 3),
        (("--since", "2026-01-05T09:00:01Z"), 0),
        (("--first", "2"), 2),
    ],
)
def test_the_list_is_filtered(aside, arguments, count):
    """By queue, by a text in the reason, by time, and cut to a page."""
    assert len(names(aside, *arguments)) == count


def test_a_page_goes_on_where_the_last_one_ended(aside):
    """And says that there is more, and how to see it."""
    everything = names(aside)
    first = aside("quarantine", "list", "--first", "1")
    assert f"and 2 more: --after {everything[0]}" in first.stderr
    assert names(aside, "--after", everything[0]) == everything[1:]
    assert "is set aside (any more)" in aside("quarantine", "list", "--after", "99", code=1).stderr


@pytest.mark.parametrize(
    "arguments", [("--queue", "notices"), ("--since", "lately"), ("--by", "colour"), ("--first", "0")]
)
def test_a_wrong_filter_is_wrong_usage(aside, arguments):
    """Code 64."""
    aside("quarantine", "list", *arguments, code=64)


def test_a_replay_is_a_message_in_the_name_of_who_is_signed_in(aside):
    """Nothing is written here; the app sends it where it came from, takes it away and writes both down."""
    first = names(aside)[0]
    rows = aside.company.records.writes
    assert aside("quarantine", "replay", first, *WHY).stdout == f"asked to replay {first} to hr\n"
    assert aside.company.records.writes == rows
    assert first in names(aside)
    (body,) = asked(aside)
    assert (body["what"], body["names"], body["by"], body["because"]) == (
        "replay",
        [first],
        "sandbox:tester",
        "mended in HR",
    )
    aside.company.clock.move(timedelta(seconds=1))
    aside.settle()
    assert [one.tag for one in chain(aside)] == [Tag.REPLAY_INTENDED, Tag.REPLAYED]
    assert len(names(aside)) == 3
    assert first not in names(aside)


@pytest.mark.parametrize("command", ["replay", "discard", "show"])
@pytest.mark.parametrize("ended", ["replay", "discard"])
def test_what_was_disposed_of_is_said_with_when_by_whom_and_why(aside, ended, command):
    """Code 1, and nothing is sent."""
    first = names(aside)[0]
    aside("quarantine", ended, first, *WHY)
    aside.settle()
    result = aside("quarantine", command, first, *(() if command == "show" else WHY), code=1)
    said = f"message {first} was {ended}ed at 2026-01-05T09:00:00Z by sandbox:tester because: mended in HR"
    assert said in " ".join(result.stderr.split())
    assert len(asked(aside)) == 1


def test_everything_can_be_replayed_at_once(aside):
    """The dead letter too, with its session."""
    assert "3 messages; " in aside("quarantine", "replay", "--all", *WHY).stderr
    aside.settle()
    replayed = [message for queue, message, _ in aside.company.bus.sent if queue is Queue.WORK]
    assert [message.session for message in replayed] == ["e1"]
    assert len(chain(aside)) == 6


@pytest.mark.parametrize("command", ["replay", "discard"])
def test_those_of_one_reason_are_chosen_by_it(aside, command):
    """A text in any case; what nothing fits is said with code 1, and an empty one would be everything."""
    aside("quarantine", command, "--reason", "IS NO JSON", *WHY)
    assert [one["names"] for one in asked(aside)] == [names(aside)[:1]]
    assert "has such a reason" in aside("quarantine", command, "--reason", "no such", *WHY, code=1).stderr
    aside("quarantine", command, "--reason", " ", *WHY, code=64)
    assert len(asked(aside)) == 1


def test_a_discard_takes_it_away_for_good(aside):
    """It is gone, nothing was sent to hr, and the evidence has its digest and why."""
    first = names(aside)[0]
    before = len(aside.bodies(Queue.SWEEPS))
    assert aside("quarantine", "discard", first, *WHY).stdout == f"asked to discard {first}\n"
    assert len(aside.bodies(Queue.SWEEPS)) == before + 1
    aside.settle()
    assert first not in names(aside)
    assert aside.company.bus.waiting(Queue.HR) == []
    assert [one.tag for one in chain(aside)] == [Tag.DISCARD_INTENDED, Tag.DISCARDED]
    assert "Ada" not in json.dumps([dict(one.detail) for one in chain(aside)])


def test_many_go_in_several_messages(aside):
    """A request is bounded, and each part is a message of its own."""
    for number in range(60):
        aside.company.bus.dead_letter(Queue.HR, Message(f"m{number}", b"{}"), "MaxDeliveryCountExceeded")
    aside("quarantine", "discard", "--reason", "maxdelivery", *WHY)
    assert [len(one["names"]) for one in asked(aside)] == [50, 11]


def test_one_that_cannot_be_replayed_keeps_none_back(aside):
    """It is said, the code is 1, the others were asked for; it can be discarded."""
    asyncio.run(aside.company.bus.send(Queue.QUARANTINE, [Message("odd", b"{}")]))
    result = aside("quarantine", "replay", "--all", *WHY, code=1)
    assert "does not say which queue it came from" in result.stderr
    (one,) = asked(aside)
    assert len(one["names"]) == 3
    (odd,) = set(names(aside)) - set(one["names"])
    aside("quarantine", "discard", odd, *WHY)


@pytest.mark.parametrize(
    "arguments",
    [["show", "99"], ["replay", "99", *WHY], ["replay", "hr:99", *WHY], ["discard", "99", "1", *WHY]],
)
def test_a_message_that_is_not_there(aside, arguments):
    """Nothing else is touched."""
    assert "is set aside (any more)" in aside("quarantine", *arguments, code=1).stderr
    assert asked(aside) == []


@pytest.mark.parametrize("name", ["hr", "x:1", "-1x", "\x1b[2J", "1 2"])
def test_a_name_that_can_be_none(aside, name):
    """What a name looks like is said, and nothing of it can steer the terminal."""
    result = aside("quarantine", "discard", *WHY, "--", name, code=1)
    assert "is no name of a message" in result.stderr
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["replay", *WHY],
        ["replay", "1", "--all", *WHY],
        ["replay", "--all", "--reason", "x", *WHY],
        ["replay", "1"],
        ["discard", *WHY],
        ["discard", "1"],
        ["discard", "1", "--because", " "],
        ["replay", "1", "--because", "a\nb"],
        ["show"],
    ],
)
def test_which_message_and_why_must_be_said(aside, arguments):
    """Nothing is replayed or discarded by accident or without a reason."""
    aside("quarantine", *arguments, code=64)
    assert asked(aside) == []


def test_nothing_set_aside_is_said():
    """The list, and a replay of everything, end well; a reason that fits nothing does not."""
    shell = Shell()
    assert "nothing was set aside" in shell("quarantine", "list").stderr
    assert shell.json("quarantine", "list") == []
    assert "nothing was set aside" in shell("quarantine", "replay", "--all", *WHY).stderr
    assert "nothing that was set aside fits" in shell("quarantine", "list", "--queue", "hr").stderr


@pytest.mark.parametrize("arguments", [["list"], ["show", "1"], ["replay", "1", *WHY], ["discard", "1", *WHY]])
def test_queues_that_do_not_answer_are_one_message(arguments):
    """Code 1, and what did not answer."""
    shell = Shell()

    async def silent(queue, *, dead=False):
        raise Transient(f"Service Bus did not serve {queue}: ServiceBusConnectionError.")

    shell.company.bus.browse = silent
    assert "did not serve" in shell("quarantine", *arguments, code=1).stderr
