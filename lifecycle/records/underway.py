"""Which requests are under way, over everybody, and how long those took that were delivered: for the overview alone.

Partitions `underway-0` … `underway-f`, by person: a row `p-…` for each person with requests under way, and a row
`m-202611` a month with counts of durations. Both change in one write, so that a delivery counts once. Nothing is
decided by them: a row that a crash left behind is found and dropped by `left_behind`, one that it kept from being
written comes with the next look at a request that is open for long.
"""

import asyncio
import hashlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from lifecycle.core.waiting import WITHIN, Delivered, OpenRequest
from lifecycle.errors import Lost
from lifecycle.ports import Change, Delete, Insert, Put, Records, Replace, Row
from lifecycle.records.dossier import Dossier, Flight, Stage, open_dossier
from lifecycle.records.keys import pack, safe, unpack

_SHARDS = "0123456789abcdef"
_ATTEMPTS = 5
_LONG = timedelta(minutes=30)
_DOUBTED = 50  # dossiers opened in one search for rows left behind


async def note(dossier: Dossier, now: datetime) -> None:
    """Say what is under way for this person, and count what was delivered since the dossier was opened.

    Nothing is written when neither has changed, as long as nothing is open for long. A count that meets others too
    often is given up: it is a figure, no fact.
    """
    before, present = _open(dossier.person, dossier.found.values()), _open(dossier.person, dossier.flights.values())
    took = _delivered(dossier, now)
    if before == present and not took and all(now - one.since < _LONG for one in present):
        return
    shard = f"underway-{_shard(dossier.person)}"
    key = f"p-{safe(dossier.person)}"
    row: Change = Put(key, pack(present)) if present else Delete(key)
    for _ in range(_ATTEMPTS if took else 0):
        try:
            await dossier.records.write(shard, [row, await _counted(dossier.records, shard, took, now)])
        except Lost:
            continue
        return
    await dossier.records.write(shard, [row])


def _open(person: str, flights: Iterable[Flight]) -> list[OpenRequest]:
    found = [OpenRequest(person, one.package, one.kind, one.at, failing=one.stage is Stage.FAILED) for one in flights]
    return sorted(found, key=lambda one: (one.since, one.package))


def _delivered(dossier: Dossier, now: datetime) -> list[timedelta]:
    """Return how long those requests took that the dossier was opened with and that have ended as they should."""
    done = {(row.package, row.taken) for row in dossier.holdings.values() if row.at == now}
    tokens = {flight.token for flight in dossier.flights.values()}
    return [
        now - flight.at
        for flight in dossier.found.values()
        if flight.token not in tokens and (flight.package, flight.kind == "adminRemove") in done
    ]


async def _counted(records: Records, shard: str, took: list[timedelta], now: datetime) -> Change:
    key = f"m-{now.astimezone(UTC):%Y%m}"
    row = await records.read(shard, key)
    counts = [0] * (len(WITHIN) + 1) if row is None else unpack(list[int], row.value)
    for one in took:
        counts[bisect_left(WITHIN, one.total_seconds())] += 1
    return Insert(key, pack(counts)) if row is None else Replace(key, pack(counts), row.etag)


async def everywhere(records: Records, since: datetime) -> tuple[list[OpenRequest], list[Delivered]]:
    """Return every request that is under way or failing, and the durations by month from that of `since` on.

    Both oldest first. Sixteen reads, of a row for each person with a request and one a month.
    """
    after = f"m-{since.astimezone(UTC):%Y%m}"
    shards = await asyncio.gather(*(records.rows(f"underway-{one}", after=after, before="q") for one in _SHARDS))
    rows = [row for shard in shards for row in shard]
    going = [one for row in rows if row.key.startswith("p-") for one in unpack(list[OpenRequest], row.value)]
    return sorted(going, key=lambda one: one.since), _by_month([row for row in rows if row.key.startswith("m-")])


def _by_month(rows: list[Row]) -> list[Delivered]:
    months: dict[str, Counter[int]] = {}
    for row in rows:
        months.setdefault(row.key[2:], Counter()).update(dict(enumerate(unpack(list[int], row.value))))
    size = range(len(WITHIN) + 1)
    return [
        Delivered(f"{name[:4]}-{name[4:]}", tuple(months[name][place] for place in size)) for name in sorted(months)
    ]


async def left_behind(records: Records, found: list[OpenRequest], before: datetime) -> set[str]:
    """Return, among the people with the oldest requests, those whose dossier has none, and drop their rows."""
    people = list(dict.fromkeys(one.person for one in found if one.since < before))[:_DOUBTED]
    gone = set()
    for person in people:
        shard, key = f"underway-{_shard(person)}", f"p-{safe(person)}"
        row = await records.read(shard, key)
        if row is None or (await open_dossier(records, person)).flights:
            continue
        gone.add(person)
        with suppress(Lost):
            await records.write(shard, [Delete(key, row.etag)])
    return gone


def _shard(person: str) -> str:
    return hashlib.sha256(person.encode()).hexdigest()[0]
