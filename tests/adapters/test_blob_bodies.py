"""What the container of bodies does beyond the port."""

import pytest

from lifecycle.adapters.blobs.address import ContainerAddress, container_address
from lifecycle.adapters.blobs.bodies import BlobBodies
from lifecycle.errors import Misconfigured, Permanent, Transient
from tests.contracts.test_seals import new_container


async def test_another_instance_reads_what_one_kept(azurite_blobs):
    """A body that was changed is noticed, and keeping it again mends it."""
    address = await new_container(azurite_blobs)
    here, there = BlobBodies(address), BlobBodies(address)
    reference = await here.put("event-1", b"body")
    assert await there.get(reference) == b"body"
    await there._connection.container.upload_blob(reference, b"tampered", overwrite=True)
    with pytest.raises(Permanent, match="was changed"):
        await here.get(reference)
    assert await here.put("event-1", b"body") == reference
    assert await there.get(reference) == b"body"
    await here.close()
    await there.close()


async def test_a_container_that_is_not_there_is_no_lost_body(azurite_blobs):
    """Nothing is made, and no body is called lost because of a wrong setting."""
    bodies = BlobBodies(container_address(f"{azurite_blobs}/nowhere"))
    for call in (bodies.get(f"{'0' * 64}-{'0' * 64}"), bodies.put("event-1", b""), bodies.touch()):
        with pytest.raises(Misconfigured, match="LIFECYCLE_BODIES"):
            await call
    await bodies.close()


async def test_a_container_is_touched_without_being_changed(azurite_blobs):
    """Empty or not, it may be read, and holds what it held."""
    bodies = BlobBodies(await new_container(azurite_blobs))
    await bodies.touch()
    references = {await bodies.put(name, b"body") for name in ("event-1", "event-2")}
    await bodies.touch()
    assert {name async for name in bodies._connection.container.list_blob_names()} == references
    await bodies.close()


async def test_nobody_there_is_no_absence():
    """Without an answer nothing is said, and it is tried again."""
    address = ContainerAddress("http://127.0.0.1:1/devstoreaccount1", "bodies", emulated=True)
    bodies = BlobBodies(address, attempts=1)
    for call in (bodies.get(f"{'0' * 64}-{'0' * 64}"), bodies.touch()):
        with pytest.raises(Transient):
            await call
    with pytest.raises(Permanent, match="not one of ours"):
        await bodies.get("../secret")
    await bodies.close()
