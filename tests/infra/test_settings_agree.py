"""One source of truth for settings: lifecycle/settings.py, against infra, triggers, sample and docs."""

import json
import re
from dataclasses import fields

import pytest

from lifecycle.settings import Settings, from_environment
from tests.infra.templates import INFRA, ROOT, default, variable
from tests.infra.triggers import bindings

DECLARED = {one.metadata["name"]: one.metadata["default"] for one in fields(Settings)}
SET = variable("app.bicep", "settings")
LEFT_OUT = {
    "ServiceBus",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "GRAPH_URL",
    "GRAPH_TOKEN",
    "WEBSITE_AUTH_ENABLED",
    "LIFECYCLE_DASHBOARD_OPEN",
    "LIFECYCLE_CLOCK_FILE",
    "BAMBOOHR_URL",
    "BAMBOOHR_KEY",
    "BAMBOOHR_WEBHOOK_KEY",
    "BAMBOOHR_MAPPING",
}
PLATFORM = {
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__clientId",
    "ServiceBus__credential",
    "ServiceBus__clientId",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
    "PYTHON_ENABLE_OPENTELEMETRY",
}
OTHERWISE = {"LIFECYCLE_TELEMETRY"}  # in Azure telemetry goes to Azure, and says so when it cannot


def test_every_setting_is_set_in_azure_or_left_out_on_purpose():
    """No setting of ours is forgotten, none that is gone is still set, and the platform's own are known."""
    assert set(SET) & LEFT_OUT == set()
    assert set(SET) | LEFT_OUT == set(DECLARED) | PLATFORM


def test_what_is_left_out_may_be():
    """Each has a default, and the page says which they are."""
    assert [name for name in LEFT_OUT if DECLARED[name] is None] == []
    said = (ROOT / "docs/settings.md").read_text(encoding="utf-8").split("Left to their defaults there on purpose:")[1]
    assert set(re.findall(r"`([A-Z]\w+)`", said)) == LEFT_OUT


@pytest.mark.parametrize("name", sorted(name for name in set(SET) & set(DECLARED) if DECLARED[name]))
def test_a_value_in_azure_is_the_default(name):
    """Where the app has a default, infra sets that very value, or takes it from a parameter with it."""
    value = SET[name]
    if name in OTHERWISE:
        assert value != DECLARED[name]
    elif name == "LIFECYCLE_RETENTION":
        assert str(default("main.bicep", "retentionDays")) == DECLARED[name]
    elif name == "LIFECYCLE_PERMISSION":
        assert default("main.bicep", value) == DECLARED[name]
    else:
        assert value == DECLARED[name]


def test_the_app_would_start_with_them():
    """Read as the app reads them in Azure, they are all there and well-formed."""
    blobs, tables = "https://contoso.blob.core.windows.net/", "https://contoso.table.core.windows.net/"
    known = {
        "ServiceBus__fullyQualifiedNamespace": "contoso.servicebus.windows.net",
        "LIFECYCLE_RECORDS": f"{tables}records",
        "LIFECYCLE_SEALS": f"{blobs}seals",
        "LIFECYCLE_BODIES": f"{blobs}bodies",
        "LIFECYCLE_MODEL": "/home/site/wwwroot/model.yaml",
        "LIFECYCLE_RETENTION": str(default("main.bicep", "retentionDays")),
        "LIFECYCLE_PERMISSION": default("main.bicep", "permission"),
        "APPLICATIONINSIGHTS_CONNECTION_STRING": "IngestionEndpoint=https://contoso.example/",
        "AZURE_CLIENT_ID": "id",
    }
    written = {name: value for name, value in SET.items() if isinstance(value, str)}
    settings = from_environment(written | known | {"WEBSITE_INSTANCE_ID": "1", "WEBSITE_AUTH_ENABLED": "True"})
    assert settings.telemetry_to == "azure"
    for made in ("records", "seals", "bodies"):
        text = (INFRA / "storage.bicep").read_text(encoding="utf-8")
        assert re.search(
            rf"output {made} string = '\${{state\.properties\.primaryEndpoints\.\w+}}\${{{made}\.name}}'", text
        )


def test_every_setting_that_a_binding_names_is_set():
    """%SETTING% of the triggers: without it the host does not start the function."""
    named = set(re.findall(r"%(\w+)%", json.dumps(bindings())))
    assert len(named) >= 8
    assert named <= set(SET)
    assert named <= set(DECLARED)


def test_the_triggers_connect_by_identity():
    """The connection that they name has its namespace, credential and client id, and no connection string beside."""
    connections = {one["connection"] for of_one in bindings().values() for one in of_one if "queueName" in one}
    assert connections == {"ServiceBus"}
    assert {name for name in SET if name.startswith("ServiceBus")} == {
        "ServiceBus__fullyQualifiedNamespace",
        "ServiceBus__credential",
        "ServiceBus__clientId",
    }
    assert SET["ServiceBus__credential"] == SET["AzureWebJobsStorage__credential"] == "managedidentity"


def test_telemetry_is_set_up_once_and_by_us():
    """As docs/telemetry.md says: the worker hands over, and never sets the vendor's distribution up."""
    assert SET["PYTHON_ENABLE_OPENTELEMETRY"] == "true"
    assert "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY" not in SET
    assert SET["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"] == "ClientId=${clientId};Authorization=AAD"
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    assert host["telemetryMode"] == "OpenTelemetry"


def test_the_instances_that_wait_are_of_functions_that_exist():
    """`function:<name>` of always-ready instances."""
    named = re.search(r"map\(\[(.*?)\]", (INFRA / "app.bicep").read_text(encoding="utf-8"))[1]
    assert set(re.findall(r"'(\w+)'", named)) == {"hr", "work"} <= set(bindings())


def test_the_sample_has_the_settings_and_their_defaults():
    """local.settings.sample.json: no more, no fewer, and each default as it is."""
    sample = json.loads((ROOT / "local.settings.sample.json").read_text(encoding="utf-8"))["Values"]
    assert set(sample) == set(DECLARED) | {"FUNCTIONS_WORKER_RUNTIME"}
    assert {name: sample[name] for name, value in DECLARED.items() if value is not None} == {
        name: value for name, value in DECLARED.items() if value is not None
    }


def test_the_page_has_the_settings_and_their_defaults():
    """docs/settings.md: a row each, with the default that the code has."""
    page = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", page, re.MULTILINE))
    said = {None: "required", "": "empty"}
    assert rows == {name: said.get(value, f"`{value}`") for name, value in DECLARED.items()}
