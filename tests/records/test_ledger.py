import asyncio
from datetime import UTC, datetime

from lifecycle.core.evidence import Tag, first_break
from lifecycle.records.ledger import chain_in, enter, partition_of
from tests.fakes.records import MemoryRecords

NOW = datetime(2026, 3, 2, tzinfo=UTC)


async def test_whoever_enters_at_the_same_time_ends_up_in_one_chain():
    """Records of a run that several instances write follow one from the other, and none is lost."""
    records = MemoryRecords()
    await asyncio.gather(*(enter(records, "run:r", Tag.HELD, {"number": n}, at=NOW, cause="drift") for n in range(5)))
    chain = await chain_in(records, partition_of("run:r"))
    assert first_break(chain) is None
    assert sorted(record.detail["number"] for record in chain) == [0, 1, 2, 3, 4]
