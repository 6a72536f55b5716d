"""`make demo`: one company, two weeks, on everything real but the tenant; judged by Graph's own state in the end."""

import tempfile
from pathlib import Path

from rich.console import Console

from sandbox.demo.company import find
from sandbox.demo.stage import open_stage
from sandbox.demo.story import tell
from sandbox.demo.telling import Teller
from sandbox.demo.verdict import differences, expected, show

__all__ = ["demo"]


async def demo(console: Console, *, data: Path | None) -> bool:
    """Tell the story and return whether Graph's state in the end is what it requires; every difference is printed.

    The people are those of the file `data` (or of `hris_initial_data.csv` in that folder, else in the one that
    LIFECYCLE_DATA names), else invented. Raises `SandboxError` when it cannot carry the story, or nothing starts.
    """
    company = find(data)
    with tempfile.TemporaryDirectory(prefix="lifecycle-demo-") as folder:
        async with open_stage(company, Path(folder)) as stage:
            teller = Teller(console)
            await tell(stage, teller)
            state = await stage.state()
    must = expected(company)
    show(must, state, console)
    wrong = [*teller.wrong, *differences(must, state)]
    for difference in wrong:
        console.print(difference, style="red", markup=False)
    verdict = (
        f"Not as the story requires: {len(wrong)}." if wrong else "Everybody holds exactly what the story requires."
    )
    console.print(verdict, style="bold red" if wrong else "bold green")
    return not wrong
