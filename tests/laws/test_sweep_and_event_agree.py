"""However somebody comes to be looked at, what is planned and what comes of it is the same."""

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.core.work import Check
from lifecycle.look import look
from lifecycle.messages import ask
from lifecycle.ports import AssignmentState
from tests.builders import Company
from tests.laws.driving import DAY, HOUR, Days, examples, run
from tests.laws.histories import USERS, histories, model

PEOPLE = ("e1", "p-7", "e3")


def disturbed(facts, how):
    """A company after a history, in whose directory something was changed by others."""
    company = Company(model(), users=USERS)
    days = Days(company)
    days.tell(*facts)
    days.pass_by(DAY)
    ours = [row for row in company.directory.rows() if row.state is AssignmentState.DELIVERED]
    if how == "by hand" and ours:
        company.directory.take_by_hand(ours[0].id)
    elif how == "in our policy":
        company.directory.give("user-e1", "package-care", "policy-care")
    elif how == "in another":
        company.directory.give("user-e3", "package-crm", "policy-of-others")
    return days


def hashes(company):
    """Preview everybody, with and without a recheck of who they are."""
    looks = [run(look(name, company.ports, cause="x", settle=False, recheck=new)) for name in PEOPLE for new in (0, 1)]
    return [one.plan.hash for one in looks]


@examples(15)
@given(histories(links=False), st.sampled_from(["nothing", "by hand", "in our policy", "in another"]))
def test_the_sweep_ends_as_a_check_after_an_event_does(facts, how):
    """Three companies with one history: an event's check, a wake-up's, a sweep; same previews, same posts, same end."""
    ends = []
    for cause in ("event:x", "wake", ""):
        days = disturbed(facts, how)
        company = days.company
        before = hashes(company)
        assert before[::2] == before[1::2]
        posted = len(company.directory.posted)
        if cause:
            for name in PEOPLE:
                run(ask(company.bus, Check(name, cause), now=company.clock.now()))
            days.settle()
        else:
            days.sweep()
        days.pass_by(HOUR)
        asked = sorted((one.kind, one.package, one.user, one.assignment) for one in company.directory.posted[posted:])
        ends.append((before, hashes(company), asked, [company.has(name) for name in USERS]))
    assert ends[0] == ends[1] == ends[2]
