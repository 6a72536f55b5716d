"""Who or what was told something that nobody has looked at yet, so that a lost message costs minutes, not a night.

A mark is set before the look is asked for and taken away by the look that read the facts behind it: conditional on its
etag, so that what was told meanwhile stays marked. Partitions `told-0` … `told-f`, a row a person or project.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from lifecycle.errors import Lost
from lifecycle.ports import Delete, Insert, Put, Records, Replace
from lifecycle.records.keys import pack, safe, unpack

_SHARDS = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Mark:
    """Somebody (or, with `project`, a project) to be looked at because of `cause`, since `at`.

    `due` is when the look was put off to, or asked for again; before the first time, None.
    """

    name: str
    cause: str
    run: str
    at: datetime
    project: bool = False
    due: datetime | None = None

    @property
    def waits_since(self) -> datetime:
        """Return since when the look that was asked for last is awaited."""
        return self.at if self.due is None else self.due


@dataclass(frozen=True, slots=True)
class Read:
    """A mark as a look found it, to be taken away by that look alone."""

    mark: Mark
    etag: str


async def tell(records: Records, mark: Mark) -> None:
    """Set the mark; an earlier one about the same is replaced."""
    await records.write(_partition(mark.name), [Put(_key(mark.name, project=mark.project), pack(mark))])


async def read(records: Records, name: str, *, project: bool = False) -> Read | None:
    """Return the mark, to be read before the facts are."""
    row = await records.read(_partition(name), _key(name, project=project))
    return None if row is None else Read(unpack(Mark, row.value), row.etag)


async def done(records: Records, found: Read | None) -> None:
    """Take the mark away, unless something was told since it was read."""
    if found is None:
        return
    mark = found.mark
    try:
        await records.write(_partition(mark.name), [Delete(_key(mark.name, project=mark.project), found.etag)])
    except Lost:
        return


async def put_off(records: Records, found: Read, until: datetime) -> None:
    """Let the mark wait from a later instant: the look was scheduled for then, or asked for again then."""
    mark = replace(found.mark, due=until)
    row = Replace(_key(mark.name, project=mark.project), pack(mark), found.etag)
    try:
        await records.write(_partition(mark.name), [row])
    except Lost:
        return


async def keep_shown(records: Records, name: str, found: Read | None, mark: Mark) -> None:
    """Write down that it was shown to a person what is wrong, in place of the mark that the look found, if any."""
    key = _key(name, project=False)
    row = Insert(key, pack(mark)) if found is None else Replace(key, pack(mark), found.etag)
    with suppress(Lost):  # told of something else meanwhile, which asks for a look of its own
        await records.write(_partition(name), [row])


async def forgotten(records: Records, before: datetime, *, put_off: bool = False) -> list[Read]:
    """Return what is still to be looked at although a look was asked for before that instant.

    With `put_off` also what was told before it and put off until later.
    """
    rows = [row for shard in _SHARDS for row in await records.rows(f"told-{shard}")]
    found = [Read(unpack(Mark, row.value), row.etag) for row in rows]
    return [one for one in found if (one.mark.at if put_off else one.mark.waits_since) < before]


def _partition(name: str) -> str:
    return f"told-{hashlib.sha256(name.encode()).hexdigest()[0]}"


def _key(name: str, *, project: bool) -> str:
    return f"{'project' if project else 'person'}-{safe(name)}"
