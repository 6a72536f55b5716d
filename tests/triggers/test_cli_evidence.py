"""`evidence`: packets for auditors, on the screen, as JSON, as a table and as a page."""

import csv
import io
import json
from datetime import timedelta

import pytest

from lifecycle.errors import Refused, Transient
from tests.builders import START, a_worker, joined, left, moved
from tests.triggers.cli_shell import FIRST, employed

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def shell():
    """E1 joins Care, moves to Sales a day later and leaves on the third day; nothing in it is changed by a packet."""
    shell = employed(department="Care")
    shell.time(DAY)
    shell.say(moved("m", START + DAY, FIRST + DAY, a_worker(department="Sales")))
    shell.time(DAY)
    shell.say(left("l", START + 2 * DAY, FIRST + 2 * DAY))
    shell.time(DAY)
    return shell


def test_a_person_on_the_screen(shell):
    """When employment and access ended, each assignment with its reasons, and what is unavailable."""
    shown = shell("evidence", "person", "E1").stdout
    print(shown)
    assert 0
