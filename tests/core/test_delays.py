"""Percentiles and figures against an oracle that counts, and what a delay says of itself."""

from datetime import UTC, datetime, timedelta
from statistics import median_low

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.core.delays import CLASSES, Class, Delay, Hindrance, Snag, percentile, summarise, with_open

DUE = datetime(2026, 11, 30, 23, tzinfo=UTC)
HOUR = timedelta(hours=1)

spans = st.timedeltas(timedelta(), timedelta(days=9))


def a_delay(kind=Class.NOTICE, took=None, **changes):
    facts = {"cause": "event:l", "told": DUE, "ended": DUE, "due": DUE, "by": DUE + HOUR, "seen": DUE}
    confirmed = None if took is None else DUE + took
    return Delay(**{"person": "e1", "kind": kind, **facts, "confirmed": confirmed, "packages": ("base",), **changes})


populations = st.lists(
    st.builds(
        a_delay,
        st.sampled_from(CLASSES),
        st.none() | spans,
        packages=st.sampled_from([("base",), ()]),
        withdrawn=st.sampled_from([None, None, None, DUE]),
    )
)


@given(st.lists(spans, min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(values, percent):
    """Nearest rank, by counting instead of by position."""
    reached = [one for one in values if 100 * sum(other <= one for other in values) >= percent * len(values)]
    assert percentile(sorted(values), percent) == min(reached)


@given(st.lists(spans, min_size=1))
def test_the_median_and_the_maximum_are_the_libraries(values):
    """The 50th is the low median, the 100th the maximum; of nothing there is none."""
    assert percentile(sorted(values), 50) == median_low(values)
    assert percentile(sorted(values), 100) == max(values)
    assert percentile([], 50) is None


@given(populations)
def test_the_figures_are_of_the_whole_population(population):
    """Every delay counts once, in its class: as withdrawn, as open, or as gone; a class that is not there has none."""
    found = {one.kind: one for one in summarise(population)}
    assert list(found) == [kind for kind in CLASSES if any(one.kind is kind for one in population)]
    for kind, summary in found.items():
        mine = [one for one in population if one.kind is kind]
        standing = [one for one in mine if one.withdrawn is None]
        took = [one.confirmed - DUE if one.packages else timedelta() for one in standing if one.confirmed]
        assert summary.count + summary.withdrawn == len(mine)
        assert summary.open == len(standing) - len(took)
        assert summary.within == sum(one <= HOUR for one in took)
        assert summary.max == (max(took) if took else None)
        assert [summary.p50, summary.p90, summary.p95] == [percentile(sorted(took), p) for p in (50, 90, 95)]


@given(populations)
def test_open_ones_may_be_counted_apart(population):
    """Figures of those that ended, with the open ones added, are the figures of all."""
    ended = [one for one in population if not one.is_open]
    assert with_open(summarise(ended), [one for one in population if one.is_open]) == summarise(population)


def test_an_open_one_counts_against_the_share():
    """Two of four were gone in time, one late, one is open: half."""
    (one,) = summarise([a_delay(took=HOUR), a_delay(took=timedelta()), a_delay(took=2 * HOUR), a_delay()])
    assert (one.count, one.open, one.within, one.share) == (4, 1, 2, 0.5)
    assert summarise([a_delay(withdrawn=DUE)])[0].share is None


def test_the_deadline_itself_is_in_time():
    """Exactly an hour is within an hour; an open one is overdue a moment after it."""
    assert a_delay(took=HOUR).in_time
    assert not a_delay(took=HOUR + timedelta.resolution).in_time
    assert not a_delay().overdue(DUE + HOUR)
    assert a_delay().overdue(DUE + HOUR + timedelta.resolution)


def test_a_hindrance_reads_as_a_line():
    """What, from when to when, and what is known of it."""
    one = Hindrance(Snag.HELD, DUE, DUE + HOUR, "run hr@1")
    assert str(one) == "held 2026-11-30T23:00:00Z to 2026-12-01T00:00:00Z (run hr@1)"
    assert str(Hindrance(Snag.UNCLEAR, DUE)) == "user not clear since 2026-11-30T23:00:00Z"
