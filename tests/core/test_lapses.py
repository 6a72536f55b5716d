"""What access is without reason since when: a leaving and a lost reason are two things."""

from datetime import date

from lifecycle.core.lapses import last_reason
from lifecycle.core.person import person
from lifecycle.core.reasons import stands
from tests.builders import CARE, EVERYONE, a_model, a_worker, joined, left, moved, utc

MODEL = a_model(EVERYONE, CARE)
HIRED = joined("j", utc(2026, 1, 2), date(2026, 1, 5), a_worker(department="Care"))
AWAY = moved("m", utc(2026, 2, 1), date(2026, 3, 1), a_worker())
GONE = left("l", utc(2026, 2, 1), date(2026, 3, 31))


def lost(package, at, *facts):
    who = person("e1", facts, MODEL)
    return last_reason(package, at, stands(who, (), {}, MODEL, {}, at), who)


def test_who_moved_has_lost_the_reason_that_the_move_ended():
    """It is named, with the instant of its end; before that instant none is lost."""
    found = lost("care", utc(2026, 3, 2), HIRED, AWAY)
    assert found is not None
    assert (found.name, found.until) == ("care", utc(2026, 2, 28, 23))
    assert lost("care", utc(2026, 2, 28), HIRED, AWAY) is None


def test_who_left_has_lost_no_reason_but_the_work():
    """The leaving is measured as one, not once more for each package."""
    assert lost("base", utc(2026, 4, 2), HIRED, GONE) is None


def test_who_moved_and_left_later_has_still_lost_the_reason_of_the_move():
    """What ended while they were employed is not made good by the leaving."""
    found = lost("care", utc(2026, 4, 2), HIRED, AWAY, GONE)
    assert found is not None
    assert found.until == utc(2026, 2, 28, 23)
