"""The real function app in the whole sandbox: AMQP in, msgraph-sdk out, seen from outside as a stranger would."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from sandbox.sandbox import Sandbox, SandboxOptions

pytestmark = pytest.mark.slow

EM = "identityGovernance/entitlementManagement"
BASELINE = "a0000000-0000-0000-0000-000000000001"
CARE = "a0000000-0000-0000-0000-000000000002"

EMPTY = {
    "personId": None,
    "userPrincipalName": None,
    "department": None,
    "costCenter": None,
    "jobCode": None,
    "jobTitle": None,
    "location": None,
    "country": None,
    "timeZone": None,
    "manager": None,
    "company": None,
    "contractEnd": None,
    "attributes": {},
}


def an_event(kind, name, subject, data, *, source="/hr/workday", time=None):
    time = time or datetime.now(UTC)
    return {
        "specversion": "1.0",
        "id": name,
        "source": source,
        "type": f"lifecycle.{kind}",
        "subject": subject,
        "time": time.isoformat(),
        "data": data,
    }


def a_snapshot(worker, **changes):
    return EMPTY | {"id": worker, "employeeType": "employee", "status": "active"} | changes


def joined(name, worker, **changes):
    data = {"effective": datetime.now(UTC).date().isoformat(), "worker": a_snapshot(worker, **changes)}
    return an_event("worker.joined", name, worker, data)


async def send(sandbox, queue, *bodies):
    async with (
        ServiceBusClient.from_connection_string(sandbox.ready.servicebus) as client,
        client.get_queue_sender(queue) as sender,
    ):
        for body in bodies:
            await sender.send_messages(ServiceBusMessage(body if isinstance(body, str) else json.dumps(body)))


async def holds(sandbox, user):
    """The packages that Graph says the user has, over HTTP."""
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {sandbox.ready.token}"}) as client:
        query = {"$filter": f"target/objectId eq '{user}' and state eq 'delivered'", "$expand": "accessPackage,target"}
        answer = await client.get(f"{sandbox.ready.graph}/{EM}/assignments", params=query)
        return {row["accessPackage"]["id"] for row in answer.raise_for_status().json()["value"]}


async def control(sandbox, method, path, body=None):
    async with httpx.AsyncClient() as client:
        answer = await client.request(method, f"{sandbox.ready.control}{path}", json=body)
        return answer.raise_for_status().json()


async def test_joiner_mover_and_leaver_end_to_end(tmp_path):
    """HR events over AMQP become assignments and are gone again; bad ones are set aside; nothing is doubled."""
    user, other = "d0000000-0000-0000-0000-000000000001", "d0000000-0000-0000-0000-000000000002"
    async with Sandbox(SandboxOptions(records=tmp_path)) as sandbox:
        lost = {"kind": "504", "method": "POST", "committed": True, "count": 1}
        await control(sandbox, "POST", "/faults", {"set": {"latency": [1, 2], "lag": [0, 120]}, "add": [lost]})
        nurse = joined("e1", "E1001", department="Care", jobCode="N1")
        await send(sandbox, "hr", nurse, nurse, joined("e2", "E1002"), "{", '{"specversion": "1.0"}')
        await sandbox.idle()
        await sandbox.advance(timedelta(minutes=15))
        assert await holds(sandbox, user) == {BASELINE, CARE}
        assert await holds(sandbox, other) == {BASELINE}
        assert sandbox.broker.counts("quarantine").active == 2
        now = datetime.now(UTC) + timedelta(minutes=15)
        gone = {"effective": now.isoformat(), "immediate": True}
        await send(sandbox, "hr", an_event("worker.left", "e3", "E1001", gone, time=now))
        await sandbox.idle()
        await sandbox.advance(timedelta(minutes=5))
        assert await holds(sandbox, user) == set()
        assert await holds(sandbox, other) == {BASELINE}
        log = await control(sandbox, "GET", "/graph/log")
        posted = [json.dumps(line["body"]["assignment"], sort_keys=True) for line in log if line["method"] == "POST"]
        assert len(posted) == len(set(posted)) == 5


async def test_the_app_survives_a_broker_that_drops_every_connection(tmp_path):
    """Connections that break cost time, not events: the host and the app both connect anew."""
    async with Sandbox(SandboxOptions(records=tmp_path)) as sandbox:
        await control(sandbox, "POST", "/faults", {"set": {"latency": [1, 2]}})
        await send(sandbox, "hr", joined("e1", "E1001"))
        await sandbox.idle()
        await control(sandbox, "POST", "/broker/faults", {"drop_connections": True})
        await send(sandbox, "hr", joined("e2", "E1002"))
        await sandbox.idle()
        await sandbox.advance(timedelta(minutes=15))
        assert await holds(sandbox, "d0000000-0000-0000-0000-000000000001") == {BASELINE}
        assert await holds(sandbox, "d0000000-0000-0000-0000-000000000002") == {BASELINE}
