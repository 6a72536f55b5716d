"""Requests of bulk work that are under way, by package, to be followed with one list instead of one by one.

Partitions `following-…`, a row a request: whose it is and since when; `following` names the packages that have rows.
A request that is not listed here is followed by its person's own looks, as is one whose row was lost: they come later,
not never.
"""

from dataclasses import dataclass
from datetime import datetime

from lifecycle.ports import Delete, Put, Records
from lifecycle.records.keys import pack, safe, unpack

_BATCH = 100


@dataclass(frozen=True, slots=True)
class Followed:
    """A request, whom and which package it is about, and when it was posted."""

    package: str
    request: str
    person: str
    at: datetime


async def add(records: Records, one: Followed) -> bool:
    """List a request; True when it is the only one of its package."""
    partition = _partition(one.package)
    first = not await records.rows(partition, limit=1)
    if first:
        await records.write("following", [Put(safe(one.package), one.package.encode())])
    await records.write(partition, [Put(safe(one.request), pack(one))])
    return first


async def packages(records: Records) -> list[str]:
    """Return the packages of which requests are followed."""
    return [row.value.decode() for row in await records.rows("following")]


async def close(records: Records, package: str) -> None:
    """Note that no request of a package is followed any more."""
    await records.write("following", [Delete(safe(package))])


async def of_package(records: Records, package: str) -> list[Followed]:
    """Return what is followed of a package."""
    return [unpack(Followed, row.value) for row in await records.rows(_partition(package))]


async def drop(records: Records, package: str, requests: list[str]) -> None:
    """Forget requests that have ended."""
    for start in range(0, len(requests), _BATCH):
        batch = [Delete(safe(request)) for request in requests[start : start + _BATCH]]
        await records.write(_partition(package), batch)


def _partition(package: str) -> str:
    return f"following-{safe(package)}"
