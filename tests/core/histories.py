"""Histories that HR could have sent of one worker, for properties: any order of the two clocks, spans, corrections."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from lifecycle.core.events import Effective, Joined, Left, Moved, Recorded, Rescinded, Status, Worker, WorkerFact

FIRST, LAST = date(2026, 3, 24), date(2026, 4, 6)
"""Two weeks around the change to summer time."""

RECORDED_FROM = datetime(2026, 3, 20, tzinfo=UTC)


def recorded(number: int, minute: int, sequence: str = "") -> Recorded:
    return Recorded(f"f{number}", "/hr", "e1", RECORDED_FROM + timedelta(minutes=minute), sequence)


def effectives() -> st.SearchStrategy[Effective]:
    days = st.dates(FIRST, LAST)
    instants = st.builds(
        lambda day, hour: datetime(day.year, day.month, day.day, hour, tzinfo=UTC), days, st.integers(0, 23)
    )
    return st.one_of(days, days, days, instants)


def workers(zones: tuple[str | None, ...]) -> st.SearchStrategy[Worker]:
    return st.builds(
        lambda job, status, contract, zone: Worker(
            id="e1", job_code=job, status=status, contract_end=contract, time_zone=zone
        ),
        st.sampled_from(["A", "B", "C"]),
        st.sampled_from([Status.ACTIVE, Status.ACTIVE, Status.LEAVE]),
        st.one_of(st.none(), st.none(), st.dates(FIRST, LAST)),
        st.sampled_from(zones),
    )


@st.composite
def histories(draw: Callable, most: int = 7, zones: tuple[str | None, ...] = (None,)) -> tuple[WorkerFact, ...]:
    """Facts with times from a small set, so that ties occur; a rescission is recorded after what it rescinds."""
    facts: list[WorkerFact] = []
    for number in range(draw(st.integers(1, most))):
        kind = draw(st.sampled_from(["joined", "joined", "moved", "moved", "left", "left", "immediate", "rescinded"]))
        minute = draw(st.sampled_from([0, 1, 2, 3, 60 * 24 * 9, 60 * 24 * 12 + 90]))
        about = recorded(number, minute, draw(st.sampled_from(["", "2", "10"])))
        match kind:
            case "joined":
                facts.append(Joined(about, draw(effectives()), draw(workers(zones))))
            case "moved":
                facts.append(Moved(about, draw(effectives()), draw(workers(zones))))
            case "left" | "immediate":
                facts.append(Left(about, draw(effectives()), kind == "immediate"))
            case _:
                before = [fact.recorded.id for fact in facts if fact.recorded.time < about.time]
                if before:
                    facts.append(Rescinded(about, draw(st.sampled_from(before))))
    return tuple(facts)
