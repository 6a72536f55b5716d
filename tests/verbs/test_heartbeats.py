import pytest

from lifecycle.errors import Transient
from lifecycle.records.heartbeats import beats
from lifecycle.sweep import timed
from tests.builders import EVERYONE, Company, a_model


async def test_a_timer_that_failed_says_so_until_it_runs_again():
    """A timer's fault is kept beside when it ran, raised all the same, and gone after its next run."""
    company = Company(a_model(EVERYONE))

    async def fails(ports):
        raise Transient("records: no answer")

    async def works(ports):
        pass

    with pytest.raises(Transient):
        await timed("wake", fails, company.ports)
    assert [(one.timer, one.fault) for one in await beats(company.ports.records)] == [("wake", "Transient")]
    await timed("wake", works, company.ports)
    assert [one.fault for one in await beats(company.ports.records)] == [""]
