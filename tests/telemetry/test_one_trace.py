"""One event, one trace: from its arrival over the queues to the request, whatever comes between."""

import json
from datetime import timedelta

import pytest

from lifecycle.contract.cloudevents import encode_fact
from lifecycle.core.events import Origin
from lifecycle.core.model import ProjectRules
from lifecycle.core.work import Check, Disposal, Dispose
from lifecycle.drift import drift
from lifecycle.errors import Transient
from lifecycle.intake import intake
from lifecycle.messages import ask
from lifecycle.ports import Queue
from lifecycle.quarantine import Quarantine, name_of
from lifecycle.sweep import timed, wake
from tests.builders import CARE, EVERYONE, START, Company, a_model, a_worker, closed, joined, left, opened, staffed
from tests.fakes.recording import called, id_of, links_of, parent_of, trace_of

OUTSIDE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{OUTSIDE}-b7ad6b7169203331-01"
TODAY = START.date()
MINUTES = timedelta(minutes=15)


def a_joiner(name="e1", worker="E1", **changes):
    return joined(name, START, TODAY, a_worker(worker, department="Care"), **changes)


def with_(fact, **extensions):
    return json.dumps(json.loads(encode_fact(fact)) | extensions).encode()


def in_trace(recorded, trace):
    return [span for span in recorded.spans if trace_of(span) == trace]


async def test_an_event_is_one_trace_to_the_requests(recorded):
    """Intake is its root, the check goes on under intake, the look and each request are under the check."""
    company = Company(a_model(EVERYONE, CARE))
    await company.say(a_joiner())

    (taken,) = recorded.named("process hr")
    assert taken.parent is None
    assert {trace_of(span) for span in recorded.spans} == {trace_of(taken)}
    (check,) = recorded.named("process work")
    assert parent_of(check) == id_of(taken)
    assert [parent_of(span) for span in recorded.named("look")] == [id_of(check)]
    assert [parent_of(span) for span in recorded.named("apply adminAdd")] == [id_of(check)] * 2
    assert taken.attributes["cloudevents.event_id"] == "e1"
    assert check.attributes["lifecycle.person"] == "e1"


async def test_every_event_has_its_own_trace(recorded):
    """Two events of one person are two traces, each with its own check."""
    company = Company(a_model(EVERYONE))
    await company.say(a_joiner(), left("e2", START, START, immediate=True))

    first, second = recorded.named("process hr")
    assert trace_of(first) != trace_of(second)
    assert [trace_of(span) for span in recorded.named("process work")] == [trace_of(first), trace_of(second)]


async def test_a_request_is_followed_in_the_trace_of_its_event(recorded):
    """The check that was scheduled to see the request's end, and the notice of it, go on with the event's trace."""
    company = Company(a_model(EVERYONE))
    await company.say(a_joiner())
    (taken,) = recorded.named("process hr")
    await company.time(MINUTES)

    checks = recorded.named("process work")
    assert len(checks) > 1
    assert {trace_of(span) for span in checks} == {trace_of(taken)}
    (notice,) = [message for queue, message, _ in company.bus.sent if queue is Queue.NOTICES]
    assert notice.properties["traceparent"].split("-")[1] == trace_of(taken)
    assert json.loads(notice.body)["traceparent"] == notice.properties["traceparent"]


async def test_a_check_that_is_put_off_goes_on_later_in_its_trace(recorded):
    """Graph does not answer; the check of a minute later is under the one that failed."""
    company = Company(a_model(EVERYONE))
    company.directory.failures.plan(Transient("Graph is away"))
    await company.say(a_joiner())
    await company.time(timedelta(minutes=2))

    first, second, *_ = recorded.named("process work")
    assert first.attributes["lifecycle.outcome"] == "again"
    assert second.attributes["lifecycle.attempt"] == 1
    assert parent_of(second) == id_of(first)
    assert trace_of(second) == trace_of(recorded.named("process hr")[0])


async def test_an_event_that_is_sent_once_more_goes_on_in_its_trace(recorded):
    """What could not be stored comes again a minute later, as a part of the same trace."""
    company = Company(a_model(EVERYONE))
    company.records.failures.plan(Transient("the table is away"))
    await company.say(a_joiner())
    await company.time(timedelta(minutes=2))

    first, second = recorded.named("process hr")
    assert [span.attributes["lifecycle.outcome"] for span in (first, second)] == ["again", "stored"]
    assert parent_of(second) == id_of(first)


async def test_a_replay_goes_on_where_the_event_was_set_aside(recorded):
    """What was set aside and is sent round again stays one trace, also when its sender named none."""
    company = Company(a_model(EVERYONE))
    await company.send(Queue.PROJECTS, encode_fact(a_joiner()))
    await company.settle()
    (taken,) = recorded.named("process projects")
    (aside,) = await Quarantine(company.bus, company.bodies).everything()
    now = company.clock.now()
    again = Dispose("r1", Disposal.REPLAY, (name_of(aside),), "entra:boss", "the queue was wrong")
    await ask(company.bus, again, now=now)
    await company.settle()

    _, again = recorded.named("process projects")
    assert parent_of(again) == id_of(taken)


async def test_a_close_is_one_trace_and_each_of_its_checks_another(recorded):
    """The fan-out goes on with the event's trace; each check begins its own, linked to the fan-out, not to slices."""
    model = a_model(projects=ProjectRules({"engineer": ("site",)}), packages=("site",))
    company = Company(model, users=("E1", "E2"))
    await company.say(a_joiner("e1", "E1"), a_joiner("e2", "E2"), opened("p", START))
    await company.say(staffed("s1", START, "E1"), staffed("s2", START, "E2"))
    await company.time(MINUTES)
    recorded.clear()
    await company.say(closed("c", company.clock.now(), company.clock.now()))
    await company.time(timedelta(minutes=2))

    (taken,) = recorded.named("process projects")
    fan_out, *slices = recorded.named("process sweeps")
    assert parent_of(fan_out) == id_of(taken)
    bulk = [span for span in recorded.named("process work") if span.attributes.get("lifecycle.run")]
    first = {span.attributes["lifecycle.person"]: span for span in bulk if span.attributes["lifecycle.attempt"] == 0}
    assert set(first) == {"e1", "e2"}
    assert len({trace_of(span) for span in [*first.values(), taken]}) == 3
    assert all(span.parent is None for span in [*first.values(), *slices])
    assert [links_of(span) for span in first.values()] == [{called(fan_out)}] * 2


async def test_a_sweeps_checks_are_linked_to_its_timer(recorded):
    """However many slices lie between, each check of a sweep leads to the timer that began it."""
    company = Company(a_model(EVERYONE))
    await company.say(a_joiner())
    await company.time(MINUTES)
    company.directory.take_by_hand(company.directory.rows("user-e1")[0].id)
    recorded.clear()
    await timed("drift", drift, company.ports)
    await company.settle()
    await company.time(timedelta(seconds=5))

    (timer,) = recorded.named("timer drift")
    found = [span for span in recorded.named("process work") if span.attributes.get("lifecycle.run")]
    assert found
    assert all(links_of(span) == {called(timer)} for span in recorded.named("process sweeps"))
    assert links_of(found[0]) == {called(timer)}
    assert trace_of(found[0]) != trace_of(timer)


async def test_whoever_is_woken_by_the_timer_has_a_trace_of_their_own(recorded):
    """A tick that wakes two people is not the parent of both: each check is linked to it."""
    company = Company(a_model(EVERYONE), users=("E1", "E2"))
    for worker in ("E1", "E2"):
        await company.say(joined(f"j{worker}", START, TODAY + timedelta(days=1), a_worker(worker)))
    recorded.clear()
    company.clock.set(START + timedelta(days=2))
    await timed("wake", wake, company.ports)
    await company.settle()

    (timer,) = recorded.named("timer wake")
    woken = [span for span in recorded.named("process work") if span.links]
    assert {span.attributes["lifecycle.person"] for span in woken} == {"e1", "e2"}
    assert all(links_of(span) == {called(timer)} and span.parent is None for span in woken)


@pytest.mark.parametrize(
    "event", [Origin("bulk", "load-1"), Origin("derived-from-absence")], ids=["bulk", "derived-from-absence"]
)
async def test_bulk_events_check_in_traces_of_their_own(recorded, event):
    """A first load's events are one trace each, their checks too: a run of thousands is no single trace."""
    company = Company(a_model(EVERYONE), users=("E1", "E2"))
    await company.say(a_joiner("e1", "E1", origin=event), a_joiner("e2", "E2", origin=event))
    await company.time(timedelta(minutes=1))

    first = [span for span in recorded.named("process work") if not span.attributes["lifecycle.attempt"]]
    roots = {trace_of(span) for span in [*recorded.named("process hr"), *[one for one in first if one.links]]}
    assert len(roots) == 4


# --- what comes from outside ---------------------------------------------------------------------------------------


async def test_a_senders_trace_is_gone_on_with(recorded):
    """`traceparent` in the event, or beside it in the message's properties, is the trace that intake is a part of."""
    company = Company(a_model(EVERYONE))
    await intake(Queue.HR, with_(a_joiner(), traceparent=PARENT), company.ports)
    await intake(Queue.HR, encode_fact(a_joiner()), company.ports, {"traceparent": PARENT})

    assert {trace_of(span) for span in recorded.named("process hr")} == {OUTSIDE}


@pytest.mark.parametrize(
    "given",
    [
        "zz",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{OUTSIDE}-{'0' * 16}-01",
        f"ff-{OUTSIDE}-b7ad6b7169203331-01",
        f"00-{OUTSIDE.upper()}-b7ad6b7169203331-01",
        PARENT + "-" + "a" * 10_000,
        "٠" * 55,
        PARENT.replace("-", "\n"),
        7,
        None,
        ["00"],
    ],
)
async def test_an_unsound_trace_is_ignored(recorded, given):
    """Whatever stands there, in the event or beside it, the event is taken in and a trace of its own begins."""
    company = Company(a_model(EVERYONE))
    await intake(Queue.HR, with_(a_joiner(), traceparent=given), company.ports, {"traceparent": given})

    (taken,) = recorded.named("process hr")
    assert taken.parent is None
    assert trace_of(taken) != OUTSIDE
    assert taken.attributes["lifecycle.outcome"] == "stored"


@pytest.mark.parametrize("state", [",".join(f"a{one}={'b' * 50}" for one in range(30)), "=", "é=1", 3])
async def test_an_unsound_state_is_dropped(recorded, state):
    """A `tracestate` beyond its bound or not ASCII is not carried on; the trace is."""
    company = Company(a_model(EVERYONE))
    await intake(Queue.HR, encode_fact(a_joiner()), company.ports, {"traceparent": PARENT, "tracestate": state})

    (check,) = company.bus.waiting(Queue.WORK)
    assert check.properties["traceparent"].split("-")[1] == OUTSIDE
    assert "tracestate" not in check.properties


async def test_a_sound_state_travels(recorded):
    """A sender's `tracestate` is carried with the trace to the check."""
    company = Company(a_model(EVERYONE))
    await intake(Queue.HR, encode_fact(a_joiner()), company.ports, {"traceparent": PARENT, "tracestate": "hr=7"})

    (check,) = company.bus.waiting(Queue.WORK)
    assert check.properties["tracestate"] == "hr=7"


@pytest.mark.parametrize("link", ["zz", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", 5])
async def test_an_unsound_link_is_no_link(recorded, link):
    """A message that is to begin a trace of its own begins it, linked to nothing that is not there."""
    company = Company(a_model(EVERYONE))
    await intake(Queue.HR, encode_fact(a_joiner()), company.ports, {"tracelink": link})

    (taken,) = recorded.named("process hr")
    assert taken.parent is None
    assert not taken.links


# --- off -----------------------------------------------------------------------------------------------------------


async def test_nothing_is_carried_when_nothing_is_recorded():
    """Without telemetry messages are as they were: no properties, no extension, whatever the sender said."""
    company = Company(a_model(EVERYONE))
    await company.send(Queue.HR, with_(a_joiner(), traceparent=PARENT))
    await company.settle()
    await company.time(MINUTES)
    await ask(company.bus, Check("e1", "test"), now=company.clock.now())

    assert all(not message.properties for _, message, _ in company.bus.sent)
    notices = [json.loads(message.body) for queue, message, _ in company.bus.sent if queue is Queue.NOTICES]
    assert notices
    assert all("traceparent" not in notice for notice in notices)
