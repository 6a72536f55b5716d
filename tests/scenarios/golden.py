"""What was asked of the directory, as text, beside what a scenario's plan says; `ACCEPT=1` writes the plans anew."""

import os
from pathlib import Path

from tests.builders import Company

PLANS = Path(__file__).parent / "plans"
_VERBS = {"adminAdd": "assign", "adminUpdate": "reschedule", "adminRemove": "remove"}


def told(company: Company, *workers: str) -> str:
    """Return every request that was posted, in order, and what each worker's user holds in the end."""
    names = {package.access_package: package.name for package in company.model.packages.values()}
    rows = {row.id: row for row in company.directory.rows()}
    posts = [call.at for call in company.directory.calls if call.name == "submit"]
    lines = []
    for at, request in zip(posts, company.directory.posted, strict=True):
        user = request.user or rows[request.assignment].user
        until = "" if request.ends is None else f" until {request.ends:%Y-%m-%d %H:%M}"
        lines.append(f"{at:%Y-%m-%d %H:%M:%S}  {_VERBS[request.kind]} {names[request.package]} of {user}{until}")
    lines += [f"in the end {name} has {', '.join(sorted(company.has(name))) or 'nothing'}" for name in workers]
    return "\n".join(lines) + "\n"


def agrees(company: Company, scenario: str, *workers: str) -> None:
    """Compare with the scenario's plan, or, with `ACCEPT=1`, make this its plan."""
    text = told(company, *(workers or ("E1",)))
    file = PLANS / f"{scenario}.txt"
    if os.environ.get("ACCEPT"):
        file.write_text(text)
    assert text == file.read_text(), f"{file.name} says otherwise; if this is right, run again with ACCEPT=1"
