"""How long `lifecycle model impact` takes for a company, and what of that is not planning: reads, the guard, counting.

The command's own `measured` on records in memory, as it runs on the app's. Everybody was looked at under the model in
force, which gives each of them one package. The new model either gives the same by another text (nobody is looked at),
gives everybody one more package, or drops the rule, so that all of it would be taken and the guard holds nearly all.

The floor is the same people planned from the same facts with nothing read, asked or counted: folded, entitled, planned.
"""

import asyncio
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from benchmarks.measurement import Figure, Measurement
from benchmarks.virtual import Delay, Records
from lifecycle.adapters.rules import parse
from lifecycle.cli.impact import Impact, measured
from lifecycle.cli.rehearsal import imagined
from lifecycle.core.desired import entitled
from lifecycle.core.events import Joined, Recorded, Worker, key
from lifecycle.core.evidence import Tag
from lifecycle.core.model import AccessModel
from lifecycle.core.person import person
from lifecycle.core.plan import Actual, Assignment, plan
from lifecycle.ports import Ports
from lifecycle.records import adoption, claims, facts, holders, people
from lifecycle.records.budget import Meter
from lifecycle.records.dossier import Correlation, Holding, open_dossier, put_correlation, put_holding
from lifecycle.records.holders import Holder, Mark
from lifecycle.records.identities import join

MANY, FEW = 20_000, 2_000
_NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
_BEFORE = _NOW - timedelta(days=30)
_HIRED = date(2025, 1, 1)
_ID = "0000000-0000-0000-0000-00000000000"
_TEXT = f"""
timeZone: Europe/Berlin
sources: {{worker: [/hr]}}
packages:
  base: {{accessPackage: a{_ID}1, policy: b{_ID}1, catalog: c{_ID}1}}
  more: {{accessPackage: a{_ID}2, policy: b{_ID}2, catalog: c{_ID}1}}
"""
_RULES = {
    "before": "[{name: all, when: worker.status == 'active', grant: [base]}]",
    "same": "[{name: all, when: worker.status != 'left', grant: [base]}]",
    "more": "[{name: all, when: worker.status == 'active', grant: [base, more]}]",
    "none": "[]",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an impact found, its seconds, those of planning alone, and how much memory it held at most, in MB."""

    found: Impact
    seconds: float
    planning: float
    peak: float = 0.0


def model(name: str) -> AccessModel:
    """Return one of the models, read as production reads it."""
    return parse(f"{_TEXT}rules: {_RULES[name]}\n", where="benchmark")


def figures(many: int = MANY, few: int = FEW) -> Iterator[Figure]:
    """Yield the figures of a company of `many`, and what a person costs there over what one costs among `few`."""
    large = asyncio.run(outcomes(many, "same", "more", "none"))
    small = asyncio.run(outcomes(few, "none"))
    yield "impact_people_per_second", many / large["same"].seconds, "people/s"
    yield "impact_people_per_second_all_given", many / large["more"].seconds, "people/s"
    yield "impact_people_per_second_all_taken", many / large["none"].seconds, "people/s"
    yield "impact_vs_planning", large["more"].seconds / large["more"].planning, "times"
    yield "impact_cost_growth", large["none"].seconds / many / (small["none"].seconds / few), "times"


async def outcomes(many: int, *names: str) -> dict[str, Outcome]:
    """Measure each of the models on one company."""
    ports = await company(many)
    return {name: await outcome(many, ports, model(name)) for name in names}


async def outcome(many: int, ports: Ports, access: AccessModel, *, memory: bool = False) -> Outcome:
    """Measure one model on a company; with `memory` also the most that was allocated, which takes its time."""
    peak = 0.0
    if memory:
        tracemalloc.start()
    began = time.perf_counter()
    found = await measured(replace(imagined(ports), model=access), first=5)
    seconds = time.perf_counter() - began
    if memory:
        peak = tracemalloc.get_traced_memory()[1] / (1 << 20)
        tracemalloc.stop()
    assert (found.people, found.failed) == (many, {})
    return Outcome(found, seconds, _planning(many, access), peak)


def _planning(many: int, access: AccessModel) -> float:
    began = time.perf_counter()
    for number in range(many):
        name = key(f"E{number:06d}")
        desired = entitled(person(name, [_joined(name)], access), (), {}, access, _NOW)
        plan(desired, Actual((Assignment(f"row-{name}", "base", ours=True),)), access, _NOW)
    return time.perf_counter() - began


async def company(many: int) -> Ports:
    """Return the ports of a company in which everybody has what the model in force gives, as after their looks."""
    records = Records(Delay(), 0.0)
    access = model("before")
    await adoption.adopt(records, access, _BEFORE, keep=True)
    await adoption.note_replanned(records, adoption.Replanned(access.hash, _BEFORE, done=True))
    for number in range(many):
        name = key(f"E{number:06d}")
        user, row = f"user-{name}", f"row-{name}"
        await facts.keep(records, _joined(name))
        await join(records, _BEFORE, "seed", workers={name}, people=set())
        await people.note(records, people.Known(name, employed=True, assignments=1, user=user))
        await claims.claim(records, user, name)
        dossier = await open_dossier(records, name)
        known = put_correlation(dossier, Correlation(user, "employeeId", _BEFORE))
        held = put_holding(dossier, Holding(package="base", assignment=row, ends=None, at=_BEFORE, rules=("all",)))
        await dossier.append(_BEFORE, Tag.ADOPTED, "seed", {"assignment": row}, known, held)
        await holders.note(dossier, user, {"base": [Holder(user, row, Mark.JUSTIFIED, None, name)]})
    return _ports(records, access)


def _joined(name: str) -> Joined:
    return Joined(Recorded(f"{name}-joined", "/hr", name, _BEFORE), _HIRED, Worker(id=name, department="Care"))


class _Clock:
    def now(self) -> datetime:
        return _NOW


def _ports(records: Records, access: AccessModel) -> Ports:
    unused: Any = None
    return Ports(
        clock=_Clock(),
        records=records,
        bus=unused,
        bodies=unused,
        seals=unused,
        users=unused,
        entitlements=unused,
        reviews=unused,
        pace=unused,
        meter=Meter(records),
        model=access,
        lectern=unused,
    )


_GROWS = "Grows with the people, their facts and assignments; reading the app's records comes on top"

MEASUREMENTS = (
    Measurement(
        {
            "impact_people_per_second": f"Of {MANY} people, whom a new model gives what they have. {_GROWS}.",
            "impact_people_per_second_all_given": "The same, of a model that gives everybody one package more.",
            "impact_people_per_second_all_taken": "The same, of a model that takes everybody's one package away.",
            "impact_vs_planning": "The time of the one that gives, over that of planning the same people alone: the "
            "rest is reading their rows, the guard, and counting.",
            "impact_cost_growth": f"What a person costs in the one that takes, over the same among {FEW}: 1 when a "
            "person costs the same in any company.",
        },
        figures,
    ),
)
