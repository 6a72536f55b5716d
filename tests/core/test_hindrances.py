"""What kept access, read from records alone."""

from datetime import timedelta

from lifecycle.core.delays import Hindrance, Snag
from lifecycle.core.evidence import GENESIS, Record, Tag
from lifecycle.core.hindrances import expired, hindrances
from tests.core.test_delays import DUE, HOUR, a_delay

MINUTE = timedelta(minutes=1)


def a_record(after, tag, **detail):
    return Record("e1", 1, GENESIS, DUE + after, tag, "event:l", detail)


def refusal(after, package="base", code="Forbidden"):
    return a_record(after, Tag.REFUSED, package=package, status=403, code=code)


def what(delay, *chain):
    return [(one.snag, one.since - DUE, one.detail) for one in hindrances(delay, chain)]


def test_only_what_happened_while_it_was_due_counts():
    """Not a refusal before it, not one after it was gone, not one of another package."""
    chain = (refusal(-HOUR), refusal(MINUTE), refusal(2 * MINUTE, "crm"), refusal(3 * HOUR))
    assert what(a_delay(took=2 * HOUR), *chain) == [(Snag.REFUSED, MINUTE, "403 Forbidden, 1 x")]


def test_an_old_hold_or_one_of_additions_keeps_nothing():
    """What was held before has nothing to do with it, nor does what was not given."""
    taking = {"run": "r", "steps": ["remove base (a)"]}
    chain = (a_record(-HOUR, Tag.HELD, **taking), a_record(MINUTE, Tag.HELD, run="r", steps=["assign crm"]))
    assert what(a_delay(), *chain) == []
    held = a_record(MINUTE, Tag.HELD, **taking), a_record(2 * MINUTE, Tag.HELD, **taking)
    (one,) = hindrances(a_delay(), held)
    assert one == Hindrance(Snag.HELD, DUE + MINUTE, None, "run r")
    let_go = a_record(HOUR, Tag.RELEASED, run="r")
    (one,) = hindrances(a_delay(), [*held, let_go])
    assert one.until == DUE + HOUR


def test_nothing_is_said_of_what_went_in_time():
    """A request that took a minute hindered nothing; one beyond the deadline did."""
    chain = (a_record(timedelta(), Tag.SUBMITTED, package="base"),)
    assert what(a_delay(took=MINUTE), *chain) == []
    assert what(a_delay(took=2 * HOUR), *chain) == [(Snag.GRAPH, timedelta(), "a request under way")]


def test_a_first_look_within_two_ticks_is_no_news():
    """Ten minutes are how the timer works; more are said, unless there was nothing to take."""
    assert what(a_delay(seen=DUE + 10 * MINUTE)) == []
    assert [one[0] for one in what(a_delay(seen=DUE + 11 * MINUTE))] == [Snag.WOKEN_LATE]
    assert what(a_delay(seen=DUE + HOUR, packages=())) == []


def test_the_last_own_end_of_its_rows_counts():
    """Of several rows that Entra ended, the last; those of other delays are none of it."""
    delay = a_delay(assignments=("a", "b"))
    ends = {"a": HOUR, "b": MINUTE, "c": 2 * HOUR}
    chain = [
        a_record(3 * HOUR, Tag.EXPIRED, assignment=name, ended=(DUE + after).isoformat())
        for name, after in ends.items()
    ]
    assert expired(delay, chain) == DUE + HOUR
    assert expired(delay, []) is None
