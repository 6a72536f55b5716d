"""Denials as a colleague would tell them: what a review takes away stays away until somebody grants it anew."""

from dataclasses import replace
from datetime import date, timedelta

from tests.builders import (
    CARE,
    EVERYONE,
    START,
    Company,
    a_model,
    a_package,
    a_rule,
    a_worker,
    granted,
    joined,
    moved,
    utc,
)
from tests.laws.driving import DAY, HOUR, Days
from tests.scenarios.golden import agrees

FIRST = date(2026, 1, 5)
NURSE, TITLED = a_worker(department="Care"), a_worker(department="Care", job_title="Head nurse")


def to(days, at):
    """Let time pass until that instant."""
    days.pass_by(at - days.company.clock.now())


def test_review_denies_a_birthright():
    """A Deny counts once its review is complete, and then against everything but an exception."""
    days = Days(Company(a_model(EVERYONE, CARE)))
    company = days.company
    days.tell(joined("j", START, FIRST, NURSE))
    to(days, utc(2026, 1, 12))
    company.directory.review("r1", "package-care", "user-e1", utc(2026, 1, 12), finished=False)
    days.sweep()
    days.pass_by(DAY)
    assert company.has() == {"base", "care"}
    company.directory.review("r1", "package-care", "user-e1", utc(2026, 1, 12), finished=True)
    days.sweep()
    days.pass_by(HOUR)
    assert company.has() == {"base"}
    now = company.clock.now()
    days.tell(moved("m", now, now, TITLED))
    days.pass_by(DAY)
    days.sweep()
    company.model = replace(company.model, hash="model-2")
    days.pass_by(DAY)
    assert company.has() == {"base"}
    days.tell(granted("x", company.clock.now(), "care", date(2026, 1, 30)))
    days.pass_by(DAY)
    days.sweep()
    assert company.has() == {"base", "care"}
    to(days, utc(2026, 2, 15))
    days.sweep()
    agrees(company, "review_denies_a_birthright")


def test_what_a_review_denied_comes_back_with_a_later_reason():
    """Who leaves the department and comes back later has a reason that the review knew nothing of."""
    days = Days(Company(a_model(EVERYONE, CARE, grace=timedelta(days=2))))
    company = days.company
    days.tell(joined("j", START, FIRST, NURSE))
    to(days, utc(2026, 1, 12))
    company.directory.review("r1", "package-care", "user-e1", utc(2026, 1, 12))
    days.sweep()
    to(days, utc(2026, 1, 20))
    days.tell(moved("away", utc(2026, 1, 20), date(2026, 1, 21), a_worker()))
    to(days, utc(2026, 1, 26))
    assert company.has() == {"base"}
    days.tell(moved("back", utc(2026, 1, 26), date(2026, 2, 2), TITLED))
    to(days, utc(2026, 2, 10))
    days.sweep()
    agrees(company, "review_denied_before_a_later_reason")


def renamed():
    """The same access packages, of which a new model calls one by another name."""
    model = a_model(EVERYONE, (a_rule("care", "nursing"), CARE[1]), hash="model-2")
    return replace(model, packages={**model.packages, "nursing": replace(a_package("care"), name="nursing")})


def taken_by_hand(days):
    """An administrator removes the row, and the sweep finds it."""
    (row,) = [one for one in days.company.directory.rows("user-e1") if one.package == "package-care"]
    days.company.directory.take_by_hand(row.id)
    days.sweep()
    days.pass_by(HOUR)


def test_what_was_denied_stays_away_when_its_package_is_renamed():
    """The model calls it by another name; it is the same access that was taken away."""
    days = Days(Company(a_model(EVERYONE, CARE)))
    days.tell(joined("j", START, FIRST, NURSE))
    days.pass_by(HOUR)
    taken_by_hand(days)
    days.company.model = renamed()
    days.pass_by(DAY)
    days.sweep()
    assert days.company.has() == {"base"}


def test_what_was_given_before_its_package_was_renamed_can_be_denied():
    """Nothing is asked of the directory for a new name, and a removal by hand is one as before."""
    days = Days(Company(a_model(EVERYONE, CARE)))
    days.tell(joined("j", START, FIRST, NURSE))
    days.pass_by(HOUR)
    asked = len(days.company.directory.posted)
    days.company.model = renamed()
    days.pass_by(DAY)
    assert days.company.has() == {"base", "nursing"}
    assert len(days.company.directory.posted) == asked
    taken_by_hand(days)
    days.pass_by(DAY)
    assert days.company.has() == {"base"}
