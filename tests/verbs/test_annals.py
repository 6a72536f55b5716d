"""What is written down of runs, which belong to nobody: a handful of records each, before what they are about."""

import contextlib
from datetime import timedelta

import pytest

from lifecycle.attend import work
from lifecycle.contract.cloudevents import encode_work
from lifecycle.core.events import Origin
from lifecycle.core.evidence import Tag, first_break
from lifecycle.core.model import GuardLimits, Limit, ProjectRules
from lifecycle.core.work import Release
from lifecycle.ports import Queue
from lifecycle.records import holds
from lifecycle.records.keys import plain
from lifecycle.records.ledger import chain_in, partition_of
from tests.builders import (
    CARE,
    EVERYONE,
    SALES,
    UNLIMITED,
    Company,
    a_model,
    a_worker,
    closed,
    joined,
    moved,
    opened,
    staffed,
)
from tests.fakes.faults import Crash

PEOPLE = tuple(f"E{number}" for number in range(1, 6))
SOON = timedelta(minutes=30)


async def staffed_company(**changes) -> Company:
    company = Company(a_model(EVERYONE, CARE, SALES, **changes), users=PEOPLE)
    now = company.clock.now()
    await company.say(*(joined(f"j{name}", now, now, a_worker(name, department="Care")) for name in PEOPLE))
    await company.time(SOON)
    return company


async def told(company, run):
    """The run's chain: tags and details."""
    chain = await chain_in(company.records, partition_of(f"run:{run}"))
    assert first_break(chain) is None
    return [(record.tag, record.detail, record.cause) for record in chain]


def runs_of(company):
    chains = [name for name in company.records.partitions() if name.startswith("chain-run:")]
    return [plain(name.removeprefix("chain-run:")) for name in chains]


async def test_a_new_model_is_a_run_that_begins_and_ends():
    """Which model, what it came after, and how many were asked for."""
    company = await staffed_company()
    company.model = a_model(EVERYONE, CARE, SALES, hash="model-2", packages=("care", "crm"))
    await company.time(SOON)
    first, second = runs_of(company)
    assert await told(company, first) == [
        (Tag.RUN_BEGUN, {"kind": "model", "model": "model-1", "before": ""}, "model:model-1"),
        (Tag.RUN_FINISHED, {"asked": 0}, "model:model-1"),
    ]
    begun, finished = await told(company, second)
    assert begun[1] == {"kind": "model", "model": "model-2", "before": "model-1"}
    assert finished[0] is Tag.RUN_FINISHED


async def test_a_drift_run_says_that_it_began():
    """Over how many packages and under which model; its end is not known, as it adds people package by package."""
    company = await staffed_company()
    await company.sweep()
    (run,) = [name for name in runs_of(company) if name.startswith("drift")]
    assert await told(company, run) == [
        (Tag.RUN_BEGUN, {"kind": "drift", "packages": 3, "model": "model-1"}, f"sweep:{run}")
    ]


async def test_a_bulk_run_begins_once_however_many_people_it_has():
    """The first of its events says so, the others nothing."""
    company = Company(a_model(EVERYONE), users=PEOPLE)
    now, bulk = company.clock.now(), Origin("bulk", "feed-1")
    await company.say(*(joined(f"j{name}", now, now, a_worker(name), bulk) for name in PEOPLE))
    assert await told(company, "feed-1") == [(Tag.RUN_BEGUN, {"kind": "bulk"}, "event:jE1")]


async def test_a_project_close_is_a_run_that_is_held_whole_released_and_finished():
    """Begun, held as one set, who asked for the release, that it counts, that everybody was asked for."""
    roles = ProjectRules(roles={"engineer": ("site",)})
    guard = GuardLimits(removals=Limit(2), additions=UNLIMITED.additions, leavers=UNLIMITED.leavers)
    company = await staffed_company(projects=roles, guard=guard)
    now = company.clock.now()
    await company.say(opened("o", now), *(staffed(f"s{name}", now, name) for name in PEOPLE))
    await company.time(SOON)
    now = company.clock.now()
    await company.say(closed("c", now, now))
    await company.time(SOON)
    found = await holds.held_set(company.records, "project:p1:c")
    wrong = Release(found.run, "0" * 64, "entra:somebody", "by mistake")
    right = Release(found.run, found.hash, "entra:boss", "it is meant")
    for asked in (wrong, right):
        body = encode_work(asked, id=asked.set_hash, source="/lifecycle", time=company.clock.now())
        await work(body, company.ports, queue=Queue.SWEEPS)
    await company.time(SOON)
    chain = await told(company, found.run)
    assert [tag for tag, _, _ in chain] == [
        Tag.RUN_BEGUN,
        Tag.RUN_HELD,
        Tag.RUN_FINISHED,
        Tag.RELEASE_REFUSED,
        Tag.RUN_RELEASED,
        Tag.RUN_FINISHED,
    ]
    assert chain[3][1]["by"] == "entra:somebody"
    assert (chain[4][1]["set"], chain[4][1]["by"], chain[4][1]["people"]) == (found.hash, "entra:boss", 5)
    assert all(company.has(name) == {"base", "care"} for name in PEOPLE)


@pytest.mark.parametrize("crash", range(1, 6))
async def test_a_release_is_written_down_before_it_counts(crash):
    """Dying at any write of a release never leaves an approval of which the run's chain says nothing."""
    company = await staffed_company(guard=GuardLimits(removals=Limit(0)))
    now = company.clock.now()
    await company.say(moved("m", now, now, a_worker("E1", department="Sales")))
    found = await holds.held_set(company.records, "event:m")
    body = encode_work(
        Release(found.run, found.hash, "entra:boss", "it is meant"), id="r", source="/lifecycle", time=now
    )
    company.records.crash_after = company.records.writes + crash
    with contextlib.suppress(Crash):
        await work(body, company.ports, queue=Queue.SWEEPS)
    company.records.crash_after = None
    approved = await holds.approval_of(company.records, found.run)
    tags = [tag for tag, _, _ in await told(company, found.run)]
    assert approved is None or Tag.RUN_RELEASED in tags
