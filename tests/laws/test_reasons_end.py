"""How access ends: one reason ends and another stands; `for` lapses; grace, leave of absence and denials run out."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.core.events import ExceptionGranted, Status
from lifecycle.core.model import ProjectRules
from lifecycle.ports import AssignmentState
from tests.builders import (
    CARE,
    EVERYONE,
    ITSM,
    SALES,
    START,
    Company,
    a_model,
    a_rule,
    a_worker,
    joined,
    moved,
    opened,
    recorded,
    released,
    staffed,
)
from tests.laws.driving import DAY, HOUR, MINUTE, Days, examples

FIRST = date(2026, 1, 5)
MONTH = 31 * DAY
SITE = ProjectRules(roles={"engineer": ("site",)})
REACHES = st.tuples(st.integers(0, 20), st.integers(0, 20)).map(sorted).filter(lambda one: one[0] < one[1])


@examples(40)
@given(st.lists(REACHES, min_size=1, max_size=3), st.booleans())
def test_ending_one_grant_never_takes_what_another_justifies(reaches, by_release):
    """Projects that overlap, touch or lie apart: the package is there exactly while one of them runs."""
    company = Company(a_model(EVERYONE, projects=SITE))
    days = Days(company)
    days.tell(joined("j", START, FIRST))
    for number, (starts, ends) in enumerate(reaches):
        name = f"p{number}"
        days.tell(opened(f"o{number}", START - 30 * DAY, name))
        begins, until = START + starts * DAY, START + ends * DAY
        days.tell(staffed(f"s{number}", START, project=name, starts=begins, until=None if by_release else until))
    gaps = []

    def follows(company):
        now = company.clock.now()
        if any(START + start * DAY + 3 * MINUTE <= now < START + end * DAY for start, end in reaches):
            gaps.extend([now] if "site" not in company.has() else [])

    days.watchers = [follows]
    edges = sorted({START + end * DAY for _, end in reaches})
    for edge in edges:
        days.pass_by(edge - company.clock.now())
        for number, (_, end) in enumerate(reaches):
            if by_release and START + end * DAY == edge:
                days.tell(released(f"r{number}", edge, project=f"p{number}"))
    assert not gaps
    days.pass_by(HOUR)
    assert company.has() == {"base"}


@examples(20)
@given(st.integers(1, 20), st.lists(st.integers(0, 40), max_size=4))
def test_what_lapsed_stays_away_while_its_reason_stands(lasts, moves):
    """Moves that leave the reason alone bring nothing back; only one that ends it and another begins it anew do."""
    course = (a_rule("course", "course", lasts=lasts * DAY), lambda worker: worker.department == "Care")
    company = Company(a_model(EVERYONE, course))
    days = Days(company)
    days.tell(joined("j", START, FIRST, a_worker(department="Care")))
    for number, day in enumerate(sorted(moves)):
        days.pass_by(START + day * DAY - company.clock.now())
        same = a_worker(department="Care", job_title=f"title {number}")
        days.tell(moved(f"m{number}", company.clock.now(), company.clock.now(), same))
        days.pass_by(HOUR)
        assert ("course" in company.has()) == (company.clock.now() < START.replace(hour=0) - HOUR + lasts * DAY)
    days.pass_by(START + 45 * DAY - company.clock.now())
    assert company.has() == {"base"}
    assert sum(request.package == "package-course" for request in company.directory.posted) == 1
    now = company.clock.now()
    days.tell(moved("away", now, now, a_worker()))
    days.pass_by(DAY)
    now = company.clock.now()
    days.tell(moved("back", now, now, a_worker(department="Care")))
    days.pass_by(HOUR)
    assert company.has() == {"base", "course"}


@examples(30)
@given(
    st.integers(1, 10), st.lists(st.tuples(st.integers(1, 20), st.sampled_from(["Care", "Sales", None])), max_size=5)
)
def test_grace_runs_from_the_instant_the_reason_ended(grace, moves):
    """After each move the old access stays for the grace and no longer; moving back within it makes no gap."""
    company = Company(a_model(EVERYONE, CARE, SALES, grace=grace * DAY))
    days = Days(company)
    days.tell(joined("j", START, FIRST, a_worker(department="Care")))
    days.pass_by(HOUR)
    spans = [("Care", START)]
    for number, (after, department) in enumerate(moves):
        days.pass_by(after * DAY)
        assert company.has() == _graced(spans, company.clock.now(), grace * DAY)
        now = company.clock.now()
        spans.append((department, now))
        days.tell(moved(f"m{number}", now, now, a_worker(department=department)))
        days.pass_by(HOUR)
        assert company.has() == _graced(spans, company.clock.now(), grace * DAY)


def _graced(spans, now, grace):
    """Return what somebody has whose department changed at these instants."""
    gives = {"Care": "care", "Sales": "crm"}
    has = {"base"}
    for (department, _), (_, end) in zip(spans, [*spans[1:], (None, None)], strict=True):
        if department in gives and (end is None or now < end + grace):
            has.add(gives[department])
    return has


@examples(20)
@given(st.lists(st.integers(1, 10), min_size=1, max_size=4))
def test_leave_of_absence_suspends_what_it_does_not_keep(stretches):
    """On leave only what the model keeps stays, at once and without grace; back at work the rest returns."""
    company = Company(a_model(EVERYONE, CARE, leave_keep=frozenset({"base"}), grace=3 * DAY))
    days = Days(company)
    days.tell(joined("j", START, FIRST, a_worker(department="Care")))
    status = Status.ACTIVE
    for number, length in enumerate(stretches):
        days.pass_by(length * DAY)
        status = Status.LEAVE if status is Status.ACTIVE else Status.ACTIVE
        now = company.clock.now()
        days.tell(moved(f"m{number}", now, now, a_worker(department="Care", status=status)))
        days.pass_by(HOUR)
        assert company.has() == ({"base"} if status is Status.LEAVE else {"base", "care"})


@examples(20)
@given(
    st.integers(1, 20),
    st.sampled_from(["exception", "later reason", "neither"]),
    st.lists(st.integers(1, 9), max_size=3),
)
def test_a_removal_by_hand_stays_away(day, lifted_by, looks):
    """However often it is looked at: only an exception, or a reason that begins later, brings the package back."""
    company = Company(a_model(EVERYONE, CARE))
    days = Days(company)
    days.tell(joined("j", START, FIRST, a_worker(department="Care")))
    days.pass_by(day * DAY)
    live = [row for row in company.directory.rows("user-e1") if row.state is AssignmentState.DELIVERED]
    company.directory.take_by_hand(next(row.id for row in live if row.package == "package-care"))
    days.sweep()
    for number, after in enumerate(looks):
        days.pass_by(after * DAY)
        same = a_worker(department="Care", job_title=f"title {number}")
        days.tell(moved(f"m{number}", company.clock.now(), company.clock.now(), same))
        days.sweep()
        assert company.has() == {"base"}
    now = company.clock.now() + HOUR
    days.pass_by(HOUR)
    if lifted_by == "exception":
        fact = ExceptionGranted(recorded("x", "E1", now, source=ITSM), "care", now + MONTH, "boss", "T1", "needed")
        days.tell(fact)
    elif lifted_by == "later reason":
        days.tell(moved("away", now, now, a_worker()))
        days.pass_by(DAY)
        now = company.clock.now()
        days.tell(moved("back", now, now, a_worker(department="Care")))
    days.pass_by(HOUR)
    assert company.has() == ({"base"} if lifted_by == "neither" else {"base", "care"})
    assert timedelta() <= company.clock.now() - now <= 2 * DAY
