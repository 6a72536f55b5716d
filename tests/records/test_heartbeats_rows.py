from datetime import UTC, datetime

from lifecycle.records.heartbeats import Beat, beat, beats
from tests.fakes.records import MemoryRecords

NOW = datetime(2026, 3, 2, tzinfo=UTC)


async def test_only_the_last_run_of_a_timer_is_kept():
    """A timer's run takes the place of the one before; other timers keep theirs."""
    records = MemoryRecords()
    await beat(records, Beat("wake", NOW, 0.5, "Transient"))
    await beat(records, Beat("drift", NOW))
    later = Beat("wake", NOW.replace(hour=1), 0.25)
    await beat(records, later)
    assert await beats(records) == [Beat("drift", NOW), later]
