"""An example of a model holds when exactly what it says comes out, of the code that decides in production."""

from datetime import date, timedelta

import pytest

from lifecycle.core.events import Status
from lifecycle.core.example import END, MISSING, SURPLUS, Example, tried
from lifecycle.core.model import ProjectRules
from tests.builders import CARE, EVERYONE, SALES, a_model, a_rule, a_worker, utc

DAY = timedelta(days=1)
AT = date(2026, 1, 5)
NURSE = a_worker(department="Care")
BRIEF = (a_rule("brief", "care", lasts=90 * DAY, lead=2 * DAY), CARE[1])
MODEL = a_model(EVERYONE, BRIEF, SALES, packages=("extra",), projects=ProjectRules({"engineer": ("site",)}))


def differences(example, model=MODEL):
    return {one.package: (one.what, " / ".join(one.why)) for one in tried(example, model).differences}


def an_example(*gets, worker=NURSE, at=AT, **changes):
    return Example(name="one", at=at, worker=worker, gets=frozenset(gets), **changes)


@pytest.mark.parametrize(
    "example",
    [
        an_example("base", "care"),
        an_example("base", "care", at=utc(2026, 1, 5, 8)),
        an_example("base", worker=a_worker(department="Office")),
        an_example("care", at=AT - DAY, joined=AT),
        an_example(at=AT - 3 * DAY, joined=AT),
        an_example("base", at=date(2026, 4, 7), joined=AT),
        an_example("base", "care", at=date(2026, 1, 31), joined=AT, left=date(2026, 1, 31)),
        an_example(at=date(2026, 2, 1), joined=AT, left=date(2026, 1, 31)),
        an_example("base", "site", worker=a_worker(), projects={"p-1": "engineer"}),
        an_example("base", worker=a_worker(), projects={"p-1": "painter"}),
        an_example("base", "care", until={"base": None, "care": date(2026, 4, 3)}),
        an_example("base", "care", until={"care": utc(2026, 4, 2, 23)}, at=AT, joined=AT),
        an_example("base", "care", until={"base": date(2026, 1, 31)}, left=date(2026, 1, 31)),
    ],
)
def test_what_comes_out_as_said_holds(example):
    """Attributes, the first and the last day, leads, terms, work on projects, ends as a date or an instant."""
    assert differences(example) == {}
    assert tried(example, MODEL).holds


def test_what_is_missing_is_said_with_the_rule_that_does_not_hold():
    """Who wrote the example sees the condition that they thought was true."""
    assert differences(an_example("base", "care", "crm")) == {"crm": (MISSING, "rule sales does not hold: <sales>")}


def test_what_is_missing_since_its_term_is_over_is_said_so():
    """The reason that stood, with its end."""
    what, why = differences(an_example("base", "care", at=date(2026, 5, 1), joined=AT))["care"]
    assert what == MISSING
    assert why.startswith("not at that instant: rule brief (e1) since 2026-01-02T23:00:00Z until 2026-04-02T23:00:00Z")


def test_what_is_missing_on_leave_is_said_so():
    """The rule holds, and leave takes what it gives."""
    model = a_model(CARE, leave_keep=frozenset())
    away = a_worker(department="Care", status=Status.LEAVE)
    assert differences(an_example("care", worker=away), model)["care"] == (
        MISSING,
        "rule care holds, but leave or the contract's end bounds it",
    )


def test_what_is_missing_after_the_last_day_is_said_so():
    """That nobody is employed comes first."""
    _, why = differences(an_example("base", at=date(2026, 2, 1), joined=AT, left=date(2026, 1, 31)))["base"]
    assert why.startswith("the person is not employed then (left)")


def test_what_only_a_project_or_nothing_gives_is_said_so():
    """The role that would give it; or that none does."""
    found = differences(an_example("base", "care", "site", "extra"))
    assert "as engineer they would have it" in found["site"][1]
    assert found["extra"] == (MISSING, "no rule and no role grants it")


def test_what_is_too_much_is_said_with_its_reasons():
    """Why they have it, as `explain` would say."""
    what, why = differences(an_example("base"))["care"]
    assert (what, why.partition(" since")[0]) == (SURPLUS, "rule brief (e1)")


@pytest.mark.parametrize(
    ("until", "why"),
    [
        (date(2026, 4, 2), "until 2026-04-02 was said; it ends at 2026-04-02T23:00:00Z, last day 2026-04-03"),
        (None, "without end was said; it ends at"),
    ],
)
def test_another_end_is_said_beside_the_one_that_was_meant(until, why):
    """As an instant and as the last day in the worker's zone."""
    found = differences(an_example("base", "care", until={"care": until}))
    assert found["care"][0] == END
    assert why in found["care"][1]


def test_an_end_where_there_is_none_is_said():
    """The other way round."""
    found = differences(an_example("base", "care", until={"base": AT}))
    assert found["base"][1].startswith("until 2026-01-05 was said; it is without end")
