"""`renew`: what waits for an answer, and the answer in the name of who is signed in."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from lifecycle.core.model import Renewal, RenewalMode, Sources
from lifecycle.errors import Permanent
from lifecycle.ports import Queue
from tests.builders import EVERYONE, HR, START, Company, a_model, a_package, a_rule, a_worker, joined
from tests.triggers.cli_shell import FIRST, Shell

DAY = timedelta(days=1)
APPROVED = Renewal(RenewalMode.APPROVAL, window=14 * DAY, extend=90 * DAY)
TERM = (a_rule("term", "case", lasts=30 * DAY), lambda _: True)
CLI = "/lifecycle/cli"


def shell_of(*, who="boss", sources=(CLI,), days=20):
    """E1 has a package for thirty days, of which so many are over; HR names their manager."""
    known = Sources(frozenset({HR}), decision=frozenset(sources))
    packages = {"base": a_package("base"), "case": a_package("case", renewal=APPROVED)}
    shell = Shell(Company(replace(a_model(EVERYONE, TERM, sources=known), packages=packages)), who=who)
    shell.say(joined("j", START, FIRST, a_worker(manager="boss")))
    shell.time(timedelta(minutes=5))
    asyncio.run(shell.company.time(days * DAY, tick=DAY))
    return shell


def renew(shell, *more, code=0, package="case"):
    return shell("renew", "E1", package, "--justification", "stays", *more, code=code)


def sent(shell):
    return shell.bodies(Queue.DECISIONS)


def end_of(shell, package):
    return next(row.ends for row in shell.company.directory.rows() if row.package == f"package-{package}")


def test_an_approval_is_an_event_in_the_name_of_who_is_signed_in_and_extends():
    """It goes by the decisions queue from a source of its own, writes no row, and the app then moves the end."""
    shell = shell_of()
    before, rows = end_of(shell, "case"), shell.company.records.writes
    assert renew(shell).stdout == "approved: case of e1, by boss\n"
    assert shell.company.records.writes == rows
    (body,) = sent(shell)
    assert (body["type"], body["source"], body["subject"]) == ("lifecycle.renewal.approved", CLI, "e1")
    assert body["data"] == {"package": "case", "approver": "boss", "justification": "stays"}
    assert body["id"].startswith("boss:")
    shell.settle()
    shell.time(timedelta(minutes=10))
    assert end_of(shell, "case") == before + APPROVED.extend
    assert shell.json("renew", "--list") == []


def test_until_is_a_day_or_an_instant():
    """It travels as it was given."""
    shell = shell_of()
    renew(shell, "--until", "2026-03-31")
    assert sent(shell)[0]["data"]["until"] == "2026-03-31"


def test_a_denial_is_an_event_and_the_list_says_who_denied():
    """The renewal stays open until the end, and is not one that waits for an answer."""
    shell = shell_of()
    assert renew(shell, "--deny").stdout == "denied: case of e1, by boss\n"
    assert sent(shell)[0]["type"] == "lifecycle.renewal.denied"
    shell.settle()
    result = shell("renew", "--list")
    assert result.stdout.endswith("denied by boss\n")
    assert "1 renewal open, 0 without an answer" in result.stderr


def test_the_list_says_who_what_when_since_when_and_who_may_approve():
    """With `--list` or without arguments; nothing is written."""
    shell = shell_of()
    rows = shell.company.records.writes
    (one,) = shell.json("renew")
    assert (one["person"], one["package"], one["approvers"]) == ("e1", "case", ["boss"])
    assert one["ends"] == "2026-02-03T23:00:00Z"
    assert one["opens"] == "2026-01-20T23:00:00Z"
    assert one["asked"] is not None
    assert "may approve: boss" in shell("renew", "--list").stdout
    assert shell.company.records.writes == rows


def test_before_its_window_nothing_is_open():
    """And an approval is refused at the keyboard in the words of the app."""
    shell = shell_of(days=1)
    assert shell("renew", "--list").stdout == ""
    assert "can be renewed from 2026-01-20T23:00:00Z on" in renew(shell, code=1).stderr
    assert sent(shell) == []


@pytest.mark.parametrize(
    ("who", "package", "more", "says"),
    [
        ("stranger", "case", (), "stranger may not approve case for e1"),
        ("E1", "case", (), "nobody approves their own access"),
        ("boss", "base", (), "base is never renewed"),
        ("boss", "nonsense", (), "the access model has none of this name; it has base, case"),
        ("boss", "case", ("--until", "2026-01-01"), "in the past"),
    ],
)
def test_a_wrong_renewal_is_refused_before_it_is_sent(who, package, more, says):
    """With the words of the app, and no event goes."""
    shell = shell_of(who=who)
    assert says in renew(shell, *more, package=package, code=1).stderr
    assert sent(shell) == []


def test_a_source_that_the_model_does_not_list_is_refused_early():
    """It says where to add it."""
    shell = shell_of(sources=())
    assert "/lifecycle/cli is not listed under sources.decision" in renew(shell, code=1).stderr
    assert sent(shell) == []


def test_nobody_signed_in_is_said():
    """What the token's absence means is passed on."""
    shell = shell_of()

    async def nobody():
        raise Permanent("nobody is signed in; sign in with `az login` and try again")

    real = shell.open

    @asynccontextmanager
    async def opened(ready):
        async with real(ready) as world:
            yield replace(world, who=nobody)

    shell.open = opened
    assert "sign in with `az login`" in renew(shell, code=1).stderr
    assert sent(shell) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["E1"],
        ["E1", "case"],
        ["E1", "case", "--justification", " "],
        ["E1", "case", "--justification", "x", "--until", "soon"],
        ["E1", "case", "--justification", "x", "--until", "2026-03-31", "--deny"],
        ["E1", "case", "--justification", "x", "--list"],
        ["--deny"],
    ],
)
def test_wrong_usage(arguments):
    """Nothing is sent, and the code is that of wrong usage."""
    shell = Shell()
    shell("renew", *arguments, code=64)
    assert sent(shell) == []


def test_a_stranger():
    """An unknown person is an error that says what to look at."""
    shell = shell_of(days=1)
    assert "nobody is known by this id" in shell("renew", "ghost", "case", "--justification", "x", code=1).stderr
