"""The overview as it was gathered last: a few rows, so that showing it costs one short read however much there is.

Partition `overview`: `now`, the packages in rows of so many (`p-000` …), and `days`, one count a day for a year or so.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from lifecycle.core.overview import Day, Overview, PackageCount
from lifecycle.ports import Change, Delete, Put, Records
from lifecycle.records.keys import pack, unpack

_PARTITION = "overview"
_CHUNK = 250  # packages a row; a row holds 60 KiB
_KEPT = 400  # days


async def keep(records: Records, found: Overview) -> None:
    """Keep the overview in place of the last one, and its day's count with the days before."""
    kept = {row.key for row in await records.rows(_PARTITION, after="p-", before="q")}
    chunks = {
        f"p-{start // _CHUNK:03d}": pack(found.packages[start : start + _CHUNK])
        for start in range(0, len(found.packages), _CHUNK)
    }
    days = _with_today(await days_of(records), found)
    rows: list[Change] = [Put("now", pack(replace(found, packages=(), days=()))), Put("days", pack(days))]
    rows += [Put(key, value) for key, value in chunks.items()]
    rows += [Delete(key) for key in kept - chunks.keys()]
    await records.write(_PARTITION, rows)


async def last(records: Records) -> Overview | None:
    """Return the overview, None before the first."""
    rows = {row.key: row.value for row in await records.rows(_PARTITION)}
    if "now" not in rows:
        return None
    packages = tuple(one for key in sorted(rows) if key[:2] == "p-" for one in unpack(list[PackageCount], rows[key]))
    return replace(unpack(Overview, rows["now"]), packages=packages, days=tuple(unpack(list[Day], rows["days"])))


async def days_of(records: Records) -> list[Day]:
    """Return the counts by day, oldest first."""
    row = await records.read(_PARTITION, "days")
    return [] if row is None else unpack(list[Day], row.value)


def _with_today(days: Sequence[Day], found: Overview) -> list[Day]:
    today = Day(found.at.date(), found.assignments, found.people)
    since = today.day - timedelta(days=_KEPT)
    return [one for one in days if since < one.day < today.day] + [today]
