"""Since when the present access model counts, and since when rules are gone that models before it had.

Grace for what a dropped rule gave runs from the instant at which it left the model, whatever models came after.
Partition `model`.
"""

from dataclasses import dataclass, field
from datetime import datetime

from lifecycle.core.model import AccessModel
from lifecycle.errors import Lost
from lifecycle.ports import Insert, Put, Records, Replace
from lifecycle.records.keys import pack, unpack


@dataclass(frozen=True, slots=True)
class Adoption:
    """The model in force, since when, its rules, and since when rules of earlier models are gone."""

    hash: str
    since: datetime
    rules: tuple[str, ...] = ()
    gone: dict[str, datetime] = field(default_factory=dict)

    def dropped_at(self, rule: str) -> datetime:
        """Return since when a rule that the model does not have is gone."""
        return self.gone.get(rule, self.since)


async def adopt(records: Records, model: AccessModel, now: datetime, *, keep: bool) -> Adoption:
    """Return since when what counts; at the first look under a model that is now, written down when `keep`."""
    row = await records.read("model", "present")
    before = None if row is None else unpack(Adoption, row.value)
    if before is not None and before.hash == model.hash:
        return before
    present = _next(before, model, now)
    if not keep:
        return present
    value = pack(present)
    try:
        await records.write("model", [Insert("present", value) if row is None else Replace("present", value, row.etag)])
    except Lost:
        return await adopt(records, model, now, keep=keep)
    return present


def _next(before: Adoption | None, model: AccessModel, now: datetime) -> Adoption:
    rules = tuple(rule.name for rule in model.rules)
    if before is None:
        return Adoption(model.hash, now, rules)
    gone = dict.fromkeys(before.rules, now) | before.gone
    return Adoption(model.hash, now, rules, {name: at for name, at in gone.items() if name not in rules})


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
