"""One source of truth for queues: what Bicep makes, against what the app needs of them and how the host treats them."""

import json
from datetime import timedelta

import pytest

from lifecycle.adapters.servicebus.bus import SESSIONS
from lifecycle.check import _OUT
from lifecycle.core.configured import WINDOW, QueueSeen, judge_queue
from lifecycle.ports import Queue
from lifecycle.settings import Settings
from tests.infra.templates import ROOT, resource, variable
from tests.infra.test_settings_agree import SET
from tests.infra.triggers import bindings

LONGEST_LOCK = timedelta(minutes=5)  # Service Bus: CreateQueueOptions.LockDuration
MADE = {one["name"]: one for one in variable("queues.bicep", "queues")}
HOST = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
BUS = HOST["extensions"]["serviceBus"]


def span(text):
    """`PT1M` of Bicep, `00:30:00` of host.json."""
    if text.startswith("PT"):
        return timedelta(**{{"S": "seconds", "M": "minutes", "H": "hours"}[text[-1]]: int(text[2:-1])})
    hours, minutes, seconds = map(int, text.split(":"))
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def seen(name):
    """What `lifecycle check` would see of a queue that was made by these lines."""
    properties = resource("queues.bicep", "queue")["properties"]
    return QueueSeen(
        sessions=MADE[name]["sessions"],
        duplicates=properties["requiresDuplicateDetection"],
        window=span(variable("queues.bicep", properties["duplicateDetectionHistoryTimeWindow"])),
        lock=span(variable("queues.bicep", properties["lockDuration"])),
        deliveries=variable("queues.bicep", properties["maxDeliveryCount"]),
        partitioned=properties["enablePartitioning"],
        dead_on_expiry=properties["deadLetteringOnMessageExpiration"],
        active=True,
    )


def test_every_queue_is_made_and_no_other():
    """The queues of the ports, by the names that the app is told."""
    assert set(MADE) == set(Queue)
    assert {SET[f"{queue.name}_QUEUE"] for queue in Queue} == set(MADE)
    assert all(f"{queue}_queue" in Settings.__dataclass_fields__ for queue in Queue)


@pytest.mark.parametrize("name", sorted(MADE))
def test_the_check_would_find_nothing_wrong_with_a_queue(name):
    """`lifecycle check` judges what Bicep makes, and has not one remark."""
    queue = Queue(name)
    notes = judge_queue(
        seen(name), sessions=queue in SESSIONS, consumed=queue not in _OUT, quarantine=queue is Queue.QUARANTINE
    )
    assert notes == ()


def test_a_time_to_live_is_not_set():
    """Nothing expires: what nobody took is there until somebody looks."""
    assert "defaultMessageTimeToLive" not in resource("queues.bicep", "queue")["properties"]
    assert seen("hr").window == WINDOW  # a longer one would swallow what is sent again on purpose


def test_sessions_are_where_the_trigger_has_them():
    """The bindings, the adapter and Bicep agree; a mismatch stops the queue."""
    sessions = {
        one["queueName"].strip("%"): one.get("isSessionsEnabled", False)
        for of_one in bindings().values()
        for one in of_one
        if "queueName" in one
    }
    assert len(sessions) == 5
    assert {SET[name]: expected for name, expected in sessions.items()} == {
        name: MADE[name]["sessions"] for name in {SET[name] for name in sessions}
    }
    assert {name for name, one in MADE.items() if one["sessions"]} == set(SESSIONS)


def test_a_lock_lasts_as_long_as_the_function_may():
    """The host renews it until the function has to be done; between renewals it is short, and Azure allows it."""
    assert span(BUS["maxAutoLockRenewalDuration"]) >= span(HOST["functionTimeout"])
    assert seen("work").lock <= LONGEST_LOCK
    assert span(BUS["sessionIdleTimeout"]) < seen("work").lock


def test_a_person_is_looked_at_by_one():
    """One call a session, and nothing is fetched ahead whose lock would run while it waits."""
    assert (BUS["maxConcurrentCallsPerSession"], BUS["prefetchCount"]) == (1, 0)
