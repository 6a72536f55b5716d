"""Weeks in which everything goes wrong at once: what people have is what the facts justify, and soon."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.builders import START, Company
from tests.fakes.directory import crash, lost_after, lost_before, throttled, transient
from tests.laws.driving import DAY, HOUR, MINUTE, Days, examples
from tests.laws.histories import USERS, histories, model
from tests.laws.truth import NothingOutlives, NothingUnasked, contested, justified, wasted

BEGINNING = START - timedelta(days=41)
NOBODY_HURRIES = st.just(timedelta())
DELAYS = st.one_of(NOBODY_HURRIES, st.integers(0, 72).map(lambda hours: hours * HOUR))
THROTTLING = st.sampled_from([throttled, lambda: throttled(3 * MINUTE), transient])
FAULTS = THROTTLING | st.sampled_from([lost_after, lost_before, lambda: crash(done=True), lambda: crash(done=False)])
LAG = st.integers(0, 110).map(lambda seconds: timedelta(seconds=seconds))


@st.composite
def chronicles(draw):
    """Draw facts with the instants at which they arrive: not before they were recorded, in any order."""
    facts = draw(histories())
    arrivals = [(fact.recorded.time + draw(DELAYS), fact) for fact in facts]
    return sorted(arrivals, key=lambda one: one[0])


def live_through(days, chronicle, until):
    """Say each fact when it arrives, and let time pass in between."""
    for at, fact in chronicle:
        days.pass_by(at - days.company.clock.now())
        days.tell(fact)
    days.pass_by(until - days.company.clock.now())


def agree(company):
    """Assert that everybody has exactly what the facts justify, or at least that while it is unclear who they are."""
    for name in USERS:
        assert company.has(name) >= justified(company, name)
        assert contested(company, name) or company.has(name) == justified(company, name)


@examples(25)
@given(chronicles(), st.lists(THROTTLING, max_size=4), st.tuples(LAG, LAG), st.data())
def test_no_access_outlives_its_last_reason(chronicle, faults, lags, data):
    """Under throttling and lag nothing stays an hour longer than known reasons, and nothing is given without one."""
    company = Company(model(), users=USERS, start=BEGINNING)
    company.directory.lag, company.directory.request_lag = lags
    company.directory.faults.extend(fault() for fault in faults)
    days = Days(company, watchers=(NothingOutlives(USERS), NothingUnasked(USERS)))
    days.choose = lambda count: data.draw(st.integers(0, count - 1)) if count > 1 else 0
    live_through(days, chronicle, START + 20 * DAY)
    agree(company)
    assert wasted(company, faults=len(faults) - len(company.directory.faults)) == 0


@examples(25)
@given(
    chronicles(),
    st.lists(FAULTS, max_size=4),
    st.tuples(LAG, LAG),
    st.lists(st.integers(1, 90), max_size=3, unique=True),
    st.integers(0, 30),
)
def test_everything_wrong_at_once_ends_right(chronicle, faults, lags, deaths, lost):
    """Lost answers, deaths at writes, lag and a lost message: after the next night all is as the facts justify."""
    company = Company(model(), users=USERS, start=BEGINNING)
    company.directory.lag, company.directory.request_lag = lags
    company.directory.faults.extend(fault() for fault in faults)
    deaths.sort()

    def next_death(_):
        company.records.crash_after = next((at for at in deaths if at > company.records.writes), None)

    days = Days(company, loses=lost, watchers=(next_death, NothingUnasked(USERS)))
    live_through(days, chronicle, START + 10 * DAY)
    days.sweep()
    days.pass_by(DAY)
    agree(company)
    tokens = [one.token for one in company.directory.taken]
    assert len(tokens) == len(set(tokens))
