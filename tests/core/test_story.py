"""What a chain tells of each assignment: every record in one story or in none, and none in a wrong one."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.core.evidence import GENESIS, Record, Tag
from lifecycle.core.story import Story, attempts, ending, reasons_name, stories

START = datetime(2026, 1, 5, tzinfo=UTC)


def chain(*said):
    """Records of (tag, detail), a minute apart."""
    records, before = [], GENESIS
    for number, (tag, detail) in enumerate(said, start=1):
        at = START + timedelta(minutes=number)
        records.append(Record("e1", number, before, at, tag, f"cause-{number}", detail))
        before = records[-1].hash
    return records


def numbers(story):
    return [record.number for record in story.records]


def intent(token, kind="adminAdd", package="care", **more):
    return Tag.INTENDED, {"package": package, "kind": kind, "token": token, "user": "u1", **more}


def ended(token, assignment="", package="care", state="delivered"):
    return Tag.ENDED, {"package": package, "token": token, "state": state, "assignment": assignment}


def test_a_request_and_what_became_of_it_are_one_story():
    """From the intent by its token, by Graph's request, and by the assignment; another package is another."""
    told, others = stories(
        chain(
            (Tag.CORRELATED, {"user": "u1"}),
            intent("t1"),
            intent("t2", package="base"),
            (Tag.SUBMITTED, {"package": "care", "token": "t1", "request": "r1"}),
            ended("t1", "a1"),
            (Tag.ENDED, {"package": "base", "request": "r9", "state": "gone"}),
            intent("t3", "adminRemove", assignment="a1"),
            ended("t3", "a1"),
        )
    )
    assert [(one.package, one.assignment, numbers(one)) for one in told] == [
        ("care", "a1", [2, 4, 5, 7, 8]),
        ("base", "", [3, 6]),
    ]
    assert [record.number for record in others] == [1]


def test_two_assignments_of_one_package_stay_apart():
    """What was given anew is a story of its own; late word about the old one goes to the old one."""
    told, _ = stories(
        chain(
            intent("t1"),
            ended("t1", "a1"),
            (Tag.EXPIRED, {"package": "care", "assignment": "a1", "ended": "2026-01-05T00:03:00+00:00"}),
            intent("t2"),
            ended("t2", "a2"),
            (Tag.DENIED, {"package": "care", "by": "review r", "at": "2026-01-05T00:06:00+00:00"}),
            (Tag.ENDED, {"package": "care", "token": "t1", "state": "delivered"}),
        )
    )
    assert [(one.assignment, numbers(one)) for one in told] == [("a1", [1, 2, 3, 7]), ("a2", [4, 5, 6])]


def test_a_write_without_an_answer_that_rows_prove():
    """The record of that names no assignment; the next one that does belongs to it. One that never arrived has none."""
    told, _ = stories(
        chain(
            intent("t1"),
            (Tag.UNKNOWN, {"package": "care", "token": "t1"}),
            (Tag.FOUND, {"package": "care", "token": "t1", "kind": "adminAdd"}),
            (Tag.EXPIRED, {"package": "care", "assignment": "a1", "ended": "2026-01-05T00:03:00+00:00"}),
            intent("t2"),
            (Tag.NEVER_ARRIVED, {"package": "care", "token": "t2"}),
            (Tag.ADOPTED, {"package": "care", "assignment": "a2"}),
        )
    )
    assert [(one.assignment, numbers(one)) for one in told] == [("a1", [1, 2, 3, 4]), ("", [5, 6]), ("a2", [7])]


def test_when_access_ended():
    """By a removal that was delivered or by a row that expired; not by one that failed, nor before it was given."""
    removed = (intent("t1"), ended("t1", "a1"), intent("t2", "adminRemove", assignment="a1"))
    at = START + timedelta(minutes=4)

    def end(*said):
        found = ending(stories(chain(*said))[0][0])
        return None if found is None else (found[0], found[1].number)

    assert end(*removed[:2]) is None
    assert end(*removed, ended("t2", "a1")) == (at, 4)
    assert end(*removed, ended("t2", "a1", state="deliveryFailed")) is None
    expired = (Tag.EXPIRED, {"package": "care", "assignment": "a1", "ended": "2026-01-05T00:00:30+00:00"})
    assert end(*removed[:2], expired) == (START + timedelta(seconds=30), 3)


def test_the_requests_of_a_story():
    """Each with what the newest record says of it."""
    (story,), _ = stories(
        chain(
            intent("t1"),
            (Tag.SUBMITTED, {"package": "care", "token": "t1", "request": "r1", "status": 201}),
            (Tag.ENDED, {"package": "care", "request": "r1", "state": "gone"}),
        )
    )
    (one,) = attempts(story)
    assert (one.token, one.said("status"), one.said("state"), one.said("body")) == ("t1", "201", "gone", "")


def test_a_reason_by_a_project():
    """Only that project's, and only a project's: not one whose id is part of it, nor a rule called like it."""
    why = ["rule p1 (e1) since 2026-01-01T00:00:00Z", "project engineer (p10) since 2026-01-01T00:00:00Z"]
    (story,), _ = stories(chain(intent("t1", why=why)))
    assert (reasons_name(story, "p10"), reasons_name(story, "p1"), reasons_name(story, "e1")) == (True, False, False)


IDS = st.sampled_from(["", "x", "y"])
DETAIL = st.fixed_dictionaries(
    {"package": st.sampled_from(["", "care", "base"]), "token": IDS, "request": IDS, "assignment": IDS}
)


@given(st.lists(st.tuples(st.sampled_from(list(Tag)), DETAIL), max_size=12))
def test_every_record_is_told_exactly_once(said):
    """Whatever a chain holds, nothing is lost, doubled or put to another package, and order is kept."""
    records = chain(*said)
    told, others = stories(records)
    every = [*others, *(record for story in told for record in story.records)]
    assert sorted(record.number for record in every) == [record.number for record in records]
    assert all(record.detail["package"] == story.package for story in told for record in story.records)
    assert all(numbers(story) == sorted(numbers(story)) and isinstance(story, Story) for story in told)
    assert all(not record.detail["package"] for record in others)
