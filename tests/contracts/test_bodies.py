"""What every keeper of bodies promises: the stand-in, the folder, Azure Blob Storage, and whichever comes next."""

import pytest

from lifecycle.adapters.blobs.bodies import BlobBodies
from lifecycle.adapters.folder import FolderBodies
from lifecycle.errors import Permanent
from tests.contracts.test_seals import new_container
from tests.fakes.bodies import MemoryBodies


async def memory(_folder, _request):
    return MemoryBodies()


async def folder(scratch, _request):
    return FolderBodies(scratch / "bodies")


async def blobs(_folder, request):
    return BlobBodies(await new_container(request.getfixturevalue("azurite_blobs")))


KEEPERS = {"memory": memory, "folder": folder, "blobs": blobs}


@pytest.fixture(params=KEEPERS)
async def bodies(request, tmp_path):
    keeper = await KEEPERS[request.param](tmp_path, request)
    yield keeper
    if isinstance(keeper, BlobBodies):
        await keeper.close()


@pytest.mark.parametrize("body", [b"", b"\x00\xff", b"x" * 1_000_000], ids=len)
async def test_a_body_reads_back(bodies, body):
    """What was kept is what is read."""
    assert await bodies.get(await bodies.put("event-1", body)) == body


async def test_keeping_twice_is_keeping_once(bodies):
    """The same name and body give the same reference; another name or body another."""
    first = await bodies.put("event-1", b"body")
    assert await bodies.put("event-1", b"body") == first
    others = {await bodies.put("event-2", b"body"), await bodies.put("event-1", b"other")}
    assert len(others | {first}) == 3
    assert await bodies.get(first) == b"body"


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "Zoë 👩🏽", "", "\x00", "n" * 400, "CON"], ids=ascii)
async def test_any_name_will_do(bodies, name):
    """A name from outside is only a name."""
    reference = await bodies.put(name, b"body")
    assert await bodies.get(reference) == b"body"


@pytest.mark.parametrize("reference", ["", "absent", "../secret", "/etc/passwd", f"{'0' * 64}-{'0' * 64}", "a\x00b"])
async def test_an_unknown_reference_is_permanent(bodies, reference):
    """A reference that names nothing we keep can never be served."""
    with pytest.raises(Permanent):
        await bodies.get(reference)
