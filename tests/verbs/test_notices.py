"""Notices say what is published of them, once for each piece of news, and survive a death where that is promised."""

import ast
import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec

from lifecycle.contract.notices import NOTICES, schema_of
from lifecycle.contract.schemas import FOLDER, notices
from lifecycle.core.model import Limit, ProjectRules
from lifecycle.core.work import Release
from lifecycle.drift import drift
from lifecycle.messages import ask
from lifecycle.ports import Queue, RequestState
from lifecycle.records import holds
from lifecycle.sweep import timed, wake
from tests.builders import (
    EVERYONE,
    START,
    UNLIMITED,
    Company,
    a_model,
    a_worker,
    closed,
    joined,
    left,
    opened,
    staffed,
)
from tests.fakes.directory import ends_as
from tests.fakes.faults import Crash

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "notices.md").read_text(encoding="utf-8")
EXAMPLES = [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)]
TODAY = START.date()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def told(company, *names):
    """The notices so far, of these types or of all: type, subject and data; not of what a new model began."""
    events = [json.loads(message.body) for queue, message, _ in company.bus.sent if queue is Queue.NOTICES]
    found = [(event["type"].removeprefix("lifecycle."), event["subject"], event["data"]) for event in events]
    return [one for one in found if (not names or one[0] in names) and not one[1].startswith("model:")]


# --- what is published ---------------------------------------------------------------------------------------------


def test_the_published_schemas_are_those_of_the_code():
    """The files are what the generator writes now: run `python -m lifecycle.contract.schemas` after a change."""
    assert {path.name: path.read_text(encoding="utf-8") for path in (FOLDER / "notices").glob("*.json")} == notices()


def test_every_notice_has_an_example_that_is_one():
    """docs/notices.md shows each type once, as a whole event whose data is what its schema says."""
    assert [event["type"].removeprefix("lifecycle.") for event in EXAMPLES] == list(NOTICES)
    for event in EXAMPLES:
        schema = schema_of(event["type"].removeprefix("lifecycle."))
        assert set(schema["required"]) <= event.keys() <= set(schema["properties"])
        data = msgspec.convert(event["data"], NOTICES[event["type"].removeprefix("lifecycle.")])
        assert json.loads(msgspec.json.encode(data)) == event["data"]


def test_every_notice_has_its_row():
    """The table of docs/notices.md names all of them and no other."""
    rows = [line.split("|")[1] for line in DOCS.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([a-z.]+)`", row)} == set(NOTICES)


def test_what_is_sent_is_published():
    """Every type that a call of `notify` names in the code is among those that are published."""
    sent = set()
    for path in (ROOT / "lifecycle").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "notify":
                sent |= {one.value for one in node.args if isinstance(one, ast.Constant)}
    assert {"plan.held", "run.finished"} <= sent
    assert sent <= NOTICES.keys() | {"requests"}  # the subject of what is said of the budget


# --- what was missing ----------------------------------------------------------------------------------------------


async def test_a_release_is_told_once(monkeypatch):
    """Who approved how many plans of which set; asked for again, it is no other news."""
    company = Company(a_model(EVERYONE, guard=replace(UNLIMITED, leavers=Limit(0), removals=Limit(0))))
    await company.say(joined("e1", START, TODAY, a_worker()))
    await company.time(HOUR)
    now = company.clock.now()
    await company.say(left("e2", now, now, immediate=True))
    (held,) = await holds.runs(company.records)
    assert [subject for _, subject, _ in told(company, "plan.held")] == ["e1"]
    await ask(company.bus, Release(held.run, held.hash, "boss", "it is meant"), now=now)
    await company.settle()

    ((_, subject, data),) = told(company, "run.released")
    assert subject == held.run
    assert data == {"run": held.run, "by": "boss", "plans": 1, "set": held.hash}


async def test_a_run_that_is_finished_is_told_once():
    """A project's close is finished when all its people were looked at; later ticks do not say it again."""
    model = a_model(projects=ProjectRules({"engineer": ("site",)}), packages=("site",))
    company = Company(model, users=("E1", "E2"))
    await company.say(joined("e1", START, TODAY, a_worker("E1")), joined("e2", START, TODAY, a_worker("E2")))
    await company.say(opened("p", START), staffed("s1", START, "E1"), staffed("s2", START, "E2"))
    await company.time(HOUR)
    assert [data["run"] for _, _, data in told(company, "run.finished")] == ["project:p1:p"]
    now = company.clock.now()
    await company.say(closed("c", now, now))
    await company.time(timedelta(minutes=30))

    _, (_, subject, data) = told(company, "run.finished")
    assert subject == data["run"] == "project:p1:c"
    assert (data["cause"], data["people"]) == ("event:c", 2)


async def test_a_run_is_not_finished_while_a_check_waits():
    """What lies on the queue and was not taken up keeps the run open, whatever the ticks."""
    model = a_model(projects=ProjectRules({"engineer": ("site",)}), packages=("site",))
    company = Company(model)
    await company.say(joined("e1", START, TODAY, a_worker("E1")), opened("p", START), staffed("s1", START, "E1"))
    await company.settle()
    company.clock.set(START + timedelta(seconds=5))
    company.bus.deliver_due()
    while company.bus.waiting(Queue.SWEEPS):
        await _one(company, Queue.SWEEPS)
        company.clock.set(company.clock.now() + timedelta(seconds=1))
        company.bus.deliver_due()
    assert [message for message in company.bus.waiting(Queue.WORK) if b'"run":"project' in message.body]
    await wake(company.ports)
    assert told(company, "run.finished") == []
    await company.settle()
    await wake(company.ports)
    assert [subject for _, subject, _ in told(company, "run.finished")] == ["project:p1:p"]


async def _one(company, queue):
    from lifecycle.attend import work  # noqa: PLC0415 - what a trigger does, for one queue alone

    message = company.bus.pop(queue)
    await work(message.body, company.ports, queue=queue, session=message.session)


async def test_a_timer_that_stands_still_is_told_once_by_the_other():
    """Three missed intervals of the nightly timer are told by the wake timer, once, and again after it ran anew."""
    company = Company(a_model(EVERYONE))

    async def nothing(ports):
        pass

    for _ in range(3):
        await timed("drift", nothing, company.ports)
        company.clock.set(company.clock.now() + DAY)
    last = company.clock.now() - DAY
    for _ in range(5):
        await timed("wake", wake, company.ports)
        company.clock.set(company.clock.now() + DAY)
    expected = {"timer": "drift", "last": last.isoformat(), "every": 86400}
    assert told(company, "timer.stalled") == [("timer.stalled", "drift", expected)]
    await timed("drift", drift, company.ports)
    assert len(told(company, "timer.stalled")) == 1


async def test_timers_that_run_are_not_told_of():
    """A week of ticks and nights, and nothing stands still."""
    company = Company(a_model(EVERYONE))
    for tick in range(7 * 24):
        if tick % 24 == 0:
            await timed("drift", drift, company.ports)
        await timed("wake", wake, company.ports)
        await company.settle()
        company.clock.set(company.clock.now() + HOUR)
    assert told(company, "timer.stalled") == []


# --- once, whatever dies -------------------------------------------------------------------------------------------


async def _live(company):
    """Let a person join, be refused, be held, leave; whatever dies is tried again, as the broker does."""
    steps = [
        [joined("e1", START, TODAY, a_worker())],
        [],
        [left("e2", START + 2 * HOUR, START - DAY, immediate=True)],
    ]
    for facts in steps:
        for fact in facts:
            await company.send(Queue.HR, _body(fact))
        for _ in range(3):
            try:
                await company.time(timedelta(minutes=40), tick=timedelta(minutes=20))
            except Crash:
                company.records.crash_after = company.records.crash_before = None


def _body(fact):
    from lifecycle.contract.cloudevents import encode_fact  # noqa: PLC0415 - for this alone

    return encode_fact(fact)


def _a_company(**crash):
    company = Company(a_model(EVERYONE, guard=replace(UNLIMITED, leavers=Limit(0), removals=Limit(0))))
    company.directory.faults.append(ends_as(RequestState.DELIVERY_FAILED))
    for name, value in crash.items():
        setattr(company.records, name, value)
    return company


async def test_no_death_loses_a_notice():
    """Die before or after any one write of a person's story: who listens hears all that was to be heard."""
    company = _a_company()
    await _live(company)
    expected = {(name, subject) for name, subject, _ in told(company)}
    assert {name for name, _ in expected} >= {"access.assigned", "access.failed", "plan.held", "event.late"}
    for number in range(1, company.records.writes + 1):
        for when in ("crash_after", "crash_before"):
            again = _a_company(**{when: number})
            await _live(again)
            heard = {(name, subject) for name, subject, _ in told(again)}
            assert heard >= expected, (when, number)
