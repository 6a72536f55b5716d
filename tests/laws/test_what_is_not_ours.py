"""Rows that others gave are left alone while their owner works, and a protected user loses nothing, ever."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.core.desired import Standing
from lifecycle.ports import AssignmentState
from tests.builders import START, Company
from tests.laws.driving import DAY, Days, examples
from tests.laws.histories import USERS, histories, model
from tests.laws.test_weeks_in_any_weather import live_through
from tests.laws.truth import known

BEGINNING = START - timedelta(days=41)
FOREIGN = st.lists(
    st.tuples(st.sampled_from(["base", "care", "crm", "site", "apollo"]), st.sampled_from(["request", "auto"])),
    min_size=1,
    max_size=4,
    unique_by=lambda one: one[0],
)


class OthersAreLeftAlone:
    """Watches that no request names a row that others gave, unless all its owner's employments are over then."""

    def __init__(self, auto, foreign):
        self.auto, self.foreign, self.seen = auto, foreign, 0

    def __call__(self, company):
        posted = company.directory.posted[self.seen :]
        self.seen += len(posted)
        for request in posted:
            assert request.assignment not in self.auto, "a row of an auto-assignment policy was touched"
            if request.assignment in self.foreign:
                seen = [desired for _, desired in known(company, "E1")]
                left = {desired.standing for desired in seen} <= {Standing.LEFT, Standing.UNKNOWN}
                closed = any(self.foreign[request.assignment] in desired.sweep_out for desired in seen)
                assert left or closed, "a row that others gave was touched while its owner works"


@examples(25)
@given(histories(), FOREIGN)
def test_what_others_gave_is_touched_on_leaving_and_project_close_alone(facts, given_by_others):
    """Rows from My Access go with their owner's last employment or their own project; automatic ones never go."""
    company = Company(model(), users=USERS, start=BEGINNING)
    company.directory.automatic.add("policy-auto")
    auto, foreign = set(), {}
    for package, how in given_by_others:
        row = company.directory.give("user-e1", f"package-{package}", f"policy-{how}")
        if how == "auto":
            auto.add(row.id)
        else:
            foreign[row.id] = package
    days = Days(company, watchers=[OthersAreLeftAlone(auto, foreign)])
    live_through(days, sorted(((fact.recorded.time, fact) for fact in facts), key=lambda one: one[0]), START + 9 * DAY)
    assert all(row.state is AssignmentState.DELIVERED for row in company.directory.rows() if row.id in auto)
    held = {f"package-{package}" for package, how in given_by_others if how == "auto"}
    assert not [one for one in company.directory.posted if one.user == "user-e1" and one.package in held]


@examples(25)
@given(histories())
def test_a_protected_user_never_loses_anything(facts):
    """Leavers, movers and closed projects included: nothing is posted that ends or shortens a protected user's row."""
    company = Company(model(), users=USERS, start=BEGINNING)
    said = sorted(((fact.recorded.time, fact) for fact in facts), key=lambda one: one[0])
    days = Days(company)
    live_through(days, said[: len(said) // 2], START)
    company.model = model(protected=frozenset({"user-e1"}))
    had = {row.id: row.ends for row in company.directory.rows("user-e1") if row.state is AssignmentState.DELIVERED}
    days.tell(*[fact for _, fact in said[len(said) // 2 :]])
    days.pass_by(9 * DAY)
    for row in company.directory.rows("user-e1"):
        if row.id in had:
            assert row.ends == had[row.id] or row.ends is None or (had[row.id] is not None and row.ends > had[row.id])
            assert row.state is AssignmentState.DELIVERED or row.expired_at == had[row.id]
