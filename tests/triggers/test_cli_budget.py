"""`budget`: what is used, by whom, what is left, and what that means."""

import asyncio
from datetime import timedelta

from lifecycle.calibrate import calibrate
from lifecycle.core.model import Budget
from tests.builders import EVERYONE, Company, a_model
from tests.triggers.cli_shell import Shell, employed


def test_before_anything_was_counted():
    """Nothing used; that others' requests are unknown is said."""
    shown = Shell()("budget")
    assert "  tenant  0 of 200000 (0.0%)\n" in shown.stdout
    assert "others' requests were never counted" in shown.stdout
    assert "lifecycle sweep drift" in shown.stderr


def test_ours_and_the_tenants_by_day():
    """Ours as they are sent, everybody's once Graph was asked, and up to when."""
    shell = employed(Company(a_model(EVERYONE)))
    for number in range(3):
        shell.company.directory.give("user-e1", f"package-{number}", "other")
    shell.company.clock.move(timedelta(hours=2))
    asyncio.run(calibrate(shell.company.ports, shell.company.clock.now()))
    found = shell.json("budget")
    assert (found["ours"], found["tenant"], found["left"]) == (1, found["tenant"], 200_000 - found["tenant"])
    assert found["calibrated_until"] == "2026-01-05T10:00:00Z"
    assert found["days"][-1] == {"day": "2026-01-05", "tenant": found["tenant"], "ours": 1}
    assert "  counted up to 2026-01-05T10:00:00Z\n" in shell("budget").stdout


def test_that_additions_are_withheld_is_said():
    """When only the reserve is left; before that, that it runs low."""
    assert "! additions are withheld" in employed(_with(Budget(1)))("budget").stdout
    assert "! more than 50% are used" in employed(_with(Budget(2, warn=0.5, reserve=0)))("budget").stdout
    assert "!" not in employed(_with(Budget(100)))("budget").stdout


def test_only_the_last_days_are_listed():
    """Older ones still count."""
    shell = employed(Company(a_model(EVERYONE)))
    shell.company.clock.move(timedelta(days=20))
    found = shell.json("budget")
    assert (found["ours"], [day for day in found["days"] if day["ours"]]) == (1, [])


def _with(budget):
    return Company(a_model(EVERYONE, budget=budget))
