"""An end that may be renewed: it is asked for once, and then extended by one request, or left to come by itself."""

import json
from dataclasses import replace
from datetime import date, timedelta

from lifecycle.actual import ended
from lifecycle.contract.cloudevents import encode_fact
from lifecycle.core.events import RenewalApproved, RenewalDenied, Status
from lifecycle.core.evidence import Tag, first_break
from lifecycle.core.model import Renewal, RenewalMode
from lifecycle.core.plan import TOLERANCE
from lifecycle.core.work import Check
from lifecycle.ports import AssignmentState, Queue
from lifecycle.reconcile import reconcile
from lifecycle.records import renewals
from lifecycle.records.dossier import open_dossier
from tests.builders import (
    EVERYONE,
    ITSM,
    START,
    Company,
    a_model,
    a_package,
    a_rule,
    a_worker,
    joined,
    moved,
    recorded,
    utc,
)
from tests.fakes.pace import OpenPace

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST = date(2026, 1, 5)
END = utc(2026, 2, 3, 23)  # 30 days from the beginning of the first day in Berlin
OPENS = END - 7 * DAY
CARE = (a_rule("care", "care", lasts=30 * DAY), lambda worker: worker.department == "Care")


async def nurse(mode=RenewalMode.APPROVAL, **changes):
    """A nurse whose care ends after 30 days, and moves on by 30 when renewed in the last 7."""
    packages = {"base": a_package("base"), "care": a_package("care", renewal=Renewal(mode, 7 * DAY, 30 * DAY))}
    company = Company(replace(a_model(EVERYONE, CARE), packages=packages, **changes))
    await company.say(joined("j", START, FIRST, a_worker(department="Care", manager="M1")))
    await company.time(10 * MINUTE)
    return company


async def until(company, instant):
    """Jump, as if nobody had been awake, to shortly before the instant, and be awake until shortly after it."""
    company.clock.set(max(company.clock.now(), instant - 6 * MINUTE))
    await company.time(instant + 6 * MINUTE - company.clock.now())


def approved(name, at, end=None):
    return RenewalApproved(recorded(name, "E1", at, source=ITSM), "care", "M1", "still on the ward", end)


def denied(name, at):
    return RenewalDenied(recorded(name, "E1", at, source=ITSM), "care", "M1", "moved on")


def due(company):
    """Every question that was sent, as (when, what it says)."""
    bodies = [json.loads(message.body) for queue, message, _ in company.bus.sent if queue is Queue.NOTICES]
    return [(one["time"], one["data"]) for one in bodies if one["type"] == "lifecycle.renewal.due"]


def updates(company):
    return [request for request in company.directory.posted if request.kind == "adminUpdate"]


class Crowded(OpenPace):
    """Lets a request have its turn a second after the end."""

    def __init__(self, clock):
        super().__init__()
        self.clock = clock

    async def turn(self, *, urgent):
        self.clock.set(max(self.clock.now(), END + timedelta(seconds=1)))


async def chain(company, tag):
    records = await (await open_dossier(company.records, "e1")).chain()
    assert first_break(records) is None
    return [record for record in records if record.tag is tag]


async def test_nothing_is_asked_before_the_window_opens():
    """Six minutes before it, nobody has been told."""
    company = await nurse()
    await until(company, OPENS - 12 * MINUTE)
    assert due(company) == []


async def test_the_question_says_what_ends_when_and_who_may_approve():
    """At the opening of the window, to the minute, with the manager named; and it is on record."""
    company = await nurse()
    await until(company, OPENS)
    ((at, data),) = due(company)
    assert at.startswith("2026-01-27T23:00")
    assert data == {"package": "care", "ends": END.isoformat(), "approvers": ["M1"]}
    (record,) = await chain(company, Tag.RENEWAL_DUE)
    assert record.detail == data
    assert abs(record.at - OPENS) <= timedelta(seconds=1)


async def test_it_is_asked_once_for_each_end():
    """However often the person is looked at; after the renewal the new end is asked for in its turn."""
    company = await nurse()
    await until(company, OPENS)
    for hours in range(1, 4):
        await until(company, OPENS + hours * DAY)
        await company.sweep()
        await company.send(Queue.HR, encode_fact(joined("j", START, FIRST, a_worker(department="Care", manager="M1"))))
        await company.settle()
    assert len(due(company)) == 1
    await company.say(approved("r", company.clock.now()))
    await until(company, OPENS + 30 * DAY)
    assert [data["ends"] for _, data in due(company)] == [END.isoformat(), (END + 30 * DAY).isoformat()]


async def test_an_approval_is_one_request_and_its_record():
    """The row itself gets the new end by one adminUpdate; the chain tells the intent and the outcome."""
    company = await nurse()
    await until(company, OPENS)
    await company.say(approved("r", company.clock.now()))
    await company.time(HOUR)
    (request,) = updates(company)
    assert request.ends == END + 30 * DAY
    (row,) = [row for row in company.directory.rows("user-e1") if row.package == "package-care"]
    assert row.ends == END + 30 * DAY
    assert (await chain(company, Tag.INTENDED))[-1].detail["ends"] == (END + 30 * DAY).isoformat()
    assert (await chain(company, Tag.SUBMITTED))[-1].cause == "event:r"
    assert (await chain(company, Tag.ENDED))[-1].detail["request"]


async def test_an_approval_with_a_date_goes_to_the_end_of_that_day():
    """The last day is whole, in the model's zone."""
    company = await nurse()
    await until(company, OPENS)
    await company.say(approved("r", company.clock.now(), date(2026, 3, 31)))
    await company.time(10 * MINUTE)
    assert [request.ends for request in updates(company)] == [utc(2026, 3, 31, 22)]


async def test_approved_twice_is_approved_once():
    """A second event in the same window, which an owner sends who did not see the manager's, moves nothing."""
    company = await nurse()
    await until(company, OPENS)
    now = company.clock.now()
    await company.say(approved("r1", now))
    await company.say(approved("r2", now + MINUTE))
    await company.time(HOUR)
    assert [request.ends for request in updates(company)] == [END + 30 * DAY]


async def test_an_approval_with_a_date_that_is_heard_of_late_is_not_added_to():
    """The manager names a date; the owner's, recorded a minute later and heard first, does not: the date holds."""
    company = await nurse()
    await until(company, OPENS)
    now = company.clock.now()
    await company.say(approved("r2", now))
    await company.say(approved("r1", now - MINUTE, END + 40 * DAY))
    await company.time(HOUR)
    assert [request.ends for request in updates(company)] == [END + 30 * DAY, END + 40 * DAY]


async def test_silence_lets_the_access_end_by_itself():
    """No removal of ours is needed, and that Entra did it is confirmed."""
    company = await nurse()
    await until(company, OPENS)
    await until(company, END)
    assert company.has() == {"base"}
    assert [request.kind for request in company.directory.posted] == ["adminAdd", "adminAdd"]
    (record,) = await chain(company, Tag.EXPIRED)
    assert record.detail["ended"] == END.isoformat()


async def test_a_denial_takes_nothing_before_the_end():
    """It lets the access end when it would have; it is not removed early, and not extended."""
    company = await nurse()
    await until(company, OPENS)
    await company.say(denied("d", company.clock.now()))
    await until(company, END - HOUR)
    assert company.has() == {"base", "care"}
    await until(company, END)
    assert company.has() == {"base"}
    assert len(company.directory.posted) == 2


async def test_what_renews_by_itself_moves_on_when_the_window_opens():
    """Each time by one request, without a question, for as long as the reason stands."""
    company = await nurse(RenewalMode.AUTO)
    await until(company, OPENS - 12 * MINUTE)
    assert updates(company) == []
    for times in range(3):
        await until(company, OPENS + times * 30 * DAY)
        assert [request.ends for request in updates(company)] == [END + many * 30 * DAY for many in range(1, times + 2)]
    assert company.has() == {"base", "care"}
    assert due(company) == []


async def test_an_outage_over_several_windows_is_one_request():
    """Renewed by itself to where it would be, not step by step; what had expired meanwhile is given anew."""
    company = await nurse(RenewalMode.AUTO)
    await until(company, OPENS + 61 * DAY)
    assert company.has() == {"base", "care"}
    assert [request.kind for request in company.directory.posted[2:]] == ["adminAdd"]
    assert company.directory.posted[-1].ends == END + 90 * DAY


async def test_what_is_never_renewed_just_ends():
    """Nobody is asked."""
    company = await nurse(RenewalMode.NEVER)
    await until(company, OPENS)
    await until(company, END)
    assert (company.has(), due(company)) == ({"base"}, [])


async def test_a_renewal_that_overtakes_the_end_by_a_second_gives_the_access_anew():
    """Graph takes the update, then the row expires, then the request ends: the access comes back, and is no denial."""
    company = await nurse()
    await until(company, OPENS)
    company.clock.set(END - timedelta(seconds=1))
    await company.say(approved("r", company.clock.now()))
    company.clock.set(END + timedelta(seconds=2))
    await company.time(15 * MINUTE)
    assert await chain(company, Tag.DENIED) == []
    assert company.has() == {"base", "care"}


async def test_a_renewal_that_comes_as_the_row_expires_gives_the_access_anew():
    """Graph refuses the update of an expired row; within minutes there is a new assignment, and nobody is alarmed."""
    company = await nurse()
    await until(company, OPENS)
    company.clock.set(END - timedelta(seconds=1))
    company.pace = Crowded(company.clock)
    await company.say(approved("r", END - timedelta(seconds=1)))
    assert len(await chain(company, Tag.REFUSED)) == 1
    await company.time(15 * MINUTE)
    assert company.has() == {"base", "care"}
    rows = [row for row in company.directory.rows("user-e1") if row.package == "package-care"]
    assert [row.state for row in rows] == [AssignmentState.EXPIRED, AssignmentState.DELIVERED]
    assert rows[-1].ends == END + 30 * DAY
    assert not any(b"access.failed" in message.body for _, message, _ in company.bus.sent)


async def test_a_list_that_still_shows_the_expired_row_costs_minutes():
    """Two minutes behind, the update of a row that has just expired is refused, and ours follows all the same."""
    company = await nurse()
    company.directory.lag = 2 * MINUTE
    await until(company, OPENS)
    company.clock.set(END + timedelta(seconds=30))
    await company.say(approved("r", END - MINUTE))
    await company.time(20 * MINUTE)
    assert company.has() == {"base", "care"}
    assert not any(b"access.failed" in message.body for _, message, _ in company.bus.sent)


async def test_a_difference_of_seconds_is_no_request():
    """An end that differs by less than the tolerance is the same end: every request counts."""
    company = await nurse()
    await until(company, OPENS)
    await company.say(approved("r", company.clock.now(), END + TOLERANCE - timedelta(seconds=1)))
    await company.time(HOUR)
    assert updates(company) == []


async def test_a_renewal_waits_again_after_a_leave_within_its_window():
    """Away for a day, and the end is where it was: it waits for an approval again, and is asked for anew."""
    company = await nurse(leave_keep=frozenset({"base"}))
    await until(company, OPENS)
    (waits,) = await renewals.waiting(company.records, company.clock.now(), limit=2)
    worker = a_worker(department="Care", manager="M1")
    now = company.clock.now()
    await company.say(moved("away", now, now, replace(worker, status=Status.LEAVE)))
    await company.time(DAY)
    assert await renewals.waiting(company.records, company.clock.now(), limit=2) == []
    now = company.clock.now()
    await company.say(moved("back", now, now, worker))
    await company.time(DAY)
    assert await renewals.waiting(company.records, company.clock.now(), limit=2) == [waits]
    assert len(await chain(company, Tag.RENEWAL_DUE)) == 2


async def test_a_term_that_begins_anew_is_asked_for_in_its_turn():
    """Nobody answered and it lapsed; away from the ward and back, the new term's end is asked for as the first was."""
    company = await nurse()
    await until(company, OPENS)
    await until(company, END)
    back = END + 10 * DAY
    worker = a_worker(department="Care", manager="M1")
    now = company.clock.now()
    await company.say(moved("away", now, now, a_worker(manager="M1")), moved("back", now, back, worker))
    await until(company, back)
    await until(company, back + 23 * DAY)
    assert [data["ends"] for _, data in due(company)] == [END.isoformat(), (back + 30 * DAY).isoformat()]


async def test_a_row_that_expires_within_the_tolerance_of_its_end_is_no_denial():
    """Entra's clock is half a minute ahead of ours; two minutes ahead of the end somebody else must have done it."""
    company = await nurse()
    dossier = await open_dossier(company.records, "e1")
    mine = next(row for row in dossier.holdings.values() if row.package == "care")
    row = next(row for row in company.directory.rows("user-e1") if row.id == mine.assignment)
    early = []
    for ahead in (timedelta(seconds=30), 2 * MINUTE):
        over = replace(row, state=AssignmentState.EXPIRED, expired_at=END - ahead)
        early.append([one[2] for one in ended([over], dossier)])
    assert early == [[False], [True]]


async def test_an_end_that_nobody_decided_about_is_settled_once():
    """Days after it nothing is due any more, and a look writes nothing about it."""
    company = await nurse()
    await until(company, OPENS)
    await until(company, END)
    await company.time(3 * DAY, tick=HOUR)
    assert company.has() == {"base"}
    rows = company.records.writes
    await reconcile(Check("e1", "wake"), company.ports)
    assert company.records.writes == rows
