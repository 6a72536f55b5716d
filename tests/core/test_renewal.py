"""Until when a reason is extended, from when that is asked for, and who may approve."""

from datetime import date, timedelta

import pytest

from lifecycle.core.model import ProjectRules, RenewalMode
from lifecycle.core.person import Extension, person
from lifecycle.core.project import Membership, Project, Stretch
from lifecycle.core.renewal import approvers, lapse_of
from tests.builders import EVERYONE, START, a_model, a_worker, joined, left, renewable, utc

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
BEGUN, LAPSE = utc(2026, 1, 5), utc(2026, 2, 5)
APPROVAL = renewable("lab", window=7, extend=30)


def lapse(*extensions, package=APPROVAL, now=LAPSE):
    """Return when it lapses."""
    return lapse_of(BEGUN, LAPSE, package, [Extension("lab", at, until) for at, until in extensions], now)[0]


def test_the_window_opens_before_the_end_and_never_where_nothing_is_renewed():
    """A window's length before the end; None without renewal."""
    assert lapse_of(BEGUN, LAPSE, APPROVAL, [], BEGUN) == (LAPSE, LAPSE - 7 * DAY)
    assert lapse_of(BEGUN, LAPSE, renewable("lab", RenewalMode.NEVER), [], BEGUN) == (LAPSE, None)


@pytest.mark.parametrize(
    ("at", "extended"),
    [
        (LAPSE - 7 * DAY - SECOND, False),
        (LAPSE - 7 * DAY, True),
        (LAPSE - SECOND, True),
        (LAPSE, False),
        (BEGUN - SECOND, False),
    ],
)
def test_an_approval_counts_from_the_opening_of_the_window_to_the_last_second(at, extended):
    """A second before the window, and at the end itself, it moves nothing."""
    assert lapse((at, None)) == LAPSE + 30 * DAY * extended


def test_a_second_approval_in_one_window_moves_nothing_and_one_in_the_next_does():
    """Each window extends once."""
    first = (LAPSE - DAY, None)
    assert lapse(first, (LAPSE - SECOND, None)) == LAPSE + 30 * DAY
    assert lapse(first, (LAPSE + 29 * DAY, None)) == LAPSE + 60 * DAY


def test_an_approval_with_an_end_counts_at_any_time_and_never_shortens():
    """To the stated end, when that is later; of another package it is nothing."""
    assert lapse((BEGUN, LAPSE + 3 * DAY)) == LAPSE + 3 * DAY
    assert lapse((BEGUN, LAPSE - 3 * DAY)) == LAPSE
    other = [Extension("other", LAPSE - DAY, None)]
    assert lapse_of(BEGUN, LAPSE, APPROVAL, other, LAPSE)[0] == LAPSE


def test_auto_moves_on_each_time_its_window_opens():
    """Before the window nothing; from its opening on by one extension each time."""
    auto = renewable("lab", RenewalMode.AUTO, window=7, extend=30)
    assert lapse(package=auto, now=LAPSE - 7 * DAY - SECOND) == LAPSE
    assert lapse(package=auto, now=LAPSE - 7 * DAY) == LAPSE + 30 * DAY
    assert lapse(package=auto, now=LAPSE + 23 * DAY) == LAPSE + 60 * DAY


def test_manager_owner_and_sponsor_may_approve_while_they_answer_for_it():
    """The manager of a running employment, and of running work that gives the package its owner and sponsor."""
    model = a_model(EVERYONE, projects=ProjectRules(roles={"engineer": ("lab",), "guest": ()}))
    known = joined("j", START, date(2026, 1, 5), a_worker(manager="boss"))
    someone = person("e1", [known], model)
    work = [Membership("p1", "engineer", (Stretch(START, START + DAY),)), Membership("p2", "guest", (Stretch(START),))]
    names = ("p1", "p2")
    projects = {name: Project(name, (Stretch(START),), None, f"{name}-owner", f"{name}-sponsor") for name in names}
    assert approvers(someone, work, projects, model, "lab", START) == {"boss", "p1-owner", "p1-sponsor"}
    assert approvers(someone, work, projects, model, "lab", START + DAY) == {"boss"}
    gone = person("e1", [known, left("l", START, START + DAY)], model)
    assert approvers(gone, work, projects, model, "lab", START + DAY) == frozenset()
    nobody = person("e2", [joined("j", START, date(2026, 1, 5), a_worker("E2"))], model)
    assert approvers(nobody, [], {}, model, "lab", START) == frozenset()
