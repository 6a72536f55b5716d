"""`send` and `feed`: what is checked, where it goes, and that all of it goes or nothing."""

import json
from pathlib import Path

import pytest

from lifecycle.cli.send import split
from lifecycle.contract.cloudevents import TYPES, Group, encode_fact, encode_work
from lifecycle.core.model import Sources
from lifecycle.core.work import Check
from lifecycle.ports import Queue
from tests.builders import EVERYONE, HR, START, Company, a_model, a_worker, joined
from tests.triggers.cli_shell import FIRST, Shell

EXAMPLES = Path(__file__).parents[2] / "examples"
EVENTS = sorted((EXAMPLES / "events").glob("*.json"))

GOOD = encode_fact(joined("j", START, FIRST))
OTHER = encode_fact(joined("j2", START, FIRST, a_worker("E2")))


@pytest.fixture
def shell():
    return Shell(Company(a_model(EVERYONE), users=("E1", "E2")))


def sent(shell):
    return [queue for queue, _, _ in shell.company.bus.sent]


@pytest.mark.parametrize("file", EVENTS, ids=lambda path: path.stem)
def test_each_example_event_goes_to_the_queue_of_its_type(shell, file):
    """What the docs tell people to send is accepted, byte for byte, with who sent it in front."""
    shell("send", str(file))
    ((queue, message, _),) = shell.company.bus.sent
    assert queue is TYPES[json.loads(file.read_bytes())["type"]].queue
    assert message.body == b'{"actor":"sandbox:tester",' + file.read_bytes().strip().removeprefix(b"{")


def test_an_event_that_was_sent_is_taken_in(shell):
    """From the file to the person's access."""
    shell("send", "-", stdin=GOOD)
    shell.settle()
    assert "staff" not in shell.company.has()
    assert "rule everyone" in shell("explain", "E1").stdout


@pytest.mark.parametrize(
    "content",
    [
        b"[" + GOOD + b", " + OTHER + b"]",
        GOOD + b"\n" + OTHER + b"\n\n",
        b"\xef\xbb\xbf" + json.dumps(json.loads(GOOD), indent=2).encode() + json.dumps(json.loads(OTHER)).encode(),
    ],
    ids=["array", "lines", "documents"],
)
def test_several_events_in_one_file(shell, content):
    """An array, lines, or documents one behind the other are the same two events."""
    assert [one["id"] for one in shell.json("send", "-", stdin=content)] == ["j", "j2"]
    assert sent(shell) == [Queue.HR, Queue.HR]


def test_one_bad_event_keeps_all_of_them_back(shell):
    """Path and rule are said by the number of the event, its values are not, and nothing is sent."""
    bad = json.loads(OTHER)
    bad["data"]["worker"]["contractEnd"] = "a secret"
    result = shell("send", "-", stdin=b"[" + GOOD + b"," + json.dumps(bad).encode() + b"]", code=1)
    assert "event 2: $.data.worker.contractEnd: is no date (YYYY-MM-DD)" in result.stderr
    assert "a secret" not in result.stderr
    assert sent(shell) == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "there is no event in it"),
        (b"[]", "there is no event in it"),
        (b"{", "event 1: $: is no JSON"),
        (b"[1]", "event 1: $: is no JSON object"),
        (b"\xff\xfe", "event 1: $: is no JSON"),
        (b"[" * 100_000, "event 1: $:"),
        (GOOD + b"\n{nonsense}", "event 2: $: is no JSON"),
        (b'{"specversion": "1.0"}', "event 1: $.id: is missing"),
    ],
    ids=["empty", "no events", "cut", "number", "binary", "nested", "second line", "no id"],
)
def test_bad_input_is_one_message(shell, content, says):
    """Whatever is piped in, the answer is a path and a rule, code 1, and nothing sent."""
    assert says in shell("send", "-", stdin=content, code=1).stderr
    assert sent(shell) == []


def test_a_file_that_is_not_there(shell, tmp_path):
    """The name and the reason, no traceback."""
    assert "cannot be read: No such file" in shell("send", str(tmp_path / "none.json"), code=1).stderr


def test_the_apps_own_messages_cannot_be_sent(shell):
    """A check typed by hand would go round intake's trust; it is refused, and unchecked it is set aside."""
    body = encode_work(Check("e1", "cli"), id="x", source="/lifecycle", time=START)
    assert "is the app's own" in shell("send", "-", stdin=body, code=1).stderr
    shell("send", "-", "--unchecked", stdin=body)
    assert {TYPES[json.loads(body)["type"]].group, *sent(shell)} == {Group.INTERNAL, Queue.HR}
    shell.settle()
    assert "may not arrive on the queue hr" in shell("quarantine", "list").stdout


def test_unchecked_sends_what_does_not_fit_to_see_it_set_aside(shell):
    """Bytes go as they are, to the queue that was named."""
    shell("send", "-", "--unchecked", "--queue", "projects", stdin=b'{"type": "x", ')
    assert [(queue, message.body) for queue, message, _ in shell.company.bus.sent] == [
        (Queue.PROJECTS, b'{"type": "x",')
    ]
    shell.settle()
    assert "from projects" in shell("quarantine", "list").stdout


def test_only_queues_from_outside_can_be_named(shell):
    """Nobody types on work, sweeps, notices or quarantine."""
    shell("send", "-", "--unchecked", "--queue", "work", stdin=b"{", code=64)
    assert sent(shell) == []


def test_again_passes_duplicate_detection(shell):
    """The same event is one message, unless it is meant to be another."""
    shell("send", "-", stdin=GOOD)
    shell("send", "-", stdin=GOOD)
    assert sent(shell) == [Queue.HR]
    shell("send", "-", "--again", stdin=GOOD)
    assert sent(shell) == [Queue.HR, Queue.HR]


def test_what_was_read_of_a_file_is_its_own_bytes():
    """Numbers and order stay as they were written: what is stored is what was sent."""
    assert split(b'[{"b": 1.50, "a": 1}]') == [b'{"b": 1.50, "a": 1}']
    assert split(b'{"b": 1.50, "a": 1} {"c":2}') == [b'{"b": 1.50, "a": 1}', b'{"c":2}']


# --- feed ----------------------------------------------------------------------------------------------------------

FEED = ["feed", str(EXAMPLES / "people.csv"), "--mapping", str(EXAMPLES / "mapping.yaml")]


@pytest.fixture
def hospital():
    """A company whose model lists the example mapping's source."""
    sources = Sources(worker=frozenset({"/hr/workday"}))
    shell = Shell(Company(a_model(EVERYONE, sources=sources)))
    shell.company.clock.set(START.replace(month=6))
    return shell


def test_a_list_becomes_events_and_says_so(hospital):
    """Counts, who, and since when; the bus has as many."""
    shown = hospital(*FEED, "--as-of", "2026-03-02").stdout
    assert "/hr/workday as of 2026-03-01T23:00:00Z: 6 rows, sent 5 joined, 1 left" in shown
    assert "joined e1001 2019-04-01" in shown
    assert sent(hospital) == [Queue.HR] * 6
    assert {body["actor"] for body in hospital.bodies(Queue.HR)} == {"sandbox:tester"}


def test_a_dry_run_sends_nothing(hospital):
    """The same report, no message, no row."""
    report = hospital.json(*FEED, "--as-of", "2026-03-02T05:00:00+01:00", "--dry-run")
    assert (report["counts"], report["dry_run"], report["as_of"]) == (
        {"joined": 5, "left": 1},
        True,
        "2026-03-02T04:00:00+00:00",
    )
    assert (sent(hospital), hospital.company.records.writes) == ([], 0)


@pytest.mark.parametrize("when", ["yesterday", "2026-02-30", "2026-03-02T05:00:00"])
def test_a_moment_that_is_none_is_wrong_usage(hospital, when):
    """Before anything is read or sent."""
    hospital(*FEED, "--as-of", when, code=64)
    assert sent(hospital) == []


def test_a_source_that_the_model_does_not_list_is_refused():
    """Every event of it would be set aside."""
    shell = Shell(Company(a_model(EVERYONE, sources=Sources(worker=frozenset({HR})))))
    assert "is not listed under sources.worker" in shell(*FEED, "--as-of", "2026-01-02", code=1).stderr
    assert sent(shell) == []


def test_a_list_that_cannot_be_read_is_one_message(hospital, tmp_path):
    """An absent file, an absent mapping, a broken list: what and where, code 1."""
    absent = str(tmp_path / "absent")
    assert f"{absent} cannot be read" in hospital("feed", absent, *FEED[2:], code=1).stderr
    assert absent in hospital(*FEED[:3], absent, code=1).stderr
    (tmp_path / "list.csv").write_text("nonsense\n")
    assert "refused" in hospital("feed", str(tmp_path / "list.csv"), *FEED[2:], code=1).stderr
