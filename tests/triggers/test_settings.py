"""The settings: what the environment must say, and what is said when it does not."""

import re
from pathlib import Path

import pytest

from lifecycle.errors import Misconfigured
from lifecycle.settings import from_environment

ENOUGH = {
    "ServiceBus": "Endpoint=sb://127.0.0.1/",
    "LIFECYCLE_RECORDS": "sqlite:///records.db",
    "LIFECYCLE_MODEL": "model.yaml",
    "LIFECYCLE_BODIES": "bodies",
    "LIFECYCLE_SEALS": "seals",
}


@pytest.mark.parametrize(("text", "rate"), [("", 20.0), ("2.5", 2.5), ("999", 999.0)])
def test_the_rate_of_writes_is_a_number(text, rate):
    """Twenty a second unless it is said otherwise."""
    assert from_environment({**ENOUGH, "LIFECYCLE_WRITES_PER_SECOND": text}).writes_per_second == rate


def test_each_timer_has_its_schedule():
    """By the name of its function: what `lifecycle check` measures a timer by is what the host runs it by."""
    triggers = (Path(__file__).parents[2] / "function_app.py").read_text(encoding="utf-8")
    timers = dict(re.findall(r'function_name\("(\w+)"\)\n@app\.timer_trigger\(.*schedule="%(\w+)%"', triggers))
    schedules = from_environment({**ENOUGH, "WAKE_SCHEDULE": "0 0 * * * *"}).schedules
    assert schedules["wake"] == "0 0 * * * *"
    assert {name: f"{name.upper()}_SCHEDULE" for name in schedules} == timers


@pytest.mark.parametrize("text", ["0", "0.0", "-1", "many", "1e3", "1000", "٣", "nan"])
def test_another_rate_of_writes_is_refused_with_an_example(text):
    """No writes at all is not a rate, and neither is a word."""
    with pytest.raises(Misconfigured, match="as in 20"):
        from_environment({**ENOUGH, "LIFECYCLE_WRITES_PER_SECOND": text})


@pytest.mark.parametrize("text", ["0", "89", "-1", "six years", "100000", "٣٦٥"])
def test_a_time_of_keeping_is_a_number_of_days_and_no_trap(text):
    """Less than ninety days would erase people whom somebody may still ask about."""
    with pytest.raises(Misconfigured, match="LIFECYCLE_RETENTION"):
        from_environment({**ENOUGH, "LIFECYCLE_RETENTION": text})
    assert from_environment({**ENOUGH, "LIFECYCLE_RETENTION": "90"}).retained.days == 90
