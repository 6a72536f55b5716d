"""Two looks at one person in turns, one of them dying on the way, a join in between: nothing is asked for twice."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.attend import attend
from lifecycle.contract.cloudevents import encode_fact
from lifecycle.core.events import Linked
from lifecycle.core.work import Check
from lifecycle.intake import intake
from lifecycle.ports import Queue
from lifecycle.records import facts
from lifecycle.records.identities import join
from tests.builders import CARE, EVERYONE, ITSM, SALES, START, Company, a_model, a_worker, joined, left, moved, recorded
from tests.fakes.faults import no_pause
from tests.laws.driving import DAY, HOUR, MINUTE, Days, Turns, broken, examples, interleave, pause, run

FIRST = date(2026, 1, 5)
TURNS = st.builds(
    Turns,
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 40)), max_size=8).map(tuple),
    st.one_of(st.none(), st.tuples(st.integers(0, 2), st.integers(1, 120))),
)


def with_pauses(company, hook):
    company.records.pause = company.bus.pause = company.directory.pause = hook


def twice(company):
    """Return the posts that ask for what an earlier one asked for already, or that the directory refused."""
    asked = [(one.kind, one.user, one.package, one.assignment, one.ends) for one in company.directory.posted]
    return [one for number, one in enumerate(asked) if one in asked[:number]]


def before(change):
    """A company in which E1 is about to need two requests: as a joiner, a mover or a leaver."""
    company = Company(a_model(EVERYONE, CARE, SALES))
    days = Days(company)
    if change == "joiner":
        run(join(company.records, START, "law", workers={"e1"}, people=set()))
        run(facts.keep(company.records, joined("j", START, FIRST, a_worker(department="Care"))))
        return days, {"base", "care"}
    days.tell(joined("j", START, FIRST, a_worker(department="Care")))
    days.pass_by(HOUR)
    now = company.clock.now()
    if change == "mover":
        run(facts.keep(company.records, moved("m", now, now, a_worker(department="Sales"))))
        return days, {"base", "crm"}
    run(facts.keep(company.records, left("l", now, now, immediate=True)))
    return days, set()


@examples(60)
@given(st.sampled_from(["joiner", "mover", "leaver"]), TURNS)
def test_two_looks_one_of_which_dies_never_write_twice(change, turns):
    """Whoever is overtaken stops; what the dead one had asked for is found and not asked for again."""
    days, wanted = before(change)
    company = days.company
    posted = len(company.directory.posted)
    with_pauses(company, pause)
    looks = [attend(Check("e1", f"look:{number}"), company.ports) for number in range(3)]
    interleave(looks, turns)
    with_pauses(company, no_pause)
    assert len(company.directory.posted) - posted <= 2
    run(attend(Check("e1", "redelivered"), company.ports))
    days.pass_by(2 * HOUR)
    assert company.has() == wanted
    assert not twice(company)
    assert len(company.directory.taken) - posted == 2
    assert broken(company) == []


@examples(60)
@given(st.sampled_from(["joiner", "mover", "leaver"]), TURNS, st.booleans())
def test_a_join_in_between_never_writes_twice(change, turns, by_link):
    """The person gets another key in the middle of two looks, and any of the three dies: still once each."""
    days, wanted = before(change)
    company = days.company
    posted = len(company.directory.posted)
    if by_link:
        fact, queue = Linked(recorded("k", "A0", company.clock.now(), source=ITSM), "e1"), Queue.DECISIONS
    else:
        other = a_worker("E0", person_id="P0", user_principal_name="E1@example.org", status="preboarding")
        fact, queue = joined("j0", START, FIRST, other), Queue.HR
        link = Linked(recorded("k", "E0", START, source=ITSM), "e1")
        run(facts.keep(company.records, link))
    with_pauses(company, pause)
    works = [
        attend(Check("e1", "look:0"), company.ports),
        intake(queue, encode_fact(fact), company.ports),
        attend(Check("e1", "look:1"), company.ports),
    ]
    interleave(works, turns)
    with_pauses(company, no_pause)
    run(intake(queue, encode_fact(fact), company.ports))
    if not by_link:
        run(intake(Queue.DECISIONS, encode_fact(Linked(recorded("k", "E0", START, source=ITSM), "e1")), company.ports))
    days.settle()
    run(attend(Check("e1", "redelivered"), company.ports))
    days.pass_by(2 * HOUR)
    assert company.has() == wanted
    assert not twice(company)
    assert len(company.directory.taken) - posted == 2
    days.pass_by(DAY + MINUTE)
    assert len(company.directory.taken) - posted == 2
    assert broken(company) == []


@examples(15)
@given(st.integers(1, 16), st.booleans())
def test_a_join_that_was_cut_short_is_finished(write, before):
    """Dying at any write while two keys become one forgets nothing: what the former key gave goes with its reason."""
    company = Company(a_model(EVERYONE, CARE))
    days = Days(company)
    days.tell(joined("j", START, FIRST, a_worker(department="Care")))
    days.pass_by(HOUR)
    now = company.clock.now()
    if before:
        company.records.crash_before = company.records.writes + write
    else:
        company.records.crash_after = company.records.writes + write
    away = moved("m", now, now, a_worker(department="Sales"))
    days.tell(away, Linked(recorded("k", "A0", now, source=ITSM), "e1"))
    days.pass_by(2 * DAY)
    assert company.has() == {"base"}
    assert broken(company) == []
