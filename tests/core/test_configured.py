"""What of a catalog, a package, a policy or a queue would break us: each broken once, and named."""

from datetime import UTC, datetime, timedelta

import pytest

from lifecycle.core.configured import (
    CatalogSeen,
    PackageSeen,
    PolicySeen,
    QueueSeen,
    judge_catalog,
    judge_package,
    judge_policy,
    judge_queue,
)
from lifecycle.core.health import Problem, State
from tests.builders import EVERYONE, a_model, a_package, a_rule, renewable

DAY = timedelta(days=1)
PACKAGE = a_package("base")
MODEL = a_model(EVERYONE, packages=("free",))
FINDING, WARNING, UNKNOWN = State.FINDING, State.WARNING, State.UNKNOWN


def a_policy(**changes):
    return PolicySeen(**{"id": "policy-base", "package": "package-base", "scope": "notSpecified", **changes})


def told(notes):
    return [(note.problem, note.state) for note in notes]


def test_what_is_right_is_not_noted():
    """The ids of Graph do not mind their case."""
    assert judge_catalog(CatalogSeen("catalog", "published")) == ()
    assert judge_package(PACKAGE, PackageSeen("package-base", "CATALOG")) == ()
    assert judge_policy(PACKAGE, a_policy(package="PACKAGE-BASE", scope="NotSpecified"), MODEL) == ()


def test_a_catalog_that_is_not_published():
    """Its packages cannot be requested; we assign them, so it is a warning."""
    assert told(judge_catalog(CatalogSeen("catalog", "Unpublished"))) == [(Problem.UNPUBLISHED, WARNING)]


def test_a_package_in_another_catalog():
    """The model names the catalog where our role is; where Graph does not tell, nobody knows."""
    (note,) = judge_package(PACKAGE, PackageSeen("package-base", "elsewhere"))
    assert (note.problem, note.state) == (Problem.OTHER_CATALOG, FINDING)
    assert "elsewhere" in note.seen
    assert told(judge_package(PACKAGE, PackageSeen("package-base"))) == [(Problem.OTHER_CATALOG, UNKNOWN)]


@pytest.mark.parametrize(
    ("broken", "problem", "state"),
    [
        ({"package": "package-crm"}, Problem.OTHER_PACKAGE, FINDING),
        ({"package": ""}, Problem.OTHER_PACKAGE, UNKNOWN),
        ({"approval_to_add": True}, Problem.APPROVAL_TO_ADD, FINDING),
        ({"approval_to_update": True}, Problem.APPROVAL_TO_UPDATE, FINDING),
        ({"custom_schedule": False}, Problem.NO_CUSTOM_SCHEDULE, FINDING),
        ({"automatic": True}, Problem.AUTOMATIC, FINDING),
        ({"automatic": True, "scope": "allMemberUsers"}, Problem.AUTOMATIC, FINDING),
        ({"scope": "allMemberUsers"}, Problem.OPEN_TO_REQUESTS, WARNING),
        ({"longest": 365 * DAY}, Problem.TERM_TOO_SHORT, FINDING),
        ({"last": datetime(2030, 1, 1, tzinfo=UTC)}, Problem.TERM_TOO_SHORT, FINDING),
        ({"unread": "it has no length"}, Problem.TERM_MAY_BE_SHORT, UNKNOWN),
    ],
)
def test_a_policy_that_cannot_be_ours(broken, problem, state):
    """Each thing that would make Graph refuse, delay or cut short what we ask for, by itself."""
    assert told(judge_policy(PACKAGE, a_policy(**broken), MODEL)) == [(problem, state)]


def test_everything_that_is_wrong_is_told_at_once():
    """Who mends a policy does it once."""
    notes = judge_policy(PACKAGE, a_policy(package="x", approval_to_add=True, custom_schedule=False), MODEL)
    assert [note.problem for note in notes] == [
        Problem.OTHER_PACKAGE,
        Problem.APPROVAL_TO_ADD,
        Problem.NO_CUSTOM_SCHEDULE,
    ]


@pytest.mark.parametrize(
    ("lasts", "extend", "broken"),
    [
        (None, 30, "rule care gives it without end"),
        (timedelta(days=91), 30, "rule care gives it for 91 days"),
        (timedelta(days=90), 91, "a renewal extends it by 91 days"),
        (timedelta(days=90), 90, ""),
    ],
)
def test_a_term_is_judged_by_what_the_model_asks_for(lasts, extend, broken):
    """A policy of ninety days: whatever the model needs beyond that is named; else only projects might need more."""
    model = a_model((a_rule("care", "base", lasts=lasts), lambda _: True))
    notes = judge_policy(renewable("base", extend=extend), a_policy(longest=90 * DAY), model)
    if broken:
        assert told(notes) == [(Problem.TERM_TOO_SHORT, FINDING)]
        assert broken in notes[0].seen
    else:
        assert told(notes) == [(Problem.TERM_MAY_BE_SHORT, WARNING)]


def test_another_packages_rule_does_not_matter():
    """Nor does a package's renewal that never comes."""
    notes = judge_policy(a_package("free"), a_policy(package="package-free", longest=DAY), MODEL)
    assert told(notes) == [(Problem.TERM_MAY_BE_SHORT, WARNING)]


# --- queues ----------------------------------------------------------------------------------------------------------


def a_queue(**changes):
    sound = {
        "sessions": False,
        "duplicates": True,
        "window": timedelta(minutes=10),
        "lock": timedelta(minutes=1),
        "deliveries": 10,
        "partitioned": False,
        "time_to_live": timedelta.max,
        "dead_on_expiry": False,
        "active": True,
        "waiting": 3,
        "dead": 0,
    }
    return QueueSeen(**{**sound, **changes})


def judged(*, consumed=True, quarantine=False, **changes):
    return told(judge_queue(a_queue(**changes), sessions=False, consumed=consumed, quarantine=quarantine))


def test_a_queue_as_it_should_be():
    """Messages that wait on it are what it is for."""
    assert judged() == []


@pytest.mark.parametrize(
    ("broken", "problem", "state"),
    [
        ({"duplicates": False}, Problem.NO_DUPLICATE_DETECTION, FINDING),
        ({"window": timedelta(minutes=9)}, Problem.SHORT_WINDOW, WARNING),
        ({"lock": timedelta(seconds=29)}, Problem.SHORT_LOCK, WARNING),
        ({"deliveries": 4}, Problem.FEW_DELIVERIES, WARNING),
        ({"partitioned": True}, Problem.PARTITIONED, FINDING),
        ({"time_to_live": timedelta(days=14)}, Problem.EXPIRES_UNSEEN, FINDING),
        ({"active": False}, Problem.NOT_ACTIVE, FINDING),
        ({"dead": 1}, Problem.DEAD_LETTERS, WARNING),
        ({"hidden": "no rights"}, Problem.PROPERTIES_HIDDEN, UNKNOWN),
    ],
)
def test_a_queue_that_would_lose_or_double_messages(broken, problem, state):
    """Each property that the app counts on, broken by itself."""
    assert judged(**broken) == [(problem, state)]


def test_sessions_where_they_belong_alone():
    """`work` without them has two looks at one person at once; another queue with them delivers nothing."""
    without, with_ = a_queue(), a_queue(sessions=True)
    assert told(judge_queue(without, sessions=True, consumed=True)) == [(Problem.SESSIONS_WRONG, FINDING)]
    assert told(judge_queue(with_, sessions=False, consumed=True)) == [(Problem.SESSIONS_WRONG, FINDING)]
    assert told(judge_queue(with_, sessions=True, consumed=True)) == []
    assert told(judge_queue(a_queue(sessions=None), sessions=True, consumed=True)) == []


def test_what_others_read_may_come_twice():
    """Without duplicate detection a notice is doubled: a nuisance, not a defect."""
    assert judged(duplicates=False, consumed=False) == [(Problem.NO_DUPLICATE_DETECTION, WARNING)]


def test_what_expires_into_the_dead_letters_is_seen():
    """A time to live is fine where it leaves a trace."""
    assert judged(time_to_live=timedelta(days=14), dead_on_expiry=True) == []


def test_what_was_set_aside_waits_for_somebody():
    """In the quarantine each message is one too many."""
    assert judged(quarantine=True) == [(Problem.SET_ASIDE, WARNING)]
    assert judged(quarantine=True, waiting=0) == []


def test_what_nobody_could_see_is_not_judged():
    """Unknown properties are no findings: only that they are unknown is told."""
    hidden = QueueSeen(sessions=True, waiting=0, dead=0, hidden="a firewall")
    assert told(judge_queue(hidden, sessions=True, consumed=True)) == [(Problem.PROPERTIES_HIDDEN, UNKNOWN)]
