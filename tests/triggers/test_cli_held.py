"""`held` and `release`: what waits for a person, that releasing is a message, and that causers cannot release."""

import asyncio

import pytest

from lifecycle.contract.cloudevents import decode, encode_fact
from lifecycle.core.evidence import Tag
from lifecycle.core.model import GuardLimits, Limit
from lifecycle.ports import Queue
from lifecycle.records.ledger import chain_in, partition_of
from tests.builders import CARE, EVERYONE, SALES, Company, a_model, a_worker, joined, moved
from tests.triggers.cli_shell import Shell, employed

RUN = "event:m"
WHY = ("--because", "the ward says so")


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


def shown(name, *, plans="", cause="no person is known: /hr/test"):
    return (
        f"run {RUN}  1 person, 1 step\n"
        f"  hash   {name}\n"
        "  since  2026-01-05T09:05:00Z\n"
        "  steps  1 remove care\n"
        f"  cause  {cause}\n"
        "  why    removals: 0 counted in the window, 1 more wanted, 0 allowed\n"
        f"{plans}"
        f"  lifecycle release '{RUN}' --hash {name[:12]} --because '…'\n\n"
    )


def test_a_held_set_is_shown_with_its_arithmetic_and_how_to_release_it(held):
    """Run, counts, since when, who caused it, why, and the command; of one run everybody with their steps."""
    name = the_hash(held)
    assert held("held").stdout == shown(name)
    plans = "  e1  remove care (assignment-2)  (event:m, since 2026-01-05T09:05:00Z)\n"
    assert held("held", RUN).stdout == shown(name, plans=plans)
    one = held.json("held", RUN)
    assert (one["run"], one["steps"], one["causers"], one["sources"]) == (RUN, {"remove care": 1}, [], ["/hr/test"])


def test_a_run_that_holds_nothing_is_said():
    """One message, code 1."""
    assert "run x: nothing is held" in Shell()("held", "x", code=1).stderr


def test_nothing_held_is_said():
    """And is an empty list for a program."""
    shell = Shell()
    assert shell("held").stdout == "nothing is held\n"
    assert shell.json("held") == []


@pytest.mark.parametrize("length", [8, 12, 64])
def test_a_release_is_a_message_in_the_name_of_who_is_signed_in(held, length):
    """It carries the whole hash, writes no row itself, and the app then does what was held."""
    name, rows = the_hash(held), held.company.records.writes
    held("release", RUN, "--hash", name[:length].upper(), *WHY)
    assert held.company.records.writes == rows
    (body,) = releases(held)
    assert (body["type"], body["subject"]) == ("lifecycle.plan.released", RUN)
    assert body["data"] == {"set_hash": name, "by": "sandbox:tester", "because": "the ward says so"}
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
    result = held("release", run, "--hash", named, *WHY, code=code)
    assert says in " ".join(result.stderr.split())
    assert releases(held) == []


@pytest.mark.parametrize("because", ["", "   ", "two\nlines", "\x1b[31m", "\u202etxt", "x" * 501])
def test_a_reason_that_is_none_is_wrong_usage(held, because):
    """Empty, hostile or endless: nothing is sent, code 64."""
    result = held("release", RUN, "--hash", the_hash(held), "--because", because, code=64)
    assert "--because" in result.stderr
    assert "\x1b" not in result.stderr
    assert releases(held) == []


def test_a_release_says_why(held):
    """Without --because it is wrong usage."""
    held("release", RUN, "--hash", the_hash(held), code=64)
    assert releases(held) == []


@pytest.fixture
def caused():
    """E1's move was sent at the command line by the one who is signed in, and is held."""
    shell = employed(Company(a_model(EVERYONE, CARE, SALES, guard=GuardLimits(removals=Limit(0)))), department="Care")
    now = shell.company.clock.now()
    shell("send", "-", stdin=encode_fact(moved("m", now, now, a_worker(department="Sales"))))
    shell.settle()
    return shell


def test_who_sent_the_event_is_shown_and_cannot_release_what_it_holds(caused):
    """Refused here with code 1, nothing is released, and the attempt is sent to be written down."""
    name = the_hash(caused)
    assert caused("held").stdout == shown(name, cause="sandbox:tester, who cannot release it")
    result = caused("release", RUN, "--hash", name, *WHY, code=1)
    assert "sandbox:tester caused this hold" in result.stderr
    assert releases(caused) == []
    caused.settle()
    assert the_hash(caused) == name
    chain = asyncio.run(chain_in(caused.company.records, partition_of(f"run:{RUN}")))
    assert [(one.tag, one.cause) for one in chain] == [(Tag.RELEASE_REFUSED, "operator:sandbox:tester")]


def test_another_one_releases_it(caused):
    """Somebody else is signed in: asked for, recorded, done."""
    caused.who = "sandbox:another"
    caused("release", RUN, "--hash", the_hash(caused), *WHY)
    caused.settle()
    caused.time(caused.company.directory.latency * 2)
    assert caused.company.has() == {"base", "crm"}
    chain = asyncio.run(chain_in(caused.company.records, partition_of(f"run:{RUN}")))
    assert [(one.tag, one.detail.get("because")) for one in chain] == [
        (Tag.RUN_RELEASED, "the ward says so"),
        (Tag.RUN_FINISHED, None),
    ]


def test_an_actor_in_the_file_is_not_believed():
    """Whoever sends is who is signed in, however the file spells another one."""
    shell = Shell()
    now = shell.company.clock.now()
    body = encode_fact(joined("j", now, now.date())).removeprefix(b"{")
    for forged in (b'{"actor":"entra:victim",', b'{"\\u0061ctor":"entra:victim",'):
        shell("send", "-", "--again", stdin=forged + body)
        shell("send", "-", "--again", "--unchecked", stdin=forged + body)
    assert {decode(message.body).actor for _, message, _ in shell.company.bus.sent} == {"sandbox:tester"}
