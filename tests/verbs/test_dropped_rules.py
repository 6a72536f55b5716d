"""What a rule gave that a new model no longer has: its grace ends when it was going to, whatever happens meanwhile."""

from datetime import date, timedelta

from lifecycle.ports import RequestState
from tests.builders import CARE, EVERYONE, SALES, START, Company, a_model, a_worker, joined, moved
from tests.fakes.directory import Fault

FIRST = date(2026, 1, 5)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def model(number, *rules):
    return a_model(*rules, hash=f"model-{number}", grace=7 * DAY, packages=("base", "care", "crm"))


async def nurse(*, held=False):
    """A nurse under the first model; what she has may have been there before Lifecycle was."""
    company = Company(model(1, EVERYONE, CARE))
    if held:
        for name in ("base", "care"):
            company.directory.give("user-e1", f"package-{name}", f"policy-{name}")
    await company.say(joined("j", START, FIRST, a_worker(department="Care")))
    await company.time(10 * MINUTE)
    company.model = model(2, EVERYONE)
    await company.time(10 * MINUTE)
    return company


async def test_the_grace_of_a_dropped_rule_outlives_the_next_look():
    """A title change a day later takes nothing, and after the grace the access is gone."""
    company = await nurse()
    await company.time(DAY)
    now = company.clock.now()
    await company.say(moved("m", now, now, a_worker(department="Care", job_title="Head nurse")))
    await company.time(5 * DAY)
    assert company.has() == {"base", "care"}
    await company.time(2 * DAY)
    assert company.has() == {"base"}


async def test_later_models_do_not_begin_the_grace_anew():
    """A model a day, each without the rule: the access ends a week after the first of them."""
    company = await nurse()
    for number in range(3, 9):
        company.model = model(number, EVERYONE, *([SALES] if number % 2 else []))
        await company.time(DAY)
    assert company.has() == {"base", "care"}
    company.model = model(9, EVERYONE)
    await company.time(2 * DAY)
    assert company.has() == {"base"}


async def test_an_adopted_row_has_the_same_grace():
    """What was found in our policy, and justified by the rule, is not taken at once when the rule is dropped."""
    company = await nurse(held=True)
    assert company.has() == {"base", "care"}
    await company.time(6 * DAY)
    assert company.has() == {"base", "care"}
    await company.time(2 * DAY)
    assert company.has() == {"base"}


async def test_what_a_review_denied_gets_no_grace_when_its_rule_is_dropped():
    """Denied while Graph takes no removal; the rule goes before it does: the access goes with the next try."""
    company = Company(model(1, EVERYONE, CARE))
    await company.say(joined("j", START, FIRST, a_worker(department="Care")))
    await company.time(DAY)
    company.directory.faults.append(Fault(outcome=RequestState.DELIVERY_FAILED))
    company.directory.review("r1", "package-care", "user-e1", company.clock.now())
    await company.sweep()
    await company.time(10 * MINUTE)
    company.model = model(2, EVERYONE)
    await company.time(3 * HOUR)
    assert company.has() == {"base"}
