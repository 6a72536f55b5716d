"""The files beside the pages: exactly the library that was kept, served under names that hold their hashes."""

import hashlib
from http import HTTPStatus
from pathlib import Path

from lifecycle.adapters import page
from lifecycle.dashboard import answer
from tests.builders import START
from tests.dashboard.pages import OPEN, asked, settings
from tests.fakes.clock import MovableClock
from tests.fakes.records import MemoryRecords

FOLDER = Path(page.__file__).parent / "static"
PINNED = {
    "uplot.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uplot.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}
"""uPlot 1.6.32, dist/uPlot.iife.min.js and dist/uPlot.min.css of its npm package, as they are there."""


async def get(name):
    where = asked(url="http://127.0.0.1:1/dashboard/static/x", name=name)
    return await answer("static", where, settings(OPEN), MemoryRecords(), MovableClock(START))


def test_the_library_is_the_one_that_was_looked_at():
    """Nobody changes the kept files without saying so here; its licence lies beside them."""
    assert {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() for name in PINNED} == PINNED
    assert "Permission is hereby granted" in (FOLDER / "uplot.LICENSE.txt").read_text(encoding="utf-8")


async def test_a_file_may_be_kept_for_good():
    """Its name changes with its content, so a browser asks once."""
    for own, one in page.assets().items():
        told = await get(one.name)
        assert (told.status, told.body) == (HTTPStatus.OK, (FOLDER / own).read_bytes())
        assert told.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        assert hashlib.sha256(told.body).hexdigest()[:12] in one.name


async def test_nothing_else_is_served():
    """Names lead to the known files alone: no path, no plain name."""
    for name in ("", "uplot.js", "../__init__.py", "..%2f__init__.py", "uplot.000000000000.js"):
        assert (await get(name)).status == HTTPStatus.NOT_FOUND


def test_no_script_of_ours_makes_html_of_text():
    """What is read from the page goes back to it as text."""
    script = (FOLDER / "charts.js").read_text(encoding="utf-8")
    assert not {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("} & {
        word for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(") if word in script
    }
