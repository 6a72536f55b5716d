"""The guard over days: whatever comes, no window sees more taken away than its limit, and a hold is kept."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.attend import attend
from lifecycle.core.events import Origin
from lifecycle.core.model import GuardLimits, Limit
from lifecycle.core.work import Check, Release
from lifecycle.messages import ask
from lifecycle.ports import Queue
from lifecycle.records import facts, holds
from lifecycle.records.identities import join
from tests.builders import CARE, EVERYONE, SALES, START, Company, a_model, a_worker, joined, left, moved
from tests.fakes.faults import no_pause
from tests.laws.driving import DAY, HOUR, MINUTE, Days, Turns, examples, interleave, pause, run

FIRST = date(2026, 1, 5)
NAMES = tuple(f"E{number}" for number in range(1, 7))
PLENTY = Limit(99, floor=99)
WINDOW = timedelta(hours=24)
ORIGINS = st.sampled_from([Origin(), Origin("derived-from-absence"), Origin("bulk", "reorg")])
TURNS = st.one_of(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 60)), max_size=12).map(tuple),
    st.integers(1, 5).map(lambda steps: tuple((number % 6, steps) for number in range(900))),  # in lockstep
)


def employed(removals, leavers=PLENTY, *rules):
    """A company of six with everything their rules give, and these limits."""
    guard = GuardLimits(window=WINDOW, removals=removals, additions=PLENTY, leavers=leavers)
    days = Days(Company(a_model(EVERYONE, CARE, SALES, *rules, guard=guard), users=NAMES))
    days.tell(*[joined(f"j{name}", START, FIRST, a_worker(name, department="Care")) for name in NAMES])
    days.pass_by(HOUR)
    return days


class Taken:
    """Every request that was taken and that takes access away, with its instant and whether a named leaver lost it."""

    def __init__(self, company, named):
        self.named, self.at, self.seen = named, [], len(company.directory.taken)

    def __call__(self, company):
        taken = company.directory.taken[self.seen :]
        self.seen += len(taken)
        rows = {row.id: row for row in company.directory.rows()}
        for request in taken:
            if request.kind != "adminAdd" and self._takes(request, rows[request.assignment].ends):
                self.at.append((company.clock.now(), rows[request.assignment].user, request.assignment))

    def _takes(self, request, was):
        """A removal, or an end that is earlier than the row's own (which changes only once this is delivered)."""
        return request.kind == "adminRemove" or (request.ends is not None and (was is None or request.ends < was))

    def worst(self, *, named):
        """Return the most rows (or, of named leavers, people) that any one window saw."""
        chosen = [(at, user if named else row) for at, user, row in self.at if (user in self.named) is named]
        return max((len({what for when, what in chosen if at <= when < at + WINDOW}) for at, _ in chosen), default=0)


@examples(20)
@given(
    st.lists(
        st.tuples(st.sampled_from(NAMES), st.integers(0, 40), st.sampled_from(["left", "moved", "leaving"]), ORIGINS),
        max_size=12,
    ),
    st.integers(0, 4),
    st.integers(0, 3),
)
def test_no_window_sees_more_than_its_limit(said, removals, leavers):
    """Over days of leavers and movers: rows beside named leavers up to the one limit, leavers up to the other."""
    days = employed(Limit(removals, floor=removals), Limit(leavers, floor=leavers))
    company = days.company
    named = set()
    watch = Taken(company, named)
    days.watchers = [watch]
    for number, (name, after, what, origin) in enumerate(sorted(said, key=lambda one: one[1])):
        days.pass_by(START + HOUR + after * 2 * HOUR - company.clock.now())
        now = company.clock.now()
        if what == "moved":
            fact = moved(f"f{number}", now, now, a_worker(name, department="Sales"))
        else:
            last = now if what == "left" else now + DAY
            fact = left(f"f{number}", now, last, name, origin=origin)
            named |= {f"user-{name.casefold()}"} if origin.is_named else set()
        days.tell(fact)
    days.pass_by(5 * DAY)
    assert watch.worst(named=False) <= removals
    assert watch.worst(named=True) <= max(leavers, 0) + _moved_before(watch, said)


def _moved_before(watch, said):
    """Return how many named leavers may have lost a row as movers, under the other limit."""
    movers = {f"user-{name.casefold()}" for name, _, what, _ in said if what == "moved"}
    return len(movers & watch.named)


@examples(30)
@given(TURNS, st.lists(st.sampled_from(["named", "derived", "mover"]), min_size=6, max_size=6), st.integers(0, 6))
def test_instances_that_race_stay_within_the_limits(turns, kinds, limit):
    """Six looks interleaved at every await take no more rows, and no more leavers, than the counters allow."""
    days = employed(Limit(limit, floor=limit), Limit(2, floor=2))
    company = days.company
    now = company.clock.now()
    named = {f"user-{name.casefold()}" for name, kind in zip(NAMES, kinds, strict=True) if kind == "named"}
    for name, kind in zip(NAMES, kinds, strict=True):
        if kind == "mover":
            fact = moved(f"f{name}", now, now, a_worker(name, department="Sales"))
        else:
            origin = Origin() if kind == "named" else Origin("derived-from-absence")
            fact = left(f"f{name}", now, now, name, origin=origin)
        run(facts.keep(company.records, fact))
    watch = Taken(company, named)
    _with_pauses(company, pause)
    ended = interleave([attend(Check(name.casefold(), "race"), company.ports) for name in NAMES], Turns(turns))
    _with_pauses(company, no_pause)
    assert not [error for error in ended if error is not None]
    watch(company)
    days.watchers = [watch]
    days.pass_by(2 * HOUR)
    assert watch.worst(named=False) <= limit
    assert watch.worst(named=True) <= 2


def _with_pauses(company, hook):
    company.records.pause = company.bus.pause = company.directory.pause = hook


@examples(20)
@given(
    st.sets(st.sampled_from(NAMES), min_size=1), st.sets(st.sampled_from(NAMES)), st.sampled_from(["before", "after"])
)
def test_a_released_set_applies_what_was_approved_and_nothing_else(held_names, changing, when):
    """Nothing goes while held; a release applies just what it named; a plan that changed is held again."""
    days = employed(Limit(0, floor=0))
    company = days.company
    bulk = Origin("bulk", "reorg")
    now = company.clock.now()
    for name in sorted(held_names):
        days.tell(_bulk(moved(f"m{name}", now, now, a_worker(name, department="Sales")), bulk))
    days.pass_by(3 * DAY)
    assert all("care" in company.has(name) for name in NAMES)
    (shown,) = run(holds.runs(company.records))
    changed = sorted(held_names & changing)
    days.may_set_aside = bool(changed) and when == "before"  # the release names a set that is no more
    if when == "before":
        _leave_derived(days, changed, bulk)
    run(ask(company.bus, Release("reorg", shown.hash, "somebody", "it is so"), now=company.clock.now()))
    if when == "after":
        now = company.clock.now()
        for name in changed:
            run(facts.keep(company.records, left(f"l{name}", now, now, name, origin=bulk)))
    days.pass_by(3 * DAY)
    assert bool(company.bus.waiting(Queue.QUARANTINE)) is days.may_set_aside
    for name in NAMES:
        approved = name in held_names and not (changed and when == "before")
        gone = approved and name not in changed
        if name not in changed:
            assert ("care" in company.has(name)) is not gone
        assert "base" in company.has(name), "nobody approved that base goes"


def _bulk(fact, origin):
    return type(fact)(type(fact.recorded)(**{**_fields(fact.recorded), "origin": origin}), fact.effective, fact.worker)


def _fields(recorded):
    return {name: getattr(recorded, name) for name in ("id", "source", "subject", "time", "sequence", "origin")}


def _leave_derived(days, names, origin):
    now = days.company.clock.now()
    days.tell(*[left(f"l{name}", now, now, name, origin=origin) for name in names])
    days.pass_by(10 * MINUTE)


def test_identities_are_known_before_a_race():
    """The race above stores facts only: each of the six is known by their own key already."""
    company = employed(PLENTY).company
    known = [run(join(company.records, START, "law", workers={name.casefold()}, people=set())).person for name in NAMES]
    assert known == [name.casefold() for name in NAMES]
