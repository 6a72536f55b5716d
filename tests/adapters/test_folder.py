"""What the folder of bodies does beyond the port."""

import pytest

from lifecycle.adapters.folder import FolderBodies
from lifecycle.errors import Misconfigured, Permanent, Transient


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "bodies"


@pytest.fixture
def bodies(folder):
    return FolderBodies(folder)


async def test_bodies_outlive_the_process_and_are_their_owners_alone(bodies, folder):
    """One whole file a body, no scratch files, readable by nobody else."""
    reference = await bodies.put("event-1", b"body")
    assert await FolderBodies(folder).get(reference) == b"body"
    assert [file.name for file in folder.iterdir()] == [reference]
    assert [path.stat().st_mode & 0o077 for path in (folder, folder / reference)] == [0, 0]


async def test_a_body_that_was_changed_on_the_disk_is_noticed(bodies, folder):
    """The reference holds the hash; what does not fit it is not handed out, and keeping it again mends it."""
    reference = await bodies.put("event-1", b"body")
    (folder / reference).write_bytes(b"tampered")
    with pytest.raises(Permanent, match="changed"):
        await bodies.get(reference)
    assert await bodies.put("event-1", b"body") == reference
    assert await bodies.get(reference) == b"body"


async def test_a_reference_cannot_leave_the_folder(bodies, folder):
    """A reference is checked before it becomes a path, also when such a file is there."""
    await bodies.put("event-1", b"body")
    (folder.parent / "secret").write_bytes(b"secret")
    with pytest.raises(Permanent, match="not one of ours"):
        await bodies.get("../secret")


async def test_what_is_wrong_with_the_folder_is_said(bodies, folder):
    """A file in place of the folder is Misconfigured; a body that cannot be read is Transient."""
    reference = await bodies.put("event-1", b"body")
    (folder / reference).unlink()
    (folder / reference).mkdir()
    with pytest.raises(Transient):
        await bodies.get(reference)
    (folder / reference).rmdir()
    folder.rmdir()
    folder.write_bytes(b"")
    with pytest.raises(Misconfigured):
        await bodies.put("event-1", b"body")
    with pytest.raises(Misconfigured, match="LIFECYCLE_BODIES"):
        await bodies.touch()


async def test_a_folder_is_touched_without_being_made(bodies, folder):
    """What is not there yet is no fault, since the first body makes it."""
    await bodies.touch()
    assert not folder.exists()
    await bodies.put("event-1", b"body")
    await bodies.touch()
