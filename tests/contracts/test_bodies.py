"""What every keeper of bodies promises: the stand-in, the folder, and whichever comes next."""

import pytest

from lifecycle.adapters.folder import FolderBodies
from lifecycle.errors import Permanent
from tests.fakes.bodies import MemoryBodies

KEEPERS = {
    "memory": lambda _folder: MemoryBodies(),
    "folder": lambda folder: FolderBodies(folder / "bodies"),
}


@pytest.fixture(params=KEEPERS)
def bodies(request, tmp_path):
    return KEEPERS[request.param](tmp_path)


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
