"""What every keeper of seals promises: the stand-in, the folder, Azure Blob Storage, and whichever comes next."""

import asyncio
import contextlib
import inspect
import uuid

import pytest
from azure.storage.blob.aio import ContainerClient

from lifecycle.adapters.blobs.address import container_address
from lifecycle.adapters.blobs.connection import EMULATOR
from lifecycle.adapters.blobs.seals import BlobSeals
from lifecycle.adapters.folder_seals import FolderSeals
from lifecycle.errors import Lost, Permanent
from tests.fakes.seals import MemorySeals


async def new_container(endpoint):
    address = container_address(f"{endpoint}/s{uuid.uuid4().hex}")
    async with ContainerClient(address.endpoint, address.container, credential=EMULATOR) as container:
        await container.create_container()
    return address


async def blobs(_folder, request):
    return BlobSeals(await new_container(request.getfixturevalue("azurite_blobs")))


async def memory(_folder, _request):
    return MemorySeals()


async def folder(scratch, _request):
    return FolderSeals(scratch / "seals")


KEEPERS = {"memory": memory, "folder": folder, "blobs": blobs}


@contextlib.asynccontextmanager
async def opened(name, scratch, request):
    keeper = await KEEPERS[name](scratch, request)
    try:
        yield keeper
    finally:
        closing = getattr(keeper, "close", lambda: None)()
        if inspect.isawaitable(closing):
            await closing


@pytest.fixture(params=KEEPERS)
async def seals(request, tmp_path):
    async with opened(request.param, tmp_path, request) as keeper:
        yield keeper


@pytest.mark.parametrize("body", [b"", b"\x00\xff\n", b"x" * 1_000_000], ids=len)
async def test_a_seal_reads_back(seals, body):
    """What was put is what is read."""
    await seals.put("seal-1", body)
    assert await seals.get("seal-1") == body


async def test_nothing_there_is_none_and_no_names(seals):
    """Absence is an answer."""
    assert await seals.get("seal-1") is None
    assert list(await seals.names()) == []


async def test_a_name_is_taken_once(seals):
    """Another body, and the same one too, is refused; the first one stays."""
    await seals.put("seal-1", b"first")
    for body in (b"second", b"first"):
        with pytest.raises(Lost):
            await seals.put("seal-1", body)
    assert await seals.get("seal-1") == b"first"
    assert list(await seals.names()) == ["seal-1"]


async def test_of_many_at_once_one_gets_the_name(seals):
    """And what it wrote is what is there."""
    bodies = [str(number).encode() for number in range(5)]
    ended = await asyncio.gather(*(seals.put("seal-1", body) for body in bodies), return_exceptions=True)
    (winner,) = [body for body, one in zip(bodies, ended, strict=True) if one is None]
    assert all(isinstance(one, Lost) for one in ended if one is not None)
    assert await seals.get("seal-1") == winner


async def test_names_come_in_their_order(seals):
    """However they were put."""
    for number in (10, 2, 1):
        await seals.put(f"seal-{number:08d}", b"body")
    assert list(await seals.names()) == ["seal-00000001", "seal-00000002", "seal-00000010"]


@pytest.mark.parametrize("name", ["", "../x", "a/b", "A", "a" * 61, "a\n", ".a", "\u0661"], ids=ascii)
async def test_a_name_that_no_keeper_takes_is_permanent(seals, name):
    """Checked before anything is asked."""
    with pytest.raises(Permanent):
        await seals.put(name, b"body")
    with pytest.raises(Permanent):
        await seals.get(name)
