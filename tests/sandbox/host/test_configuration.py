"""Settings, host.json and triggers: what the host resolves, and what it refuses with a reason."""

import os
from datetime import timedelta

import pytest

from sandbox.host import hostjson, settings, triggers
from sandbox.host.errors import HostError
from sandbox.host.worker import Function

SETTINGS = {"ServiceBus": "Endpoint=sb://localhost;", "WORK_QUEUE": "work", "WAKE_SCHEDULE": "0 */5 * * * *"}


def queue_function(**changes):
    binding = {
        "type": "serviceBusTrigger",
        "name": "message",
        "connection": "ServiceBus",
        "queueName": "%WORK_QUEUE%",
        "isSessionsEnabled": True,
        "cardinality": "ONE",
    }
    return Function("work", "1", ({**binding, **changes},))


def timer_function(schedule="%WAKE_SCHEDULE%"):
    return Function("wake", "2", ({"type": "timerTrigger", "name": "timer", "schedule": schedule},))


def test_settings_are_resolved_inside_text():
    """Every %NAME% in a binding is replaced by that app setting; other percent signs stay."""
    assert settings.resolve("a-%A%-%B% 5%", {"A": "1", "B": "2"}, where="here") == "a-1-2 5%"


@pytest.mark.parametrize("value", [{}, {"A": ""}])
def test_an_unset_setting_is_named(value):
    """A setting that is absent or empty is refused with its name and the place that uses it."""
    with pytest.raises(HostError, match=r"Function work: queue_name refers to the app setting A,"):
        settings.resolve("%A%", value, where="Function work: queue_name")


def test_triggers_are_read_with_their_settings():
    """A queue trigger has its real queue and connection string, a timer its schedule."""
    queue, timer = triggers.read([queue_function(), timer_function()], SETTINGS)

    assert queue == triggers.QueueTrigger("work", "message", "work", SETTINGS["ServiceBus"], sessions=True)
    assert timer.schedule.expression == "0 */5 * * * *"


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        (queue_function(queueName="%NOPE%"), "Function work: queue_name refers to the app setting NOPE"),
        (queue_function(connection="Other"), "Function work uses the connection Other"),
        (queue_function(cardinality="MANY"), "takes many messages a call"),
        (queue_function(autoCompleteMessages=False), "wants to settle messages itself"),
        (queue_function(type="httpTrigger"), "has a httpTrigger"),
        (timer_function("*/5 * * * *"), "Function wake: NCRONTAB .* needs six"),
        (Function("wake", "2", (timer_function().bindings[0], {"type": "queue"})), "input or output binding"),
    ],
)
def test_what_cannot_run_is_refused(function, complaint):
    """A function that this host could not serve stops the start, with its name and the reason."""
    with pytest.raises(HostError, match=complaint):
        triggers.read([function], SETTINGS)


def options(tmp_path, text, app_settings=None):
    (tmp_path / "host.json").write_text(text)
    return hostjson.read(tmp_path, app_settings or {})


def test_host_json_limits(tmp_path):
    """The limits in host.json are the ones the host keeps."""
    found = options(
        tmp_path,
        '{"version": "2.0", "extensions": {"serviceBus": {"maxConcurrentSessions": 16, "maxConcurrentCalls": 3,'
        ' "sessionIdleTimeout": "00:00:02", "maxAutoLockRenewalDuration": "1.00:30:00.5"}}}',
    )

    assert found == hostjson.HostOptions(
        sessions=16, calls=3, session_idle=timedelta(seconds=2), lock_renewal=timedelta(days=1, minutes=30, seconds=0.5)
    )


def test_host_json_defaults(tmp_path):
    """What host.json leaves out has the Service Bus extension's default."""
    found = options(tmp_path, '{"version": "2.0", "logging": {}, "extensionBundle": {"id": "x"}}')

    assert found == hostjson.HostOptions(
        sessions=8,
        calls=16 * os.process_cpu_count(),
        session_idle=timedelta(minutes=1),
        lock_renewal=timedelta(minutes=5),
    )


def test_settings_outrank_host_json(tmp_path):
    """A setting that spells a path into host.json replaces the value there."""
    prefix = "AzureFunctionsJobHost__extensions__serviceBus__"
    found = options(
        tmp_path,
        '{"version": "2.0", "extensions": {"serviceBus": {"maxConcurrentSessions": 16, "maxConcurrentCalls": 3}}}',
        {f"{prefix}maxConcurrentSessions": "2", f"{prefix}sessionIdleTimeout": "00:00:00.2", "other": "x"},
    )

    assert (found.sessions, found.calls, found.session_idle) == (2, 3, timedelta(seconds=0.2))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "not a host.json"),
        ("[]", "not a host.json"),
        ('{"version": "2.0", "extensions": null}', "Expected `object`, got `null`"),
        ("{}", "missing required field `version`"),
        ('{"version": "1.0"}', "needs '2.0'"),
        ('{"version": "2.0", "functionTimeout": "soon"}', "functionTimeout is 'soon'"),
        ('{"version": "2.0", "extensions": {"serviceBus": {"maxConcurentSessions": 1}}}', "maxConcurentSessions"),
        ('{"version": "2.0", "extensions": {"serviceBus": {"sessionHandlerOptions": {}}}}', "sessionHandlerOptions"),
        ('{"version": "2.0", "extensions": {"serviceBus": {"maxConcurrentSessions": 0}}}', "Expected `int` >= 1"),
        ('{"version": "2.0", "extensions": {"serviceBus": {"sessionIdleTimeout": "2s"}}}', "sessionIdleTimeout"),
        ('{"version": "2.0", "extensions": {"serviceBus": {"maxConcurrentCallsPerSession": 2}}}', "gives up the order"),
        ('{"version": "2.0", "extensions": {"serviceBus": {"autoCompleteMessages": false}}}', "settlement"),
    ],
)
def test_a_wrong_host_json_is_refused(tmp_path, text, complaint):
    """A host.json that is broken, or says what this host would not do, stops the start with the key at fault."""
    with pytest.raises(HostError, match=complaint):
        options(tmp_path, text)


def test_a_missing_host_json_is_refused(tmp_path):
    """A folder without host.json is no function app."""
    with pytest.raises(HostError, match="does not exist"):
        hostjson.read(tmp_path, {})
