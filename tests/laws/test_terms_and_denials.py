"""What has a term ends with it, as renewed and no longer; what was denied stays away on every path; outages heal."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.core.model import Drift, ProjectRules
from tests.builders import (
    CARE,
    EVERYONE,
    START,
    Company,
    a_model,
    a_rule,
    a_worker,
    approved,
    granted,
    joined,
    moved,
    opened,
    refused,
    renewable,
    staffed,
    utc,
)
from tests.laws.driving import DAY, HOUR, MINUTE, Days, examples
from tests.laws.histories import USERS, histories, model
from tests.laws.test_weeks_in_any_weather import agree
from tests.laws.truth import NothingOutlives

FIRST, BEGUN = date(2026, 1, 5), utc(2026, 1, 4, 23)
LASTS, WINDOW, EXTEND = 20 * DAY, 7 * DAY, 10 * DAY
COURSE = (a_rule("course", "course", lasts=LASTS), lambda worker: worker.department == "Care")
SPOKEN = st.tuples(st.integers(11, 60 * 24), st.sampled_from(["yes", "no", "until", "twice"]), st.integers(0, 40))


def until(spoken):
    """Say when a course is over: an approval counts while it runs, one without an end in the window alone."""
    end = BEGUN + LASTS
    for at, word, days in spoken:
        if at < end and word == "until":
            end = max(end, at + days * DAY)
        elif end - WINDOW <= at < end and word in {"yes", "twice"}:
            end += EXTEND
    return end


@examples(25)
@given(st.lists(SPOKEN, max_size=5, unique_by=lambda one: one[0]), st.integers(0, 48))
def test_what_lapsed_comes_back_only_where_a_renewal_was_approved_in_time(spoken, late):
    """Approved early, late, twice, denied, heard of days later: the course is there until exactly the oracle's end."""
    plain = a_model(EVERYONE, COURSE)
    company = Company(replace(plain, packages={**plain.packages, "course": renewable("course", window=7, extend=10)}))
    days = Days(company, may_set_aside=True)
    days.tell(joined("j", START, FIRST, a_worker(department="Care", manager="boss")))
    heard = []
    for at, word, length in sorted((START + hours * HOUR, word, length) for hours, word, length in spoken):
        days.pass_by(max(at + late * HOUR - company.clock.now(), timedelta()))
        assert ("course" in company.has()) == (company.clock.now() < until(heard))
        name = f"a{len(heard)}"
        if word == "no":
            days.tell(refused(name, at, "course"))
        else:
            last = at + length * DAY if word == "until" else None
            again = [approved(f"{name}-again", at, "course", until=last)] if word == "twice" else []
            days.tell(approved(name, at, "course", until=last), *again)
        heard.append((at, word, length))
        days.pass_by(20 * MINUTE)
        assert ("course" in company.has()) == (company.clock.now() < until(heard))
    days.pass_by(max(until(heard) - company.clock.now() - MINUTE, timedelta()))
    assert ("course" in company.has()) == (company.clock.now() < until(heard))
    days.pass_by(30 * DAY)
    assert company.has() == {"base"}


@examples(15)
@given(
    st.lists(st.sampled_from(["event", "wake", "sweep", "model"]), min_size=1, max_size=4),
    st.sampled_from(list(Drift)),
    st.sampled_from(["exception", "later reason"]),
)
def test_what_was_denied_returns_by_no_path(paths, drift, lifted_by):
    """After a review's Deny: events, wake-ups, sweeps, new models, `drift: repair`; then what may lift it does."""
    company = Company(a_model(EVERYONE, CARE, drift=drift))
    days = Days(company)
    days.tell(joined("j", START, FIRST, a_worker(department="Care")))
    days.pass_by(DAY)
    company.directory.review("r1", "package-care", "user-e1", company.clock.now())
    days.sweep()
    days.pass_by(HOUR)
    assert company.has() == {"base"}
    for number, path in enumerate(paths):
        now = company.clock.now()
        if path == "event":
            days.tell(moved(f"m{number}", now, now, a_worker(department="Care", job_title=f"title {number}")))
        elif path == "wake":
            days.tell(granted(f"x{number}", now, "base", now + HOUR))
        elif path == "sweep":
            days.sweep()
        else:
            company.model = replace(company.model, hash=f"model-{number + 2}")
        days.pass_by(DAY)
        assert company.has() == {"base"}
    now = company.clock.now()
    if lifted_by == "exception":
        days.tell(granted("x", now, "care", now + 30 * DAY))
    else:
        days.tell(moved("away", now, now, a_worker()))
        days.pass_by(DAY)
        now = company.clock.now()
        days.tell(moved("back", now, now, a_worker(department="Care")))
    days.pass_by(HOUR)
    days.sweep()
    assert company.has() == {"base", "care"}


@examples(15)
@given(histories(links=False), st.integers(0, 9), st.integers(0, 6), st.integers(0, 72))
def test_an_outage_and_a_lost_message_cost_minutes(facts, lost, lost_sweep, hours):
    """Down for a day, one message lost on `work`, one on `sweeps`: minutes later all is right again."""
    company = Company(model(), users=USERS)
    days = Days(company, loses=lost, loses_sweep=lost_sweep)
    for fact in facts:
        days.tell(fact)
        days.pass_by(20 * MINUTE)
    days.pass_by(2 * HOUR)
    days.watchers = (NothingOutlives(USERS, deadline=HOUR),)
    days.pass_by(hours * HOUR)
    days.watchers = ()
    days.outage(DAY)
    days.watchers = (NothingOutlives(USERS, deadline=HOUR),)
    days.pass_by(3 * DAY)
    agree(company)


@examples(15)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 3)), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 10)), max_size=2),
    st.integers(1, 4),
)
def test_no_gap_while_anything_justifies(projects, exceptions, moves_away):
    """Projects, a rule and exceptions for one package, apart, touching or in one second: never a gap in their union."""
    rules = ProjectRules(roles={"engineer": ("care",)})
    company = Company(a_model(EVERYONE, CARE, projects=rules))
    days = Days(company)
    days.tell(joined("j", START, START, a_worker(department="Care")))
    away = START + moves_away * DAY
    days.tell(moved("m", START, away, a_worker()))
    spans = [(START, away)]
    for number, (begins, length) in enumerate(projects):
        spans.append((START + begins * DAY, START + (begins + length) * DAY))
        name = f"p{number}"
        days.tell(opened(f"o{number}", START, name))
        days.tell(staffed(f"s{number}", START, project=name, starts=spans[-1][0], until=spans[-1][1]))
    said = sorted((START + at * DAY - HOUR, length * DAY) for at, length in exceptions if at)
    spans += [(at, at + length) for at, length in said]

    def follows(company):
        now = company.clock.now()
        settled = [now - 2 * MINUTE * step / 8 for step in range(9)]
        if all(any(start <= at < end for start, end in spans) for at in settled):
            assert "care" in company.has(), f"a gap at {now}"

    days.watchers = [follows]
    for number, (at, length) in enumerate(said):
        days.pass_by(at - company.clock.now())
        days.tell(granted(f"x{number}", at, "care", at + length))
    days.pass_by(START + 35 * DAY - company.clock.now())
    assert company.has() == {"base"}
