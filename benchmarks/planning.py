"""How many people one core plans in a second: facts folded to a person, entitlements, the plan. No I/O, no logging.

Everybody in the company is another worker and is planned once, by a model that has answered for nobody yet; the rules
are CEL, compiled by `lifecycle.adapters.rules` from YAML as in production. Rules remember what they answered for
workers who are alike in what they read, so it matters how much people differ: there are 200 departments, 40 jobs in
each (8,000 pairs, some held by many people and most by few), 60 locations, 4 employee types, 3 statuses, and what is
nearly everybody's own: id, name of the account, manager. A third of the rules each reads the department and the
status, the department and the job, the location and the employee type.

A rule holds for one person in ten, the packages are spread evenly over the rules, and everybody holds half of what they
are entitled to. Reading facts from Records and lists
from Graph is not in it: `sandbox_events_per_second` has all of that.
"""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import batched
from uuid import NAMESPACE_URL, uuid5

import msgspec

from benchmarks.measurement import Figure, Measurement
from lifecycle.adapters.rules import parse
from lifecycle.core.desired import entitled
from lifecycle.core.events import Joined, Moved, Recorded, Status, Worker, WorkerFact, key
from lifecycle.core.model import AccessModel
from lifecycle.core.person import person
from lifecycle.core.plan import Actual, Assignment, Plan, plan

DEPARTMENTS, JOBS, LOCATIONS = 200, 40, 60
EMPLOYEE_TYPES = ("employee", "employee", "employee", "contractor", "apprentice", "external")
STATUSES = (*[Status.ACTIVE] * 37, *[Status.LEAVE] * 2, Status.PREBOARDING)
_SLICES = 10
"""Every rule is for one in so many: departments and locations whose number ends in the same digit."""

_NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
_START = date(2025, 1, 1)
_SECONDS = 5.0
_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a company is: facts are per person, a `joined` and then changes of job title and department."""

    rules: int = 50
    packages: int = 50
    facts: int = 3
    people: int = 50_000


SIZES = {
    "plans_per_second": Size(),
    "plans_per_second_10_rules": Size(rules=10),
    "plans_per_second_200_rules": Size(rules=200),
    "plans_per_second_200_packages": Size(packages=200),
    "plans_per_second_2_facts": Size(facts=2),
    "plans_per_second_10_facts": Size(facts=10),
    "plans_per_second_20_facts": Size(facts=20),
    "plans_per_second_50_facts": Size(facts=50),
}


def figures() -> Iterator[Figure]:
    """Yield plans per second for every size, and of the usual one how much the fold of facts takes by itself."""
    for name, size in SIZES.items():
        yield name, plans_per_second(size), "plans/s"
    yield "folds_per_second", folds_per_second(Size()), "people/s"


def plans_per_second(size: Size, *, seconds: float = _SECONDS) -> float:
    """Return the rate, by CPU time, over everybody or over as many as are planned in that many seconds."""
    access, other = model(size), model(size)  # what they hold is found by another model, so that this one begins cold
    count, spent = 0, 0.0
    for numbers in batched(range(size.people), _BATCH, strict=False):
        people = [facts_of(number, size) for number in numbers]
        actual = [holding_half(facts, other) for facts in people]
        began = time.process_time()
        for facts, held in zip(people, actual, strict=True):
            made(facts, held, access)
        spent += time.process_time() - began
        count += len(numbers)
        if spent >= seconds:
            break
    return count / spent


def folds_per_second(size: Size, *, people: int = 5_000) -> float:
    """Return the rate, by CPU time, of folding facts to persons alone."""
    access = model(size)
    known = [facts_of(number, size) for number in range(people)]
    began = time.process_time()
    for facts in known:
        person(facts[0].recorded.subject, facts, access)
    return people / (time.process_time() - began)


def made(facts: list[WorkerFact], actual: Actual, access: AccessModel) -> Plan:
    """Make one plan, as `lifecycle.look` does between its reads."""
    whole = person(facts[0].recorded.subject, facts, access)
    return plan(entitled(whole, (), {}, access, _NOW), actual, access, _NOW)


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
                "when": _condition(number),
                "grant": packages[number :: size.rules] or [packages[number % size.packages]],
            }
            for number in range(size.rules)
        ],
        "mover": {"grace": "P7D"},
    }
    return parse(msgspec.json.encode(document).decode(), where="benchmark")  # JSON is YAML


def _condition(number: int) -> str:
    """Return one of three kinds of conditions; each holds for a tenth of the company."""
    own = number % _SLICES
    departments = _written([f"D{each}" for each in range(own, DEPARTMENTS, _SLICES)])
    locations = _written([f"L{each}" for each in range(own, LOCATIONS, _SLICES)])
    match number % 3:
        case 0:
            return f'worker.department in {departments} && worker.status != "left"'
        case 1:
            return f'worker.department in {departments} && worker.jobCode != null && worker.jobCode.startsWith("J")'
        case _:
            return f"worker.location in {locations} && worker.employeeType in {_written(sorted(set(EMPLOYEE_TYPES)))}"


def _written(texts: list[str]) -> str:
    return msgspec.json.encode(texts).decode()  # CEL writes a list of texts as JSON does


def facts_of(number: int, size: Size) -> list[WorkerFact]:
    """Return a worker's facts: every fifth change is one of department and job, the others are of the job title."""
    identifier = f"E{number:05d}"
    dice = random.Random(number)  # noqa: S311 - the same company every time
    facts: list[WorkerFact] = []
    for step in range(size.facts):
        day = _START + timedelta(days=3 * step)
        time_of = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        recorded = Recorded(f"{identifier}-{step}", "/hr", key(identifier), time_of, str(step))
        if step % 5 == 0:
            department, job = dice.randrange(DEPARTMENTS), min(int(dice.expovariate(0.2)), JOBS - 1)
            location = department % _SLICES + _SLICES * dice.randrange(LOCATIONS // _SLICES)
            status = dice.choice(STATUSES)
            kind, manager = dice.choice(EMPLOYEE_TYPES), f"E{dice.randrange(size.people):05d}"
        described = Worker(
            id=identifier,
            user_principal_name=f"{identifier}@company.example",
            employee_type=kind,
            status=status,
            department=f"D{department}",
            job_code=f"J{department}-{job}",
            job_title=f"Title {step}",
            location=f"L{location}",
            manager=manager,
        )
        facts.append(Joined(recorded, day, described) if step == 0 else Moved(recorded, day, described))
    return facts


def holding_half(facts: list[WorkerFact], access: AccessModel) -> Actual:
    """Return that every other package which the worker is entitled to is assigned already."""
    wanted = sorted(entitled(person("p", facts, access), (), {}, access, _NOW).entitlements)
    return Actual(tuple(Assignment(_id(name), name, ours=True) for name in wanted[::2]))


def _id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, name))


MEASUREMENTS = (
    Measurement(
        {
            "plans_per_second": "One core, 50,000 people; 50 rules, 50 packages, 3 facts a person. Each plan asks for "
            "every rule and every stretch of time between two snapshots, and CEL only what was not asked lately.",
            "plans_per_second_10_rules": "The same with 10 rules, each granting 5 packages.",
            "plans_per_second_200_rules": "The same with 200 rules, so four reasons for a package instead of one: time "
            "grows with the rules that hold, and little with those that do not.",
            "plans_per_second_200_packages": "The same 50 rules granting 4 packages each: time grows with the "
            "packages a person is entitled to or holds (20 instead of 5), not with those in the model.",
            "plans_per_second_2_facts": "The same with 2 facts a person.",
            "plans_per_second_10_facts": "The same with 10 facts a person: time grows with the facts.",
            "plans_per_second_20_facts": "The same with 20 facts a person: still with the facts.",
            "plans_per_second_50_facts": "The same with 50 facts a person: still with the facts.",
            "folds_per_second": "How many of those people are folded from their facts, and nothing else is done.",
        },
        figures,
    ),
)
