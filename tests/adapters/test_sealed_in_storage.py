"""A ledger in a table, sealed in a container: what a deployment has, on the emulator of both."""

from datetime import timedelta

import pytest

from lifecycle.adapters.blobs.seals import BlobSeals
from lifecycle.adapters.tables.records import TableRecords
from lifecycle.core.evidence import Tag
from lifecycle.core.proof import Kind
from lifecycle.ports import Delete
from lifecycle.records import erasures, ledger, moved
from lifecycle.records.erasures import Erased
from lifecycle.seal import seal
from lifecycle.verify import verify
from tests.builders import EVERYONE, Company, a_model
from tests.contracts.test_seals import new_container


@pytest.fixture
async def company(table, azurite_blobs):
    made = Company(a_model(EVERYONE))
    made.records, made.seals = TableRecords(table), BlobSeals(await new_container(azurite_blobs))
    yield made
    await made.records.close()
    await made.seals.close()


async def test_a_ledger_in_a_table_is_sealed_in_a_container_and_verified(company):
    """Whole, then with a record removed, then with a chain erased lawfully."""
    for run in ("a", "b", "c") * 3:
        await ledger.enter(company.records, f"run:{run}", Tag.RUN_BEGUN, {}, at=company.clock.now(), cause="test")
    for _ in range(2):
        await seal(company.ports)
        company.clock.move(timedelta(days=1))
    said = await verify(company.ports)
    assert (said.findings, said.seals, said.chains, said.records) == ([], 2, 4, 10)

    place = "chain-run:a"
    head = await ledger.head_of(company.records, place)
    one = Erased(moved.chain_id(place), head.length, head.hash, 2)
    await erasures.write_down(company.records, one, {"rule": "test"}, at=company.clock.now(), cause="test")
    await erasures.erase_chain(company.records, place, head)
    await company.records.write("chain-run:b", [Delete(ledger.key_of(2))])
    said = await verify(company.ports)
    assert [(found.chain, found.broken.kind, found.broken.number) for found in said.findings] == [
        ("chain-run:b", Kind.REMOVED, 2)
    ]
    assert said.erased == 1
