"""A bad run is undone once its cause is mended: what that brings back, what it must not, and how often."""

from datetime import date, timedelta

import pytest

from lifecycle import messages
from lifecycle.core.events import Origin
from lifecycle.core.evidence import Tag
from lifecycle.core.model import GuardLimits, Limit, ProjectRules
from lifecycle.core.work import Undo
from lifecycle.ports import AssignmentState, PolicyTerms
from lifecycle.records import facts, holds, ledger, undos
from lifecycle.records.dossier import open_dossier
from lifecycle.undo import UNENDING, check_of, restore
from tests.builders import (
    CARE,
    EVERYONE,
    START,
    Company,
    a_model,
    a_worker,
    closed,
    joined,
    left,
    opened,
    rescinded,
    staffed,
    utc,
)
from tests.laws.driving import DAY, HOUR, MINUTE, Days, run

FIRST = date(2026, 1, 5)
END = utc(2026, 5, 1, 12)
ABSENCE = Origin("derived-from-absence")
PROJECTS = ProjectRules(roles={"engineer": ("site",)}, own={"p1": {"engineer": ("vault",)}})


def asked(days, name, *, by="entra:boss", because="the feed was wrong"):
    """Send the request to undo, as the command line does."""
    now = days.company.clock.now()
    run(messages.ask(days.company.bus, Undo(name, by, because, now), now=now))
    days.settle()
    days.pass_by(HOUR)


def rows(company, worker="E1"):
    """What the worker's user holds: package and end, of rows that live."""
    names = {package.access_package: package.name for package in company.model.packages.values()}
    live = {AssignmentState.DELIVERED, AssignmentState.PARTIALLY_DELIVERED}
    having = [row for row in company.directory.rows(f"user-{worker.lower()}") if row.state in live]
    return {(names[row.package], row.ends) for row in having}


def requested(company, package="extra", worker="E1", ends=END):
    """Let the worker have requested a package in My Access."""
    return company.directory.give(f"user-{worker.lower()}", f"package-{package}", "policy-self-service", ends=ends)


def employed(*names, **changes):
    """A company in which everybody named works in Care, holds what that gives, and had `extra` requested."""
    model = a_model(EVERYONE, CARE, packages=("extra",), **changes)
    days = Days(Company(model, users=names))
    for name in names:
        days.tell(joined(f"j{name}", START, FIRST, a_worker(name, department="Care")))
        requested(days.company, worker=name)
    days.pass_by(HOUR)
    return days


def wave(days, *names, origin=ABSENCE):
    """Everybody named is said to have left at once; return the run's name and what the waved had before."""
    company, now = days.company, days.company.clock.now()
    before = {name: rows(company, name) for name in names}
    days.tell(*(left(f"l{name}", now, now, name, immediate=True, origin=origin) for name in names))
    days.pass_by(HOUR)
    assert all(company.has(name) == set() for name in names)
    return f"/hr/test@{now:%Y-%m-%dT%H:%M:%SZ}", before


def mend(days, *names):
    """HR takes it back."""
    now = days.company.clock.now()
    days.tell(*(rescinded(f"r{name}", now, f"l{name}", name) for name in names))
    days.pass_by(HOUR)


def restored(company, worker="e1"):
    """The records of what was given back to somebody."""
    chain = run(run_dossier(company, worker).chain())
    return [record for record in chain if record.tag is Tag.RESTORED]


def run_dossier(company, worker="e1"):
    return run(open_dossier(company.records, worker))


def test_a_wrong_feed_is_mended_and_undone():
    """Ours comes back when HR takes it back; what was requested comes back when the run is undone, with its end."""
    days = employed("E1", "E2", "E3")
    name, before = wave(days, "E1", "E2")
    mend(days, "E1", "E2")
    assert days.company.has("E1") == {"base", "care"}
    asked(days, name)
    assert {one: rows(days.company, one) for one in ("E1", "E2")} == before
    (record,) = restored(days.company)
    assert (record.detail["package"], record.detail["by"], record.detail["run"]) == ("extra", "entra:boss", name)
