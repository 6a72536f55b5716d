"""A made-up hospital for measuring: an access model, a tenant, and people who join it and move to Care.

Everybody gets `baseline`; in Care there are `CARE` packages more. The guard lets all of it through.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import NAMESPACE_URL, uuid5

import msgspec
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from lifecycle.contract.cloudevents import encode_fact
from lifecycle.core.events import Fact, Joined, Moved, Recorded, Worker, key
from sandbox.sandbox import Sandbox, SandboxOptions

CARE = 4
PACKAGES = ("baseline", *(f"care-{number}" for number in range(1, CARE + 1)))
_HR = "/hr/benchmark"
_FIRST_DAY = date(2025, 1, 1)
_RECORDED = datetime(2025, 1, 1, tzinfo=UTC)
_BATCH = 100


@asynccontextmanager
async def hospital(people: int, settings: Mapping[str, str] | None = None) -> AsyncIterator[Sandbox]:
    """Run a sandbox whose directory has accounts for that many people and whose app has this model."""
    with TemporaryDirectory(prefix="lifecycle-benchmark-") as name:
        folder = Path(name)
        # JSON is YAML.
        (folder / "model.yaml").write_bytes(msgspec.json.encode(_model()))
        (folder / "tenant.yaml").write_bytes(msgspec.json.encode(_tenant(people)))
        options = SandboxOptions(
            model=folder / "model.yaml",
            tenant=folder / "tenant.yaml",
            # The wake timer would run in the middle of a measurement.
            settings={"WAKE_SCHEDULE": "0 0 0 1 1 *", "DRIFT_SCHEDULE": "0 0 0 1 1 *", **(settings or {})},
        )
        async with Sandbox(options) as sandbox:
            yield sandbox


@asynccontextmanager
async def bus(sandbox: Sandbox) -> AsyncIterator[ServiceBusClient]:
    """Connect to the sandbox's broker as any sender does."""
    async with ServiceBusClient.from_connection_string(sandbox.ready.servicebus) as client:
        yield client


async def say(client: ServiceBusClient, facts: Iterable[Fact]) -> None:
    """Send the facts to the `hr` queue, as fast as batches go."""
    messages = [ServiceBusMessage(encode_fact(fact), message_id=fact.recorded.id) for fact in facts]
    async with client.get_queue_sender("hr") as sender:
        for start in range(0, len(messages), _BATCH):
            await sender.send_messages(messages[start : start + _BATCH])


def joined(people: int) -> list[Fact]:
    """Return that everybody has joined, long ago: one package each."""
    return [Joined(_recorded(number, 1), _FIRST_DAY, _worker(number, "Kitchen")) for number in range(people)]


def to_care(people: int) -> list[Fact]:
    """Return that everybody has moved to Care: `CARE` packages more each."""
    return [Moved(_recorded(number, 2), _FIRST_DAY, _worker(number, "Care")) for number in range(people)]


def retitled(people: int) -> list[Fact]:
    """Return that everybody in Care has a new job title, which no rule asks for."""
    return [
        Moved(_recorded(number, 3), _FIRST_DAY, _worker(number, "Care", "Senior nurse")) for number in range(people)
    ]


def _recorded(number: int, sequence: int) -> Recorded:
    worker = _employee_id(number)
    return Recorded(f"{worker}-{sequence}", _HR, key(worker), _RECORDED, str(sequence))


def _worker(number: int, department: str, title: str = "Nurse") -> Worker:
    return Worker(id=_employee_id(number), employee_type="employee", department=department, job_title=title)


def _employee_id(number: int) -> str:
    return f"E{number:05d}"


def _id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, name))


def _model() -> dict[str, object]:
    packages = {
        name: {"accessPackage": _id(f"package {name}"), "policy": _id(f"policy {name}"), "catalog": _id("catalog")}
        for name in PACKAGES
    }
    # A share alone would hold somebody now and then: it is of the people counted so far, while everybody joins at once.
    unlimited = {"count": 1_000_000, "share": 1.0, "floor": 1_000_000}
    return {
        "timeZone": "Europe/Berlin",
        "sources": {"worker": [_HR], "project": [], "decision": []},
        "packages": packages,
        "rules": [
            {"name": "everyone", "when": 'worker.employeeType == "employee"', "grant": [PACKAGES[0]]},
            {"name": "care", "when": 'worker.department == "Care"', "grant": list(PACKAGES[1:])},
        ],
        "guard": {"window": "PT24H", "removals": unlimited, "additions": unlimited, "leavers": unlimited},
    }


def _tenant(people: int) -> dict[str, object]:
    return {
        "catalogs": [{"id": _id("catalog"), "displayName": "Hospital"}],
        "accessPackages": [
            {
                "id": _id(f"package {name}"),
                "displayName": name,
                "catalog": _id("catalog"),
                "assignmentPolicies": [{"id": _id(f"policy {name}")}],
            }
            for name in PACKAGES
        ],
        "users": [
            {
                "id": _id(f"user {number}"),
                "userPrincipalName": f"{_employee_id(number)}@hospital.example".lower(),
                "employeeId": _employee_id(number),
            }
            for number in range(people)
        ],
    }
