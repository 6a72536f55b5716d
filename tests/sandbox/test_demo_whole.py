"""The whole demo on invented people: broker, Functions host, simulator, two weeks."""

import io

import pytest
from rich.console import Console

from sandbox.demo import demo
from sandbox.demo.company import invented


@pytest.mark.slow
async def test_the_story_ends_as_it_must(tmp_path):
    """Every chapter and the end are as the story requires, and nothing but numbers is printed of anybody."""
    (tmp_path / "people.csv").write_text(invented())
    console = Console(record=True, width=110, file=io.StringIO())

    good = await demo(console, data=tmp_path / "people.csv")

    text = console.export_text()
    assert good, text
    assert "Family" not in text
    assert "0 duplicates" in text
