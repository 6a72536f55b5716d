"""Alerts ask for measures that exist, told apart by what they are told apart by."""

import re

import pytest

from lifecycle import measures
from lifecycle.core.model import Budget
from lifecycle.measures import Kind
from tests.infra.templates import INFRA, ROOT, default, variable
from tests.infra.triggers import bindings

RULES = {one["name"]: one for one in variable("alerts.bicep", "ofMeasures")}
OF_QUEUES = {one["name"]: one for one in variable("alerts.bicep", "ofQueues")}
MEASURES = {one.name: one for one in measures.ALL}
CODE = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "lifecycle").rglob("*.py"))
WINDOWS = {"PT5M", "PT15M", "PT30M", "PT45M", "PT1H", "P1D", "P2D"}  # of those that log alerts take


@pytest.mark.parametrize("name", sorted(RULES))
def test_an_alert_asks_for_what_is_measured(name):
    """Names, parts and values of each query are those of the code."""
    query = RULES[name]["query"]
    named = re.findall(r'"(lifecycle\.[\w.]+)"', query)
    assert named
    assert set(named) <= set(MEASURES)
    for part, value in re.findall(r'Properties\["(\w+)"\]\) [=!]= "([\w.]+)"', query):
        assert part in MEASURES[named[0]].by
        if part == "timer":
            assert value in bindings()
        else:
            assert f'"{value}"' in CODE
    assert RULES[name]["window"] in WINDOWS | {"silence"}


@pytest.mark.parametrize("name", sorted(RULES))
def test_what_an_alert_compares_is_told_by_its_rows(name):
    """A counter is added up; runs are counted, so that none is 0 and heard of; a share is made by its query.

    No column but Sum is asked for a number: Azure's exporter sends no least and most of counters and gauges.
    """
    rule = RULES[name]
    kinds = {MEASURES[one].kind for one in re.findall(r'"(lifecycle\.[\w.]+)"', rule["query"])}
    if rule["measure"] == "ratio":
        assert kinds == {Kind.GAUGE}
        assert variable("alerts.bicep", "ratio") == {"timeAggregation": "Maximum", "metricMeasureColumn": "value"}
        assert re.search(r"\bTimeGenerated = .*\| extend value = ", rule["query"])
        assert not re.search(r"\b(Max|Min)\b", rule["query"])
    elif rule["measure"] == "sums":
        assert kinds == {Kind.COUNTER}
        assert variable("alerts.bicep", "sums") == {"timeAggregation": "Total", "metricMeasureColumn": "Sum"}
    else:
        assert rule["measure"] == "rows"
        assert variable("alerts.bicep", "rows") == {"timeAggregation": "Count"}
    if rule["operator"] == "LessThan":
        assert (rule["measure"], rule["threshold"]) == ("rows", 1)
    if rule["measure"] != "ratio":
        assert "summarize" not in rule["query"]


def test_what_somebody_must_hear_of_is_there():
    """Dead letters, the quarantine, holds, late leavers, silence, the budget, throttling, failures."""
    assert set(OF_QUEUES) == {"dead-letters", "quarantine", "queue-full", "bus-throttled"}
    assert set(RULES) >= {"leaver-late", "held", "no-wake", "no-drift", "no-sweep", "no-seal", "budget"}
    assert set(RULES) >= {"graph-throttled", "defects", "refused", "undelivered", "timer-failed"}
    assert OF_QUEUES["quarantine"]["queue"] == "quarantine"
    assert (OF_QUEUES["dead-letters"]["queue"], OF_QUEUES["dead-letters"]["value"]) == ("*", 0)


def test_the_budget_is_told_when_the_app_tells_it():
    """Eighty percent, as the model has it unless it says otherwise."""
    assert default("alerts.bicep", "budgetShare") == Budget().warn * 100
    assert RULES["budget"]["threshold"] == "budgetShare"


def test_silence_of_every_timer_is_heard():
    """Whatever runs by a timer has an alert for when it does not."""
    timers = {name for name, of_one in bindings().items() if any(one["type"] == "timerTrigger" for one in of_one)}
    heard = {
        re.search(r'Properties\["timer"\]\) == "(\w+)"', one["query"])[1]
        for one in RULES.values()
        if one["operator"] == "LessThan" and "timer.duration" in one["query"]
    }
    assert heard == timers


def test_the_commands_that_alerts_name_exist():
    """What an alert tells somebody to run is on the page of commands."""
    page = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    said = re.findall(r"says: '.*?lifecycle (\w+)", (INFRA / "alerts.bicep").read_text(encoding="utf-8"))
    assert len(said) >= 6
    assert [name for name in said if f"lifecycle {name}" not in page] == []
