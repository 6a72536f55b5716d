"""Every leaver ends up measured, once, whatever order events come in and whatever goes wrong meanwhile."""

import asyncio
from collections import Counter
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.core.delays import Class
from lifecycle.core.events import Origin, key
from lifecycle.core.evidence import Tag
from lifecycle.core.work import Check
from lifecycle.reconcile import reconcile
from lifecycle.records import delays
from lifecycle.records.dossier import open_dossier
from tests.builders import CARE, EVERYONE, START, Company, a_model, a_worker, joined, left
from tests.fakes.faults import no_pause
from tests.laws.driving import DAY, HOUR, Days, Turns, examples, interleave, pause, run
from tests.laws.histories import USERS, histories, model
from tests.laws.test_weeks_in_any_weather import BEGINNING, FAULTS, LAG, chronicles, live_through
from tests.laws.truth import contested, known

SECOND = timedelta(seconds=1)
NAMES = tuple(f"E{number}" for number in range(1, 7))
MONTHS = [f"{year}-{month:02}" for year in (2025, 2026) for month in range(1, 13)]


def measured(company):
    return asyncio.run(delays.of_months(company.records, MONTHS))


def people(company):
    """Everybody known, folded from the facts alone."""
    return [someone for user in USERS for someone, _ in known(company, user) if someone.employments]


def is_measured_once(company):
    """Assert that leavers are counted once, that nobody else waits, and that the figures are of everybody."""
    found = measured(company)
    now = company.clock.now()
    for someone in people(company):
        mine = [one for one in found if one.person == someone.key and one.kind.is_leaver and one.withdrawn is None]
        ends = [span.end for job in someone.employments for span in job.spans]
        assert all(count == 1 for count in Counter(one.ended for one in mine).values())
        assert all(one.ended in ends and not someone.employed(one.ended) for one in mine)
        last = someone.last_end(now)
        assert [one.ended for one in mine if one.is_open or (last and one.ended == last.end)] == (
            [] if last is None else [last.end]
        )
    figures = [one for month in asyncio.run(delays.summaries(company.records, MONTHS)).values() for one in month]
    assert sum(one.count + one.withdrawn for one in figures) == len(found)
    kept = [
        one for someone in people(company) for one in run(open_dossier(company.records, someone.key)).delays.values()
    ]
    assert sorted(map(str, kept)) == sorted(str(one) for one in found if one.person in {one.person for one in kept})


def precedes_nothing(company):
    """Assert that nothing counts as gone before Graph had removed it."""
    rows = {row.id: row for row in company.directory.rows()}
    for one in measured(company):
        ended = [rows[name].expired_at for name in one.assignments if name in rows]
        if one.confirmed is not None and not one.again and one.withdrawn is None:
            assert all(at is not None and at <= one.confirmed for at in ended), one


@examples(15)
@given(
    chronicles(), st.lists(FAULTS, max_size=4), st.tuples(LAG, LAG), st.lists(st.integers(1, 90), max_size=3), st.data()
)
def test_every_leaver_is_measured_once(chronicle, faults, lags, deaths, data):
    """Late, reordered, under faults, lag and deaths: each leaving that stands has one delay, and it is true."""
    company = Company(model(), users=USERS, start=BEGINNING)
    company.directory.lag, company.directory.request_lag = lags
    company.directory.faults.extend(fault() for fault in faults)

    def next_death(_):
        company.records.crash_after = next((at for at in sorted(deaths) if at > company.records.writes), None)

    days = Days(company, watchers=(next_death,))
    days.choose = lambda count: data.draw(st.integers(0, count - 1)) if count > 1 else 0
    live_through(days, chronicle, START + 20 * DAY)
    if not any(contested(company, user) for user in USERS):
        is_measured_once(company)
    precedes_nothing(company)


@examples(15)
@given(histories(), st.data())
def test_the_order_of_arrival_changes_nobodys_count(facts, data):
    """The same facts in any order, all at once: the same people have left, and each is measured once."""
    company = Company(model(), users=USERS)
    Days(company).tell(*data.draw(st.permutations(facts)))
    days = Days(company)
    days.pass_by(20 * DAY)
    if not any(contested(company, user) for user in USERS):
        is_measured_once(company)


LEAVINGS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(-5, 5), st.booleans(), st.booleans()),
    min_size=len(NAMES),
    max_size=len(NAMES),
)


@examples(5)
@given(LEAVINGS, st.lists(FAULTS, max_size=4), st.integers(0, 30))
def test_the_classes_add_up_to_the_leavers(leavings, faults, outage):
    """Everybody leaves, each in their own way, through an outage: the counts of all classes are the company."""
    company = Company(a_model(EVERYONE, CARE), users=NAMES)
    days = Days(company)
    start = company.clock.now()
    days.tell(*(joined(f"j{name}", start, start.date(), a_worker(name, department="Care")) for name in NAMES))
    days.pass_by(HOUR)
    company.directory.faults.extend(fault() for fault in faults)
    expected = Counter()
    told = sorted(
        (start + DAY + hours * 7 * HOUR, name, rest) for name, (hours, *rest) in zip(NAMES, leavings, strict=True)
    )
    instants = [at for at, _, _ in told]
    for (at, name, (ahead, immediate, absent)), gap in zip(
        told, [b - a for a, b in pairwise([*instants, instants[-1]])], strict=True
    ):
        days.pass_by(at - company.clock.now())
        origin = Origin("derived-from-absence") if absent else None
        last_day = max((at + ahead * DAY).date(), start.date())
        days.tell(left(f"l{name}", at, last_day, name, immediate=immediate, origin=origin))
        past = last_day < at.date()
        expected[
            Class.DERIVED if absent else Class.IMMEDIATE if immediate else Class.TOLD_LATE if past else Class.NOTICE
        ] += 1
        if gap > outage * HOUR:
            days.outage(outage * HOUR)
    days.pass_by(30 * DAY)
    figures = asyncio.run(delays.summaries(company.records, MONTHS))
    counts = Counter()
    for month in figures.values():
        counts.update({one.kind: one.count for one in month})
        assert not any(one.open for one in month)
    assert counts == expected
    assert {one.person for one in measured(company)} == {key(name) for name in NAMES}
    precedes_nothing(company)


TURNS = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9)), max_size=12).map(tuple)


@examples(25)
@given(TURNS)
def test_two_looks_at_once_measure_once(turns):
    """Interleaved at every await while the removals are delivered, the end is written once and stays."""
    company = Company(a_model(EVERYONE, CARE), users=("E1",), pause=pause)
    days = Days(company)
    start = company.clock.now()
    days.tell(joined("j", start, start.date(), a_worker("E1", department="Care")))
    days.pass_by(HOUR)
    now = company.clock.now()
    days.later(left("l", now, now, "E1", immediate=True))
    for _ in range(2):
        run(company.step())
    company.clock.move(15 * SECOND)

    async def time():
        for _ in range(4):
            await pause()
        company.clock.move(30 * SECOND)

    works = [reconcile(Check("e1", "one"), company.ports), reconcile(Check("e1", "two"), company.ports), time()]
    interleave(works, Turns(turns))
    (known,) = run(open_dossier(company.records, "e1")).delays.values()
    if not known.is_open:
        first = known.confirmed
    days.pass_by(DAY)
    (gone,) = run(open_dossier(company.records, "e1")).delays.values()
    assert gone.confirmed is not None
    assert known.is_open or gone.confirmed == first
    assert [one.tag for one in run(chain_of(company))].count(Tag.GONE) == 1
    company.records.pause = no_pause
    assert measured(company) == [gone]


async def chain_of(company):
    return await (await open_dossier(company.records, "e1")).chain()
