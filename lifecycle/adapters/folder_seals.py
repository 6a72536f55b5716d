"""Seals in a folder: for a machine and the sandbox. Nothing keeps its owner from deleting one; `verify` finds it.

A seal appears whole under its name or not at all, and never over another: it is written aside and then linked.
"""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lifecycle.adapters.limits import check_seal
from lifecycle.errors import Lost, Misconfigured, Transient


class FolderSeals:
    """Implements `Seals` in the folder, which is made when the first is written.

    Beyond what the port says, `put` raises `Misconfigured` when the folder cannot be written, the others `Transient`
    when the disk fails.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, name: str, body: bytes) -> None:
        """Keep the body under a name that has none yet. Raises `Lost` when the name is taken."""
        check_seal(name)
        await asyncio.to_thread(self._put, name, body)

    async def get(self, name: str) -> bytes | None:
        """Return the body, None where there is none of that name."""
        check_seal(name)
        return await asyncio.to_thread(self._get, name)

    async def names(self) -> Sequence[str]:
        """Return all names, in their order."""
        return await asyncio.to_thread(self._names)

    def _put(self, name: str, body: bytes) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".") as scratch:
                scratch.write(body)
                scratch.flush()
                os.fsync(scratch.fileno())
                os.link(scratch.name, self._folder / name)  # unlike a renaming, it never replaces
            _sync(self._folder)
        except FileExistsError as error:
            raise Lost(f"{self._folder} has {name} already; nothing was written.") from error
        except OSError as error:
            raise Misconfigured(
                f"{self._folder} cannot keep a seal ({error.strerror}); it must be writable."
            ) from error

    def _get(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Transient(f"{self._folder} could not read {name} ({error.strerror}).") from error

    def _names(self) -> list[str]:
        try:
            return sorted(one.name for one in self._folder.iterdir() if not one.name.startswith("."))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise Transient(f"{self._folder} could not be read ({error.strerror}).") from error


def _sync(folder: Path) -> None:
    """Let the folder's entry reach the disk, where the system can do that for folders."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
