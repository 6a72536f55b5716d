"""What the last sweep over each package found: counts, and the first so many rows of each kind. Partition `drift`."""

from dataclasses import dataclass
from datetime import datetime

from lifecycle.ports import Put, Records
from lifecycle.records.keys import pack, safe, unpack

LISTED = 100
"""Rows that a report names of each kind; its counts are whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One package as a sweep found it.

    `checked`: people to be looked at because something differs. `unexplained`: rows that neither HR nor a project
    explains (left alone); `strangers`: rows of users who are nobody's; `outlived`: rows of auto-assignment policies
    without a reason; `missing`: rows that are wanted and were not there. Each lists assignment or person ids. `ending`
    counts the expected rows that end within thirty days, by day.
    """

    package: str
    run: str
    at: datetime
    rows: int
    pages: int
    expected: int
    checked: int
    counts: dict[str, int]
    unexplained: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    outlived: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    ending: tuple[int, ...] = ()


async def keep(records: Records, report: Report) -> None:
    """Keep the report in place of the last one."""
    await records.write("drift", [Put(safe(report.package), pack(report))])


async def of_package(records: Records, package: str) -> Report | None:
    """Return the last report on a package, if there is one."""
    row = await records.read("drift", safe(package))
    return None if row is None else unpack(Report, row.value)


async def reports(records: Records) -> list[Report]:
    """Return the last report on each package."""
    return [unpack(Report, row.value) for row in await records.rows("drift")]
