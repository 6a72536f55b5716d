"""Since when the present access model counts: grace for what a new model drops runs from there. Partition `model`."""

from dataclasses import dataclass
from datetime import datetime

from lifecycle.errors import Lost
from lifecycle.ports import Insert, Put, Records, Replace
from lifecycle.records.keys import pack, unpack


@dataclass(frozen=True, slots=True)
class Adoption:
    """The model in force and since when."""

    hash: str
    since: datetime


async def adopt(records: Records, model_hash: str, now: datetime, *, keep: bool) -> datetime:
    """Return since when this model counts; at the first look under it that is now, written down when `keep`."""
    row = await records.read("model", "present")
    if row is not None:
        present = unpack(Adoption, row.value)
        if present.hash == model_hash:
            return present.since
    if not keep:
        return now
    value = pack(Adoption(model_hash, now))
    try:
        await records.write("model", [Insert("present", value) if row is None else Replace("present", value, row.etag)])
    except Lost:
        return await adopt(records, model_hash, now, keep=keep)
    return now


@dataclass(frozen=True, slots=True)
class Replanned:
    """How far everybody was planned anew under a model: up to whom, when that was written, and whether it is over."""

    hash: str
    at: datetime
    after: str = ""
    done: bool = False


async def replanned(records: Records) -> Replanned | None:
    """Return how far the last planning of everybody came, None before the first."""
    row = await records.read("model", "replanned")
    return None if row is None else unpack(Replanned, row.value)


async def note_replanned(records: Records, how_far: Replanned) -> None:
    """Write down how far it came."""
    await records.write("model", [Put("replanned", pack(how_far))])
