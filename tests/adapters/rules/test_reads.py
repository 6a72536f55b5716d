"""What a rule reads, told from its text, and that remembering answers by it never changes one."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.adapters.rules import conditions
from lifecycle.adapters.rules.conditions import FIELDS, compiled, matcher, variables
from lifecycle.adapters.rules.reads import Reads, reads_of, reads_of_all
from lifecycle.core.events import Status, Worker
from lifecycle.errors import Permanent


def reads(fields="", attributes=""):
    return Reads(frozenset(fields.split()), frozenset(attributes.split()))


class Counted:
    """A compiled rule that counts how often it is asked."""

    def __init__(self, source):
        self.source, self.program, self.asked = source, compiled(source), 0

    def execute(self, context):
        self.asked += 1
        return self.program.execute(context)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("true", reads()),
        ('worker.department == "Care"', reads("department")),
        ("worker . jobCode == null || worker\n.status == 'left'", reads("jobCode status")),
        ('worker.jobCode != null && worker.jobCode.startsWith("N")', reads("jobCode")),
        ("has(worker.attributes.grade) && worker.attributes.grade >= 5", reads("", "grade")),
        ("worker.attributes[\"a b\"] == worker.attributes['c']", Reads(frozenset(), frozenset({"a b", "c"}))),
        ('has(worker.attributes.team) && worker.attributes.team.matches("^[AB]$")', reads("", "team")),
        ("worker.attributes.worker == 1", reads("", "worker")),
        ('worker.company == "worker.country"', reads("company")),
        ('worker.company == "it\'s // no comment" && worker.country == "x"', reads("company country")),
        ('worker.company == "a" // worker.country, "quoted\n && worker.location == "b"', reads("company location")),
        ("worker.company == 'a // b' && worker.country == 'worker.location'", reads("company country")),
        ('["N1"].exists(code, code == worker.jobCode)', reads("jobCode")),
        ('coworker.department == "x"', reads()),
    ],
)
def test_what_a_rule_reads(source, expected):
    """Fields and attributes are found wherever they stand, and not in texts and comments."""
    assert reads_of(source, FIELDS) == expected


@pytest.mark.parametrize(
    "source",
    [
        "[worker].exists(w, w.department == 'x')",
        "size(worker) > 3",
        'worker["department"] == "x"',
        '"department" in worker',
        '["a"].exists(worker, worker == "a")',
        "worker.size() > 3",
        "worker.nonesuch == 1",
        "worker.attributes.size() > 1",
        "worker.attributes . size () > 1",
        "size(worker.attributes) > 1",
        '"team" in worker.attributes',
        "worker.attributes[worker.company] == 1",
        'worker.attributes["a" + worker.company] == 1',
        'worker.attributes["a\\u0062"] == 1',
        "worker.attributes.all(name, name != 'x')",
        "worker // the whole\n.department == 'x'",
        'worker.company == "a\\" || worker.country == \\"" ',
        'worker.company == """ " """ + worker.country',
        "worker.company == ''' ' ''' + worker.country",
        "worker.department == 'x' && worker == worker",
    ],
)
def test_what_cannot_be_told(source):
    """A rule that takes the worker or the attributes as a whole, or quotes oddly, does not tell what it reads."""
    assert reads_of(source, FIELDS) is None


def test_what_several_read_is_known_only_when_it_is_of_each():
    """Sets of reads are joined, and one that cannot be told makes the whole so."""
    assert reads_of_all([reads("status", "a"), reads("id status")]) == reads("id status", "a")
    assert reads_of_all([reads("status"), None]) is None
    assert reads_of_all([]) == reads()


RULES = (
    'worker.department == "A" && worker.status != "leave"',
    'worker.department == "A" || worker.location == "B"',
    "has(worker.attributes.x) && worker.attributes.x == 1",
    "has(worker.attributes.x) && worker.attributes.x == true",
    'has(worker.attributes.x) ? string(worker.attributes.x) == "1" : worker.contractEnd == null',
    'worker.contractEnd != null && worker.contractEnd < "2026-06-01"',
    "size(worker.attributes) == 1",
    'worker.jobCode == "N" ? worker.location == "B" : worker.attributes["y"] == 1',
    'has(worker.attributes.x) && worker.attributes.x > 0 && worker.department == "A"',
    'worker.id == "e1"',
    'worker.department == "B" && worker.status == "active"',
)
WORKERS = st.builds(
    Worker,
    id=st.sampled_from(["e1", "e2"]),
    status=st.sampled_from([Status.ACTIVE, Status.LEAVE]),
    department=st.sampled_from(["A", "B", None]),
    job_code=st.sampled_from(["N", None]),
    location=st.sampled_from(["B", None]),
    contract_end=st.sampled_from([None, date(2026, 1, 1), date(2026, 12, 1)]),
    attributes=st.dictionaries(
        st.sampled_from(["x", "y"]), st.sampled_from([1, True, 1.0, 0, False, 0.0, "1", "", None]), max_size=2
    ),
)


def said(function, worker):
    try:
        return function(worker)
    except Permanent as error:
        return str(error)


@given(st.lists(WORKERS, min_size=2, max_size=12))
def test_remembering_changes_no_answer(workers):
    """Whoever was asked about before, each worker gets the answers, or the error, that a new model gives."""
    from cel import Context  # noqa: PLC0415 - loads a whole command line, as the adapter says

    programs = [(f"r{number}", compiled(source)) for number, source in enumerate(RULES)]

    def anew(worker):
        context = Context({"worker": variables(worker)})
        return tuple(conditions._answer(name, program, context) for name, program in programs)

    matches = matcher(programs)
    for worker in workers:
        assert said(matches, worker) == said(anew, worker)


def test_workers_who_are_alike_are_asked_about_once():
    """A rule is asked again only for a worker who differs in what it reads."""
    by_department, by_grade = Counted('worker.department == "A"'), Counted("has(worker.attributes.grade)")
    matches = matcher([("department", by_department), ("grade", by_grade)])

    matches(Worker(id="e1", department="A"))
    matches(Worker(id="e2", department="A", attributes={"team": "T"}))
    matches(Worker(id="e3", department="B"))
    matches(Worker(id="e4", department="B", attributes={"grade": 1}))

    assert (by_department.asked, by_grade.asked) == (2, 2)


def test_a_rule_that_does_not_tell_what_it_reads_is_always_asked():
    """Such a rule sees the whole worker each time, and makes no other rule be asked more often."""
    whole, told = Counted("size(worker.attributes) == 1"), Counted('worker.department == "A"')
    matches = matcher([("whole", whole), ("told", told)])

    assert matches(Worker(id="e1", department="A")) == (False, True)
    assert matches(Worker(id="e1", department="A", attributes={"x": 1})) == (True, True)
    assert (whole.asked, told.asked) == (2, 1)


def test_an_error_is_raised_for_each_worker():
    """A rule that cannot answer is asked each time, and the first in the model's order is named, whoever reads what."""
    rules = [
        ("fine", 'worker.department == "A"'),
        ("first", "worker.attributes.x == 1"),
        ("second", "worker.department < 5"),
    ]
    matches = matcher([(name, Counted(source)) for name, source in rules])

    for number in range(3):
        with pytest.raises(Permanent, match="rule first: "):
            matches(Worker(id=f"e{number}", department="A"))
    with pytest.raises(Permanent, match="rule second: "):
        matches(Worker(id="e1", department="A", attributes={"x": 1}))


def test_no_more_is_remembered_than_agreed(monkeypatch):
    """Answers that were not asked for lately are forgotten, and found again by asking."""
    monkeypatch.setattr(conditions, "REMEMBERED", 4)  # two for all rules together, two for each set of them
    rule = Counted('worker.department == "A"')
    matches = matcher([("department", rule)])

    for department in ("A", "B", "C", "A"):
        assert matches(Worker(id="e1", department=department)) == (department == "A",)

    assert rule.asked == 4
