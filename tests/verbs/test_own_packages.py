"""A project's own packages end with the project, for whoever holds them, and its work ends with a contract."""

from datetime import date, timedelta

from lifecycle.core.model import ProjectRules
from tests.builders import EVERYONE, START, Company, a_model, a_worker, closed, granted, joined, opened, staffed

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST = date(2026, 1, 5)
OWN = ProjectRules(own={"p1": {"engineer": ("apollo",)}})


async def guest(planned=None):
    """E1 is on the project; E2 is not, and has requested its package in My Access."""
    company = Company(a_model(EVERYONE, projects=OWN), users=("E1", "E2"))
    await company.say(joined("j1", START, FIRST), joined("j2", START, FIRST, a_worker("E2")))
    await company.say(opened("o", START, planned=planned), staffed("s", START))
    company.directory.give("user-e2", "package-apollo", "policy-of-others")
    await company.time(10 * MINUTE)
    await company.sweep()
    assert company.has("E2") == {"base", "apollo"}
    return company


async def test_an_early_close_reaches_who_is_not_on_the_project():
    """What was requested in My Access goes as well, in the same run."""
    company = await guest()
    now = company.clock.now()
    await company.say(closed("c", now, now))
    await company.time(10 * MINUTE)
    assert (company.has(), company.has("E2")) == ({"base"}, {"base"})


async def test_a_planned_close_reaches_who_is_not_on_the_project():
    """Nobody says anything on the day: whoever holds the package is looked at as it comes."""
    company = await guest(planned=date(2026, 1, 9))
    await company.time(4 * DAY + 15 * HOUR, tick=HOUR)
    assert (company.has(), company.has("E2")) == ({"base"}, {"base"})


async def test_work_on_a_project_ends_with_the_contract():
    """Nobody says that the contractor left, nor that the work is over; an exception until later is its own reason."""
    rules = ProjectRules(roles={"engineer": ("site",)})
    company = Company(a_model(EVERYONE, projects=rules, packages=("tools",)))
    await company.say(joined("j", START, FIRST, a_worker(contract_end=date(2026, 1, 9))))
    await company.say(opened("o", START), staffed("s", START), granted("x", START, "tools", date(2026, 3, 31)))
    await company.time(10 * MINUTE)
    assert company.has() == {"base", "site", "tools"}
    assert {row.ends.day for row in company.directory.rows() if row.package == "package-site"} == {9}
    await company.time(5 * DAY, tick=HOUR)
    assert company.has() == {"tools"}
