"""Each measure is really taken, is in the docs as the code has it, and tells nobody apart."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lifecycle import measures, traces
from lifecycle.adapters.graph.permissions import ASSIGNMENTS
from lifecycle.adapters.graph.wire import assignments
from lifecycle.core.model import Limit
from lifecycle.core.work import Release
from lifecycle.drift import drift
from lifecycle.errors import Throttled, Transient
from lifecycle.measures import ALL, Kind
from lifecycle.messages import ask
from lifecycle.ports import Queue, RequestState
from lifecycle.records import holds
from lifecycle.sweep import timed, wake
from tests.adapters.graph.script import Script, error, page
from tests.builders import EVERYONE, START, UNLIMITED, Company, a_model, a_worker, joined, left, moved
from tests.fakes.directory import ends_as, refused

DOCS = Path(__file__).parents[2] / "docs" / "telemetry.md"
TODAY = START.date()
HOUR = timedelta(hours=1)


def test_every_measure_is_documented_as_it_is():
    """The table of docs/telemetry.md is the code's list: name, kind, unit, what it is told apart by, meaning."""
    rows = re.findall(r"^\| `(lifecycle\.[\w.]+)` \| (.*) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    told = [
        (one.name, f"{one.kind}, `{one.unit}` | {', '.join(f'`{key}`' for key in one.by) or '—'} | {one.says}")
        for one in ALL
    ]
    assert rows == told


def test_names_follow_the_conventions():
    """Small letters, dots between namespaces, no unit in the name, each once."""
    assert len({one.name for one in ALL}) == len(ALL)
    assert all(re.fullmatch(r"lifecycle(\.[a-z]+(_[a-z]+)*)+", one.name) for one in ALL)
    assert all(one.unit == "s" if one.kind is Kind.HISTOGRAM else re.fullmatch(r"\{[a-z]+\}", one.unit) for one in ALL)


class _ImpatientPace:
    """Sends the first write away, as a pace does whose turns are far off, then lets everything pass."""

    away = 1

    async def turn(self, *, urgent):
        if self.away:
            self.away -= 1
            raise Throttled("Writes wait for their turn.", retry_after=timedelta(seconds=5))

    def heard(self, throttle):
        pass


async def _live():
    """Let the worker do everything that it counts: joiners, a mover, a leaver, failures, a hold, a night."""
    limits = replace(UNLIMITED, removals=Limit(0))
    company = Company(a_model(EVERYONE, guard=limits), users=("E1", "E2", "E3"))
    company.pace = _ImpatientPace()
    await company.send(Queue.HR, b"{")
    await company.say(joined("e1", START, TODAY, a_worker("E1")))
    company.directory.faults.extend([refused(), ends_as(RequestState.DELIVERY_FAILED)])
    await company.say(joined("e2", START, TODAY, a_worker("E2")))
    await company.say(joined("e3", START, TODAY + timedelta(days=1), a_worker("E3")))
    await company.time(timedelta(days=1))
    company.clock.set(company.clock.now() + 3 * HOUR)
    await timed("wake", wake, company.ports)
    now = company.clock.now()
    await company.say(moved("e4", now, now.date(), a_worker("E1", status="preboarding")))
    for held in await holds.runs(company.records):
        await ask(company.bus, Release(held.run, held.hash, "boss", "it is meant"), now=now)
    await company.time(HOUR)
    now = company.clock.now()
    await company.say(left("e5", now, now, "E2", immediate=True))
    await company.time(HOUR)
    company.directory.give("user-e3", "package-base", "policy-base")
    await timed("drift", drift, company.ports)
    await company.settle()


async def _call_graph_that_hesitates():
    """Make a call to Graph that is slowed down once and then answered."""
    client = Script(error(429, retry_after="0"), page()).client()
    await client.rows(ASSIGNMENTS, assignments, query={"filter": "target/objectId eq 'someone@example.org'"})
    await client.close()


async def test_every_measure_is_taken(recorded):
    """A worker's days and a call to Graph record each measure of the list, and only with what the list says."""
    await _live()
    await _call_graph_that_hesitates()

    taken = recorded.numbers
    assert sorted({one.name for one in ALL} - taken.keys()) == []
    for one in ALL:
        assert {key for point in taken[one.name] for key in point.attributes} == set(one.by), one.name


async def test_a_night_that_finds_nothing_is_seen_to_have_been_one(recorded):
    """Whoever waits for a sweep hears of each package; a run that asked nobody tells of no end."""
    company = Company(a_model(EVERYONE))
    await company.say(joined("e1", START, TODAY, a_worker()))
    await company.time(HOUR)
    await company.sweep()
    await company.time(HOUR)
    assert [point.value for point in recorded.numbers["lifecycle.drift.compared"]] == [len(company.model.packages)]
    assert not any(b"run.finished" in message.body for message in company.bus.waiting(Queue.NOTICES))


async def test_no_measure_tells_people_apart(recorded):
    """No value of any attribute is an id: there are few of each, whatever happens."""
    await _live()
    await _call_graph_that_hesitates()

    values = {
        str(value) for points in recorded.numbers.values() for point in points for value in point.attributes.values()
    }
    assert not {value for value in values if re.search(r"\be\d|user-|@|assignment-|[0-9a-f]{16}", value)}


async def test_delays_are_those_of_the_clock(recorded):
    """From what was said to the request, from the request to its delivery, from a leaver's end to being gone."""
    company = Company(a_model(EVERYONE))
    company.directory.latency = timedelta(seconds=40)
    await company.say(joined("e1", START, TODAY, a_worker("E1")))
    await company.time(HOUR)
    now = company.clock.now()
    await company.say(left("e2", now - timedelta(seconds=50), now - timedelta(seconds=50), "E1", immediate=True))
    await company.time(HOUR)

    numbers = recorded.numbers
    assert sum(point.count for point in numbers["lifecycle.event.delay"]) == 2
    assert {point.attributes["kind"]: point.sum for point in numbers["lifecycle.delivery.duration"]} == {
        "adminAdd": 40,
        "adminRemove": 40,
    }
    (gone,) = numbers["lifecycle.deprovision.delay"]
    assert (gone.count, gone.sum) == (1, 90)


@pytest.mark.parametrize("given", [timedelta(seconds=-3), -3.0])
def test_no_duration_is_negative(recorded, given):
    """Clocks differ; what ended before it began took no time."""
    measures.took(measures.DELIVERY, given, {"kind": "adminAdd"})
    assert [point.sum for point in recorded.numbers["lifecycle.delivery.duration"]] == [0]


def test_measures_cost_nothing_when_nobody_records():
    """A counter and a span that nobody records are looked at once and passed by, with no allocation that stays."""
    measures.count(measures.CHECKS, {"outcome": "done", "bulk": False})
    with traces.span("look") as span:
        assert not span.is_recording()
    assert traces.carried() == {}
    assert traces.linked() == {}


async def test_an_error_is_told_by_its_class_alone(recorded):
    """What leaves a span is noted without its text and its stack, which may hold more than ids."""
    with pytest.raises(Transient), traces.span("look"):
        raise Transient("Erika Mustermann is away")

    (span,) = recorded.spans
    assert span.attributes["error.type"] == "Transient"
    assert not span.events
    assert span.status.description is None
