"""`plan` and `explain` say what is, why, and what comes; they change nothing."""

from datetime import date, timedelta

import pytest

from lifecycle.core.model import GuardLimits, Limit
from lifecycle.errors import Transient
from lifecycle.ports import RequestState
from tests.builders import CARE, EVERYONE, SALES, START, Company, a_model, a_worker, joined, left, moved
from tests.fakes.directory import ends_as, refused
from tests.triggers.cli_shell import FIRST, Shell, employed

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)

PLAN = """\
e1  employed  user user-e1  2026-01-06T09:05:00Z
  - care   assignment-2 because no reason left
  ~ base   assignment-1 until 2026-03-31T22:00:00Z (was without end) because rule everyone (e1) since \
2026-01-04T23:00:00Z until 2026-03-31T22:00:00Z
  + crm    until 2026-03-31T22:00:00Z because rule sales (e1) since 2026-01-06T09:05:00Z until 2026-03-31T22:00:00Z
  = extra  not ours, left alone (no reason left)
  plan 54296603254f0226a590a75b7ecd247f24eb55b76aadbfaa4cf6798f6804a984: 1 to give, 1 to move, 1 to take (model model-1)
"""

EXPLANATION = """\
person e1
  worker ids e1
  employed since 2026-01-04T23:00:00Z until 2026-03-31T22:00:00Z (event l, named)
  Entra user user-e1, found by employeeId at 2026-01-05T09:00:00Z
  as of 2026-01-06T09:05:00Z; nothing is scheduled

access
  base  there, wanted until 2026-03-31T22:00:00Z
    because rule everyone (e1) since 2026-01-04T23:00:00Z until 2026-03-31T22:00:00Z
    assignment assignment-1 since 2026-01-05T09:00:10Z without end, ours
  care  there, not wanted
    no reason left
    assignment assignment-2 since 2026-01-05T09:00:10Z without end, ours
  crm  not there, wanted until 2026-03-31T22:00:00Z
    because rule sales (e1) since 2026-01-06T09:05:00Z until 2026-03-31T22:00:00Z
  extra  there, not wanted
    no reason left
    assignment assignment-3 since 2026-01-05T09:05:00Z without end, not ours: requested or given by others
    not ours, left alone

next
  - care  assignment-2 because no reason left
  ~ base  assignment-1 until 2026-03-31T22:00:00Z (was without end) because rule everyone (e1) since \
2026-01-04T23:00:00Z until 2026-03-31T22:00:00Z
  + crm   until 2026-03-31T22:00:00Z because rule sales (e1) since 2026-01-06T09:05:00Z until 2026-03-31T22:00:00Z
  plan 54296603254f0226a590a75b7ecd247f24eb55b76aadbfaa4cf6798f6804a984: 1 to give, 1 to move, 1 to take (model model-1)

evidence, the last 2 of 8 records
  2026-01-05T09:00:30Z  follow:request:ended  wake  assignment=assignment-1 package=base request=request-1 \
state=delivered token=40f35bbd64543f643ed28741d2d499d8
  2026-01-05T09:00:30Z  follow:request:ended  wake  assignment=assignment-2 package=care request=request-2 \
state=delivered token=162f3f467c0af0f9ed1586357f2a6f3d
"""


@pytest.fixture
def mover():
    """E1 has care, requested something by hand, and is known to move to sales and to leave; nothing is done yet."""
    shell = employed(department="Care")
    shell.company.directory.give("user-e1", "package-extra", "other")
    shell.company.clock.move(DAY)
    now = shell.company.clock.now()
    shell.learn(moved("m", now, now, a_worker(department="Sales")), left("l", now, date(2026, 3, 31)))
    return shell


def test_a_plan_shows_every_kind_of_step_with_its_reason_and_exits_2(mover):
    """The golden plan; a worker id in any case names the person."""
    assert mover("plan", "E1", code=2).stdout == PLAN


def test_an_explanation_says_why_since_when_until_when_and_what_comes(mover):
    """The golden explanation."""
    assert mover("explain", "E1", "--last", "2").stdout == EXPLANATION


@pytest.mark.parametrize("arguments", [["plan", "E1"], ["plan", "--all"], ["explain", "E1"]])
def test_looking_changes_nothing(arguments):
    """No row, no message, no request, also where a real look would note the user it found and the model in force."""
    shell = Shell(Company(a_model(EVERYONE)))
    shell.learn(joined("j", START, FIRST))
    company = shell.company
    before = (company.records.writes, company.directory.writes, len(company.bus.sent))
    shell(*arguments, code=2 if arguments[0] == "plan" else 0)
    assert (company.records.writes, company.directory.writes, len(company.bus.sent)) == before


def test_a_plan_with_nothing_to_do_exits_0():
    """What is right is said to be kept, with its reason."""
    shown = employed()("plan", "E1").stdout
    assert "= base  because rule everyone (e1)" in shown
    assert "0 to give, 0 to move, 0 to take" in shown


def test_a_plan_for_a_program_has_steps_hash_and_times(mover):
    """The JSON names each step by what it does."""
    (found,) = mover.json("plan", "E1", code=2)["plans"]
    steps = [(step["do"], step["package"], step.get("ends")) for step in found["steps"]]
    end = "2026-03-31T22:00:00Z"
    assert steps == [
        ("remove", "care", None),
        ("reschedule", "base", end),
        ("assign", "crm", end),
        ("keep", "extra", None),
    ]
    assert (found["person"], found["changes"], len(found["hash"]), found["at"]) == ("e1", 3, 64, "2026-01-06T09:05:00Z")


def test_everybody_is_looked_at_and_only_changes_are_shown():
    """With --all, people who are right are counted; the code says that somebody is not."""
    shell = Shell(Company(a_model(EVERYONE), users=("E1", "E2")))
    shell.say(joined("j1", START, FIRST, a_worker("E1")), joined("j2", START, FIRST, a_worker("E2")))
    shell.time(5 * MINUTE)
    now = shell.company.clock.now()
    shell.learn(left("l", now, now, "E2", immediate=True))
    result = shell("plan", "--all", code=2)
    assert result.stdout.splitlines()[0].startswith("e2  left")
    assert "e1" not in result.stdout
    assert "2 people looked at, 1 with changes" in result.stderr


def test_one_who_cannot_be_looked_at_does_not_hide_the_others():
    """The others are shown, the failure is said, and the code is 1 although changes are planned."""
    shell = Shell(Company(a_model(EVERYONE)))
    shell.learn(joined("j", START, FIRST))
    result = shell("plan", "E1", "ghost", code=1)
    assert "+ base" in result.stdout
    assert "person ghost: nobody is known by this id" in result.stderr
    assert list(shell.json("plan", "E1", "ghost", code=1)["failed"]) == ["ghost"]


def test_a_failed_read_is_an_error_and_not_an_empty_plan():
    """Graph that does not answer never looks like nothing to do."""
    shell = employed()
    shell.company.directory.failures.plan(Transient("Graph did not answer"))
    assert "Graph did not answer" in shell("plan", "E1", code=1).stderr


@pytest.mark.parametrize("arguments", [["explain", "ghost"], ["explain", "\x1b[2Jghost"], ["explain", " "]])
def test_nobody_knows_a_stranger(arguments):
    """An unknown person is an error that says what to look at next."""
    result = Shell()(*arguments, code=1)
    assert "nobody is known by this id" in result.stderr
    assert "\x1b" not in result.stderr


def test_a_pre_hire_waits_for_an_account():
    """No user yet is said with since when, by the plan too."""
    shell = Shell(Company(a_model(EVERYONE), users=()))
    shell.say(joined("j", START, FIRST))
    shown = shell("explain", "E1").stdout
    assert (
        "! an Entra user with this employeeId or user principal name, since 2026-01-05T09:00:00Z, looked for" in shown
    )
    assert "no Entra user known" in shown
    assert "! waits for an Entra user" in shell("plan", "E1", code=2).stdout


def test_what_is_under_way_is_named_by_its_request():
    """Stage, Graph's request id and state, when it is looked at again, and the event that caused it."""
    shell = Shell(Company(a_model(EVERYONE)))
    shell.company.directory.faults.append(ends_as(RequestState.PENDING_APPROVAL))
    shell.say(joined("j", START, FIRST))
    shell.time(timedelta(seconds=40))
    shown = shell("explain", "E1").stdout
    assert "giving: submitted request request-1 since 2026-01-05T09:00:00Z, looked at again 2026-01-05T09:" in shown
    assert "because of event:j, Graph says pendingApproval" in shown
    assert "! an approval of request request-1 for base" in shown


def test_what_graph_refused_is_tried_again_and_says_when():
    """A refusal is not hidden behind a plan that says wait."""
    shell = Shell(Company(a_model(EVERYONE)))
    shell.company.directory.faults.append(refused())
    shell.say(joined("j", START, FIRST))
    assert "! another try for base at 2026-01-05T10:00:00Z: Graph refused or failed it" in shell("explain", "E1").stdout


def test_a_removal_by_hand_is_a_denial_and_says_since_when():
    """A package that somebody took away is not wanted any more, and why is said."""
    shell = employed()
    shell.company.directory.take_by_hand("assignment-1")
    shell.time(MINUTE)
    shell.learn(moved("m", shell.company.clock.now(), shell.company.clock.now(), a_worker(department="Care")))
    shell.settle()
    shown = shell("explain", "E1").stdout
    assert "taken away by hand at 2026-01-05T09:05:00Z, 1. time: a denial" in shown


def test_a_plan_takes_note_of_a_removal_by_hand_as_the_next_look_will():
    """It does not promise to give again what the next look finds denied, and writes nothing down itself."""
    shell = employed()
    shell.company.directory.take_by_hand("assignment-1")
    shell.time(MINUTE)
    written = shell.company.records.writes
    assert "0 to give, 0 to move, 0 to take" in shell("plan", "E1").stdout
    assert shell.company.records.writes == written


def test_a_hold_is_said_by_both_with_its_run_and_arithmetic():
    """Whoever asks why it is not gone yet learns by which run it is held."""
    shell = employed(Company(a_model(EVERYONE, CARE, SALES, guard=GuardLimits(removals=Limit(0)))), department="Care")
    now = shell.company.clock.now()
    shell.say(moved("m", now, now, a_worker(department="Sales")))
    text = "removals: 0 counted in the window, 1 more wanted, 0 allowed"
    assert f"! held under run event:m since 2026-01-05T09:05:00Z: {text}" in shell("plan", "E1", code=2).stdout
    explained = shell("explain", "E1").stdout
    assert f"! a release of run event:m, since 2026-01-05T09:05:00Z: remove care (assignment-2) ({text})" in explained


def test_an_explanation_for_a_program_has_everything():
    """Reasons, rows, the plan and the evidence, by name."""
    found = employed().json("explain", "E1")
    (access,) = found["access"]
    assert (found["person"], found["standing"], found["user"], found["waits"]) == ("e1", "employed", "user-e1", [])
    assert access["reasons"][0]["name"] == "everyone"
    assert [row["id"] for row in access["assignments"]] == ["assignment-1"]
    assert found["evidence"]["length"] == len(found["evidence"]["records"]) == 5
    assert found["evidence"]["records"][0]["tag"] == "reconcile:person:correlated"
