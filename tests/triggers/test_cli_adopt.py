"""`adopt --dry-run`: what Lifecycle would do in a tenant with history, before its first change."""

from datetime import timedelta

from lifecycle.core.model import GuardLimits, Limit
from tests.builders import CARE, EVERYONE, SALES, START, UNLIMITED, Company, a_model, a_worker, joined, left
from tests.triggers.cli_shell import FIRST, Shell

NAMES = ("E1", "E2", "E3", "E4")


def brownfield(**model):
    """E1 and E2 hold rows of our policy, with and without a reason; E3 requested what they want; E4 has left."""
    company = Company(a_model(EVERYONE, CARE, SALES, **model), users=NAMES)
    directory = company.directory
    directory.give("user-e1", "package-base", "policy-base")
    directory.give("user-e2", "package-crm", "policy-crm")
    directory.give("user-e3", "package-base", "requested")
    directory.give("user-e4", "package-base", "requested")
    company.clock.move(timedelta(hours=1))
    shell = Shell(company)
    shell.learn(*(joined(f"j{name}", START, FIRST, a_worker(name)) for name in NAMES))
    now = company.clock.now()
    shell.learn(left("l", now, now, "E4", immediate=True))
    return shell


def counts(found, package):
    return {kind: count for kind, count in found["packages"][package].items() if count}


def test_it_shows_what_the_first_looks_would_do_by_package():
    """Adopted, unexplained, held otherwise, given, taken."""
    found = brownfield().json("adopt", "--dry-run", code=2)
    assert counts(found, "base") == {"adopted": 1, "elsewhere": 1, "given": 1, "taken": 1}
    assert counts(found, "crm") == {"unexplained": 1}
    assert (found["looked_at"], found["changing"], found["failed"]) == (4, 2, {})


def test_what_it_shows_is_what_then_happens():
    """The rows that it counts are the rows that are then given, taken, left."""
    shell = brownfield()
    shell.settle()
    shell.time(timedelta(hours=1))
    assert [shell.company.has(name) for name in NAMES] == [{"base"}, {"crm", "base"}, {"base"}, set()]
    found = shell.json("adopt", "--dry-run")
    assert counts(found, "base") == {"elsewhere": 1}


def test_it_leaves_no_trace():
    """No row, no request, no message."""
    shell = brownfield()
    company = shell.company
    before = (company.records.writes, company.directory.writes, len(company.bus.sent))
    shell("adopt", "--dry-run", code=2)
    assert (company.records.writes, company.directory.writes, len(company.bus.sent)) == before


def test_what_the_guard_would_hold_is_said_with_its_arithmetic():
    """Additions beyond the limit wait for a release."""
    guard = GuardLimits(removals=UNLIMITED.removals, additions=Limit(0), leavers=UNLIMITED.leavers)
    shell = brownfield(guard=guard)
    shown = shell("adopt", "--dry-run", code=2).stdout
    assert "! the guard would hold 1 step\n" in shown
    assert "additions:base: 0 counted in the window, 1 more wanted, 0 allowed" in shown


def test_the_first_people_are_shown():
    """So many as are asked for; how many more there are is said."""
    shell = brownfield()
    result = shell("adopt", "--dry-run", "--first", "1", code=2)
    assert result.stdout.count("plan ") == 1
    assert "the plans of 1 more people are not shown" in result.stderr


def test_somebody_without_a_user_would_wait():
    """They are counted apart."""
    shell = Shell(Company(a_model(EVERYONE), users=()))
    shell.learn(joined("j", START, FIRST))
    assert "1 person has no Entra user yet" in shell("adopt", "--dry-run", code=2).stderr


def test_without_dry_run_it_explains_itself():
    """Adopting is no command: usage."""
    assert "adopting happens by itself" in " ".join(Shell()("adopt", code=64).stderr.replace("│", " ").split())
