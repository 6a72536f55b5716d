"""Joiners and movers as a colleague would tell them; `plans/` holds what each asks of the directory."""

from datetime import date

from tests.builders import CARE, EVERYONE, SALES, START, Company, a_model, a_user, a_worker, joined, left, moved, utc
from tests.laws.driving import DAY, HOUR, MINUTE, Days
from tests.scenarios.golden import agrees

FIRST = date(2026, 1, 5)


def a_company(*, users=("E1",), **changes):
    return Days(Company(a_model(EVERYONE, CARE, SALES, **changes), users=users))


def tell(days, *facts, then=10 * MINUTE):
    """Let HR say something, then let time pass."""
    for fact in facts:
        days.tell(fact)
    days.pass_by(then)


def test_joiner_without_account():
    """HR is two days ahead of the directory: the joiner waits, then gets everything once the user is there."""
    days = a_company(users=())
    tell(days, joined("j", START, FIRST, a_worker(department="Care")), then=2 * DAY)
    days.company.directory.add(a_user())
    days.pass_by(DAY)
    agrees(days.company, "joiner_without_account")


def test_mover_same_day_correction():
    """A move to the wrong department is corrected an hour later: what it gave goes, nothing else is touched."""
    days = a_company()
    tell(days, joined("j", START, FIRST, a_worker()))
    now = days.company.clock.now()
    tell(days, moved("m1", now, FIRST, a_worker(department="Care")), then=HOUR)
    tell(days, moved("m2", days.company.clock.now(), FIRST, a_worker(department="Sales")), then=DAY)
    agrees(days.company, "mover_same_day_correction")


def test_mover_arrives_before_joiner():
    """The move overtakes the joiner on the queue: nothing is given for it alone, and all of it is right afterwards."""
    days = a_company()
    tell(days, moved("m", START, date(2026, 1, 6), a_worker(department="Care")), then=HOUR)
    assert days.company.directory.posted == []
    tell(days, joined("j", START - HOUR, FIRST, a_worker(department="Sales")), then=2 * DAY)
    agrees(days.company, "mover_arrives_before_joiner")


def test_run_again():
    """Everything is said again a week later and everybody is looked at: nothing is asked for twice."""
    days = a_company()
    facts = [joined("j", START, FIRST, a_worker()), moved("m", START, date(2026, 1, 6), a_worker(department="Care"))]
    tell(days, *facts, then=7 * DAY)
    tell(days, *reversed(facts), *facts, then=DAY)
    days.sweep()
    agrees(days.company, "run_again")


def test_held_already_through_my_access():
    """What the joiner requested themselves is not asked for again; when it runs out, ours follows within minutes."""
    days = a_company()
    days.company.directory.give("user-e1", "package-care", "policy-of-others", ends=utc(2026, 1, 20, 12))
    tell(days, joined("j", START, FIRST, a_worker(department="Care")), then=10 * DAY)
    assert [request.package for request in days.company.directory.posted] == ["package-base"]
    days.pass_by(10 * DAY)
    agrees(days.company, "held_already_through_my_access")


def test_rehire_after_leaving():
    """Who left and is back months later gets today's access, not that of the old job."""
    days = a_company()
    tell(days, joined("j1", START, FIRST, a_worker(department="Care")), then=30 * DAY)
    tell(days, left("l", days.company.clock.now(), date(2026, 2, 6)), then=60 * DAY)
    assert days.company.has() == set()
    now = days.company.clock.now()
    tell(days, joined("j2", now, date(2026, 4, 13), a_worker(department="Sales")), then=10 * DAY)
    agrees(days.company, "rehire_after_leaving")


def test_contractor_becomes_employee():
    """The contractor's record ends, the employee's began before: what both justify never goes."""
    days = a_company()
    contractor = a_worker("E1", person_id="P1", employee_type="contractor", department="Care")
    employee = a_worker("E2", person_id="P1", employee_type="employee", department="Sales")
    tell(days, joined("j1", START, FIRST, contractor), then=10 * DAY)
    now = days.company.clock.now()
    tell(days, joined("j2", now, date(2026, 2, 1), employee), left("l", now, date(2026, 1, 31), "E1"), then=30 * DAY)
    agrees(days.company, "contractor_becomes_employee")
