"""The model's own arithmetic: limits, and what a role on a project grants."""

import pytest

from lifecycle.core.model import AccessModel, Limit, ProjectRules


@pytest.mark.parametrize(
    ("limit", "population", "allowed"),
    [
        (Limit(50, 0.1), 200, 20),
        (Limit(50, 0.1), 500, 50),
        (Limit(50, 0.1), 5000, 50),
        (Limit(50), 10, 10),
        (Limit(50, 0.1, floor=5), 10, 5),
        (Limit(3, 0.1, floor=5), 10, 3),
        (Limit(50, 0.1), 0, 1),
        (Limit(0, 0.1, floor=5), 1000, 0),
        (Limit(50, 0.05), 39, 1),
    ],
)
def test_a_limit_is_the_smaller_of_count_and_share(limit, population, allowed):
    """Whichever is reached first; a share of few does not bind below the floor, and the count always does."""
    assert limit.of(population) == allowed


def test_a_role_grants_on_every_project_and_what_is_one_projects_own():
    """What a role grants anywhere comes first, then what exists for this project alone."""
    rules = ProjectRules({"engineer": ("site",)}, {"p1": {"engineer": ("own",), "lead": ("plans",)}})
    assert rules.packages_of("p1", "engineer") == ("site", "own")
    assert rules.packages_of("p2", "engineer") == ("site",)
    assert rules.packages_of("p2", "nobody") == ()
    assert rules.own_packages("p1") == {"own", "plans"}
    assert rules.own_packages("p2") == frozenset()


def test_models_compare_by_what_they_say():
    """The compiled rules are no part of a model's identity."""
    one = AccessModel(hash="h", time_zone="UTC", matches=lambda _: (True,))
    other = AccessModel(hash="h", time_zone="UTC", matches=lambda _: (False,))
    assert one == other


def test_a_share_is_taken_exactly():
    """29 % of a hundred are twenty-nine."""
    assert Limit(500, 0.29).of(100) == 29
