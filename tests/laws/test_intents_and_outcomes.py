"""Whatever led to a request, it lies between an intent and an outcome; and without a ledger there is no request."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lifecycle.core.evidence import Tag
from lifecycle.core.model import GuardLimits, Limit
from lifecycle.core.work import Release
from lifecycle.errors import Lost, Misconfigured, Transient
from lifecycle.messages import ask
from lifecycle.ports import Insert
from lifecycle.records import holds
from lifecycle.records.dossier import open_dossier
from tests.builders import CARE, EVERYONE, SALES, START, Company, a_model, a_rule, a_worker, joined, left, moved
from tests.fakes.directory import lost_after, lost_before, refused, throttled, transient
from tests.fakes.records import MemoryRecords
from tests.laws.driving import DAY, HOUR, MINUTE, Days, broken, examples, run

OUTCOMES = {Tag.SUBMITTED, Tag.FOUND, Tag.REFUSED, Tag.NOT_SENT, Tag.UNKNOWN}
PEOPLE = ("E1", "E2", "E3")
FAULTS = st.sampled_from([lost_after, lost_before, throttled, transient, refused])
MORE = (a_rule("more", "more"), lambda _: True)


def checked(company: Company) -> set[str]:
    """Check every request that was posted against the chains; return the kinds of cause that led to one."""
    intended, outcomes = {}, {}
    for name in PEOPLE:
        for record in run(run(open_dossier(company.records, name.lower())).chain()):
            token = record.detail.get("token")
            if record.tag is Tag.INTENDED:
                intended[token] = record
            elif record.tag in OUTCOMES and token not in outcomes:
                assert record.number == intended[token].number + 1
                outcomes[token] = record
    for posted in company.directory.posted:
        said = outcomes[posted.token].detail
        assert {"status", "graph_request", "client_request", "body"} <= said.keys()
        assert said["client_request"] == posted.token
        assert len(said["body"]) == 64
        assert bool(said["status"]) == bool(said["graph_request"])
    assert intended.keys() == {posted.token for posted in company.directory.posted}
    return {record.cause.split(":")[0] for record in intended.values()}


@examples(12)
@example([])
@given(st.lists(st.one_of(st.none(), FAULTS), max_size=8))
def test_every_cause_leaves_an_intent_and_an_outcome(faults):
    """Events, a drift sweep, a new model, a release: each request is between both, with what was sent."""
    company = Company(a_model(EVERYONE, CARE, SALES, drift="repair"), users=PEOPLE)
    ok = type(throttled())()
    days = Days(company)
    now = company.clock.now()
    days.tell(*(joined(f"j{name}", now, now, a_worker(name, department="Care")) for name in PEOPLE))
    days.pass_by(HOUR)
    company.directory.faults.extend(ok if one is None else one() for one in faults)
    for row in company.directory.rows("user-e2"):
        company.directory.take_by_hand(row.id)
    days.sweep()
    days.pass_by(HOUR)
    guard = GuardLimits(removals=Limit(0), additions=Limit(99), leavers=Limit(99))
    company.model = a_model(EVERYONE, CARE, SALES, MORE, guard=guard, hash="model-2", drift="repair")
    days.pass_by(5 * MINUTE)
    now = company.clock.now()
    days.tell(moved("m", now, now, a_worker("E1", department="Sales")))
    held = run(holds.held_set(company.records, "event:m"))
    run(ask(company.bus, Release(held.run, held.hash, "entra:boss", "it is meant"), now=now))
    days.settle()
    now = company.clock.now()
    days.tell(left("l", now, now, "E3", immediate=True))
    days.pass_by(DAY)
    causes = checked(company)
    assert {"event", "sweep", "model"} <= causes
    assert "release" in causes or any(faults)  # what a fault put off may come by a wake-up
    assert broken(company) == []


class Refusing(MemoryRecords):
    """Records whose ledger cannot be written: `refuses` says of which records, by their tag, and with what."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses: dict[Tag, Exception] = {}

    async def write(self, partition, changes):
        for change in changes:
            if isinstance(change, Insert) and change.key.startswith("c-"):
                for tag, error in self.refuses.items():
                    if f'"tag":"{tag}"'.encode() in change.value:
                        raise error
        return await super().write(partition, changes)


def a_joiner(refuses: dict[Tag, Exception]) -> Days:
    company = Company(a_model(EVERYONE, CARE))
    company.records = Refusing()
    company.records.refuses = refuses
    company.meter = type(company.meter)(company.records)
    days = Days(company, may_set_aside=True)
    days.tell(joined("j", START, START.date(), a_worker(department="Care")))
    return days


@pytest.mark.parametrize("error", [Transient("disk full"), Lost("moved")], ids=repr)
def test_an_intent_that_cannot_be_written_stops_the_request(error):
    """Nothing is posted for as long as that lasts, and everything once it is over."""
    days = a_joiner({Tag.INTENDED: error})
    days.pass_by(HOUR)
    assert days.company.directory.posted == []
    days.company.records.refuses = {}
    days.pass_by(DAY)
    assert days.company.has() == {"base", "care"}
    assert len(days.company.directory.posted) == 2


@pytest.mark.parametrize(
    "faults",
    [[], [lost_after], [lost_before], [throttled]],
    ids=["nothing lost", "answer lost", "request lost", "throttled"],
)
def test_an_outcome_that_cannot_be_written_is_settled_by_the_next_look(faults):
    """The intent is there, so nothing is posted twice: what became of it is looked for, and written down then."""
    every = {tag: Transient("disk full") for tag in OUTCOMES}
    company = Company(a_model(EVERYONE))
    company.records = Refusing()
    company.meter = type(company.meter)(company.records)
    company.records.refuses = every
    company.directory.faults.extend(fault() for fault in faults)
    days = Days(company)
    days.tell(joined("j", START, START.date()))
    assert len(company.directory.posted) == 1
    chain = run(run(open_dossier(company.records, "e1")).chain())
    assert chain[-1].tag is Tag.INTENDED
    assert broken(company) == []
    days.pass_by(3 * MINUTE)
    assert len(company.directory.posted) == 1
    company.records.refuses = {}
    days.pass_by(2 * HOUR)
    assert company.has() == {"base"}
    assert len(company.directory.taken) == 1
    tags = [record.tag for record in run(run(open_dossier(company.records, "e1")).chain())]
    assert (Tag.FOUND in tags) == (not faults or faults == [lost_after])
    assert (Tag.NEVER_ARRIVED in tags) == (faults in ([lost_before], [throttled]))
    assert broken(company) == []


def test_whoever_may_not_write_the_ledger_at_all_changes_nothing():
    """Also when that is no passing fault: the look fails, again and again, and no request goes."""
    every = {tag: Misconfigured("no access") for tag in Tag}
    company = Company(a_model(EVERYONE))
    company.records = Refusing()
    company.meter = type(company.meter)(company.records)
    company.records.refuses = every
    with pytest.raises(AssertionError, match="Misconfigured while reconciling"):
        Days(company).tell(joined("j", START, START.date()))
    assert company.directory.posted == []
