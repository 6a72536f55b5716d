"""A request that failed is due again: unless, meanwhile, somebody else did by hand what it asked for, or undid it."""

from datetime import date, timedelta

from lifecycle.core.evidence import Tag
from lifecycle.ports import RequestState
from lifecycle.records.dossier import open_dossier
from tests.builders import CARE, EVERYONE, START, Company, a_model, a_worker, joined, left, moved
from tests.fakes.directory import Fault

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
FIRST = date(2026, 1, 5)
FAILS = Fault(outcome=RequestState.DELIVERY_FAILED)


async def nurse():
    company = Company(a_model(EVERYONE, CARE))
    await company.say(joined("j", START, FIRST, a_worker(department="Care")))
    await company.time(20 * MINUTE)
    return company


def take_by_hand(company, package):
    (row,) = (row for row in company.directory.rows("user-e1") if row.package == f"package-{package}")
    company.directory.take_by_hand(row.id)


async def test_what_was_taken_by_hand_while_our_update_failed_does_not_come_back():
    """The assignment is deleted in the portal while a new end is under way: a denial, at once, and no second giving."""
    company = await nurse()
    company.directory.latency = 5 * MINUTE
    company.directory.faults.append(FAILS)
    await company.say(left("l", company.clock.now(), date(2026, 3, 31)))
    await company.time(MINUTE)
    assert company.directory.posted[-2].kind == "adminUpdate"
    take_by_hand(company, "base")
    await company.time(2 * DAY)
    assert [request.kind for request in company.directory.posted].count("adminAdd") == 2
    assert (await open_dossier(company.records, "e1")).refusals.keys() == {"base"}
    assert company.has() == {"care"}


async def test_a_failed_removal_is_forgotten_once_somebody_removed_the_row_by_hand():
    """Nothing is open or failing any more, the row counts as gone, and the chain says that it ended."""
    company = await nurse()
    company.directory.faults.append(FAILS)
    now = company.clock.now()
    await company.say(moved("m", now, now, a_worker()))
    await company.time(5 * MINUTE)
    take_by_hand(company, "care")
    await company.time(2 * DAY)
    dossier = await open_dossier(company.records, "e1")
    assert not dossier.flights
    assert {row.package for row in dossier.holdings.values() if not row.taken} == {"base"}
    assert Tag.EXPIRED in {record.tag for record in await dossier.chain()}


async def test_a_leaver_whose_failed_removal_was_done_by_hand_is_not_late():
    """Who did it does not matter: nobody is alarmed at the deadline over access that is gone."""
    company = await nurse()
    company.directory.faults.extend([FAILS, FAILS])
    now = company.clock.now()
    await company.say(left("l", now, now, immediate=True))
    await company.time(5 * MINUTE)
    take_by_hand(company, "base")
    take_by_hand(company, "care")
    await company.time(2 * DAY)
    dossier = await open_dossier(company.records, "e1")
    assert Tag.LATE not in {record.tag for record in await dossier.chain()}
