"""What a plan must reserve room for, and of how much."""

from datetime import timedelta

from lifecycle.core.guard import Claim, Kind, Population, Verdict, giving_claims, taking_claims
from lifecycle.core.model import GuardLimits, Limit
from lifecycle.core.plan import Assign, Keep, Plan, Remove, Reschedule
from tests.builders import utc

LIMITS = GuardLimits(timedelta(hours=24), Limit(50, 0.1), Limit(500, 0.2), Limit(100, 0.05))
COMPANY = Population(people=400, assignments=300)
JUNE, JULY = utc(2026, 6, 1), utc(2026, 7, 1)
TAKES = Plan(
    "e1",
    "m",
    (
        Remove("a", "row-a", ("x",)),
        Reschedule("b", "row-b", JULY, JUNE, ()),
        Reschedule("c", "row-c", JUNE, JULY, ()),
        Assign("d", None, ()),
        Assign("e", JULY, ()),
        Keep("f", "row-f", ()),
    ),
)
GIVES = Plan("e1", "m", TAKES.steps[2:])


def test_removals_and_shortened_ends_are_counted():
    """A mover reserves one place for each row taken or shortened, named by person and row, of a share of the rows."""
    (claim,) = taking_claims(TAKES, LIMITS, COMPANY, leaver=False, named=True)
    assert claim == Claim(Kind.REMOVALS, ("e1.row-a", "e1.row-b"), 30)
    assert claim.kind is Kind.REMOVALS


def test_a_named_leaver_counts_once_among_leavers_alone():
    """Somebody named passes the removal limit and counts as one person, of a share of the people."""
    claims = taking_claims(TAKES, LIMITS, COMPANY, leaver=True, named=True)
    assert claims == [Claim(Kind.LEAVERS, ("e1",), 20)]


def test_a_derived_leaver_passes_no_limit():
    """One derived from an absence counts among leavers and among removals."""
    claims = taking_claims(TAKES, LIMITS, COMPANY, leaver=True, named=False)
    assert [claim.kind for claim in claims] == [Kind.LEAVERS, Kind.REMOVALS]


def test_nothing_taken_reserves_nothing():
    """A plan that only gives, keeps or extends reserves no removal, leaver or not."""
    assert taking_claims(GIVES, LIMITS, COMPANY, leaver=True, named=False) == []


def test_additions_are_counted_by_package():
    """Each package has a counter of its own, in which a person counts once; extensions count nowhere."""
    assert giving_claims(TAKES, LIMITS, COMPANY) == {
        "d": Claim("additions:d", ("e1",), 80),
        "e": Claim("additions:e", ("e1",), 80),
    }
    assert giving_claims(TAKES, LIMITS, COMPANY)["d"].kind is Kind.ADDITIONS


def test_a_verdict_says_its_arithmetic():
    """Whoever reads a hold sees what was counted, what was wanted and what is allowed."""
    (claim,) = taking_claims(TAKES, LIMITS, COMPANY, leaver=False, named=False)
    assert str(Verdict(claim, 29, fits=False)) == "removals: 29 counted in the window, 2 more wanted, 30 allowed"
