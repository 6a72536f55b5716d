"""The stand-in for entitlement management behaves as Graph does, faults included; the laws rest on it."""

from datetime import timedelta

import pytest

from lifecycle.errors import Ambiguous, Refused, StaleLink, Throttled
from lifecycle.ports import (
    AlreadyOpen,
    AssignmentState,
    Denied,
    PolicyTerms,
    Request,
    RequestState,
    Sighting,
    Submitted,
    User,
)
from tests.fakes import directory as graph
from tests.fakes.clock import MovableClock
from tests.fakes.directory import MemoryDirectory
from tests.fakes.faults import Crash

MINUTE = timedelta(minutes=1)
ADA = User("u-ada", "1001", "ada@example.org", enabled=True)


@pytest.fixture
def clock():
    return MovableClock()


@pytest.fixture
def directory(clock):
    return MemoryDirectory(clock, users=[ADA], packages={"crm": {"direct", "mine"}}, latency=MINUTE)


def an_add(**changes):
    given = {"kind": "adminAdd", "package": "crm", "token": "t1", "justification": "", "user": ADA.id}
    return Request(**(given | {"policy": "direct"} | changes))


def a_removal(assignment, **changes):
    given = {"kind": "adminRemove", "package": "crm", "token": "t2", "justification": "", "assignment": assignment}
    return Request(**(given | changes))


async def test_an_add_is_submitted_then_delivering_then_delivered(directory, clock):
    """A request moves on with the clock, and its row with it."""
    taken = await directory.submit(an_add())
    assert isinstance(taken, Submitted)
    assert taken.state is RequestState.SUBMITTED
    assert directory.rows() == []
    clock.move(MINUTE / 2)
    followed = await directory.request(taken.request)
    assert (followed.state, followed.assignment, followed.token) == (RequestState.DELIVERING, "assignment-1", "t1")
    assert [row.state for row in directory.rows()] == [AssignmentState.DELIVERING]
    assert directory.live(ADA.id) == set()
    clock.move(MINUTE / 2)
    assert (await directory.request(taken.request)).completed_at == clock.now()
    assert directory.live(ADA.id) == {"crm"}


async def test_lists_lag_but_a_request_by_id_does_not(directory, clock):
    """A new row is told by its request before it is listed, and a removed one is still listed as delivered."""
    directory.lag = 3 * MINUTE
    taken = await directory.submit(an_add())
    clock.move(MINUTE)
    assert (await directory.request(taken.request)).assignment == "assignment-1"
    assert await directory.assignments_of(ADA.id, ["crm"]) == []
    clock.move(3 * MINUTE)
    assert [row.state for row in await directory.assignments_of(ADA.id, ["crm"])] == [AssignmentState.DELIVERED]
    directory.take_by_hand("assignment-1")
    assert directory.live(ADA.id) == set()
    assert [row.state for row in await directory.assignments_of(ADA.id, ["crm"])] == [AssignmentState.DELIVERED]
    clock.move(3 * MINUTE)
    assert [row.state for row in await directory.assignments_of(ADA.id, ["crm"])] == [AssignmentState.EXPIRED]


async def test_an_end_is_honoured_and_the_row_stays_listed(directory, clock):
    """Graph ends the access by itself, tracks it by a request of its own, and keeps listing the row."""
    given = directory.give(ADA.id, "crm", "mine", ends=clock.now() + MINUTE)
    clock.move(2 * MINUTE)
    (row,) = await directory.assignments_of(ADA.id, ["crm"])
    assert (row.id, row.state, row.expired_at) == (given.id, AssignmentState.EXPIRED, given.ends)
    kinds = [one.kind for one in await directory.requests_for("crm", since=given.starts)]
    assert kinds == ["userAdd", "systemRemove"]


async def test_an_update_moves_the_end(directory, clock):
    """After an adminUpdate was delivered the old end no longer holds."""
    given = directory.give(ADA.id, "crm", "mine", ends=clock.now() + 2 * MINUTE)
    later = clock.now() + 10 * MINUTE
    await directory.submit(a_removal(given.id, kind="adminUpdate", ends=later))
    clock.move(5 * MINUTE)
    assert [row.ends for row in directory.rows()] == [later]
    assert directory.live(ADA.id) == {"crm"}
    clock.set(later)
    assert directory.live(ADA.id) == set()


async def test_one_open_request_per_user_and_package(directory, clock):
    """A second request is AlreadyOpen until the first has ended, and is not counted as a write."""
    await directory.submit(an_add())
    assert isinstance(await directory.submit(an_add(token="t9", policy="mine")), AlreadyOpen)
    assert (directory.writes, len(directory.posted)) == (1, 2)
    clock.move(MINUTE)
    assert isinstance(await directory.submit(a_removal("assignment-1")), Submitted)


async def test_a_scheduled_request_waits_for_its_start(directory, clock):
    """A start in the future makes the request scheduled, and it stays open until then."""
    starts = clock.now() + 10 * MINUTE
    taken = await directory.submit(an_add(starts=starts))
    clock.move(5 * MINUTE)
    assert (await directory.request(taken.request)).state is RequestState.SCHEDULED
    clock.set(starts + MINUTE)
    assert directory.live(ADA.id) == {"crm"}
    assert [row.starts for row in directory.rows()] == [starts]


@pytest.mark.parametrize(
    ("fault", "error", "done"),
    [
        (graph.throttled(), Throttled, False),
        (graph.lost_before(), Ambiguous, False),
        (graph.lost_after(), Ambiguous, True),
        (graph.refused(), Refused, False),
        (graph.crash(done=True), Crash, True),
    ],
)
async def test_a_fault_says_whether_the_work_was_done(directory, clock, fault, error, done):
    """Each planned fault befalls one submit, before or after the work, and the next goes well."""
    directory.faults.append(fault)
    with pytest.raises(error):
        await directory.submit(an_add())
    assert directory.writes == done
    assert isinstance(await directory.submit(an_add(token="t9")), AlreadyOpen if done else Submitted)


@pytest.mark.parametrize(
    ("outcome", "state", "live"),
    [
        (RequestState.DELIVERY_FAILED, AssignmentState.DELIVERY_FAILED, set()),
        (RequestState.PARTIALLY_DELIVERED, AssignmentState.PARTIALLY_DELIVERED, {"crm"}),
    ],
)
async def test_a_request_can_end_badly(directory, clock, outcome, state, live):
    """The planned outcome shows in the request and in the row."""
    directory.faults.append(graph.ends_as(outcome))
    taken = await directory.submit(an_add())
    clock.move(MINUTE)
    assert (await directory.request(taken.request)).state is outcome
    assert [row.state for row in directory.rows()] == [state]
    assert directory.live(ADA.id) == live


@pytest.mark.parametrize("approved", [True, False])
async def test_a_pending_approval_is_open_until_decided(directory, clock, approved):
    """Nothing happens until an approver answers."""
    directory.faults.append(graph.ends_as(RequestState.PENDING_APPROVAL))
    taken = await directory.submit(an_add())
    clock.move(60 * MINUTE)
    assert [one.state for one in directory.open_requests(ADA.id)] == [RequestState.PENDING_APPROVAL]
    directory.decide(taken.request, approved=approved)
    clock.move(MINUTE)
    assert directory.live(ADA.id) == ({"crm"} if approved else set())
    assert directory.open_requests() == []


async def test_what_graph_refuses_is_refused(directory, clock):
    """A wrong policy, an unknown user, a past end, a held policy, a gone or foreign row: no, each time."""
    given = directory.give(ADA.id, "crm", "mine")
    for request in (
        an_add(policy="other"),
        an_add(user="u-nobody"),
        an_add(ends=clock.now()),
        an_add(policy="mine"),
        a_removal("assignment-9"),
        a_removal(given.id, package="erp"),
        a_removal(given.id, kind="userRemove"),
    ):
        with pytest.raises(Refused):
            await directory.submit(request)
    directory.take_by_hand(given.id)
    with pytest.raises(Refused):
        await directory.submit(a_removal(given.id))
    assert directory.writes == 0


async def test_failed_reads_raise_and_every_call_is_logged(directory):
    """A read that is planned to fail raises; the log tells what was called."""
    directory.failures.plan(None, Throttled("429"))
    assert await directory.by_employee_id("1001") == [ADA]
    with pytest.raises(Throttled):
        await directory.by_principal_name("ADA@example.org")
    assert await directory.by_principal_name("ADA@example.org") == ADA
    assert [call.name for call in directory.calls] == ["by_employee_id", "by_principal_name", "by_principal_name"]


async def every_page(read):
    pages, link = [], ""
    while not pages or link:
        page = await read(link)
        link = page.link
        pages.append(page.rows)
    return pages


@pytest.mark.parametrize("gaps", [False, True])
async def test_a_long_list_comes_in_pages_and_an_empty_one_is_no_end(directory, clock, gaps):
    """Only delivered rows of the package are told, by pages, each once; with gaps, empty pages lie in between."""
    directory.page_size, directory.empty_pages = 2, gaps
    for number in range(12):
        directory.give(f"u-{number}", "crm", "mine", ends=clock.now() + (number + 1) * MINUTE)
    directory.give("u-0", "erp", "mine")
    directory.take_by_hand("assignment-5")
    pages = await every_page(lambda link: directory.assignments_in("crm", link=link))
    assert [row.user for rows in pages for row in rows] == [f"u-{number}" for number in range(12) if number != 4]
    assert [len(rows) for rows in pages] == ([2, 0, 2, 0, 2, 0, 2, 0, 2, 0, 1] if gaps else [2, 2, 2, 2, 2, 1])
    assert pages[0][0] == Sighting("assignment-1", "u-0", "mine", clock.now() + MINUTE)


async def test_a_page_lags_and_shows_auto_rows_as_such(directory, clock):
    """A page is as old as a list is, and a status of auto assignment shows."""
    directory.give("u-1", "crm", "mine", status="AutoAssignmentInGracePeriod")
    directory.lag = MINUTE
    assert (await directory.assignments_in("crm")).rows == []
    clock.move(MINUTE)
    assert [row.auto for row in (await directory.assignments_in("crm")).rows] == [True]


async def test_a_stale_link_is_said_and_the_list_can_begin_anew(directory):
    """A link that is no longer known raises, once for each that was planned; a first page has no link."""
    directory.page_size = 1
    directory.add(User("u-bob", "1002", "bob@example.org", enabled=True))
    first = await directory.page()
    assert first.rows == [ADA]
    directory.stale_links = 1
    await directory.page()
    with pytest.raises(StaleLink):
        await directory.page(link=first.link)
    assert [user.id for user in (await directory.page(link=first.link)).rows] == ["u-bob"]
    with pytest.raises(ValueError, match="another list"):
        await directory.assignments_in("crm", link=first.link)


async def test_everybodys_requests_are_counted(directory, clock):
    """Ours, a person's own and Graph's removals count, from `since` on and before `until`, as far as the list shows."""
    begin = clock.now()
    directory.give("u-1", "crm", "mine", ends=begin + 2 * MINUTE)
    clock.move(MINUTE)
    await directory.submit(an_add())
    clock.move(5 * MINUTE)
    end = clock.now()
    assert await directory.requests_created(begin, end) == 3
    assert await directory.requests_created(begin + timedelta.resolution, end) == 2
    assert await directory.requests_created(begin, begin + 2 * MINUTE) == 2
    directory.request_lag = 5 * MINUTE
    assert await directory.requests_created(begin, end) == 2


async def test_terms_are_told_and_bind_a_schedule(directory, clock):
    """An end behind the policy's own is refused, no end as well; an unknown policy is refused with 404."""
    directory.terms["mine"] = PolicyTerms(longest=10 * MINUTE)
    assert await directory.terms_of("mine") == PolicyTerms(longest=10 * MINUTE)
    assert await directory.terms_of("direct") == PolicyTerms()
    with pytest.raises(Refused) as refused:
        await directory.terms_of("other")
    assert refused.value.status == 404
    given = directory.give(ADA.id, "crm", "mine", ends=clock.now() + MINUTE)
    for ends in (clock.now() + 11 * MINUTE, None):
        with pytest.raises(Refused):
            await directory.submit(a_removal(given.id, kind="adminUpdate", ends=ends))
    taken = a_removal(given.id, kind="adminUpdate", ends=clock.now() + 10 * MINUTE)
    assert isinstance(await directory.submit(taken), Submitted)


async def test_an_end_can_come_to_nothing(directory, clock):
    """A row that never expires stays delivered behind its end."""
    given = directory.give(ADA.id, "crm", "mine", ends=clock.now() + MINUTE)
    directory.never_expires.add(given.id)
    clock.move(5 * MINUTE)
    assert [row.state for row in directory.rows()] == [AssignmentState.DELIVERED]


async def test_an_update_can_be_delivered_and_move_nothing(directory, clock):
    """The request says delivered, and the row keeps its end."""
    given = directory.give(ADA.id, "crm", "mine", ends=clock.now() + 5 * MINUTE)
    directory.faults.append(graph.unmoved())
    taken = await directory.submit(a_removal(given.id, kind="adminUpdate", ends=clock.now() + 9 * MINUTE))
    clock.move(MINUTE)
    assert (await directory.request(taken.request)).state is RequestState.DELIVERED
    assert [row.ends for row in directory.rows()] == [given.ends]


async def test_a_person_can_give_a_row_back(directory, clock):
    """A removal in My Access ends the row and is tracked as the person's own request."""
    given = directory.give(ADA.id, "crm", "mine")
    directory.give_back(given.id)
    assert directory.live(ADA.id) == set()
    assert [one.kind for one in await directory.requests_for("crm", since=clock.now())] == ["userAdd", "userRemove"]


async def test_only_denials_of_finished_instances_are_told(directory, clock):
    """A running instance, an approval, another package and an older decision are not told."""
    since, later = clock.now(), clock.now() + MINUTE
    directory.review("i-1", "crm", ADA.id, since)
    directory.review("i-1", "crm", "u-2", since, decision="Approve")
    directory.review("i-1", "erp", ADA.id, since)
    directory.review("i-2", "crm", ADA.id, later, finished=False)
    directory.review("i-0", "crm", ADA.id, since - MINUTE)
    assert await directory.denied(["crm"], since=since) == [Denied("i-1", "crm", ADA.id, since)]
    directory.review("i-2", "crm", ADA.id, later)
    assert [one.instance for one in await directory.denied(["crm"], since=since)] == ["i-1", "i-2"]


async def test_the_long_reads_fail_as_planned_too(directory, clock):
    """A failed read raises and never looks like an empty one."""
    now = clock.now()
    for read in (
        directory.page(),
        directory.assignments_in("crm"),
        directory.requests_created(now, now),
        directory.terms_of("mine"),
        directory.denied(["crm"], since=now),
    ):
        directory.failures.plan(Throttled("429"))
        with pytest.raises(Throttled):
            await read
