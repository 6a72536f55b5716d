"""Since when the present access model counts: grace for what a new model drops runs from there. Partition `model`."""

from dataclasses import dataclass
from datetime import datetime

from lifecycle.errors import Lost
from lifecycle.ports import Insert, Records, Replace
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
