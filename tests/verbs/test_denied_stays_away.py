"""What somebody took away stays away: nothing that merely goes on, and nothing that failed, brings it back."""

from dataclasses import replace
from datetime import date, timedelta

from lifecycle.core.events import Status
from lifecycle.core.model import Drift, ProjectRules
from lifecycle.ports import RequestState
from tests.builders import (
    CARE,
    EVERYONE,
    START,
    Company,
    a_model,
    a_rule,
    a_worker,
    granted,
    joined,
    moved,
    opened,
    rescinded,
    staffed,
)
from tests.fakes.directory import ends_as, refused

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST = date(2026, 1, 5)
KEEPS_BASE = frozenset({"base"})


def take(company, package):
    (row,) = [row for row in company.directory.rows("user-e1") if row.package == f"package-{package}"]
    company.directory.take_by_hand(row.id)


async def on_leave(company, first, back, **changes):
    now = company.clock.now()
    await company.say(moved("leave", now, first, a_worker(status=Status.LEAVE, **changes)))
    await company.say(moved("back", now, back, a_worker(**changes)))


async def test_a_leave_does_not_begin_the_work_on_a_project_anew():
    """Denied, then away for three days: the work goes on where it was, and so does the denial."""
    rules = ProjectRules(roles={"engineer": ("site",)})
    company = Company(a_model(EVERYONE, projects=rules, leave_keep=KEEPS_BASE))
    await company.say(joined("j", START, FIRST), opened("o", START), staffed("s", START))
    await company.time(10 * MINUTE)
    take(company, "site")
    await company.sweep()
    assert company.has() == {"base"}
    await on_leave(company, date(2026, 1, 7), date(2026, 1, 10))
    await company.time(7 * DAY, tick=HOUR)
    assert company.has() == {"base"}


async def test_what_was_taken_just_before_a_leave_does_not_come_back_after_it():
    """Nobody looked between the taking and the leave: what counts is what was wanted when it was taken."""
    company = Company(a_model(EVERYONE, CARE, leave_keep=KEEPS_BASE))
    await company.say(joined("j", START, FIRST, a_worker(department="Care")))
    await company.time(10 * MINUTE)
    await on_leave(company, date(2026, 1, 6), date(2026, 1, 10), department="Care")
    await company.time(HOUR)
    take(company, "care")
    await company.time(8 * DAY)
    assert company.has() == {"base"}


async def test_what_was_taken_while_an_extension_rested_stays_away():
    """Graph refused the extension, an administrator took the row: the next try does not give it anew."""
    company = Company(a_model(EVERYONE, packages=("tools",)))
    await company.say(joined("j", START, FIRST), granted("x", START, "tools", date(2026, 3, 31)))
    await company.time(10 * MINUTE)
    company.directory.faults.append(refused())
    await company.say(granted("longer", company.clock.now(), "tools", date(2026, 5, 31)))
    await company.time(MINUTE)
    take(company, "tools")
    asked = len(company.directory.posted)
    await company.time(2 * DAY, tick=HOUR)
    assert (company.has(), len(company.directory.posted)) == ({"base"}, asked)


async def test_no_grace_for_what_was_denied_before_its_rule_was_dropped():
    """The removal failed and rests; a model without the rule comes meanwhile: it gives no week of grace."""
    company = Company(a_model(EVERYONE, CARE, grace=7 * DAY))
    await company.say(joined("j", START, FIRST, a_worker(department="Care")))
    await company.time(10 * MINUTE)
    company.directory.review("review", "package-care", "user-e1", company.clock.now())
    company.directory.faults.append(ends_as(RequestState.DELIVERY_FAILED))
    await company.sweep()
    await company.time(10 * MINUTE)
    company.model = a_model(EVERYONE, packages=("care",), grace=7 * DAY, hash="model-2")
    await company.time(3 * HOUR)
    assert company.has() == {"base"}


async def test_another_name_for_a_package_lifts_no_denial():
    """The model calls the same access package otherwise: it is the same access that was taken away."""
    company = Company(a_model(EVERYONE, CARE))
    await company.say(joined("j", START, FIRST, a_worker(department="Care")))
    await company.time(10 * MINUTE)
    take(company, "care")
    await company.sweep()
    ward = replace(company.model.packages["care"], name="ward")
    renamed = a_model(EVERYONE, (a_rule("care", "ward"), CARE[1]), hash="model-2")
    company.model = replace(renamed, packages={**renamed.packages, "ward": ward})
    await company.time(HOUR)
    await company.sweep()
    assert company.has() == {"base"}


async def test_a_name_that_another_package_takes_over_is_not_denied_by_it():
    """The denial was of the old access package; what is called care today is a new one."""
    company = Company(a_model(EVERYONE, CARE))
    await company.say(joined("j", START, FIRST, a_worker(department="Care")))
    await company.time(10 * MINUTE)
    take(company, "care")
    await company.sweep()
    other = replace(company.model.packages["care"], access_package="package-other", policy="policy-other")
    company.model = replace(company.model, hash="model-2", packages={**company.model.packages, "care": other})
    await company.time(HOUR)
    assert company.has() == {"base", "care"}


async def test_a_second_denial_counts_where_the_first_had_been_lifted():
    """Denied, back for a reason that began later, and denied again: it stays away, and both are on record."""
    company = Company(a_model(EVERYONE, CARE))
    care, office = a_worker(department="Care"), a_worker()
    await company.say(joined("j", START, FIRST, care))
    for number in range(2):
        await company.time(HOUR)
        assert company.has() == {"base", "care"}
        company.directory.review(f"review-{number}", "package-care", "user-e1", company.clock.now())
        await company.sweep()
        await company.time(MINUTE)
        assert company.has() == {"base"}
        if not number:
            now = company.clock.now()
            await company.say(moved("away", now, now, office), moved("back", now, now + HOUR, care))
            await company.time(HOUR)
    await company.time(DAY, tick=HOUR)
    assert company.has() == {"base"}


async def test_a_review_counts_although_a_later_taking_was_put_back():
    """Denied in a review that goes on, taken by hand and put back meanwhile: when the review is complete, it counts."""
    company = Company(a_model(EVERYONE, CARE, drift=Drift.REPAIR))
    await company.say(joined("j", START, FIRST, a_worker(department="Care")))
    await company.time(10 * MINUTE)
    at = company.clock.now()
    company.directory.review("review", "package-care", "user-e1", at, finished=False)
    await company.time(10 * MINUTE)
    take(company, "care")
    await company.sweep()
    await company.time(10 * MINUTE)
    assert company.has() == {"base", "care"}
    company.directory.review("review", "package-care", "user-e1", at)
    await company.sweep()
    await company.time(DAY, tick=HOUR)
    assert company.has() == {"base"}


async def test_a_removal_that_failed_and_was_done_all_the_same_is_no_denial():
    """Graph says not delivered and the row is gone; the move that took it is taken back: the access comes back."""
    company = Company(a_model(EVERYONE, CARE))
    await company.say(joined("j", START, FIRST, a_worker(department="Care")))
    await company.time(10 * MINUTE)
    company.directory.faults.append(ends_as(RequestState.DELIVERY_FAILED))
    now = company.clock.now()
    await company.say(moved("m", now, now, a_worker()))
    await company.time(5 * MINUTE)
    take(company, "care")
    await company.say(rescinded("r", company.clock.now(), "m"))
    await company.time(3 * HOUR)
    await company.sweep()
    await company.time(10 * MINUTE)
    assert company.has() == {"base", "care"}


async def test_a_denial_of_an_earlier_stint_takes_no_grace_from_the_present_one():
    """Denied years ago, back in the ward for a new reason: when the model drops its rule, the grace is given."""
    company = Company(a_model(EVERYONE, CARE, grace=7 * DAY))
    care = a_worker(department="Care")
    await company.say(joined("j", START, FIRST, care))
    await company.time(10 * MINUTE)
    take(company, "care")
    await company.sweep()
    now = company.clock.now()
    await company.say(moved("away", now, now, a_worker()), moved("back", now, now + HOUR, care))
    await company.time(9 * DAY, tick=HOUR)
    assert company.has() == {"base", "care"}
    company.model = a_model(EVERYONE, packages=("care",), grace=7 * DAY, hash="model-2")
    await company.time(6 * DAY, tick=HOUR)
    assert company.has() == {"base", "care"}
    await company.time(2 * DAY, tick=HOUR)
    assert company.has() == {"base"}
