"""`sweep`: beginning one is a message, and its dry run makes the very plans that the sweep then makes."""

import asyncio
from datetime import timedelta

import pytest

from lifecycle.cli.rehearsal import Imagined
from lifecycle.core.evidence import Tag
from lifecycle.core.model import GuardLimits, Limit
from lifecycle.errors import Lost, Transient
from lifecycle.ports import Delete, Insert, Put, Queue, Replace
from lifecycle.records.dossier import open_dossier
from lifecycle.records.people import everybody
from tests.builders import CARE, EVERYONE, SALES, START, Company, a_model, a_worker, joined, moved
from tests.fakes.directory import throttled
from tests.fakes.records import MemoryRecords
from tests.triggers.cli_shell import FIRST, Shell, employed

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NAMES = ("E1", "E2", "E3", "E4", "E5", "E6")


def drifted(**model):
    """A company in which people's access differs from what is known here, each in another way."""
    company = Company(a_model(EVERYONE, CARE, SALES, packages=("extra",), **model), users=NAMES)
    shell = Shell(company)
    shell.say(*(joined(f"j{name}", START, FIRST, a_worker(name, department="Care")) for name in NAMES))
    shell.time(HOUR)
    rows = {(row.user, row.package): row for row in company.directory.rows()}
    company.directory.take_by_hand(rows["user-e1", "package-care"].id)
    company.directory.give("user-e2", "package-extra", "policy-extra")
    company.directory.take_by_hand(rows["user-e3", "package-base"].id)
    company.directory.give("user-e3", "package-base", "policy-base", ends=START + timedelta(days=9))
    now = company.clock.now()
    shell.learn(moved("m", now, now, a_worker("E4", department="Sales")))
    company.bus = type(company.bus)(company.clock)  # E4's check is lost; the mover's rows differ from nothing yet
    company.directory.take_by_hand(rows["user-e4", "package-base"].id)
    company.directory.review("review-1", "package-care", "user-e5", now)
    company.clock.move(HOUR)
    return shell


def wrote(shell):
    company = shell.company
    return company.records.writes, company.directory.writes, len(company.bus.sent)


def planned(shell, since):
    """The hashes of the plans that were made or held since then, by person."""

    async def read():
        found = {}
        for name in await everybody(shell.company.records):
            for record in await (await open_dossier(shell.company.records, name)).chain():
                if record.tag is Tag.PLANNED and record.at >= since:
                    found.setdefault(name, record.detail["plan"])
        return found

    return asyncio.run(read())


def test_the_dry_run_and_the_sweep_give_the_same_plan_hashes():
    """Rows removed and added by hand, a changed end, a lost mover, a denied review: people and hashes are equal."""
    shell = drifted()
    found = shell.json("sweep", "drift", "--dry-run", code=2)
    hashes = {one["person"]: one["hash"] for one in found["plans"] if one["changes"]}
    assert {one["person"] for one in found["plans"]} == {"e1", "e2", "e3", "e4", "e5"}
    since = shell.company.clock.now()
    asyncio.run(shell.company.sweep())
    shell.time(MINUTE)
    assert planned(shell, since) == hashes
    assert {"e4", "e5"} <= hashes.keys()


def test_what_the_guard_would_hold_is_what_it_holds():
    """The dry run asks the guard itself, and the held hashes are those of the held set."""
    shell = drifted(guard=GuardLimits(removals=Limit(0)))
    found = shell.json("sweep", "drift", "--dry-run", code=2)
    would = {one["person"]: one["held_hash"] for one in found["plans"] if one["would_hold"]}
    asyncio.run(shell.company.sweep())
    shell.time(MINUTE)
    (held,) = shell.json("held")
    assert {plan["person"]: plan["hash"] for plan in held["plans"]} == would
    assert would.keys() == {"e4", "e5"}
    assert found["totals"]["held"] == sum(len(plan["steps"]) for plan in held["plans"])


@pytest.mark.parametrize("kind", ["drift", "wake"])
def test_a_dry_run_leaves_no_trace(kind):
    """No row, no request, no message."""
    shell = drifted()
    before = wrote(shell)
    shell("sweep", kind, "--dry-run", code=2)
    assert wrote(shell) == before


def test_a_dry_run_shows_what_differs_the_plans_and_totals():
    """Counts by package, the lines of `plan`, the sum."""
    shown = drifted()("sweep", "drift", "--dry-run", code=2).stdout
    assert "package care  6 expected, 1 checked, 1 differing" in shown
    assert "  - care  assignment-" in shown
    assert "5 people would be looked at, 2 with changes: " in shown


def test_nothing_differs_and_nothing_is_planned():
    """Exit code 0."""
    shell = employed()
    shell.time(HOUR)
    assert "0 people would be looked at" in shell("sweep", "drift", "--dry-run").stdout


def test_a_failed_read_is_an_error_and_not_an_empty_drift():
    """A directory that does not answer never looks like one that does not differ."""
    shell = drifted()
    shell.company.directory.failures.plan(Transient("Graph did not answer"))
    assert "Graph did not answer" in shell("sweep", "drift", "--dry-run", code=1).stderr


@pytest.mark.parametrize("kind", ["drift", "wake"])
def test_beginning_a_sweep_is_one_message(kind):
    """No row is written here; the app then does what the timer does."""
    shell = drifted()
    rows = shell.company.records.writes
    run = shell.json("sweep", kind)["run"]
    (body,) = shell.bodies(Queue.SWEEPS)
    assert (body["type"], body["subject"], body["data"]) == (
        "lifecycle.sweep.slice", run, {"kind": kind, "about": "", "after": "", "by": "sandbox:tester"},
    )  # fmt: skip
    assert shell.company.records.writes == rows
    shell.settle()
    shell.time(MINUTE)
    if kind == "drift":
        assert {one["run"] for one in shell.json("sweep", "drift", "--last")} == {run}
    assert shell.company.has("E4") == {"crm"}


def test_the_wake_dry_run_plans_as_of_the_instant_of_each_look():
    """Somebody whose work begins in two minutes is planned as of then, not as of now."""
    shell = Shell(Company(a_model(EVERYONE)))
    begins = START + timedelta(hours=3)
    shell.say(joined("j", START, begins))
    shell.company.clock.set(begins - 2 * MINUTE)
    (found,) = shell.json("sweep", "wake", "--dry-run", code=2)["plans"]
    assert [step["do"] for step in found["steps"]] == ["assign"]
    since = shell.company.clock.now()
    asyncio.run(shell.company.time(3 * MINUTE, tick=MINUTE))
    assert planned(shell, since) == {"e1": found["hash"]}


def test_the_wake_dry_run_finds_also_who_was_put_off():
    """The sweep by hand has those looked at whose look failed and waits for its next attempt; so does its dry run."""
    shell = Shell(Company(a_model(EVERYONE)))
    shell.company.directory.faults.extend([throttled()] * 5)
    shell.say(joined("j", START, START))
    asyncio.run(shell.company.time(20 * MINUTE, tick=MINUTE))
    assert shell.company.has() == set()
    (found,) = shell.json("sweep", "wake", "--dry-run", code=2)["plans"]
    since = shell.company.clock.now()
    shell.company.bus.sent.clear()
    shell("sweep", "wake")
    shell.settle()
    assert planned(shell, since) == {"e1": found["hash"]}


def test_the_last_reports_say_what_was_found():
    """By package: rows, expected, checked, and the kinds with their first ids."""
    shell = drifted()
    assert "no sweep has ended yet" in shell("sweep", "drift", "--last").stdout
    asyncio.run(shell.company.sweep())
    shown = shell("sweep", "drift", "--last").stdout
    assert "package extra  2026-01-05T11:00:00Z  run drift:2026-01-05T11:00:00Z" in shown
    assert "  1 rows in 1 page, 0 expected, 1 person to be looked at" in shown
    assert "! 1 differing" in shown


def test_one_thing_at_a_time():
    """--last of a dry run is neither."""
    Shell()("sweep", "drift", "--last", "--dry-run", code=64)


# --- imagined records ------------------------------------------------------------------------------------------------


async def test_imagined_records_read_through_and_keep_writes_to_themselves():
    """What is written is read, in order and within bounds, and what is deleted is gone; the store has neither."""
    store = MemoryRecords()
    await store.write("p", [Put("a", b"1"), Put("c", b"3")])
    records, writes = Imagined(store), store.writes
    await records.write("p", [Insert("b", b"2"), Delete("c"), Put("d", b"4")])
    assert [(row.key, row.value) for row in await records.rows("p")] == [("a", b"1"), ("b", b"2"), ("d", b"4")]
    assert [row.key for row in await records.rows("p", after="b", before="d")] == ["b"]
    assert [row.key for row in await records.rows("p", limit=2)] == ["a", "b"]
    assert await records.read("p", "c") is None
    assert store.writes == writes
    assert [row.key for row in await store.rows("p")] == ["a", "c"]


async def test_imagined_writes_keep_the_ports_conditions_all_or_none():
    """A second insert, a stale replace, a stale delete are lost, and nothing of that write is kept."""
    store = MemoryRecords()
    real = (await store.write("p", [Put("a", b"1")]))["a"]
    records = Imagined(store)
    moved_on = (await records.write("p", [Replace("a", b"2", real)]))["a"]
    for change in (Insert("a", b"x"), Replace("a", b"x", real), Delete("a", real)):
        with pytest.raises(Lost):
            await records.write("p", [Put("other", b"x"), change])
    assert await records.read("p", "other") is None
    await records.write("p", [Delete("a", moved_on)])
    assert await records.read("p", "a") is None
