"""Who is writing just now, on the stand-in for the store."""

from datetime import timedelta

from lifecycle.ports import Put
from lifecycle.records import leases
from lifecycle.records.keys import instant
from tests.fakes.clock import NOON
from tests.fakes.records import MemoryRecords

SECOND = timedelta(seconds=1)


async def test_every_live_instance_counts_once():
    """Renewing counts the instance itself and each other one, however often they renew."""
    records = MemoryRecords()
    assert await leases.renew(records, "a", NOON) == 1
    assert await leases.renew(records, "b", NOON) == 2
    assert await leases.renew(records, "a", NOON + 20 * SECOND) == 2


async def test_a_lease_ends_a_minute_after_it_was_last_renewed():
    """An instance that went away counts until its lease ends, and its row goes."""
    records = MemoryRecords()
    await leases.renew(records, "a", NOON)
    assert await leases.renew(records, "b", NOON + 59 * SECOND) == 2
    assert await leases.renew(records, "b", NOON + 60 * SECOND) == 1
    assert records.keys("instances") == ["b"]


async def test_a_released_lease_counts_no_more():
    """An instance that says that it stops is gone at once; saying it twice is fine."""
    records = MemoryRecords()
    await leases.renew(records, "a", NOON)
    await leases.release(records, "a")
    await leases.release(records, "a")
    assert await leases.renew(records, "b", NOON) == 1


async def test_a_lease_that_is_renewed_meanwhile_is_not_pruned():
    """Whoever finds an expired lease does not delete the one that its owner writes at that moment."""
    records = MemoryRecords()
    await leases.renew(records, "a", NOON)
    later = NOON + 2 * leases.LASTS
    read = records.rows

    async def renewed_behind_our_back(partition, **bounds):
        found = await read(partition, **bounds)
        await records.write("instances", [Put("a", instant(later + leases.LASTS).encode())])
        return found

    records.rows = renewed_behind_our_back
    assert await leases.renew(records, "b", later) == 1
    assert records.keys("instances") == ["a", "b"]
