"""Bodies in a folder: what the embedded default keeps beside its SQLite file.

Names are the references themselves (`lifecycle.adapters.references`), which cannot name a file outside the folder.
"""

import asyncio
import os
import tempfile
from pathlib import Path

from lifecycle.adapters.references import check, fits, reference_to
from lifecycle.errors import Misconfigured, Permanent, Transient


class FolderBodies:
    """Implements `Bodies` in the folder, which is made when it is first used.

    Beyond what the port says, `put` raises `Misconfigured` when the folder cannot be written, and both raise
    `Transient` when the disk fails.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, name: str, body: bytes) -> str:
        """Keep the body and return the reference to it; the same name and body twice is once."""
        reference = reference_to(name, body)
        await asyncio.to_thread(self._put, reference, body)
        return reference

    async def get(self, reference: str) -> bytes:
        """Return the body. Raises `Permanent` when there is none by that reference, or it was changed."""
        check(reference)
        return await asyncio.to_thread(self._get, reference)

    async def touch(self) -> None:
        """Read that the folder may be read; one that is not there yet is made by `put`. Raises `Misconfigured`."""
        await asyncio.to_thread(self._touch)

    def _touch(self) -> None:
        try:
            next(self._folder.iterdir(), None)
        except FileNotFoundError:
            return
        except OSError as error:
            raise Misconfigured(f"{self._folder} cannot be read ({error.strerror}); mend LIFECYCLE_BODIES.") from error

    def _put(self, reference: str, body: bytes) -> None:
        path = self._folder / reference
        try:
            if path.exists() and path.read_bytes() == body:
                return
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_whole(path, body)
        except OSError as error:
            raise Misconfigured(
                f"{self._folder} cannot keep a body ({error.strerror}); it must be writable."
            ) from error

    def _get(self, reference: str) -> bytes:
        try:
            body = (self._folder / reference).read_bytes()
        except FileNotFoundError:
            raise Permanent(f"{self._folder} has no body {reference}; was it deleted, or kept elsewhere?") from None
        except OSError as error:
            raise Transient(f"{self._folder} could not read the body {reference} ({error.strerror}).") from error
        if not fits(reference, body):
            raise Permanent(f"The body {reference} in {self._folder} was changed since it was kept; restore the file.")
        return body


def _write_whole(path: Path, body: bytes) -> None:
    """Write so that a reader, or a crash, finds the whole file or none; the file is its owner's alone."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as scratch:
        try:
            scratch.write(body)
            scratch.flush()
            os.fsync(scratch.fileno())
            Path(scratch.name).replace(path)
        except BaseException:
            Path(scratch.name).unlink(missing_ok=True)
            raise
