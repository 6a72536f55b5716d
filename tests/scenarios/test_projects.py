"""Projects as a colleague would tell them; `plans/` holds what each asks of the directory."""

from datetime import date

from lifecycle.core.model import ProjectRules
from tests.builders import EVERYONE, START, Company, a_model, closed, joined, opened, staffed
from tests.laws.driving import DAY, MINUTE, Days
from tests.scenarios.golden import agrees

FIRST = date(2026, 1, 5)
RULES = ProjectRules(roles={"engineer": ("site",)}, own={"p1": {"engineer": ("apollo",)}})


def working():
    """A company in which E1 works."""
    days = Days(Company(a_model(EVERYONE, projects=RULES)))
    days.tell(joined("j", START, FIRST))
    days.pass_by(10 * MINUTE)
    return days


def test_project_closed_early():
    """It was planned to March and is closed in January: its own package goes also where it was requested."""
    days = working()
    now = days.company.clock.now()
    days.company.directory.give("user-e1", "package-apollo", "policy-of-others")
    days.tell(opened("o", now, planned=date(2026, 3, 31)))
    days.tell(staffed("s", now))
    days.pass_by(7 * DAY)
    now = days.company.clock.now()
    days.tell(closed("c", now, now))
    days.pass_by(DAY)
    agrees(days.company, "project_closed_early")


def test_two_projects_overlap():
    """The second project carries on what both give, to its own end; only the first one's own package ends with it."""
    days = working()
    now = days.company.clock.now()
    days.tell(opened("o1", now, planned=date(2026, 1, 30)))
    days.tell(opened("o2", now, "p2", planned=date(2026, 2, 27)))
    days.tell(staffed("s1", now))
    days.tell(staffed("s2", now, project="p2", starts=date(2026, 1, 20)))
    days.pass_by(30 * DAY)
    assert days.company.has() == {"base", "site"}
    days.pass_by(30 * DAY)
    agrees(days.company, "two_projects_overlap")
