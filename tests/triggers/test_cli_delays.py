"""`delays`: figures by class, the late ones with what kept them, as text and as JSON."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta

import pytest

from lifecycle.core.events import Origin
from lifecycle.core.model import Limit
from lifecycle.records import delays
from tests.builders import CARE, EVERYONE, START, UNLIMITED, Company, a_model, a_worker, joined, left
from tests.core.test_delays import a_delay
from tests.triggers.cli_shell import FIRST, Shell

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(scope="module")
def january():
    """E1 leaves at once, E2 was told late, E3 is held by the guard since yesterday."""
    names = ("E1", "E2", "E3")
    model = a_model(EVERYONE, CARE, guard=replace(UNLIMITED, removals=Limit(0)))
    shell = Shell(Company(model, users=names))
    shell.say(*(joined(f"j{name}", START, FIRST, a_worker(name, department="Care")) for name in names))
    shell.time(DAY)
    now = shell.company.clock.now()
    shell.say(left("l1", now, now, "E1", immediate=True), left("l2", now, date(2026, 1, 5), "E2"))
    shell.say(left("l3", now, now, "E3", immediate=True, origin=Origin("derived-from-absence")))
    shell.time(DAY)
    return shell


def test_the_figures_by_class(january):
    """Counts, the share in time and the percentiles, in columns."""
    shown = january("delays")
    assert shown.stdout.splitlines()[:5] == [
        "access that was due to go, 2026-01 to 2026-01, as of 2026-01-07T09:00:00Z",
        "  class             count  open  in time   share   p50   p90   p95   max",
        "  leaver-immediate      1     0        1  100.0%  30 s  30 s  30 s  30 s",
        "  leaver-told-late      1     0        1  100.0%  30 s  30 s  30 s  30 s",
        "  leaver-derived        1     1        0    0.0%     -     -     -     -",
    ]
    assert "3 leavers, 2 gone in time; 0 withdrawn" in shown.stderr


def test_the_late_ones_with_their_cause(january):
    """Whose access, why it was due, and what keeps it; who was told late is said apart."""
    shown = january("delays").stdout
    assert "  ! 2026-01-06T09:00:00Z  e3  leaver-derived  open for 1 d 0 h, deadline 1 h 0 min\n" in shown
    assert "      base, care because of event:l3\n      held since 2026-01-06T09:00:01Z (run " in shown
    assert "  2026-01-06T09:00:00Z  e2  leaver-told-late  10 h 0 min after the end\n" in shown
    alone = january("delays", "--late").stdout
    assert alone.startswith("late\n  ! ")
    assert "e2" not in alone


def test_as_json(january):
    """Everybody, with the state, the instants and what kept it; of the classes that were asked for."""
    found = january.json("delays", "--class", "leaver-derived", "--class", "leaver-told-late")
    assert [one["class"] for one in found["classes"]] == ["leaver-told-late", "leaver-derived"]
    by_person = {one["person"]: one for one in found["delays"]}
    assert list(by_person) == ["e2", "e3"]
    assert (by_person["e2"]["state"], by_person["e2"]["seconds"], by_person["e2"]["late"]) == ("gone", 30, False)
    assert (by_person["e3"]["state"], by_person["e3"]["seconds"], by_person["e3"]["late"]) == ("open", None, True)
    assert [why["what"] for why in by_person["e3"]["why"]] == ["held"]
    assert [one["person"] for one in january.json("delays", "--late")["delays"]] == ["e3"]


def test_a_period_of_several_months():
    """From the first to the last, over the turn of a year; what was due outside of it is not in it."""
    shell = Shell(Company(a_model()))

    async def some():
        for due in (START - 40 * DAY, START - 10 * DAY, START):
            one = a_delay(person=f"e{due:%m}", due=due, by=due + HOUR, confirmed=due + 3 * DAY)
            await delays.note(shell.company.records, None, one)

    asyncio.run(some())
    found = shell.json("delays", "--from", "2025-12", "--to", "2026-01")
    assert [one["person"] for one in found["delays"]] == ["e12", "e01"]
    assert shell.json("delays", "--to", "2025-11")["from"] == "2025-11"
    assert "gone after 3 d 0 h, deadline 1 h 0 min" in shell("delays").stdout


def test_nothing_was_due():
    """Said as nothing, in every part."""
    assert Shell()("delays").stdout.count("  nothing\n") == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("--from", "2026-13"),
        ("--to", "January"),
        ("--from", "2026-03", "--to", "2026-02"),
        ("--from", "2027-01"),
        ("--from", "1900-01"),
        ("--class", "everybody"),
    ],
)
def test_a_bad_period_is_wrong_usage(arguments):
    """No month, an end before the beginning, more than ten years, an unknown class: 64."""
    Shell()("delays", *arguments, code=64)
