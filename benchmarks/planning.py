"""How many plans one core makes in a second: facts folded to a person, entitlements, the plan. No I/O, no logging.

Each plan is for another worker, and its rules are CEL, compiled by `lifecycle.adapters.rules` from YAML as in
production. A rule holds for one department in ten, the packages are spread evenly over the rules, and every worker
already holds half of what they are entitled to. Reading facts from Records and lists from Graph is not in it:
`sandbox_events_per_second` has all of that.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median
from uuid import NAMESPACE_URL, uuid5

import msgspec

from benchmarks.measurement import Figure, Measurement
from lifecycle.adapters.rules import parse
from lifecycle.core.desired import entitled
from lifecycle.core.events import Joined, Moved, Recorded, Worker, WorkerFact, key
from lifecycle.core.model import AccessModel
from lifecycle.core.person import person
from lifecycle.core.plan import Actual, Assignment, Plan, plan

DEPARTMENTS = 10
_NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
_START = date(2025, 1, 1)
_ROUNDS = 5
_SECONDS = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a company is: facts are per person, a `joined` and then changes of job title and department."""

    rules: int = 50
    packages: int = 50
    facts: int = 3
    people: int = 100


SIZES = {
    "plans_per_second": Size(),
    "plans_per_second_10_rules": Size(rules=10),
    "plans_per_second_200_rules": Size(rules=200),
    "plans_per_second_200_packages": Size(packages=200),
    "plans_per_second_20_facts": Size(facts=20),
    "plans_per_second_100_facts": Size(facts=100),
}


def figures() -> Iterator[Figure]:
    """Yield plans per second for every size."""
    for name, size in SIZES.items():
        yield name, plans_per_second(size), "plans/s"


def plans_per_second(size: Size, *, seconds: float = _SECONDS) -> float:
    """Return the median over rounds of at least that many seconds each, of CPU time."""
    access = model(size)
    people = [facts_of(number, size) for number in range(size.people)]
    actual = [holding_half(facts, access) for facts in people]
    return median(_round(people, actual, access, seconds) for _ in range(_ROUNDS))


def made(facts: list[WorkerFact], actual: Actual, access: AccessModel) -> Plan:
    """Make one plan, as `lifecycle.look` does between its reads."""
    whole = person(facts[0].recorded.subject, facts, access)
    return plan(entitled(whole, (), {}, access, _NOW), actual, access, _NOW)


def _round(people: list[list[WorkerFact]], actual: list[Actual], access: AccessModel, seconds: float) -> float:
    count, began = 0, time.process_time()
    while (spent := time.process_time() - began) < seconds:
        for facts, held in zip(people, actual, strict=True):
            made(facts, held, access)
        count += len(people)
    return count / spent


def model(size: Size) -> AccessModel:
    """Return an access model of that size, read as production reads it."""
    packages = [f"package-{number}" for number in range(size.packages)]
    document = {
        "timeZone": "Europe/Berlin",
        "sources": {"worker": ["/hr"]},
        "packages": {
            name: {"accessPackage": _id(name), "policy": _id(f"policy {name}"), "catalog": _id("catalog")}
            for name in packages
        },
        "rules": [
            {
                "name": f"rule-{number}",
                "when": f'worker.department == "{_department(number)}" && worker.status in ["active", "leave"]',
                "grant": packages[number :: size.rules] or [packages[number % size.packages]],
            }
            for number in range(size.rules)
        ],
        "mover": {"grace": "P7D"},
    }
    return parse(msgspec.json.encode(document).decode(), where="benchmark")  # JSON is YAML


def facts_of(number: int, size: Size) -> list[WorkerFact]:
    """Return a worker's facts: every fifth change is one of department, the others are of the job title."""
    worker = f"E{number:05d}"
    facts: list[WorkerFact] = []
    for step in range(size.facts):
        day = _START + timedelta(days=3 * step)
        time_of = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        recorded = Recorded(f"{worker}-{step}", "/hr", key(worker), time_of, str(step))
        described = Worker(id=worker, department=_department(number + step // 5), job_title=f"Title {step}")
        facts.append(Joined(recorded, day, described) if step == 0 else Moved(recorded, day, described))
    return facts


def holding_half(facts: list[WorkerFact], access: AccessModel) -> Actual:
    """Return that every other package which the worker is entitled to is assigned already."""
    wanted = sorted(entitled(person("p", facts, access), (), {}, access, _NOW).entitlements)
    return Actual(tuple(Assignment(_id(name), name, ours=True) for name in wanted[::2]))


def _department(number: int) -> str:
    return f"D{number % DEPARTMENTS}"


def _id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, name))


MEASUREMENTS = (
    Measurement(
        {
            "plans_per_second": "One core; 50 rules, 50 packages, 3 facts a person. Each plan asks CEL once for "
            "every rule and every stretch of time between two snapshots.",
            "plans_per_second_10_rules": "The same with 10 rules: how much of a plan is not CEL.",
            "plans_per_second_200_rules": "The same with 200 rules: time grows with the rules.",
            "plans_per_second_200_packages": "The same 50 rules granting 4 packages each: time grows with the "
            "packages a person is entitled to or holds (20 instead of 5), not with those in the model.",
            "plans_per_second_20_facts": "The same with 20 facts a person: time grows with facts times rules.",
            "plans_per_second_100_facts": "The same with 100 facts a person: still facts times rules.",
        },
        figures,
    ),
)
